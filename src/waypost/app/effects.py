"""What a decided move does to the request beside its status: times, reasons, lines, and the event's words.

One function an action, in one table; each is pure and gets the row of the life cycle that was taken.
"""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from waypost.app.commands import Accounting, Adjustment, Command, FailureReport
from waypost.domain import adjust as quantities
from waypost.domain.failures import OUTCOME_UNKNOWN, is_retryable
from waypost.domain.fulfillment import Line, State, fulfillment_status
from waypost.domain.lifecycle import Action, Move
from waypost.domain.refusals import Invalid, Problem
from waypost.domain.statuses import Status


class Draft(NamedTuple):
    """A request on its way to its next version, and what its event will say."""

    state: State
    lines: Sequence[Line]
    touched: tuple[Line, ...] = ()
    event: str = ""
    code: str | None = None
    reason: str | None = None
    data: str | None = None


def sharper_outcome(command: Command, lines: Sequence[Line]) -> str | None:
    """The outcome that is part of the key: of an adjustment, what its quantities come to."""
    if not isinstance(command.details, Adjustment):
        return command.outcome
    adjusted = _adjusted(command.details, lines)
    # Problems in the quantities are raised by the effect, after the status has been judged.
    return adjusted.outcome if isinstance(adjusted, quantities.Adjusted) else "still_open"


def _adjusted(asked: Adjustment, lines: Sequence[Line]) -> quantities.Adjusted | list[Problem]:
    return quantities.adjust(lines, asked.changes, asked.cancel_unacknowledged)


def apply_effects(draft: Draft, move: Move, command: Command, at: int) -> Draft:
    """The request after `move`: its version raised, its failure gone unless it stays in Processing Error."""
    state = draft.state._replace(status=move.to, version=draft.state.version + 1, modified_at=at)
    if draft.state.status == Status.PROCESSING_ERROR and move.to != Status.PROCESSING_ERROR:
        state = _forget_failure(state)
    draft = draft._replace(state=state, event=move.row.event, reason=command.reason)
    return _EFFECTS[command.action](draft, command, at)


def _forget_failure(state: State) -> State:
    return state._replace(
        failure_code=None, failure_reason=None, failure_retryable=None, failed_at=None, failed_by=None,
        failed_lines=None,
    )  # fmt: skip


def _process(draft: Draft, command: Command, at: int) -> Draft:
    state = draft.state
    return draft._replace(state=state._replace(attempt_count=state.attempt_count + 1, handover=None))


def _processed(draft: Draft, command: Command, at: int) -> Draft:
    state = draft.state
    return draft if state.sent_at is not None else draft._replace(state=state._replace(sent_at=at))


def _fail(draft: Draft, command: Command, at: int) -> Draft:
    report = command.details
    if not isinstance(report, FailureReport):
        raise AssertionError("a failure needs its report")
    foreign = [id_ for id_ in report.line_ids if id_ not in {line.id for line in draft.lines}]
    if foreign:
        raise Invalid(
            [Problem("line_ids", "unknown_item", f"Item {id_} is not part of this request.") for id_ in foreign]
        )
    retryable = is_retryable(report.code) if report.retryable is None else report.retryable
    line_ids = json.dumps(report.line_ids) if report.line_ids else None
    state = draft.state._replace(
        failure_code=report.code,
        failure_reason=report.reason,
        failure_retryable=retryable,
        failed_at=at,
        failed_by=command.actor.signature(),
        failed_lines=line_ids,
    )
    data = failure_data(retryable, line_ids)
    return draft._replace(state=state, code=report.code, reason=report.reason, data=data)


def failure_data(retryable: bool, line_ids: str | None = None) -> str:
    """What a failure's event says beside code and reason."""
    return f'{{"retryable":{"true" if retryable else "false"},"itemIds":{line_ids or "[]"}}}'


