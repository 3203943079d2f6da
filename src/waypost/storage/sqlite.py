"""The SQLite driver: one file, WAL, one writing connection; a commit that was answered survives power loss.

Statements of a transaction run in the event loop's thread (they take microseconds, and a thread of their own
would fight for the interpreter with every row); only COMMIT, which waits for the disk, runs in another thread,
unless the disk is quick.
Reads by key run in the loop on a connection of their own, lists and counts on reader threads.
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from waypost.app.commands import IdempotencyKey, KeyRow
from waypost.app.ports import Ask, Cause, Changes, Clocked, Loaded, LoneMove, OrderParts, Work
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.refusals import Unavailable
from waypost.storage.dialect import SQLITE
from waypost.storage.faults import BadRow
from waypost.storage.queries import requests, writing
from waypost.storage.reading import CommonReads
from waypost.storage.transaction import CommonTx

T = TypeVar("T")

BUSY_S = 5.0  # how long a write waits for another process, such as the command line
READ_TIMEOUT_S = 5.0
READERS = 3
# A disk that commits faster than this is waited for in the loop: to hand the commit to a thread and to hear from it
# would cost as much. A slower disk would hold every other call up, so there the thread waits.
COMMIT_IN_PLACE_S = 0.001
SNAPSHOT_S = 0.05
# A list or count is tried in the loop first, where a page costs less than a change of threads; what takes more than
# this many steps (about a millisecond) is given up there and done by a reader thread.
_STEPS_PER_LOOK = 4_000
LOOKS_IN_LOOP = 8
_FAR = 10**12  # looks that never run out: look-ups by key are not given up
_PROGRESS_STEPS = 20_000  # virtual machine steps between two looks at the clock: well under a millisecond

_translated: dict[str, str] = {}


def translated(sql: str) -> str:
    """`$n` parameters in SQLite's spelling."""
    found = _translated.get(sql)
    if found is None:
        found = _translated[sql] = sql.replace("$", "?")
    return found


_SUMS_OUTSIDE = translated(writing.line_sums(SQLITE, f" AND NOT {SQLITE.any_of('r.id', 2)}"))


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0, cached_statements=256)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    db.execute("PRAGMA cache_size = -16000")
    if read_only:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA busy_timeout = 5000")
    return db


