"""Accounts, sources, channels, routing groups and shipping methods, in SQL."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.app.large_work import OUT_OF_TURN, LargeWork, OutOfTurn
from waypost.app.ports import AccountRow, ChannelRow, SourceRow
from waypost.app.ports.catalog import (
    ALL,
    ChannelMethodRow,
    GroupMember,
    Page,
    PolicyMethod,
    RoutingGroup,
    ShippingPolicy,
    SourceMethodRow,
)
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.grouping import grouped
from waypost.storage.queries import columns
from waypost.storage.queries.pages import Walk, owned
from waypost.storage.queries.requests import Filter
from waypost.storage.speaking import Reader, Statements

Fetch = Callable[..., Awaitable[list[Sequence[Any]]]]


class _Table(NamedTuple):
    """A table of records; `binding`: the column that must hold the caller's source or channel, where there is one."""

    name: str
    record: Any
    binding: str | None = None
    members: "_Members | None" = None


class _Members(NamedTuple):
    """The last field of a record: rows of another table, in an order."""

    table: str
    owner: str
    record: Any
    order: str


_SOURCES = _Table("source", SourceRow, "id")
_CHANNELS = _Table("channel", ChannelRow, "id")
_GROUPS = _Table(
    "routing_group", RoutingGroup,
    members=_Members("routing_group_source", "group_id", GroupMember, "priority, source_id"),
)  # fmt: skip
_POLICIES = _Table(
    "shipping_policy", ShippingPolicy,
    members=_Members("shipping_policy_method", "policy_id", PolicyMethod, "source_id"),
)  # fmt: skip
_SOURCE_METHODS = _Table("source_shipping_method", SourceMethodRow, "source_id")
_CHANNEL_METHODS = _Table("channel_shipping_method", ChannelMethodRow)
_MEMBERS = {table.members.table: table.members for table in (_GROUPS, _POLICIES) if table.members is not None}

# Whose names are unique: the tables, and the column of their owner.
_NAMED = {
    "routing_group": "account_id",
    "shipping_policy": "account_id",
    "source_shipping_method": "source_id",
    "channel_shipping_method": "channel_id",
}


def _seen(dialect: Dialect, table: _Table, scope: Scope) -> Filter:
    """What the caller may see of a table. The plus: PostgreSQL might walk all of that to find a few ids."""
    where = Filter(dialect)
    where.add("+t.account_id = ?", scope.account_id)
    for bound in (scope.source_id, scope.channel_id):
        if table.binding is not None and bound is not None:
            where.add(f"+t.{table.binding} = ?", bound)
    return where


def _of_account(table: _Table, account_id: int) -> Walk:
    """Every record of an account, by id."""
    return Walk(table.name, "t", (("account_id", account_id),), ("id",))


async def _page(reader: Reader, table: _Table, walk: Walk, where: Filter, page: Page) -> list[Any]:
    """One page of a walk's records that match, each with its members."""
    begin = walk.begin(where)
    return await _records(reader.slow, table, where, begin, walk.by(where.dialect), page, reader.large)


async def _records(
    fetch: Fetch, table: _Table, where: Filter, begin: str = "", order: str = "t.id", page: Page = ALL,
    work: LargeWork | OutOfTurn = OUT_OF_TURN,
) -> list[Any]:  # fmt: skip
    """One page of records, each with its members. `begin`: the FROM clause, where it is not all of the table."""
    record, members = table.record, table.members
    listed = ", ".join(f"t.{name}" for name in (record._fields[:-1] if members else record._fields))
    first = len(where.args) + 1
    sql = f"""SELECT {listed} {begin or f"FROM {table.name} t"} WHERE {" AND ".join(where.terms)}
      ORDER BY {order} LIMIT ${first} OFFSET ${first + 1}"""
    rows = await fetch(sql, *where.args, *page)
    if members is None or not rows:
        return [record._make(row) for row in rows]
    sql = f"""SELECT {members.owner}, {columns.listed(members.record)} FROM {members.table}
      WHERE {where.dialect.any_of(members.owner, 1)} ORDER BY {members.order}"""
    of_all = await fetch(sql, where.dialect.array([row[0] for row in rows]))
    found = await grouped(of_all, 0, lambda row: members.record._make(row[1:]), work)
    return [record(*row, tuple(found.get(row[0], ()))) for row in rows]


