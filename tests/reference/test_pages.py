"""The pages as they ship, held against the contract, the life-cycle table, the registries and each other."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import yaml

from tests.support.contract import CONTRACT
from tests.support.generator import ROOT, codes, document, recording, refusing, render, samples, text, views
from waypost.domain.catalogue import CATALOGUE
from waypost.domain.failures import REGISTRY
from waypost.domain.lifecycle import ALLOWED_ACTIONS, TABLE, Action
from waypost.domain.statuses import STATUSES
from waypost.settings import SETTINGS
from waypost.wire.codes import FIELDS, PROBLEMS

FOLDER = ROOT / "src" / "waypost" / "http" / "static" / "reference"
SERVED = sorted(set(CONTRACT.operations) - CONTRACT.not_yet - CONTRACT.aliases)
DOCUMENTED = document.Document(CONTRACT.document)
EXAMPLES = recording.examples(DOCUMENTED)
REPLIES = json.loads(recording.REPLIES.read_text())
# What the hub serves beside the pages, as seen from its root.
BESIDE = {"/openapi.yaml", "/openapi.json", "/healthz", "/readyz", "/llms.txt", "/llms-full.txt"}
VOID = {"meta", "link", "input", "img", "br", "wbr", "hr", "path", "rect"}


class Page(HTMLParser):
    """What a page holds: ids, links, texts by tag, and what it must not hold."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.ids: list[str] = []
        self.links: list[str] = []
        self.forbidden: list[str] = []
        self.text = ""
        self.codes: set[str] = set()
        self.pre: dict[str, str] = {}
        self._open: list[str] = []
        self._label = ""
        self.feed(html)
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if "data-code" in given:
            self.codes.add(given["data-code"])
        self.links += [given[name] for name in ("href", "src", "action") if name in given]
        self.forbidden += [name for name in given if name.startswith("on") or name == "style"]
        self.forbidden += ["script without src"] if tag == "script" and "src" not in given else []
        self.forbidden += [tag] if tag in ("style", "iframe", "object", "base") else []
        if tag == "pre":
            self._label = given.get("aria-label", "")
            self.pre[self._label] = ""
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, f"{tag} ends in the wrong place"
            if tag == "pre":
                self._label = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._label:
            self.pre[self._label] += data


def url_of(file: Path) -> str:
    """Where the hub serves a file."""
    name = file.relative_to(FOLDER).as_posix()
    special = {"home.html": "/", "index.html": "/docs/", "llms.txt": "/llms.txt", "llms-full.txt": "/llms-full.txt", "favicon.ico": "/favicon.ico"}
    return special.get(name) or f"/docs/{name.removesuffix('.html')}"


@cache
def pages() -> dict[str, Page]:
    """Every HTML page by its URL."""
    return {url_of(file): Page(file.read_text()) for file in sorted(FOLDER.rglob("*.html"))}


@cache
def urls() -> set[str]:
    """Everything that the hub serves of the reference."""
    return {url_of(file) for file in FOLDER.rglob("*") if file.is_file()} | BESIDE


def page(name: str) -> Page:
    """The page of an operation."""
    return pages()[f"/docs/operations/{name}"]


def view(name: str) -> views.View:
    """What the page of an operation is made from."""
    return views.View(DOCUMENTED, DOCUMENTED.operations[name], EXAMPLES[name], REPLIES[name])


def lost(here: str, link: str) -> bool:
    """Whether a link leads nowhere."""
    if link.startswith("https://www.rfc-editor.org/"):
        return False
    target, anchor = urldefrag(urljoin(f"http://hub{here}", link))
    path = urlsplit(target).path
    if path == "/docs/search" and not anchor:
        return False
    known = path in urls()
    return not known or (bool(anchor) and anchor not in pages()[path].ids)


def test_every_link_leads_somewhere() -> None:
    wrong = [(url, link) for url, one in pages().items() for link in one.links if lost(url, link)]
    assert wrong == []


def test_links_are_relative_so_that_a_sub_path_works() -> None:
    wrong = [(url, link) for url, one in pages().items() for link in one.links
             if link.startswith("/") or (urlsplit(link).scheme and not link.startswith("https://www.rfc-editor.org/"))]  # fmt: skip
    assert wrong == []


def test_nothing_is_written_into_the_page_that_the_policy_forbids() -> None:
    assert [(url, one.forbidden) for url, one in pages().items() if one.forbidden] == []


def test_no_id_stands_twice() -> None:
    assert [(url, id_) for url, one in pages().items() for id_ in set(one.ids) if one.ids.count(id_) > 1] == []


def test_there_is_a_page_for_what_is_served_and_for_nothing_else() -> None:
    for ending in ("html", "md"):
        assert sorted(file.stem for file in (FOLDER / "operations").glob(f"*.{ending}")) == SERVED


