"""The layout, as far as the linter cannot say it (pyproject.toml): lengths, names, and lists that must not grow old.

What is longer stands here with the reason. An entry that is no longer needed fails, too, so the list only says
what is so.
"""

import ast
import re
from pathlib import Path

from tests.conftest import LONGEST

ROOT = Path(__file__).resolve().parent.parent
LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 50
LINES_ABOUT_A_FILE = 12
SOURCES = sorted((ROOT / "src").rglob("*.py"))
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

LONG_FILES = {
    "src/waypost/storage/migrations/versions/v0001_first_schema.py": "a migration is one unit, and never edited again",
    "src/waypost/storage/migrations/versions/v0002_stock_and_shipments.py": "a migration is one unit",
    "src/waypost/server/connection.py": "the states of one connection, which are only understood together",
    "src/waypost/wire/inventory.py": "one resource's shapes, read from top to bottom",
}
LONG_FUNCTIONS: dict[str, str] = {}
# `waypost.app.slices`, `tests/support/turns.py`, `tests.growth`, `waypost.domain.slices.Sliced`
REFERENCE = re.compile(r"`((?:waypost|tests|bench|scripts)(?:[./]\w+)+)`")


def named(path: Path) -> str:
    """A path as the lists have it."""
    return path.relative_to(ROOT).as_posix()


def long_functions(path: Path) -> set[str]:
    """The functions of a file that are too long, as `file::name`; one that is nested counts for itself, too."""
    return {
        f"{named(path)}::{node.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= LINES_OF_A_FUNCTION
    }


def lines_of_code(path: Path) -> int:
    """Without blank lines, comments and docstrings."""
    text = path.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            told.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in told for n, line in lines)


def leads_somewhere(reference: str) -> bool:
    """Whether there is a file or package of this name, or one in which its last part occurs."""
    first, *parts = re.split("[./]", reference)
    place = ROOT / "src" / first if first == "waypost" else ROOT / first
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if not parts or (place / ".".join(parts)).exists():
        return True
    module = place / f"{parts[0]}.py"
    if module.exists():
        del parts[0]
    else:
        module = place / "__init__.py"
    return not parts or (module.exists() and re.search(rf"\b{parts[0]}\b", module.read_text()) is not None)


def test_no_file_is_longer_than_a_sitting() -> None:
    found = {named(path) for path in SOURCES if len(path.read_text().splitlines()) > LINES_OF_A_FILE}
    assert found == set(LONG_FILES)


def test_no_function_is_longer_than_a_screen() -> None:
    assert set().union(*map(long_functions, SOURCES)) == set(LONG_FUNCTIONS)


def test_nothing_is_named_for_nothing() -> None:
    assert not {named(path) for path in SOURCES if NAMELESS & {*path.relative_to(ROOT).parts, path.stem}}


def test_a_module_says_what_it_is_about_in_a_few_lines() -> None:
    """That it says anything is the linter's matter, but for modules whose names begin with `_`."""
    lines = {named(path): len((ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if not 1 <= count <= LINES_ABOUT_A_FILE} == {}


def test_what_comments_and_pages_refer_to_is_there() -> None:
    where = ("src", "tests", "bench", "scripts", "client", "docs")
    paths = [path for name in where for end in ("py", "md") for path in (ROOT / name).rglob(f"*.{end}")]
    references = {(named(path), found) for path in (*paths, *ROOT.glob("*.md")) for found in REFERENCE.findall(path.read_text())}
    assert len(references) > 20
    assert not any(map(leads_somewhere, ("tests.storage.nothing", "waypost.app.slices.Nothing", "bench.nothing")))
    assert {pair for pair in references if not leads_somewhere(pair[1])} == set()


def test_the_lists_give_reasons() -> None:
    assert all(len(reason) > 10 for reason in (*LONG_FILES.values(), *LONG_FUNCTIONS.values()))


def test_the_tests_that_begin_first_exist() -> None:
    assert set(LONGEST) <= {path.stem for path in (ROOT / "tests").rglob("test_*.py")}


def test_the_server_stays_small() -> None:
    """ADR 23: it is ours to keep, so it may have 700 lines of code."""
    assert 0 < sum(lines_of_code(path) for path in SOURCES if "waypost/server/" in named(path)) <= 700
