"""Opens every connection to a SQLite file, so that a commit on any of them waits for the disk.

SQLite ignores a pragma that it does not accept. So each setting is read back, once per connection.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

FULL = 2  # PRAGMA synchronous: each commit is on the disk before it is answered
# On macOS, fsync alone leaves what was written in the disk's own memory. Other systems have no such difference.
_DURABLE = {"synchronous": FULL, "fullfsync": 1, "checkpoint_fullfsync": 1}


class NotAccepted(sqlite3.OperationalError):
    """SQLite does not work as the hub needs it: a commit could be lost."""


def opened(path: Path, mode: Literal["ro", "rw", "rwc"] = "rw", wait_s: float = 0.0) -> sqlite3.Connection:
    """A connection whose commits survive a power cut, in autocommit. `wait_s`: how long it may wait for a lock.

    `mode` as in a SQLite URI; only `rwc` makes a file that is missing. Raises `sqlite3.Error`, also for a file that is
    no database.
    """
    # The only place: see `banned-api` in pyproject.toml.
    db = sqlite3.connect(  # noqa: TID251
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False,
        timeout=wait_s, cached_statements=256,
    )  # fmt: skip
    try:
        adjust(db, _DURABLE)
    except BaseException:
        db.close()
        raise
    return db


def adjust(db: sqlite3.Connection, settings: Mapping[str, int]) -> None:
    """Set these pragmas; raises `NotAccepted` for one that does not stay."""
    for name, value in settings.items():
        db.execute(f"PRAGMA {name} = {value}")
        (found,) = db.execute(f"PRAGMA {name}").fetchone() or (None,)
        if found != value:
            raise NotAccepted(f"SQLite {sqlite3.sqlite_version} does not accept {name} = {value}: it keeps {found}")


def use_wal(db: sqlite3.Connection) -> None:
    """Bring the file into WAL mode, in which it stays. Raises `NotAccepted` where it cannot be."""
    (found,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if found != "wal":
        raise NotAccepted(
            f"SQLite cannot keep a WAL there (journal_mode = {found}): put the file on a local disk, whose file system "
            "lets processes share memory"
        )
