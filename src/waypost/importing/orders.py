"""Orders out of rows: one row an item, the rows of one order together; or one order a line."""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from waypost.app.actor import Actor
from waypost.app.order_repeats import Deferred
from waypost.app.orders import OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Tx
from waypost.domain.refusals import Invalid, LockHeld, OtherContent, Refusal
from waypost.domain.texts import trimmed
from waypost.importing.columns import ITEM, ORDERS, READ, Column
from waypost.importing.items import Bad, Item, bad_of, column_of
from waypost.importing.outcomes import Outcome
from waypost.importing.rows import Row
from waypost.wire.bodies import LINES_AT_MOST
from waypost.wire.body import fitted, read_json
from waypost.wire.faults import BadInput, Fault
from waypost.wire.order_bodies import CreateOrder, order_draft
from waypost.wire.problems import posted_pointer

BODY_AT_MOST = 1024 * 1024  # characters of a line
NAMED_AT_MOST = 10  # differences in the report of one order
_UNREADABLE = "The row {} it cannot be read, and may belong to this order."


class OrderFile:
    """How the orders of a file are read and stored."""

    kind = "orders"
    table = ORDERS
    batch = 500  # orders a transaction

    def __init__(self, actor: Actor, run: str) -> None:
        self._actor = actor
        self._run = run  # names the import in the orders' events

    def of_lines(self, rows: Iterable[Row]) -> Iterator[Item]:
        """Out of JSON Lines."""
        for row in rows:
            if row.fault is not None:
                yield Item(row.number, row.number, 1, None, (Bad(row.number, "", *row.fault),))
                continue
            try:
                body = read_json(row.text.encode("utf-8", "surrogatepass"), None, 4 * BODY_AT_MOST, CreateOrder)
            except BadInput as error:
                bads = tuple(bad_of(fault, row.number, column_of(fault.name)) for fault in error.faults)
                yield Item(row.number, row.number, 1, None, bads)
            else:
                yield self._item(body, [row], ())

    def of_records(self, rows: Iterable[Row], columns: Sequence[Column]) -> Iterator[Item]:
        """Out of CSV."""
        shape = _Shape(columns)
        for group in _grouped(rows, shape.number_at):
            yield self._of_group(group, shape)

    def _of_group(self, group: "_Group", shape: "_Shape") -> Item:
        bads = [*group.bads, *shape.differences(group.rows)]
        if not group.rows:
            return Item(group.first, group.last, group.count, None, tuple(bads))
        if group.count > LINES_AT_MOST:
            words = f"An order has at most {LINES_AT_MOST} items; this one has {group.count}."
            bads.append(Bad(group.first, "orderNumber", "too_many_items", words))
        names = shape.field_names(group.rows[0])
        try:
            body = fitted(shape.body(group.rows), CreateOrder)
        except BadInput as error:
            bads += [_placed(fault, group.rows, names) for fault in error.faults]
        else:
            item = self._item(body, group.rows, names)
            if not bads:
                return item._replace(last=group.last)
            bads += item.bads
        return Item(group.first, group.last, group.count, None, tuple(bads))

    def _item(self, body: CreateOrder, rows: Sequence[Row], names: Sequence[str]) -> Item:
        faults: list[Fault] = []
        first = rows[0].number
        draft = order_draft(body, self._actor, f"{self._run}-{first}", faults)
        if faults:
            one_line = len(rows) == 1 and bool(rows[0].text)
            bads = [bad_of(f, first, column_of(f.name)) if one_line else _placed(f, rows, names) for f in faults]
            return Item(first, rows[-1].number, len(rows), None, tuple(bads))
        return Item(first, rows[-1].number, len(rows), draft)

    async def store(self, tx: Tx, items: Sequence[Item], now: int, dry_run: bool) -> list[Outcome]:
        """Create the orders, or find or update them; one outcome an item."""
        drafts: list[OrderDraft] = [item.draft._replace(dry_run=dry_run) for item in items]
        outcomes = await create_orders(tx, drafts, now, len(drafts))
        if any(isinstance(one, Deferred) for one in outcomes):
            raise LockHeld  # somebody else has just posted one of them: the batch runs again, and locks it in time
        return [_outcome(item, outcome) for item, outcome in zip(items, outcomes, strict=True)]


def _outcome(item: Item, outcome: OrderPosted | Refusal) -> Outcome:
    if isinstance(outcome, OrderPosted):
        return Outcome("created" if outcome.created else "unchanged" if outcome.updated_from is None else "changed")
    if isinstance(outcome, Invalid):
        names = {"channel_id": "channelId"}
        bads = [Bad(item.first, names.get(p.field, column_of(p.field)), p.code, p.message) for p in outcome.problems]
        return Outcome("refused", tuple(bads))
    why = outcome.message
    if isinstance(outcome, OtherContent) and outcome.fields:
        named = [column_of(posted_pointer(field)) for field in outcome.fields[:NAMED_AT_MOST]]
        more = f" and {len(outcome.fields) - NAMED_AT_MOST} more" if len(outcome.fields) > NAMED_AT_MOST else ""
        why += f" Different: {', '.join(named)}{more}."
    return Outcome("refused", (Bad(item.first, "orderNumber", outcome.code, why),))


