"""A SQLite file: how it is opened, how statements are spelled for it, and what its errors mean to callers."""

import logging
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from waypost.domain.refusals import Unavailable
from waypost.storage.location import Unreachable
from waypost.storage.sqlite_connections import adjust, opened, use_wal

# Errors that are caused neither by the caller's input nor by a value that we sent: the database fails.
FAULTS = (sqlite3.DatabaseError, MemoryError)
LOCK_WAIT_S = 30.0  # for another process, by what may take long itself
OPEN_WAIT_S = 5.0  # for another process, when a store is opened: it may be recovering the WAL after a crash
CHECKPOINT_PAGES = 1000  # in the WAL: the commit that reaches them writes them to the database
LOG_KEPT = 16 * 1024 * 1024  # bytes that the WAL may keep once nobody needs what is in it

T = TypeVar("T")

_log = logging.getLogger("waypost.database")


_PARAMETER = re.compile(r"\$(?=[0-9])")


@lru_cache(maxsize=1024)  # filters make statements, so callers can make many
def translated(sql: str) -> str:
    """`$n` parameters in SQLite's spelling. The `$[0]` of a JSON path stays."""
    return _PARAMETER.sub("?", sql)


def patiently(step: Callable[[], T], wait_s: float) -> T:
    """The result of `step`, which is tried again for so long while another process holds the file. Blocks.

    SQLite's own waiting is not enough: changing to WAL mode, and at times recovering a WAL, fail at once.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def connect(path: Path, read_only: bool = False, cache_kib: int = 16_000, busy_ms: int = 0) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on; `busy_ms`: how long it may wait for a lock.

    The file must exist: a database that was moved away is not replaced by an empty one.
    """
    db = opened(path, wait_s=busy_ms / 1000)
    try:
        use_wal(db)
        adjust(db, {"foreign_keys": 1})
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {LOG_KEPT}")
        db.execute(f"PRAGMA cache_size = -{cache_kib}")
        if read_only:
            adjust(db, {"query_only": 1})
    except BaseException:
        db.close()
        raise
    return db


def forget_statistics(path: Path) -> None:
    """Delete what somebody's ANALYZE has gathered, before any statement is planned; nothing where the file is in use.

    Statements name their indexes and need no statistics. Those of a young database would make SQLite read whole tables
    when they have grown, because they were small then.
    """
    with suppress(sqlite3.OperationalError), closing(connect(path, busy_ms=1000)) as db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone() is not None:
            db.execute("DELETE FROM sqlite_stat1")


def connect_patiently(path: Path) -> sqlite3.Connection:
    """A connection of a migration and its like, in WAL mode, which waits for others; makes the file if need be."""
    try:
        db = patiently(lambda: opened(path, "rwc", LOCK_WAIT_S), LOCK_WAIT_S)
        try:
            patiently(lambda: use_wal(db), LOCK_WAIT_S)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        if is_busy(error):
            raise Unreachable(f"{path} is held by another process.") from error
        raise
    return db


class RenewableConnection:
    """One connection, opened again at its next use after it was dropped.

    The first opening waits for other processes; later ones do not, as they happen in the event loop.
    """

    def __init__(self, opened: Callable[[], sqlite3.Connection]) -> None:
        self._opened = opened
        self._db: sqlite3.Connection | None = patiently(opened, OPEN_WAIT_S)

    @property
    def db(self) -> sqlite3.Connection:
        """The connection; raises `sqlite3.Error` when it cannot be opened again."""
        if self._db is None:
            self._db = self._opened()
        return self._db

    def drop(self) -> None:
        """Close the connection, whatever state it is in. SQLite rolls back what it left open."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()


class ReadingConnection(RenewableConnection):
    """A connection for reading that is never left in a transaction, nor used again after it may have been."""

    def fetch(
        self, sql: str, args: Sequence[Any], give_up: Callable[[], bool] | None = None, every_steps: int = 0
    ) -> list[Sequence[Any]]:
        """All rows. `give_up` is asked every so many steps of SQLite's machine; once true, the read is interrupted.

        Pass `give_up` on every call of a connection or on none: the handler stays set.
        """
        try:
            db = self._db or self.db
            if give_up is not None:
                db.set_progress_handler(give_up, every_steps)
            rows = db.execute(sql, args).fetchall()
            left_open = db.in_transaction
        except BaseException as error:
            if not (is_interrupted(error) or is_busy(error)):
                self.drop()
            raise
        if left_open:
            self.drop()
            raise sqlite3.OperationalError("a reading connection was left in a transaction")
        return rows


def _primary_code(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_interrupted(error: BaseException) -> bool:
    """Whether a progress handler ended the statement. That leaves nothing open outside a transaction."""
    return _primary_code(error) == sqlite3.SQLITE_INTERRUPT


def is_busy(error: BaseException) -> bool:
    """Whether another connection holds the file."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_full(error: BaseException) -> bool:
    """Whether the disk is full. SQLite has rolled back then."""
    return _primary_code(error) == sqlite3.SQLITE_FULL


def is_cut_short(error: BaseException) -> bool:
    """Whether a write into the WAL failed at commit: what says "committed" is written last, so it is not there."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_WRITE


def is_unsynced(error: BaseException) -> bool:
    """Whether the disk did not confirm what was written: what is read now may be gone after a power cut."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)


def unavailable(message: str, error: BaseException, applied: str = "no") -> Unavailable:
    """Log the cause; return the refusal for the caller."""
    _log.warning("%s Cause: %s: %s", message, type(error).__name__, error)
    return Unavailable(message, applied, retry_after_s=1)


