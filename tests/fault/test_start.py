"""Starting on a SQLite file: one server for each file, and everybody waits for who recovers it after a crash."""

import asyncio
import fcntl
import os
import signal
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fault.one_file import until
from tests.support.checking import findings
from tests.support.database import sqlite_path
from tests.support.filled import run_sql
from tests.support.process import ServerProcess, waypost
from waypost.storage import sqlite_file
from waypost.storage.location import Unreachable
from waypost.storage.migrations import HEAD
from waypost.storage.opening import open_store

ROUNDS = 3
LONG_WAL = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA wal_autocheckpoint = 0")
for n in range(60):
    db.execute("INSERT INTO account (company_name, created_at) VALUES (?, 1)", ("x" * 600_000,))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


async def _crash(path: Path) -> None:
    """Write 36 MB into the WAL, and die."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LONG_WAL, str(path))
    assert await process.wait() == -signal.SIGKILL
    assert path.with_name(f"{path.name}-wal").stat().st_size > 30_000_000


class Starting:
    """A `waypost` process that is not waited for; `says`: what it prints once it runs."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, says: str) -> None:
        self.process = process
        self._log = log
        self._says = says

    @property
    def text(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    @property
    def runs(self) -> bool:
        """Whether it has said that it runs."""
        return self._says in self.text

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process.returncode is not None


async def _start(log: Path, says: str, *arguments: str) -> Starting:
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "waypost", *arguments, stdout=file, stderr=file,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    return Starting(process, log, says)


async def test_after_a_crash_one_server_serves_the_other_is_refused_and_workers_wait(
    migrated_url: str, tmp_path: Path
) -> None:
    for turn in range(ROUNDS):
        await _crash(sqlite_path(migrated_url))
        servers = [
            await _start(tmp_path / f"s{place}", "listens on", "serve", "--database", migrated_url, "--port", "0")
            for place in range(2)
        ]
        workers = [
            await _start(tmp_path / f"w{place}", "hands requests", "worker", "--database", migrated_url)
            for place in range(2)
        ]

        async def settled(all_: list[Starting] = [*servers, *workers]) -> bool:  # noqa: B006 - of this turn
            return all(one.runs or one.ended for one in all_)

        try:
            await until(settled, 30, "all have started, or ended")
            (serving,) = (one for one in servers if one.runs)
            (refused,) = (one for one in servers if not one.runs)
            assert await refused.process.wait() == 1
            assert f"Process {serving.process.pid} serves or restores" in refused.text
            assert refused.text.count("\n") == 1
            assert all(worker.runs for worker in workers), [worker.text for worker in workers]
            assert await run_sql(migrated_url, "SELECT count(*) FROM account") == [(60 * (turn + 1),)]
        finally:
            for one in (*servers, *workers):
                if not one.ended:
                    one.process.send_signal(signal.SIGTERM)
                await one.process.wait()


async def test_a_second_server_is_refused_by_whatever_name_it_finds_the_file(
    migrated_url: str, tmp_path: Path
) -> None:
    path = sqlite_path(migrated_url)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    (tmp_path / "folder").symlink_to(path.parent)
    relative = os.path.relpath(path)  # noqa: ASYNC240 - it does not block
    urls = [migrated_url, *(f"sqlite:///{one}" for one in (link, tmp_path / "folder" / path.name, relative))]
    server = ServerProcess(f"sqlite:///{link}", tmp_path / "log")
    await server.start()
    for url in urls:
        code, output = await waypost("serve", "--port", str(server.port), "--database", url)
        assert (code, output.count("\n")) == (1, 1), output
        assert f"Process {server.pid} serves or restores" in output
    lock = path.with_name(f".{path.name}.serve.lock")
    assert lock.stat().st_mode & 0o777 == 0o600
    await server.kill()
    assert lock.exists()  # it says who served last; the lock itself ended with the process
    await server.start()
    assert lock.read_text() == f"{server.pid}\n"
    assert await server.stop() == 0


async def test_commands_and_workers_run_beside_a_server(migrated_url: str, tmp_path: Path) -> None:
    async with ServerProcess(migrated_url, tmp_path / "log"):
        worker = await _start(tmp_path / "w", "hands requests", "worker", "--database", migrated_url)

        async def runs() -> bool:
            return worker.runs or worker.ended

        await until(runs, 30, "the worker runs")
        assert worker.runs
        assert (await waypost("account", "create", "Ours", "--database", migrated_url))[0] == 0
        worker.process.send_signal(signal.SIGTERM)
        assert await worker.process.wait() == 0
    assert await findings(migrated_url) == []


def _flock(kind: int, first: int, count: int) -> bytes:
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, first, count, 0)


@contextmanager
def _recovering(path: Path) -> Iterator[Callable[[], object]]:
    """Another process recovers the WAL: it holds the locks of that (bytes 120 to 122 of the WAL's index)."""
    with open(path, "rb") as file, open(f"{path}-shm", "w+b") as index:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, 0x40000002, 510))  # it has the database open
        index.truncate(32768)
        fcntl.fcntl(index, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, 120, 3))
        fcntl.fcntl(index, fcntl.F_OFD_SETLK, _flock(fcntl.F_RDLCK, 128, 1))  # "I use the index": it is not made anew
        yield lambda: fcntl.fcntl(index, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, 120, 3))


@contextmanager
def _closing(path: Path) -> Iterator[Callable[[], object]]:
    """Another process has the file for itself, as the last one to close it does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE alembic_version SET version_num = version_num")
        yield db.close


@contextmanager
def _without_wal(path: Path) -> Iterator[Callable[[], object]]:
    """The file is not in WAL mode yet, as after a restore, and another process reads it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("BEGIN")
        db.execute("SELECT * FROM alembic_version").fetchall()
        yield db.close


@pytest.mark.parametrize("held", [_recovering, _closing, _without_wal])
async def test_a_store_waits_when_it_is_opened_until_the_other_process_is_done(
    held: Callable[[Path], AbstractContextManager[Callable[[], object]]], migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sqlite_path(migrated_url)
    store = await open_store(migrated_url)  # so that what the file holds is known: only opening is looked at
    await store.close()
    waits = 0

    def nobody(*_: object) -> str:
        return store._revision  # type: ignore[attr-defined, no-any-return]

    with held(path) as release:

        def sleep(_: float) -> None:
            nonlocal waits
            waits += 1
            if waits == 3:
                release()

        monkeypatch.setattr("waypost.storage.opening.examine_sqlite", nobody)
        monkeypatch.setattr(sqlite_file, "time", SimpleNamespace(monotonic=sqlite_file.time.monotonic, sleep=sleep))
        again = await open_store(migrated_url)
        assert waits >= 3
    monkeypatch.undo()
    assert await again.ready()
    await again.close()


async def test_a_store_does_not_wait_for_ever(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "OPEN_WAIT_S", 0.1)
    monkeypatch.setattr("waypost.storage.opening.examine_sqlite", lambda *_: HEAD)
    with _closing(sqlite_path(migrated_url)), pytest.raises(Unreachable, match="database is locked"):
        await open_store(migrated_url)
