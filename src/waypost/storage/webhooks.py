"""SQL of webhook endpoints and their deliveries: what is due, who holds what, and what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports.webhooks import Delivery, DeliveryQuery, DueWebhook, Settlement, Webhook
from waypost.domain.webhooks import LONGEST_PAUSE_S, STRICT_DELAY_S
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.queries import columns, walks
from waypost.storage.queries.pages import Owned, Walk
from waypost.storage.queries.postgres import kinds
from waypost.storage.queries.requests import Filter
from waypost.storage.sealing import Place, SecretBox
from waypost.storage.speaking import Reader, Statements

Fetch = Callable[..., Awaitable[Sequence[Sequence[Any]]]]

_WEBHOOK = columns.listed(Webhook)
_DELIVERY = columns.listed(Delivery, "d")
_BY_ID = f"SELECT {_WEBHOOK} FROM webhook WHERE id = $1 AND account_id = $2"
_OF_ACCOUNT = f"SELECT {_WEBHOOK} FROM webhook WHERE account_id = $1 AND status <> 'deleted' ORDER BY id"
_SECOND = 1_000_000  # microseconds
# What is longer, or was written later than this from now, dates from before the clock was set back: it is over.
_LONGEST_LEASE = 60 * _SECOND
_LONGEST_PAUSE = int(max(LONGEST_PAUSE_S, STRICT_DELAY_S)) * _SECOND + 60 * _SECOND
_AHEAD = 60 * _SECOND
_FREE = f"""(paused_until <= {{now}} OR paused_until > {{now}} + {_LONGEST_PAUSE})
AND (lease_until <= {{now}} OR lease_until > {{now}} + {_LONGEST_LEASE})"""
_WRITTEN_AHEAD = f"next_at IS NOT NULL AND updated_at > {{now}} + {_AHEAD}"  # has an index of its own
_OF_WEBHOOK = "FROM webhook_delivery WHERE webhook_id = w.id AND"
# Each in the order of the index that is meant: else PostgreSQL may look through all that waits for either.
_RETRIES = f"""({is_there(f"{_OF_WEBHOOK} next_at <= $1 ORDER BY next_at")}
  OR {is_there(f"{_OF_WEBHOOK} {_WRITTEN_AHEAD.format(now='$1')} ORDER BY updated_at")})"""
_DUE = f"""SELECT w.id, w.account_id, w.source_id, w.channel_id, w.subscribed, w.cursor, c.last_seq, {_RETRIES}
FROM webhook w JOIN account_counter c ON c.account_id = w.account_id
WHERE w.status = 'active' AND {_FREE.format(now="$1")} AND (w.cursor < c.last_seq OR {_RETRIES})
ORDER BY w.id"""
_PASSED = "(seq IS NULL OR seq <= $4)"  # what is in the way of the cursor, in strict order, is sent where that moves
_DUE_IDS = f"""SELECT id FROM (SELECT id FROM webhook_delivery WHERE webhook_id = $1 AND next_at <= $2 AND {_PASSED}
    ORDER BY next_at, id LIMIT $3) AS late
  UNION SELECT id FROM (SELECT id FROM webhook_delivery WHERE webhook_id = $1 AND {_WRITTEN_AHEAD.format(now="$2")}
    AND {_PASSED} ORDER BY updated_at LIMIT $3) AS ahead"""
# The cursor never goes back: it may have been set to the head meanwhile.
_SETTLE = f"""UPDATE webhook SET cursor = CASE WHEN cursor < $3 THEN $3 ELSE cursor END, failures = $4,
failing_since = $5, paused_until = $6, lease_until = $7 WHERE id = $1 AND lease_owner = $2 RETURNING {_WEBHOOK}"""
_NEW = Delivery._fields[1:]
_STATE = ("status", "attempts", "next_at", "updated_at", "delivered_at")
_PLACES = ", ".join(f"${place}" for place in range(1, len(_NEW) + 1))
_TAKEN = ", ".join(f"{name} = excluded.{name}" for name in _STATE)
_INSERT = f"INSERT INTO webhook_delivery ({', '.join(_NEW)})"
_PUT = f"""{_INSERT} VALUES ({_PLACES})
ON CONFLICT (webhook_id, message_id) DO UPDATE SET {_TAKEN}, log = excluded.log"""


def _kept(seen: str) -> str:
    """What was put up again since it was read (`seen`: when it had been written then) keeps its state.

    It gets the line of its log all the same.
    """
    states = (
        f"{name} = CASE WHEN webhook_delivery.updated_at > {seen} THEN webhook_delivery.{name} ELSE excluded.{name} END"
        for name in _STATE
    )
    return f"ON CONFLICT (webhook_id, message_id) DO UPDATE SET {', '.join(states)}, log = excluded.log"


_PUT_WHAT_CAME = f"{_INSERT} VALUES ({_PLACES}) {_kept(f'${len(_NEW) + 1}')}"
# Likewise, of messages that were not there to be read: one statement on PostgreSQL, where a run per row costs far more.
_ARRAYS = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(list(kinds(Delivery).values())[1:], 1))
_PUT_FRESH = f"{_INSERT} SELECT * FROM unnest({_ARRAYS}) {_kept('excluded.updated_at')}"
_OLD_IDS = "SELECT id FROM webhook_delivery WHERE updated_at < $1 AND status <> 'pending' ORDER BY updated_at LIMIT $2"
_FAIL = "UPDATE webhook_delivery SET status = 'failed', next_at = NULL, updated_at = $1"
# One after the other: the next endpoint behind the one before for which something waits.
_NEXT = """SELECT d.webhook_id FROM webhook_delivery d WHERE d.next_at IS NOT NULL AND d.webhook_id > {behind}
  ORDER BY d.webhook_id, d.next_at, d.id LIMIT 1"""
_AWAITED = f"""WITH RECURSIVE awaited(id) AS (SELECT ({_NEXT.format(behind=0)})
  UNION ALL SELECT ({_NEXT.format(behind="awaited.id")}) FROM awaited WHERE awaited.id IS NOT NULL)"""


async def _by_message(
    dialect: Dialect, fetch: Fetch, webhook_id: int, message_ids: Sequence[str]
) -> dict[str, Delivery]:
    sql = f"""SELECT {_DELIVERY} FROM webhook_delivery d
      WHERE d.webhook_id = $1 AND {dialect.any_of("d.message_id", 2, "text")}"""
    found = map(Delivery._make, await fetch(sql, webhook_id, dialect.array(list(message_ids))))
    return {delivery.message_id: delivery for delivery in found}


_SECRETS = ("secret", "previous_secret")


def _webhook(row: Sequence[Any], box: SecretBox) -> Webhook:
    """A record of a row; a secret that cannot be opened is None."""
    made = Webhook._make(row)
    secret, previous = (box.open(Place("webhook", name, made.id), getattr(made, name)) for name in _SECRETS)
    return made._replace(strict_order=bool(made.strict_order), secret=secret, previous_secret=previous)


def _ended(row: Delivery) -> Delivery:
    """What a worker was sending when its endpoint was deleted: nobody tries it again."""
    return row._replace(status="failed", next_at=None) if row.status == "pending" else row


def _log(dialect: Dialect, query: DeliveryQuery) -> tuple[str, list[Any]]:
    """One page of the log, by id: the first of each status, merged."""
    where = Filter(dialect)
    webhook = Owned("webhook", query.webhook_id, query.account_id)
    parts = []
    for status in query.statuses or (None,):
        key = (("webhook_id", webhook), *((("status", status),) if status else ()))
        walk = Walk("webhook_delivery", "d", key, ("id",), query.since_id)
        where.terms.clear()
        begin = walk.begin(where)
        where.args.append(query.limit + query.offset)
        parts.append(f"""SELECT * FROM (SELECT d.* {begin} WHERE {" AND ".join(where.terms)}
          ORDER BY {walk.by(dialect)} LIMIT ${len(where.args)}) one""")
    first = len(where.args) + 1
    sql = (
        f"""SELECT {_DELIVERY} FROM ({" UNION ALL ".join(parts)}) d ORDER BY d.id LIMIT ${first} OFFSET ${first + 1}"""
    )
    return sql, [*where.args, query.limit, query.offset]


class WebhookReading(Reader):
    """See `ports.webhooks`."""

    async def webhooks(self, account_id: int) -> list[Webhook]:
        """See `ports.webhooks`."""
        return [_webhook(row, self.secrets) for row in await self.slow(_OF_ACCOUNT, account_id)]

    async def webhook(self, account_id: int, webhook_id: int) -> Webhook | None:
        """See `ports.webhooks`."""
        rows = await self.quick(_BY_ID, webhook_id, account_id)
        return _webhook(rows[0], self.secrets) if rows else None

    async def webhook_deliveries(self, query: DeliveryQuery) -> list[Delivery]:
        """See `ports.webhooks`."""
        sql, args = _log(self.dialect, query)
        return [Delivery._make(row) for row in await self.slow(sql, *args)]

    async def due_webhooks(self, now: int) -> list[DueWebhook]:
        """See `ports.webhooks`."""
        rows = await self.slow(_DUE, now)
        return [DueWebhook(row[0], Scope(*row[1:4]), row[4], row[5], row[6], bool(row[7])) for row in rows]

    async def due_deliveries(self, webhook_id: int, cursor: int, now: int, limit: int) -> list[Delivery]:
        """See `ports.webhooks`."""
        sql = f"""SELECT {_DELIVERY} FROM webhook_delivery d WHERE {self.dialect.any_found("d.id", _DUE_IDS)}
          ORDER BY d.next_at, d.id LIMIT $3"""
        return [Delivery._make(row) for row in await self.slow(sql, webhook_id, now, limit, cursor)]

    async def deliveries_of(self, webhook_id: int, message_ids: Sequence[str]) -> dict[str, Delivery]:
        """See `ports.webhooks`."""
        return await _by_message(self.dialect, self.slow, webhook_id, message_ids)


class WebhookWriting(Statements):
    """See `ports.webhooks`."""

    async def lock_webhook(self, account_id: int, webhook_id: int) -> Webhook | None:
        """See `ports.webhooks`."""
        rows = await self.fetch(_BY_ID + self.dialect.lock, webhook_id, account_id)
        return _webhook(rows[0], self.secrets) if rows else None

    async def lock_webhooks(self, account_id: int) -> list[Webhook]:
        """See `ports.webhooks`."""
        return [_webhook(row, self.secrets) for row in await self.fetch(_OF_ACCOUNT + self.dialect.lock, account_id)]

    async def claim_webhook(self, webhook_id: int, owner: str, now: int, until: int) -> Webhook | None:
        """See `ports.webhooks`. Whoever comes second does not wait for the first."""
        free = f"""SELECT id FROM webhook WHERE id = $1 AND status = 'active'
          AND {_FREE.format(now="$3")}{self.dialect.lock_free}"""
        sql = f"""UPDATE webhook SET lease_owner = $2, lease_until = $4 WHERE id IN ({free}) RETURNING {_WEBHOOK}"""
        rows = await self.fetch(sql, webhook_id, owner, now, until)
        return _webhook(rows[0], self.secrets) if rows else None

    async def renew_webhook(self, webhook_id: int, owner: str, until: int) -> bool:
        """See `ports.webhooks`."""
        sql = "UPDATE webhook SET lease_until = $3 WHERE id = $1 AND lease_owner = $2"
        return await self.execute(sql, webhook_id, owner, until) == 1

    async def settle_webhooks(self, settlements: Sequence[Settlement]) -> list[Webhook | None]:
        """See `ports.webhooks`."""
        held: dict[int, Webhook] = {}
        for one in sorted(settlements, key=lambda one: one.webhook_id):
            for row in await self.fetch(_SETTLE, *one[:-1]):
                held[one.webhook_id] = _webhook(row, self.secrets)
        done = [
            (_ended(row), seen) if held[one.webhook_id].status == "deleted" else (row, seen)
            for one in settlements
            if one.webhook_id in held
            for row, seen in one.deliveries
        ]
        if not self.dialect.is_sqlite:
            fresh = {(row.webhook_id, row.message_id): row for row, seen in done if seen == row.updated_at}
            done = [(row, seen) for row, seen in done if fresh.get((row.webhook_id, row.message_id)) is not row]
            if fresh:
                await self.execute(_PUT_FRESH, *map(list, zip(*(row[1:] for row in fresh.values()), strict=True)))
        await self.execute_many(_PUT_WHAT_CAME, [(*delivery[1:], seen) for delivery, seen in done])
        return [held.get(one.webhook_id) for one in settlements]

    async def put_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """See `ports.webhooks`."""
        await self.execute_many(_PUT, [delivery[1:] for delivery in deliveries])

    async def deliveries_by_message(self, webhook_id: int, message_ids: Sequence[str]) -> dict[str, Delivery]:
        """See `ports.webhooks`."""
        return await _by_message(self.dialect, self.fetch, webhook_id, message_ids)

    async def end_waiting(self, webhook_id: int, at: int, limit: int) -> None:
        """See `ports.webhooks`."""
        walk = walks.Walk(
            self.dialect, "webhook_delivery", ("webhook_id", "status"), ("$2", "'pending'"), "0", alias="d"
        )
        waiting = f"SELECT d.id {walk.whole} LIMIT $3"
        await self.execute(f"{_FAIL} WHERE {self.dialect.any_found('id', waiting)}", at, webhook_id, limit)

    async def end_blocking(self, webhook_id: int, cursor: int, at: int) -> None:
        """See `ports.webhooks`."""
        sql = f"{_FAIL} WHERE webhook_id = $2 AND next_at IS NOT NULL AND seq > $3"
        await self.execute(sql, at, webhook_id, cursor)

    async def end_waiting_for_deleted(self, at: int, limit: int) -> int:
        """See `ports.webhooks`."""
        is_deleted = "(SELECT w.status FROM webhook w WHERE w.id = a.id) = 'deleted'"
        waits = "d.webhook_id = a.id AND d.next_at IS NOT NULL"
        rows = self.dialect.looked_up("awaited a", is_deleted, "webhook_delivery d", waits)
        found = f"{_AWAITED} SELECT d.id {rows} LIMIT $2"
        return await self.execute(f"{_FAIL} WHERE {self.dialect.any_found('id', found)}", at, limit)

    async def purge_deliveries(self, before: int, limit: int) -> int:
        """See `ports.webhooks`."""
        sql = f"DELETE FROM webhook_delivery WHERE {self.dialect.any_found('id', _OLD_IDS)}"
        return await self.execute(sql, before, limit)
