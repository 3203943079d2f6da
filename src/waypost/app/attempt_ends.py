"""How an attempt ends: its row, whether it is tried again, and what an answer that came late says of it."""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.ports import Tx
from waypost.app.ports.delivery import Claimed, Ended, OpenAttempt
from waypost.app.ports.kinds import Result
from waypost.domain.handover import Outcome, Policy, retry_delay_s

SECOND = 1_000_000  # microseconds
MESSAGE_AT_MOST = 2000  # characters
RESPONSE_AT_MOST = 64 * 1024  # characters
REFERENCE_AT_MOST = 200  # characters
CODE_AT_MOST = 100  # characters
NOT_TAKEN = (Outcome.REJECTED, Outcome.DEFERRED)


class Settlement(NamedTuple):
    """A result on its way into the database. `counts`: towards the policy's attempts; `chance`: 0 to 1, for jitter.

    `sent`: by a call of this worker, whoever holds the attempt now; else only its holder may say that nothing was.
    """

    attempt: Claimed
    worker: str
    result: Result
    policy: Policy
    chance: float
    counts: bool = True
    sent: bool = True
    lapsed: bool = False  # nobody knows: only if its lease has ended


def kept_text(text: str | None, at_most: int) -> str | None:
    """Text from outside as both databases can store it: no NUL, no lone surrogate, at most so many characters."""
    if text is None:
        return None
    whole = text[:at_most].replace("\0", "\N{REPLACEMENT CHARACTER}")
    # Header values that are not UTF-8 come as lone surrogates; a pair of surrogates is one character.
    return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def cleaned(result: Result) -> Result:
    """A result whose texts can be kept. Every result passes here before it is stored or shown."""
    return result._replace(
        code=kept_text(result.code, CODE_AT_MOST),
        message=kept_text(result.message, MESSAGE_AT_MOST),
        reference=kept_text(result.reference, REFERENCE_AT_MOST),
        response=kept_text(result.response, RESPONSE_AT_MOST),
    )


def ended_row(attempt: OpenAttempt, result: Result, now: int, job: Settlement | None = None) -> Ended:
    """The row of a settled attempt: whether and when it is tried again, by the source's policy."""
    outcome, retryable = result.outcome, result.retryable
    tries, next_at = attempt.tries, None
    if job is not None and outcome in (Outcome.DEFERRED, Outcome.REJECTED):
        tries += job.counts
        again = tries < job.policy.attempts
        if outcome is Outcome.DEFERRED and not again:
            outcome, retryable = Outcome.REJECTED, True  # it stood long enough: a person is told
        if again and (retryable or outcome is Outcome.DEFERRED):
            delay_s = retry_delay_s(job.policy, tries, job.chance) if tries else 0.0
            next_at = now + int(max(delay_s, result.retry_after_s or 0.0) * SECOND)
    return Ended(
        attempt.id, now, outcome, result.code, result.message,
        retryable if outcome is Outcome.REJECTED else None, result.reference, tries, next_at, result.status,
        result.response, result.duration_us,
    )  # fmt: skip


async def delivered_since(tx: Tx, jobs: Sequence[object]) -> set[int]:
    """The requests that were not taken this time, and of which an earlier attempt turned out to be delivered while
    this one was on its way."""
    ids = [
        job.attempt.id
        for job in jobs
        if isinstance(job, Settlement) and job.attempt.number > 1 and job.result.outcome in NOT_TAKEN
    ]
    return await tx.delivered_since(ids) if ids else set()


_FROM_BEFORE = " An answer that came late says that the source has it from before."


def in_doubt(result: Result) -> Result:
    """It was not taken this time, and the source has it from before: nobody sends it again unasked."""
    words = (result.message or "It was not taken.")[: MESSAGE_AT_MOST - len(_FROM_BEFORE)]
    return result._replace(outcome=Outcome.UNKNOWN, message=words + _FROM_BEFORE)
