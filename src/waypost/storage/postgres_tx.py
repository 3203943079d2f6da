"""A transaction on PostgreSQL: every lock in one message, everything loaded after it, everything written at once."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import asyncpg

from waypost.app.commands import IdempotencyKey, KeyName, KeyRow
from waypost.app.ports import (
    Ask,
    Changes,
    Clocked,
    KeptOutcome,
    Loaded,
    PlainMove,
    PlainMoved,
    PlainMoves,
    PostedOrder,
    StockChange,
    no_changes,
)
from waypost.app.slices import in_slices, parts
from waypost.domain.fulfillment import State
from waypost.domain.orders import OrderItem
from waypost.domain.statuses import Status
from waypost.storage.dialect import POSTGRES
from waypost.storage.faults import RolledBack
from waypost.storage.postgres_loading import assembled
from waypost.storage.queries import plain_moves, postgres, proof, writing
from waypost.storage.sealing import SecretBox
from waypost.storage.transaction import LINES_AT_ONCE, CommonTx, moved_totals

_ROWS_AT_ONCE = 200  # of one part of a batch
# Parts whose rows need no other row that the same batch inserts: they may be written one statement after the other.
_APART = frozenset(("states", "lines", "items", "rollups", "events", "held", "totals"))


def key_hash(key: IdempotencyKey) -> int:
    """The 64-bit number that this key is locked by."""
    digest = hashlib.blake2b(f"{key.family}:{key.key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class PostgresTx(CommonTx):
    """One transaction; it begins with its first statement."""

    dialect = POSTGRES

    def __init__(self, db: "asyncpg.Connection[asyncpg.Record]", revision: str, box: SecretBox) -> None:
        self._db = db
        self.secrets = box
        self._revision = revision
        self.begun = False
        self.lone = False
        self.xact_id: str | None = None
        self.round_trips = 0
        self._single_statements = False

    async def begin(self) -> None:
        """See `Statements`."""
        self._single_statements = True
        if not self.begun:
            self.begun = True
            self.round_trips += 1
            await self._db.execute(proof.begin(self._revision))

    async def _begin_and_lock(self, locks: postgres.Locks) -> None:
        revision = None if self.begun else self._revision
        self.begun = True
        await self._db.execute(postgres.begin_and_lock(locks, revision))

    async def fetch(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """See `CommonTx`."""
        await self.begin()
        self.round_trips += 1
        rows: list[Any] = await self._db.fetch(sql, *args)
        return rows

    async def execute(self, sql: str, *args: Any) -> int:
        """See `CommonTx`."""
        await self.begin()
        self.round_trips += 1
        status = await self._db.execute(sql, *args)
        return int(status.rsplit(" ", 1)[-1]) if status[-1:].isdigit() else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CommonTx`."""
        for some in parts(rows, _ROWS_AT_ONCE):
            await self.begin()
            self.round_trips += 1
            await self._db.executemany(sql, some)

    async def identify(self) -> None:
        """Know the transaction's id before its commit, where single statements may have written something."""
        if self._single_statements and self.xact_id is None:
            self.round_trips += 1
            self.xact_id = await self._db.fetchval("SELECT pg_current_xact_id_if_assigned()::text")

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """From the table's sequence."""
        sql = f"SELECT nextval('{postgres.SEQUENCES[kind]}') FROM generate_series(1, $1)"
        return sorted(row[0] for row in await self.fetch(sql, count))

    async def insert_orders(self, orders: Sequence[PostedOrder], items: Sequence[OrderItem]) -> set[int]:
        """See `ports.Tx`; one statement for all orders."""
        if not orders:
            return set()
        columns = map(list, zip(*map(writing.posted_values, orders), strict=True))
        inserted = {row[0] for row in await self.fetch(postgres.INSERT_ORDERS, *columns)}
        await self.execute_many(writing.INSERT_ITEM, [item for item in items if item.order_id in inserted])
        return inserted

    async def move_plainly(self, asked: PlainMoves) -> list[PlainMoved | None]:
        """See `ports.Tx`: one trip for one, as a transaction of its own; else one to begin and lock, one for all."""
        if len(asked.moves) == 1 and not self.begun:
            return [await self._move_alone(asked, asked.moves[0])]
        ids = sorted(move.request_id for move in asked.moves)
        accounts = sorted({move.actor.scope.account_id for move in asked.moves})
        self.round_trips += 2
        await self._begin_and_lock(postgres.Locks(ids, [], accounts, [], [], []))
        rows = [
            (m.request_id, *m.actor.scope, m.actor.type, m.actor.id, m.actor.name, m.actor.signature(), m.call_id,
             m.code, m.reason, m.retryable, m.data)
            for m in asked.moves
        ]  # fmt: skip
        found = await self._db.fetch(
            plain_moves.PLAIN_MOVES, list(asked.sources), asked.to, asked.event, asked.now,
            *map(list, zip(*rows, strict=True)),
        )  # fmt: skip
        moved: list[PlainMoved | None] = [None] * len(rows)
        for xact_id, place, was, version in found:
            self.xact_id = xact_id
            moved[place - 1] = PlainMoved(Status(was), version)
            self.told |= {asked.moves[place - 1].actor.scope.account_id}
        return moved

    async def _move_alone(self, asked: PlainMoves, move: PlainMove) -> PlainMoved | None:
        self.round_trips += 1
        self.lone = True
        actor = move.actor
        rows = await self._db.fetch(
            plain_moves.LONE_MOVE, move.request_id, *actor.scope, list(asked.sources), asked.to, asked.event,
            actor.type, actor.id, actor.signature(), move.call_id, move.code, move.reason,
            move.retryable, asked.now, move.data, actor.name, self._revision,
        )  # fmt: skip
        self.lone = bool(rows)
        if rows:
            self.told |= {actor.scope.account_id}
        return PlainMoved(Status(rows[0][0]), rows[0][1]) if rows else None

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> dict[KeyName, KeyRow | None]:
        """See `ports.Tx`: each is locked by a number, which two keys may share once in a blue moon."""
        asked = [(*key.name, key_hash(key)) for key in keys]
        found = await self.fetch(postgres.CLAIM_KEYS, *map(list, zip(*asked, strict=True)))
        return {(row[0], row[1]): KeyRow(*row[2:]) if row[2] is not None else None for row in found}

    async def keep(self, kept: Sequence[KeptOutcome], at: int) -> None:
        """See `ports.Tx`; one statement for all. One that was kept between our look and our lock is in the way."""
        rows = [writing.key_values(one, at) for one in kept]
        if await self.execute(postgres.INSERT_KEYS, *map(list, zip(*rows, strict=True))) != len(rows):
            raise RolledBack("an idempotency key was kept between our look and our lock")

    async def load(
        self,
        asks: Sequence[Ask],
        accounts: Sequence[int],
        variants: Sequence[int] = (),
    ) -> Loaded:
        """See `ports.Tx`: one trip to begin and lock, one to load."""
        self.round_trips += 2
        await self._begin_and_lock(_locks(asks, accounts, variants))
        asked = [
            [ask.request_id for ask in asks],
            [ask.scope.account_id for ask in asks],
            [ask.scope.source_id for ask in asks],
            [ask.scope.channel_id for ask in asks],
        ]
        if not asks or any(ask.whole or ask.with_order or ask.with_cause for ask in asks):
            return await self._load_all(asks, asked, accounts)
        loaded = Loaded([None] * len(asks), {}, {}, {}, {}, {}, {}, {}, set())
        for row in await self._db.fetch(postgres.LOAD_STATES, *asked):
            state = State._make(row[3:])
            loaded.states[row[0] - 1] = state
            loaded.counters[state.account_id] = Clocked(row[1], row[2])
        return loaded

    async def _load_all(
        self, asks: Sequence[Ask], asked: list[Any], accounts: Sequence[int]
    ) -> Loaded:
        def places(wanted: Callable[[Ask], bool]) -> list[int]:
            return [place for place, ask in enumerate(asks, 1) if wanted(ask)]

        rows = await self._db.fetch(
            postgres.LOAD_ALL, *asked, places(lambda a: a.whole), places(lambda a: a.with_order),
            places(lambda a: a.with_cause), list(accounts), [ask.number for ask in asks],
            places(lambda a: a.elsewhere or a.elsewhere_anyway),
        )  # fmt: skip
        return await in_slices(assembled(rows, len(asks)))

    async def write(self, changes: Changes) -> None:
        """See `ports.Tx`: one trip; more where very much is written, or attention begins or ends."""
        first, *others = [*parts(changes.requests, LINES_AT_ONCE, weight=lambda one: len(one.lines))] or [[]]
        await self._write_some(changes._replace(requests=first))
        for some in others:
            await self._write_some(no_changes(changes.at)._replace(requests=some))
        await self.note_attention(changes)

    async def _write_some(self, changes: Changes) -> None:
        """In one trip, as far as it is not too much: the driver encodes all values of a statement at once."""
        left = _batch_rows(changes)
        while now := {
            name: some
            for name, rows in left.items()
            if (some := list(islice(rows, _ROWS_AT_ONCE if name in _APART else None)))
        }:
            await self._write_rows(now, changes)

    async def _write_rows(self, written: dict[str, list[tuple[Any, ...]]], changes: Changes) -> None:
        args = [column for rows in written.values() for column in map(list, zip(*rows, strict=True))]
        self.round_trips += 1
        row = (await self._db.fetch(postgres.write_batch(tuple(written)), *args))[0]
        self.xact_id = row[0]
        self.told |= {event.account_id for event in changes.events}
        if list(row[1:]) != [len(rows) for rows in written.values()]:
            # Under the locks only a number can be in the way: one that was taken between our look and our lock. Run
            # again, the batch sees it.
            raise RolledBack("a row was not as it was loaded")


