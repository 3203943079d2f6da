"""What a run of tests says about a mutant."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Only `CAUGHT` is good."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"  # a test that must fail has passed
    INVALID = "INVALID"  # it breaks everything, or the tests cannot be run with it: nothing is proved
    HUNG = "HUNG"  # a test did not end in its time: nobody would wait for that
    NOT_APPLIED = "NOT APPLIED"


class Line(NamedTuple):
    """What `tests.mutants.recorder` wrote of one phase of a test."""

    test: str
    phase: str
    outcome: str
    message: str
    log: str = ""  # of a test that has failed


class Found(NamedTuple):
    """A verdict with its reason."""

    verdict: Verdict
    why: str = ""


# A slip of whoever wrote the mutant, in Python or in SQL: any test that comes by would fail with it.
_SLIPS = re.compile(
    r"\b(NameError|ImportError|ModuleNotFoundError|SyntaxError|IndentationError|UnboundLocalError|AttributeError|"
    r"PostgresSyntaxError|Ambiguous[A-Za-z]+Error|IndeterminateDatatypeError|exceptions\.DataError|UndefinedColumnError|UndefinedTableError|"
    r"UndefinedFunctionError|DatatypeMismatchError|CannotCoerceError)\b|no such column|no such table|near \"[^\"]*\": syntax error"
)
_TIMEOUT = "Failed: Timeout"


def meant(named: str, tests: Sequence[str]) -> list[str]:
    """Those of `tests` that a name stands for: itself, or all its parameters."""
    return [test for test in tests if test == named or test.startswith(f"{named}[")]


def judge(lines: Sequence[Line], named: Sequence[str], control: str) -> Found:
    """The verdict on a mutant, from the record of its tests and of the control, which must still pass."""
    for line in lines:
        if line.phase == "collect":
            return Found(Verdict.INVALID, f"{line.test} cannot be collected: {line.message}")
    passed = {line.test for line in lines if line.phase == "call" and line.outcome == "passed"}
    failed = {line.test: line.message for line in lines if line.phase == "call" and line.outcome == "failed"}
    logs = {line.test: line.log for line in lines if line.phase == "call"}
    tests = list(dict.fromkeys(line.test for line in lines))
    if not meant(control, tests) or not passed.issuperset(meant(control, tests)):
        return Found(Verdict.INVALID, "the control fails, too: it breaks everything")
    for name in named:
        if not meant(name, tests):
            return Found(Verdict.INVALID, f"{name} was not run")
        for test in meant(name, tests):
            if test in passed:
                return Found(Verdict.SURVIVED, f"{test} passes")
            if test not in failed:
                return Found(Verdict.INVALID, f"{test} did not come to its call")
            if failed[test].startswith(_TIMEOUT):
                return Found(Verdict.HUNG, test)
            slip = _SLIPS.search(failed[test]) or _SLIPS.search(logs[test])
            if slip is not None:
                return Found(Verdict.INVALID, f"{test} fails for a slip: {slip[0]}")
    return Found(Verdict.CAUGHT, failed[meant(named[0], tests)[0]])


def judge_baseline(lines: Sequence[Line], named: Sequence[str]) -> list[str]:
    """What is wrong without any mutant; nothing, if every test passes."""
    wrong = [f"{line.test}: {line.phase} failed: {line.message}" for line in lines if line.outcome == "failed"]
    passed = [line.test for line in lines if line.phase == "call" and line.outcome == "passed"]
    return wrong + [f"{name} was not run, or was skipped" for name in named if not meant(name, passed)]