@pytest.mark.parametrize("name", SERVED)
def test_a_page_says_what_the_contract_says(name: str) -> None:
    method, path, operation = CONTRACT.operations[name]
    shown = page(name)
    assert f"<h1>{operation['summary']}</h1>" in shown.html
    assert f"{document.HOST}{path}" in shown.text
    assert f">{method}<" in shown.html
    for parameter in map(CONTRACT.resolve, operation.get("parameters", ())):
        assert f"f-{parameter['in']}-{parameter['name']}" in shown.ids
    for field in DOCUMENTED.operations[name].body_fields():
        assert f"f-body-{field.name}" in shown.ids
        assert field.name in shown.text
    for status in set(operation["responses"]) - {"default"}:
        assert re.search(rf'<span class="st (ok|bad)">[\d, ]*{status}[\d, ]*<', shown.html), status
    if "x-token-types" in operation:
        assert f"Token: {' · '.join(operation['x-token-types'])}" in shown.text
    assert shown.codes >= set(codes.codes_of(DOCUMENTED.operations[name]))
    if "x-original" in operation:
        assert operation["x-original"] in shown.text
    evidence = "Waypost only" if operation.get("x-waypost") == "native" else operation["x-evidence"]
    assert f"Evidence: {evidence}" in shown.text
    for reply in map(CONTRACT.resolve, operation["responses"].values()):
        assert [header for header in reply.get("headers", {}) if header not in shown.text and header not in ("WWW-Authenticate", "Retry-After")] == []
    if {"unauthorized", "too_many_requests"} <= shown.codes:
        assert {"WWW-Authenticate", "Retry-After"} <= set(re.findall(r"<dt><code>([\w-]+)</code></dt>", shown.html))
    for field in [*map(CONTRACT.resolve, operation.get("parameters", ()))]:
        in_markdown = re.search(rf"^- `{re.escape(field['name'])}` \(({field['in']}); (.*)", (FOLDER / "operations" / f"{name}.md").read_text(), re.MULTILINE)
        assert in_markdown is not None
        assert ("; required" in in_markdown[2]) == field.get("required", False)


@pytest.mark.parametrize("name", SERVED)
def test_each_refusal_has_its_cause_then_its_remedy_and_an_example(name: str) -> None:
    shown = page(name)
    for code in codes.codes_of(DOCUMENTED.operations[name]):
        one = codes.CODES[code]
        assert f'{text.inline(one.cause)} <span class="dim">{text.inline(one.remedy)}</span>' in shown.html
        if code in DOCUMENTED.problems:
            assert json.loads(shown.pre[f"Example of {code}"])["code"] == code


@pytest.mark.parametrize("name", SERVED)
def test_what_a_second_call_does_is_what_it_did(name: str) -> None:
    """Where a second call was recorded: refused, or not. What the contract says itself is for its readers to judge."""
    again, said = REPLIES[name].get("again"), view(name).again
    assert text.plain(said) in page(name).text
    if again and "x-repeat" not in CONTRACT.operations[name][2]:
        assert ("refused" in said) == (again["second"] >= 400), (said, again)


def test_a_twin_is_the_same_call_under_the_other_name() -> None:
    for name in SERVED:
        twin = view(name).twin
        if twin is not None:
            plain = {re.sub(r"{\w+}", "{}", one.path).split("/", 2)[-1] for one in (twin, DOCUMENTED.operations[name]) if "/" in one.path[1:]}
            assert len(plain) <= 1, (name, twin.id)
            assert {twin.path.split("/")[1], DOCUMENTED.operations[name].path.split("/")[1]} == {"fulfillment-requests", "purchase-orders"}
            assert twin.method == DOCUMENTED.operations[name].method
    assert view("fail_purchase_order").twin is DOCUMENTED.operations["fail_fulfillment_request"]


@pytest.mark.parametrize("name", SERVED)
def test_the_fragment_is_the_operation(name: str) -> None:
    method, _, operation = CONTRACT.operations[name]
    fragment = yaml.safe_load(page(name).pre["OpenAPI fragment"])
    assert set(fragment) == {method.lower()}
    served = fragment[method.lower()]
    example = served.get("requestBody", {}).get("content", {}).get("application/json", {}).pop("example", None)
    assert example == EXAMPLES[name].body
    assert served == {key: value for key, value in operation.items() if key != "x-next"}


@pytest.mark.parametrize("name", SERVED)
def test_what_a_page_shows_is_what_the_tests_run(name: str) -> None:
    shown, operation = page(name), DOCUMENTED.operations[name]
    for language, make in (("curl", samples.curl), ("Python", samples.python), ("JavaScript", samples.javascript)):
        text = samples.plain(make(operation, EXAMPLES[name]))
        assert shown.pre[f"Example in {language}"] == text
        assert text in (FOLDER / "operations" / f"{name}.md").read_text()
    reply = REPLIES[name]
    text = shown.pre[f"Example of {reply['status']}"]
    assert text.startswith(f"HTTP/1.1 {reply['status']}\n")
    body = text.partition("\n\n")[2]
    if body and not re.search(r"\n… [\d,]+ more lines$", body):
        assert (body if isinstance(reply["body"], str) else json.loads(body)) == reply["body"]
    for code, problem in reply["refusals"].items():
        assert json.loads(shown.pre[f"Example of {code}"]) == problem


