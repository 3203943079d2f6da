"""All files of the reference, by their path below `static/reference`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from generating.recording import Example
from generating.site import map as life_cycle
from generating.site.document import CAPABILITIES, HOST, Document
from generating.site.fields import Field, members
from generating.site.text import Guide, Link, inline, plain, slug
from generating.site.views import View
from waypost.domain.catalogue import CATALOGUE
from waypost.domain.failures import REGISTRY
from waypost.domain.statuses import STATUSES
from waypost.settings import SETTINGS
from waypost.wire.codes import FIELDS, PROBLEMS
from waypost.wire.problems import TITLES

KEPT = 40  # characters
# Words that readers type, and the texts do not have.
ALSO = {
    "X-API-TOKEN": "authentication api key bearer oauth login get a token", "list_fulfillment_requests": "pagination paging page poll",
    "fail_fulfillment_request": "decline reject refuse out of stock cannot ship failure", "create_shipment": "send add tracking ship dispatch parcel mark as shipped",
    "list_events": "hear changes notify poll follow audit", "create_webhook_configuration": "notify callback subscribe hear changes",
    "rotate_webhook_secret": "signature", "too_many_requests": "rate limit throttle", "wrong_token_type": "403 forbidden permission",
    "unauthorized": "403 login authentication api key", "update_inventory_variants": "stock level inventory sync oversell", "list_attention": "todo problems stuck",
    "process_fulfillment_request": "retry again resend release process", "set_order_status": "hold cancel order",
}  # fmt: skip
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

# Guides in the order of the side bar: file, and the words there.
GUIDES = (
    ("lifecycle", "Every status of a request, and every action that leads from one to another."),
    ("delivery", "How requests reach their source, and what happens when they do not."),
    ("events-and-webhooks", "Follow every change: the change feed, webhooks, signatures and retries."),
    ("routing", "Which source gets which items, how requests are numbered, and what holds an order."),
    ("order-lifecycle", "The statuses of an order, and what leads from one to another."),
    ("catalog", "Sources, channels, inventory and shipping: what each setting does."),
    ("importing", "Orders and inventory as CSV or JSON Lines."),
    ("operations", "Databases, tokens, backups, limits, and a proxy before the hub."),
    ("architecture", "How the hub is built, for those who change it."),
)  # fmt: skip
TABLES = ("reference/settings", "reference/commands", "reference/events", "reference/import-columns", "reference/contract-coverage")
SOURCES = (*(name for name, _ in GUIDES), *TABLES)
# What the pages of docs/reference/ are called here, where they are not guides.
_ELSEWHERE = {"reference/errors": "../errors", "reference/failure-codes": "../errors#failure-codes"}
STATUS_GROUPS = ((400,), (401,), (404, 405), (408,), (409, 412, 422), (413, 414, 415, 431), (429,), (500, 501, 503))


def _guide_name(source: str) -> str:
    return source.removeprefix("reference/")


def _guide_link(source: str) -> Link:
    """Links of docs/*.md as links between pages; those into the source tree lead nowhere."""
    folder = "reference/" if source.startswith("reference/") else ""
    def link(target: str) -> str | None:
        if target.startswith(("#", "https://www.rfc-editor.org/")):
            return target
        name, _, anchor = target.partition("#")
        path = re.sub(r"^(\.\./)+", "", name) if name.startswith("../") else f"{folder}{name}"
        path = path.removesuffix(".md")
        if path in _ELSEWHERE:
            return _ELSEWHERE[path]
        if path in SOURCES:
            return _guide_name(path) + (f"#{anchor}" if anchor else "")
        return None

    return link


class Site:
    """Makes every page."""

    def __init__(
        self, raw: dict[str, Any], examples: Mapping[str, Example], replies: Mapping[str, Any], docs: Mapping[str, str]
    ) -> None:  # fmt: skip
        self.document = Document(raw)
        self.views = {
            id_: View(self.document, operation, examples[id_], replies[id_])
            for id_, operation in self.document.operations.items()
        }
        self._docs = docs
        self.guides = {source: Guide(docs[source], _guide_link(source)) for source in SOURCES}
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
            undefined=StrictUndefined, keep_trailing_newline=True,
        )  # fmt: skip
        self._environment.globals.update(
            host=HOST, capabilities=self.chapters(), guides=[(name, self.guides[name].title) for name, _ in GUIDES],
            tables=[(_guide_name(name), self.guides[name].title) for name in TABLES], version=raw["info"]["version"],
            failure_anchor=failure_anchor,
        )  # fmt: skip
        self._environment.globals["chapter_of"] = lambda view: [self.views[one.id] for one in self.document.of(view.capability)]
        self._environment.filters["lead"] = lead
        self._environment.globals["shapes"] = set(self.shapes())
        self._plain = self._environment.overlay(autoescape=False)

    def chapters(self) -> list[tuple[Any, list[View]]]:
        """Capabilities with their operations."""
        return [(chapter, [self.views[one.id] for one in self.document.of(chapter)]) for chapter in CAPABILITIES]

    def _page(self, template: str, depth: int, here: str, **values: Any) -> str:
        """`depth`: how many folders below the root of the hub the page stands."""
        root, docs = "../" * depth, ("docs/", "", "../")[depth]
        return self._environment.get_template(template).render(root=root, docs=docs, here=here, **values)

    def files(self) -> Iterator[tuple[str, str]]:
        """Path and content of every generated file."""
        for view in self.views.values():
            yield f"operations/{view.id}.html", self._page("operation.html", 2, view.id, op=view)
            yield f"operations/{view.id}.md", self.markdown(view)
        for source, guide in self.guides.items():
            name = _guide_name(source)
            body = guide.html
            if source == "lifecycle":
                body = type(body)(re.sub(r'<p><img src="lifecycle.svg"[^>]*></p>', life_cycle.drawing(), body))
            yield f"guides/{name}.html", self._page("guide.html", 2, f"guides/{name}", guide=guide, body=body)
            yield f"guides/{name}.md", self._guide_markdown(source, "")
        yield "index.html", self._page("overview.html", 1, "overview", map=life_cycle.drawing(), guide_pages=self.guide_cards())
        yield "errors.html", self._page("errors.html", 1, "errors", groups=self.error_groups(), fields=[self._code(one) for one in FIELDS],
                                        failures=REGISTRY)  # fmt: skip
        yield "errors.md", self._docs["reference/errors"] + "\n" + self._docs["reference/failure-codes"]
        for name, fields in self.shapes().items():
            yield f"shapes/{name}.html", self._page("shape.html", 2, f"shapes/{name}", name=name, fields=fields, users=self._users(name),
                                                    says=inline(self._schema(name).get("description", "")))  # fmt: skip
        yield "search.html", self._page("search.html", 1, "search")
        yield "home.html", self._page("home.html", 0, "home")
        yield "search.json", json.dumps(list(self.index()), ensure_ascii=False, separators=(",", ":")) + "\n"
        yield "llms.txt", self._plain.get_template("llms.txt").render()
        yield "search-guides.json", json.dumps(list(self.guide_words()), ensure_ascii=False, separators=(",", ":")) + "\n"
        yield "llms-full.txt", self.whole()

    def _schema(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.raw["components"]["schemas"][name]
        return found

    def shapes(self) -> dict[str, list[Field]]:
        """The fields of everything with a name that replies consist of."""
        names = sorted({name for view in self.views.values() for one in view.successes for name in one.shapes})
        found = {name: list(members(self.document.resolve, self._schema(name), "")) for name in names}
        return {name: fields for name, fields in found.items() if fields}

    def _users(self, name: str) -> list[View]:
        """The operations whose replies consist of this."""
        return [view for view in self.views.values() if any(name in one.shapes for one in view.successes)]

    def guide_cards(self) -> list[tuple[str, str, str]]:
        """Name, title and a sentence of each guide."""
        return [(name, self.guides[name].title, says) for name, says in GUIDES]

    @staticmethod
    def _code(one: Any) -> dict[str, Any]:
        return {"code": one.code, "cause": inline(one.cause), "remedy": inline(one.remedy), "status": getattr(one, "status", 400)}

    def error_groups(self) -> list[dict[str, Any]]:
        """Problem codes by status, as the page of errors has them."""
        return [
            {
                "id": f"s{group[0]}", "statuses": ", ".join(map(str, group)),
                "title": ", ".join(f"{status} {TITLES[status]}" for status in group),
                "codes": [self._code(one) for one in PROBLEMS if one.status in group],
            }
            for group in STATUS_GROUPS
        ]  # fmt: skip

    def markdown(self, view: View) -> str:
        """The page of an operation as Markdown."""
        view.is_cut = False
        text = self._plain.get_template("operation.md").render(op=view, docs="../")
        view.is_cut = True
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def whole(self) -> str:
        """Everything as one text."""
        parts = [_from_root(self.markdown(view)) for view in self.views.values()]
        parts += [self._guide_markdown(source, "docs/guides/") for source in (*SOURCES, *_ELSEWHERE)]
        return self._plain.get_template("llms.txt").render() + "\n\n" + "\n\n---\n\n".join(part.strip() for part in parts) + "\n"

    def _guide_markdown(self, source: str, folder: str) -> str:
        """A page of docs/ with its links as the hub serves the pages, `folder` before them; links into the source tree become text."""
        link = _guide_link(source)

        def relinked(found: re.Match[str]) -> str:
            target = link(found[2])
            if target is None:
                return found[1]
            name, _, anchor = target.partition("#")
            path = f"docs/{name[3:]}" if folder and name.startswith("../") else f"{folder}{name}" if name and "://" not in name else name
            path += ".md" if path and "://" not in path else ""
            return f"[{found[1]}]({path}{'#' + anchor if anchor else ''})"

        text = re.sub(r"!\[[^\]]*\]\([^)]*\)\n*", "", self._docs[source])
        return re.sub(r"\[([^\]]*)\]\(([^)\s]+)\)", relinked, text)

    def guide_words(self) -> Iterator[tuple[str, str, str]]:
        """Title, link from /docs/, and all words of each section of the guides: fetched when the index finds little."""
        for source, guide in self.guides.items():
            sections = re.split(r"^## ", self._docs[source], flags=re.MULTILINE)
            for text in sections:
                heading = re.sub(r"[`*]", "", text.split("\n")[0]) if text is not sections[0] else guide.title
                anchor = "" if text is sections[0] else f"#{slug(heading)}"
                words = sorted(set(re.findall(r"[\w-]{3,}", plain(text).lower())))
                yield heading, f"guides/{_guide_name(source)}{anchor}", " ".join(words)

    def index(self) -> Iterator[tuple[str, ...]]:
        """Kind, title, link from /docs/, a text that is shown, and words that are not, of everything that can be found."""
        for view in self.views.values():
            names = " ".join(filter(None, (view.id, view.original, *(word for alias in view.aliases for word in alias), ALSO.get(view.id))))
            says = first_sentence(view.operation.use_when.removeprefix("Use this when "))
            of_kind = "deprecated call" if view.deprecated else "operation"
            yield of_kind, view.title, f"operations/{view.id}", f"{view.method} {view.path}: {cut(says)}", names
        yield "field", "X-API-TOKEN", "operations/list_fulfillment_requests#headers", "The token, a header of every call.", ALSO["X-API-TOKEN"]
        yield from self._fields()
        for one in PROBLEMS:
            yield "code", one.code, f"errors#{one.code}", f"{one.status} {plain(one.cause)}", ALSO.get(one.code, "")
        for field in FIELDS:
            yield "field code", field.code, f"errors#{field.code}", cut(plain(field.cause))
        for failure in REGISTRY:
            yield "failure code", failure.code, f"errors#{failure_anchor(failure.code)}", f"{failure.title}. {failure.hint}"
        for event, kind in CATALOGUE.items():
            yield "event", event, "guides/events", cut(kind.says)
        for setting in SETTINGS:
            yield "setting", setting.option, "guides/settings", f"{setting.variable} {setting.help}"
        for status in STATUSES.values():
            yield "status", status.name, "guides/lifecycle", status.meaning
        for source, guide in self.guides.items():
            yield "guide", guide.title, f"guides/{_guide_name(source)}", dict(GUIDES).get(source, cut(plain(guide.lead)))
            for anchor, heading in guide.headings:
                yield "guide", heading, f"guides/{_guide_name(source)}#{anchor}", guide.title

    def _fields(self) -> Iterator[tuple[str, str, str, str]]:
        """Each name once: a field of many calls leads to the first."""
        known: set[str] = set()
        for place in ("path", "query", "header", "body"):
            for view in self.views.values():
                if view.deprecated:
                    continue
                for field in view.body_fields if place == "body" else view.fields_of(place):
                    name = field.name.rsplit(".", 1)[-1].removesuffix("[]")
                    if name not in known:
                        known.add(name)
                        yield "field", name, f"operations/{view.id}#f-{place}-{field.name}", view.title
        for shape, fields in self.shapes().items():
            for field in fields:
                name = field.name.rsplit(".", 1)[-1].removesuffix("[]")
                if name not in known:
                    known.add(name)
                    yield "field", name, f"shapes/{shape}#f-body-{field.name}", shape


def _from_root(markdown: str) -> str:
    """The Markdown page of an operation with its links as they are seen from the root of the hub."""
    markdown = re.sub(r"\]\((\w+\.md)\)", r"](docs/operations/\1)", markdown)
    return re.sub(r"\]\(\.\./(\w)", r"](docs/\1", markdown)


def failure_anchor(code: str) -> str:
    """The anchor of a failure code: its name, where no other code has it."""
    taken = {one.code for one in PROBLEMS} | {one.code for one in FIELDS}
    return f"failure-{code}" if code in taken else code


def lead(html: Markup) -> Markup:
    """With its "Use this when" strong, as it begins."""
    beginning = "Use this when"
    return Markup(f"<strong>{beginning}</strong>{html.removeprefix(beginning)}" if html.startswith(beginning) else html)


def cut(text: str) -> str:
    """At most as much as the index of the search keeps of a text; it is fetched whole."""
    return text if len(text) <= KEPT else f"{text[:KEPT].rsplit(' ', 1)[0]} …"


def first_sentence(text: str) -> str:
    """Up to the first full stop."""
    return re.split(r"(?<=[.:])\s", plain(text))[0].rstrip(":")


def site(
    raw: dict[str, Any], examples: Mapping[str, Example], replies: Mapping[str, Any], docs: Mapping[str, str]
) -> dict[str, str]:  # fmt: skip
    """Every file of the reference by its path; raises `ValueError` for a link that leads nowhere.

    `raw`: the document without what is not served. `docs`: texts of `docs/`, by path without their ending.
    """
    return dict(Site(raw, examples, replies, docs).files())
