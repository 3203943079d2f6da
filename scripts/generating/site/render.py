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
from generating.site.fields import Field
from generating.site.text import Guide, Link, inline, plain
from generating.site.views import View
from waypost.domain.catalogue import CATALOGUE
from waypost.domain.failures import REGISTRY
from waypost.domain.statuses import STATUSES
from waypost.settings import SETTINGS
from waypost.wire.codes import FIELDS, PROBLEMS
from waypost.wire.problems import TITLES

KEPT = 48  # characters
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

# Guides in the order of the side bar: file, and the words there.
GUIDES = (
    ("lifecycle", "The life cycle"), ("delivery", "Handing over"), ("events-and-webhooks", "Events and webhooks"),
    ("routing", "From orders to requests"), ("order-lifecycle", "The life cycle of an order"),
    ("catalog", "Sources, channels, inventory"), ("importing", "Importing and exporting"), ("operations", "Running it"),
    ("architecture", "How it is built"),
)  # fmt: skip
TABLES = (
    ("reference/settings", "Settings"), ("reference/commands", "Commands"), ("reference/events", "Event types"),
    ("reference/import-columns", "Columns of files"), ("reference/contract-coverage", "Calls that are served"),
)  # fmt: skip
# What the pages of docs/reference/ are called here, where they are not guides.
_ELSEWHERE = {"reference/errors": "../errors", "reference/failure-codes": "../errors#failure-codes"}
STATUS_GROUPS = ((400,), (401,), (404, 405), (408,), (409, 412, 422), (413, 414, 415, 431), (429,), (500, 501, 503))


def _guide_name(source: str) -> str:
    return source.removeprefix("reference/")


