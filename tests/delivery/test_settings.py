"""Expressions and signatures: what settings are made of. Pure."""

import base64
import hashlib
import hmac
import json
import time

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.app.ports.kinds import CannotWrite
from waypost.delivery.computing import compute
from waypost.delivery.evaluation import STEPS_AT_MOST, Budget, measure
from waypost.delivery.expressions import BadExpression, Expression, FailedExpression, UrlTemplate, fault_of
from waypost.delivery.sources.http.answers import CompiledRule, read_answer
from waypost.delivery.sources.http.kind import HttpSource
from waypost.delivery.sources.http.redaction import Redaction
from waypost.delivery.sources.http.settings import HttpSettings, Rule
from waypost.domain.handover import Outcome, Policy, retry_delay_s
from waypost.outgoing.calling import Answer, Caller
from waypost.outgoing.signing import plain_signature, standard_headers, standard_key
from waypost.outgoing.targets import Targets


def _nested(outer: str, inner: str, times: int) -> str:
    for _ in range(times):
        inner = outer.replace("{}", inner)
    return inner


@pytest.mark.parametrize(
    "text",
    [_nested("map(&[@,@], {})", "[number]", 36), _nested("map(&[@,@], [{}])", "[number]", 15), "", "a[", "a..b", "[" * 300 + "@" + "]" * 300, "|".join(["[@,@]"] * 12), "[@,@,@,@]|[@,@,@,@]|[@,@,@,@]|[@,@,@,@]|[@,@,@,@]",
     "x" * 9000, "unknown_function(@)[", "[::0]", "items[1:2:0].sku"],
)  # fmt: skip
def test_an_expression_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        Expression(text)


def test_calls_that_can_never_be_computed_are_told_but_go_on_as_they_did() -> None:
    good = ("length(@)", "merge(a, b, c)", "sort_by(items, &sku)", "not_null(a, max_by(items, &number))")
    assert [fault_of(text) for text in good] == [None] * len(good)
    assert fault_of("items[?lenght(sku) > `1`]") == "calls lenght(), which is no function of JMESPath"
    assert fault_of("map(&foo(@), items)") == "calls foo(), which is no function of JMESPath"
    assert fault_of("length(@, @)") == "calls length() with 2 arguments; it takes 1"
    assert fault_of("to_string(&sku)") == "calls to_string() with an expression reference (&…), which it does not take"
    assert fault_of("merge()") == "calls merge() with 0 arguments; it takes 1 or more"
    assert Expression("foo(@)")({}) is None, "it may stand in settings of an older release"


def test_what_is_wrong_is_said_in_words() -> None:
    assert fault_of("a[") == "is no JMESPath expression: Incomplete expression"
    assert fault_of("'x") == "is no JMESPath expression: Unclosed ' delimiter"
    assert fault_of("a b") == (
        'is no JMESPath expression: Unexpected token: b: Parse error at column 2, token "b" (UNQUOTED_IDENTIFIER)'
    )
    with pytest.raises(FailedExpression) as told:
        Expression("merge({n: number}, note && {note: note})").strict({"number": "A", "note": None})
    assert str(told.value) == (
        "in the expression merge({n: number}, note && {note: note}), merge() cannot work with what it is given: object, null"
    )


def test_expressions_pick_values() -> None:
    document = {"n": "A 1", "items": [{"sku": "X", "quantity": 2}, {"sku": "Y", "quantity": 1}]}
    assert Expression("{ref: n, lines: items[].{s: sku, q: quantity}}")(document) == {
        "ref": "A 1",
        "lines": [{"s": "X", "q": 2}, {"s": "Y", "q": 1}],
    }
    assert Expression("items[1:].sku")(document) == ["Y"]
    assert Expression("sum(n)")(document) is None
    with pytest.raises(BadExpression):
        Expression("sum(n)").strict(document)
    assert [Expression(text).holds(document) for text in ("items", "none", "n", "length(n) > `9`")] == [
        True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["merge(@, none)", "floor(to_number('nan'))", "ceil(to_number('1e999'))", "contains('x', `1`)",
     "max_by([{a: `1`}, {a: 'x'}], &a)", "`1` < 'x'"],
)  # fmt: skip
def test_what_the_library_fails_on_is_an_error_of_our_own(text: str) -> None:
    """Never a value, and never an error that nobody expects."""
    failing = Expression(text)
    for ask in (failing, failing.strict, failing.holds, failing.text):
        with pytest.raises(FailedExpression, match=r"cannot work with") as told:
            ask({"none": None})
        if "(" in text:
            assert f"{text.partition('(')[0]}() cannot work with what it is given: " in str(told.value)
    assert failing.text_if_any({"none": None}) is None


