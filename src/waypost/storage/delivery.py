"""Handing over, in SQL: claims, attempts, and what is told to a source."""

from collections.abc import Sequence
from typing import Any

import msgspec

from waypost.app.actor import Scope
from waypost.app.large_work import OUT_OF_TURN
from waypost.app.ports.delivery import Attempt, Claimed, OpenAttempt, Papers, Retry, RetryPlace, SourceDelivery
from waypost.domain.attention import SOURCE_DOWN
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.domain.handover import Outcome
from waypost.domain.statuses import Status
from waypost.storage.queries import columns, handing, requests
from waypost.storage.sealing import Place, SecretBox
from waypost.storage.speaking import Reader, Statements

_ATTEMPT = columns.listed(Attempt, "h")
_DELIVERY = columns.listed(SourceDelivery, "d")
_REQUEST_WIDTH = columns.STATE_WIDTH + len(Particulars._fields)
LINE_BYTES = 500  # of a request, roughly
_decode_lines = msgspec.json.Decoder(list[Line]).decode
# What was settled later than this from now was settled before the clock was set back: its wait is over. No other wait
# can be longer than the longest delay that a policy allows.
_AHEAD = 60 * 1_000_000  # microseconds


_DELIVERY_CHANGES = ", ".join(
    f"{name} = excluded.{name}" for name in SourceDelivery._fields if name not in ("source_id", "account_id")
)


def _source_delivery(row: Sequence[Any], box: SecretBox) -> SourceDelivery:
    """A record of a row; secrets that cannot be opened are None."""
    made = SourceDelivery._make(row)
    return made._replace(secrets=box.open(Place("source_delivery", "secrets", made.source_id), made.secrets))


def _papers(row: Sequence[Any]) -> Papers:
    state, particulars = row[: columns.STATE_WIDTH], row[columns.STATE_WIDTH : _REQUEST_WIDTH]
    lines, *rest = row[_REQUEST_WIDTH:]
    known = tuple(_decode_lines(lines)) if lines else ()
    return Papers(FulfillmentRequest(State._make(state), Particulars._make(particulars), known), *rest)


class DeliveryReading(Reader):
    """See `app.ports.delivery.DeliveryReads`."""

    async def delivery(self, scope: Scope, source_id: int) -> SourceDelivery | None:
        """How a source is handed its requests."""
        sql = f"SELECT {_DELIVERY} FROM source_delivery d WHERE d.source_id = $1 AND d.account_id = $2"
        rows = await self.quick(sql, source_id, scope.account_id)
        return _source_delivery(rows[0], self.secrets) if rows else None

    async def attempts(self, scope: Scope, request_id: int, limit: int) -> list[Attempt] | None:
        """The latest attempts of a request, oldest first."""
        if not await self.quick(requests.VERSION_BY_ID, request_id, *scope):
            return None
        sql = f"SELECT {_ATTEMPT} FROM handover_attempt h WHERE h.request_id = $1 ORDER BY h.number DESC LIMIT $2"
        return [Attempt._make(row) for row in reversed(await self.slow(sql, request_id, limit))]

    async def papers(self, request_ids: Sequence[int]) -> list[Papers]:
        """These requests with their orders."""
        d = self.dialect
        sql = f"""SELECT {columns.STATE}, {columns.PARTICULARS}, {requests.lines_of("s.id", d)}, o.order_number,
            o.reference_number, o.ordered_at, o.payment_status, o.custom_fields, c.name, w.name, w.reference
          FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id JOIN orders o ON o.id = s.order_id
          JOIN channel c ON c.id = s.channel_id JOIN source w ON w.id = s.source_id
          WHERE {d.any_of("s.id", 1)} ORDER BY s.id"""
        rows = await self.slow(sql, d.array(request_ids))
        return await OUT_OF_TURN.collected(map(_papers, rows), lambda one: LINE_BYTES * len(one.image.lines))

    async def deliveries(self, kinds: Sequence[str]) -> list[SourceDelivery]:
        """Every source of these kinds that is neither paused nor archived."""
        d = self.dialect
        sql = f"""SELECT {_DELIVERY} FROM source_delivery d JOIN source o ON o.id = d.source_id
          WHERE {d.any_of("d.kind", 1, "text")} AND NOT d.paused AND NOT o.archived ORDER BY d.source_id"""
        return [_source_delivery(row, self.secrets) for row in await self.slow(sql, d.array(kinds))]

    async def waiting_sources(self, source_ids: Sequence[int], now: int) -> list[int]:
        """See `app.ports.delivery.DeliveryReads`."""
        d = self.dialect
        table, ready, order = handing.ready(d, "d.source_id", "0", "CAST($2 AS bigint)")
        # A value, and no EXISTS: PostgreSQL would join that, and walk all that waits.
        sql = f"""SELECT d.source_id FROM source_delivery d WHERE {d.any_of("d.source_id", 1)}
          AND (SELECT s.id FROM {table} WHERE {ready} ORDER BY {order} LIMIT 1) IS NOT NULL ORDER BY d.source_id"""
        return [row[0] for row in await self.slow(sql, d.array(source_ids), now)]

    async def told_down(self, source_ids: Sequence[int]) -> set[int]:
        """See `app.ports.delivery.DeliveryReads`."""
        d = self.dialect
        sql = f"""SELECT subject_id FROM attention WHERE subject = 'source' AND {d.any_of("subject_id", 1)}
          AND code = '{SOURCE_DOWN}' AND settled_at IS NULL"""
        return {row[0] for row in await self.slow(sql, d.array(source_ids))}

    async def lapsed(self, now: int, limit: int, after: int = 0) -> list[Claimed]:
        """See `app.ports.delivery.DeliveryReads`."""
        # The index of what is open is told by its own words, and walked in its order: it is short.
        sql = f"""SELECT {handing.CLAIMED} FROM handover_attempt
          WHERE state <> 'settled' AND state = 'sending' AND lease_until <= $1 AND request_id > $3
          ORDER BY request_id LIMIT $2"""
        return [Claimed._make(row) for row in await self.slow(sql, now, limit, after)]

    async def retrying_sources(self, source_ids: Sequence[int], now: int) -> list[int]:
        """See `app.ports.delivery.DeliveryReads`."""
        rows = await self.slow(handing.retrying_sources(self.dialect), self.dialect.array(source_ids), now)
        return [row[0] for row in rows]

    async def due_retries(self, after: Sequence[RetryPlace], now: int, each: int) -> list[Retry]:
        """See `app.ports.delivery.DeliveryReads`."""
        d = self.dialect
        given = [d.array(after)] if d.is_sqlite else [list(column) for column in zip(*after, strict=True)]
        rows = await self.slow(handing.due_retries(d), now, each, *given) if after else []
        return [Retry(Claimed._make(row[:-1]), row[-1]) for row in rows]


