"""Clock rules, in SQL."""

from collections.abc import Sequence

from waypost.app.ports.clock_rules import Overdue, OverduePage, OverdueQuery
from waypost.domain.clock_rules import ClockRule, Condition
from waypost.domain.statuses import Status
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.walks import Walk
from waypost.storage.speaking import Reader, Statements

_RULE = columns.listed(ClockRule)
_OF_ACCOUNT = f"SELECT {_RULE} FROM clock_rule WHERE account_id = $1 ORDER BY id"


_UNSHIPPED = "s.fulfillment_status IN ('awaiting_shipment', 'partially_shipped')"


def _standing(query: OverdueQuery, where: Filter) -> Walk:
    """Who stands in the status of a rule, by id.

    What is confirmed and not shipped yet has an index of its own, of the account: most that is confirmed was shipped.
    """
    status = f"'{Status(query.status)}'"
    first = f"CAST({where.place(query.after)} AS bigint) + 1"
    if query.condition == Condition.UNSHIPPED:
        names, values = ("status", "account_id"), (status, where.place(query.account_id))
        which = f"s.status = {status} AND {_UNSHIPPED}"
    elif query.source_id is None:
        names, values, which = ("account_id", "status"), (where.place(query.account_id), status), ""
    else:  # whose account that is, is asked of what was found
        names, values, which = ("source_id", "status"), (where.place(query.source_id), status), ""
    return Walk(where.dialect, "fulfillment_request_state", names, values, first, which=which, alias="s")


class ClockRuleReading(Reader):
    """See `ports.clock_rules`."""

    async def clock_rules(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.quick(_OF_ACCOUNT, account_id)]

    async def ruled_accounts(self) -> list[int]:
        """See `ports.clock_rules`."""
        return [row[0] for row in await self.slow("SELECT DISTINCT account_id FROM clock_rule ORDER BY account_id")]

    async def overdue(self, query: OverdueQuery) -> OverduePage:
        """See `ports.clock_rules`."""
        where = Filter(self.dialect)
        walk = _standing(query, where)
        where.add("s.account_id = ?", query.account_id)
        where.add("s.status_since <= ? AND coalesce(f.hold_until, 0) <= ?", query.since, query.since)
        where.add("coalesce(f.snoozed_until, 0) <= ?", query.now)
        where.terms.append("NOT s.alerted")  # settled by hand while it stood there, it is not told of again
        if query.source_id is not None:
            where.add("s.source_id = ?", query.source_id)
        for other in query.but:
            where.add("s.source_id <> ?", other)
        limit = len(where.args) + 1
        # The last row tells how far the look has come; it has no time.
        sql = f"""WITH looked_at AS (
            SELECT s.id, s.account_id, s.source_id, s.status_since, s.alerted FROM {walk.tables}
            WHERE {walk.rows} ORDER BY {walk.order} LIMIT ${limit + 1}
          ), found AS (
            SELECT s.id, s.source_id, s.status_since FROM looked_at s JOIN fulfillment_request f ON f.id = s.id
            WHERE {" AND ".join(where.terms)} ORDER BY +s.id LIMIT ${limit}
          )
          SELECT * FROM found
          UNION ALL SELECT max(id), count(*), NULL FROM looked_at"""
        rows = await self.slow(sql, *where.args, query.limit, query.look)
        found = [Overdue._make(row) for row in rows if row[2] is not None]
        [(last, count)] = [(row[0], row[1]) for row in rows if row[2] is None]
        if len(found) == query.limit:
            last, count = found[-1].request_id, query.look
        return OverduePage(found, last if count == query.look else None)


class ClockRuleWriting(Statements):
    """See `ports.clock_rules`."""

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.fetch(_OF_ACCOUNT, account_id)]

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None:
        """See `ports.clock_rules`."""
        await self.execute("DELETE FROM clock_rule WHERE account_id = $1", account_id)
        await self.execute_many(f"INSERT INTO clock_rule ({_RULE}) VALUES ({columns.places(ClockRule)})", rules)
