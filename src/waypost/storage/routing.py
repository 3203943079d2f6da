"""SQL of routing: what is locked and read for it, and how its decisions are kept."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports import AccountRow, ChannelRow, OrderParts, SourceRow
from waypost.app.ports.routing import (
    DecisionRow,
    GroupRow,
    GroupSource,
    MappedMethod,
    RoutingCatalog,
    StockVariant,
    VariantAsk,
)
from waypost.app.slices import Pace, parts
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns, requests, writing
from waypost.storage.queries.walks import LAST_ID
from waypost.storage.speaking import Reader, Statements

_VARIANT = columns.listed(StockVariant, "v")
_ROWS_AT_ONCE = 1000
_STEPS_OF_A_ROW = 3
_STEPS_OF_A_LOOK = 200  # for some hundred rows
_NAMES_AT_ONCE = 20
_FEW_SOURCES = 50  # so many are looked up one by one for each name; of more, all rows of the name are read
_DECISION = f"""SELECT {columns.listed(DecisionRow, "d")} FROM fulfillment_request_state s
JOIN fulfillment_request f ON f.id = s.id JOIN routing_decision d ON d.id = f.routing_decision_id
WHERE s.id = $1 AND {requests.VISIBLE}"""


def _asks(ask: VariantAsk) -> Iterator[VariantAsk]:
    """The same in parts, which SQLite looks up without holding others up for long."""
    at_once = max(1, _NAMES_AT_ONCE * _FEW_SOURCES // max(_FEW_SOURCES, len(ask.sources or ())))
    for field in ("skus", "products", "ids"):
        for some in parts(getattr(ask, field), at_once):
            yield VariantAsk(ask.accounts, sources=ask.sources, **{field: tuple(some)})


def _lock_variants(ask: VariantAsk, dialect: Dialect) -> tuple[str, list[Any]]:
    """By source and name, where few sources are asked: others may have the same things. No names: no statement."""
    args: list[Any] = [dialect.array(ask.accounts)]
    of_sources = ""
    if ask.sources is not None:
        args.append(dialect.array(ask.sources))
        of_sources = f" AND {dialect.any_of('+v.source_id', len(args))}"
    by_source = ask.sources is not None and len(ask.sources) <= _FEW_SOURCES
    named = []
    for column, values, kind in (("sku", ask.skus, "text"), ("product_variant_id", ask.products, "bigint"),
                                 ("id", ask.ids, "bigint")):  # fmt: skip
        if values:
            args.append(dialect.array(values))
            if by_source and column != "id":
                named.append(_of_sources(dialect, column, kind, len(args)))
                continue
            whose = f"{dialect.any_of('account_id', 1)} AND " if column == "sku" else ""
            named.append(f"SELECT id FROM inventory_variant WHERE {whose}{dialect.any_of(column, len(args), kind)}")
    if not named:
        return "", []
    in_order = "" if dialect.is_sqlite else f" ORDER BY v.id{dialect.lock}"  # nothing is locked there: no row waits
    sql = f"""SELECT {_VARIANT} FROM inventory_variant v WHERE {dialect.any_found("v.id", " UNION ALL ".join(named))}
      AND {dialect.any_of("+v.account_id", 1)} AND NOT v.archived{of_sources}{in_order}"""
    return sql, args


def _of_sources(dialect: Dialect, column: str, kind: str, place: int) -> str:
    """The ids of what the sources at the second place have of these names. PostgreSQL: see `Dialect.named`."""
    if dialect.is_sqlite:
        whose = dialect.any_of("source_id", 2)
        return f"SELECT id FROM inventory_variant WHERE {whose} AND {dialect.any_of(column, place, kind)}"
    row = f"SELECT r.id FROM inventory_variant r WHERE r.source_id = s.id AND r.{column} = n.name OFFSET 0"
    return f"""SELECT f.id FROM unnest($2::bigint[]) AS s(id) CROSS JOIN unnest(${place}::{kind}[]) AS n(name)
      CROSS JOIN LATERAL ({row}) f"""


def _others_with(dialect: Dialect, column: str, kind: str) -> str:
    """Of each name, some sources that have it: the account, the names, the sources that do not count, how many."""
    found = f"""SELECT v.source_id FROM inventory_variant v WHERE v.account_id = $1 AND v.{column} = n.name
      AND NOT v.archived AND NOT {dialect.any_of("v.source_id", 3)}
      AND NOT (SELECT s.archived FROM source s WHERE s.id = v.source_id) LIMIT $4"""
    if dialect.is_sqlite:
        return f"""SELECT n.name, (SELECT json_group_array(source_id) FROM ({found}))
          FROM (SELECT value AS name FROM json_each($2)) n"""
    return f"SELECT n.name, ARRAY({found}) FROM unnest($2::{kind}[]) AS n(name)"


class RoutingReading(Reader):
    """See `ports.routing`."""

    async def routing_decision(self, scope: Scope, request_id: int) -> DecisionRow | None:
        """See `ports.routing`."""
        rows = await self.quick(_DECISION, request_id, *scope)
        return DecisionRow._make(rows[0]) if rows else None


class RoutingWriting(Statements):
    """See `ports.routing`."""

    async def lock_orders(self, accounts: Sequence[int], ids: Sequence[int]) -> dict[int, OrderParts]:
        """See `ports.routing`. Items and sums are read after the orders are locked."""
        d = self.dialect
        sql = f"""SELECT {columns.ORDER} FROM orders
          WHERE {d.any_of("id", 1)} AND {d.any_of("+account_id", 2)} ORDER BY id{d.lock}"""
        rows = await self.fetch(sql, d.array(sorted(set(ids))), d.array(sorted(set(accounts))))
        return await self.parts_of([Order._make(row) for row in rows])

    async def parts_of(self, orders: Sequence[Order]) -> dict[int, OrderParts]:
        """Orders that are locked, with their items and the sums of all their lines."""
        d = self.dialect
        ids = d.array([order.id for order in orders])
        sql = f"SELECT {columns.ITEM} FROM order_item WHERE {d.any_of('order_id', 1)} ORDER BY line_number"
        items: dict[int, list[OrderItem]] = {order.id: [] for order in orders}
        pace = Pace()
        for some in parts(await self.fetch(sql, ids), _ROWS_AT_ONCE):
            for item in map(OrderItem._make, some):
                items[item.order_id].append(item)
            await pace.spend(_STEPS_OF_A_ROW * len(some))
        sums: dict[int, dict[int, LineSums]] = {order.id: {} for order in orders}
        for some in parts(await self.fetch(writing.line_sums(d), ids), _ROWS_AT_ONCE):
            for row in some:
                sums[row[0]][row[1]] = LineSums(*map(int, row[2:]))
            await pace.spend(_STEPS_OF_A_ROW * len(some))
        return {order.id: OrderParts(order, tuple(items[order.id]), sums[order.id]) for order in orders}

    async def lock_variants(self, ask: VariantAsk) -> list[StockVariant]:
        """See `ports.routing`."""
        found: dict[int, StockVariant] = {}
        pace = Pace()
        for one in _asks(ask) if self.dialect.is_sqlite else [ask]:
            sql, args = _lock_variants(one, self.dialect)
            for some in parts(await self.fetch(sql, *args) if sql else (), _ROWS_AT_ONCE):
                found.update((row[0], StockVariant._make(row)) for row in some)
                await pace.spend(len(some))
            await pace.spend(_STEPS_OF_A_LOOK)
        return list(found.values())

    async def others_with(
        self, account_id: int, skus: Sequence[str], products: Sequence[int], but: Sequence[int], limit: int
    ) -> tuple[dict[str, set[int]], dict[int, set[int]]]:
        """See `ports.routing`."""
        by_sku: dict[str, set[int]] = {}
        by_product: dict[int, set[int]] = {}
        pace = Pace()
        for column, names, kind, found in (
            ("sku", skus, "text", by_sku), ("product_variant_id", products, "bigint", by_product)
        ):  # fmt: skip
            sql = _others_with(self.dialect, column, kind)
            for some in parts(names, _NAMES_AT_ONCE):
                rows = await self.fetch(sql, account_id, self.dialect.array(some), self.dialect.array(but), limit)
                for name, source_ids in rows:
                    listed = json.loads(source_ids) if self.dialect.is_sqlite else source_ids
                    found[name] = set(listed)
                await pace.spend(_STEPS_OF_A_LOOK)
        return by_sku, by_product

    async def routing_catalog(self, accounts: Sequence[int], channels: Sequence[int]) -> RoutingCatalog:
        """See `ports.routing`."""
        d = self.dialect
        whose, known, mine = d.array(accounts), d.any_of("id", 1), d.any_of("+account_id", 2)
        found = RoutingCatalog({}, {}, {}, {}, {})
        for row in await self.fetch(f"SELECT {columns.ACCOUNT} FROM account WHERE {known}", whose):
            found.accounts[row[0]] = AccountRow._make(row)
        of_channels = f"SELECT {columns.CHANNEL} FROM channel WHERE {known} AND {mine}"
        for row in await self.fetch(of_channels, d.array(channels), whose):
            found.channels[row[0]] = ChannelRow._make(row)
        wanted = {one.routing_group_id for one in found.channels.values()}
        wanted |= {one.default_routing_group_id for one in found.accounts.values()}
        groups = d.array(sorted(id_ for id_ in wanted if id_ is not None))
        of_groups = f"SELECT {columns.listed(GroupRow)} FROM routing_group WHERE {known} AND {mine}"
        for row in await self.fetch(of_groups, groups, whose):
            found.groups[row[0]] = GroupRow._make(row)
            found.members[row[0]] = []
        sql = f"SELECT {columns.listed(GroupSource)} FROM routing_group_source WHERE {d.any_of('group_id', 1)}"
        for row in await self.fetch(sql, groups) if found.groups else ():
            if row[0] in found.members:
                found.members[row[0]].append(GroupSource._make(row))
        of_all = {one.account_id for one in found.channels.values() if found.group_of(one) is None}
        if of_all:
            everything = f"SELECT {columns.SOURCE} FROM source WHERE {d.any_of('account_id', 1)}"
            rows = await self.fetch(everything, d.array(sorted(of_all)))
            found.sources.update({row[0]: SourceRow._make(row) for row in rows})
        asked = {one.source_id for members in found.members.values() for one in members}
        found.sources.update(await self.routing_sources(accounts, sorted(asked - found.sources.keys())))
        return found

    async def routing_sources(self, accounts: Sequence[int], ids: Sequence[int]) -> dict[int, SourceRow]:
        """See `ports.routing`."""
        if not ids:
            return {}
        d = self.dialect
        sql = f"SELECT {columns.SOURCE} FROM source WHERE {d.any_of('id', 1)} AND {d.any_of('+account_id', 2)}"
        return {row[0]: SourceRow._make(row) for row in await self.fetch(sql, d.array(ids), d.array(accounts))}

    async def mapped_methods(self, texts: Sequence[tuple[int, str]]) -> list[MappedMethod]:
        """See `ports.routing`. A method that is not used any more is not mapped."""
        d = self.dialect
        found_by, args = d.by_pair("channel_shipping_method", "c", ("channel_id", "name"), texts)
        sql = f"""SELECT c.channel_id, c.name, c.policy_id, p.source_id, m.id, m.carrier, m.method, m.estimated_cost
          FROM (SELECT c.* {found_by}) c LEFT JOIN shipping_policy_method p ON p.policy_id = c.policy_id
          LEFT JOIN source_shipping_method m ON m.id = p.method_id AND m.active
          WHERE c.policy_id IS NOT NULL"""
        return [MappedMethod._make(row) for row in await self.fetch(sql, *args)] if texts else []

    async def request_numbers(self, order_ids: Sequence[int]) -> dict[int, list[str]]:
        """See `ports.routing`."""
        numbers: dict[int, list[str]] = {id_: [] for id_ in order_ids}
        if numbers:
            where = self.dialect.any_of("order_id", 1)
            sql = f"SELECT order_id, number FROM fulfillment_request WHERE {where} ORDER BY id"
            for row in await self.fetch(sql, self.dialect.array(sorted(numbers))):
                numbers[row[0]].append(row[1])
        return numbers

    async def twins(self, likenesses: Sequence[tuple[int, str]], since: int) -> list[tuple[int, str, str]]:
        """See `ports.routing`. However many orders say the same, one is looked at."""
        if self.dialect.is_sqlite:
            given = "(SELECT value ->> 0 AS channel_id, value ->> 1 AS likeness FROM json_each($2)) p"
            join = """JOIN orders o ON o.id = (SELECT x.id FROM orders x WHERE x.channel_id = p.channel_id
              AND x.likeness = p.likeness AND x.status <> 'canceled' ORDER BY x.id DESC LIMIT 1)"""
            args: list[Any] = [self.dialect.array(likenesses)]
        else:
            given = "unnest($2::bigint[], $3::text[]) AS p(channel_id, likeness)"
            # Only one index has this order. Asked for the latest id alone, a planner that knows of many orders alike
            # expects to meet one soon whichever way it walks, and walks all orders to find that there is none.
            join = f"""CROSS JOIN LATERAL (SELECT x.order_number, x.inserted_at FROM orders x
              WHERE (x.channel_id, x.likeness, x.id) >= (p.channel_id, p.likeness, 0)
              AND (x.channel_id, x.likeness, x.id) <= (p.channel_id, p.likeness, {LAST_ID})
              AND x.status <> 'canceled' ORDER BY x.channel_id DESC, x.likeness DESC, x.id DESC LIMIT 1) o"""
            args = [list(column) for column in zip(*likenesses, strict=True)]
        sql = f"SELECT p.channel_id, p.likeness, o.order_number FROM {given} {join} WHERE o.inserted_at > $1"
        rows = await self.fetch(sql, since, *args)
        return [(row[0], row[1], row[2]) for row in rows]
