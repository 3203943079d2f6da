"""Imports and exports, in SQL."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports.imports import ImportRun, VariantRow
from waypost.app.ports.orders import OrderView
from waypost.domain.inventory import InventoryVariant
from waypost.domain.orders import Order, OrderItem
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.walks import Walk
from waypost.storage.speaking import Reader, Statements

_RUN = columns.listed(ImportRun)
_FIND = f"SELECT {_RUN} FROM import_run WHERE account_id = $1 AND kind = $2 AND digest = $3"
_MOVING = ("rows_done", "rows_refused", "updated_at", "finished_at")
_VARIANT = columns.listed(InventoryVariant, "i")
_WIDTH = len(InventoryVariant._fields)


def _owned(where: Filter, table: str, scope: Scope, column: str, after_id: int) -> Walk:
    """What an account, a source or a channel has in a table, by id. The account is asked of what was found."""
    value = getattr(scope, column)
    owner, id_ = ("account_id", scope.account_id) if value is None else (column, value)
    first = f"CAST({where.place(after_id)} AS bigint) + 1"
    return Walk(where.dialect, table, (owner,), (where.place(id_),), first, alias=table[:1])


class ImportReading(Reader):
    """See `ports.imports`."""

    async def import_run(self, account_id: int, kind: str, digest: str) -> ImportRun | None:
        """See `ports.imports`."""
        rows = await self.quick(_FIND, account_id, kind, digest)
        return ImportRun._make(rows[0]) if rows else None

    async def orders_from(self, scope: Scope, after_id: int, limit: int) -> Sequence[OrderView]:
        """See `ports.imports`."""
        where = Filter(self.dialect)
        walk = _owned(where, "orders", scope, "channel_id", after_id)
        place = len(where.args) + 1
        sql = f"""SELECT {columns.ORDER} FROM (SELECT o.* FROM {walk.tables} WHERE {walk.rows}
          ORDER BY {walk.order} LIMIT ${place}) o WHERE account_id = ${place + 1} ORDER BY +id"""
        orders = [Order._make(row) for row in await self.slow(sql, *where.args, limit, scope.account_id)]
        if not orders:
            return []
        among = self.dialect.any_of("order_id", 1)
        of = f"SELECT {columns.ITEM} FROM order_item WHERE {among} ORDER BY order_id, line_number"
        found = await self.slow(of, self.dialect.array([order.id for order in orders]))
        items = {id_: tuple(group) for id_, group in groupby(map(OrderItem._make, found), lambda one: one.order_id)}
        return [OrderView(order, items.get(order.id, ()), ()) for order in orders]

    async def variants_from(self, scope: Scope, after_id: int, limit: int) -> Sequence[VariantRow]:
        """See `ports.imports`."""
        where = Filter(self.dialect)
        walk = _owned(where, "inventory_variant", scope, "source_id", after_id)
        place = len(where.args) + 1
        limited = f"{walk.tables} WHERE {walk.rows} ORDER BY {walk.order} LIMIT ${place}"
        sql = f"""SELECT v.*, p.sku, t.sku FROM (SELECT {_VARIANT} FROM {limited}) v
          LEFT JOIN inventory_parent p ON p.id = v.parent_id LEFT JOIN product_variant t ON t.id = v.product_variant_id
          WHERE v.account_id = ${place + 1} ORDER BY +v.id"""
        rows = await self.slow(sql, *where.args, limit, scope.account_id)
        return [VariantRow(InventoryVariant._make(row[:_WIDTH]), row[_WIDTH], row[_WIDTH + 1]) for row in rows]


class ImportWriting(Statements):
    """See `ports.imports`."""

    async def begin_import(self, account_id: int, kind: str, digest: str, at: int) -> ImportRun:
        """See `ports.imports`."""
        begun: list[Any] = [account_id, kind, digest, 0, 0, at, at, None]
        sql = f"""INSERT INTO import_run ({columns.listed(ImportRun).partition(", ")[2]})
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
          ON CONFLICT (account_id, kind, digest) DO UPDATE SET rows_done = 0, rows_refused = 0, created_at = $6,
            updated_at = $7, finished_at = $8 WHERE import_run.finished_at IS NOT NULL"""
        await self.execute(sql, *begun)
        return ImportRun._make((await self.fetch(_FIND, account_id, kind, digest))[0])

    async def advance_import(self, run: ImportRun, now: ImportRun) -> bool:
        """See `ports.imports`."""
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(_MOVING, 1))
        sql = f"""UPDATE import_run SET {sets} WHERE id = $5 AND rows_done = $6 AND rows_refused = $7
          AND created_at = $8 AND finished_at IS NULL"""
        moved = [getattr(now, name) for name in _MOVING]
        return await self.execute(sql, *moved, run.id, run.rows_done, run.rows_refused, run.created_at) == 1
