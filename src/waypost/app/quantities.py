"""Effects on the quantities of a request's lines, and on the stock that they hold. Pure."""

import json
from collections.abc import Sequence

from waypost.app.commands import Adjustment, Command, Correction, QuantityUpdate, Shipping, StockRelease
from waypost.app.drafts import Draft
from waypost.domain import adjust as quantities
from waypost.domain import stock
from waypost.domain.fulfillment import Line, fulfillment_status
from waypost.domain.refusals import Invalid, Problem
from waypost.domain.statuses import FINAL, Status


def sharper_outcome(command: Command, lines: Sequence[Line]) -> str | None:
    """The outcome that is part of the key: of an adjustment, what its quantities come to."""
    if not isinstance(command.details, Adjustment):
        return command.outcome
    adjusted = _adjusted(command.details, lines)
    # Problems in the quantities are raised by the effect, after the status has been judged.
    return adjusted.outcome if isinstance(adjusted, quantities.Adjusted) else "still_open"


def _adjusted(asked: Adjustment, lines: Sequence[Line]) -> quantities.Adjusted | list[Problem]:
    return quantities.adjust(lines, asked.changes, asked.cancel_unacknowledged)


def with_lines(draft: Draft, lines: tuple[Line, ...], reason: str, at: int) -> Draft:
    """The draft with these lines, the roll-up of the request, its stock, and the quantities in the event."""
    touched = tuple(now for now, was in zip(lines, draft.lines, strict=True) if now != was)
    state = draft.state._replace(
        fulfillment_status=fulfillment_status(lines), shipped_quantity=sum(line.shipped for line in lines)
    )
    held = _released(draft, lines, reason, at) if draft.holding.entries else ()
    data = json.dumps({"items": list(map(_told, touched))}, separators=(",", ":")) if touched else None
    return draft._replace(state=state, lines=lines, touched=touched, stock=held, data=data)


def _told(line: Line) -> dict[str, int]:
    return {
        "id": line.id,
        "acknowledged": line.acknowledged,
        "secondaryAcknowledged": line.secondary_acknowledged,
        "shipped": line.shipped,
        "canceled": line.canceled,
        "killed": line.killed,
        "voided": line.voided,
    }


def _released(draft: Draft, lines: Sequence[Line], reason: str, at: int) -> tuple[stock.Entry, ...]:
    entries, mode = draft.holding
    changed = []
    for before, after in zip(draft.lines, lines, strict=True):
        entry = entries.get(after.id)
        if entry is not None:
            now = stock.release(entry, stock.due(before, after, mode), reason, at)
            if now is not entry:
                changed.append(now)
    return tuple(changed)


def acknowledge(draft: Draft, command: Command, at: int) -> Draft:
    """All that is open."""
    draft = with_lines(draft, quantities.acknowledge_all(draft.lines), "acknowledged", at)
    return draft._replace(state=draft.state._replace(acknowledged_at=at))


def adjust(draft: Draft, command: Command, at: int) -> Draft:
    """As asked, line by line."""
    asked = command.details
    adjusted = _adjusted(asked if isinstance(asked, Adjustment) else Adjustment(), draft.lines)
    if not isinstance(adjusted, quantities.Adjusted):
        raise Invalid(adjusted)
    secondary = sum(line.secondary_acknowledged for line in draft.lines)
    draft = with_lines(draft, adjusted.lines, "adjusted", at)
    state = draft.state
    if state.status == Status.ACKNOWLEDGED and state.acknowledged_at is None:
        state = state._replace(acknowledged_at=at)
    if state.status == Status.CANCELED:
        state = state._replace(canceled_at=at)
    if sum(line.secondary_acknowledged for line in draft.lines) > secondary:
        state = state._replace(secondary_acknowledged_at=at)
    return draft._replace(state=state)


def cancel(draft: Draft, command: Command, at: int) -> Draft:
    """Everything that has not shipped."""
    draft = with_lines(draft, quantities.cancel_all(draft.lines, command.kill), "canceled", at)
    return draft._replace(state=draft.state._replace(canceled_at=at, cancel_reason=command.reason))


def void(draft: Draft, command: Command, at: int) -> Draft:
    """Everything that has not shipped goes back to the order."""
    draft = with_lines(draft, quantities.void_all(draft.lines), "voided", at)
    return draft._replace(state=draft.state._replace(voided_at=at, voided_reason=command.reason))


