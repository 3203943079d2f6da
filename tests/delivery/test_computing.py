"""Expressions are computed as the JMESPath library computes them; the budget only ends what takes too long."""

import json
from typing import Any

import jmespath
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from waypost.delivery.computing import compute
from waypost.delivery.evaluation import Budget, FailedFunction, TooManySteps
from waypost.delivery.expressions import Expression, FailedExpression

NAMES = st.sampled_from(["a", "b", "items", "x"])
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.sampled_from(["", "a", "b", "1", "é"])
DOCUMENTS = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=4) | st.dictionaries(NAMES, one, max_size=3), max_leaves=12
)
LITERALS = DOCUMENTS.map(lambda value: f"`{json.dumps(value)}`".replace("\\", "\\\\"))


def _combined(one: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(one, one)
    functions = st.sampled_from(
        ["length", "keys", "values", "to_string", "to_number", "to_array", "type", "sum", "avg", "max", "min", "sort",
         "reverse", "abs", "ceil", "floor", "not_null", "merge"]
    )  # fmt: skip
    return st.one_of(
        pair.map(".".join), pair.map(lambda two: f"{two[0]} | {two[1]}"),
        pair.map(lambda two: f"({two[0]}) || ({two[1]})"), pair.map(lambda two: f"({two[0]}) && ({two[1]})"),
        one.map(lambda text: f"!({text})"), one.map(lambda text: f"({text})[]"), one.map(lambda text: f"({text})[*]"),
        one.map(lambda text: f"({text}).*"), st.tuples(one, st.integers(-3, 3)).map(lambda two: f"({two[0]})[{two[1]}]"),
        one.map(lambda text: f"({text})[::-1]"), one.map(lambda text: f"({text})[1:3]"),
        pair.map(lambda two: f"({two[0]})[?{two[1]}]"), pair.map(lambda two: f"[{two[0]}, {two[1]}]"),
        pair.map(lambda two: f"{{a: {two[0]}, b: {two[1]}}}"),
        st.tuples(one, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), one).map(
            lambda three: f"({three[0]}) {three[1]} ({three[2]})"
        ),
        st.tuples(functions, one).map(lambda two: f"{two[0]}({two[1]})"),
        st.tuples(st.sampled_from(["sort_by", "max_by", "min_by"]), one, one).map(
            lambda three: f"{three[0]}({three[1]}, &({three[2]}))"
        ),
        pair.map(lambda two: f"map(&({two[0]}), {two[1]})"), pair.map(lambda two: f"contains({two[0]}, {two[1]})"),
        pair.map(lambda two: f"join({two[0]}, {two[1]})"), pair.map(lambda two: f"merge({two[0]}, {two[1]})"),
        pair.map(lambda two: f"starts_with({two[0]}, {two[1]})"),
    )  # fmt: skip


EXPRESSIONS = st.recursive(NAMES | st.just("@") | LITERALS, _combined, max_leaves=6)


def _outcome(compute: Any) -> tuple[str, Any]:
    try:
        value = compute()
    except JMESPathError as error:
        return type(error).__name__, None
    except (FailedFunction, TypeError, ValueError, OverflowError, AttributeError):
        return "an error of Python", None
    return "value", json.dumps(value)  # 1, 1.0 and true are equal, and not the same


@settings(max_examples=1500, deadline=None)
@given(EXPRESSIONS, DOCUMENTS)
@example("`true` < `2`", None)
@example("[?@].a", [{"a": None}, {"a": 1}])
def test_values_are_those_of_the_library(text: str, document: Any) -> None:
    try:
        parsed = jmespath.compile(text)
    except JMESPathError:
        return
    ours = _outcome(lambda: compute(parsed.parsed, document, Budget()))
    assert ours == _outcome(lambda: parsed.search(document)), text


@pytest.mark.parametrize(
    "text",
    [
        "join(text, body)",  # a gigabyte: one text between any two of many
        "join(text, map(&'', body))",
        "to_string([to_string([to_string([text, text])])])",
        "[body[?@ == 'a'], body[?@ == 'a']]",
        "body[*].[@, @, @, @, @, @]",
        "sort(body) == sort(body) && reverse(body) == reverse(body) && sort(body) == sort(body)",
    ],
)
def test_a_large_answer_has_a_budget_for_its_size_too(text: str) -> None:
    document = {"text": '"' * 200_000, "body": ["a"] * 20_000}
    with pytest.raises(FailedExpression, match="takes too long to compute"):
        Expression(text).strict(document)


def test_what_a_join_comes_to_is_paid_for_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmespath.functions.Functions.call_function", lambda *_: pytest.fail("gigabytes were made"))
    with pytest.raises(FailedExpression, match="takes too long to compute"):
        Expression("join(text, body)").strict({"text": "x" * 200_000, "body": ["a"] * 20_000})


def test_each_element_and_each_character_counts() -> None:
    def spent(text: str, document: Any) -> int:
        budget = Budget()
        compute(jmespath.compile(text).parsed, document, budget)
        return Budget().left - budget.left

    for text, one in (("[*].a", {"a": 1}), ("[?a]", {"a": 1}), ("sort(@)", "a"), ("[]", []), ("map(&a, @)", {}),
                      ("max_by(@, &a)", {"a": 1}), ("@ == @", "a"), ("to_string(@)", 1)):  # fmt: skip
        assert spent(text, [one] * 2000) - spent(text, [one] * 1000) >= 1000, text
    for text in ("to_string([@])", "reverse(@)", "contains(@, 'x')", "@ == 'x'", "join(@, ['a', 'b'])", "starts_with(@, 'a')",
                 "'x' == @", "sort_by([@], &@)"):  # fmt: skip
        assert spent(text, "a" * 64_000) - spent(text, "a" * 32_000) >= 500, text
    assert spent("[:1]", [1] * 32_000) - spent("[:1]", [1] * 16_000) >= 1000


def test_the_budget_ends_at_the_same_step_whatever_the_machine_does() -> None:
    parsed = jmespath.compile("[*].{a: a, b: b}").parsed
    document, budget = [{"a": 1, "b": 2}] * 100, Budget()
    compute(parsed, document, budget)
    steps = Budget().left - budget.left
    assert compute(parsed, document, Budget(steps)) == document
    with pytest.raises(TooManySteps):
        compute(parsed, document, Budget(steps - 1))
