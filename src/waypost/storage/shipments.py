"""Shipments, in SQL."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.large_work import OUT_OF_TURN, LargeWork, OutOfTurn
from waypost.app.ports.shipments import ShipmentQuery
from waypost.domain.shipments import Shipment, ShipmentItem, ShipmentView, ShippedLine
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.grouping import grouped
from waypost.storage.queries import columns
from waypost.storage.queries.pages import Page, Pages, Walk, owned
from waypost.storage.queries.requests import Filter
from waypost.storage.speaking import Reader, Statements

Fetch = Callable[..., Awaitable[list[Sequence[Any]]]]

_SHIPMENT = columns.listed(Shipment, "h")
_ITEM = columns.listed(ShipmentItem, "i")
_LINE = columns.listed(ShippedLine, "l")
_WIDTH = len(ShipmentItem._fields)
_CHANGING = (
    "request_id", "order_id", "tracking_number", "tracking_url", "carrier", "method", "note", "shipped_at",
    "shipping_cost", "suppressed", "partial", "synced_to_channel", "sync_error", "accounting_synced",
    "custom_fields", "updated_at", "version",
)  # fmt: skip
_SHIPMENT_ID = ShipmentItem._fields.index("shipment_id")
_ITEM_CHANGING = ("line_id", "quantity", "stock_released", "rma_item_id", "custom_fields")


def _update(table: str, names: Sequence[str], *more: str) -> str:
    sets = ", ".join([*(f"{name} = ${place}" for place, name in enumerate(names, 1)), *more])
    return f"UPDATE {table} SET {sets} WHERE id = ${len(names) + 1}"



def _channel(names: Sequence[str]) -> str:
    """The channel of the request that is written, which a channel's pages go by; `names`: the columns written."""
    return f"(SELECT f.channel_id FROM fulfillment_request f WHERE f.id = ${names.index('request_id') + 1})"


def _scoped(where: Filter, scope: Scope) -> None:
    """What the caller may see: a source its own, a channel that of its requests. What is shipped is released.

    A plus takes the column from the planners, which would take an index of the account for a key that is given.
    """
    where.add("+h.account_id = ?", scope.account_id)
    if scope.source_id is not None:
        where.add("+h.source_id = ?", scope.source_id)
    if scope.channel_id is not None:
        where.add("+h.channel_id = ?", scope.channel_id)


async def _views(
    dialect: Dialect, fetch: Fetch, rows: Sequence[Sequence[Any]], work: LargeWork | OutOfTurn = OUT_OF_TURN
) -> list[ShipmentView]:
    """Shipments with their items."""
    if not rows:
        return []
    sql = f"""SELECT {_ITEM}, {_LINE} FROM shipment_item i JOIN fulfillment_request_line l ON l.id = i.line_id
      WHERE {dialect.any_of("i.shipment_id", 1)} AND i.quantity > 0 ORDER BY +i.id"""
    found = await fetch(sql, dialect.array([row[0] for row in rows]))
    items = await grouped(found, _SHIPMENT_ID, _shipped, work)
    return [ShipmentView(Shipment._make(row), tuple(items.get(row[0], ()))) for row in rows]


def _shipped(row: Sequence[Any]) -> tuple[ShipmentItem, ShippedLine]:
    return ShipmentItem._make(row[:_WIDTH]), ShippedLine._make(row[_WIDTH:])


class ShipmentReading(Reader):
    """See `ports.shipments`."""

    async def shipment(self, scope: Scope, shipment_id: int) -> ShipmentView | None:
        """One, as far as `scope` may see it."""
        where = Filter(self.dialect)
        where.add("h.id = ?", shipment_id)
        _scoped(where, scope)
        sql = f"SELECT {_SHIPMENT} FROM shipment h WHERE {' AND '.join(where.terms)}"
        views = await _views(self.dialect, self.quick, await self.quick(sql, *where.args))
        return views[0] if views else None

    async def shipments(self, query: ShipmentQuery) -> list[ShipmentView]:
        """One page."""
        return await _views(self.dialect, self.slow, await _page(self.dialect, query).read(self.slow), self.large)


