"""Conditions beside the status: what else must be true before a row of the table may be taken."""

from typing import NamedTuple

from waypost.domain.failures import OUTCOME_UNKNOWN
from waypost.domain.fulfillment import State
from waypost.domain.lifecycle import Action, Guard, Row, permitted, row_of
from waypost.domain.statuses import BLOCKED, Status


class Circumstances(NamedTuple):
    """What a guard looks at beyond the request itself."""

    cause_gone: bool = True  # of a blocked status
    resend_confirmed: bool = False


_REASONS = {
    Guard.CAUSE_GONE: "The cause that blocks it is still there: mend it first.",
    Guard.RESEND_CONFIRMED: (
        "The source may already have it, so sending again could order twice. "
        "Ask the source; then repeat the call with confirm=resend."
    ),
    Guard.NO_HANDOVER_UNDER_WAY: "It is being handed to its source right now: ask again when that has ended.",
    Guard.NOTHING_SHIPPED: "Part of it has shipped already.",
    Guard.RETRY_IS_SAFE: "Only what its source refused for now, and has not got, is tried again unasked.",
}


def is_doubtful(state: State) -> bool:
    """Whether the source may have it already, so that to send it once more could order twice."""
    return state.failure_code == OUTCOME_UNKNOWN or state.handover in ("delivered", "unknown")


def _holds(guard: Guard, state: State, facts: Circumstances) -> bool:
    if guard is Guard.CAUSE_GONE:
        return state.status not in BLOCKED or facts.cause_gone
    if guard is Guard.RESEND_CONFIRMED:
        return facts.resend_confirmed or not is_doubtful(state)
    if guard is Guard.NO_HANDOVER_UNDER_WAY:
        return state.handover != "sending"
    if guard is Guard.RETRY_IS_SAFE:
        return bool(state.failure_retryable) and state.handover == "rejected"
    return state.shipped_quantity == 0


def broken_guard(row: Row, state: State, facts: Circumstances) -> tuple[Guard, str] | None:
    """The first guard of `row` that does not hold, with words for a person; None when all hold."""
    for guard in row.guards:
        if not _holds(guard, state, facts):
            return guard, _REASONS[guard]
    return None


_LIMITING = (Guard.NO_HANDOVER_UNDER_WAY, Guard.NOTHING_SHIPPED)


def allowed_actions(state: State, who: str) -> tuple[Action, ...]:
    """What `who` may do with this request now (`allowedActions`, contract section 1.1).

    A release that only needs a confirmation, or whose cause may be mended, is still offered.
    """
    actions = permitted(state.status, who)
    if state.shipped_quantity == 0 and state.handover != "sending":
        return actions
    return tuple(action for action in actions if _unlimited(action, state))


def _unlimited(action: Action, state: State) -> bool:
    row = row_of(action)
    limits = [guard for guard in _LIMITING if row and guard in row.guards]
    return all(_holds(guard, state, Circumstances()) for guard in limits)


def is_blocked(status: Status) -> bool:
    """Whether release waits for a cause to go away."""
    return status in BLOCKED
