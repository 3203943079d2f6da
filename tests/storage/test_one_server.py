"""The lock of the process that serves a SQLite file: who looks at it hurts nobody, and what it says is so."""

import os
import threading
import time
from pathlib import Path

import pytest

from waypost.storage import one_server
from waypost.storage.file_locks import is_taken, take
from waypost.storage.location import AlreadyServed, Unreachable
from waypost.storage.one_server import held_by_this_process, refuse_moved


def test_who_only_looks_keeps_no_server_from_starting(tmp_path: Path) -> None:
    lock = tmp_path / ".a.db.serve.lock"
    lock.touch()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            is_taken(lock)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(500):
            with held_by_this_process(tmp_path / "a.db"):
                pass
    finally:
        over.set()
        looking.join()


def test_a_file_that_is_only_being_made_is_waited_for(tmp_path: Path) -> None:
    path, lock = tmp_path / "a.db", tmp_path / ".a.db.serve.lock"
    handle = take(lock)
    assert handle is not None
    making = threading.Timer(0.3, lambda: path.write_bytes(b"a database"))
    making.start()
    try:
        refuse_moved(path)
        assert path.exists()
    finally:
        making.join()
        os.close(handle)


def test_a_process_with_the_same_number_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two containers may each have a process 1."""
    monkeypatch.setattr(one_server, "MADE_WITHIN_S", 0.2)
    path, lock = tmp_path / "a.db", tmp_path / ".a.db.serve.lock"
    with held_by_this_process(path):
        refuse_moved(path)  # its own
    handle = take(lock)
    assert handle is not None
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    with pytest.raises(AlreadyServed, match=f"Process {os.getpid()} serves or restores"):
        refuse_moved(path)
    path.write_bytes(b"a database")
    refuse_moved(path)
    path.unlink()
    os.close(handle)
    began = time.monotonic()
    refuse_moved(path)  # the lock's file stays when its process has ended
    assert time.monotonic() - began < one_server.MADE_WITHIN_S


def test_a_lock_that_cannot_be_looked_at_is_no_free_one(tmp_path: Path) -> None:
    (tmp_path / ".a.db.serve.lock").symlink_to("elsewhere")
    with pytest.raises(Unreachable, match="Whether a process serves it cannot be found out"):
        refuse_moved(tmp_path / "a.db")
