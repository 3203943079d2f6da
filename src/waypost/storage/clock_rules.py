"""Clock rules and attention, in SQL."""

from collections.abc import Sequence

from waypost.app.ports.clock_rules import AttentionItem, AttentionQuery, Overdue, OverduePage, OverdueQuery
from waypost.domain.attention import SOURCE_DOWN
from waypost.domain.clock_rules import WATCHED, ClockRule, Condition
from waypost.domain.statuses import BLOCKED, Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.speaking import Reader, Statements

_RULE = columns.listed(ClockRule)
_OF_ACCOUNT = f"SELECT {_RULE} FROM clock_rule WHERE account_id = $1 ORDER BY id"
_WATCHED = " OR ".join(f"(a.code = '{code}' AND s.status = '{status}')" for code, status in WATCHED.items())
# What a rule has raised is true while its request has not left the status since, a source is down only while it is
# to be sent anything; the rest is true until settled.
_TRUE = f"""(a.code NOT IN ({quoted(tuple(Condition))}) OR (({_WATCHED}) AND s.status_since <= a.raised_at))
  AND (a.code <> '{SOURCE_DOWN}' OR EXISTS (SELECT 1 FROM source_delivery d JOIN source w ON w.id = d.source_id
    WHERE d.source_id = a.subject_id AND d.kind <> 'poll' AND NOT d.paused AND NOT w.archived))"""
_STUCK = quoted((Status.PROCESSING_ERROR, *BLOCKED))


_UNSHIPPED = "s.fulfillment_status IN ('awaiting_shipment', 'partially_shipped')"


def _standing(query: OverdueQuery, dialect: Dialect) -> Filter:
    """Who stands in the status of a rule, and has an index that gives them by id.

    What is confirmed and not shipped yet has an index of its own, of the account: most that is confirmed was shipped.
    """
    where = Filter(dialect)
    where.terms.append(f"s.status = '{Status(query.status)}'")
    where.add("s.id > ?", query.after)
    if query.condition == Condition.UNSHIPPED:
        where.add(f"s.account_id = ? AND {_UNSHIPPED}", query.account_id)
    elif query.source_id is None:
        where.add("s.account_id = ?", query.account_id)
    else:
        where.add("s.source_id = ?", query.source_id)  # whose account that is, is asked of what was found
    return where


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
        looked_at = _standing(query, self.dialect)
        where = Filter(self.dialect)
        where.args += looked_at.args
        where.add("s.account_id = ?", query.account_id)
        where.add("s.status_since <= ? AND coalesce(f.hold_until, 0) <= ?", query.since, query.since)
        where.add("coalesce(f.snoozed_until, 0) <= ?", query.now)
        where.add(
            "NOT EXISTS (SELECT 1 FROM attention a WHERE a.subject = 'fulfillment_request' AND a.subject_id = s.id"
            # Settled by hand while it stood there, it is not told of again.
            " AND a.code = ? AND (a.settled_at IS NULL OR a.raised_at >= s.status_since))",
            query.condition,
        )
        if query.source_id is not None:
            where.add("s.source_id = ?", query.source_id)
        for other in query.but:
            where.add("s.source_id <> ?", other)
        limit = len(where.args) + 1
        # The last row tells how far the look has come; it has no time.
        sql = f"""WITH looked_at AS (
            SELECT s.id, s.account_id, s.source_id, s.status_since FROM fulfillment_request_state s
            WHERE {" AND ".join(looked_at.terms)} ORDER BY s.id LIMIT ${limit + 1}
          ), found AS (
            SELECT s.id, s.source_id, s.status_since FROM looked_at s JOIN fulfillment_request f ON f.id = s.id
            WHERE {" AND ".join(where.terms)} ORDER BY s.id LIMIT ${limit}
          )
          SELECT * FROM found
          UNION ALL SELECT max(id), count(*), NULL FROM looked_at"""
        rows = await self.slow(sql, *where.args, query.limit, query.look)
        found = [Overdue._make(row) for row in rows if row[2] is not None]
        [(last, count)] = [(row[0], row[1]) for row in rows if row[2] is None]
        if len(found) == query.limit:
            last, count = found[-1].request_id, query.look
        return OverduePage(found, last if count == query.look else None)

    async def attention(self, query: AttentionQuery) -> list[AttentionItem]:
        """See `ports.clock_rules`."""
        where = Filter(self.dialect)
        where.add("o.account_id = ?", query.scope.account_id)
        account = f"${len(where.args)}"
        if query.source_id is not None:
            where.add("o.source_id = ?", query.source_id)
        where.any_of("o.code", query.codes, "text")
        if query.assignee is not None:
            where.add("f.assignee = ?", query.assignee)
        if query.unassigned:
            where.terms.append("f.assignee IS NULL")
        if not query.snoozed:
            where.add("coalesce(f.snoozed_until, 0) <= ?", query.now)
        group = "PARTITION BY o.source_id, o.code"
        sql = f"""WITH o AS (
            SELECT s.account_id, s.source_id, 'fulfillment_request' AS subject, s.id AS subject_id,
              CASE WHEN s.status = '{Status.PROCESSING_ERROR}' THEN s.failure_code ELSE s.status END AS code,
              s.status_since AS since, s.failure_reason AS message, 0 AS settleable
            FROM fulfillment_request_state s WHERE s.account_id = {account} AND s.status IN ({_STUCK})
            UNION ALL
            SELECT a.account_id, a.source_id, a.subject, a.subject_id, a.code, a.raised_at, a.message, 1
            FROM attention a LEFT JOIN fulfillment_request_state s
              ON a.subject = 'fulfillment_request' AND s.id = a.subject_id
            WHERE a.account_id = {account} AND a.settled_at IS NULL AND {_TRUE}
          ), ranked AS (
            SELECT o.source_id, o.code, o.subject, o.subject_id, o.since, o.message, o.settleable,
              count(*) OVER ({group}) AS total, min(o.since) OVER ({group}) AS oldest,
              row_number() OVER ({group} ORDER BY o.since, o.subject_id) AS place
            FROM o LEFT JOIN fulfillment_request f ON o.subject = 'fulfillment_request' AND f.id = o.subject_id
            WHERE {" AND ".join(where.terms)}
          ) SELECT source_id, code, subject, subject_id, since, message, settleable, total, oldest FROM ranked
          WHERE place <= ${len(where.args) + 1} ORDER BY oldest, source_id, code, place"""
        return [AttentionItem._make(row) for row in await self.slow(sql, *where.args, query.shown)]


class ClockRuleWriting(Statements):
    """See `ports.clock_rules`."""

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]:
        """See `ports.clock_rules`."""
        return [ClockRule._make(row) for row in await self.fetch(_OF_ACCOUNT, account_id)]

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None:
        """See `ports.clock_rules`."""
        await self.execute("DELETE FROM clock_rule WHERE account_id = $1", account_id)
        await self.execute_many(f"INSERT INTO clock_rule ({_RULE}) VALUES ({columns.places(ClockRule)})", rules)

    async def settle_outdated(self, account_id: int, at: int) -> int:
        """See `ports.clock_rules`."""
        sql = f"""UPDATE attention SET settled_at = $1 WHERE account_id = $2 AND settled_at IS NULL
          AND subject = 'fulfillment_request' AND code IN ({quoted(tuple(Condition))})
          AND NOT EXISTS (SELECT 1 FROM fulfillment_request_state s WHERE s.id = attention.subject_id
            AND ({_WATCHED.replace("a.code", "attention.code")}) AND s.status_since <= attention.raised_at)"""
        return await self.execute(sql, at, account_id)
