"""The SQLite driver: one file, WAL, one writing connection; a commit that was answered survives power loss.

Statements of a transaction run in the event loop's thread (they take microseconds, and a thread of their own
would fight for the interpreter with every row); only COMMIT, which waits for the disk, runs in another thread,
unless the disk is quick.
Reads by key run in the loop on a connection of their own, lists and counts on reader threads.
A writing connection that may have been left in a transaction is closed, and opened again by the next write.
"""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

from waypost.app.ports import Durability, Work
from waypost.domain.refusals import Unavailable
from waypost.storage.faults import DISK_FULL, BadRow
from waypost.storage.readiness import check_ready, prove_revision, prove_writable
from waypost.storage.sealing import SecretBox
from waypost.storage.sqlite_disk import DatabaseFile, checkpoint, connect_to_leave, log_is_long, require_room, touch
from waypost.storage.sqlite_file import (
    CHECKPOINT_PAGES,
    FAULTS,
    RenewableConnection,
    connect,
    is_busy,
    is_cut_short,
    is_full,
    is_unsynced,
    unavailable,
)
from waypost.storage.sqlite_reads import SqliteReads
from waypost.storage.sqlite_tx import SqliteTx
from waypost.storage.telling import Teller
from waypost.storage.waiting import Turn, finished

T = TypeVar("T")

BUSY_S = 5.0  # how long a write waits for another process, such as the command line
# A disk that commits faster than this is waited for in the loop: to hand the commit to a thread and to hear from it
# would cost as much. A slower disk would hold every other call up, so there the thread waits.
COMMIT_IN_PLACE_S = 0.001
_NOT_STORED = "The database could not store the change."
_UNWRITABLE = "The database cannot be written now."
_IN_DOUBT = "It is not known whether the change was stored."
_REVISION = "SELECT version_num FROM alembic_version"


