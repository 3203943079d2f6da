"""SQL of orders: lists, look-ups, timelines, and what only orders write. Bound to the caller's scope throughout."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.large_work import OUT_OF_TURN, LargeWork, OutOfTurn
from waypost.app.ports.orders import LinkQuery, Listed, OrderQuery, OrderRequest, OrderRequests, OrderView, Sold
from waypost.domain.events import Event
from waypost.domain.orders import Order, OrderItem
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.events import timeline_of
from waypost.storage.grouping import grouped
from waypost.storage.queries import columns, order_pages, walks, writing
from waypost.storage.queries.order_pages import Driver
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.shortest import page_by_shortest
from waypost.storage.queries.walks import LAST_ID
from waypost.storage.speaking import Reader, Statements

_FIELDS = (
    "order_total", "payment_status", "tags", "note", "accounting_synced", "external_accounting_id", "accounting_error",
)  # fmt: skip
_LINKS = ("sku", "title", "product_variant_id", "listing_variant_id")

Fetch = Callable[..., Awaitable[list[Sequence[Any]]]]

FEW_REQUESTS = 500  # of one order: read in the event loop on SQLite, within a millisecond
_ORDER_ID = OrderItem._fields.index("order_id")
_ORDER = columns.listed(Order, "o")
# $1 order id, $2 account, $3 channel or null; a scope of a source is never asked for orders.
_VISIBLE = "o.id = $1 AND o.account_id = $2 AND (CAST($3 AS bigint) IS NULL OR o.channel_id = CAST($3 AS bigint))"
_BY_ID = f"SELECT {_ORDER} FROM orders o WHERE {_VISIBLE}"


def _update(table: str, names: Sequence[str]) -> str:
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 1))
    return f"UPDATE {table} SET {sets} WHERE id = ${len(names) + 1}"


def page(query: OrderQuery, dialect: Dialect, driver: Driver, look: int | None = None) -> tuple[str, list[Any]]:
    """One page of orders, by id ascending: see `order_pages`."""
    ids, args = order_pages.page(query, dialect, driver, look)
    return f"SELECT {_ORDER} FROM orders o WHERE o.id IN ({ids}) ORDER BY +o.id", args


# An item is found by the best of its names, as `app.order_items` finds it: by no other. What is listed here and is not
# linked would be listed for ever.
_OF_SKU = "FROM product_variant p WHERE p.account_id = o.account_id AND p.sku = i.sku"
_PRODUCT = "FROM product_variant p WHERE p.id = i.product_variant_id AND p.account_id = o.account_id"
_LISTING = "FROM listing_variant v WHERE v.id = i.listing_variant_id AND v.channel_id = o.channel_id"
_OF_LISTING_ID = "FROM listing_variant v WHERE v.channel_id = o.channel_id AND v.external_id = i.external_listing_id"
_FINDABLE = f"""i.order_id = o.id AND (CASE
  WHEN i.sku IS NOT NULL THEN i.product_variant_id IS NULL AND {is_there(_OF_SKU)}
  WHEN i.product_variant_id IS NOT NULL THEN {is_there(_PRODUCT)}
  WHEN i.listing_variant_id IS NOT NULL THEN {is_there(_LISTING)}
  ELSE {is_there(_OF_LISTING_ID)} END)"""


def linkable(query: LinkQuery, statuses: Sequence[str], limit: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """Orders of which an unmanaged item would find what it is now.

    With SKUs: costs the items that have one that is a product now, and were never linked. Else: all open orders.
    """
    where = Filter(dialect)
    # The pluses keep planners from other indexes, where the order is known by its id.
    plus = "+" if query.skus else ""
    where.add(f"{plus}o.account_id = ?", query.scope.account_id)
    where.any_of("o.status", tuple(statuses), "text")
    if query.channel_id is not None:
        where.add(f"{plus}o.channel_id = ?", query.channel_id)
    of_order = " AND ".join(where.terms)
    if query.skus:
        products = f"""SELECT p.sku FROM product_variant p
          WHERE p.account_id = $1 AND {where.among("p.sku", query.skus, "text")}"""
        items = f"i.product_variant_id IS NULL AND {dialect.any_found('i.sku', products)}"
        table = dialect.by_index("order_item", "i", ("unlinked",))
        found = dialect.looked_up(table, items, "orders o", f"o.id = i.order_id AND {of_order}")
    else:
        found = dialect.looked_up("orders o", of_order, "order_item i", _FINDABLE)
    first = f"SELECT DISTINCT o.id {found} ORDER BY o.id LIMIT ${len(where.args) + 1}"
    return f"SELECT f.id, {_items_in('f.id')} FROM ({first}) f ORDER BY f.id", [*where.args, limit]


def _last_listings(dialect: Dialect, externals: Sequence[tuple[int, str]]) -> tuple[str, list[Any]]:
    """The id of the last made listing of each channel and external id; parameters begin with the second.

    However many listings share an external id, one is looked at. PostgreSQL: as `RoutingReading.twins`.
    """
    if dialect.is_sqlite:
        table = dialect.by_index("listing_variant", "v", ("channel_id", "external_id", "id"))
        same = "v.channel_id = p.value ->> 0 AND v.external_id = p.value ->> 1"
        return f"SELECT (SELECT max(v.id) FROM {table} WHERE {same}) FROM json_each($2) p", [dialect.array(externals)]
    place = "(v.channel_id, v.external_id, v.id)"
    last = f"""SELECT v.id FROM listing_variant v WHERE {place} >= (p.channel_id, p.external_id, 0)
      AND {place} <= (p.channel_id, p.external_id, {LAST_ID})
      ORDER BY v.channel_id DESC, v.external_id DESC, v.id DESC LIMIT 1"""
    given = "unnest($2::bigint[], $3::text[]) AS p(channel_id, external_id)"
    return f"SELECT ({last}) FROM {given}", [list(column) for column in zip(*externals, strict=True)]


def _items_in(order_id: str) -> str:
    return f"(SELECT count(*) FROM order_item n WHERE n.order_id = {order_id})"


def _items_of(dialect: Dialect) -> str:
    where = dialect.any_of("order_id", 1)
    return f"SELECT {columns.ITEM} FROM order_item WHERE {where} ORDER BY order_id, line_number"


def _requests_of(dialect: Dialect) -> str:
    by = dialect.by_index("fulfillment_request", "w", ("order_id",))
    found = dialect.looked_up(by, dialect.any_of("w.order_id", 1), "fulfillment_request_state s", "s.id = w.id")
    return f"SELECT w.order_id, w.id, w.number, w.source_id, s.status {found} ORDER BY w.order_id, w.id"


def _request(row: Sequence[Any]) -> OrderRequest:
    return OrderRequest(*row[1:])


async def _views(
    dialect: Dialect, fetch: Fetch, orders: Sequence[Order], work: LargeWork | OutOfTurn = OUT_OF_TURN,
    fetch_requests: Fetch | None = None,
) -> list[OrderView]:  # fmt: skip
    """Orders with their items and requests."""
    if not orders:
        return []
    ids = dialect.array([order.id for order in orders])
    request_rows = await (fetch_requests or fetch)(_requests_of(dialect), ids)
    item_rows = await fetch(_items_of(dialect), ids)  # all is read first: what is large must not wait for another read
    requests = await grouped(request_rows, 0, _request, work)
    items = await grouped(item_rows, _ORDER_ID, OrderItem._make, work)
    return [OrderView(order, tuple(items.get(order.id, ())), tuple(requests.get(order.id, ()))) for order in orders]


class OrderReading(Reader):
    """See `ports.orders`."""

    async def order(self, scope: Scope, order_id: int) -> OrderView | None:
        """One order with its items and requests, as far as `scope` may see it."""
        rows = await self._visible(scope, order_id)
        views = await _views(self.dialect, self.quick, list(map(Order._make, rows)), self.large, self._few_or_many)
        return views[0] if views else None

    async def _few_or_many(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """All rows: a look-up by key, unless there are many."""
        few = await self.quick(f"{sql} LIMIT {FEW_REQUESTS + 1}", *args)
        return few if len(few) <= FEW_REQUESTS else await self.slow(sql, *args)

    async def _visible(self, scope: Scope, order_id: int) -> Sequence[Sequence[Any]]:
        if scope.source_id is not None:
            return ()
        return await self.quick(_BY_ID, order_id, scope.account_id, scope.channel_id)

    async def orders(self, query: OrderQuery) -> list[OrderView]:
        """See `ports.orders`."""
        if query.scope.source_id is not None:
            return []
        changed = order_pages.changed_after(query)
        drivers = order_pages.drivers(query, await walks.first_few(self.slow, changed.items()))
        lists = [*order_pages.lists(query, drivers, self.dialect, page)]
        rows = await page_by_shortest(self.slow, lists, query.limit, query.offset, walks.FEW if changed else 0)
        return await _views(self.dialect, self.slow, list(map(Order._make, rows)), self.large)

    async def linkable_orders(
        self, query: LinkQuery, statuses: Sequence[str], limit: int
    ) -> list[tuple[int, int]]:
        """See `ports.orders`."""
        sql, args = linkable(query, statuses, limit, self.dialect)
        return [(row[0], row[1]) for row in await self.slow(sql, *args)]

    async def order_timeline(self, scope: Scope, order_id: int) -> list[Event] | None:
        """See `ports.orders`."""
        if not await self._visible(scope, order_id):
            return None
        return await timeline_of(self, scope, "order", order_id)


class OrderWriting(Statements):
    """See `ports.orders`."""

    async def order_views(self, orders: Sequence[Order]) -> list[OrderView]:
        """See `ports.orders`."""
        return await _views(self.dialect, self.fetch, orders)

    async def item_counts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, int]:
        """See `ports.orders`."""
        d = self.dialect
        sql = f"""SELECT o.id, {_items_in("o.id")} FROM orders o WHERE {d.any_of("o.id", 1)} AND +o.account_id = $2
          AND (CAST($3 AS bigint) IS NULL OR o.channel_id = CAST($3 AS bigint))"""
        rows = await self.fetch(sql, d.array(sorted(set(order_ids))), scope.account_id, scope.channel_id)
        return {row[0]: row[1] for row in rows}

    async def order_requests(self, order_ids: Sequence[int]) -> dict[int, OrderRequests]:
        """See `ports.orders`."""
        rows = await self.fetch(_requests_of(self.dialect), self.dialect.array(list(order_ids)))
        return {id_: tuple(made) for id_, made in (await grouped(rows, 0, _request, OUT_OF_TURN)).items()}

    async def insert_order_items(self, items: Sequence[OrderItem]) -> None:
        """See `ports.orders`."""
        await self.execute_many(writing.INSERT_ITEM, items)

    async def update_order_fields(self, orders: Sequence[Order]) -> None:
        """See `ports.orders`."""
        rows = [(*(getattr(order, name) for name in _FIELDS), order.id) for order in orders]
        await self.execute_many(_update("orders", _FIELDS), rows)

    async def update_posted(self, order_id: int, posted: str) -> None:
        """See `ports.orders`."""
        await self.execute(writing.UPDATE_POSTED, posted, order_id)

    async def update_item_links(self, items: Sequence[OrderItem]) -> None:
        """See `ports.orders`."""
        rows = ((*(getattr(item, name) for name in _LINKS), item.id) for item in items)
        await self.execute_many(_update("order_item", _LINKS), rows)

    async def sold(self, account_id: int, ids: Sequence[int], skus: Sequence[str]) -> list[Sold]:
        """See `ports.orders`."""
        d = self.dialect
        names = columns.listed(Sold)
        found: dict[int, Sold] = {}
        for given, where in ((ids, d.any_of("id", 2)), (skus, d.any_of("sku", 2, "text"))):
            if given:
                # Of ids each is looked up: the plus keeps planners from walking the account instead.
                account = "+account_id" if given is ids else "account_id"
                sql = f"SELECT {names} FROM product_variant WHERE {account} = $1 AND {where}"
                rows = await self.fetch(sql, account_id, d.array(list(given)))
                found |= {row[0]: Sold._make(row) for row in rows}
        return list(found.values())

    async def listed(self, account_id: int, ids: Sequence[int], externals: Sequence[tuple[int, str]]) -> list[Listed]:
        """See `ports.orders`."""
        d = self.dialect
        # The plus keeps planners from walking the account.
        select = f"SELECT {columns.listed(Listed)} FROM listing_variant WHERE +account_id = $1"
        rows = await self.fetch(f"{select} AND {d.any_of('id', 2)}", account_id, d.array(list(ids))) if ids else []
        if externals:
            last, args = _last_listings(d, externals)
            rows = [*rows, *await self.fetch(f"{select} AND {d.any_found('id', last)}", account_id, *args)]
        return [Listed._make(row) for row in rows]