def _with_lines(draft: Draft, lines: tuple[Line, ...]) -> Draft:
    """The draft with these lines, the roll-up of the request, and the changed quantities in the event."""
    touched = tuple(now for now, was in zip(lines, draft.lines, strict=True) if now != was)
    state = draft.state._replace(
        fulfillment_status=fulfillment_status(lines), shipped_quantity=sum(line.shipped for line in lines)
    )
    quantities_now = [
        {
            "id": line.id,
            "acknowledged": line.acknowledged,
            "secondaryAcknowledged": line.secondary_acknowledged,
            "shipped": line.shipped,
            "canceled": line.canceled,
            "killed": line.killed,
            "voided": line.voided,
        }
        for line in touched
    ]
    data = json.dumps({"items": quantities_now}, separators=(",", ":")) if touched else None
    return draft._replace(state=state, lines=lines, touched=touched, data=data)


def _acknowledge(draft: Draft, command: Command, at: int) -> Draft:
    draft = _with_lines(draft, quantities.acknowledge_all(draft.lines))
    return _stamp_acknowledged(draft, at)


def _stamp_acknowledged(draft: Draft, at: int) -> Draft:
    return draft._replace(state=draft.state._replace(acknowledged_at=at))


def _adjust(draft: Draft, command: Command, at: int) -> Draft:
    asked = command.details
    adjusted = _adjusted(asked if isinstance(asked, Adjustment) else Adjustment(), draft.lines)
    if not isinstance(adjusted, quantities.Adjusted):
        raise Invalid(adjusted)
    secondary = sum(line.secondary_acknowledged for line in draft.lines)
    draft = _with_lines(draft, adjusted.lines)
    state = draft.state
    if state.status == Status.ACKNOWLEDGED and state.acknowledged_at is None:
        state = state._replace(acknowledged_at=at)
    if state.status == Status.CANCELED:
        state = state._replace(canceled_at=at)
    if sum(line.secondary_acknowledged for line in draft.lines) > secondary:
        state = state._replace(secondary_acknowledged_at=at)
    return draft._replace(state=state)


def _cancel(draft: Draft, command: Command, at: int) -> Draft:
    draft = _with_lines(draft, quantities.cancel_all(draft.lines, command.kill))
    return draft._replace(state=draft.state._replace(canceled_at=at, cancel_reason=command.reason))


def _void(draft: Draft, command: Command, at: int) -> Draft:
    draft = _with_lines(draft, quantities.void_all(draft.lines))
    return draft._replace(state=draft.state._replace(voided_at=at, voided_reason=command.reason))


def _sync_accounting(draft: Draft, command: Command, at: int) -> Draft:
    asked = command.details
    if not isinstance(asked, Accounting):
        raise AssertionError("accounting-sync needs its input")
    ids = {line.id for line in draft.lines}
    foreign = [
        Problem(f"/items/{index}/id", "unknown_item", f"Item {id_} is not part of this request.")
        for index, (id_, _) in enumerate(asked.items)
        if id_ not in ids
    ]
    if foreign:
        raise Invalid(foreign)
    external = dict(asked.items)
    lines = tuple(
        line._replace(external_accounting_id=external[line.id]) if line.id in external else line
        for line in draft.lines
    )
    touched = tuple(line for line in lines if line.id in external)
    state = draft.state
    state = state._replace(
        accounting_synced=state.accounting_synced if asked.synced is None else asked.synced,
        external_accounting_id=asked.external_id or state.external_accounting_id,
        accounting_error=asked.error or (None if asked.synced else state.accounting_error),
    )
    return draft._replace(state=state, lines=lines, touched=touched)


def _hand_over(draft: Draft, command: Command, at: int) -> Draft:
    draft = draft._replace(state=draft.state._replace(handover=command.outcome))
    if command.outcome == "delivered":
        return _processed(draft, command, at)
    if command.outcome == "unknown" and isinstance(command.details, FailureReport):
        command = command._replace(details=command.details._replace(code=OUTCOME_UNKNOWN))
    return _fail(draft, command, at)


_EFFECTS: dict[Action, Callable[[Draft, Command, int], Draft]] = {
    Action.PROCESS: _process,
    Action.PROCESSED: _processed,
    Action.FAIL: _fail,
    Action.ACKNOWLEDGE: _acknowledge,
    Action.ADJUST: _adjust,
    Action.CANCEL: _cancel,
    Action.VOID: _void,
    Action.SYNC_ACCOUNTING: _sync_accounting,
    Action.HAND_OVER: _hand_over,
}
