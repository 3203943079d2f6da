"""What a transaction does in the same SQL on both engines; the drivers add locking, loading, batch writing."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports import ChannelRow, KeptOutcome, NewRequest, OrderParts, SourceRow, TokenRow
from waypost.domain.events import Event
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.queries import columns, requests, writing

# Tables that `insert_row` may write: names reach SQL only from here.
_SMALL = {"account", "account_counter", "source", "channel", "token"}


class CommonTx(ABC):
    """An open transaction. `fetch` and `execute` take `$n` parameters."""

    dialect: Dialect
    last_event: tuple[int, int, str | None] | None = None  # account, seq, call: tells a lost commit's fate

    @abstractmethod
    async def fetch(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows."""

    @abstractmethod
    async def execute(self, sql: str, *args: Any) -> int:
        """The number of rows changed."""

    @abstractmethod
    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One run per row."""

    @abstractmethod
    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Fresh ids, ascending."""

    async def insert_orders(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> set[int]:
        """See `ports.Tx`."""
        inserted = {row[0] for order in orders for row in await self.fetch(writing.INSERT_ORDER, *order)}
        await self.execute_many(writing.INSERT_ITEM, [item for item in items if item.order_id in inserted])
        return inserted

    async def insert_requests(self, new: Sequence[NewRequest]) -> None:
        """See `ports.Tx`."""
        await self.execute_many(writing.INSERT_REQUEST, [writing.request_values(request) for request in new])
        await self.execute_many(writing.INSERT_STATE, [request.state for request in new])
        await self.execute_many(writing.INSERT_LINE, [line for request in new for line in request.lines])
        claims = [(r.state.source_id, r.particulars.number, r.state.id) for r in new if r.claims_number]
        await self.execute_many(writing.CLAIM_NUMBER, claims)

    async def keep(self, keys: Sequence[KeptOutcome], at: int) -> None:
        """See `ports.Tx`."""
        for kept in keys:
            if await self.execute(writing.INSERT_KEY, *writing.key_values(kept, at)) != 1:
                raise RolledBack("an idempotency key was kept between our look and our lock")

    async def number_owners(self, numbers: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """See `ports.Tx`."""
        d = self.dialect
        sql = f"""SELECT source_id, number, request_id FROM fulfillment_request_number
          WHERE {d.any_of("source_id", 1)} AND {d.any_of("number", 2, "text")}"""
        sources, given = sorted({n[0] for n in numbers}), sorted({n[1] for n in numbers})
        rows = await self.fetch(sql, d.array(sources), d.array(given))
        return {(row[0], row[1]): row[2] for row in rows}

    async def orders_by_number(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Order]:
        """See `ports.Tx`."""
        d = self.dialect
        sql = f"""SELECT {columns.ORDER} FROM orders
          WHERE {d.any_of("channel_id", 1)} AND {d.any_of("order_number", 2, "text")}"""
        channels, numbers = sorted({key[0] for key in keys}), sorted({key[1] for key in keys})
        found = map(Order._make, await self.fetch(sql, d.array(channels), d.array(numbers)))
        return {(order.channel_id, order.order_number): order for order in found}

    async def order_parts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, OrderParts]:
        """See `ports.Tx`. Items and sums are read after the orders are locked."""
        d = self.dialect
        sql = f"""SELECT {columns.ORDER} FROM orders WHERE {d.any_of("id", 1)} AND account_id = $2
          AND (CAST($3 AS bigint) IS NULL OR channel_id = CAST($3 AS bigint)) ORDER BY id{d.lock}"""
        rows = await self.fetch(sql, d.array(sorted(set(order_ids))), scope.account_id, scope.channel_id)
        orders = [Order._make(row) for row in rows]
        ids = d.array([order.id for order in orders])
        item_sql = f"SELECT {columns.ITEM} FROM order_item WHERE {d.any_of('order_id', 1)} ORDER BY line_number"
        items: dict[int, list[OrderItem]] = {order.id: [] for order in orders}
        for item in map(OrderItem._make, await self.fetch(item_sql, ids)):
            items[item.order_id].append(item)
        sums: dict[int, dict[int, LineSums]] = {order.id: {} for order in orders}
        for row in await self.fetch(writing.line_sums(d), ids):
            sums[row[0]][row[1]] = LineSums(*map(int, row[2:]))
        return {order.id: OrderParts(order, tuple(items[order.id]), sums[order.id]) for order in orders}

    async def request_counts(self, order_ids: Sequence[int]) -> dict[int, int]:
        """See `ports.Tx`."""
        where = self.dialect.any_of("order_id", 1)
        sql = f"SELECT order_id, count(*) FROM fulfillment_request WHERE {where} GROUP BY order_id"
        return {row[0]: row[1] for row in await self.fetch(sql, self.dialect.array(order_ids))}

    async def update_order_rollups(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> None:
        """Write derived quantities and statuses."""
        await self.execute_many(writing.UPDATE_ITEM, [(*writing.item_values(item), item.id) for item in items])
        rows = [(o.acknowledged_status, o.shipped_status, o.updated_at, o.id) for o in orders]
        await self.execute_many(writing.UPDATE_ORDER, rows)

    async def write_events(self, events: Sequence[Event], at: int) -> None:
        """Append events and move their accounts' counters on; `seq` was given out from the locked counter."""
        first: dict[int, int] = {}
        for event in events:
            first.setdefault(event.account_id, event.seq - 1)
        for account_id, was in first.items():
            count = sum(event.account_id == account_id for event in events)
            if await self.execute(writing.ADVANCE_COUNTER, count, at, account_id, was) != 1:
                raise BadRow("the event counter moved while it was locked")
        await self.execute_many(writing.INSERT_EVENT, events)
        last = events[-1]
        self.last_event = (last.account_id, last.seq, last.request_id)

    async def source_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, SourceRow]:
        """See `ports.Tx`."""
        sql = f"SELECT {columns.SOURCE} FROM source WHERE {self.dialect.any_of('id', 1)} AND account_id = $2"
        rows = await self.fetch(sql, self.dialect.array(ids), scope.account_id)
        return {row[0]: SourceRow._make(row) for row in rows}

    async def channel_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, ChannelRow]:
        """See `ports.Tx`."""
        sql = f"SELECT {columns.CHANNEL} FROM channel WHERE {self.dialect.any_of('id', 1)} AND account_id = $2"
        rows = await self.fetch(sql, self.dialect.array(ids), scope.account_id)
        return {row[0]: ChannelRow._make(row) for row in rows}

    async def insert_row(self, table: str, row: dict[str, Any]) -> int:
        """See `ports.Tx`."""
        if table not in _SMALL:
            raise ValueError(table)
        names = ", ".join(row)
        spots = ", ".join(f"${index + 1}" for index in range(len(row)))
        returning = "account_id" if table == "account_counter" else "id"
        sql = f"INSERT INTO {table} ({names}) VALUES ({spots}) RETURNING {returning}"
        return int((await self.fetch(sql, *row.values()))[0][0])

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
        sql = """DELETE FROM idempotency_key WHERE (family, key) IN
          (SELECT family, key FROM idempotency_key WHERE created_at < $1 ORDER BY created_at LIMIT $2)"""
        return await self.execute(sql, before, limit)

    async def oldest_processing(self, scope: Scope, source_id: int | None, limit: int) -> list[int]:
        """See `ports.Tx`."""
        where = requests.Filter(self.dialect)
        requests.scoped(where, scope, "s")
        where.add("s.status = ?", str(Status.PROCESSING))
        if source_id is not None:
            where.add("s.source_id = ?", source_id)
        places = f"LIMIT ${len(where.args) + 1}"
        sql = f"SELECT s.id FROM fulfillment_request_state s WHERE {' AND '.join(where.terms)} ORDER BY s.id {places}"
        return [row[0] for row in await self.fetch(sql, *where.args, limit)]
