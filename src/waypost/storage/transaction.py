"""What a transaction does in the same SQL on both engines; the drivers add locking, loading, batch writing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from waypost.app.actor import Scope
from waypost.app.ports import KeptOutcome, NewRequest, OrderParts, PostedOrder, RequestSize, StockChange, TokenRow
from waypost.app.slices import parts
from waypost.domain.attention import item_of
from waypost.domain.events import Event
from waypost.domain.orders import Order, OrderItem
from waypost.storage.attention import AttentionWriting
from waypost.storage.catalog import CatalogWriting
from waypost.storage.clock_rules import ClockRuleWriting
from waypost.storage.delivery import DeliveryWriting
from waypost.storage.events import EventWriting
from waypost.storage.faults import BadRow
from waypost.storage.imports import ImportWriting
from waypost.storage.inventory import InventoryWriting
from waypost.storage.invoices import InvoiceWriting
from waypost.storage.orders import OrderWriting
from waypost.storage.queries import columns, request_pages, requests, writing
from waypost.storage.routing import RoutingWriting
from waypost.storage.sealing import SEALED
from waypost.storage.shipments import ShipmentWriting
from waypost.storage.webhooks import WebhookWriting

# Tables that `insert_row` and `update_row` may write: names reach SQL only from here.
_SMALL = {
    "account", "account_counter", "source", "channel", "token", "routing_group", "source_shipping_method",
    "channel_shipping_method", "shipping_policy", "webhook",
}  # fmt: skip
# No row of these is written to find out whether they can be: but a lock on the table is waited for. What the life cycle
# of orders and requests writes; whether the other tables can be read is found out beside it.
_WRITTEN_MOST = {
    "orders": "status", "order_item": "shipped", "fulfillment_request": "number", "fulfillment_request_line": "shipped",
    "fulfillment_request_state": "status", "stock_ledger": "at", "inventory_variant": "updated_at",
    "shipment": "updated_at", "shipment_item": "quantity", "attention": "settled_at", "attention_group": "total",
    "attention_item": "assignee", "handover_attempt": "state", "account_counter": "last_seq", "event": "type",
    "idempotency_key": "operation",
}  # fmt: skip
T = TypeVar("T")

LINES_AT_ONCE = 250  # of new requests: more are written in several statements


class CommonTx(
    AttentionWriting, CatalogWriting, ClockRuleWriting, DeliveryWriting, EventWriting, ImportWriting, InventoryWriting,
    InvoiceWriting, OrderWriting, RoutingWriting, ShipmentWriting, WebhookWriting,
):  # fmt: skip
    """An open transaction. `fetch` and `execute` take `$n` parameters."""

    last_event: tuple[int, int, str | None] | None = None  # account, seq, call: tells a lost commit's fate
    told: frozenset[int] = frozenset()  # the accounts whose events this transaction wrote

    async def insert_orders(self, orders: Sequence[PostedOrder], items: Sequence[OrderItem]) -> set[int]:
        """See `ports.Tx`."""
        rows = map(writing.posted_values, orders)
        inserted = {found[0] for row in rows for found in await self.fetch(writing.INSERT_ORDER, *row)}
        await self.execute_many(writing.INSERT_ITEM, [item for item in items if item.order_id in inserted])
        return inserted

    async def insert_requests(self, new: Sequence[NewRequest]) -> None:
        """See `ports.Tx`. Some lines at a time: all that is made of a request's rows is made at once."""
        for some in parts(new, LINES_AT_ONCE, weight=lambda request: len(request.lines)):
            await self._insert_some_requests(some)

    async def _insert_some_requests(self, new: Sequence[NewRequest]) -> None:
        await self.execute_many(writing.INSERT_REQUEST, [writing.request_values(request) for request in new])
        await self.execute_many(writing.INSERT_STATE, [request.state for request in new])
        await self.execute_many(writing.INSERT_LINE, [line for request in new for line in request.lines])
        await self.note_items((), [item for request in new if (item := item_of(request.state)) is not None])
        claims = [writing.claim_values(request) for request in new if request.claims_number]
        await self.execute_many(writing.CLAIM_NUMBER, claims)
        entries = [entry for request in new for entry in request.entries]
        if entries:
            await self.write_stock([StockChange(entry, entry.open) for entry in entries], entries[0].at)

    async def keep(self, kept: Sequence[KeptOutcome], at: int) -> None:
        """See `ports.Tx`."""
        await self.execute_many(writing.INSERT_KEY, [writing.key_values(one, at) for one in kept])

    async def number_owners(self, numbers: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """See `ports.Tx`."""
        found_by, args = self.dialect.by_pair("fulfillment_request_number", "n", ("source_id", "number"), numbers)
        rows = await self.fetch(f"SELECT n.source_id, n.number, n.request_id {found_by}", *args)
        return {(row[0], row[1]): row[2] for row in rows}

    async def orders_by_number(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], PostedOrder]:
        """See `ports.Tx`."""
        found_by, args = self.dialect.by_pair("orders", "o", ("channel_id", "order_number"), keys)
        rows = await self.fetch(f"SELECT {columns.listed(Order, 'o')}, o.posted {found_by}", *args)
        found = [PostedOrder(Order._make(row[:-1]), row[-1]) for row in rows]
        return {(one.order.channel_id, one.order.order_number): one for one in found}

    async def order_parts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, OrderParts]:
        """See `ports.Tx`. Items and sums are read after the orders are locked."""
        d = self.dialect
        sql = f"""SELECT {columns.ORDER} FROM orders WHERE {d.any_of("id", 1)} AND +account_id = $2
          AND (CAST($3 AS bigint) IS NULL OR channel_id = CAST($3 AS bigint)) ORDER BY id{d.lock}"""
        rows = await self.fetch(sql, d.array(sorted(set(order_ids))), scope.account_id, scope.channel_id)
        return await self.parts_of([Order._make(row) for row in rows])

    async def update_order_rollups(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> None:
        """Write derived quantities and statuses."""
        await self.execute_many(writing.UPDATE_ITEM, ((*writing.item_values(item), item.id) for item in items))
        await self.execute_many(writing.UPDATE_ORDER, ((*writing.order_values(order), order.id) for order in orders))

    async def write_stock(self, changes: Sequence[StockChange], at: int) -> None:
        """See `ports.Tx`."""
        new = [change.entry[1:] for change in changes if not change.entry.id]
        await self.execute_many(writing.INSERT_ENTRY, new)
        old = [(*c.entry[3:], c.entry.id) for c in changes if c.entry.id]
        await self.execute_many(writing.UPDATE_ENTRY, old)
        totals = [(by, at, variant_id) for variant_id, by in moved_totals(changes).items()]
        await self.execute_many(writing.MOVE_TOTAL, totals)

    async def write_events(self, events: Sequence[Event], at: int) -> None:
        """Append events and move their accounts' counters on; `seq` was given out from the locked counter."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for event in events:
            first.setdefault(event.account_id, event.seq - 1)
            last[event.account_id] = event.seq  # they follow each other
        for account_id, was in first.items():
            if await self.execute(writing.ADVANCE_COUNTER, last[account_id] - was, at, account_id, was) != 1:
                raise BadRow("the event counter moved while it was locked")
        await self.execute_many(writing.INSERT_EVENT, events)
        self.told |= first.keys()
        final = events[-1]
        self.last_event = (final.account_id, final.seq, final.request_id)

    async def insert_row(self, table: str, row: dict[str, Any]) -> int:
        """See `ports.Tx`."""
        if table not in _SMALL:
            raise ValueError(table)
        if table in SEALED:
            row = await self.sealed(table, row["id"], row)
        names = ", ".join(row)
        spots = ", ".join(f"${index + 1}" for index in range(len(row)))
        returning = "account_id" if table == "account_counter" else "id"
        sql = f"INSERT INTO {table} ({names}) VALUES ({spots}) RETURNING {returning}"
        return int((await self.fetch(sql, *row.values()))[0][0])

    async def update_row(self, table: str, row_id: int, columns: Mapping[str, Any]) -> None:
        """See `ports.Tx`."""
        if table not in _SMALL:
            raise ValueError(table)
        columns = await self.sealed(table, row_id, columns)
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(columns, 1))
        sql = f"UPDATE {table} SET {sets} WHERE id = ${len(columns) + 1}"
        if await self.execute(sql, *columns.values(), row_id) != 1:
            raise BadRow("a row went away while its account was locked")

    async def rehearse(self, work: Callable[[], Awaitable[T]]) -> T:
        """See `ports.Tx`. Ids that were given out stay so."""
        await self.execute("SAVEPOINT rehearsal")
        last_event = self.last_event
        try:
            return await work()
        finally:
            await self.execute("ROLLBACK TO SAVEPOINT rehearsal")
            self.last_event = last_event

    async def prove_writable(self) -> None:
        """See `ports.Tx`."""

        async def write() -> None:
            await self.execute("UPDATE alembic_version SET version_num = version_num")
            for table, column in _WRITTEN_MOST.items():
                await self.execute(f"UPDATE {table} SET {column} = {column} WHERE 0 = 1")

        await self.rehearse(write)

    async def token_by_id(self, token_id: int) -> TokenRow | None:
        """The token, revoked or not."""
        rows = await self.fetch(writing.TOKEN_BY_ID, token_id)
        return TokenRow._make(rows[0]) if rows else None

    async def revoke_token(self, token_id: int, at: int) -> int:
        """Revoke from `at` on; how many changed."""
        return await self.execute(writing.REVOKE_TOKEN, at, token_id)

    async def expire_token(self, token_id: int, at: int) -> int:
        """Let it expire at `at`, if it does not expire earlier; how many changed."""
        return await self.execute(writing.EXPIRE_TOKEN, at, token_id)

    async def purge_keys(self, before: int, limit: int) -> int:
        """See `ports.Tx`."""
        old = "SELECT family, key FROM idempotency_key WHERE created_at < $1 ORDER BY created_at LIMIT $2"
        names = await self.fetch(old, before, limit)
        # By the whole name of each: SQLite would walk all keys of a family for a list of them.
        await self.execute_many("DELETE FROM idempotency_key WHERE family = $1 AND key = $2", map(tuple, names))
        return len(names)

    async def oldest_processing(self, scope: Scope, source_id: int | None, limit: int) -> list[int]:
        """See `ports.Tx`."""
        sql, args = request_pages.waiting(scope, source_id, limit, self.dialect)
        return [row[0] for row in await self.fetch(sql, *args)]

    async def request_sizes(self, scope: Scope, request_ids: Sequence[int]) -> list[RequestSize]:
        """See `ports.Tx`."""
        d = self.dialect
        rows = await self.fetch(requests.sizes(d), d.array(sorted(set(request_ids))), *scope)
        return list(map(RequestSize._make, rows))


def moved_totals(changes: Sequence[StockChange]) -> dict[int, int]:
    """By how much each variant's committed total moves; variants by id, those that do not move left out."""
    totals: dict[int, int] = {}
    for change in changes:
        variant_id = change.entry.variant_id
        totals[variant_id] = totals.get(variant_id, 0) + change.by
    return {variant_id: totals[variant_id] for variant_id in sorted(totals) if totals[variant_id]}