@pytest.mark.parametrize("name", sorted(n for n in SERVED if DOCUMENTED.operations[n].action))
def test_what_happens_is_what_the_table_says(name: str) -> None:
    operation = DOCUMENTED.operations[name]
    rows = [row for row in TABLE if row.action == operation.action and "account" in row.who and row.outcome != "care"]
    sources = {status for row in rows for status in row.sources}
    repeats = {status for row in rows for status in row.repeat_from}
    facts = view(name).facts
    assert facts is not None
    assert {one.handle for one in facts.sources} == {status.value for status in sources}
    assert {one.name for one in facts.to} == {STATUSES[row.to].name for row in rows if row.to}
    assert {one.chip.handle for one in facts.refused} == {status.value for status in STATUSES if status not in sources | repeats}
    shown = page(name)
    assert {id_.removeprefix("from-") for id_ in shown.ids if id_.startswith("from-")} == {one.chip.handle for one in facts.refused}
    for one in facts.refused:
        wanted = [str(action) for action in ALLOWED_ACTIONS if any(row.action is action and one.chip.handle in row.sources and "account" in row.who for row in TABLE)]
        assert [action for action, _ in one.allowed] == wanted
        block = re.search(rf'<div id="from-{one.chip.handle}">.*?</div>', shown.html, re.DOTALL)
        assert block is not None
        assert re.findall(r'class="tag" href="(\w+)"', block[0]) == [refusing.OPERATIONS[Action(action)] for action in wanted]
    assert {row.event for row in rows} <= set(operation.events)
    assert set(operation.tokens) == {who for row in rows for who in row.who} & {"account", "source", "channel"}
    for guard in {guard for row in rows for guard in row.guards}:
        assert guard.value in shown.codes


def test_events_and_next_calls_exist() -> None:
    for name in SERVED:
        operation = DOCUMENTED.operations[name]
        assert set(operation.events) <= set(CATALOGUE), name
        assert set(operation.next) <= set(SERVED) - {name}, name
        assert operation.changes or not operation.events, name


def test_every_action_has_the_operation_that_is_linked() -> None:
    for action, name in refusing.OPERATIONS.items():
        assert DOCUMENTED.operations[name].action == action
    assert {Action(DOCUMENTED.operations[n].action) for n in SERVED if DOCUMENTED.operations[n].action} == set(refusing.OPERATIONS)


def test_every_code_has_its_entry_on_the_page_of_errors() -> None:
    errors = pages()["/docs/errors"]
    wanted = [one.code for one in PROBLEMS] + [one.code for one in FIELDS] + [render.failure_anchor(one.code) for one in REGISTRY]
    assert [one for one in wanted if one not in errors.ids] == []


def test_the_search_finds_everything() -> None:
    index = json.loads((FOLDER / "search.json").read_text())
    assert [entry for entry in index if lost("/docs/search", entry[2])] == []
    found = {(kind, title) for kind, title, *_ in index}
    for kind, is_old in (("operation", False), ("deprecated call", True)):
        wanted = {DOCUMENTED.operations[n].title for n in SERVED if DOCUMENTED.operations[n].deprecated is is_old}
        assert {title for of, title in found if of == kind} == wanted
    for kind, names in (
        ("code", [one.code for one in PROBLEMS]), ("field code", [one.code for one in FIELDS]), ("failure code", [one.code for one in REGISTRY]),
        ("event", list(CATALOGUE)), ("setting", [one.option for one in SETTINGS]),
        ("field", [field.name.rsplit(".", 1)[-1].removesuffix("[]") for n in SERVED if not DOCUMENTED.operations[n].deprecated for field in [*view(n).fields, *view(n).body_fields]]),
    ):  # fmt: skip
        assert {(kind, name) for name in names} <= found
    words = json.dumps(index)
    for name in SERVED:
        _, path, operation = CONTRACT.operations[name]
        assert path in words
        assert operation.get("x-original", "") in words


def links_of(text: str) -> list[str]:
    """The links of a Markdown text, without those in its code."""
    text = re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_texts_for_programs_link_to_texts() -> None:
    files = [*FOLDER.rglob("*.md"), FOLDER / "llms.txt", FOLDER / "llms-full.txt"]
    assert len(files) > len(SERVED)
    wrong = []
    for file in files:
        for link in links_of(file.read_text()):
            target = link.partition("#")[0]
            is_page = not target or target.endswith((".md", ".txt", ".yaml")) or "/shapes/" in target or link.startswith("https://www.rfc-editor.org/")
            if not is_page or (target and lost(url_of(file), target)):
                wrong.append((file.name, link))
    assert wrong == []


def test_pages_are_small() -> None:
    """A page with everything that it needs at first: at most 30 KB over the wire. Bytes, not seconds."""
    import gzip

    assets = {name: len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in ("waypost.css", "waypost.svg", "reference.js", "tester.js", "search.js")}
    for url, one in pages().items():
        needed = sum(size for name, size in assets.items() if name in one.html)
        needed += len(gzip.compress((FOLDER / "search.json").read_bytes(), 9)) if url == "/docs/search" else 0
        assert len(gzip.compress(one.html.encode(), 9)) + needed <= 30_000, url
    assert assets["tester.js"] <= 8 * 1024
