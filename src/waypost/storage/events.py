"""SQL of the event log: the feed, bound to what its caller may see, and the counters that tell how far it goes."""

from collections.abc import Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports.events import FeedPage, FeedQuery
from waypost.domain.catalogue import BOUND, EVERYTHING, seen_by
from waypost.domain.events import Event
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.speaking import Reader, Statements

# `seq` is dense, so this bounds what one look reads, whatever its filters let through.
WINDOW = 5000

_EVENT = columns.listed(Event, "e")
_HEAD = "SELECT last_seq FROM account_counter WHERE account_id = $1"

# The types that each type of token sees; an account token sees all.
_TYPES = {who: quoted(seen_by(who)) for who in BOUND}


def _request_of(owner: str, key: str, scope: Scope) -> tuple[str, list[Any]]:
    """Whether the request that `key` of `owner` names is the caller's; a source's from the event of its release on."""
    if scope.source_id is not None:
        of_source = f"{owner}.{key} = f.id AND f.source_id = ? AND f.released_seq <= e.seq"
        return f"EXISTS (SELECT 1 FROM fulfillment_request_state f WHERE {of_source})", [scope.source_id]
    of_channel = f"{owner}.{key} = f.id AND f.channel_id = ?"
    return f"EXISTS (SELECT 1 FROM fulfillment_request f WHERE {of_channel})", [scope.channel_id]


def _seen_by(scope: Scope, where: Filter) -> None:
    """Bind the query to what a source or a channel may see: by the type of the event, and by its subject."""
    if scope.source_id is None and scope.channel_id is None:
        return
    where.add(f"e.type IN ({_TYPES['channel' if scope.source_id is None else 'source']})")
    request, request_args = _request_of("e", "subject_id", scope)
    of_shipment, shipment_args = _request_of("h", "request_id", scope)
    kinds = [
        f"(e.subject = 'fulfillment_request' AND {request})",
        f"(e.subject = 'shipment' AND EXISTS (SELECT 1 FROM shipment h WHERE h.id = e.subject_id AND {of_shipment}))",
    ]
    args = [*request_args, *shipment_args]
    if scope.source_id is not None:
        of_invoice, invoice_args = _request_of("v", "request_id", scope)
        kinds.append(
            "(e.subject = 'source_invoice' AND EXISTS (SELECT 1 FROM source_invoice v WHERE v.id = e.subject_id"
            f" AND {of_invoice}))"
        )
        args += invoice_args
    else:
        kinds.append(
            "(e.subject = 'order' AND EXISTS (SELECT 1 FROM orders o WHERE o.id = e.subject_id AND o.channel_id = ?))"
        )
        args.append(scope.channel_id)
    where.add(f"({' OR '.join(kinds)})", *args)


def timeline_sql(scope: Scope, subject: str, subject_id: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """The events of one thing that `scope` sees, oldest first."""
    where = Filter(dialect)
    where.add("e.subject_id = ?", subject_id)
    where.add("e.subject = ?", subject)
    # The plus keeps planners from walking the whole account, which has its events in order of seq, too.
    where.add("+e.account_id = ?", scope.account_id)
    _seen_by(scope, where)
    return f"SELECT {_EVENT} FROM event e WHERE {' AND '.join(where.terms)} ORDER BY e.seq", where.args


def _of_types(patterns: Sequence[str], where: Filter) -> None:
    if not patterns or EVERYTHING in patterns:
        return
    terms, args = [], []
    for pattern in patterns:
        beginning = pattern.removesuffix(EVERYTHING)
        terms.append("e.type = ?" if beginning == pattern else f"substr(e.type, 1, {len(beginning)}) = ?")
        args.append(beginning)
    where.add(f"({' OR '.join(terms)})", *args)


def feed_sql(query: FeedQuery, upto: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """The events of one look, up to `upto`."""
    where = Filter(dialect)
    where.add("e.account_id = ?", query.scope.account_id)
    hidden = "+" if query.seqs else ""  # events that are named are looked up: a range would be walked
    where.add(f"{hidden}e.seq > ?", query.after)
    where.add(f"{hidden}e.seq <= ?", upto)
    where.any_of("e.seq", query.seqs, "bigint")
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