def _locks(asks: Sequence[Ask], accounts: Sequence[int], variants: Sequence[int]) -> postgres.Locks:
    def ids(wanted: Callable[[Ask], bool]) -> list[int]:
        return sorted({ask.request_id for ask in asks if wanted(ask)})

    return postgres.Locks(
        ids(lambda a: True), ids(lambda a: a.with_order), list(accounts), list(variants),
        ids(lambda a: a.elsewhere or a.elsewhere_anyway), ids(lambda a: a.elsewhere_anyway),
    )  # fmt: skip


def _batch_rows(changes: Changes) -> dict[str, Iterator[tuple[Any, ...]]]:
    """The rows of each part of `postgres.PARTS`, made when they are written."""
    counters: dict[int, int] = {}
    for event in changes.events:
        counters.setdefault(event.account_id, event.seq - 1)
    last = {event.account_id: event.seq for event in changes.events}
    new = changes.requests
    stock = [*changes.stock, *(StockChange(entry, entry.open) for request in new for entry in request.entries)]
    rows: dict[str, Iterable[tuple[Any, ...]]] = {
        "decisions": changes.decisions,
        "requests": (writing.request_values(request) for request in new),
        "new_states": (request.state for request in new),
        "new_lines": (line for request in new for line in request.lines),
        "edited": ((one.id, *writing.particulars_values(one)) for one in changes.particulars),
        "claims": [*changes.claims, *(writing.claim_values(request) for request in new if request.claims_number)],
        "states": ((was.id, was.status, was.version, *writing.changed_values(now)) for was, now in changes.states),
        "lines": ((line.id, *writing.line_values(line)) for line in changes.lines),
        "items": ((item.id, *writing.item_values(item)) for item in changes.items),
        "rollups": ((order.id, *writing.order_values(order)) for order in changes.orders),
        "counters": ((account, was, last[account], changes.at) for account, was in counters.items()),
        "events": changes.events,
        "held": ((change.entry.id, *change.entry[3:]) for change in stock if change.entry.id),
        "totals": ((variant_id, by, changes.at) for variant_id, by in moved_totals(stock).items()),
        "entries": (change.entry[1:] for change in stock if not change.entry.id),
        "started": changes.started,
        "ended": changes.ended,
        "confirmed": changes.confirmed,
    }
    return {name: iter(some) for name, some in rows.items()}
