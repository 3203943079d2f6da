"""What is asked of the road, and what comes back: the vocabulary of `app.transitions`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.domain.adjust import LineChange
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.handover import Outcome
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Refusal
from waypost.domain.statuses import Status


class IdempotencyKey(NamedTuple):
    """A caller's key with the fingerprint of its call (contract section 1.4)."""

    family: int
    key: str
    operation: str
    fingerprint: bytes

    @property
    def name(self) -> "KeyName":
        """What tells it from others."""
        return self.family, self.key


KeyName = tuple[int, str]
"""The family of tokens that a key belongs to, and the key."""


class FailureReport(NamedTuple):
    """Why it failed. `retryable` None: what the registry says of the code."""

    reason: str
    code: str = "other"
    retryable: bool | None = None
    line_ids: tuple[int, ...] = ()


class Adjustment(NamedTuple):
    """The input of adjust; no changes and no cancel: acknowledge all that is open."""

    changes: tuple[LineChange, ...] = ()
    cancel_unacknowledged: bool = False


class Accounting(NamedTuple):
    """The input of accounting-sync; None leaves a field as it is. `items`: (line id, external id)."""

    synced: bool | None = None
    external_id: str | None = None
    error: str | None = None
    items: tuple[tuple[int, str | None], ...] = ()


class Invoicing(NamedTuple):
    """The invoice that a source has sent."""

    invoice_id: int = 0


class Shipping(NamedTuple):
    """What a shipment carries: (line id, quantity, field of the input it came from)."""

    pieces: tuple[tuple[int, int, str], ...]
    shipment_id: int = 0


class Correction(NamedTuple):
    """By how much a shipment's pieces change; quantities may be negative."""

    pieces: tuple[tuple[int, int, str], ...]
    shipment_id: int = 0


class StockRelease(NamedTuple):
    """Whose stock is given back; nothing named: all lines'."""

    line_ids: tuple[int, ...] = ()
    skus: tuple[str, ...] = ()


class LineEdit(NamedTuple):
    """What changes of one line; None leaves it. A smaller quantity gives the rest back to the order."""

    line_id: int
    quantity: int | None = None
    cost: int | None = None
    sku: str | None = None
    title: str | None = None


class Edit(NamedTuple):
    """The input of a repair by hand: columns of `Particulars` with their new values, and lines."""

    content: Mapping[str, Any] = {}
    care: Mapping[str, Any] = {}  # assignee, snoozed_until
    lines: tuple[LineEdit, ...] = ()

    @property
    def outcome(self) -> str:
        """Which row of the table: what the source would be told, or only who cares for it."""
        return "content" if self.content or self.lines else "care"


class QuantityUpdate(NamedTuple):
    """Variants of which their source has told how many it has: what has shipped is given back."""

    variant_ids: frozenset[int]


class Handover(NamedTuple):
    """What a hand-over came to (None: it begins). `report` tells why, where it is rejected or unknown."""

    outcome: Outcome | None
    attempt: int  # of the request, from 1
    release: int  # which release of the request the attempt belongs to: its `attempt_count` then
    report: FailureReport | None = None
    reference: str | None = None  # what the source calls it
    next_at: int | None = None  # deferred: not before


Details = (
    FailureReport | Adjustment | Accounting | Shipping | Correction | StockRelease | QuantityUpdate | Edit | Invoicing
    | Handover | None
)  # fmt: skip


class Command(NamedTuple):
    """One asked-for change of one fulfillment request."""

    action: Action
    request_id: int
    actor: Actor
    call_id: str | None = None  # X-Request-Id
    details: Details = None
    reason: str | None = None
    kill: bool = False
    confirm_resend: bool = False
    expected: frozenset[int] | str | None = None  # If-Match: versions, or "*"
    dry_run: bool = False
    wants_image: bool = True
    outcome: str | None = None  # part of the key of the table: of a hand-over, and of the worker's own retry


class Done(NamedTuple):
    """A success: moved, or found already so. `image` is the request afterwards, where it was wanted."""

    action: Action
    moved: bool
    from_status: Status
    to_status: Status
    version: int
    image: FulfillmentRequest | None
    replayed: bool = False
    dry_run: bool = False


Settled = Done | Refusal


class KeyRow(NamedTuple):
    """A kept idempotency record. `outcome` is JSON; `app.idempotency` writes and reads it."""

    operation: str
    fingerprint: bytes
    outcome: str


def scopes_of(commands: Sequence[Command]) -> list[int]:
    """The accounts of a batch, each once, in order of id: the order in which their counters are locked."""
    return sorted({command.actor.scope.account_id for command in commands})


def matches(expected: frozenset[int] | str | None, version: int) -> bool:
    """Whether If-Match allows this version."""
    return expected is None or expected == "*" or version in expected
