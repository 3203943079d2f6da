"""A transaction on SQLite: its statements run in the event loop's thread, and none of them waits for anybody.

What has many rows is read and written some hundred rows at a time; other callers get their turn in between.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from waypost.app.commands import IdempotencyKey, KeyName, KeyRow
from waypost.app.drafts import Holding
from waypost.app.ports import Ask, Cause, Changes, Clocked, Loaded, OrderParts, PlainMoved, PlainMoves, PostedOrder
from waypost.app.slices import Pace, parts
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.statuses import Status
from waypost.domain.stock import Entry, Release
from waypost.storage.dialect import SQLITE
from waypost.storage.faults import BadRow
from waypost.storage.plain import plain_rows
from waypost.storage.queries import columns, requests, writing
from waypost.storage.sealing import SecretBox
from waypost.storage.sqlite_file import translated
from waypost.storage.transaction import CommonTx

_STANDING = translated(requests.STANDING_BY_ID)
_TAKE_COUNTER = translated(writing.TAKE_COUNTER)
_PLAIN_MOVE = translated(writing.PLAIN_MOVE)
_INSERT_EVENT = translated(writing.INSERT_EVENT)
_STATUSES = {status.value: status for status in Status}
_INSERT_ORDER = translated(writing.INSERT_ORDER.partition(" RETURNING ")[0])
_ORDERS_THERE = translated(f"SELECT id FROM orders WHERE {SQLITE.any_of('id', 1)}")
_SUMS_OUTSIDE = translated(writing.line_sums(SQLITE, f" AND NOT {SQLITE.any_of('r.id', 2)}"))


_ROWS_AT_ONCE = 300
_STEPS_OF_A_ROW = 8  # written, with its indexes
_STEPS_OF_A_FOUND_ROW = 3


class SqliteTx(CommonTx):
    """One transaction."""

    dialect = SQLITE

    def __init__(self, db: sqlite3.Connection, box: SecretBox) -> None:
        self._db = db
        self.secrets = box
        self._pace = Pace()  # of all its statements: many short ones take long, too
        self._given: dict[str, int] = {}  # the last id given out, by table

    async def begin(self) -> None:
        """See `Statements`: the store has begun."""

    async def fetch(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """See `CommonTx`."""
        cursor = self._db.execute(translated(sql), args)
        rows = cursor.fetchmany(_ROWS_AT_ONCE)
        if len(rows) < _ROWS_AT_ONCE:
            return rows
        while more := cursor.fetchmany(_ROWS_AT_ONCE):
            rows += more
            await self._pace.spend(_STEPS_OF_A_FOUND_ROW * len(more))
        return rows

    async def execute(self, sql: str, *args: Any) -> int:
        """See `CommonTx`."""
        return self._db.execute(translated(sql), args).rowcount

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CommonTx`."""
        await self._run_many(sql, rows)

    async def _run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """One run per row; how many rows were changed."""
        statement, changed = translated(sql), 0
        for some in parts(rows, _ROWS_AT_ONCE):
            changed += self._db.executemany(statement, some).rowcount
            await self._pace.spend(_STEPS_OF_A_ROW * len(some))
        return changed

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Rows are never deleted, and nobody else writes: the largest id and one is free."""
        if kind not in columns.NUMBERED:
            raise ValueError(kind)
        last = self._given.get(kind)
        if last is None:
            last = self._db.execute(f"SELECT coalesce(max(id), 0) FROM {kind}").fetchone()[0]
        self._given[kind] = last + count
        return list(range(last + 1, last + 1 + count))

    async def insert_orders(self, orders: Sequence[PostedOrder], items: Sequence[OrderItem]) -> set[int]:
        """See `ports.Tx`. One writer: an id that is there after the inserts was inserted by them."""
        self._db.executemany(_INSERT_ORDER, map(writing.posted_values, orders))
        found = self._db.execute(_ORDERS_THERE, (SQLITE.array([one.order.id for one in orders]),))
        inserted = {row[0] for row in found}
        await self.execute_many(writing.INSERT_ITEM, [item for item in items if item.order_id in inserted])
        return inserted

    async def move_plainly(self, asked: PlainMoves) -> list[PlainMoved | None]:
        """See `ports.Tx`: only the columns that change are read and written."""
        find = self._db.cursor().execute
        found = [find(_STANDING, (move.request_id, *move.actor.scope)).fetchone() for move in asked.moves]
        right = [(move, row) for move, row in zip(asked.moves, found, strict=True) if row and row[0] in asked.sources]
        if right:
            counted = Counter(move.actor.scope.account_id for move, _ in right)
            counters = {
                account: Clocked(*find(_TAKE_COUNTER, (count, asked.now, account)).fetchone())
                for account, count in counted.items()
            }
            rows, events, items = plain_rows(asked, right, counters, counted)
            if self._db.executemany(_PLAIN_MOVE, rows).rowcount != len(rows):
                raise BadRow("a request changed between load and write, inside one transaction")
            self._db.executemany(_INSERT_EVENT, events)
            await self.note_bare_failures(items)
            self.told |= counted.keys()
            self.last_event = (events[-1].account_id, events[-1].seq, events[-1].request_id)
        return [
            PlainMoved(_STATUSES[row[0]], row[1] + 1) if row and row[0] in asked.sources else None for row in found
        ]

    async def load(
        self,
        asks: Sequence[Ask],
        accounts: Sequence[int],
        variants: Sequence[int] = (),
    ) -> Loaded:
        """See `ports.Tx`. The database is locked as a whole."""
        one = self._db.execute
        states: list[State | None] = []
        pace = self._pace
        by_id = translated(requests.STATE_BY_ID)
        for ask in asks:
            row = one(by_id, (ask.request_id, *ask.scope)).fetchone()
            states.append(State._make(row) if row else None)
            await pace.spend(_STEPS_OF_A_FOUND_ROW)
        loaded = Loaded(states, {}, {}, {}, {}, {}, {}, {}, set())
        for account in accounts:
            loaded.counters[account] = Clocked(*one(translated(writing.COUNTER), (account,)).fetchone())
        seen = [(ask, state) for ask, state in zip(asks, states, strict=True) if state is not None]
        by_order: dict[int, set[int]] = {}
        for _, state in seen:
            by_order.setdefault(state.order_id, set()).add(state.id)
        for ask, state in seen:
            await pace.spend(_STEPS_OF_A_FOUND_ROW * self._complete(ask, state, by_order, loaded))
        for _, state in seen:
            # The roll-up of an order needs the lines of all its requests in the batch, whatever is asked of them.
            if state.order_id in loaded.orders:
                await pace.spend(_STEPS_OF_A_FOUND_ROW * self._load_lines(state.id, loaded))
        return loaded

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> dict[KeyName, KeyRow | None]:
        """See `ports.Tx`. The database is locked as a whole."""
        find, key_of = self._db.execute, translated(writing.KEY)
        found = {key.name: find(key_of, key.name).fetchone() for key in keys}
        return {name: KeyRow._make(row) for name, row in found.items() if row}

    def _complete(self, ask: Ask, state: State, by_order: Mapping[int, Collection[int]], loaded: Loaded) -> int:
        """Load what else is asked for; about how many rows that were."""
        one, rows = self._db.execute, 1
        if ask.whole and state.id not in loaded.particulars:
            row = one(translated(requests.PARTICULARS_OF), (state.id,)).fetchone()
            loaded.particulars[state.id] = Particulars._make(row)
            rows += self._load_lines(state.id, loaded)
        if ask.with_order and state.order_id not in loaded.orders:
            loaded.orders[state.order_id] = self._order(state.order_id, by_order[state.order_id])
            rows += 2 * len(loaded.orders[state.order_id].items)
        if ask.with_order and state.id not in loaded.holdings:
            loaded.holdings[state.id] = self._holding(state.id)
            rows += len(loaded.holdings[state.id].entries)
        if ask.elsewhere and one(translated(requests.REROUTES), (state.channel_id,)).fetchone()[0]:
            loaded.rerouted.add(state.order_id)
        if ask.number is not None:
            owner = one(translated(writing.NUMBER_OWNER), (state.source_id, ask.number)).fetchone()
            if owner is not None:
                loaded.owners[state.source_id, ask.number] = owner[0]
        if ask.with_cause and state.id not in loaded.causes:
            loaded.causes[state.id] = Cause._make(one(translated(requests.CAUSE_OF), (state.id,)).fetchone())
        return rows

    def _load_lines(self, request_id: int, loaded: Loaded) -> int:
        if request_id in loaded.lines:
            return 0
        found = self._db.execute(translated(requests.LINES_OF), (request_id,)).fetchall()
        loaded.lines[request_id] = tuple(map(Line._make, found))
        return len(found)

    def _holding(self, request_id: int) -> Holding:
        one = self._db.execute
        entries = one(translated(requests.HOLDING_OF), (request_id,)).fetchall()
        release = one(translated(requests.RELEASE_OF), (request_id,)).fetchone()[0]
        return Holding({entry.line_id: entry for entry in map(Entry._make, entries)}, Release(release))

    def _order(self, order_id: int, loaded: Collection[int]) -> OrderParts:
        """`loaded`: those of its requests whose lines are loaded, too."""
        one = self._db.execute
        order = Order._make(one(translated(requests.ORDER_BY_ID), (order_id,)).fetchone())
        items = one(translated(requests.ITEMS_OF), (order_id,)).fetchall()
        sums = one(_SUMS_OUTSIDE, (SQLITE.array([order_id]), SQLITE.array([*loaded]))).fetchall()
        return OrderParts(order, tuple(map(OrderItem._make, items)), {row[1]: LineSums(*row[2:]) for row in sums})

    async def write(self, changes: Changes) -> None:  # noqa: C901 - one kind of row after the other
        """See `ports.Tx`."""
        many = self._run_many
        rows = [(*writing.changed_values(now), was.id, was.status, was.version) for was, now in changes.states]
        if rows and await many(writing.UPDATE_STATE, rows) != len(rows):
            raise BadRow("a request changed between load and write, inside one transaction")
        if changes.lines:
            await many(writing.UPDATE_LINE, ((*writing.line_values(ln), ln.id) for ln in changes.lines))
        if changes.particulars:
            edited = ((*writing.particulars_values(one), one.id) for one in changes.particulars)
            await many(writing.UPDATE_REQUEST, edited)
        if changes.claims:
            await many(writing.CLAIM_NUMBER, changes.claims)
        if changes.decisions:
            await many(writing.INSERT_DECISION, changes.decisions)
        if changes.requests:
            await self.insert_requests(changes.requests)
        if changes.orders:
            await self.update_order_rollups(changes.orders, changes.items)
        if changes.stock:
            await self.write_stock(changes.stock, changes.at)
        if changes.started:
            await many(writing.START_ATTEMPT, changes.started)
        if changes.ended:
            await many(writing.END_ATTEMPT, changes.ended)
        if changes.confirmed:
            await many(writing.CONFIRM, changes.confirmed)
        await self.note_attention(changes._replace(requests=()))  # what is generated is noted already
        if changes.events:
            await self.write_events(changes.events, changes.at)
