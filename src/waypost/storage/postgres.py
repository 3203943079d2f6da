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
from waypost.storage.postgres_faults import CONNECT_TIMEOUT_S, LOST
from waypost.storage.postgres_reads import BY_INDEX, PostgresReads
from waypost.storage.postgres_tx import PostgresTx
from waypost.storage.queries import postgres
from waypost.storage.telling import Teller

T = TypeVar("T")

LEARN_TRIES = 40  # looks at a commit whose answer was lost
LEARN_PAUSE_S = 0.1
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
        if self._db is None or self._db.is_closed():
            try:
                self._db = await asyncpg.connect(
                    self._url, server_settings=_WRITER, timeout=CONNECT_TIMEOUT_S, statement_cache_size=256
                )
                for name, text in postgres.PREPARED.items():
                    await self._db.execute(f"PREPARE {name}{text}")
            except (*LOST, asyncpg.PostgresError) as error:
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
            if isinstance(error, (*LOST, asyncpg.PostgresError)):
                in_doubt = tx.lone and isinstance(error, LOST)
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
        except (*LOST, asyncpg.PostgresError) as error:
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
            except (Unavailable, *LOST, asyncpg.PostgresError):
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
            except (*LOST, asyncpg.PostgresError) as error:
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