class SqliteStore(Teller):
    """A SQLite database file; see `ports.Store`."""

    def __init__(self, path: Path, revision: str, box: SecretBox) -> None:
        super().__init__()
        self._box = box
        self.path = path
        self._file = DatabaseFile(path)
        self._writer = RenewableConnection(self._open_writer)
        self._turn = Turn()
        self._given_up = False
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._revision = revision
        self._usual_commit_s = COMMIT_IN_PLACE_S  # until it is known how fast this disk is
        self.reads = SqliteReads(path, box)

    async def write(self, work: Work[T], quick: bool = False) -> T:
        """See `ports.Store`."""
        async with self._turn:
            db = await self._begun()
            tx = SqliteTx(db, self._box)
            try:
                prove_revision(db.execute(_REVISION).fetchall(), self._revision)
                result = await work(tx)
            except BaseException as error:
                self._roll_back(db)
                raise _translated(error) from error
            await self._commit(db, tx)
            self._require_files(_IN_DOUBT, "unknown")  # the change may be in a file that nobody will find again
            self._tell(tx.told)
            return result

    def _open_writer(self) -> sqlite3.Connection:
        db = connect(self.path)
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()  # only now are its WAL and -shm open
        except BaseException:
            db.close()
            raise
        self._file.log_opened()
        return db

    def _drop_writer(self) -> None:
        self._writer.drop()
        self._file.log_closed()

    def _require_files(self, message: str, applied: str = "no") -> None:
        fault = self._file.fault()
        if fault is not None:
            raise unavailable(message, sqlite3.OperationalError(fault), applied)

    async def _begun(self) -> sqlite3.Connection:
        """The writing connection, in a transaction that holds the file's write lock."""
        deadline = time.monotonic() + BUSY_S
        while True:
            if self._given_up:
                raise Unavailable("The server is stopping: the change was not stored. Send it again.", retry_after_s=1)
            self._require_files(_UNWRITABLE)
            try:
                db = self._writer.db
                if db.in_transaction:  # BEGIN would only say that the database is locked, for ever
                    raise sqlite3.OperationalError("the writing connection was left in a transaction")
                db.execute("BEGIN IMMEDIATE")
                return db
            except FAULTS as error:
                # Another process writes. Waiting inside SQLite would stop the loop, so wait outside.
                if not is_busy(error):
                    self._drop_writer()
                if not is_busy(error) or time.monotonic() > deadline:
                    raise unavailable(_UNWRITABLE, error) from error
            await asyncio.sleep(0.005)

    def _roll_back(self, db: sqlite3.Connection) -> None:
        """Undo what is open; a connection that cannot do so is closed, which undoes it, too."""
        try:
            db.rollback()
            clean = not db.in_transaction
        except Exception:
            clean = False
        if not clean:
            self._drop_writer()

    async def _commit(self, db: sqlite3.Connection, tx: SqliteTx) -> None:
        """Commit, even if the caller is cancelled meanwhile; learn from the file what an error left open."""
        began = time.perf_counter()
        try:
            if self._usual_commit_s < COMMIT_IN_PLACE_S:
                db.commit()
            else:
                await finished(asyncio.get_running_loop().run_in_executor(self._committer, db.commit))
        except asyncio.CancelledError as cancelled:
            if cancelled.__cause__ is not None:
                self._drop_writer()
            raise
        except FAULTS as error:
            if self._is_open(db) or is_full(error):  # a full disk has no room for what would make it a commit
                self._roll_back(db)
                raise unavailable(_words(error), error) from error
            self._drop_writer()
            self._judge(tx, error)
        finally:
            self._usual_commit_s += (time.perf_counter() - began - self._usual_commit_s) / 10

    @staticmethod
    def _is_open(db: sqlite3.Connection) -> bool:
        """Whether the transaction is still open: then it is not stored."""
        try:
            return db.in_transaction
        except sqlite3.Error:
            return False  # the connection is closed

    def _judge(self, tx: SqliteTx, error: BaseException) -> None:
        """After an error at commit that left no transaction: return if the change is stored, else raise."""
        found = self._is_stored(tx)
        if found and not is_unsynced(error):
            return
        if is_cut_short(error) or (found is False and self._is_erased()):
            raise unavailable(_NOT_STORED, error) from error
        raise unavailable(_IN_DOUBT, error, "unknown") from error

    def _is_stored(self, tx: SqliteTx) -> bool | None:
        """Whether the batch's last event is there. None: it wrote none, or the file cannot be read."""
        if tx.last_event is None:
            return None
        account_id, seq, call_id = tx.last_event
        sql = "SELECT request_id FROM event WHERE account_id = ? AND seq = ?"
        try:
            row = self._writer.db.execute(sql, (account_id, seq)).fetchone()
        except FAULTS:
            self._drop_writer()
            return None
        return row is not None and row[0] == call_id

    def _is_erased(self) -> bool:
        """Write over what a commit that failed may have left in the WAL: recovery after a crash would believe it."""
        try:
            db = self._writer.db
            db.execute("BEGIN IMMEDIATE")
            touch(db)
            db.execute("COMMIT")
        except FAULTS:
            self._drop_writer()
            return False
        return True

    async def ready(self) -> str:
        """See `ports.Store`. The write is undone, and its pages go through the WAL and fsync all the same."""
        require_room(self.path)
        if fault := self._file.fault():
            raise unavailable(f"{_UNWRITABLE.rstrip('.')}: {fault}.", sqlite3.OperationalError(fault))
        await check_ready(self.reads, self.write(prove_writable), self._revision)
        return self._revision

    async def durability(self) -> Durability:
        """See `ports.Store`: a connection that would lose a commit is refused when it is opened."""
        return Durability()

    def now(self) -> int:
        """See `ports.Store`: all processes of a file share this machine's clock."""
        return time.time_ns() // 1000

    async def keep_time(self) -> None:
        """See `ports.Store`."""

    def give_up(self) -> None:
        """See `ports.Store`. A commit that waits for the disk cannot be called off."""
        self._given_up = True

    async def give_back_space(self) -> None:
        """See `ports.Store`. While the WAL is long, a thread checkpoints it, not commits: those would take long."""
        is_long = log_is_long(self.path) and self._file.fault() is None
        async with self._turn:
            self._writer.db.execute(f"PRAGMA wal_autocheckpoint = {0 if is_long else CHECKPOINT_PAGES}")
        if is_long:
            await asyncio.to_thread(checkpoint, self.path, "PASSIVE")
            await asyncio.to_thread(self._file.flush)  # or the next step would, as SQLite leaves it to a last one
            async with self._turn:  # what was written meanwhile is little
                await asyncio.to_thread(checkpoint, self.path, "TRUNCATE")

    async def close(self) -> None:
        """Wait for the writer, then close every connection."""
        async with self._turn:
            self._committer.shutdown(wait=True)
            with self._last_connection():
                self.reads.close()
                self._drop_writer()
            self._file.close()

    def _last_connection(self) -> AbstractContextManager[object]:
        """What is to be closed after all others."""
        if self._file.leaves_log:
            with suppress(sqlite3.Error):
                return closing(connect_to_leave(self.path))
        return nullcontext()


_BAD_VALUES = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, OverflowError, UnicodeEncodeError)


def _words(error: BaseException) -> str:
    return f"{DISK_FULL} The change was not stored." if is_full(error) else _NOT_STORED


def _translated(error: BaseException) -> BaseException:
    """What the caller of a write that was rolled back is told."""
    if isinstance(error, _BAD_VALUES):
        return BadRow(str(error))
    if isinstance(error, FAULTS):
        return unavailable(_words(error), error)
    return error