class CatalogReading(Reader):
    """See `ports.catalog`."""

    async def source(self, scope: Scope, source_id: int) -> SourceRow | None:
        """One, as far as `scope` may see it."""
        found: SourceRow | None = await self._one(_SOURCES, scope, source_id)
        return found

    async def sources(self, account_id: int, page: Page = ALL) -> list[SourceRow]:
        """The sources of an account, by id."""
        return await self._listed(_SOURCES, account_id, page)

    async def channel(self, scope: Scope, channel_id: int) -> ChannelRow | None:
        """One, as far as `scope` may see it."""
        found: ChannelRow | None = await self._one(_CHANNELS, scope, channel_id)
        return found

    async def channels(self, account_id: int, page: Page = ALL) -> list[ChannelRow]:
        """The channels of an account, by id."""
        return await self._listed(_CHANNELS, account_id, page)

    async def routing_group(self, scope: Scope, group_id: int) -> RoutingGroup | None:
        """One, as far as `scope` may see it."""
        found: RoutingGroup | None = await self._one(_GROUPS, scope, group_id)
        return found

    async def routing_groups(self, account_id: int, page: Page = ALL) -> list[RoutingGroup]:
        """The routing groups of an account, by id."""
        return await self._listed(_GROUPS, account_id, page)

    async def source_methods(
        self, scope: Scope, source_id: int | None = None, page: Page = ALL
    ) -> list[SourceMethodRow]:
        """Shipping methods of one source, or of all, as far as `scope` may see them."""
        walk, of = _of_account(_SOURCE_METHODS, scope.account_id), scope.source_id if source_id is None else source_id
        if scope.source_id not in (None, of):
            return []
        if of is not None:
            walk = walk._replace(key=(owned("source_id", of, scope),))
        return await _page(self, _SOURCE_METHODS, walk, _seen(self.dialect, _SOURCE_METHODS, scope), page)

    async def channel_methods(
        self, account_id: int, channel_id: int | None = None, mapped: bool | None = None, page: Page = ALL
    ) -> list[ChannelMethodRow]:
        """Shipping texts of one channel, or of all; those that are mapped to a policy, or those that are not."""
        walk, where = _of_account(_CHANNEL_METHODS, account_id), Filter(self.dialect)
        if channel_id is not None:
            walk = walk._replace(key=(owned("channel_id", channel_id, Scope(account_id)),))
        if mapped is not None:
            word = "mapped" if mapped else "unmapped"
            name = word if channel_id is None else f"{word}_of_channel"
            walk = walk._replace(named=name, order=("id", "policy_id"))  # an order that no other index has
        where.known("t.policy_id", mapped)
        return await _page(self, _CHANNEL_METHODS, walk, where, page)

    async def shipping_policies(self, account_id: int, page: Page = ALL) -> list[ShippingPolicy]:
        """The shipping policies of an account, by id."""
        return await self._listed(_POLICIES, account_id, page)

    async def _listed(self, table: _Table, account_id: int, page: Page) -> list[Any]:
        return await _page(self, table, _of_account(table, account_id), Filter(self.dialect), page)

    async def _one(self, table: _Table, scope: Scope, row_id: int) -> Any:
        where = _seen(self.dialect, table, scope)
        where.add("t.id = ?", row_id)
        found = await _records(self.quick, table, where)
        return found[0] if found else None


class CatalogWriting(Statements):
    """See `ports.catalog`."""

    async def source_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, SourceRow]:
        """See `ports.Tx`."""
        return await self._by_id(_SOURCES, Scope(scope.account_id), ids)

    async def channel_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, ChannelRow]:
        """See `ports.Tx`."""
        return await self._by_id(_CHANNELS, Scope(scope.account_id), ids)

    async def account_rows(self, ids: Sequence[int]) -> dict[int, AccountRow]:
        """See `ports.Tx`."""
        sql = f"SELECT {columns.ACCOUNT} FROM account WHERE {self.dialect.any_of('id', 1)}"
        rows = await self.fetch(sql, self.dialect.array(ids))
        return {row[0]: AccountRow._make(row) for row in rows}

    async def routing_groups_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, RoutingGroup]:
        """See `ports.catalog`."""
        return await self._by_id(_GROUPS, scope, ids)

    async def source_methods_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, SourceMethodRow]:
        """See `ports.catalog`."""
        return await self._by_id(_SOURCE_METHODS, scope, ids)

    async def channel_methods_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, ChannelMethodRow]:
        """See `ports.catalog`."""
        return await self._by_id(_CHANNEL_METHODS, scope, ids)

    async def shipping_policies_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, ShippingPolicy]:
        """See `ports.catalog`."""
        return await self._by_id(_POLICIES, scope, ids)

    async def _by_id(self, table: _Table, scope: Scope, ids: Sequence[int]) -> dict[int, Any]:
        where = _seen(self.dialect, table, scope)
        where.args.append(self.dialect.array(ids))
        where.terms.append(self.dialect.any_of("t.id", len(where.args)))
        return {row.id: row for row in await _records(self.fetch, table, where)}

    async def id_by_name(self, table: str, owner_id: int, name: str) -> int | None:
        """See `ports.catalog`."""
        rows = await self.fetch(f"SELECT id FROM {table} WHERE {_NAMED[table]} = $1 AND name = $2", owner_id, name)
        return rows[0][0] if rows else None

    async def replace_members(self, table: str, owner_id: int, members: Sequence[Sequence[Any]]) -> None:
        """See `ports.catalog`."""
        kind = _MEMBERS[table]
        await self.execute(f"DELETE FROM {table} WHERE {kind.owner} = $1", owner_id)
        names = (kind.owner, *kind.record._fields)
        places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
        await self.execute_many(sql, [(owner_id, *member) for member in members])

    async def note_shipping_texts(self, texts: Sequence[tuple[int, str]], at: int) -> None:
        """See `ports.catalog`. In order, so that two processes that meet the same new texts do not lock each other."""
        if not texts:
            return
        d = self.dialect
        if d.is_sqlite:
            given = "(SELECT p.value ->> 0 AS channel_id, p.value ->> 1 AS name FROM json_each($1) p)"
            args: list[Any] = [d.array(texts)]
        else:
            given = "(SELECT * FROM unnest($1::bigint[], $3::text[]) AS p(channel_id, name))"
            args = [[text[0] for text in texts]]
        sql = f"""INSERT INTO channel_shipping_method (account_id, channel_id, name, created_at, updated_at)
          SELECT c.account_id, c.id, g.name, $2, $2 FROM {given} g JOIN channel c ON c.id = g.channel_id
          WHERE NOT {is_there("FROM channel_shipping_method m WHERE m.channel_id = g.channel_id AND m.name = g.name")}
          GROUP BY c.account_id, c.id, g.name ORDER BY c.id, g.name ON CONFLICT (channel_id, name) DO NOTHING"""
        await self.execute(sql, *args, at, *([] if d.is_sqlite else [[text[1] for text in texts]]))
