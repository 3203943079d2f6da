"""What it takes for a line's shipments and the stock that it holds to add up: pure, by the domain's rules."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from waypost.domain.fulfillment import Line
from waypost.domain.stock import Entry


class Carried(NamedTuple):
    """How many pieces of one line all shipments carry."""

    request_id: int
    line_id: int
    quantity: int


Words = Iterator[tuple[str, str]]


def judge_lines(lines: Sequence[Line], carried: Sequence[Carried], entries: Sequence[Entry]) -> Words:
    """Findings (check, words) about the lines of one request."""
    shipments = {one.line_id: one.quantity for one in carried}
    held: dict[int, list[Entry]] = {}
    for entry in entries:
        held.setdefault(entry.line_id, []).append(entry)
    for line in lines:
        carries = shipments.get(line.id, 0)
        if carries != line.shipped:
            yield "shipments_differ", f"says {line.shipped} of item {line.id} shipped; its shipments carry {carries}."
        yield from _judge_stock(line, held.get(line.id, ()))


def _judge_stock(line: Line, entries: Sequence[Entry]) -> Words:
    if len(entries) > 1:
        yield "stock_repeated", f"holds stock for item {line.id} {len(entries)} times."
    for entry in entries:
        if entry.variant_id != line.inventory_variant_id:
            words = f"holds stock of variant {entry.variant_id} for item {line.id}, which is of another."
            yield "stock_variant_differs", words
        if entry.committed > line.quantity:
            yield "stock_exceeded", f"has committed {entry.committed} for the {line.quantity} of item {line.id}."
        if entry.open > line.effective:
            yield "stock_exceeded", f"holds {entry.open} for item {line.id}, of which {line.effective} are left."
