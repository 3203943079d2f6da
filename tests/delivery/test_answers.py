"""What an answer means: by rule, by status, and unknown wherever it cannot be told."""

import json
from typing import Any

import pytest

from waypost.app.attempt_ends import cleaned
from waypost.app.ports.kinds import Result
from waypost.delivery.sources.http import answers
from waypost.delivery.sources.http.answers import CompiledRule
from waypost.delivery.sources.http.redaction import Redaction
from waypost.delivery.sources.http.settings import Rule
from waypost.domain.handover import Outcome
from waypost.outgoing.calling import Answer


def answer(status: int, body: bytes = b"{}", complete: bool = True, **headers: str) -> Answer:
    """What came back."""
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, complete)


def read_answer(answer: Answer, rules: list[CompiledRule]) -> Result:
    """Of a source that has no credentials."""
    return answers.read_answer(answer, rules, Redaction(()))


def read_look_up(answer: Answer, rules: list[CompiledRule]) -> Result:
    """Of a source that has no credentials."""
    return answers.read_look_up(answer, rules, Redaction(()))


def rules(*given: dict[str, Any]) -> list[CompiledRule]:
    """Compiled."""
    return [CompiledRule(Rule(**one)) for one in given]


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [
        (200, "delivered", None), (201, "delivered", None), (204, "delivered", None),
        (301, "unknown", "outcome_unknown"), (302, "unknown", "outcome_unknown"),
        (400, "rejected", "source_rejected"), (401, "rejected", "credentials_invalid"),
        (403, "rejected", "credentials_invalid"), (404, "rejected", "source_rejected"),
        (408, "unknown", "outcome_unknown"), (409, "rejected", "duplicate_number"),
        (422, "rejected", "source_rejected"), (429, "deferred", "source_rate_limited"),
        (500, "unknown", "outcome_unknown"), (502, "unknown", "outcome_unknown"),
        (503, "deferred", "source_unreachable"), (504, "unknown", "outcome_unknown"),
    ],
)  # fmt: skip
def test_a_status_without_a_rule(status: int, outcome: str, code: str | None) -> None:
    result = read_answer(answer(status, b"<p>hm</p>"), [])
    assert (result.outcome, result.code, result.status) == (outcome, code, status)
    assert outcome in ("delivered",) or str(status) in (result.message or "")


REFUSES = {"outcome": "rejected", "status": ["2xx"], "when": "body.errors", "code_from": "body.errors[0].code",
           "codes": {"OOS": "out_of_stock"}, "message": "join('; ', body.errors[].text)"}  # fmt: skip


def test_an_error_inside_a_success_is_a_refusal() -> None:
    body = b'{"errors": [{"code": "OOS", "text": "none"}, {"code": "X", "text": "sorry"}]}'
    result = read_answer(answer(200, body), rules(REFUSES))
    assert (result.outcome, result.code, result.message) == ("rejected", "out_of_stock", "none; sorry")
    foreign = read_answer(answer(200, b'{"errors": [{"code": "NEW"}]}'), rules(REFUSES))
    assert (foreign.code, foreign.message) == ("source_rejected", "NEW")
    assert read_answer(answer(200, b'{"errors": []}'), rules(REFUSES)).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("text", ["\u200b", "\u3164\u2060", "\x01", "\u2800"])
def test_words_that_nobody_can_see_are_none(text: str) -> None:
    """Of a source: the reason is then what the hub itself can say."""
    body = json.dumps({"errors": [{"code": text, "text": text}], "number": text}).encode()
    refused = read_answer(answer(200, body), rules(REFUSES))
    assert (refused.code, refused.message) == ("source_rejected", "The source answered 200.")
    taken = read_answer(answer(200, body), rules({"outcome": "delivered", "confirmation_number": "body.number"}))
    assert (taken.outcome, taken.reference) == ("delivered", None)
    assert read_answer(answer(422, text.encode()), []).message == "The source answered 422."


@pytest.mark.parametrize("body", [b"<html>", b'{"cut": ', b"\xff\xfe", b'"\xff"', b"1e999", b"[" * 100_000])
def test_what_a_rule_cannot_read_is_unknown_unless_the_status_says_that_nothing_was_taken(body: bytes) -> None:
    reads = rules(REFUSES, {"outcome": "rejected", "status": ["4xx", 503], "when": "body.x"})
    assert read_answer(answer(200, body), reads).outcome is Outcome.UNKNOWN
    assert read_answer(answer(422, body), reads).outcome is Outcome.REJECTED
    assert read_answer(answer(503, body), reads).outcome is Outcome.DEFERRED
    assert read_answer(answer(200, body), []).outcome is Outcome.DELIVERED


