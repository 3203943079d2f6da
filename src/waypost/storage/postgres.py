"""The PostgreSQL driver: asyncpg, at most four round trips a batch, one for a batch of one that is plain.

READ COMMITTED; every lock is taken in one message, in one global order, and everything is read in statements
after it. A commit whose connection is lost is looked up by its transaction id.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import msgspec

from waypost.app.actor import Scope
from waypost.app.commands import IdempotencyKey, KeyRow
from waypost.app.ports import Ask, Cause, Changes, Clocked, Loaded, LoneMove, LoneMoved, OrderParts, Work
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status
from waypost.storage.dialect import POSTGRES
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.queries import columns, postgres, writing
from waypost.storage.reading import CommonReads
from waypost.storage.transaction import CommonTx

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
LEARN_TRIES = 40  # looks at a commit whose answer was lost
LEARN_PAUSE_S = 0.1
READERS = 6
_WIDTH = columns.STATE_WIDTH
_WRITER = {
    "application_name": "waypost writer",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "lock_timeout": "5000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
}
_READER = {
    "application_name": "waypost reader",
    "default_transaction_read_only": "on",
    "statement_timeout": "5000",
}
# The driver reports a server that hangs up between two statements as a fault of its own (InternalClientError).
_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError,
         asyncpg.TooManyConnectionsError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError)  # fmt: skip
_decode_lines = msgspec.json.Decoder(list[Line]).decode
_decode_row = msgspec.json.Decoder(list[Any]).decode


def key_hash(key: IdempotencyKey) -> int:
    """The 64-bit number that this key is locked by."""
    digest = hashlib.blake2b(f"{key.family}:{key.key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class PostgresTx(CommonTx):
    """One transaction; it begins with its first statement."""

    dialect = POSTGRES

    def __init__(self, db: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._db = db
        self.begun = False
        self.lone = False
        self.xact_id: str | None = None
        self.round_trips = 0
        self._single_statements = False

    async def _begin(self) -> None:
        self._single_statements = True
        if not self.begun:
            self.begun = True
            self.round_trips += 1
            await self._db.execute("BEGIN")

    async def fetch(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonTx`."""
        await self._begin()
        self.round_trips += 1
        rows: list[Any] = await self._db.fetch(sql, *args)
        return rows

    async def execute(self, sql: str, *args: Any) -> int:
        """See `CommonTx`."""
        await self._begin()
        self.round_trips += 1
        status = await self._db.execute(sql, *args)
        return int(status.rsplit(" ", 1)[-1]) if status[-1:].isdigit() else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `CommonTx`."""
        listed = list(rows)
        if listed:
            await self._begin()
            self.round_trips += 1
            await self._db.executemany(sql, listed)

    async def identify(self) -> None:
        """Know the transaction's id before its commit, where single statements may have written something."""
        if self._single_statements and self.xact_id is None:
            self.round_trips += 1
            self.xact_id = await self._db.fetchval("SELECT pg_current_xact_id_if_assigned()::text")

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """From the table's sequence."""
        sql = f"SELECT nextval('{postgres.SEQUENCES[kind]}') FROM generate_series(1, $1)"
        return sorted(row[0] for row in await self.fetch(sql, count))

    async def insert_orders(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> set[int]:
        """See `ports.Tx`; one statement for all orders."""
        if not orders:
            return set()
        inserted = {row[0] for row in await self.fetch(postgres.INSERT_ORDERS, *map(list, zip(*orders, strict=True)))}
        await self.execute_many(writing.INSERT_ITEM, [item for item in items if item.order_id in inserted])
        return inserted

    async def move_alone(self, move: LoneMove) -> LoneMoved | None:
        """See `ports.Tx`: a single statement is a transaction of its own."""
        self.round_trips += 1
        self.lone = True
        rows = await self._db.fetch(
            postgres.LONE_MOVE, move.request_id, *move.scope, list(move.sources), move.to, move.event,
            move.actor_type, move.actor_id, move.actor_signature, move.call_id, move.code, move.reason,
            move.retryable, move.now, move.data, move.actor_name,
        )  # fmt: skip
        self.lone = bool(rows)
        return LoneMoved(Status(rows[0][0]), rows[0][1]) if rows else None

    async def load(self, asks: Sequence[Ask], keys: Sequence[IdempotencyKey], accounts: Sequence[int]) -> Loaded:
        """See `ports.Tx`: one trip to begin and lock, one to load."""
        ids = sorted({ask.request_id for ask in asks})
        with_orders = sorted({ask.request_id for ask in asks if ask.with_order})
        self.round_trips += 2
        begun, self.begun = self.begun, True
        await self._db.execute(postgres.begin_and_lock(ids, with_orders, list(accounts), not begun))
        asked = [
            [ask.request_id for ask in asks],
            [ask.scope.account_id for ask in asks],
            [ask.scope.source_id for ask in asks],
            [ask.scope.channel_id for ask in asks],
        ]
        if not asks or keys or any(ask.whole or ask.with_order or ask.with_cause for ask in asks):
            return await self._load_all(asks, asked, keys, accounts)
        loaded = Loaded([None] * len(asks), {}, {}, {}, {}, [], {})
        for row in await self._db.fetch(postgres.LOAD_STATES, *asked):
            state = State._make(row[3:])
            loaded.states[row[0] - 1] = state
            loaded.counters[state.account_id] = Clocked(row[1], row[2])
        return loaded

    async def _load_all(
        self, asks: Sequence[Ask], asked: list[Any], keys: Sequence[IdempotencyKey], accounts: Sequence[int]
    ) -> Loaded:
        def places(wanted: Callable[[Ask], bool]) -> list[int]:
            return [place for place, ask in enumerate(asks, 1) if wanted(ask)]

        rows = await self._db.fetch(
            postgres.LOAD_ALL, *asked, places(lambda a: a.whole), places(lambda a: a.with_order),
            places(lambda a: a.with_cause), [key.family for key in keys], [key.key for key in keys],
            [key_hash(key) for key in keys], list(accounts),
        )  # fmt: skip
        return _assemble([(row[0], row[1], _decode_row(row[2])) for row in rows], len(asks), len(keys))

    async def write(self, changes: Changes) -> None:
        """See `ports.Tx`: one trip."""
        parts = (changes.lines, changes.orders, changes.items, changes.keys, changes.states, changes.events)
        sql = postgres.write_batch(*(bool(part) for part in parts))
        rows, expected = _batch_rows(changes)
        args = [column for part in rows for column in map(list, zip(*part, strict=True))]
        self.round_trips += 1
        row = (await self._db.fetch(sql, *args))[0]
        self.xact_id = row[0]
        if list(row[1:]) != expected:
            # Under the locks only an idempotency key can be in the way: one that was kept between our look and
            # our lock. Run again, the batch sees it.
            raise RolledBack("a row was not as it was loaded")


def _batch_rows(changes: Changes) -> tuple[list[list[tuple[Any, ...]]], list[int]]:
    """The rows of each part, in the order of `postgres.write_batch`, and how many rows each must write."""
    counters: dict[int, int] = {}
    for event in changes.events:
        counters.setdefault(event.account_id, event.seq - 1)
    last = {event.account_id: event.seq for event in changes.events}
    states = [(w.id, w.status, w.version, *writing.changed_values(n)) for w, n in changes.states]
    lines = [(line.id, *writing.line_values(line)) for line in changes.lines]
    items = [(item.id, *writing.item_values(item)) for item in changes.items]
    rollups = [(o.id, o.acknowledged_status, o.shipped_status, o.updated_at) for o in changes.orders]
    moves = [(account, was, last[account], changes.at) for account, was in counters.items()]
    keys = [writing.key_values(kept, changes.at) for kept in changes.keys]
    parts: list[list[tuple[Any, ...]]] = [states, lines, items, rollups, moves, [*changes.events], keys]
    present = [part for part in parts if part]
    return present, [len(part) for part in present]


def _assemble(rows: list[tuple[str, int, list[Any]]], asks: int, keys: int) -> Loaded:
    """What `LOAD_ALL` found, by kind."""
    found: dict[str, list[tuple[int, list[Any]]]] = {}
    for kind, id_, row in rows:
        found.setdefault(kind, []).append((id_, row))
    loaded = Loaded([None] * asks, {}, {}, {}, {}, [None] * keys, {})
    for place, row in found.get("state", ()):
        loaded.states[place - 1] = State._make(row)
    for id_, row in found.get("particulars", ()):
        loaded.particulars[id_] = Particulars._make(row)
        loaded.lines[id_] = ()
    for id_, row in sorted(found.get("line", ()), key=lambda entry: entry[1][2]):
        loaded.lines[id_] = (*loaded.lines.get(id_, ()), Line._make(row))
    for account, row in found.get("counter", ()):
        loaded.counters[account] = Clocked(*row)
    for id_, row in found.get("cause", ()):
        loaded.causes[id_] = Cause._make(row)
    for id_, row in found.get("order", ()):
        items = sorted((OrderItem._make(r) for i, r in found.get("item", ()) if i == id_), key=lambda o: o.line_number)
        sums = {r[0]: LineSums(*r[1:]) for i, r in found.get("sum", ()) if i == id_}
        loaded.orders[id_] = OrderParts(Order._make(row), tuple(items), sums)
    for place, (locked, operation, fingerprint, outcome) in found.get("key", ()):
        kept = None if operation is None else KeyRow(operation, bytes.fromhex(fingerprint), outcome)
        loaded.keys[place - 1] = kept if locked or kept else False
    return loaded


class _Reader(asyncpg.Connection):
    """A reading connection: it never holds anything that would have to be reset."""

    def get_reset_query(self) -> str:
        """Nothing to reset: saves a round trip per read."""
        return ""


class PostgresReads(CommonReads):
    """Reads from a pool of read-only connections."""

    dialect = POSTGRES

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()

    async def _open(self) -> "asyncpg.Pool[Any]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url, min_size=1, max_size=READERS, server_settings=_READER, connection_class=_Reader,
                    timeout=CONNECT_TIMEOUT_S, command_timeout=10,
                )  # fmt: skip
            return self._pool

    async def quick(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonReads`."""
        try:
            pool = self._pool or await self._open()
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as db:
                rows: Sequence[Sequence[Any]] = await db.fetch(sql, *args)
                return rows
        except asyncpg.QueryCanceledError as error:
            raise Unavailable("The query took too long: narrow its filters.", retry_after_s=1) from error
        except _LOST as error:
            raise Unavailable("The database cannot be read now.", retry_after_s=1) from error

    slow = quick

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None:
        """One request with its lines, in one trip."""
        rows = await self.quick(postgres.STATE_BY_ID_WITH_LINES, request_id, *scope)
        if not rows:
            return None
        row = rows[0]
        lines = tuple(_decode_lines(row[-1])) if row[-1] else ()
        return FulfillmentRequest(State._make(row[:_WIDTH]), Particulars._make(row[_WIDTH:-1]), lines)

    async def close(self) -> None:
        """Close the pool."""
        if self._pool is not None:
            await self._pool.close()


class PostgresStore:
    """A PostgreSQL database; see `ports.Store`."""

    def __init__(self, url: str, revision: str) -> None:
        self._url = url
        self._revision = revision
        self._db: asyncpg.Connection[asyncpg.Record] | None = None
        self._turn = asyncio.Lock()
        self.reads = PostgresReads(url)
        self.last_round_trips = 0

    async def write(self, work: Work[T]) -> T:
        """See `ports.Store`."""
        async with self._turn:
            tx = PostgresTx(await self._connection())
            async with self._outcome(tx):
                result = await work(tx)
                await tx.identify()
            if tx.begun:
                await self._commit(tx)
            self.last_round_trips = tx.round_trips
            return result

    async def _connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._db is None or self._db.is_closed():
            try:
                self._db = await asyncpg.connect(
                    self._url, server_settings=_WRITER, timeout=CONNECT_TIMEOUT_S, statement_cache_size=256
                )
                for name, text in postgres.PREPARED.items():
                    await self._db.execute(f"PREPARE {name}{text}")
            except (*_LOST, asyncpg.PostgresError) as error:
                raise Unavailable("The database cannot be reached.", retry_after_s=1) from error
        return self._db

    @asynccontextmanager
    async def _outcome(self, tx: PostgresTx) -> AsyncIterator[None]:
        """Translate what goes wrong before the commit: all of it is rolled back, but for a lost lone move."""
        try:
            yield
        except BaseException as error:
            await self._roll_back(tx)
            if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
                raise RolledBack(str(error)) from error
            if isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError | OverflowError):
                raise BadRow(str(error)) from error
            if isinstance(error, (*_LOST, asyncpg.PostgresError)):
                in_doubt = tx.lone and isinstance(error, _LOST)
                raise Unavailable(
                    "The database cannot be reached.", "unknown" if in_doubt else "no", retry_after_s=1
                ) from error
            raise

    async def _roll_back(self, tx: PostgresTx) -> None:
        if tx.begun and self._db is not None and not self._db.is_closed():
            try:
                await self._db.execute("ROLLBACK")
            except Exception:
                self._db.terminate()
        elif self._db is not None and (tx.lone or self._db.is_closed()):
            self._db.terminate()
            self._db = None

    async def _commit(self, tx: PostgresTx) -> None:
        """Commit, even if the caller is cancelled meanwhile; a lost answer is looked up."""
        db = self._db
        if db is None:
            raise Unavailable("The database cannot be reached.")
        tx.round_trips += 1
        job = asyncio.ensure_future(db.execute("COMMIT"))
        try:
            tag = await asyncio.shield(job)
        except asyncio.CancelledError:
            await asyncio.wait([job])
            raise
        except asyncpg.SerializationError as error:
            raise RolledBack(str(error)) from error
        except (*_LOST, asyncpg.PostgresError) as error:
            await self._learn(tx, error)
        else:
            if tag == "ROLLBACK":
                raise Unavailable("The database could not store the change.")

    async def _learn(self, tx: PostgresTx, error: BaseException) -> None:
        """Whether a commit whose connection was lost took place; raises unless it did."""
        self._drop()
        if tx.xact_id is None:
            return  # it wrote nothing
        for _ in range(LEARN_TRIES):
            try:
                db = await self._connection()
                status = await db.fetchval("SELECT pg_xact_status($1::text::xid8)", tx.xact_id)
            except (Unavailable, *_LOST, asyncpg.PostgresError):
                self._drop()
                status = "in progress"
            if status == "committed":
                return
            if status == "aborted":
                raise Unavailable("The database could not store the change.", retry_after_s=1) from error
            await asyncio.sleep(LEARN_PAUSE_S)
        raise Unavailable("It is not known whether the change was stored.", "unknown") from error

    def _drop(self) -> None:
        if self._db is not None:
            self._db.terminate()
            self._db = None

    async def ready(self) -> str:
        """See `ports.Store`."""
        async with self._turn:
            db = await self._connection()
            try:
                revision = await db.fetchval("SELECT version_num FROM alembic_version")
                if await db.fetchval("SHOW transaction_read_only") == "on":
                    raise Unavailable("The database is read-only.")
            except (*_LOST, asyncpg.PostgresError) as error:
                self._drop()
                raise Unavailable("The database cannot be reached.", retry_after_s=1) from error
        if revision != self._revision:
            raise Unavailable("The database has another schema than this program.")
        return self._revision

    async def close(self) -> None:
        """Wait for the writer, then close every connection."""
        async with self._turn:
            if self._db is not None and not self._db.is_closed():
                await self._db.close()
            await self.reads.close()
