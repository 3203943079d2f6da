"""What stands in front of somebody beside failed and blocked requests, and what ends it. Pure.

Every code here ends: by itself where the world says so (a source takes requests again, a request moves on), by a
decision about the request, or by somebody who has seen to it and says so with a note.
"""

from typing import NamedTuple

from waypost.domain.clock_rules import HINTS, Condition
from waypost.domain.failures import OTHER, is_known_code
from waypost.domain.fulfillment import State
from waypost.domain.handover import LATE_DELIVERY, LATE_REJECTION, Outcome, surprise
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import BLOCKED, Status

SOURCE_DOWN = "source_down"
WEBHOOK_DISABLED = "webhook_disabled"
WEBHOOK_DEFECT = "webhook_defect"
LATE = (LATE_DELIVERY, LATE_REJECTION)

STANDING: dict[str, tuple[str, str]] = {
    LATE_DELIVERY: (
        "Delivered after all",
        "The source has it although it was given up: make sure it ships once. Acknowledge it, cancel or void it, or"
        " settle this with a note.",
    ),
    LATE_REJECTION: (
        "Rejected after all",
        "The source does not have it although it seemed so: send it elsewhere, or settle this with a note.",
    ),
    SOURCE_DOWN: (
        "The source takes no requests",
        "Its requests wait and are sent when it is back: ask the source, see to its address and credentials, or mend"
        " the setting that the message names.",
    ),
    WEBHOOK_DISABLED: (
        "A webhook was given up",
        "It is sent nothing any more: see to its endpoint, then set it to active, or delete it.",
    ),
    WEBHOOK_DEFECT: (
        "The hub could not send to a webhook",
        "An error of the hub itself: its log says which. Mend the cause, deliver the message again (replay), and settle"
        " this with a note.",
    ),
    **{str(code): (f"Overdue: {code}", HINTS[code]) for code in Condition},
}
"""Title and hint of every code that may be settled by hand."""

# What somebody does about an item beside deciding it: a sum. `ANYBODY`: where items are counted, all of them.
ASSIGNED, SNOOZED = 1, 2
ANYBODY = ""

REQUEST = "fulfillment_request"  # the kind of subject that most items are about
STUCK = (Status.PROCESSING_ERROR, *BLOCKED)  # a request in one of these needs somebody


class Item(NamedTuple):
    """One thing that needs somebody. `source_id` 0: it belongs to no source. `since` in microseconds."""

    account_id: int
    source_id: int
    code: str
    since: int
    subject_id: int
    subject: str = REQUEST


def item_of(state: State) -> Item | None:
    """What a request needs somebody for by its status alone."""
    if state.status not in STUCK:
        return None
    code = state.failure_code or OTHER if state.status == Status.PROCESSING_ERROR else str(state.status)
    return Item(state.account_id, state.source_id, code, state.status_since, state.id)


def is_reason(code: str) -> bool:
    """Whether something can need somebody for this."""
    return code in STANDING or code in BLOCKED or is_known_code(code)


_MERCHANT = ("account", "user")
_DECIDERS = (*_MERCHANT, "source", "channel")  # neither the worker nor a rule of the clock


def decides(who: str, action: Action, was: Status, handover: str | None, now: Status) -> bool:
    """Whether this ends what a late answer has raised: somebody moves, or ships, what contradicts its hand-over."""
    if who not in _DECIDERS or not (now != was or action is Action.SHIP):
        return False
    if handover == "unknown":  # tried again since, and in doubt: only the merchant knows of both
        return was == Status.PROCESSING_ERROR and who in _MERCHANT
    return handover in ("delivered", "rejected") and surprise(was, Outcome(handover)) is not None
