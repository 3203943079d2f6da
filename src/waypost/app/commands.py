"""What is asked of the road, and what comes back: the vocabulary of `app.transitions`."""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.domain.adjust import LineChange
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Refusal
from waypost.domain.statuses import Status


class IdempotencyKey(NamedTuple):
    """A caller's key with the fingerprint of its call (contract section 1.4)."""

    family: int
    key: str
    operation: str
    fingerprint: bytes


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


Details = FailureReport | Adjustment | Accounting | None


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
    key: IdempotencyKey | None = None
    dry_run: bool = False
    wants_image: bool = True
    outcome: str | None = None  # of a hand-over


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
    """A kept idempotency record. `outcome` is JSON, versioned by its first element."""

    operation: str
    fingerprint: bytes
    outcome: str


def scopes_of(commands: Sequence[Command]) -> list[int]:
    """The accounts of a batch, each once, in order of id: the order in which their counters are locked."""
    return sorted({command.actor.scope.account_id for command in commands})