def _page(dialect: Dialect, query: ShipmentQuery) -> Page:
    """One page, by creation."""
    scope = query.scope

    def match(where: Filter) -> None:
        if query.order_id is not None:
            where.add("h.order_id = ?", query.order_id)
        if query.request_id is not None:
            where.add("h.request_id = ?", query.request_id)
        where.after("h.inserted_at", query.created_after)
        where.after("h.updated_at", query.updated_after)

    account = ("account_id", scope.account_id)
    owners = (("source_id", scope.source_id), ("channel_id", scope.channel_id))
    owner = next((owned(name, id_, scope) for name, id_ in owners if id_ is not None), account)
    walk = Walk("shipment", "h", (owner,), ("inserted_at", "id"), query.created_after)
    pages = Pages(dialect, _SHIPMENT, walk, lambda where: _scoped(where, scope), query.limit, query.offset)
    if query.order_id is not None or query.request_id is not None:
        return pages.looked_up(match)
    if query.updated_after is None:
        return pages.plain()
    rare = Walk("shipment", "h", (account,), ("updated_at",), query.updated_after)
    return pages.narrowed(match, ("updated_at", "account_id", "source_id", "channel_id"), rare)


class ShipmentWriting(Statements):
    """See `ports.shipments`."""

    async def requests_by_number(self, scope: Scope, source_id: int | None, number: str) -> list[int]:
        """See `ports.shipments`."""
        where = Filter(self.dialect)
        where.add("f.account_id = ? AND f.number = ?", scope.account_id, number)
        source = scope.source_id if source_id is None else source_id
        if source is not None:
            where.add("+f.source_id = ?", source)
        sql = f"""SELECT f.id, CASE WHEN s.released_seq IS NULL THEN 1 ELSE 0 END
          FROM fulfillment_request f JOIN fulfillment_request_state s ON s.id = f.id
          WHERE {" AND ".join(where.terms)} ORDER BY 2, f.id LIMIT 2"""
        found = await self.fetch(sql, *where.args)
        released = [row[0] for row in found if not row[1]]
        return released if released or scope.source_id is not None else [row[0] for row in found]

    async def tracking_numbers(self, asked: Collection[tuple[int, str]]) -> dict[int, set[str]]:
        """See `ports.shipments`."""
        pairs, args = self.dialect.pairs("p", ("request_id", "tracking_number"), sorted(asked))
        # Looked up one by one: joined, PostgreSQL would walk all items while nobody has analysed them.
        has_any = is_there("FROM shipment_item i WHERE i.shipment_id = h.id AND i.quantity > 0")
        known = is_there(f"""FROM shipment h WHERE h.request_id = p.request_id
          AND h.tracking_number = p.tracking_number AND {has_any}""")
        found: dict[int, set[str]] = {}
        for row in await self.fetch(f"SELECT p.request_id, p.tracking_number FROM {pairs} WHERE {known}", *args):
            found.setdefault(row[0], set()).add(row[1])
        return found

    async def shipment_views(self, scope: Scope, ids: Sequence[int]) -> dict[int, ShipmentView]:
        """See `ports.shipments`."""
        where = Filter(self.dialect)
        where.any_of("h.id", tuple(ids), "bigint")
        _scoped(where, scope)
        sql = f"SELECT {_SHIPMENT} FROM shipment h WHERE {' AND '.join(where.terms)}"
        views = await _views(self.dialect, self.fetch, await self.fetch(sql, *where.args))
        return {view.shipment.id: view for view in views}

    async def insert_shipments(self, shipments: Sequence[Shipment], items: Sequence[ShipmentItem]) -> None:
        """See `ports.shipments`."""
        names, places = columns.listed(Shipment), columns.places(Shipment)
        sql = f"INSERT INTO shipment ({names}, channel_id) VALUES ({places}, {_channel(Shipment._fields)})"
        await self.execute_many(sql, shipments)
        names, places = columns.listed(ShipmentItem), columns.places(ShipmentItem)
        await self.execute_many(f"INSERT INTO shipment_item ({names}) VALUES ({places})", items)

    async def update_shipments(self, shipments: Sequence[Shipment], items: Sequence[ShipmentItem]) -> None:
        """See `ports.shipments`."""
        rows = [(*(getattr(one, name) for name in _CHANGING), one.id) for one in shipments]
        await self.execute_many(_update("shipment", _CHANGING, f"channel_id = {_channel(_CHANGING)}"), rows)
        rows = [(*(getattr(one, name) for name in _ITEM_CHANGING), one.id) for one in items]
        await self.execute_many(_update("shipment_item", _ITEM_CHANGING), rows)