class DeliveryWriting(Statements):
    """See `app.ports.delivery.DeliveryTx`."""

    async def claim_requests(
        self, source_id: int, worker: str, count: int, now: int, lease_until: int, waited: bool
    ) -> list[Claimed]:
        """See `DeliveryTx`."""
        within = (1, now) if waited else (0, 0)
        rows = await self.fetch(handing.claim(self.dialect), source_id, now, count, worker, lease_until, *within)
        return sorted(map(Claimed._make, rows))

    async def take_over_claims(
        self, source_id: int, worker: str, count: int, now: int, lease_until: int
    ) -> list[Claimed]:
        """See `DeliveryTx`."""
        rows = await self.fetch(handing.take_over(self.dialect), source_id, now, count, worker, lease_until)
        return sorted(map(Claimed._make, rows))

    async def end_waits(self, now: int, limit: int) -> int:
        """See `DeliveryTx`."""
        d = self.dialect
        ahead = f"""h.outcome = '{Outcome.DEFERRED}' AND h.next_at IS NOT NULL
          AND h.settled_at > CAST($1 AS bigint) + {_AHEAD}"""
        found = d.looked_up("handover_attempt h", ahead, "fulfillment_request_state s", "s.id = h.request_id")
        lock = "" if d.is_sqlite else " FOR NO KEY UPDATE OF s, h SKIP LOCKED"
        rows = await self.fetch(f"SELECT h.id {found} ORDER BY h.settled_at LIMIT $2{lock}", now, limit)
        due = await self._end_waits_for_retries(now, limit)
        if not rows:
            return due
        ids = d.array([row[0] for row in rows])
        waits = f"""s.id = h.request_id AND s.waits_until = h.next_at AND s.status = '{Status.PROCESSING}'
          AND s.handover IS NULL"""
        put_off = d.looked_up("handover_attempt h", d.any_of("h.id", 1), "fulfillment_request_state s", waits)
        count = await self.execute(
            f"""UPDATE fulfillment_request_state SET waits_until = held_until
              WHERE {d.any_found("id", f"SELECT s.id {put_off}")}""", ids
        )  # fmt: skip
        # Whether its request still waited or not: the next call need not look at it again.
        await self.execute(f"UPDATE handover_attempt SET next_at = NULL WHERE {d.any_of('id', 1)}", ids)
        return count + due

    async def _end_waits_for_retries(self, now: int, limit: int) -> int:
        """What was rejected when the clock ran ahead is due now."""
        d = self.dialect
        lock = "" if d.is_sqlite else " FOR NO KEY UPDATE SKIP LOCKED"
        ahead = f"""SELECT id FROM handover_attempt WHERE outcome = '{Outcome.REJECTED}' AND next_at IS NOT NULL
          AND settled_at > CAST($1 AS bigint) + {_AHEAD} AND next_at > $1 ORDER BY settled_at LIMIT $2{lock}"""
        sql = f"UPDATE handover_attempt SET next_at = $1 WHERE {d.any_found('id', ahead)}"
        return await self.execute(sql, now, limit)

    async def take_over_sending(self, attempt_id: int, worker: str, now: int, lease_until: int) -> int:
        """See `DeliveryTx`."""
        sql = """UPDATE handover_attempt SET worker = $2, lease_until = $4
          WHERE id = $1 AND state = 'sending' AND lease_until <= $3"""
        return await self.execute(sql, attempt_id, worker, now, lease_until)

    async def prolong_lease(self, attempt_id: int, worker: str, lease_until: int) -> int:
        """See `DeliveryTx`."""
        sql = "UPDATE handover_attempt SET lease_until = $3 WHERE id = $1 AND worker = $2 AND state = 'sending'"
        return await self.execute(sql, attempt_id, worker, lease_until)

    async def release_claims(self, worker: str, source_id: int | None, now: int) -> int:
        """See `DeliveryTx`."""
        sql = """UPDATE handover_attempt SET lease_until = $2
          WHERE worker = $1 AND state <> 'settled' AND state = 'claimed'"""
        if source_id is None:
            return await self.execute(sql, worker, now)
        return await self.execute(f"{sql} AND source_id = $3", worker, now, source_id)

    async def limit_leases(self, source_ids: Sequence[int] | None, latest: int) -> int:
        """See `DeliveryTx`."""
        sql = "UPDATE handover_attempt SET lease_until = $1 WHERE state <> 'settled' AND lease_until > $1"
        if source_ids is None:
            return await self.execute(sql, latest)
        d = self.dialect
        sql = f"{sql} AND state = 'sending' AND {d.any_of('source_id', 2)}"
        return await self.execute(sql, latest, d.array(source_ids))

    async def open_attempts(self, ids: Sequence[int]) -> dict[int, OpenAttempt]:
        """See `DeliveryTx`."""
        d = self.dialect
        lock = "" if d.is_sqlite else " FOR UPDATE"
        where = d.any_of("id", 1)
        sql = f"SELECT {columns.listed(OpenAttempt)} FROM handover_attempt WHERE {where} ORDER BY id{lock}"
        return {row[0]: OpenAttempt._make(row) for row in await self.fetch(sql, d.array(ids))}

    async def delivered_since(self, ids: Sequence[int]) -> set[int]:
        """See `DeliveryTx`."""
        d = self.dialect
        sql = f"""SELECT o.request_id FROM handover_attempt o WHERE {d.any_of("o.id", 1)} AND (
          SELECT p.id FROM handover_attempt p WHERE p.request_id = o.request_id AND p.id <> o.id
            AND p.late_outcome IN ('delivered', 'acknowledged') AND p.late_at >= o.claimed_at LIMIT 1) IS NOT NULL"""
        return {row[0] for row in await self.fetch(sql, d.array(ids))}

    async def note_late(self, late: Sequence[tuple[str, int, int]]) -> None:
        """See `DeliveryTx`."""
        await self.execute_many("UPDATE handover_attempt SET late_outcome = $1, late_at = $2 WHERE id = $3", late)

    async def mark_retried(self, retried: Sequence[tuple[int | None, int]]) -> None:
        """See `DeliveryTx`."""
        sql = "UPDATE handover_attempt SET retried_as = $1, next_at = NULL WHERE id = $2"
        await self.execute_many(sql, retried)

    async def source_delivery(self, scope: Scope, source_id: int) -> SourceDelivery | None:
        """See `DeliveryTx`."""
        sql = f"""SELECT {_DELIVERY} FROM source_delivery d
          WHERE d.source_id = $1 AND d.account_id = $2{self.dialect.lock}"""
        rows = await self.fetch(sql, source_id, scope.account_id)
        return _source_delivery(rows[0], self.secrets) if rows else None

    async def write_delivery(self, row: SourceDelivery) -> None:
        """See `DeliveryTx`."""
        names, spots = columns.listed(SourceDelivery), columns.places(SourceDelivery)
        sql = f"""INSERT INTO source_delivery ({names}) VALUES ({spots})
          ON CONFLICT (source_id) DO UPDATE SET {_DELIVERY_CHANGES}"""
        stored = await self.sealed("source_delivery", row.source_id, {"secrets": row.secrets})
        await self.execute(sql, *row._replace(secrets=stored["secrets"]))
