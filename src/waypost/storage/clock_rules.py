"""Clock rules, in SQL."""

from collections.abc import Sequence

from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.domain.clock_rules import ClockRule, Condition
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter
from waypost.storage.speaking import Reader, Statements

_RULE = columns.listed(ClockRule)
_OF_ACCOUNT = f"SELECT {_RULE} FROM clock_rule WHERE account_id = $1 ORDER BY id"


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
        where = Filter(self.dialect)
        where.add("s.account_id = ? AND s.status = ? AND s.id > ?", query.account_id, query.status, query.after)
        where.add("s.status_since <= ? AND coalesce(f.hold_until, 0) <= ?", query.since, query.since)
        where.add("coalesce(f.snoozed_until, 0) <= ?", query.now)
        where.terms.append("NOT s.alerted")  # settled by hand while it stood there, it is not told of again
        if query.source_id is not None:
            where.add("s.source_id = ?", query.source_id)
        for other in query.but:
            where.add("s.source_id <> ?", other)
        if query.condition == Condition.UNSHIPPED:
            where.terms.append("s.fulfillment_status IN ('awaiting_shipment', 'partially_shipped')")
        sql = f"""SELECT s.id, s.source_id, s.status_since FROM fulfillment_request_state s
          JOIN fulfillment_request f ON f.id = s.id WHERE {" AND ".join(where.terms)}
          ORDER BY s.id LIMIT ${len(where.args) + 1}"""
        return [Overdue._make(row) for row in await self.slow(sql, *where.args, query.limit)]


class ClockRuleWriting(Statements):
    """See `ports.clock_rules`."""

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.fetch(_OF_ACCOUNT, account_id)]

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None:
        """See `ports.clock_rules`."""
        await self.execute("DELETE FROM clock_rule WHERE account_id = $1", account_id)
        await self.execute_many(f"INSERT INTO clock_rule ({_RULE}) VALUES ({columns.places(ClockRule)})", rules)
