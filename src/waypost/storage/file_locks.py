"""Locks that end with the process that holds them, each on a small file of its own beside what it protects.

On a file of their own, because SQLite locks the database file itself: closing another handle on that file would drop
SQLite's locks, and on network file systems both kinds of lock exclude each other.
"""

import fcntl
import os
from pathlib import Path


def take(path: Path) -> int | None:
    """A handle that holds the lock on `path` until it is closed; None while somebody else holds it.

    Makes the file, for its owner only, if it is missing. Raises `OSError` where it cannot be made or locked.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(handle, path):
                return handle
        except BlockingIOError:
            os.close(handle)
            return None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its holder removed the file before we had the lock: that lock protects nothing


def is_taken(path: Path) -> bool:
    """Whether a process holds the lock on `path` now, this one or another. Makes nothing; raises `OSError`."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