def _placed(fault: Fault, rows: Sequence[Row], names: Sequence[str]) -> Bad:
    """A fault of the body at its row and column."""
    parts = fault.name.lstrip("/").split("/")
    if parts[0] != ITEM or len(parts) < 3 or not parts[1].isdecimal():
        return bad_of(fault, rows[0].number, column_of(fault.name, names))
    row = rows[min(int(parts[1]), len(rows) - 1)]
    own = parts[2] in ("shippingAddress", "customFields")  # which the order has as well
    return bad_of(fault, row.number, ".".join(((ITEM,) if own else ()) + tuple(parts[2:])))


class _Group:
    """The rows of one order, those beyond the longest order only counted."""

    def __init__(self, number: str, row: Row) -> None:
        self.number = number
        self.first = self.last = row.number
        self.rows: list[Row] = []
        self.count = 0
        self.bads: list[Bad] = []

    def add(self, row: Row) -> None:
        """One more row."""
        if len(self.rows) <= LINES_AT_MOST:
            self.rows.append(row)
        self.count += 1
        self.last = row.number


def _grouped(rows: Iterable[Row], number_at: int) -> Iterator[_Group]:
    """Rows of one order together. A row that cannot be read may belong to the order before it or after it: neither is
    stored without it."""
    group: _Group | None = None
    lost = False  # the row before cannot be read
    for row in rows:
        number = trimmed(row.cells[number_at]) if row.fault is None else ""
        if not number:
            if group is not None:
                group.bads.append(Bad(group.first, "", "incomplete", _UNREADABLE.format("after")))
                yield group
            code, words = row.fault or ("required", "orderNumber is required.")
            group = _Group("", row)
            group.count = 1
            group.bads.append(Bad(row.number, "" if row.fault else "orderNumber", code, words))
            yield group
            group, lost = None, True
            continue
        if group is None or group.number != number:
            if group is not None:
                yield group
            group = _Group(number, row)
            if lost:
                group.bads.append(Bad(row.number, "", "incomplete", _UNREADABLE.format("before")))
                lost = False
        group.add(row)
    if group is not None:
        yield group


class _Shape:
    """Where each column's cells go in the body of an order."""

    def __init__(self, columns: Sequence[Column]) -> None:
        placed = list(enumerate(columns))
        self._columns = columns
        self.number_at = next(at for at, column in placed if column.name == "orderNumber")
        of_item = [(at, column) for at, column in placed if column.path[0] == ITEM]
        of_order = [(at, column) for at, column in placed if column.path[0] != ITEM]
        self._order = _Part([(at, column.path, column.kind) for at, column in of_order])
        self._item = _Part([(at, column.path[1:], column.kind) for at, column in of_item])
        self._shared = [at for at, _ in of_order if at != self.number_at]
        self._said = itemgetter(*self._shared, self.number_at)  # of the order as a whole, in each of its rows

    def body(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The body of `POST /orders` that these rows say."""
        stripped = [list(map(trimmed, row.cells)) for row in rows]
        return self._order.read(stripped[0]) | {ITEM: [self._item.read(cells) for cells in stripped]}

    def field_names(self, row: Row) -> list[str]:
        """The custom fields of the order, in the order of the body."""
        return [name for at, name in self._order.fields if trimmed(row.cells[at])]

    def differences(self, rows: Sequence[Row]) -> list[Bad]:
        """Where a later row says something else of the order than its first row."""
        if len(rows) < 2:
            return []
        first = rows[0].cells
        said = self._said(first)
        return [
            Bad(row.number, self._columns[at].name, "differs", f"The order's first row says {text!r} here.")
            for row in rows[1:]
            if self._said(row.cells) != said
            for at in self._shared
            if row.cells[at] != first[at] and trimmed(row.cells[at]) not in ("", text := trimmed(first[at]))
        ]


class _Part:
    """Cells that become one object: plain members, objects of members, custom fields."""

    def __init__(self, columns: Sequence[tuple[int, tuple[str, ...], str]]) -> None:
        plain = [(at, path[0], kind) for at, path, kind in columns if len(path) == 1]
        self._texts = [(at, name) for at, name, kind in plain if kind == "text"]
        self._others = [(at, name, READ[kind]) for at, name, kind in plain if kind != "text"]
        self.fields = [(at, path[1]) for at, path, _ in columns if len(path) == 2 and path[0] == "customFields"]
        self._nested: dict[str, list[tuple[int, str]]] = {}
        for at, path, _ in columns:
            if len(path) == 2 and path[0] != "customFields":
                self._nested.setdefault(path[0], []).append((at, path[1]))

    def read(self, cells: Sequence[str]) -> dict[str, Any]:
        """The object that cells without white space around them say; an empty cell says nothing."""
        made: dict[str, Any] = {name: value for at, name in self._texts if (value := cells[at])}
        for at, name, read in self._others:
            if value := cells[at]:
                made[name] = read(value)
        for name, members in self._nested.items():
            given = {member: value for at, member in members if (value := cells[at])}
            if given:
                made[name] = given
        if self.fields:
            fields = [{"name": name, "value": value} for at, name in self.fields if (value := cells[at])]
            if fields:
                made["customFields"] = fields
        return made
