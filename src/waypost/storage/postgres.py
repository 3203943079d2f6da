"""The PostgreSQL driver: asyncpg, at most four round trips a batch, one for a batch of one that is plain.

READ COMMITTED; every lock is taken in one message, in one global order, and everything is read in statements
after it. A commit whose connection is lost is looked up by its transaction id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from waypost.app.ports import Work
from waypost.domain.refusals import Unavailable
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.postgres_faults import CONNECT_TIMEOUT_S, FAULTS, LOST, WAITED, is_bad_value, unavailable
from waypost.storage.postgres_reads import BY_INDEX, PostgresReads
from waypost.storage.postgres_tx import PostgresTx
from waypost.storage.queries import postgres
from waypost.storage.readiness import check_ready, prove_writable
from waypost.storage.telling import Teller
from waypost.storage.waiting import finished

T = TypeVar("T")

LEARN_TRIES = 40  # looks at a commit whose answer was lost
LEARN_PAUSE_S = 0.1
ROLL_BACK_S = 2.0
COMMAND_TIMEOUT_S = 12.0  # the server's own limit comes first, unless the server hangs
_NOT_REACHED = "The database cannot be reached."
_WRITER = {
    **BY_INDEX,
    "application_name": "waypost writer",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "lock_timeout": "5000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "30000",
}


class PostgresStore(Teller):
    """A PostgreSQL database; see `ports.Store`."""

    def __init__(self, url: str, revision: str) -> None:
        super().__init__()
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
            self._tell(tx.told)
            return result

    async def _connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """The writing connection, complete: one on which a statement could not be prepared is never used."""
        if self._db is None or self._db.is_closed():
            self._db = None
            try:
                self._db = await self._connected()
            except FAULTS as error:
                raise unavailable(_NOT_REACHED, error) from error
        return self._db

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        db = await asyncpg.connect(
            self._url, server_settings=_WRITER, timeout=CONNECT_TIMEOUT_S, statement_cache_size=256,
            command_timeout=COMMAND_TIMEOUT_S,
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
            if tx.lone or left or (failed and not isinstance(error, WAITED)):
                self._drop()  # what it was doing, and whether it can do anything else, is not known
            else:
                await self._roll_back(tx)
            if conflict:
                raise RolledBack(str(error)) from error
            if is_bad_value(error):
                raise BadRow(str(error)) from error
            if failed:
                in_doubt = tx.lone and isinstance(error, LOST)
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
            tag = await finished(asyncio.ensure_future(db.execute("COMMIT")))
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
        for _ in range(LEARN_TRIES):
            try:
                db = await self._connection()
                status = await db.fetchval("SELECT pg_xact_status($1::text::xid8)", tx.xact_id)
            except (Unavailable, *FAULTS):
                self._drop()
                status = "in progress"
            if status == "committed":
                return
            if status == "aborted":
                raise unavailable("The database could not store the change.", error) from error
            await asyncio.sleep(LEARN_PAUSE_S)
        raise unavailable("It is not known whether the change was stored.", error, "unknown") from error

    def _drop(self) -> None:
        """Close the connection, whatever state it is in. The server rolls back what it left open."""
        if self._db is not None:
            self._db.terminate()
            self._db = None

    async def ready(self) -> str:
        """See `ports.Store`."""
        await check_ready(self.reads.read_paths, self.write(prove_writable), self._revision)
        return self._revision

    async def give_back_space(self) -> None:
        """See `ports.Store`: the server does that itself."""

    async def close(self) -> None:
        """Wait for the writer, then close every connection."""
        async with self._turn:
            if self._db is not None and not self._db.is_closed():
                await self._db.close()
            await self.reads.close()


def _words(error: BaseException) -> str:
    if isinstance(error, WAITED):
        return "The database did not make the change in time: another process may hold a lock."
    return _NOT_REACHED if isinstance(error, LOST) else "The database could not store the change."
