"""A verified copy of a SQLite database: complete or not there at all, in one file that needs no other."""

import glob
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from waypost.private_files import PRIVATE
from waypost.storage.file_locks import take
from waypost.storage.sqlite_connections import opened


class CopyFailed(Exception):
    """The copy is not what it was made from, or could not be written; nothing was left behind."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


BUSY_S = 5.0  # how long a reader waits for a lock
BESIDE = ("-wal", "-shm", "-journal")  # files that belong to a SQLite database
_PART = re.compile(r"\.[0-9a-f]{8}\.part\Z")  # how the name of an unfinished copy ends

Counts = dict[str, int]
"""Rows by table."""


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection for looking only.

    With a WAL beside the file it is read-only, so that closing it cannot fold that WAL in; without one it is
    an ordinary connection, which takes its own traces with it when it is closed.
    """
    db = opened(path, "ro" if Path(f"{path}-wal").exists() else "rw", BUSY_S)
    db.execute("PRAGMA query_only = ON")
    return db


def tables_of(db: sqlite3.Connection) -> list[str]:
    """The names of all tables."""
    rows = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'")
    return sorted(row[0] for row in rows)


def counts_of(db: sqlite3.Connection) -> Counts:
    """How many rows each table has."""
    return {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables_of(db)}


def verify(path: Path, expected: Counts | None = None) -> Counts:
    """The rows of each table, once the file is found whole: pages, indexes, foreign keys, counts."""
    try:
        with closing(open_to_read(path)) as db:
            verdict = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise CopyFailed(f"{path} is damaged: {verdict}.")
            if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
                raise CopyFailed(f"{path} is damaged: a row refers to one that is not there.")
            counts = counts_of(db)
    except sqlite3.DatabaseError as error:
        raise CopyFailed(f"{path} is damaged, or no SQLite database: {error}.") from error
    if expected is not None and counts != expected:
        raise CopyFailed(f"{path} does not hold as many rows as what it was copied from.")
    return counts


@contextmanager
def written_whole(target: Path, exclusive: bool = False) -> Iterator[Path]:
    """A place to write a file that takes the name `target`, at once and durably, when all went well.

    `exclusive`: never in the place of another file. The place is locked meanwhile. What killed processes left in the
    same folder is removed first.
    """
    remove_left_over(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    lock = _held(_lock_of(part))
    try:
        # Only the owner may read it: it holds customers' addresses.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
        yield part
        _flush(part)
        if exclusive:
            _take_free_name(part, target)
        else:
            part.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise CopyFailed(f"{target} cannot be written: {error.strerror}.") from error
    except sqlite3.OperationalError as error:
        raise CopyFailed(f"{target} cannot be written: {error}.") from error
    finally:
        _remove(part)
        if lock is not None:
            os.close(lock)


def _take_free_name(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
        part.replace(target)


def remove_left_over(path: Path) -> None:
    """Remove unfinished copies that nobody writes any more, from the folder of `path`.

    Those of any name whose lock lies beside them, and those of `path` itself that an older version left without one.
    """
    folder = path.parent
    parts = {Path(str(lock).removesuffix("-lock")) for lock in folder.glob(".*.part-lock")}
    parts |= set(folder.glob(f".{glob.escape(path.name)}.*.part"))
    for part in parts:
        if _PART.search(part.name):
            with suppress(OSError):  # another user's, or locks do not work here: left alone
                lock = take(_lock_of(part))
                if lock is not None:
                    _remove(part)
                    os.close(lock)


def _lock_of(part: Path) -> Path:
    return Path(f"{part}-lock")


def _held(lock: Path) -> int | None:
    """The lock of a copy that is about to be written; None on a file system without locks."""
    with suppress(OSError):
        while (handle := take(lock)) is None:
            time.sleep(0.01)  # somebody looks whether it is left over
        return handle
    return None


def _remove(part: Path) -> None:
    """Remove an unfinished copy with what belongs to it. The lock last: it says that the rest is not left over."""
    for file in (*(Path(f"{part}{suffix}") for suffix in BESIDE), part, _lock_of(part)):
        file.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_open(db: sqlite3.Connection, target: Path) -> Counts:
    """Write the database of `db` to `target`, as of one moment, verified; others may write meanwhile."""
    with written_whole(target) as part:
        return copy_into(db, part)


def copy_into(db: sqlite3.Connection, part: Path) -> Counts:
    """As `copy_open`, to a place that is already safe."""
    began = not db.in_transaction
    if began:
        db.execute("BEGIN")
    try:
        # The counts open the snapshot that the backup then reads from.
        expected = counts_of(db)
        with closing(opened(part)) as copy:
            db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        if began:
            db.execute("ROLLBACK")
    return verify(part, expected)
