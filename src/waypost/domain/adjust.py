"""Quantities of a request's lines under acknowledge, cancel, void and adjust (contract sections 2.3, 2.4).

Quantities given are increments. Every function is pure: it returns new lines, or every problem at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.domain.fulfillment import Line
from waypost.domain.refusals import Problem


class LineChange(NamedTuple):
    """One item of an adjustment; `line_id` wins over `sku`. `kill` cancels on the order, too."""

    line_id: int | None
    sku: str | None
    acknowledge: int
    secondary_acknowledge: int
    cancel: int
    kill: bool


class Adjusted(NamedTuple):
    """The lines afterwards, and the outcome that is part of the life cycle's key."""

    lines: tuple[Line, ...]
    outcome: str


def acknowledge_all(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Acknowledge all that is neither acknowledged nor canceled."""
    # A shipment proves receipt, so what shipped unacknowledged is counted now, too.
    return tuple(line._replace(acknowledged=line.effective) for line in lines)


def cancel_line(line: Line, quantity: int, kill: bool) -> Line:
    """Cancel `quantity`, first of what is not acknowledged; acknowledged counts never exceed what is left."""
    left = line.effective - quantity
    return line._replace(
        canceled=line.canceled + quantity,
        killed=line.killed + (quantity if kill else 0),
        acknowledged=min(line.acknowledged, left),
        secondary_acknowledged=min(line.secondary_acknowledged, left),
    )


def cancel_all(lines: Sequence[Line], kill: bool) -> tuple[Line, ...]:
    """Cancel everything that has not shipped."""
    return tuple(cancel_line(line, line.unshipped, kill) for line in lines)


def void_line(line: Line, quantity: int) -> Line:
    """Withdraw `quantity`; it goes back to the order, and acknowledged counts never exceed what is left."""
    left = line.effective - quantity
    return line._replace(
        voided=line.voided + quantity,
        acknowledged=min(line.acknowledged, left),
        secondary_acknowledged=min(line.secondary_acknowledged, left),
    )


def void_all(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Withdraw everything that has not shipped; the quantity goes back to the order."""
    return tuple(
        line._replace(voided=line.voided + line.unshipped, acknowledged=line.shipped, secondary_acknowledged=0)
        for line in lines
    )


def outcome_of(lines: Sequence[Line]) -> str:
    """Which row of the life cycle an adjustment that left these lines takes."""
    if all(line.effective == 0 for line in lines):
        return "all_canceled"
    if all(line.unacknowledged == 0 for line in lines):
        return "nothing_unacknowledged"
    return "still_open"


def _find(lines: dict[int, Line], change: LineChange, field: str) -> Line | Problem:
    if change.line_id is not None:
        line = lines.get(change.line_id)
        return line or Problem(f"{field}/id", "unknown_item", f"Item {change.line_id} is not part of this request.")
    matches = [line for line in lines.values() if line.sku == change.sku]
    if not matches:
        return Problem(f"{field}/sku", "unknown_item", f"No item of this request has the SKU {change.sku}.")
    if len(matches) > 1:
        return Problem(f"{field}/sku", "ambiguous_sku", f"{len(matches)} items have the SKU {change.sku}: give the id.")
    return matches[0]


def _apply(line: Line, change: LineChange, field: str) -> Line | Problem:
    known = max(line.acknowledged, line.shipped)  # a shipment proves receipt
    secondary = line.secondary_acknowledged + change.secondary_acknowledge
    acknowledge = max(change.acknowledge, secondary - known if change.secondary_acknowledge else 0)
    if acknowledge > line.unacknowledged:
        name = "acknowledge" if change.acknowledge >= acknowledge else "secondary_acknowledge"
        return Problem(f"{field}/{name}", "more_than_open",
                       f"{line.sku}: {line.unacknowledged} can be acknowledged, not {acknowledge}.")  # fmt: skip
    if change.acknowledge or change.secondary_acknowledge:
        line = line._replace(acknowledged=known + acknowledge, secondary_acknowledged=secondary)
    if change.cancel > line.unshipped:
        return Problem(f"{field}/cancel", "more_than_open",
                       f"{line.sku}: {line.unshipped} can be canceled, not {change.cancel}.")  # fmt: skip
    return cancel_line(line, change.cancel, change.kill) if change.cancel else line


def adjust(
    lines: Sequence[Line], changes: Sequence[LineChange], cancel_unacknowledged: bool
) -> Adjusted | list[Problem]:
    """Apply `changes` in order; with none, and nothing to cancel, acknowledge all that is open."""
    if not changes and not cancel_unacknowledged:
        return Adjusted(acknowledge_all(lines), outcome_of(acknowledge_all(lines)))
    now = {line.id: line for line in lines}
    problems: list[Problem] = []
    for index, change in enumerate(changes):
        field = f"/items/{index}"
        found = _find(now, change, field)
        done = _apply(found, change, field) if isinstance(found, Line) else found
        if isinstance(done, Line):
            now[done.id] = done
        else:
            problems.append(done)
    if problems:
        return problems
    after = tuple(now[line.id] for line in lines)
    if cancel_unacknowledged:
        after = tuple(cancel_line(line, line.unacknowledged, kill=False) for line in after)
    return Adjusted(after, outcome_of(after))