HUNDRED = "`[" + ",".join("1" * 100) + "]`"
EMPTIES = "`[" + ",".join(['""'] * 100) + "]`"
THIRTY = "[" + ",".join("@" * 30) + "]"
HELD = f"({THIRTY} | {THIRTY})"  # the document 900 times
LARGE = {"number": "A 1", "items": [{"sku": f"S-{n * 7919 % 1000}", "quantity": n, "note": "x" * 20} for n in range(1000)]}
# Each is accepted: what it copies of the document is little. Without a budget some would take hours, or all memory.
BOMBS = {
    "visits": _nested(f"map(&{{}}, {HUNDRED})", "@", 15),
    "visits of a filter": _nested(f"{HUNDRED}[?{{}}]", "`true`", 12),
    "keys of a sort": _nested(f"length(to_string(sort_by({HUNDRED}, &{{}})))", "@", 8),
    "long text": _nested(f"join({{}}, {EMPTIES})", "number", 12),
    "long lists": _nested(f"map(&{{}}, {HUNDRED})[]", f"{HUNDRED}[]", 8),
    "lists of lists": "[" + ",".join(["items"] * 200) + "][]",
    "values that are held many times, as text": f"to_string({HELD})",
    "values that are held many times, compared": f"{THIRTY} == {THIRTY}",
    "values that are held many times, searched": f"contains({THIRTY}, {THIRTY})",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_takes_too_many_steps_is_given_up(name: str) -> None:
    failing = Expression(BOMBS[name])
    for ask in (failing, failing.strict, failing.holds, failing.text):
        with pytest.raises(FailedExpression, match="takes too long to compute"):
            ask(LARGE)
    assert failing.text_if_any(LARGE) is None


def test_a_url_and_an_answer_have_one_budget_for_all_their_expressions() -> None:
    each = "max_by(items, &quantity).sku"
    assert UrlTemplate("https://a.example/{" + each + "}").filled(LARGE) == "https://a.example/S-81"
    with pytest.raises(BadExpression, match="takes too long to compute"):
        UrlTemplate("https://a.example/" + ("{" + each + "}") * 50).filled(LARGE)
    rule = {"outcome": "delivered", "when": "max_by(body.items, &quantity).sku == 'none'"}
    answer = Answer(200, {}, json.dumps(LARGE).encode(), True)
    assert read_answer(answer, [CompiledRule(Rule(**rule))] * 10, Redaction(())).outcome is Outcome.DELIVERED
    result = read_answer(answer, [CompiledRule(Rule(**rule))] * 50, Redaction(()))
    assert (result.outcome, "takes too long to compute" in str(result.message)) == (Outcome.UNKNOWN, True)


def test_a_large_request_needs_two_fifths_of_the_budget_at_most() -> None:
    members = "a: sku, b: quantity, c: note, d: sku, e: quantity, f: note, g: sku, h: quantity, i: note, j: join('-', [sku, note])"
    parsed = jmespath.compile("{number: number, lines: sort_by(items, &sku)[].{" + members + "}}").parsed
    value = compute(parsed, LARGE, Budget(STEPS_AT_MOST * 2 // 5))
    assert [len(value["lines"]), value["lines"][0]["a"], len(value["lines"][0])] == [1000, "S-0", 10]


def test_a_type_error_does_not_quote_the_value() -> None:
    with pytest.raises(BadExpression, match=r"^sum\(\) does not take a value of the type object$"):
        Expression("sum(@)").strict(LARGE)


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda one: st.lists(one) | st.dictionaries(st.text(), one), max_leaves=10))  # fmt: skip
def test_the_measure_of_a_value_is_no_more_than_its_json(value: object) -> None:
    """What is refused for its weight would have been refused for its bytes."""
    values, characters = measure(value, 10**9, 10**9)
    assert values <= characters <= len(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def test_a_body_that_is_far_too_large_is_refused_before_it_is_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Caller(Targets(()))
    monkeypatch.setattr("waypost.delivery.sources.http.kind._written", lambda value: pytest.fail("it was encoded"))
    values, texts = {"items": ["", ""] * 100}, {"long": "x" * 600_000}
    for body, document, why in ((HELD, values, "more than 100,000 names and values"),
                                ("[long, long]", texts, "more than 1048576 bytes")):  # fmt: skip
        source = HttpSource(HttpSettings("https://a.example/", body=body), {}, caller, time.time)
        with pytest.raises(CannotWrite, match=why):
            source.write({**document, "idempotencyKey": "k"})


def test_a_url_and_the_body_share_a_budget() -> None:
    document = {**LARGE, "idempotencyKey": "k"}
    body = "items[].{a: sku, b: quantity, c: note, d: sku, e: quantity, f: note, g: sku, h: quantity, i: note}"
    caller, small = Caller(Targets(())), "{max_by(items, &quantity).sku}"
    for url, own in ((small, body), (small * 45, "number")):
        assert HttpSource(HttpSettings(f"https://a.example/{url}", body=own), {}, caller, time.time).write(document)
    source = HttpSource(HttpSettings(f"https://a.example/{small * 45}", body=body), {}, caller, time.time)
    with pytest.raises(CannotWrite, match="takes too long to compute"):
        source.write(document)


def test_what_one_expression_fills_into_a_url_is_short() -> None:
    assert len(UrlTemplate("https://a.example/{n}").filled({"n": "x" * 2000})) == len("https://a.example/") + 2000
    with pytest.raises(BadExpression, match="gives 2,001 characters, at most 2,000 are sent"):
        UrlTemplate("https://a.example/{n}").filled({"n": "x" * 2001})


def test_what_is_not_finite_is_no_text() -> None:
    assert [Expression(f"to_number('{text}')").text({}) for text in ("nan", "inf", "-1e999", "1.5")] == [None, None, None, "1.5"]


def test_urls_are_filled_in_and_encoded() -> None:
    template = UrlTemplate("https://a.example/{n}/x?q={items[0].sku}")
    assert template.filled({"n": "A/1 ü", "items": [{"sku": "&"}]}) == "https://a.example/A%2F1%20%C3%BC/x?q=%26"
    with pytest.raises(BadExpression):
        template.filled({"n": None, "items": []})
    with pytest.raises(BadExpression, match="Unicode"):
        template.filled({"n": "\ud800", "items": [{"sku": "x"}]})


def test_delays_double_are_capped_and_half_of_each_is_chance() -> None:
    policy = Policy(first_delay_s=10, longest_delay_s=60)
    assert [retry_delay_s(policy, tries, 1.0) for tries in (1, 2, 3, 4, 5, 1000)] == [10, 20, 40, 60, 60, 60]
    assert [retry_delay_s(policy, tries, 0.0) for tries in (1, 2, 3)] == [5, 10, 20]
    for tries, chance in ((0, 0.5), (1, 1.5)):
        with pytest.raises(ValueError, match=str(tries)):
            retry_delay_s(policy, tries, chance)


def test_signatures_are_those_of_standard_webhooks() -> None:
    key = b"k" * 24
    secret = "whsec_" + base64.b64encode(key).decode()
    assert standard_key(secret) == key
    headers = standard_headers(key, "fr-1", 1_700_000_000, b"{}")
    expected = base64.b64encode(hmac.new(key, b"fr-1.1700000000.{}", hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert plain_signature("s", "sha512", "hex", b"x") == hmac.new(b"s", b"x", "sha512").hexdigest()
    for bad in ("k", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()):
        with pytest.raises(ValueError, match="must"):
            standard_key(bad)