def ship(draft: Draft, command: Command, at: int) -> Draft:
    """Count what has shipped; a shipment proves receipt (contract section 2.3)."""
    asked = command.details
    if not isinstance(asked, Shipping):
        raise AssertionError("a shipment needs its pieces")
    lines = _shipped(draft.lines, asked.pieces)
    draft = with_lines(draft, lines, "shipped", at)
    state = draft.state
    if state.acknowledged_at is None:
        state = state._replace(acknowledged_at=at)
    data = json.dumps({"shipmentId": asked.shipment_id, **json.loads(draft.data or "{}")}, separators=(",", ":"))
    return draft._replace(state=state, data=data)


def _shipped(lines: Sequence[Line], pieces: Sequence[tuple[int, int, str]]) -> tuple[Line, ...]:
    """The lines with these (line id, quantity, field) shipped; every problem at once."""
    now = {line.id: line for line in lines}
    problems = []
    for line_id, quantity, field in pieces:
        line = now[line_id]
        if quantity > line.unshipped:
            words = f"{line.sku}: {line.unshipped} can be shipped, not {quantity}."
            problems.append(Problem(field, "more_than_open", words))
            continue
        shipped = line.shipped + quantity
        now[line_id] = line._replace(shipped=shipped, acknowledged=max(line.acknowledged, shipped))
    if problems:
        raise Invalid(problems)
    return tuple(now[line.id] for line in lines)


def correct_shipment(draft: Draft, command: Command, at: int) -> Draft:
    """A shipment said too much or too little: count again."""
    asked = command.details
    if not isinstance(asked, Correction):
        raise AssertionError("a correction needs its pieces")
    by = dict.fromkeys((line.id for line in draft.lines), 0)
    for line_id, quantity, _ in asked.pieces:
        by[line_id] += min(0, quantity)
    lines = tuple(line._replace(shipped=line.shipped + by[line.id]) for line in draft.lines)
    lines = _shipped(lines, [piece for piece in asked.pieces if piece[1] > 0])
    draft = with_lines(draft, lines, "shipment_corrected", at)
    data = json.dumps({"shipmentId": asked.shipment_id, **json.loads(draft.data or "{}")}, separators=(",", ":"))
    return draft._replace(data=data)


def reconcile_stock(draft: Draft, command: Command, at: int) -> Draft | None:
    """Make the ledger say what the lines say; None when it does."""
    entries, mode = draft.holding
    changed = []
    for line in draft.lines:
        was = entries.get(line.id)
        if draft.state.status in FINAL and was is None:
            continue
        now = stock.reconcile(was, line, mode, at)
        if now is not None and now is not was:
            changed.append(now)
    return _with_stock(draft, changed)


def _held(draft: Draft) -> list[stock.Entry]:
    """What the lines hold, in the order of the lines: the database gives it in any."""
    entries = draft.holding.entries
    return [entries[line.id] for line in draft.lines if line.id in entries]


def release_stock(draft: Draft, command: Command, at: int) -> Draft | None:
    """Give back what the lines hold, all or those named; None when they hold nothing."""
    by_id = {line.id: line for line in draft.lines}
    if isinstance(command.details, QuantityUpdate):
        counted = command.details.variant_ids
        held = [entry for entry in _held(draft) if entry.variant_id in counted]
        left = [(entry, stock.let_go_of_shipped(entry, by_id[entry.line_id], at)) for entry in held]
        return _with_stock(draft, [now for was, now in left if now is not was])
    asked = command.details if isinstance(command.details, StockRelease) else StockRelease()
    skus = {line.sku for line in draft.lines}
    problems = [
        Problem(f"/line_ids/{place}", "unknown_item", f"Item {id_} is not part of this request.")
        for place, id_ in enumerate(asked.line_ids)
        if id_ not in by_id
    ]
    problems += [
        Problem(f"/skus/{place}", "unknown_item", f"No item of this request has the SKU {sku}.")
        for place, sku in enumerate(asked.skus)
        if sku not in skus
    ]
    if problems:
        raise Invalid(problems)
    everything = not asked.line_ids and not asked.skus
    changed = [
        stock.release(entry, entry.open, "released by hand", at)
        for entry in _held(draft)
        if entry.open > 0 and (everything or entry.line_id in asked.line_ids or by_id[entry.line_id].sku in asked.skus)
    ]
    return _with_stock(draft, changed)


def _with_stock(draft: Draft, changed: Sequence[stock.Entry]) -> Draft | None:
    if not changed:
        return None
    told = [{"id": entry.line_id, "committed": entry.committed, "released": entry.released} for entry in changed]
    data = json.dumps({"stock": told}, separators=(",", ":"))
    return draft._replace(stock=tuple(changed), data=data)
