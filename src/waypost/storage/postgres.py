"""The PostgreSQL driver: asyncpg, at most four round trips a batch (seven with idempotency keys), one
for a batch of one that is plain.

READ COMMITTED; every lock is taken in one message, in one global order, and everything is read in statements
after it. A commit whose connection is lost is looked up by its transaction id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import asyncpg

from waypost.app.ports import Durability, Work
from waypost.domain.refusals import LockHeld, Unavailable
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.postgres_connections import SETTINGS, judged, opened
from waypost.storage.postgres_faults import (
    CONNECT_TIMEOUT_S,
    FAULTS,
    LOST,
    WAITED,
    is_bad_value,
    other_schema,
    unavailable,
)
from waypost.storage.postgres_reads import BY_INDEX, PostgresReads
from waypost.storage.postgres_tx import PostgresTx
from waypost.storage.queries import postgres
from waypost.storage.readiness import check_ready, prove_writable, wrong_schema
from waypost.storage.sealing import SecretBox
from waypost.storage.server_clock import ServerClock
from waypost.storage.telling import Teller
from waypost.storage.waiting import Limits, Turn, finished

T = TypeVar("T")

# Every wait that holds the turn has a limit of this process: a server, or a wire, that hangs keeps none of its own.
COMMAND_TIMEOUT_S = 12.0  # one statement; the server's own limit comes first, unless the server hangs
WORK_S = 20.0  # all statements of a transaction
COMMIT_S = 5.0
ROLL_BACK_S = 2.0
LEARN_S = 5.0  # what became of a commit whose answer was lost
LEARN_PAUSE_S = 0.1  # between two looks
CLOSE_S = 1.0
_NOT_REACHED = "The database cannot be reached."
_STOPPING = "The server is stopping: the change was not stored. Send it again."
# How long a lock of somebody else is waited for. All other changes wait meanwhile: a batch that meets a lock runs again
# in parts, see `GroupWriter`.
_LOCK_MS = 250
_QUICK_LOCK_MS = 20  # two hubs at work hold the locks of an account for a few
_WRITER = {
    **BY_INDEX,
    "application_name": "waypost writer",
    "default_transaction_isolation": "read committed",
    "lock_timeout": str(_LOCK_MS),
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
}


class PostgresStore(Teller):
    """A PostgreSQL database; see `ports.Store`."""

    def __init__(self, url: str, revision: str, box: SecretBox) -> None:
        super().__init__()
        self._box = box
        self._url = url
        self._revision = revision
        self._db: asyncpg.Connection[asyncpg.Record] | None = None
        self._turn = Turn()
        self._given_up = False
        self._lock_ms = _LOCK_MS  # of the connection
        self._limits = Limits()  # of the waits for a connection
        self._clock = ServerClock()
        self.reads = PostgresReads(url, box)
        self.last_round_trips = 0

    async def write(self, work: Work[T], quick: bool = False) -> T:
        """See `ports.Store`."""
        async with self._turn:
            db = await self._connection()
            tx = PostgresTx(db, self._revision, self._box)
            async with self._outcome(tx), asyncio.timeout(WORK_S):
                await self._wait_for_locks(db, _QUICK_LOCK_MS if quick else _LOCK_MS)
                result = await work(tx)
                await tx.identify()
            if tx.begun:
                await self._commit(tx)
            self.last_round_trips = tx.round_trips
            self._tell(tx.told)
            return result

    async def _wait_for_locks(self, db: "asyncpg.Connection[asyncpg.Record]", ms: int) -> None:
        """Set how long; it stays so until it is set again."""
        if ms != self._lock_ms:
            await db.execute(f"SET lock_timeout = {ms}")
            self._lock_ms = ms

    async def _connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """The writing connection, complete: one on which a statement could not be prepared is never used."""
        if self._given_up:
            raise Unavailable(_STOPPING, retry_after_s=1)
        if self._db is None or self._db.is_closed():
            self._db = None
            try:
                async with self._limits.within(CONNECT_TIMEOUT_S):
                    self._db = await self._connected()
                    self._lock_ms = _LOCK_MS
            except asyncpg.LockNotAvailableError as error:  # on a table that a statement is prepared for
                raise LockHeld from error
            except FAULTS as error:
                raise unavailable(_NOT_REACHED, error) from error
        return self._db

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        db = await opened(
            self._url, _WRITER, CONNECT_TIMEOUT_S, statement_cache_size=256, command_timeout=COMMAND_TIMEOUT_S
        )
        try:
            for name, text in postgres.PREPARED.items():
                await db.execute(f"PREPARE {name}{text}")
        except BaseException:
            db.terminate()
            raise
        return db

    @asynccontextmanager
    async def _outcome(self, tx: PostgresTx) -> AsyncIterator[None]:
        """Translate what goes wrong before the commit: all of it is rolled back, but for a lost lone move."""
        try:
            yield
        except BaseException as error:
            conflict = isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError)
            failed = isinstance(error, FAULTS) and not conflict and not is_bad_value(error)
            left = not isinstance(error, Exception)  # its statement may still run, and a roll-back would wait for it
            if left or (failed and not isinstance(error, WAITED)):
                self._drop()  # what it was doing, and whether it can do anything else, is not known
            else:
                await self._roll_back(tx)
            if conflict:
                raise RolledBack(str(error)) from error
            found = other_schema(error)
            if found is not None:
                raise wrong_schema(found, self._revision) from error
            if isinstance(error, asyncpg.LockNotAvailableError):
                raise LockHeld from error
            if is_bad_value(error):
                raise BadRow(str(error)) from error
            if failed:
                in_doubt = tx.lone and isinstance(error, LOST) and not isinstance(error, WAITED)
                raise unavailable(_words(error), error, "unknown" if in_doubt else "no") from error
            raise

    async def _roll_back(self, tx: PostgresTx) -> None:
        """Undo what is open; a connection that cannot do so is closed, which undoes it, too."""
        if not tx.begun or self._db is None:
            return
        try:
            await self._db.execute("ROLLBACK", timeout=ROLL_BACK_S)
        except BaseException as error:
            self._drop()
            if not isinstance(error, Exception):
                raise

    async def _commit(self, tx: PostgresTx) -> None:
        """Commit, even if the caller is cancelled meanwhile; a lost answer is looked up."""
        db = self._db
        if db is None:
            raise Unavailable(_NOT_REACHED)
        tx.round_trips += 1
        try:
            tag = await finished(asyncio.ensure_future(db.execute("COMMIT", timeout=COMMIT_S)))
        except asyncio.CancelledError as cancelled:
            if cancelled.__cause__ is not None:
                self._drop()
            raise
        except asyncpg.SerializationError as error:
            raise RolledBack(str(error)) from error
        except FAULTS as error:
            await self._learn(tx, error)
        else:
            if tag == "ROLLBACK":
                raise Unavailable("The database could not store the change.")

    async def _learn(self, tx: PostgresTx, error: BaseException) -> None:
        """Whether a commit whose connection was lost took place; raises unless it did."""
        self._drop()
        if tx.xact_id is None:
            return  # it wrote nothing
        fate = await self._fate(tx.xact_id)
        if fate == "aborted":
            raise unavailable("The database could not store the change.", error) from error
        if fate != "committed":
            raise unavailable("It is not known whether the change was stored.", error, "unknown") from error

    async def _fate(self, xact_id: str) -> str | None:
        """`committed` or `aborted`; None: that could not be learned in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEARN_S):
                while not self._given_up:
                    try:
                        db = await self._connection()
                        fate: str = await db.fetchval("SELECT pg_xact_status($1::text::xid8)", xact_id)
                        if fate != "in progress":
                            return fate
                    except (Unavailable, *FAULTS):
                        self._drop()
                    await asyncio.sleep(LEARN_PAUSE_S)
        return None

    def _drop(self) -> None:
        """Close the connection, whatever state it is in. The server rolls back what it left open."""
        if self._db is not None:
            self._db.terminate()
            self._db = None

    async def ready(self) -> str:
        """See `ports.Store`."""
        await check_ready(self.reads, self.write(prove_writable), self._revision)
        return self._revision

    async def durability(self) -> Durability:
        """See `ports.Store`."""
        return judged(*(await self.reads.quick(SETTINGS))[0])

    def now(self) -> int:
        """See `ports.Store`."""
        return self._clock.now()

    async def keep_time(self) -> None:
        """See `ports.Store`."""
        await self._clock.read(self.reads.server_time)

    def give_up(self) -> None:
        """See `ports.Store`."""
        self._given_up = True
        self._limits.end()
        self._drop()
        self.reads.give_up()

    async def give_back_space(self) -> None:
        """See `ports.Store`: the server does that itself."""

    async def close(self) -> None:
        """Wait a moment for the writer, then close every connection."""
        with suppress(TimeoutError, Unavailable):
            async with asyncio.timeout(CLOSE_S), self._turn:
                if self._db is not None and not self._db.is_closed():
                    await self._db.close(timeout=CLOSE_S)
        self._drop()
        await self.reads.close()


def _words(error: BaseException) -> str:
    if isinstance(error, WAITED):
        return "The database did not make the change in time: another process may hold a lock."
    return _NOT_REACHED if isinstance(error, LOST) else "The database could not store the change."
