"""Inventory out of rows: one row a variant, made if its source does not have it yet."""

from collections.abc import Iterable, Iterator, Sequence

from waypost.app.actor import Actor
from waypost.app.goods import InventoryCall, InventoryDone, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.ports import Tx
from waypost.domain.refusals import Invalid
from waypost.domain.texts import trimmed
from waypost.importing.columns import INVENTORY, READ, Column
from waypost.importing.items import Bad, Item, bad_of, column_of
from waypost.importing.outcomes import Outcome
from waypost.importing.rows import Row
from waypost.wire.body import fitted, read_json
from waypost.wire.faults import BadInput, Fault
from waypost.wire.inventory import ImportedVariant, imported_change

BODY_AT_MOST = 1024 * 1024  # characters of a line


class InventoryFile:
    """How the inventory of a file is read and stored."""

    kind = "inventory"
    table = INVENTORY
    batch = 500  # variants a transaction

    def __init__(self, actor: Actor, run: str) -> None:
        self._actor = actor
        self._run = run

    def of_lines(self, rows: Iterable[Row]) -> Iterator[Item]:
        """Out of JSON Lines."""
        for row in rows:
            if row.fault is not None:
                yield _refused(row, [Bad(row.number, "", *row.fault)])
                continue
            try:
                body = read_json(row.text.encode("utf-8", "surrogatepass"), None, 4 * BODY_AT_MOST, ImportedVariant)
            except BadInput as error:
                yield _refused(row, [bad_of(fault, row.number, column_of(fault.name)) for fault in error.faults])
            else:
                yield self._item(body, row, ())

    def of_records(self, rows: Iterable[Row], columns: Sequence[Column]) -> Iterator[Item]:
        """Out of CSV."""
        plain = [(at, column.path[0], READ[column.kind]) for at, column in enumerate(columns) if len(column.path) == 1]
        fields = [(at, column.path[1]) for at, column in enumerate(columns) if len(column.path) == 2]
        for row in rows:
            if row.fault is not None:
                yield _refused(row, [Bad(row.number, "", *row.fault)])
                continue
            cells = row.cells
            body = {name: read(value) for at, name, read in plain if (value := trimmed(cells[at]))}
            given = [{"name": name, "value": value} for at, name in fields if (value := trimmed(cells[at]))]
            names = [field["name"] for field in given]
            try:
                read_body = fitted({**body, "customFields": given} if given else body, ImportedVariant)
            except BadInput as error:
                bads = [bad_of(fault, row.number, column_of(fault.name, names)) for fault in error.faults]
                yield _refused(row, bads)
            else:
                yield self._item(read_body, row, names)

    def _item(self, body: ImportedVariant, row: Row, names: Sequence[str]) -> Item:
        faults: list[Fault] = []
        change = imported_change(body, faults)
        if faults:
            return _refused(row, [bad_of(fault, row.number, column_of(fault.name, names)) for fault in faults])
        return Item(row.number, row.number, 1, change)

    async def store(self, tx: Tx, items: Sequence[Item], now: int, dry_run: bool) -> list[Outcome]:
        """Change or make the variants; one outcome an item. A SKU that comes again is changed again, in its turn."""
        outcomes: list[Outcome] = []
        for turn in _turns(items):
            outcomes += await self._store(tx, turn, now, dry_run)
        return outcomes

    async def _store(self, tx: Tx, items: Sequence[Item], now: int, dry_run: bool) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        left = list(enumerate(items))
        while left:
            changes = tuple(item.draft._replace(field=f"/{place}") for place, item in left)
            call_id = f"{self._run}-{left[0][1].first}"
            call = InventoryCall(self._actor, changes, creates=True, call_id=call_id, dry_run=dry_run)
            [done] = await change_inventory(tx, [call], now)
            if isinstance(done, InventoryDone):
                words = done.variant_words
                outcomes |= {place: Outcome(word) for (place, _), word in zip(left, words, strict=True)}
                break
            if not isinstance(done, Invalid):
                raise done
            bads: dict[int, list[Bad]] = {}
            for problem in done.problems:
                place, _, field = problem.field.lstrip("/").partition("/")
                column = {"source_id": "sourceId"}.get(field, field)
                bads.setdefault(int(place), []).append(
                    Bad(items[int(place)].first, column, problem.code, problem.message)
                )
            outcomes |= {place: Outcome("refused", tuple(told)) for place, told in bads.items()}
            left = [(place, item) for place, item in left if place not in bads]
        return [outcomes[place] for place in range(len(items))]


def _turns(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Items in their order, parted wherever a variant comes again."""
    turn: list[Item] = []
    seen: set[tuple[int | None, str | None]] = set()
    for item in items:
        change: VariantChange = item.draft
        if (change.source_id, change.sku) in seen:
            yield turn
            turn, seen = [], set()
        seen.add((change.source_id, change.sku))
        turn.append(item)
    if turn:
        yield turn


def _refused(row: Row, bads: Sequence[Bad]) -> Item:
    return Item(row.number, row.number, 1, None, tuple(bads))
