"""What a template is given for one operation."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from generating import layout
from generating.recording import Example
from generating.site import offers, refusing, samples
from generating.site.codes import CODES, codes_of
from generating.site.document import HOST, Document, Operation, Response, published
from generating.site.fields import Field
from generating.site.text import blocks, breakable, code, inline
from waypost.domain.catalogue import CATALOGUE

THEN_AT_MOST = 4
REPLY_AT_MOST = 4000  # characters of an example reply; a longer one is cut, and says so
LANGUAGES = (("curl", "curl"), ("py", "Python"), ("js", "JavaScript"))

_REFUSED_AS = {
    400: "The input is wrong",
    401: "No good token",
    404: "No such thing, or outside the token’s scope",
    405: "Wrong method",
    409: "A call with this key is running",
    412: "It has changed since you read it",
    422: "The idempotency key was used for another call",
    429: "Too many calls",
}
_GROUPED = ((408, 413, 414, 415, 431), (500, 501, 503))
_GROUP_SAYS = ("The request is too long, too slow, or not JSON", "The hub could not do it")


class Sample(NamedTuple):
    """An example in one language."""

    key: str
    language: str
    html: Markup
    text: str


class Refusal(NamedTuple):
    """One code of a refusal, with its example as JSON text."""

    code: str
    cause: Markup
    remedy: Markup
    example: str


class Refusals(NamedTuple):
    """Refusals of one status, or of several."""

    statuses: str
    says: str
    codes: tuple[Refusal, ...]
    headers: tuple[tuple[str, str], ...]


class Success(NamedTuple):
    """A reply that is no refusal. `shapes`: names of the schemas in it that have a page."""

    status: str
    says: Markup
    example: str
    headers: tuple[tuple[str, Markup], ...]
    shapes: tuple[str, ...]


class Next(NamedTuple):
    """An operation that one calls next."""

    id: str
    method: str
    title: str
    why: str
    changes: bool


class View:
    """One operation, as its page shows it. Templates read these attributes."""

    def __init__(self, document: Document, operation: Operation, example: Example, reply: Mapping[str, Any]) -> None:
        self.is_cut = True  # long replies are, on a page; not in Markdown
        self.operation = operation
        self.document = document
        self.example = example
        self.reply = reply
        self.id = operation.id
        self.title = operation.title
        self.method = operation.method
        self.path = operation.path
        self.path_html = breakable(operation.path)
        self.changes = operation.changes
        self.tokens = operation.tokens
        self.is_open = operation.is_open
        self.deprecated = operation.deprecated
        self.native = operation.native
        self.evidence = operation.evidence
        self.original = operation.original
        self.capability = operation.capability
        self.use_when = inline(operation.use_when, self.link)
        self.more = blocks(operation.more, self.link) if operation.more else ""
        self.has_dry_run = operation.takes("dryRun")
        self.takes_key = operation.takes("Idempotency-Key")
        self.takes_if_match = operation.takes("If-Match")
        self.facts = refusing.facts(operation.action) if operation.action else None
        self.events = [(one, inline(CATALOGUE[one].says)) for one in operation.events]
        self.aliases = list(operation.aliases.items())

    def in_markdown(self, text: str) -> str:
        """A description with its links to Markdown pages."""
        text = re.sub(r"\]\(([a-z_]+)\)", lambda link: f"]({link[1]}.md)" if link[1] in self.document.operations else link[0], text)
        text = re.sub(r"\]\(guides/([a-z-]+)(#[^)]*)?\)", r"](../guides/\1.md\2)", text)
        return re.sub(r"\]\(errors#", "](../errors.md#", text)

    def link(self, target: str) -> str | None:
        """A link within a description: another operation's page, or an RFC."""
        if target in self.document.operations:
            return target
        if target.startswith("https://www.rfc-editor.org/"):
            return target
        if target.startswith(("errors#", "guides/")):
            return f"../{target}"
        raise ValueError(f"{self.id} links to {target}, which is nowhere")

    def text_of(self, text: str) -> Markup:
        """A description as HTML."""
        return inline(text, self.link)

    @property
    def again(self) -> str:
        """What a second call does: as the contract, the table or the recorded second call says."""
        again = self.reply.get("again")
        if "x-repeat" in self.operation.raw:
            return str(self.operation.raw["x-repeat"])
        if self.facts:
            return self.facts.again
        if not self.changes:
            return "A read changes nothing: repeat it as often as you like."
        if again and again["code"]:
            return f"A second call is refused with {again['second']} {again['code']}."
        if again and again["first"] == 201:
            return "A second call makes another one." if again["second"] == 201 else "A second call makes nothing new: it returns what is there."
        return "A second call is carried out again." if self.method == "POST" else "A second call sets the same values again."

    @property
    def subscriptions(self) -> list[str]:
        """What a webhook subscribes to for all of its events, beside their types."""
        return [*dict.fromkeys(f"{type_.split('.')[0]}.*" for type_, _ in self.events), "*"]

    @property
    def needs(self) -> list[tuple[str, str]]:
        """Id and title of the operations whose examples come first."""
        return [(id_, self.document.operations[id_].title) for id_ in self.example.after]

    @property
    def twin(self) -> "Operation | None":
        """The operation of the older names that does the same, or that this one replaces."""
        words = {"/fulfillment-requests": "/purchase-orders", "/purchase-orders": "/fulfillment-requests"}
        for own, other in words.items():
            if self.path.startswith(own):
                wanted = self.path.replace(own, other, 1).replace("{fulfillmentRequestId}", "{}").replace("{purchaseOrderId}", "{}")
                for one in self.document.operations.values():
                    if one.method == self.method and one.path.replace("{fulfillmentRequestId}", "{}").replace("{purchaseOrderId}", "{}") == wanted:
                        return one
        return None

    def fields_of(self, place: str) -> list[Field]:
        """Its parameters of a place."""
        values = dict(self.example.query)
        values |= self.path_values if place == "path" else {}
        found = self.operation.fields(place, values)
        return sorted(found, key=lambda one: (not one.required, one.name == "dryRun"))

    @property
    def path_values(self) -> dict[str, str]:
        """The ids of the example."""
        names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
        parts = [one for part, one in zip(self.path.split("/"), self.example.path.split("/"), strict=True) if part.startswith("{")]
        return dict(zip(names, parts, strict=True))

    @property
    def fields(self) -> list[Field]:
        """Path and query, for the tester."""
        return [*self.fields_of("path"), *(one for one in self.fields_of("query") if one.name != "dryRun")]

    @property
    def body_fields(self) -> list[Field]:
        """The members of its body."""
        return self.operation.body_fields()

    @property
    def body(self) -> str:
        """The example's body as JSON."""
        return "" if self.example.body is None else json.dumps(self.example.body, ensure_ascii=False, indent=2)

    @property
    def samples(self) -> list[Sample]:
        """The example in every language."""
        made = {"curl": samples.curl, "py": samples.python, "js": samples.javascript}
        texts = {key: make(self.operation, self.example) for key, make in made.items()}
        return [Sample(key, name, code(texts[key]), samples.plain(texts[key])) for key, name in LANGUAGES]

    @property
    def successes(self) -> list[Success]:
        """Declared replies of success; the example's own with what came back."""
        return [self._success(one) for one in self.operation.responses if one.status[0] in "23"]

    def _success(self, response: Response) -> Success:
        headers = tuple((name, inline(says)) for name, says in response.headers)
        example = ""
        if int(response.status) == self.reply["status"]:
            lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {value}" for name, value in self.reply["headers"].items())]
            body = self.reply["body"]
            example = "\n".join(lines)
            if body is not None:
                text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)
                example += "\n\n" + (_cut(text) if self.is_cut else text)
        elif response.schema == {"$ref": "#/components/schemas/DryRunResult"} and "dry" in self.reply:
            example = json.dumps(self.reply["dry"], ensure_ascii=False, indent=2)
        return Success(response.status, inline(response.description, self.link), example, headers, shapes_of(response.schema))

    @property
    def own_refusals(self) -> list[Refusals]:
        """Refusals but those that any call may get."""
        return self._grouped([name for name in self.codes if name not in self.document.other_refusals])

    @property
    def refusal_groups(self) -> list[Refusals]:
        """Every refusal, by status."""
        return self._grouped(self.codes)

    def _grouped(self, names: list[str]) -> list[Refusals]:
        by_status: dict[int, list[str]] = {}
        for name in names:
            by_status.setdefault(CODES[name].status, []).append(name)
        grouped = {status for group in _GROUPED for status in group}
        found = []
        for status in sorted(status for status in by_status if status not in grouped):
            says = _REFUSED_AS[status]
            if "not_allowed_from_status" in by_status[status]:
                says = "The status or the input does not allow it"
            if "already_exists" in by_status[status]:
                says = "It exists already, or a call with this key is running"
            found.append(Refusals(str(status), says, tuple(map(self._refusal, by_status[status])), self._headers_of(status)))
        for group, says in zip(_GROUPED, _GROUP_SAYS, strict=True):
            present = [status for status in group if status in by_status]
            codes = tuple(self._refusal(name) for status in present for name in by_status[status])
            if present:
                says = says if self.operation.body_schema is not None or 500 in group else "The request is too long"
                headers = tuple(dict.fromkeys(one for status in present for one in self._headers_of(status)))
                found.append(Refusals(", ".join(map(str, present)), says, codes, headers))
        return found

    def _headers_of(self, status: int) -> tuple[tuple[str, str], ...]:
        """Headers of a refusal beside those of every reply, with what they say."""
        declared = self.document.raw["components"]["responses"]["Other"]["headers"]
        name = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
        return ((name, self.document.resolve(declared[name])["description"]),) if name else ()

    @property
    def codes(self) -> list[str]:
        """Every code that a refusal of this operation may carry, in the registry's order."""
        return codes_of(self.operation)

    def _refusal(self, name: str) -> Refusal:
        known = CODES[name]
        recorded = self.reply.get("refusals", {}).get(name)
        example = recorded or {**self.document.problems.get(name, {}), "instance": self.example.path}
        text = json.dumps(example, ensure_ascii=False, indent=2) if len(example) > 1 else ""
        return Refusal(name, inline(known.cause), inline(known.remedy), text)

    @property
    def fragment(self) -> str:
        """The operation as it stands in the document."""
        return layout.document({self.method.lower(): published(self.operation.raw, self.example.body)}).rstrip()

    @property
    def next(self) -> list[Next]:
        """What to call next."""
        others = self.document.operations
        return [Next(id_, others[id_].method, others[id_].title, why, others[id_].changes) for id_, why in self.operation.next.items()]

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Anchors and words of the page's sections."""
        found = [("happens", "What happens"), ("parameters", "Parameters"), ("headers", "Headers")]
        if self.facts and self.facts.refused:
            found.append(("refused", "Refused? Then …"))
        found += [("responses", "Responses"), ("fragment", "OpenAPI fragment")]
        return [*found, ("next", "What to call next")] if self.operation.next else found

    @property
    def offer(self) -> offers.Offer | None:
        """Where the tester finds ids."""
        # A reroute voids the request first: what can be voided can be rerouted.
        facts = refusing.facts("void") if self.id == "reroute_fulfillment_request" else self.facts
        return offers.offer(self.path, facts, self.example.body if isinstance(self.example.body, dict) else ())

    @property
    def to(self) -> str:
        """The status in which a success leaves the request, where that is one."""
        return self.facts.to[0].name if self.facts and len(self.facts.to) == 1 and not self.facts.stays else ""

    @property
    def then(self) -> list[tuple[str, str, str]]:
        """Title, operation and link of what the tester offers after a success; an empty link carries the id over."""
        found = []
        for one in self.next[:THEN_AT_MOST]:
            other = self.document.operations[one.id]
            if one.id in ("list_fulfillment_request_events", "list_order_events"):
                continue  # the tester shows the timeline itself
            carries = "{" in other.path and offers.label(other.path) == offers.label(self.path)
            found.append((one.title, one.id, "" if carries else one.id))
        return found[:2]

    @property
    def timeline(self) -> str:
        """The path of the timeline of what the call changes."""
        if "{fulfillmentRequestId}" in self.path or "{purchaseOrderId}" in self.path:
            return "/fulfillment-requests/{id}/events"
        return "/orders/{id}/events" if self.path.startswith("/orders/{") else ""

    @property
    def actions(self) -> dict[str, str]:
        """The operation of each action that a refusal may name."""
        return {str(action): id_ for action, id_ in refusing.OPERATIONS.items()}

    @property
    def host(self) -> str:
        """The host of the examples; the hub puts its own in its place."""
        return HOST


def _cut(text: str) -> str:
    if len(text) <= REPLY_AT_MOST:
        return text
    kept = text[:REPLY_AT_MOST].rsplit("\n", 1)[0]
    return f"{kept}\n… {text.count(chr(10)) - kept.count(chr(10))} more lines"


def shapes_of(schema: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The schemas with a name that a reply consists of."""
    if schema is None:
        return ()
    if "$ref" in schema:
        return (schema["$ref"].rsplit("/", 1)[-1],)
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *([schema["items"]] if "items" in schema else [])]
    return tuple(dict.fromkeys(name for part in parts for name in shapes_of(part)))
