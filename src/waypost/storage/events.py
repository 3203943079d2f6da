"""SQL of the event log: the feed, bound to what its caller may see, and the counters that tell how far it goes."""

from collections.abc import Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.large_work import let_go
from waypost.app.ports.events import FeedPage, FeedQuery
from waypost.domain.catalogue import BOUND, EVERYTHING, matches, seen_by
from waypost.domain.events import Event
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.speaking import Reader, Statements

# `seq` is dense, so this bounds what one look reads, whatever its filters let through.
WINDOW = 5000
EVENT_BYTES = 500  # roughly

_EVENT = columns.listed(Event, "e")
_HEAD = "SELECT last_seq FROM account_counter WHERE account_id = $1"

# The types that each type of token sees; an account token sees all.
_TYPES = {who: quoted(seen_by(who)) for who in BOUND}


# Whose an event is, by its subject; null: nobody's but the account's. Each is looked up by its id. Written so that no
# planner can do otherwise: of one EXISTS or another PostgreSQL makes one walk of all that the caller has.
# A request is a source's from the event of its release on.
_SOURCE = "CASE WHEN f.released_seq <= e.seq THEN f.source_id END"
_OWNER = {
    "source": f"""CASE e.subject
      WHEN 'fulfillment_request' THEN
        (SELECT {_SOURCE} FROM fulfillment_request_state f WHERE f.id = e.subject_id)
      WHEN 'shipment' THEN
        (SELECT {_SOURCE} FROM shipment h JOIN fulfillment_request_state f ON f.id = h.request_id
          WHERE h.id = e.subject_id)
      WHEN 'source_invoice' THEN
        (SELECT {_SOURCE} FROM source_invoice v JOIN fulfillment_request_state f ON f.id = v.request_id
          WHERE v.id = e.subject_id) END""",
    "channel": """CASE e.subject
      WHEN 'fulfillment_request' THEN (SELECT f.channel_id FROM fulfillment_request f WHERE f.id = e.subject_id)
      WHEN 'shipment' THEN
        (SELECT f.channel_id FROM shipment h JOIN fulfillment_request f ON f.id = h.request_id
          WHERE h.id = e.subject_id)
      WHEN 'order' THEN (SELECT o.channel_id FROM orders o WHERE o.id = e.subject_id) END""",
}


def _seen_by(scope: Scope, where: Filter) -> None:
    """Bind the query to what a source or a channel may see: by the type of the event, and by its subject."""
    for who, id_ in (("source", scope.source_id), ("channel", scope.channel_id)):
        if id_ is not None:
            where.add(f"e.type IN ({_TYPES[who]})")
            where.add(f"{_OWNER[who]} = ?", id_)


def timeline_sql(scope: Scope, subject: str, subject_id: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """The events of one thing that `scope` sees, oldest first."""
    where = Filter(dialect)
    where.add("e.subject_id = ?", subject_id)
    where.add("e.subject = ?", subject)
    # The plus keeps planners from walking the whole account, which has its events in order of seq, too.
    where.add("+e.account_id = ?", scope.account_id)
    _seen_by(scope, where)
    return f"SELECT {_EVENT} FROM event e WHERE {' AND '.join(where.terms)} ORDER BY e.seq", where.args


async def timeline_of(reader: Reader, scope: Scope, subject: str, subject_id: int) -> list[Event]:
    """These events."""
    sql, args = timeline_sql(scope, subject, subject_id, reader.dialect)
    return await reader.large.collected(map(Event._make, let_go(await reader.slow(sql, *args))), lambda _: EVENT_BYTES)


def _of_types(patterns: Sequence[str], where: Filter) -> None:
    if not patterns or EVERYTHING in patterns:
        return
    terms, args = [], []
    for pattern in patterns:
        beginning = pattern.removesuffix(EVERYTHING)
        terms.append("e.type = ?" if beginning == pattern else f"substr(e.type, 1, {len(beginning)}) = ?")
        args.append(beginning)
    where.add(f"({' OR '.join(terms)})", *args)


def _sees_any(query: FeedQuery) -> bool:
    """Whether the caller may see any of the types that are asked for."""
    scope = query.scope
    who = "source" if scope.source_id is not None else "account" if scope.channel_id is None else "channel"
    return not query.patterns or any(matches(type_, one) for type_ in seen_by(who) for one in query.patterns)


def feed_sql(query: FeedQuery, upto: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """The events of one look, up to `upto`."""
    where = Filter(dialect)
    where.add("e.account_id = ?", query.scope.account_id)
    if query.seqs:  # each is looked up: beside a range planners would walk the range
        within = [seq for seq in query.seqs if query.after < seq <= upto]
        where.add(dialect.any_of("e.seq", len(where.args) + 1), dialect.array(within))
    else:
        where.add("e.seq > ? AND e.seq <= ?", query.after, upto)
    _of_types(query.patterns, where)
    _seen_by(query.scope, where)
    limit = f"LIMIT ${len(where.args) + 1}"
    sql = f"SELECT {_EVENT} FROM event e WHERE {' AND '.join(where.terms)} ORDER BY e.seq {limit}"
    return sql, [*where.args, query.limit]


class EventReading(Reader):
    """See `ports.events`."""

    async def feed(self, query: FeedQuery) -> FeedPage:
        """See `ports.events`. The counter is read first: everything up to it is committed, and will not change."""
        rows = await self.quick(_HEAD, query.scope.account_id)
        head = rows[0][0] if rows else 0
        upto = min(query.after + WINDOW, head if query.upto is None else min(query.upto, head))
        if upto <= query.after:
            return FeedPage([], min(query.after, head), head)
        if not _sees_any(query):
            return FeedPage([], head if query.upto is None else min(query.upto, head), head)
        sql, args = feed_sql(query, upto, self.dialect)
        events = [Event._make(row) for row in await self.slow(sql, *args)]
        return FeedPage(events, events[-1].seq if len(events) == query.limit else upto, head)

    async def events_by_seq(self, scope: Scope, seqs: Sequence[int]) -> dict[int, Event]:
        """See `ports.events`."""
        where = Filter(self.dialect)
        where.add("e.account_id = ?", scope.account_id)
        where.any_of("e.seq", tuple(seqs), "bigint")
        _seen_by(scope, where)
        rows = await self.slow(f"SELECT {_EVENT} FROM event e WHERE {' AND '.join(where.terms)}", *where.args)
        return {event.seq: event for event in map(Event._make, rows)}

    async def heads(self, account_ids: Sequence[int]) -> dict[int, int]:
        """See `ports.events`."""
        where = self.dialect.any_of("account_id", 1)
        sql = f"SELECT account_id, last_seq FROM account_counter WHERE {where}"
        return {row[0]: row[1] for row in await self.quick(sql, self.dialect.array(list(account_ids)))}


class EventWriting(Statements):
    """See `ports.events`."""

    async def events(self, query: FeedQuery) -> list[Event]:
        """See `ports.events`."""
        sql, args = feed_sql(query, query.after + WINDOW if query.upto is None else query.upto, self.dialect)
        return [Event._make(row) for row in await self.fetch(sql, *args)]