class SqliteTx(CommonTx):
    """One transaction; none of its methods ever waits."""

    dialect = SQLITE

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._given: dict[str, int] = {}  # the last id given out, by table

    async def fetch(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonTx`."""
        return self._db.execute(translated(sql), args).fetchall()

    async def execute(self, sql: str, *args: Any) -> int:
        """See `CommonTx`."""
        return self._db.execute(translated(sql), args).rowcount

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CommonTx`."""
        self._db.executemany(translated(sql), rows)

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Rows are never deleted, and nobody else writes: the largest id and one is free."""
        if kind not in ("orders", "order_item", "fulfillment_request", "fulfillment_request_line", "token"):
            raise ValueError(kind)
        last = self._given.get(kind)
        if last is None:
            last = self._db.execute(f"SELECT coalesce(max(id), 0) FROM {kind}").fetchone()[0]
        self._given[kind] = last + count
        return list(range(last + 1, last + 1 + count))

    async def move_alone(self, move: LoneMove) -> None:
        """There is no cheaper form here: a statement costs no round trip."""
        return None

    async def load(self, asks: Sequence[Ask], keys: Sequence[IdempotencyKey], accounts: Sequence[int]) -> Loaded:
        """See `ports.Tx`. The database is locked as a whole."""
        one = self._db.execute
        states: list[State | None] = []
        by_id = translated(requests.STATE_BY_ID)
        for ask in asks:
            row = one(by_id, (ask.request_id, *ask.scope)).fetchone()
            states.append(State._make(row) if row else None)
        loaded = Loaded(states, {}, {}, {}, {}, [self._key(key) for key in keys], {})
        for account in accounts:
            loaded.counters[account] = Clocked(*one(translated(writing.COUNTER), (account,)).fetchone())
        seen = [(ask, state) for ask, state in zip(asks, states, strict=True) if state is not None]
        batch = sorted({state.id for _, state in seen})
        for ask, state in seen:
            self._complete(ask, state, batch, loaded)
        for _, state in seen:
            # The roll-up of an order needs the lines of all its requests in the batch, whatever is asked of them.
            if state.order_id in loaded.orders:
                self._load_lines(state.id, loaded)
        return loaded

    def _key(self, key: IdempotencyKey) -> KeyRow | None:
        row = self._db.execute(translated(writing.KEY), (key.family, key.key)).fetchone()
        return KeyRow._make(row) if row else None

    def _complete(self, ask: Ask, state: State, batch: list[int], loaded: Loaded) -> None:
        one = self._db.execute
        if ask.whole and state.id not in loaded.particulars:
            row = one(translated(requests.PARTICULARS_OF), (state.id,)).fetchone()
            loaded.particulars[state.id] = Particulars._make(row)
            self._load_lines(state.id, loaded)
        if ask.with_order and state.order_id not in loaded.orders:
            loaded.orders[state.order_id] = self._order(state.order_id, batch)
        if ask.with_cause and state.id not in loaded.causes:
            loaded.causes[state.id] = Cause._make(one(translated(requests.CAUSE_OF), (state.id,)).fetchone())

    def _load_lines(self, request_id: int, loaded: Loaded) -> None:
        if request_id not in loaded.lines:
            found = self._db.execute(translated(requests.LINES_OF), (request_id,)).fetchall()
            loaded.lines[request_id] = tuple(map(Line._make, found))

    def _order(self, order_id: int, batch: list[int]) -> OrderParts:
        one = self._db.execute
        order = Order._make(one(translated(requests.ORDER_BY_ID), (order_id,)).fetchone())
        items = one(translated(requests.ITEMS_OF), (order_id,)).fetchall()
        sums = one(_SUMS_OUTSIDE, (SQLITE.array([order_id]), SQLITE.array(batch))).fetchall()
        return OrderParts(order, tuple(map(OrderItem._make, items)), {row[1]: LineSums(*row[2:]) for row in sums})

    async def write(self, changes: Changes) -> None:
        """See `ports.Tx`."""
        many = self._db.executemany
        rows = [(*writing.changed_values(now), was.id, was.status, was.version) for was, now in changes.states]
        if rows and many(translated(writing.UPDATE_STATE), rows).rowcount != len(rows):
            raise BadRow("a request changed between load and write, inside one transaction")
        if changes.lines:
            many(translated(writing.UPDATE_LINE), [(*writing.line_values(ln), ln.id) for ln in changes.lines])
        if changes.orders:
            await self.update_order_rollups(changes.orders, changes.items)
        if changes.keys:
            kept = [writing.key_values(kept, changes.at) for kept in changes.keys]
            if many(translated(writing.INSERT_KEY), kept).rowcount != len(kept):
                raise BadRow("an idempotency key was kept twice inside one transaction")
        if changes.events:
            await self.write_events(changes.events, changes.at)


class SqliteReads(CommonReads):
    """Look-ups on one connection in the loop's thread; slow queries on reader threads, interrupted in time.

    Locking the file for every look-up costs more than the look-up. So one snapshot serves all look-ups until
    this process commits, and never longer than `SNAPSHOT_S`: what another process writes is seen after that.
    """

    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        self._quick = connect(path, read_only=True)
        self._snapshot: asyncio.TimerHandle | None = None
        self._looks = -_FAR
        self._quick.set_progress_handler(self._look, _STEPS_PER_LOOK)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(READERS):
            self._idle.put(connect(path, read_only=True))

    async def quick(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonReads`."""
        try:
            if self._snapshot is None:
                self._quick.execute("BEGIN")
                self._snapshot = asyncio.get_running_loop().call_later(SNAPSHOT_S, self.refresh)
            return self._quick.execute(translated(sql), args).fetchall()
        except sqlite3.OperationalError as error:
            self.refresh()
            raise Unavailable("The database cannot be read now.") from error

    def refresh(self) -> None:
        """Let the snapshot go: the next look-up sees what has been committed since."""
        if self._snapshot is not None:
            self._snapshot.cancel()
            self._snapshot = None
            self._quick.execute("ROLLBACK")

    async def slow(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonReads`."""
        self._looks = 0
        try:
            return await self.quick(sql, *args)
        except Unavailable:
            if self._looks <= LOOKS_IN_LOOP:
                raise
        finally:
            self._looks = -_FAR
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, translated(sql), args)

    def _look(self) -> bool:
        """Called every so many steps of the look-up connection: whether the query is to be given up here."""
        self._looks += 1
        return self._looks > LOOKS_IN_LOOP

    def _read(self, sql: str, args: Sequence[Any]) -> Sequence[Sequence[Any]]:
        db = self._idle.get()
        deadline = time.monotonic() + READ_TIMEOUT_S
        db.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
        try:
            return db.execute(sql, args).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable("The query took too long: narrow its filters.", retry_after_s=1) from error
        finally:
            db.set_progress_handler(None, 0)
            self._idle.put(db)

    def close(self) -> None:
        """Wait for the readers, then close every connection."""
        self.refresh()
        self._readers.shutdown(wait=True)
        while not self._idle.empty():
            self._idle.get().close()
        self._quick.close()


class SqliteStore:
    """A SQLite database file; see `ports.Store`."""

    def __init__(self, path: Path, revision: str) -> None:
        self.path = path
        self._db = connect(path)
        self._turn = asyncio.Lock()
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._revision = revision
        self._usual_commit_s = COMMIT_IN_PLACE_S  # until it is known how fast this disk is
        self.reads = SqliteReads(path)

    async def write(self, work: Work[T]) -> T:
        """See `ports.Store`."""
        async with self._turn:
            await self._begin()
            tx = SqliteTx(self._db)
            try:
                result = await work(tx)
            except BaseException as error:
                self._roll_back()
                raise _translate(error) from error
            try:
                await self._commit(tx)
            finally:
                self.reads.refresh()
            return result

    async def _begin(self) -> None:
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                # Another process writes. Waiting inside SQLite would stop the loop, so wait outside.
                if time.monotonic() > deadline or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise Unavailable("The database cannot be written now.", retry_after_s=1) from error
                await asyncio.sleep(0.005)

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    async def _commit(self, tx: SqliteTx) -> None:
        """Commit, even if the caller is cancelled meanwhile; learn from the file what an error left open."""
        began = time.perf_counter()
        try:
            if self._usual_commit_s < COMMIT_IN_PLACE_S:
                self._db.commit()
            else:
                await self._commit_elsewhere()
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._roll_back()
                raise Unavailable("The database could not store the change.") from error
            if not self._is_stored(tx):
                raise Unavailable("It is not known whether the change was stored.", "unknown") from error

        finally:
            self._usual_commit_s += (time.perf_counter() - began - self._usual_commit_s) / 10

    async def _commit_elsewhere(self) -> None:
        job = asyncio.get_running_loop().run_in_executor(self._committer, self._db.commit)
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            await asyncio.wait([job])
            raise

    def _is_stored(self, tx: SqliteTx) -> bool:
        """After an error at commit that left no transaction: the batch's last event decides."""
        if tx.last_event is None:
            return False
        account_id, seq, call_id = tx.last_event
        sql = "SELECT request_id FROM event WHERE account_id = ? AND seq = ?"
        try:
            row = self._db.execute(sql, (account_id, seq)).fetchone()
        except sqlite3.Error:
            return False
        return row is not None and row[0] == call_id

    async def ready(self) -> str:
        """See `ports.Store`."""
        async with self._turn:
            await self._begin()
            self._db.execute("ROLLBACK")
        return self._revision

    async def close(self) -> None:
        """Wait for the writer, then close every connection."""
        async with self._turn:
            self._committer.shutdown(wait=True)
            self.reads.close()
            self._db.close()


_BAD_VALUES = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError)


def _translate(error: BaseException) -> BaseException:
    if isinstance(error, _BAD_VALUES):
        return BadRow(str(error))
    if isinstance(error, sqlite3.OperationalError):
        return Unavailable("The database could not store the change.")
    return error
