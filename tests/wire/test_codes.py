"""The registry of codes against the source: every code that a reply can carry is registered, and no other."""

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from waypost.domain.lifecycle import Guard
from waypost.domain.routing import Trouble
from waypost.wire.codes import FIELD_CODES, FIELDS, PROBLEMS, FieldCode, ProblemCode, type_of

SOURCE = Path(__file__).resolve().parents[2] / "src" / "waypost"

# The commands show these codes; no call does. `test_the_modules_left_out_answer_no_call` holds that.
COMMANDS_ONLY = ("cli", "importing", "demo", "app/accounts.py", "app/tokens.py")

PROBLEM, FIELD = "problem", "field"


Functions = tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]


class Sink(NamedTuple):
    """Something that takes a code: which kind, and as which argument."""

    kind: str
    place: int
    keyword: str = "code"


SINKS = {
    "waypost.wire.faults.Fault": Sink(FIELD, 2),
    "waypost.wire.scalars.Misread": Sink(FIELD, 0),
    "waypost.domain.refusals.Problem": Sink(FIELD, 1),
    "waypost.wire.faults.BadInput": Sink(PROBLEM, 2),
    "waypost.domain.refusals.NotAllowed": Sink(PROBLEM, 3),
    "waypost.server.heads.Fault": Sink(PROBLEM, 1),
    "waypost.wire.problems.problem": Sink(PROBLEM, 1),
}

# Codes that are passed on: made, and found, elsewhere.
PASSED_ON = {"fault.code", "error.code", "refusal.code"}

# Codes that are computed, and what they can be.
COMPUTED: dict[str, Collection[str]] = {
    "guard": {*Guard} - {Guard.RETRY_IS_SAFE},  # asked by the worker only
    "Guard.RESEND_CONFIRMED": {Guard.RESEND_CONFIRMED},
    "one.trouble.value": set(Trouble),
    "reason.code": {*Trouble, "shipping_text_unmapped"},  # of `judge` without `known`: app/routing_orders.py
}


class Module:
    """One file: its tree, what its names mean, and the functions around each node."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree = ast.parse(text)
        self.names: dict[str, str] = {}
        self.around: dict[ast.AST, Functions] = {}
        self._walk(self.tree, ())

    def _walk(self, node: ast.AST, around: Functions) -> None:
        for child in ast.iter_child_nodes(node):
            self.around[child] = around
            inside = around
            if isinstance(child, ast.ImportFrom) and child.module:
                self.names |= {one.asname or one.name: f"{child.module}.{one.name}" for one in child.names}
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                self.names.setdefault(child.name, f"{self.name}.{child.name}")
                inside = (*around, child)
            elif isinstance(child, ast.ClassDef):
                self.names.setdefault(child.name, f"{self.name}.{child.name}")
            self._walk(child, inside)

    def called(self, call: ast.Call) -> str | None:
        """The full name of what is called; methods by the module that calls them on itself."""
        if isinstance(call.func, ast.Name):
            return self.names.get(call.func.id)
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            owner = call.func.value.id
            return f"{self.name}.{call.func.attr}" if owner == "self" else f"{self.names.get(owner)}.{call.func.attr}"
        return None

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))


class Found:
    """Every code of some modules, by kind, with where it is made; `unclear`: what this test cannot follow."""

    def __init__(self, modules: list[Module]) -> None:
        self.sinks = dict(SINKS)
        self.codes: dict[str, dict[str, str]] = {PROBLEM: {}, FIELD: {}}
        self.unclear: list[str] = []
        before = 0
        while before != len(self.sinks):  # a function that hands its argument on takes a code, too
            before = len(self.sinks)
            for module in modules:
                self._add_helpers(module)
        for module in modules:
            self._add_codes(module)
            self._add_refusals(module)

    def _given(self, module: Module) -> Iterator[tuple[ast.Call, ast.expr, Sink]]:
        for call in module.calls():
            sink = self.sinks.get(module.called(call) or "")
            if sink is None:
                continue
            if any(isinstance(one, ast.Starred) for one in call.args[: sink.place + 1]):
                self.unclear.append(f"{module.name}:{call.lineno} {ast.unparse(call)}")
            for code in _argument(call, sink):
                yield call, code, sink

    def _add_helpers(self, module: Module) -> None:
        for call, code, sink in list(self._given(module)):
            for function in module.around[call]:
                names = [one.arg for one in function.args.args if one.arg != "self"]
                if isinstance(code, ast.Name) and code.id in names:
                    self.sinks[f"{module.name}.{function.name}"] = Sink(sink.kind, names.index(code.id), code.id)
        self.unclear.clear()

    def _add_codes(self, module: Module) -> None:
        for call, code, sink in self._given(module):
            where = f"{module.name}:{call.lineno}"
            for one in _values(code, module.around[call]):
                text = ast.unparse(one)
                is_own = isinstance(one, ast.Name) and any(
                    one.id == arg.arg for function in module.around[call] for arg in function.args.args
                )
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    self.codes[sink.kind].setdefault(one.value, where)
                elif made := self._code_of_a_local(module, one, call):
                    self.codes[sink.kind].setdefault(made, where)
                elif text in COMPUTED:
                    self.codes[sink.kind] |= {str(value): where for value in COMPUTED[text]}
                elif text not in PASSED_ON and not is_own:
                    self.unclear.append(f"{where} {text}")

    def _code_of_a_local(self, module: Module, code: ast.expr, call: ast.Call) -> str | None:
        """The code of `fault.code`, where `fault` was made in the same function."""
        if not isinstance(code, ast.Attribute) or not isinstance(code.value, ast.Name):
            return None
        for made in _set_to(code.value.id, module.around[call]):
            sink = self.sinks.get(module.called(made) or "") if isinstance(made, ast.Call) else None
            if sink is not None and isinstance(made, ast.Call):
                return "".join(str(one.value) for one in _argument(made, sink) if isinstance(one, ast.Constant)) or None
        return None

    def _add_refusals(self, module: Module) -> None:
        """`code` of the classes of domain/refusals.py; that of their base is never sent."""
        if module.name != "waypost.domain.refusals":
            return
        for node in module.tree.body:
            if not isinstance(node, ast.ClassDef) or node.name == "Refusal":
                continue
            for part in node.body:
                if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "code":
                    assert isinstance(part.value, ast.Constant)
                    self.codes[PROBLEM].setdefault(str(part.value.value), f"{module.name}.{node.name}")


def _argument(call: ast.Call, sink: Sink) -> list[ast.expr]:
    """The code that a call is given; nothing where it has a default."""
    named = [one.value for one in call.keywords if one.arg == sink.keyword]
    return named or call.args[sink.place : sink.place + 1]


def _set_to(name: str, around: Functions) -> list[ast.expr]:
    """What a function sets a local name to."""
    nodes = ast.walk(around[-1]) if around else ()
    return [node.value for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name]


def _values(code: ast.expr, around: Functions) -> Iterator[ast.expr]:
    """What a code can be: both sides of a condition, and what a local name was set to."""
    if isinstance(code, ast.IfExp):
        yield from (*_values(code.body, around), *_values(code.orelse, around))
    elif isinstance(code, ast.Name) and (set_to := _set_to(code.id, around)):
        for one in set_to:
            yield from _values(one, around)
    else:
        yield code


def _is_read(path: str) -> bool:
    return not path.startswith(tuple(one if one.endswith(".py") else f"{one}/" for one in COMMANDS_ONLY))


def modules() -> list[Module]:
    paths = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}
    return [
        Module("waypost." + name.removesuffix(".py").removesuffix("/__init__").replace("/", "."), path.read_text())
        for name, path in paths.items() if _is_read(name)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Found:
    return Found(modules())


def test_every_code_that_the_source_makes_can_be_followed(found: Found) -> None:
    assert found.unclear == []


def test_the_problem_codes_are_those_that_the_source_makes(found: Found) -> None:
    assert _difference(found.codes[PROBLEM], {one.code for one in PROBLEMS}) == []


def test_the_field_codes_are_those_that_the_source_makes(found: Found) -> None:
    assert _difference(found.codes[FIELD], FIELD_CODES) == []


def _difference(made: dict[str, str], registered: set[str] | frozenset[str]) -> list[str]:
    missing = [f"{code} ({made[code]}) is not registered" for code in sorted(made.keys() - registered)]
    return missing + [f"{code} is registered, and nothing uses it" for code in sorted(registered - made.keys())]


def test_the_reader_of_the_source_sees_what_it_should() -> None:
    """Literals, keywords, conditions, helpers of helpers; and what it cannot follow is said."""
    text = """
