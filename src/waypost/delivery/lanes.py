"""One lane a source: its settings as read, its gate, and the requests that are at hand for it."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from waypost.app.ports.delivery import Claimed, SourceDelivery
from waypost.app.ports.kinds import Document, Kind, Letter, Recipient
from waypost.delivery.gates import Gate
from waypost.domain.handover import Policy

MOST_AHEAD = 4  # times as many requests at hand as may be under way at once
SOON_S = 0.5  # a source that has used up what was claimed this soon is given more at a time
LATE_S = 2.0  # and less again after this


class Limits(NamedTuple):
    """What bounds a worker. Seconds; `in_flight`: calls at once, over all sources."""

    in_flight: int = 64
    claim_s: float = 60.0  # the lease of a claim: half of it is for waiting, half for beginning
    sending_s: float = 240.0  # the lease of an attempt that is sending: `fresh_s` and the longest call lie well within
    call_s: float = 120.0  # the longest call: the largest `timeoutS` that a setting allows
    fresh_s: float = 20.0  # how soon after it asked for `sending` a call must leave: who stood still sends nothing
    idle_s: float = 0.25  # between two looks for work
    quiet_s: float = 1.0  # after a claim that found nothing although something stands in Processing
    settings_s: float = 1.0  # between two looks at how sources are handed over
    retries_s: float = 1.0  # between two looks for what is to be tried again
    sweep_s: float = 2.0  # between two looks for what others left
    outage_s: float = 15.0  # after the database was away: those who know how it went write it first
    stop_s: float = 5.0  # what runs may take so long once the worker is told to stop


DEFAULT_LIMITS = Limits()


class Job(NamedTuple):
    """A claimed request, written for its source. `claimed_s`: of the clock that never goes back.

    `recipient`: the settings that it is written with. It is sent and looked up by these: not everything that is new
    belongs to where it goes.
    """

    attempt: Claimed
    recipient: Recipient
    document: Document
    letter: Letter
    version: int
    settings_version: int
    claimed_s: float


def policy_of(row: SourceDelivery) -> Policy:
    """The policy of a source; what is missing has its default."""
    given: dict[str, Any] = msgspec.json.decode(row.policy)
    return Policy(**{name: value for name, value in given.items() if name in Policy._fields})


class Lane:
    """A source that is handed its requests."""

    def __init__(self, row: SourceDelivery, kind: Kind, now: float) -> None:
        self.row = row
        self.recipient: Recipient = kind.open(row.settings, row.secrets)
        self.gate = Gate(policy_of(row), now)
        self.ready: deque[Job] = deque()
        self.told_down = False  # whether people are told so, by this worker or another one
        self.quiet_until = now  # what waits is held, put off, or with another worker
        self._ahead = 1
        self._took_at = now

    def renew(self, row: SourceDelivery, kind: Kind) -> None:
        """Its settings have changed. What the gate knows of the source stays; what was written is written again.

        Raises what keeps the new settings from being used.
        """
        self.recipient, self.gate.policy = kind.open(row.settings, row.secrets), policy_of(row)
        self.row = row

    def appetite(self, now: float) -> int:
        """How many requests to have at hand; more where they go fast, so that claims are few."""
        once = self.gate.appetite(now)
        steady = self.gate.is_down or self.gate.policy.rate is not None
        return once if steady else once * self._ahead

    def is_hungry(self, now: float) -> bool:
        """Whether half of that is used up."""
        return len(self.ready) * 2 <= self.appetite(now)

    def wanted(self, now: float) -> int:
        """How many more to claim."""
        if now < self.quiet_until or not self.is_hungry(now):
            return 0
        return max(self.appetite(now) - len(self.ready), 0)

    def took(self, now: float) -> None:
        """It was claimed for."""
        since_s, self._took_at = now - self._took_at, now
        if since_s < SOON_S:
            self._ahead = min(self._ahead * 2, MOST_AHEAD)
        elif since_s > LATE_S:
            self._ahead = 1


Kinds = Mapping[str, Kind]
