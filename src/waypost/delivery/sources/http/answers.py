"""What a source's answer means: the first rule that fits, else what its status says. Pure.

Where it cannot be told whether the source has the order, the outcome is unknown; nothing is ever guessed.
"""

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import msgspec

from waypost.app.ports.kinds import Result
from waypost.delivery.evaluation import Budget
from waypost.delivery.expressions import Expression, FailedExpression, expression
from waypost.delivery.sources.http.redaction import Redaction
from waypost.delivery.sources.http.settings import Rule, StatusRange
from waypost.domain.failures import is_retryable
from waypost.domain.handover import ARRIVED, Outcome
from waypost.domain.texts import trimmed
from waypost.outgoing.calling import Answer

LONGEST_WAIT_S = 24 * 3600.0
JUDGED_AT_MOST = 256 * 1024  # bytes of an answer that rules read
VALUES_AT_MOST = 20_000  # commas and opening brackets in it

_decode = msgspec.json.Decoder().decode


class Meaning(NamedTuple):
    """What an answer comes to."""

    outcome: Outcome
    code: str | None
    message: str | None
    retryable: bool
    reference: str | None = None


class CompiledRule:
    """A rule, ready to be tried. `at`: where the settings have it, for messages."""

    def __init__(self, rule: Rule, at: str = "rule") -> None:
        self._at = at
        self._outcome = Outcome(rule.outcome)
        self._statuses = rule.status
        self._when = _maybe(rule.when)
        self._code = rule.code
        self._code_from = _maybe(rule.code_from)
        self._codes = rule.codes
        self._message = _maybe(rule.message)
        self._retryable = rule.retryable
        self._reference = _maybe(rule.confirmation_number)

    @property
    def reads_body(self) -> bool:
        """Whether it needs more than the status to decide."""
        return self._when is not None

    def covers(self, status: int) -> bool:
        """Whether the status is one of its own."""
        return self._statuses is None or any(_is_in(status, one) for one in self._statuses)

    def meaning(self, seen: dict[str, Any], budget: Budget) -> Meaning | None:
        """What it makes of an answer; None where it does not fit. Unknown where `when` fails: it may have fitted.

        `budget`: the steps that are left for this answer; all rules share them.
        """
        try:
            if self._when is not None and not self._when.holds(seen, budget):
                return None
        except FailedExpression as error:
            words = f"The source answered {seen['status']}; {self._at} cannot judge that answer: {error}."
            return Meaning(Outcome.UNKNOWN, "outcome_unknown", words, False)
        reference = self._reference.text_if_any(seen, budget) if self._reference else None
        if self._outcome in ARRIVED:
            return Meaning(self._outcome, None, None, False, reference)
        own = self._code_from.text_if_any(seen, budget) if self._code_from else None
        code = self._codes.get(own or "", self._code) or _USUAL_CODE[self._outcome]
        message = self._message.text_if_any(seen, budget) if self._message else None
        retryable = is_retryable(code) if self._retryable is None else self._retryable
        return Meaning(self._outcome, code, message or own, retryable)


_USUAL_CODE = {Outcome.REJECTED: "source_rejected", Outcome.DEFERRED: "source_unreachable",
               Outcome.UNKNOWN: "outcome_unknown"}  # fmt: skip


def _maybe(text: str | None) -> Expression | None:
    return None if text is None else expression(text)


def _is_in(status: int, one: StatusRange) -> bool:
    return status == one if isinstance(one, int) else status // 100 == int(one[0])


# What a status says where no rule decides. 5xx but 503 may come from something between us and the source, after the
# source has taken the order; 3xx is not followed.
_BY_STATUS: dict[int, tuple[Outcome, str]] = {
    401: (Outcome.REJECTED, "credentials_invalid"),
    403: (Outcome.REJECTED, "credentials_invalid"),
    408: (Outcome.UNKNOWN, "outcome_unknown"),
    409: (Outcome.REJECTED, "duplicate_number"),
    429: (Outcome.DEFERRED, "source_rate_limited"),
    503: (Outcome.DEFERRED, "source_unreachable"),
}
_BY_CLASS = {2: (Outcome.DELIVERED, ""), 4: (Outcome.REJECTED, "source_rejected")}


