"""The life cycle of a fulfillment request: one table, and `decide()`, which reads it.

Every status guard in the hub comes from `TABLE` (contract sections 2.1 and 2.3). The CHECK constraint on the
column, `allowedActions` in replies, the diagram and the status page of the docs are generated from it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.statuses import (
    ANY,
    AT_SOURCE,
    BLOCKED,
    FIRST,
    LIVE,
    MOVED_MEANWHILE,
    STATUSES,
    Status,
    StatusFacts,
)


class Action(StrEnum):
    """What can be asked of a fulfillment request."""

    GENERATE = "generate"
    PROCESS = "process"
    PROCESSED = "processed"
    FAIL = "fail"
    ACKNOWLEDGE = "acknowledge"
    ADJUST = "adjust"
    CANCEL = "cancel"
    VOID = "void"
    SHIP = "ship"
    CORRECT_SHIPMENT = "correct_shipment"
    RECONCILE_STOCK = "reconcile_stock"
    RELEASE_STOCK = "release_stock"
    SYNC_ACCOUNTING = "accounting_sync"
    INVOICE = "invoice"
    EDIT = "edit"
    HAND_OVER = "hand_over"


class Repeat(StrEnum):
    """What asking again does, once the request already stands where the action leads."""

    NO_CHANGE = "no change"
    REFUSED = "refused"
    NEW_INPUT = "as new input"


class Guard(StrEnum):
    """A condition beyond the status; `domain.guards` judges it from the facts of the request."""

    CAUSE_GONE = "still_blocked"
    RESEND_CONFIRMED = "needs_confirmation"
    NO_HANDOVER_UNDER_WAY = "handover_in_progress"
    NOTHING_SHIPPED = "already_shipped"
    RETRY_IS_SAFE = "not_safe_to_retry"  # asked by the worker only: it never reaches the wire


class Row(NamedTuple):
    """One line of the table. `outcome` is part of the key, for hand-overs, adjustments and generation."""

    action: Action
    sources: tuple[Status, ...]
    to: Status | None  # None: the status stays
    repeat: Repeat
    who: tuple[str, ...]
    event: str
    evidence: str
    outcome: str | None = None
    repeat_from: tuple[Status, ...] = ()  # where a repeat is answered with "no change"
    guards: tuple[Guard, ...] = ()
    touches_lines: bool = False


S, A = Status, Action
EVERYONE = ("account", "source", "channel", "user", "system")
NO_CHANNEL = ("account", "source", "user", "system")
MERCHANT = ("account", "user", "system")
WORKER = ("worker",)

EVENT = "fulfillment_request."
DECIDED = "decided"

TABLE: tuple[Row, ...] = (
    *(
        Row(A.GENERATE, (), first, Repeat.REFUSED, MERCHANT, EVENT + "generated", "documented", outcome=first)
        for first in FIRST
    ),
    Row(A.PROCESS, (S.UNPROCESSED, S.PROCESSING_ERROR, *BLOCKED), S.PROCESSING, Repeat.NO_CHANGE, MERCHANT,
        EVENT + "processing", DECIDED, repeat_from=(S.PROCESSING,),
        guards=(Guard.CAUSE_GONE, Guard.NO_HANDOVER_UNDER_WAY, Guard.RESEND_CONFIRMED)),
    Row(A.PROCESS, (S.PROCESSING_ERROR,), S.PROCESSING, Repeat.REFUSED, WORKER,
        EVENT + "processing", DECIDED, outcome="retry", guards=(Guard.RETRY_IS_SAFE,)),
    Row(A.PROCESSED, (S.PROCESSING,), S.PROCESSED, Repeat.NO_CHANGE, EVERYONE,
        EVENT + "processed", "documented", repeat_from=(S.PROCESSED,)),
    Row(A.FAIL, (S.PROCESSING, S.PROCESSED), S.PROCESSING_ERROR, Repeat.REFUSED, EVERYONE,
        EVENT + "failed", "documented"),
    Row(A.ACKNOWLEDGE, AT_SOURCE, S.ACKNOWLEDGED, Repeat.REFUSED, EVERYONE,
        EVENT + "acknowledged", DECIDED, touches_lines=True),
    Row(A.ADJUST, (*AT_SOURCE, S.ACKNOWLEDGED), S.ACKNOWLEDGED, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "adjusted", "documented", outcome="nothing_unacknowledged", touches_lines=True),
    Row(A.ADJUST, (*AT_SOURCE, S.ACKNOWLEDGED), S.CANCELED, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "adjusted", "documented", outcome="all_canceled", touches_lines=True),
    Row(A.ADJUST, (*AT_SOURCE, S.ACKNOWLEDGED), None, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "adjusted", "documented", outcome="still_open", touches_lines=True),
    Row(A.CANCEL, LIVE, S.CANCELED, Repeat.NO_CHANGE, NO_CHANNEL, EVENT + "canceled", "seen",
        repeat_from=(S.CANCELED,), guards=(Guard.NOTHING_SHIPPED, Guard.NO_HANDOVER_UNDER_WAY),
        touches_lines=True),
    Row(A.VOID, LIVE, S.VOIDED, Repeat.NO_CHANGE, MERCHANT, EVENT + "voided", DECIDED,
        repeat_from=(S.VOIDED,), guards=(Guard.NOTHING_SHIPPED, Guard.NO_HANDOVER_UNDER_WAY),
        touches_lines=True),
    Row(A.SHIP, (*AT_SOURCE, S.ACKNOWLEDGED), S.ACKNOWLEDGED, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "shipped", "documented", touches_lines=True),
    Row(A.CORRECT_SHIPMENT, (S.ACKNOWLEDGED,), None, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "shipment_corrected", "documented", touches_lines=True),
    Row(A.RECONCILE_STOCK, ANY, None, Repeat.NEW_INPUT, MERCHANT,
        EVENT + "stock_reconciled", "documented", touches_lines=True),
    Row(A.RELEASE_STOCK, ANY, None, Repeat.NEW_INPUT, MERCHANT,
        EVENT + "stock_released", "documented", touches_lines=True),
    Row(A.RELEASE_STOCK, ANY, None, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "stock_released", "documented", outcome="quantity_update", touches_lines=True),
    Row(A.SYNC_ACCOUNTING, ANY, None, Repeat.NEW_INPUT, MERCHANT,
        EVENT + "accounting_synced", "documented"),
    Row(A.INVOICE, ANY, None, Repeat.NEW_INPUT, NO_CHANNEL,
        EVENT + "invoiced", "documented"),
    # What the source would be told may change only while it is not with the source; who cares for it, always.
    Row(A.EDIT, (S.UNPROCESSED, S.PROCESSING_ERROR, *BLOCKED), None, Repeat.NEW_INPUT, MERCHANT,
        EVENT + "edited", DECIDED, outcome="content", guards=(Guard.NO_HANDOVER_UNDER_WAY,), touches_lines=True),
    Row(A.EDIT, LIVE, None, Repeat.NEW_INPUT, MERCHANT, EVENT + "attended", DECIDED, outcome="care"),
    Row(A.HAND_OVER, (S.PROCESSING,), None, Repeat.REFUSED, WORKER,
        EVENT + "handover_started", DECIDED, outcome="sending", guards=(Guard.NO_HANDOVER_UNDER_WAY,)),
    Row(A.HAND_OVER, (S.PROCESSING,), S.PROCESSED, Repeat.REFUSED, WORKER,
        EVENT + "processed", DECIDED, outcome="delivered"),
    Row(A.HAND_OVER, (S.PROCESSING,), S.ACKNOWLEDGED, Repeat.REFUSED, WORKER,
        EVENT + "acknowledged", DECIDED, outcome="acknowledged", touches_lines=True),
    Row(A.HAND_OVER, (S.PROCESSING,), S.PROCESSING_ERROR, Repeat.REFUSED, WORKER,
        EVENT + "failed", DECIDED, outcome="rejected"),
    Row(A.HAND_OVER, (S.PROCESSING,), S.PROCESSING_ERROR, Repeat.REFUSED, WORKER,
        EVENT + "failed", DECIDED, outcome="unknown"),
    Row(A.HAND_OVER, (S.PROCESSING,), None, Repeat.REFUSED, WORKER,
        EVENT + "handover_deferred", DECIDED, outcome="deferred"),
    # What a hand-over came to when the request had moved meanwhile, and what was learnt of one long given up.
    Row(A.HAND_OVER, MOVED_MEANWHILE, None, Repeat.NEW_INPUT, WORKER,
        EVENT + "handover_settled", DECIDED, outcome="settled"),
    Row(A.HAND_OVER, (S.PROCESSING, *MOVED_MEANWHILE), None, Repeat.NEW_INPUT, WORKER,
        EVENT + "handover_late", DECIDED, outcome="late"),
)  # fmt: skip

ALLOWED_ACTIONS = (A.PROCESS, A.PROCESSED, A.FAIL, A.ACKNOWLEDGE, A.ADJUST, A.CANCEL, A.VOID, A.SHIP)
"""What `allowedActions` may name, in its order (contract section 1.1)."""

EVENT_TYPES = tuple(dict.fromkeys(row.event for row in TABLE))


class Move(NamedTuple):
    """The action happens; `to` equals the present status where the row leaves it alone."""

    row: Row
    to: Status


class NoChange(NamedTuple):
    """Already so: a success that writes nothing."""

    row: Row


class NotAllowed(NamedTuple):
    """The table does not list it."""

    status: Status | None
    action: Action


Decision = Move | NoChange | NotAllowed

_ROWS = {(row.action, row.outcome): row for row in TABLE}


def row_of(action: Action, outcome: str | None = None) -> Row | None:
    """The line of the table for this key, or None where the table has none."""
    return _ROWS.get((action, outcome))


def _decide(status: Status | None, action: Action, outcome: str | None) -> Decision:
    row = _ROWS.get((action, outcome))
    if row is None:
        return NotAllowed(status, action)
    if status is None:
        return Move(row, row.to) if row.action is A.GENERATE and row.to else NotAllowed(status, action)
    if status in row.sources:
        return Move(row, row.to or status)
    return NoChange(row) if status in row.repeat_from else NotAllowed(status, action)


_DECISIONS = {
    (status, action, outcome): _decide(status, action, outcome)
    for action, outcome in _ROWS
    for status in (None, *Status)
}


def decide(status: Status | None, action: Action, outcome: str | None = None) -> Decision:
    """What `action` does to a request in `status` (None: not generated yet). Pure and total."""
    return _DECISIONS.get((status, action, outcome)) or NotAllowed(status, action)


def permitted(status: Status, who: str) -> tuple[Action, ...]:
    """Every action the table allows `who` from `status`, by the status alone, in the contract's order."""
    return _PERMITTED[status, who]


