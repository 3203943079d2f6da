"""Handing a request over to its source: what an attempt can come to, and when another is made. Pure.

An attempt is claimed, then sending, then settled. Whoever finds one that is sending and whose worker has gone
cannot know whether the source has the order: it is looked up, or it is unknown; it is never sent again unasked.
"""

from enum import StrEnum
from typing import NamedTuple

from waypost.domain.statuses import Status


class AttemptState(StrEnum):
    """How far an attempt has come. Only a claimed one may be taken over and sent by another worker."""

    CLAIMED = "claimed"
    SENDING = "sending"
    SETTLED = "settled"


class Outcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"  # the source has it
    ACKNOWLEDGED = "acknowledged"  # the source has it, and has confirmed it
    REJECTED = "rejected"  # the source does not want it, and says so
    DEFERRED = "deferred"  # the source does not have it, and may take it later: nothing is wrong with the request
    UNKNOWN = "unknown"  # it was sent, and nobody knows what became of it
    WITHDRAWN = "withdrawn"  # the request had moved before anything was sent


ARRIVED = (Outcome.DELIVERED, Outcome.ACKNOWLEDGED)

HANDOVER_OF: dict[Outcome, str | None] = {
    Outcome.DELIVERED: "delivered",
    Outcome.ACKNOWLEDGED: "delivered",
    Outcome.REJECTED: "rejected",
    Outcome.DEFERRED: None,
    Outcome.UNKNOWN: "unknown",
}
"""What the request remembers of its last hand-over."""

LATE_DELIVERY = "late_delivery"
LATE_REJECTION = "late_rejection"

# A source that acknowledges before it answers the hand-over surprises nobody; the rest is for a person to see.
_EXPECTED: dict[str, tuple[Status, ...]] = {
    LATE_DELIVERY: (Status.PROCESSING, Status.PROCESSED, Status.ACKNOWLEDGED),
    LATE_REJECTION: (Status.PROCESSING, Status.PROCESSING_ERROR, Status.CANCELED, Status.VOIDED),
}


def surprise(status: Status, outcome: Outcome) -> str | None:
    """Why somebody must look at a request that stands in `status` while its hand-over comes to `outcome`."""
    code = LATE_DELIVERY if outcome in ARRIVED else LATE_REJECTION if outcome is Outcome.REJECTED else None
    return code if code is not None and status not in _EXPECTED[code] else None


class Policy(NamedTuple):
    """How one source is handed requests. Seconds, requests; `rate` None is no limit."""

    attempts: int = 8  # of one attempt group that reach the source; the last failure is left to a person
    first_delay_s: float = 30.0
    longest_delay_s: float = 3600.0
    concurrency: int = 16
    rate: float | None = None  # per second
    failures: int = 5  # in a row, until the source counts as down
    pause_s: float = 15.0  # of a source that is down, before it is tried with one request
    longest_pause_s: float = 600.0


def retry_delay_s(policy: Policy, tries: int, chance: float) -> float:
    """How long to wait after the `tries`-th attempt: doubling, capped, half of it by `chance` (0 to 1)."""
    if tries < 1 or not 0 <= chance <= 1:
        raise ValueError(tries, chance)
    delay = min(policy.longest_delay_s, policy.first_delay_s * 2.0 ** min(tries - 1, 60))
    return delay / 2 + delay / 2 * chance
