"""The files of a SQLite database on their disk: still in their place, the room that is left, the size of the WAL."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from waypost.domain.refusals import Unavailable
from waypost.storage.faults import DISK_FULL
from waypost.storage.sqlite_connections import opened
from waypost.storage.sqlite_file import LOG_KEPT, connect

_MAGIC = b"SQLite format 3\0"
_IN_WAL_MODE = b"\2\2"  # the 19th and 20th byte of the file
_MOVED = (
    "the database file was moved, removed or replaced: put it back before you stop Waypost, or, if it has gone, stop "
    "Waypost and restore a backup"
)
_START_ANEW = "stop Waypost with SIGTERM, which saves what the WAL holds, then start it again"
LEAST_FREE = 64 * 1024  # bytes on the disk; a change needs a few pages of 4 KiB in the WAL


class DatabaseFile:
    """The database, its WAL and its -shm as they were when opened. Others in their place are another database.

    An open connection would go on with the old ones, and lose what it writes. The locks of a database in WAL mode are
    on its -shm: a process that makes a new one shares no locks with those that hold the old one.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._log_path = f"{path.resolve()}-wal"
        self._locks_path = f"{path.resolve()}-shm"
        self._was = _identity(self._path)
        self._log_was: tuple[int, int] | None = None
        self._locks_were: tuple[int, int] | None = None
        self._locks_lost = False
        # Kept open until SQLite has closed the file: closing any handle on it drops the locks that SQLite holds.
        self._handle = os.open(path, os.O_RDONLY) if self._was else -1
        self._written_at = 0
        self._change = 0

    def log_opened(self) -> None:
        """Remember the WAL and the -shm. Nobody removes them rightly while a connection has them open."""
        self._log_was = _identity(self._log_path)
        self._locks_were = _identity(self._locks_path)
        # Opened and not there: this process still holds one that was removed.
        self._locks_lost = self._locks_lost or self._locks_were is None

    def log_closed(self) -> None:
        """Forget them: the last connection that is closed, whoever's that is, removes both."""
        self._log_was = self._locks_were = None

    def fault(self) -> str | None:
        """What is wrong with the files and what to do; None if they are in their place."""
        if _identity(self._path) != self._was or self._handle < 0:
            return _MOVED
        if self._lost_locks():
            return f"the database's -shm file was removed: {_START_ANEW}"
        if self._log_was is not None and _identity(self._log_path) != self._log_was:
            return f"the database's WAL was removed: {_START_ANEW}"
        if self._is_overwritten():
            return "another program wrote to the database file: stop Waypost, and restore a backup"
        return None

    def _lost_locks(self) -> bool:
        """Whether the -shm was removed. It stays so until a restart: connections that stay open hold the old one."""
        if self._locks_were is not None and _identity(self._locks_path) != self._locks_were:
            self._locks_lost = True
        return self._locks_lost

    @property
    def leaves_log(self) -> bool:
        """Whether the last connection of this process must not write the WAL to the database when it closes.

        Without common locks that could overwrite what another process has stored meanwhile. Whoever opens the database
        next reads the WAL in its place. If nobody has one there, only that last connection can save what it held.
        """
        return self._lost_locks() and any(_identity(path) for path in (self._log_path, self._locks_path))

    def _is_overwritten(self) -> bool:
        """Whether something else than a checkpoint wrote to the file, such as a backup that was copied over it.

        A checkpoint leaves a header that says WAL, and a change counter that never goes back.
        """
        written_at = os.fstat(self._handle).st_mtime_ns
        if written_at == self._written_at:
            return False
        header = os.pread(self._handle, 100, 0)
        change = int.from_bytes(header[24:28], "big")
        if not header.startswith(_MAGIC) or header[18:20] != _IN_WAL_MODE or change < self._change:
            return True
        self._written_at, self._change = written_at, change
        return False

    def flush(self) -> None:
        """Wait until all that was written to the database file is on the disk. Blocks: call it in a thread."""
        if self._handle >= 0:
            os.fsync(self._handle)

    def close(self) -> None:
        """Call it after the last connection is closed."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def require_room(path: Path) -> None:
    """Raise `Unavailable` if the disk of a database has less than 64 KiB left for this process."""
    try:
        disk = os.statvfs(path.parent)
    except OSError:
        return  # whatever is wrong is found by writing
    free = disk.f_frsize * (disk.f_bavail if os.geteuid() else disk.f_bfree)
    if disk.f_blocks and free < LEAST_FREE:
        raise Unavailable(f"{DISK_FULL} {free // 1024} KiB are left, {LEAST_FREE // 1024} are needed.", retry_after_s=1)


def log_is_long(path: Path) -> bool:
    """Whether the WAL takes more of the disk than it should keep."""
    try:
        return os.stat(f"{path.resolve()}-wal").st_size > LOG_KEPT
    except OSError:
        return False


def checkpoint(path: Path, mode: str) -> None:
    """Write the WAL's pages to the database: PASSIVE, while others write; or TRUNCATE, which cuts the WAL to nothing.

    Does what it can at once, and waits for nobody. Blocks for as long as the disk takes: call it in a thread.
    """
    with closing(connect(path)) as db:
        db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()


def connect_to_leave(path: Path) -> sqlite3.Connection:
    """A connection that leaves the WAL as it is, if it is the last one to close: its file is open for reading only."""
    db = opened(path, "ro")
    db.execute("SELECT 1 FROM sqlite_master").fetchone()  # only now is the file open
    return db


def touch(db: sqlite3.Connection) -> None:
    """Change a page of the file, in the transaction that is open, and nothing that anybody reads."""
    (number,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {(number + 1) % 2**31}")
