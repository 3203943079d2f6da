"""Clock rules: how long a request may stand where it stands before somebody is told, or something is done.

A rule is of an account, for one source or for all. Its condition names the status that it watches; what it may do
follows from the life cycle, so that no rule asks for what the table refuses.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.lifecycle import Action, Move, decide
from waypost.domain.statuses import Status

MINUTE_US = 60 * 1_000_000


class Condition(StrEnum):
    """What a rule watches; the value is also the code of the attention that it raises."""

    UNSENT = "unsent"
    UNACKNOWLEDGED = "unacknowledged"
    UNSHIPPED = "unshipped"
    UNREPAIRED = "unrepaired"


class Response(StrEnum):
    """What follows. All but `alert` end the wait, or try to; every one of them tells somebody."""

    ALERT = "alert"
    FAIL = "fail"
    REROUTE = "reroute"
    CANCEL = "cancel"


WATCHED = {
    Condition.UNSENT: Status.PROCESSING,
    Condition.UNACKNOWLEDGED: Status.PROCESSED,
    Condition.UNSHIPPED: Status.ACKNOWLEDGED,
    Condition.UNREPAIRED: Status.PROCESSING_ERROR,
}
"""The status in which the time counts."""

MEANINGS = {
    Condition.UNSENT: "It is released, and its source has not got it.",
    Condition.UNACKNOWLEDGED: "Its source has it, and has not confirmed it.",
    Condition.UNSHIPPED: "Its source has confirmed it, and has not shipped it.",
    Condition.UNREPAIRED: "It failed, and nobody has repaired it.",
}

HINTS = {
    Condition.UNSENT: (
        "Find out why its source has not got it: see its attempts, or ask a source that fetches its requests itself."
        " Otherwise cancel or reroute it."
    ),
    Condition.UNACKNOWLEDGED: "Ask the source to confirm it, then acknowledge it. Otherwise cancel or reroute it.",
    Condition.UNSHIPPED: "Ask the source for a ship date, and snooze it until then. Otherwise cancel or reroute it.",
    Condition.UNREPAIRED: "Correct what the failure names, and release it again. Otherwise cancel or reroute it.",
}
"""What to do about a request that is overdue."""

_ACTIONS = {Response.FAIL: Action.FAIL, Response.REROUTE: Action.VOID, Response.CANCEL: Action.CANCEL}


class ClockRule(NamedTuple):
    """One rule. `source_id` None: every source that has no rule of its own for the condition."""

    id: int
    account_id: int
    source_id: int | None
    condition: str
    after_minutes: int
    response: str
    enabled: bool
    created_at: int
    updated_at: int


def is_possible(condition: Condition, response: Response) -> bool:
    """Whether the life cycle lets the response happen where the condition watches."""
    if response is Response.ALERT:
        return True
    return isinstance(decide(WATCHED[condition], _ACTIONS[response]), Move)


def exceptions(rules: Iterable[ClockRule], rule: ClockRule) -> tuple[int, ...]:
    """The sources that a general rule leaves to rules of their own, switched on or off."""
    if rule.source_id is not None:
        return ()
    return tuple(one.source_id for one in rules if one.source_id is not None and one.condition == rule.condition)


def overdue_since(rule: ClockRule, now: int) -> int:
    """Requests that came into the watched status before this are overdue; microseconds."""
    return now - rule.after_minutes * MINUTE_US