def test_an_answer_that_is_too_long_cannot_be_read() -> None:
    assert read_answer(answer(200, b"{}", complete=False), rules(REFUSES)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("body", "is_read"),
    [
        (b'{"errors":"' + b"x" * (answers.JUDGED_AT_MOST - 13) + b'"}', True),
        (b'{"errors":"' + b"x" * (answers.JUDGED_AT_MOST - 12) + b'"}', False),
        (b'{"errors":[' + b",".join([b"0"] * (answers.VALUES_AT_MOST - 1)) + b"]}", True),
        (b'{"errors":[' + b",".join([b"0"] * answers.VALUES_AT_MOST) + b"]}", False),
    ],
    ids=["long", "too long", "many", "too many"],
)
def test_an_answer_that_would_take_long_to_read_decides_nothing(body: bytes, is_read: bool) -> None:
    """Its outcome is that of any answer that cannot be read."""
    given = rules({"outcome": "rejected", "status": ["2xx", "4xx"], "when": "body.errors", "code": "out_of_stock"})
    assert read_answer(answer(200, body), given).outcome == ("rejected" if is_read else "unknown")
    assert read_answer(answer(422, body), given).code == ("out_of_stock" if is_read else "source_rejected")


def test_the_first_rule_that_fits_decides() -> None:
    both = rules({"outcome": "deferred", "status": [409]}, {"outcome": "rejected", "status": ["4xx"]})
    assert read_answer(answer(409), both).outcome is Outcome.DEFERRED
    assert read_answer(answer(400), both).outcome is Outcome.REJECTED


def test_a_rule_may_say_what_the_source_calls_it() -> None:
    confirmed = rules({"outcome": "acknowledged", "when": "body.ok", "confirmation_number": "body.id"})
    result = read_answer(answer(200, b'{"ok": true, "id": 4711}'), confirmed)
    assert (result.outcome, result.reference) == ("acknowledged", "4711")


@pytest.mark.parametrize(
    ("retry_after", "date", "wait"),
    [
        ("7", "", 7.0), ("0", "", 0.0), ("soon", "", None), ("-1", "", None), ("", "", None), ("999999999", "", 86400.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", "", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:30 GMT", "Wed, 21 Oct 2026 07:28:00 GMT", None), ("\0,,", "x", None),
    ],
)  # fmt: skip
def test_retry_after(retry_after: str, date: str, wait: float | None) -> None:
    assert read_answer(answer(503, retry_after=retry_after, date=date), []).retry_after_s == wait


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "delivered"), (404, "deferred"), (410, "deferred"), (401, "unknown"), (429, "unknown"), (500, "unknown"),
     (503, "unknown")],
)  # fmt: skip
def test_a_look_up_says_that_it_is_there_that_it_is_not_or_nothing(status: int, outcome: str) -> None:
    assert read_look_up(answer(status), []).outcome == outcome


@pytest.mark.parametrize("when", ["merge(@, body.none)", "contains('x', `1`)", "ceil(to_number('1e999'))"])
@pytest.mark.parametrize("status", [200, 404, 422, 429, 503])
def test_what_a_rule_cannot_judge_is_unknown_whatever_the_status_says(status: int, when: str) -> None:
    """The rule might have said that the source has it."""
    judged = rules({"outcome": "delivered", "status": [302]}, {"outcome": "delivered", "when": when})
    result = read_answer(answer(status), judged)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "outcome_unknown")
    assert f"the expression {when}" in (result.message or "")
    assert "cannot work with" in (result.message or "")
    assert read_look_up(answer(status), judged).outcome is Outcome.UNKNOWN


def test_texts_are_kept_as_both_databases_can_store_them() -> None:
    """A header that is not UTF-8 comes with lone surrogates."""
    told = rules({"outcome": "rejected", "message": 'headers."x-why"', "code_from": "text"})
    result = cleaned(read_answer(answer(422, b"a\0b\xff", x_why="caf\udce9 \0\ud83d\ude00"), told))
    assert (result.message, result.response) == ("caf� �😀", "a�b�")
    long = Result(Outcome.REJECTED, "c" * 999, "m" * 9999, reference="r" * 999, response="x" * 99_999)
    kept = cleaned(long)
    assert [len(text or "") for text in (kept.code, kept.message, kept.reference, kept.response)] == [100, 2000, 200, 65536]
    assert cleaned(Result(Outcome.DELIVERED)) == Result(Outcome.DELIVERED)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"x": false}'])
@pytest.mark.parametrize(("status", "outcome"), [(401, "unknown"), (409, "unknown"), (429, "unknown"),
                                                 (503, "unknown"), (404, "deferred"), (410, "deferred")])  # fmt: skip
def test_a_rule_that_does_not_decide_makes_no_refused_look_up_an_order_that_is_not_there(
    status: int, outcome: str, body: bytes
) -> None:
    """Else credentials that have run out would have what the source has sent again."""
    asked = rules({"outcome": "unknown", "status": ["4xx", 503], "when": "body.x"})
    assert read_look_up(answer(status, body), asked).outcome == outcome
    absent = rules({"outcome": "rejected", "status": ["4xx", 503], "when": "body.x"})
    assert read_look_up(answer(status, b'{"x": true}'), absent).outcome == "rejected"
