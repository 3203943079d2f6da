"""What `LOAD_ALL` found on PostgreSQL, made into what a batch was promised. Pure, in slices."""

from collections.abc import Sequence
from typing import Any

import msgspec

from waypost.app.drafts import Holding
from waypost.app.ports import Cause, Clocked, Loaded, OrderParts
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.slices import Sliced
from waypost.domain.stock import Entry, Release

_STEPS_OF_A_ROW = 3
_decode_row = msgspec.json.Decoder(list[Any]).decode

_Found = dict[str, list[tuple[int, list[Any]]]]  # rows with their ids, by kind


def assembled(rows: Sequence[Any], asks: int) -> Sliced[Loaded]:
    """`rows`: kind, id, and the row as JSON."""
    found: _Found = {}
    for kind, id_, row in rows:
        found.setdefault(kind, []).append((id_, _decode_row(row)))
        yield _STEPS_OF_A_ROW
    loaded = Loaded([None] * asks, {}, {}, {}, {}, {}, {}, {}, set())
    for place, row in found.get("state", ()):
        loaded.states[place - 1] = State._make(row)
    for id_, row in found.get("particulars", ()):
        loaded.particulars[id_] = Particulars._make(row)
        loaded.lines[id_] = ()
    for id_, row in found.get("counter", ()):
        loaded.counters[id_] = Clocked(*row)
    loaded.rerouted.update(order_id for order_id, _ in found.get("reroute", ()))
    for source_id, (number, owner) in found.get("owner", ()):
        loaded.owners[source_id, number] = owner
    for id_, row in found.get("cause", ()):
        loaded.causes[id_] = Cause._make(row)
    yield from _lines(found, loaded)
    yield from _orders(found, loaded)
    return loaded


def _lines(found: _Found, loaded: Loaded) -> Sliced[None]:
    """Lines, and what they hold."""
    lines: dict[int, list[Line]] = {}
    for id_, row in sorted(found.get("line", ()), key=lambda entry: entry[1][2]):
        lines.setdefault(id_, []).append(Line._make(row))
        yield _STEPS_OF_A_ROW
    loaded.lines.update((id_, tuple(mine)) for id_, mine in lines.items())
    entries: dict[int, dict[int, Entry]] = {}
    for id_, row in found.get("entry", ()):
        entry = Entry._make(row)
        entries.setdefault(id_, {})[entry.line_id] = entry
        yield _STEPS_OF_A_ROW
    for id_, (release,) in found.get("release", ()):
        loaded.holdings[id_] = Holding(entries.get(id_, {}), Release(release))


def _orders(found: _Found, loaded: Loaded) -> Sliced[None]:
    """Orders with their items, and what their other lines add up to."""
    items: dict[int, list[OrderItem]] = {}
    for id_, row in found.get("item", ()):
        items.setdefault(id_, []).append(OrderItem._make(row))
        yield _STEPS_OF_A_ROW
    sums: dict[int, dict[int, LineSums]] = {}
    for id_, row in found.get("sum", ()):
        sums.setdefault(id_, {})[row[0]] = LineSums(*row[1:])
        yield _STEPS_OF_A_ROW
    for id_, row in found.get("order", ()):
        mine = sorted(items.get(id_, ()), key=lambda item: item.line_number)
        loaded.orders[id_] = OrderParts(Order._make(row), tuple(mine), sums.get(id_, {}))
        yield len(mine)
