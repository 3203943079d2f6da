"""Expressions and signatures: what settings are made of. Pure."""

import base64
import hashlib
import hmac

import pytest

from waypost.delivery.expressions import BadExpression, Expression, FailedExpression, UrlTemplate
from waypost.domain.handover import Policy, retry_delay_s
from waypost.outgoing.signing import plain_signature, standard_headers, standard_key


@pytest.mark.parametrize(
    "text",
    ["", "a[", "a..b", "[" * 300 + "@" + "]" * 300, "|".join(["[@,@]"] * 12), "[@,@,@,@]|[@,@,@,@]|[@,@,@,@]|[@,@,@,@]|[@,@,@,@]",
     "x" * 9000, "unknown_function(@)[", "[::0]", "items[1:2:0].sku"],
)  # fmt: skip
def test_an_expression_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadExpression):
        Expression(text)


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
    for ask in (failing, failing.strict, failing.holds):
        with pytest.raises(FailedExpression, match="was given values that it cannot work with"):
            ask({"none": None})
    assert failing.text({"none": None}) is None


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