_PERMITTED = {
    (status, who): tuple(
        action
        for action in ALLOWED_ACTIONS
        if any(r.action is action and status in r.sources and who in r.who for r in TABLE)
    )
    for status in Status
    for who in ("account", "source", "channel", "user", "system", "worker")
}


def check_table(table: Sequence[Row] = TABLE, statuses: Mapping[Status, StatusFacts] = STATUSES) -> None:
    """Refuse to start on a table with an unreachable status, a dead end, or two rows for one key."""
    if len({(row.action, row.outcome) for row in table}) != len(table):
        raise AssertionError("two rows of the life cycle share an action and an outcome")
    if set(statuses) != set(Status) or set(ANY) != set(Status):
        raise AssertionError("a status is missing from STATUSES or ANY")
    reached = _reached(table)
    for status, facts in statuses.items():
        if status not in reached:
            raise AssertionError(f"no row of the life cycle leads to {facts.name}")
        leaves = any(status in r.sources and r.to not in (None, status) for r in table)
        if leaves == facts.final:
            raise AssertionError(f"{facts.name}: a status is final exactly when nothing leads out of it")


def _reached(table: Sequence[Row]) -> set[Status]:
    """Every status that a request can come to stand in, from its generation on."""
    return _from({row.to for row in table if row.action is A.GENERATE and row.to}, table)


def standing_after(*stood: Status) -> frozenset[Status]:
    """Every status in which a request can stand that stood in one of these once."""
    return frozenset(_from(set(stood), TABLE))


def _from(reached: set[Status], table: Sequence[Row]) -> set[Status]:
    while True:
        further = {row.to for row in table if row.to and reached.intersection(row.sources)} - reached
        if not further:
            return reached
        reached |= further


check_table()
