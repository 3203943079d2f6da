"""Handing over: attempts, and how each source is handed its requests, as they are kept."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.app.ports.secrets import Secret
from waypost.domain.fulfillment import FulfillmentRequest


class SourceDelivery(NamedTuple):
    """How a source is handed its requests. A source without such a row polls."""

    source_id: int
    account_id: int
    kind: str
    settings: str  # JSON object, as the kind has checked it; nothing secret
    secrets: Secret | None  # JSON object, never shown; None: they cannot be opened with the keys that there are
    policy: str  # JSON object; what is missing has its default
    paused: bool
    version: int
    created_at: int
    updated_at: int


class Attempt(NamedTuple):
    """One hand-over. Times in microseconds; `number` counts from 1 within the request."""

    id: int
    account_id: int
    source_id: int
    request_id: int
    number: int
    release: int  # the request's `attempt_count` when it was claimed
    attempt_group: int  # the release that a person gave: what the worker tries again stays in the group
    idempotency_key: str  # one a group
    tries: int  # of the group so far that count towards the policy's attempts
    state: str
    worker: str
    lease_until: int
    claimed_at: int
    sending_at: int | None
    settled_at: int | None
    outcome: str | None
    code: str | None
    message: str | None
    retryable: bool | None
    reference: str | None  # what the source calls it
    next_at: int | None  # deferred: not before; rejected: tried again then
    retried_as: int | None  # the release that the worker's retry was
    request: str | None  # JSON: method, url, headers (secrets left out), body
    response_status: int | None
    response: str | None  # the beginning of its body
    duration_us: int | None
    late_outcome: str | None  # an answer that came when the attempt had been given up
    late_at: int | None
    settings_version: int | None  # of its source's delivery settings, by which it was written; None: not known


class Claimed(NamedTuple):
    """What a worker has taken on: the first columns of the attempt."""

    id: int
    account_id: int
    source_id: int
    request_id: int
    number: int
    release: int
    attempt_group: int
    idempotency_key: str
    tries: int


class RetryPlace(NamedTuple):
    """Where an attempt stands among those of its source that are to be tried again; the first stands behind (0, 0)."""

    source_id: int
    next_at: int = 0
    id: int = 0


class Retry(NamedTuple):
    """An attempt that its source has rejected for now, and the moment from which on it is tried again."""

    attempt: Claimed
    next_at: int

    @property
    def place(self) -> RetryPlace:
        """Where it stands."""
        return RetryPlace(self.attempt.source_id, self.next_at, self.attempt.id)


class OpenAttempt(NamedTuple):
    """An attempt as far as settling it must know it; its request is locked."""

    id: int
    account_id: int
    source_id: int
    request_id: int
    number: int
    release: int
    tries: int
    state: str
    worker: str
    lease_until: int
    outcome: str | None
    late_outcome: str | None
    retried_as: int | None


class Started(NamedTuple):
    """An attempt that begins to send."""

    id: int
    sending_at: int
    lease_until: int
    request: str
    settings_version: int


class Ended(NamedTuple):
    """What an attempt came to, as it is written."""

    id: int
    settled_at: int
    outcome: str
    code: str | None
    message: str | None
    retryable: bool | None
    reference: str | None
    tries: int
    next_at: int | None
    response_status: int | None
    response: str | None
    duration_us: int | None


class Confirmed(NamedTuple):
    """What a source calls a request."""

    id: int
    confirmation_number: str


class Papers(NamedTuple):
    """A request with what else is told to its source: its order, its channel, the source itself."""

    image: FulfillmentRequest
    order_number: str
    order_reference: str | None
    ordered_at: int
    payment_status: str | None
    order_fields: str  # JSON array of custom fields
    channel_name: str
    source_name: str
    source_reference: str | None


class DeliveryReads(Protocol):
    """The part of `Reads` that is about handing over. What has no scope is for the worker."""

    async def delivery(self, scope: Scope, source_id: int) -> SourceDelivery | None:
        """How a source is handed its requests; None: it polls, or the scope sees no such source."""
        ...

    async def attempts(self, scope: Scope, request_id: int, limit: int) -> list[Attempt] | None:
        """The latest attempts of a request, oldest first; None where the scope sees no such request."""
        ...

    async def papers(self, request_ids: Sequence[int]) -> list[Papers]:
        """These requests with their orders, by id."""
        ...

    async def deliveries(self, kinds: Sequence[str]) -> list[SourceDelivery]:
        """Every source of these kinds that is neither paused nor archived."""
        ...

    async def waiting_sources(self, source_ids: Sequence[int], now: int) -> list[int]:
        """Which of these have requests that may be handed over now and are not being sent."""
        ...

    async def told_down(self, source_ids: Sequence[int]) -> set[int]:
        """Of which of these people are told that they are down, by whichever worker."""
        ...

    async def lapsed(self, now: int, limit: int, after: int = 0) -> list[Claimed]:
        """Attempts that are sending although their lease has ended, by request; `after`: of later requests only."""
        ...

    async def retrying_sources(self, source_ids: Sequence[int], now: int) -> list[int]:
        """Those of these sources of which something rejected is to be tried again by now."""
        ...

    async def due_retries(self, after: Sequence[RetryPlace], now: int, each: int) -> list[Retry]:
        """Rejected attempts that are to be tried again by now, by their places: of each source, the next `each`."""
        ...


class DeliveryTx(Protocol):
    """The part of `Tx` that is about handing over. Requests are locked before their attempts are."""

    async def claim_requests(
        self, source_id: int, worker: str, count: int, now: int, lease_until: int, waited: bool
    ) -> list[Claimed]:
        """Take on requests of a source that may be handed over now and that nobody has taken on.

        `waited`: of those that were held or put off, those whose time came first; else of the others, the oldest.
        """
        ...

    async def take_over_claims(
        self, source_id: int, worker: str, count: int, now: int, lease_until: int
    ) -> list[Claimed]:
        """Take over what another worker has claimed, and not begun to send before its lease ended."""
        ...

    async def end_waits(self, now: int, limit: int) -> int:
        """Let go what was put off, or is to be tried again later, by a clock that ran ahead; how many it were.

        At most `limit` of each kind. What was put off is not looked at again; what is to be tried again is, until then.
        """
        ...

    async def take_over_sending(self, attempt_id: int, worker: str, now: int, lease_until: int) -> int:
        """Become the one who finds out what became of an attempt whose lease has ended; 0: it is not to be had."""
        ...

    async def prolong_lease(self, attempt_id: int, worker: str, lease_until: int) -> int:
        """Of an attempt that this worker is sending; 0: it is not."""
        ...

    async def release_claims(self, worker: str, source_id: int | None, now: int) -> int:
        """Let go of what this worker has claimed and not begun to send, for one source or (None) for all."""
        ...

    async def limit_leases(self, source_ids: Sequence[int] | None, latest: int) -> int:
        """End no lease later than `latest`: they were given while the clock ran ahead.

        Of what is being sent to these sources, or of all that is open.
        """
        ...

    async def open_attempts(self, ids: Sequence[int]) -> dict[int, OpenAttempt]:
        """Lock and load these."""
        ...

    async def delivered_since(self, ids: Sequence[int]) -> set[int]:
        """The requests of these attempts of which another one turned out to be delivered since this one's claim."""
        ...

    async def note_late(self, late: Sequence[tuple[str, int, int]]) -> None:
        """Keep (outcome, moment, attempt id) of answers that came late."""
        ...

    async def mark_retried(self, retried: Sequence[tuple[int | None, int]]) -> None:
        """(release or None, attempt id): it was tried again as that release, or will not be."""
        ...

    async def source_delivery(self, scope: Scope, source_id: int) -> SourceDelivery | None:
        """As `DeliveryReads.delivery`, locked."""
        ...

    async def write_delivery(self, row: SourceDelivery) -> None:
        """Insert it, or put it in the place of the one there is."""
        ...
