"""Clock rules, in SQL."""

from collections.abc import Sequence
from typing import Any

from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.domain.clock_rules import ClockRule
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.walks import LAST_ID
from waypost.storage.speaking import Reader, Statements

_RULE = columns.listed(ClockRule)
_OF_ACCOUNT = f"SELECT {_RULE} FROM clock_rule WHERE account_id = $1 ORDER BY id"
_LAST = 2**63 - 1  # no account has as many sources
# As the index has them: what a rule may still have to tell of, and from when on it counts.
_WATCHED = """NOT s.alerted AND (s.status IN ('processing', 'processed')
    OR s.status = 'acknowledged' AND s.fulfillment_status IN ('awaiting_shipment', 'partially_shipped'))"""
_COUNTS_FROM = "(CASE WHEN s.held_until > s.status_since THEN s.held_until ELSE s.status_since END)"


def overdue(query: OverdueQuery, dialect: Dialect) -> tuple[str, list[Any]]:
    """What a rule finds overdue, source by source; in each, what has stood longest comes first.

    Costs what it returns, a little for each source, and for each request whose snooze has ended before its time has.
    What was snoozed is a range of its own in the index. It comes first: it is little.

    What stands in Processing Error is in no such index, which each failure would have to write to: it is walked by id.
    """
    where = Filter(dialect)
    where.add("o.account_id = ?", query.account_id)
    if query.source_id is not None:
        where.add("o.id = ?", query.source_id)
    if query.but:
        where.terms.append(f"NOT {where.among('o.id', query.but, 'bigint')}")
    order = f"o.id <= {where.place(query.after_source)}, o.id"
    # With a limit, SQLite keeps the order of a subquery.
    sources = f"(SELECT o.id FROM source o WHERE {' AND '.join(where.terms)} ORDER BY {order} LIMIT {_LAST}) o"
    left = f"NOT {where.among('s.id', query.left, 'bigint')}" if query.left else "1 = 1"
    # Not cast: SQLite would not find the moment by the index, whose expression has no type.
    since, now, limit = (where.place(one) for one in (query.since, query.now, query.limit))
    ways = (_failed,) if query.status == Status.PROCESSING_ERROR else (_woken, _awake)
    parts = []
    for which in ways:
        index = ("source_id", "status", "id") if which is _failed else ("watched",)
        table = dialect.by_index("fulfillment_request_state", "s", index)
        found = dialect.looked_up(sources, left, table, which(dialect, f"'{Status(query.status)}'", since, now))
        parts.append(f"SELECT * FROM (SELECT s.id, s.source_id, s.status_since {found} LIMIT {limit}) p")
    return f"{' UNION ALL '.join(parts)} LIMIT {limit}", where.args


def _woken(dialect: Dialect, status: str, since: str, now: str) -> str:
    """Of source `o`: what was snoozed until now or before."""
    counted = f"{_COUNTS_FROM} <= {since}"
    if dialect.is_sqlite:
        key = f"s.source_id = o.id AND s.status = {status} AND s.snoozed_until BETWEEN 1 AND {now}"
        return f"{_WATCHED} AND {key} AND {counted}"
    key = "s.source_id, s.status, s.snoozed_until"
    first, last = (f"(o.id, {status}, {moment})" for moment in ("CAST(1 AS bigint)", now))
    return f"{_WATCHED} AND ({key}) >= {first} AND ({key}) <= {last} AND {counted} ORDER BY {key}"


def _awake(dialect: Dialect, status: str, since: str, _: str) -> str:
    """Of source `o`: what is not snoozed, and has counted since that moment or before."""
    if dialect.is_sqlite:
        key = f"s.source_id = o.id AND s.status = {status} AND s.snoozed_until = 0"
        return f"{_WATCHED} AND {key} AND {_COUNTS_FROM} <= {since}"
    key, none = f"s.source_id, s.status, s.snoozed_until, {_COUNTS_FROM}", "CAST(0 AS bigint)"
    first, last = (f"(o.id, {status}, {none}, {moment})" for moment in (none, since))
    return f"{_WATCHED} AND ({key}) >= {first} AND ({key}) <= {last} ORDER BY {key}"


def _failed(dialect: Dialect, status: str, since: str, now: str) -> str:
    """Of source `o`: what stands in Processing Error, is not snoozed, and has counted since that moment or before."""
    which = f"NOT s.alerted AND s.snoozed_until <= {now} AND {_COUNTS_FROM} <= {since}"
    if dialect.is_sqlite:
        return f"s.source_id = o.id AND s.status = {status} AND {which}"
    key = "s.source_id, s.status, s.id"
    first, last = (f"(o.id, {status}, {id_})" for id_ in ("CAST(1 AS bigint)", LAST_ID))
    return f"({key}) >= {first} AND ({key}) <= {last} AND {which} ORDER BY {key}"


class ClockRuleReading(Reader):
    """See `ports.clock_rules`."""

    async def clock_rules(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.quick(_OF_ACCOUNT, account_id)]

    async def ruled_accounts(self) -> list[int]:
        """See `ports.clock_rules`."""
        return [row[0] for row in await self.slow("SELECT DISTINCT account_id FROM clock_rule ORDER BY account_id")]

    async def overdue(self, query: OverdueQuery) -> list[Overdue]:
        """See `ports.clock_rules`."""
        sql, args = overdue(query, self.dialect)
        return [Overdue._make(row) for row in await self.slow(sql, *args)]


class ClockRuleWriting(Statements):
    """See `ports.clock_rules`."""

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.fetch(_OF_ACCOUNT, account_id)]

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None:
        """See `ports.clock_rules`."""
        await self.execute("DELETE FROM clock_rule WHERE account_id = $1", account_id)
        await self.execute_many(f"INSERT INTO clock_rule ({_RULE}) VALUES ({columns.places(ClockRule)})", rules)
