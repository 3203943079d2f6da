"""What a run of tests says about a mutant: caught, survived, or nothing at all."""

import pytest

from tests.mutants.verdict import Line, Verdict, judge, judge_baseline, meant

CONTROL = "c.py"
FINE = Line("c.py::test_c", "call", "passed", "")
BAD = Line("t.py::test_a[sqlite]", "call", "failed", "AssertionError: assert 1 == 2")


def test_a_name_stands_for_itself_and_its_parameters() -> None:
    tests = ["t.py::test_a[sqlite]", "t.py::test_a[postgresql]", "t.py::test_ab", "t.py::test_b"]
    assert meant("t.py::test_a", tests) == tests[:2]
    assert meant("t.py::test_a[sqlite]", tests) == tests[:1]
    assert meant("t.py::test_b", tests) == tests[3:]


def control(lines: list[Line]) -> list[Line]:
    """With the control, which passes."""
    return [FINE._replace(test=CONTROL), *lines]


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (control([BAD]), Verdict.CAUGHT),
        (control([BAD, BAD._replace(phase="teardown")]), Verdict.CAUGHT),
        (control([BAD, BAD._replace(test="t.py::test_a[postgresql]")]), Verdict.CAUGHT),
        (control([BAD._replace(outcome="passed")]), Verdict.SURVIVED),
        (control([BAD, BAD._replace(test="t.py::test_a[postgresql]", outcome="passed")]), Verdict.SURVIVED),
        (control([BAD._replace(message="Failed: Timeout (>60.0s) from pytest-timeout.")]), Verdict.HUNG),
        (control([BAD._replace(message="NameError: name 'x' is not defined")]), Verdict.INVALID),
        (control([BAD._replace(message="sqlite3.OperationalError: no such column: s.nothing")]), Verdict.INVALID),
        (control([BAD._replace(log="a batch failed\nAttributeError: 'X' object has no attribute 'y'")]), Verdict.INVALID),
        (control([BAD._replace(log="asyncpg.exceptions.AmbiguousFunctionError: operator is not unique")]), Verdict.INVALID),
        (control([BAD._replace(log="a batch failed\nValueError: that is what the mutant does")]), Verdict.CAUGHT),
        (control([BAD._replace(phase="setup")]), Verdict.INVALID),
        (control([]), Verdict.INVALID),
        ([BAD], Verdict.INVALID),
        ([FINE._replace(test=CONTROL, outcome="failed"), BAD], Verdict.INVALID),
        ([Line("t.py", "collect", "failed", "ImportError: no")], Verdict.INVALID),
    ],
)
def test_the_verdict(lines: list[Line], verdict: Verdict) -> None:
    assert judge(lines, ["t.py::test_a"], CONTROL).verdict is verdict


def test_without_a_mutant_every_test_passes() -> None:
    assert judge_baseline([FINE], ["c.py::test_c"]) == []
    assert judge_baseline([FINE], ["c.py::test_c", "t.py::test_a"]) == ["t.py::test_a was not run, or was skipped"]
    assert judge_baseline([FINE, BAD], ["c.py::test_c"]) == [f"{BAD.test}: call failed: {BAD.message}"]
