"""What a decided move does to the request beside its status: times, reasons, lines, and the event's words.

One function an action, in one table; each is pure and gets the row of the life cycle that was taken.
"""

import json
from collections.abc import Callable

from waypost.app import editing, quantities
from waypost.app.commands import Accounting, Command, FailureReport, Handover, Invoicing
from waypost.app.drafts import Draft
from waypost.domain.failures import OUTCOME_UNKNOWN, is_retryable
from waypost.domain.fulfillment import State
from waypost.domain.handover import ARRIVED, HANDOVER_OF, Outcome
from waypost.domain.lifecycle import Action, Move
from waypost.domain.refusals import Invalid, Problem
from waypost.domain.statuses import Status


def apply_effects(draft: Draft, move: Move, command: Command, at: int) -> Draft | None:
    """The request after `move`: its version raised, its failure gone unless it stays in Processing Error.

    None: there is nothing to do after all.
    """
    was = draft.state
    state = was._replace(status=move.to, version=was.version + 1, modified_at=at)
    if move.to != was.status:
        state = state._replace(status_since=at, alerted=False)
    if was.status == Status.PROCESSING_ERROR and move.to != Status.PROCESSING_ERROR:
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
    return draft._replace(
        state=state._replace(attempt_count=state.attempt_count + 1, handover=None, waits_until=state.held_until)
    )


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
        line._replace(external_accounting_id=external[line.id]) if line.id in external else line for line in draft.lines
    )
    touched = tuple(line for line in lines if line.id in external)
    state = draft.state
    state = state._replace(
        accounting_synced=state.accounting_synced if asked.synced is None else asked.synced,
        external_accounting_id=asked.external_id or state.external_accounting_id,
        accounting_error=asked.error or (None if asked.synced else state.accounting_error),
    )
    return draft._replace(state=state, lines=lines, touched=touched)


def _invoice(draft: Draft, command: Command, at: int) -> Draft:
    asked = command.details
    if not isinstance(asked, Invoicing):
        raise AssertionError("invoicing needs its invoice")
    return draft._replace(
        state=draft.state._replace(invoiced=True), data=f'{{"sourceInvoiceId":{asked.invoice_id}}}'
    )


def _hand_over(draft: Draft, command: Command, at: int) -> Draft:
    told = command.details
    if not isinstance(told, Handover):
        raise AssertionError("a hand-over needs to say what it came to")
    return _OF_A_HANDOVER[command.outcome or ""](draft, command, told, at)


def _note(told: Handover) -> str:
    """What an event says of the attempt: the members of a JSON object."""
    note = f'"attempt":{told.attempt}'
    if told.outcome is not None:
        note += f',"outcome":"{told.outcome}"'
    return note if told.reference is None else f'{note},"reference":{json.dumps(told.reference)}'


def _started(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    return draft._replace(state=draft.state._replace(handover="sending"), data=f"{{{_note(told)}}}")


def _delivered(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    state = draft.state
    sent_at = at if state.sent_at is None else state.sent_at
    return draft._replace(state=state._replace(handover="delivered", sent_at=sent_at), data=f"{{{_note(told)}}}")


def _acknowledged(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    draft = quantities.acknowledge(_delivered(draft, command, told, at), command, at)
    return _with_note(draft, told)


def _refused(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    report = told.report or FailureReport("The source did not say why.")
    if told.outcome is Outcome.UNKNOWN:
        report = report._replace(code=OUTCOME_UNKNOWN, retryable=False)
    return _with_note(_fail(_remembered(draft, told), command._replace(details=report), at), told)


def _kept(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    return _told(_remembered(draft, told), told)


def _put_off(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    draft = _kept(draft, command, told, at)
    waits_until = max(draft.state.waits_until, told.next_at or 0)
    return draft._replace(state=draft.state._replace(waits_until=waits_until))


def _late(draft: Draft, command: Command, told: Handover, at: int) -> Draft:
    """The answer of an attempt that was given up. It clears a doubt, where nothing else has been done since."""
    state = draft.state
    if told.outcome in ARRIVED and state.status == Status.PROCESSING_ERROR and state.handover != "sending":
        return _told(_remembered(draft, told), told)  # whatever was tried since: it is never sent again unasked
    if state.handover != "unknown" or state.attempt_count != told.release:
        return _told(draft, told)
    if told.outcome is Outcome.REJECTED and state.failure_code == OUTCOME_UNKNOWN:
        return _refused(draft, command, told, at)
    return _told(_remembered(draft, told), told)


def _remembered(draft: Draft, told: Handover) -> Draft:
    remembered = None if told.outcome is None else HANDOVER_OF[told.outcome]
    return draft._replace(state=draft.state._replace(handover=remembered))


def _told(draft: Draft, told: Handover) -> Draft:
    report = told.report
    if report is not None:
        draft = draft._replace(code=report.code, reason=report.reason)
    return _with_note(draft, told)


def _with_note(draft: Draft, told: Handover) -> Draft:
    note = _note(told)
    return draft._replace(data=f"{{{note}}}" if draft.data is None else f"{draft.data[:-1]},{note}}}")


_OF_A_HANDOVER: dict[str, Callable[[Draft, Command, Handover, int], Draft]] = {
    "sending": _started,
    "delivered": _delivered,
    "acknowledged": _acknowledged,
    "rejected": _refused,
    "unknown": _refused,
    "deferred": _put_off,
    "settled": _kept,
    "late": _late,
}


_EFFECTS: dict[Action, Callable[[Draft, Command, int], Draft | None]] = {
    Action.PROCESS: _process,
    Action.PROCESSED: _processed,
    Action.FAIL: _fail,
    Action.ACKNOWLEDGE: quantities.acknowledge,
    Action.ADJUST: quantities.adjust,
    Action.CANCEL: quantities.cancel,
    Action.VOID: quantities.void,
    Action.SHIP: quantities.ship,
    Action.CORRECT_SHIPMENT: quantities.correct_shipment,
    Action.RECONCILE_STOCK: quantities.reconcile_stock,
    Action.RELEASE_STOCK: quantities.release_stock,
    Action.SYNC_ACCOUNTING: _sync_accounting,
    Action.INVOICE: _invoice,
    Action.EDIT: editing.edit,
    Action.HAND_OVER: _hand_over,
}