def read_answer(answer: Answer, rules: Sequence[CompiledRule], redaction: Redaction) -> Result:
    """The outcome of a hand-over that was answered; none of its texts holds a secret.

    Rules read the answer as it came, so that nothing removed changes what they decide; what they take out is searched.
    """
    text = answer.body[:JUDGED_AT_MOST].decode("utf-8", "replace")
    kept = redaction.text(text)
    meaning = _by_rules(answer, text, rules) or _by_status(answer.status, kept)
    wait_s = _retry_after_s(answer.headers) if meaning.outcome is not Outcome.DELIVERED else None
    message = meaning.message and redaction.text(meaning.message)
    if meaning.outcome not in ARRIVED:
        message = message or f"The source answered {answer.status}."
    outcome, code, _, retryable, reference = meaning
    if reference is not None and redaction.text(reference) != reference:
        reference = None  # a part of a number is no number
    return Result(outcome, code or None, message, retryable, reference, wait_s, answer.status, kept)


def _by_rules(answer: Answer, text: str, rules: Sequence[CompiledRule]) -> Meaning | None:
    covering = [rule for rule in rules if rule.covers(answer.status)]
    if not covering:
        return None
    try:
        readable = answer.complete and _is_short(answer.body)
        body = _decode(answer.body) if readable and answer.body else None
    except Exception:  # no JSON, no UTF-8, nested too deep: it cannot be read, whatever the reason
        body, readable = None, False
    headers = {name.lower(): value for name, value in answer.headers.items()}
    seen = {"status": answer.status, "headers": headers, "body": body, "text": text}
    budget = Budget()
    for rule in covering:
        if rule.reads_body and not readable:
            # The rule might have said anything: an answer that cannot be read decides nothing.
            return _unreadable(answer.status)
        meaning = rule.meaning(seen, budget)
        if meaning is not None:
            return meaning
    return None


def _is_short(body: bytes) -> bool:
    """Whether it has few enough values to be read while everybody waits: no source needs more to say yes or no."""
    return len(body) <= JUDGED_AT_MOST and sum(map(body.count, (b",", b"[", b"{"))) <= VALUES_AT_MOST


def _unreadable(status: int) -> Meaning:
    """Statuses that say that nothing was taken say so whatever the body is."""
    if status // 100 == 4 or status == 503:
        return _by_status(status, "")
    words = f"The source answered {status} with something that cannot be read."
    return Meaning(Outcome.UNKNOWN, "outcome_unknown", words, False)


def _by_status(status: int, text: str) -> Meaning:
    outcome, code = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, (Outcome.UNKNOWN, "outcome_unknown"))
    if outcome in ARRIVED:
        return Meaning(outcome, None, None, False)
    said = trimmed(" ".join(text.split())[:300]).removesuffix(".")
    message = f"The source answered {status}{': ' + said if said else ''}."
    return Meaning(outcome, code, message, code != "" and is_retryable(code))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """`Retry-After`: seconds, or a moment by the source's own clock, which its `Date` tells."""
    written = headers.get("retry-after", "").strip()
    if written.isascii() and written.isdigit():
        return min(float(written[:9]), LONGEST_WAIT_S)
    try:
        until, now = parsedate_to_datetime(written), parsedate_to_datetime(headers.get("date", ""))
        return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT_S)
    except Exception:  # whatever the parser makes of a date such as one of the year 99999999999999999999
        return None


def read_look_up(answer: Answer, rules: Sequence[CompiledRule], redaction: Redaction) -> Result:
    """What became of a request, by the answer to a look-up: `deferred` means that the source has not got it."""
    result = read_answer(answer, rules, redaction)
    if _is_ruled(answer, rules):
        return result
    # Without a rule, 404 and 410 say that there is no such order; any other refusal says nothing about the order.
    if result.outcome is Outcome.REJECTED and answer.status in (404, 410):
        return result._replace(outcome=Outcome.DEFERRED)
    if result.outcome in (Outcome.REJECTED, Outcome.DEFERRED):
        return result._replace(outcome=Outcome.UNKNOWN)  # the look-up was not answered, the order may well be there
    return result


def _is_ruled(answer: Answer, rules: Sequence[CompiledRule]) -> bool:
    """Whether a rule decides. That one is about the status is not enough: its `when` may not hold, or be unreadable."""
    meaning = _by_rules(answer, answer.body[:JUDGED_AT_MOST].decode("utf-8", "replace"), rules)
    return meaning is not None and meaning != _unreadable(answer.status)
