"""One server for each SQLite file: `serve` and `restore` hold a lock beside it; workers and other commands do not.

The lock goes by the name of the file: a hard link to it is another file to it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from waypost.storage.copying import remove_left_over
from waypost.storage.examining import holds_sqlite
from waypost.storage.file_locks import is_taken, take
from waypost.storage.location import AlreadyServed, SqliteLocation, Unreachable, parse_url

PID_WITHIN_S = 1.0  # between taking the lock and writing who took it
MADE_WITHIN_S = 5.0  # between taking the lock and making the database
LOOK_AGAIN_S = 0.1
LOOKS_WITHIN_S = 0.2  # for which somebody may hold the lock only to look whether it is taken

_held: set[Path] = set()  # the locks of this process


@contextmanager
def one_server(url: str) -> Iterator[None]:
    """Serve a database alone, as far as its engine asks for that; raises `CannotOpen`.

    Removes unfinished copies that killed processes left beside a SQLite file.
    """
    location = parse_url(url)
    if not isinstance(location, SqliteLocation):
        yield
        return
    refuse_moved(location.path)
    holds_sqlite(location.path)  # no lock is put beside a file that is not ours
    with held_by_this_process(location.path):
        remove_left_over(location.path.resolve())
        yield


def refuse_moved(path: Path) -> None:
    """Raise `AlreadyServed` for a file that is gone while another process serves it: nothing may take its place."""
    lock = _lock_of(path)
    deadline = time.monotonic() + MADE_WITHIN_S
    while lock not in _held and not _has_content(path) and _is_taken(lock):
        if time.monotonic() > deadline:
            raise AlreadyServed(
                f"Process {_holder(lock)} serves or restores {path}, and that file is missing or empty. If it was "
                "moved, put it back before you stop that process."
            )
        time.sleep(LOOK_AGAIN_S)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _is_taken(lock: Path) -> bool:
    try:
        return is_taken(lock)
    except OSError as error:
        raise Unreachable(f"Whether a process serves it cannot be found out ({lock}: {error.strerror}).") from error


@contextmanager
def held_by_this_process(path: Path) -> Iterator[None]:
    """Hold the server's lock of a SQLite file, which need not exist; `AlreadyServed` names the process that has it.

    The lock's file stays: removing it would let two processes hold a lock of the same name.
    """
    lock = _lock_of(path)
    try:
        handle = _taken(lock)
    except OSError as error:
        words = "the server's lock cannot be made or taken there"
        raise Unreachable(f"{lock.parent} cannot be used: {words} ({lock.name}: {error.strerror}).") from error
    if handle is None:
        raise AlreadyServed(
            f"Process {_holder(lock)} serves or restores {path}: a SQLite database has one server, so stop that "
            "process first."
        )
    try:
        _belong_to_owner(handle, path.resolve())
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        _held.add(lock)
        yield
    finally:
        _held.discard(lock)
        os.close(handle)


def _taken(lock: Path) -> int | None:
    """As `take`; somebody who only looks whether it is taken holds it for a moment."""
    deadline = time.monotonic() + LOOKS_WITHIN_S
    while (handle := take(lock)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return handle


def _belong_to_owner(handle: int, path: Path) -> None:
    """A server of another user must be able to take the lock after an administrator's restore."""
    owner = (path if path.exists() else path.parent).stat()
    with suppress(PermissionError):
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _lock_of(path: Path) -> Path:
    """The same one, by whatever name or link the database is found. Hidden, so that `rm shop.db*` leaves it."""
    real = path.resolve()
    return real.with_name(f".{real.name}.serve.lock")


def _holder(lock: Path) -> str:
    """The process id that the lock's file holds, waiting a moment for one that has just taken it to say so."""
    deadline = time.monotonic() + PID_WITHIN_S
    while True:
        text = lock.read_text().strip()
        if (text.isdigit() and _runs(int(text))) or time.monotonic() > deadline:
            return text or "(unknown)"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # asks only
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