from waypost.wire import problems
from waypost.wire.faults import BadInput, Fault as F

def helper(at, code):
    return inner(code, at)

def inner(word, at):
    return F("pointer", at, word, "x")

class Door:
    def _note(self, code): self.faults.append(F("header", "A", code, "x"))
    def go(self, late, given):
        self._note("by_method")
        code = "on_time" if not late else "too_late"
        helper("/a", code)
        helper(code="by_keyword", at="/b")
        problems.problem(400, "a_problem", "x", "", "")
        helper("/c", given["code"])
        F(*given)
"""
    seen = Found([Module("waypost.made_up", text)])
    assert sorted(seen.codes[FIELD]) == ["by_keyword", "by_method", "on_time", "too_late"]
    assert sorted(seen.codes[PROBLEM]) == ["a_problem"]
    assert [one.split(" ", 1)[1] for one in seen.unclear] == ["given['code']", "F(*given)"]


def test_the_modules_left_out_answer_no_call() -> None:
    """What answers calls takes nothing of them but a function that makes no problem."""
    left_out = tuple(f"waypost.{one.removesuffix('.py').replace('/', '.')}" for one in COMMANDS_ONLY)
    starters = ("waypost.__main__", "waypost.main")
    taken = {
        (module.name, full) for module in modules() if module.name not in starters
        for full in module.names.values() if f"{full}.".startswith(tuple(f"{one}." for one in left_out))
    }  # fmt: skip
    assert taken == {("waypost.app.turns", "waypost.app.tokens.state_of")}


def test_a_code_stands_once_in_the_registry() -> None:
    """Each code is an anchor of the page of errors."""
    codes = [*(one.code for one in PROBLEMS), *(one.code for one in FIELDS)]
    assert [code for code in codes if codes.count(code) > 1] == []
    assert [code for code in codes if not re.fullmatch("[a-z_]+", code)] == []
    assert type_of("not_found") == "/docs/errors#not_found"


@pytest.mark.parametrize("one", [*PROBLEMS, *FIELDS], ids=lambda one: str(one[0]))
def test_causes_and_remedies_are_short_sentences(one: ProblemCode | FieldCode) -> None:
    for text in (one.cause, one.remedy):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith(".")
        assert text.count("`") % 2 == 0
        sentences = re.split(r"(?<=[.;:]) ", text)
        assert [sentence for sentence in sentences if len(sentence.split()) > 20] == []
