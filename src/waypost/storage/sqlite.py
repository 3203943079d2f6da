"""The SQLite driver: one file, WAL, one writing connection; a commit that was answered survives power loss.

Statements of a transaction run in the event loop's thread (they take microseconds, and a thread of their own
would fight for the interpreter with every row); only COMMIT, which waits for the disk, runs in another thread,
unless the disk is quick.
Reads by key run in the loop on a connection of their own, lists and counts on reader threads.
"""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from waypost.app.ports import Work
from waypost.domain.refusals import Unavailable
from waypost.storage.faults import BadRow
from waypost.storage.sqlite_file import connect
from waypost.storage.sqlite_reads import SqliteReads
from waypost.storage.sqlite_tx import SqliteTx
from waypost.storage.telling import Teller

T = TypeVar("T")

BUSY_S = 5.0  # how long a write waits for another process, such as the command line
# A disk that commits faster than this is waited for in the loop: to hand the commit to a thread and to hear from it
# would cost as much. A slower disk would hold every other call up, so there the thread waits.
COMMIT_IN_PLACE_S = 0.001


class SqliteStore(Teller):
    """A SQLite database file; see `ports.Store`."""

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__()
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
            self._tell(tx.told)
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