def _guide_link(source: str) -> Link:
    """Links of docs/*.md as links between pages; those into the source tree lead nowhere."""
    folder = "reference/" if source.startswith("reference/") else ""
    known = {name for name, _ in (*GUIDES, *TABLES)}

    def link(target: str) -> str | None:
        if target.startswith(("#", "https://www.rfc-editor.org/")):
            return target
        name, _, anchor = target.partition("#")
        path = re.sub(r"^(\.\./)+", "", name) if name.startswith("../") else f"{folder}{name}"
        path = path.removesuffix(".md")
        if path in _ELSEWHERE:
            return _ELSEWHERE[path]
        if path in known:
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
        self.guides = {source: Guide(docs[source], _guide_link(source)) for source, _ in (*GUIDES, *TABLES)}
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
            undefined=StrictUndefined, keep_trailing_newline=True,
        )  # fmt: skip
        self._environment.globals.update(
            host=HOST, capabilities=self.chapters(), guides=[(_guide_name(name), title) for name, title in GUIDES],
            tables=[(_guide_name(name), title) for name, title in TABLES], version=raw["info"]["version"],
            code_title={one.code: one for one in PROBLEMS},
        )  # fmt: skip
        self._environment.globals["chapter_of"] = lambda view: [self.views[one.id] for one in self.document.of(view.capability)]
        self._environment.filters["lead"] = lead
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
        for (source, _), guide in zip((*GUIDES, *TABLES), self.guides.values(), strict=True):
            name = _guide_name(source)
            body = guide.html
            if source == "lifecycle":
                body = type(body)(re.sub(r'<p><img src="lifecycle.svg"[^>]*></p>', life_cycle.drawing(), body))
            yield f"guides/{name}.html", self._page("guide.html", 2, f"guides/{name}", guide=guide, body=body)
            yield f"guides/{name}.md", self._docs[source]
        yield "index.html", self._page("overview.html", 1, "overview", map=life_cycle.drawing(), guide_pages=self.guide_cards())
        yield "errors.html", self._page("errors.html", 1, "errors", groups=self.error_groups(), fields=[self._code(one) for one in FIELDS],
                                        failures=REGISTRY)  # fmt: skip
        yield "search.html", self._page("search.html", 1, "search")
        yield "home.html", self._page("home.html", 0, "home")
        yield "search.json", json.dumps(list(self.index()), ensure_ascii=False, separators=(",", ":")) + "\n"
        yield "llms.txt", self._plain.get_template("llms.txt").render()
        yield "llms-full.txt", self.whole()

    def guide_cards(self) -> list[tuple[str, str, str]]:
        """Name, title and lead of each guide."""
        return [(_guide_name(source), title, first_sentence(self.guides[source].lead)) for source, title in GUIDES]

    @staticmethod
    def _code(one: Any) -> dict[str, Any]:
        return {"code": one.code, "cause": inline(one.cause), "remedy": inline(one.remedy), "status": getattr(one, "status", 400)}

    def error_groups(self) -> list[dict[str, Any]]:
        """Problem codes by status, as the page of errors has them."""
        return [
            {
                "id": f"s{group[0]}", "statuses": ", ".join(map(str, group)), "title": TITLES[group[0]],
                "codes": [self._code(one) for one in PROBLEMS if one.status in group],
            }
            for group in STATUS_GROUPS
        ]  # fmt: skip

    def markdown(self, view: View) -> str:
        """The page of an operation as Markdown."""
        text = self._plain.get_template("operation.md").render(op=view, docs="../")
        return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"

    def whole(self) -> str:
        """Everything as one text."""
        parts = [self.markdown(view) for view in self.views.values()]
        parts += [self._docs[source] for source, _ in (*GUIDES, *TABLES, ("reference/errors", ""), ("reference/failure-codes", ""))]
        return self._plain.get_template("llms.txt").render() + "\n\n" + "\n\n---\n\n".join(part.strip() for part in parts) + "\n"

    def index(self) -> Iterator[tuple[str, str, str, str]]:
        """Kind, title, link from /docs/, and further words of everything that can be found."""
        for view in self.views.values():
            names = (view.original, *(word for alias in view.aliases for word in alias))
            says = first_sentence(view.operation.use_when.removeprefix("Use this when "))
            more = " ".join(filter(None, (f"{view.method} {view.path}", view.id, *names, cut(says))))
            yield "operation", view.title, f"operations/{view.id}", more
        yield from self._fields()
        for one in PROBLEMS:
            yield "code", one.code, f"errors#{one.code}", f"{one.status} {plain(one.cause)}"
        for field in FIELDS:
            yield "field code", field.code, f"errors#{field.code}", cut(plain(field.cause))
        for failure in REGISTRY:
            yield "failure code", failure.code, f"errors#failure-{failure.code}", f"{failure.title}. {failure.hint}"
        for event, kind in CATALOGUE.items():
            yield "event", event, "guides/events", kind.says
        for setting in SETTINGS:
            yield "setting", setting.option, "guides/settings", f"{setting.variable} {setting.help}"
        for status in STATUSES.values():
            yield "status", status.name, "guides/lifecycle", status.meaning
        for source, title in (*GUIDES, *TABLES):
            guide = self.guides[source]
            yield "guide", title, f"guides/{_guide_name(source)}", cut(plain(guide.lead))
            for anchor, heading in guide.headings:
                yield "guide", heading, f"guides/{_guide_name(source)}#{anchor}", title

    def _fields(self) -> Iterator[tuple[str, str, str, str]]:
        """Each name once: a field of many calls leads to the first."""
        known: set[str] = set()
        for view in self.views.values():
            fields: list[Field] = [*view.fields_of("path"), *view.fields_of("query"), *view.fields_of("header"), *view.body_fields]
            for field in fields:
                name = field.name.rsplit(".", 1)[-1].removesuffix("[]")
                if name in known:
                    continue
                known.add(name)
                yield "field", name, f"operations/{view.id}#f-{field.place}-{field.name}", cut(f"{view.title}: {first_sentence(field.description)}")


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
