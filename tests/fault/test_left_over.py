"""What a kill or a long read leaves on the disk is given back: unfinished copies, and a WAL that grew."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.one_file import shop, until
from tests.fault.test_newer_schema import NEXT, STEPS, migrate_further
from tests.support.checking import findings
from tests.support.filled import fill
from tests.support.process import ServerProcess, waypost
from waypost.storage.copying import remove_left_over, verify, written_whole
from waypost.storage.sqlite_file import LOG_KEPT

# Stops in the middle of a copy, with its file and its journal there.
IN_A_COPY = """
import asyncio, pathlib, sys, time
from waypost.storage import backup, copying, opening
from waypost.storage.migrations import PLAN, Plan

def stop(path, expected):
    pathlib.Path(f"{path}-journal").touch()
    print("copying", flush=True)
    time.sleep(60)

copying.verify = stop
what, url, place, revision = sys.argv[1:]
clock = lambda: time.time_ns() // 1000
if what == "migrate":
    plan = Plan((*PLAN.revisions, revision), (*PLAN.folders, pathlib.Path(place)))
    asyncio.run(opening.migrate(url, plan, clock))
else:
    asyncio.run(backup.back_up(url, pathlib.Path(place), False, clock))
"""
LONG = 20 * 1024 * 1024  # bytes of a WAL that is too long to keep
STALL_S = 2.0  # at most, of a caller while the WAL is shortened


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


def unfinished(folder: Path) -> list[str]:
    """What there is of copies that are not done."""
    return sorted(file.name for file in folder.iterdir() if ".part" in file.name)


async def _stopped_in_a_copy(*arguments: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IN_A_COPY, *arguments, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"copying\n"
    return process


async def _kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.communicate()


def _versions(folder: Path) -> Path:
    versions = folder / "nothing-yet"
    versions.mkdir()
    return versions


@pytest.mark.parametrize("then", ["migrate", "serve", "backup", "restore"])
async def test_a_kill_in_a_migration_leaves_no_part_once_somebody_comes_by(then: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    killed = await _stopped_in_a_copy("migrate", url, str(_versions(tmp_path)), NEXT)
    assert len(unfinished(tmp_path)) == 3  # the copy, its journal, its lock
    await _kill(killed)
    assert len(unfinished(tmp_path)) == 3
    if then == "migrate":
        await migrate_further(url, tmp_path, STEPS["schema"])
    elif then == "serve":
        async with ServerProcess(url, tmp_path / "log"):
            assert unfinished(tmp_path) == []
    else:
        assert (await waypost("backup", str(tmp_path / "b.backup"), "--database", url))[0] == 0
        if then == "restore":
            killed = await _stopped_in_a_copy("migrate", url, str(tmp_path / "nothing-yet"), NEXT)
            await _kill(killed)
            assert (await waypost("restore", str(tmp_path / "b.backup"), "--force", "--database", url))[0] == 0
    assert unfinished(tmp_path) == []
    if then != "migrate":
        assert await findings(url) == []


async def test_a_kill_in_a_backup_leaves_no_part_after_the_next_one_of_any_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    (tmp_path / "backups").mkdir()
    await _kill(await _stopped_in_a_copy("back up", url, str(tmp_path / "backups" / "monday.db"), "-"))
    assert len(unfinished(tmp_path / "backups")) == 3
    assert (await waypost("backup", str(tmp_path / "backups" / "tuesday.db"), "--database", url))[0] == 0
    assert [file.name for file in (tmp_path / "backups").iterdir()] == ["tuesday.db"]


async def test_a_copy_that_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    copying = await _stopped_in_a_copy("back up", url, str(tmp_path / "all.backup"), "-")
    held = unfinished(tmp_path)
    for target in ("all.backup", "other.backup"):
        assert (await waypost("backup", str(tmp_path / target), "--database", url))[0] == 0
        assert unfinished(tmp_path) == held
    await _kill(copying)


def test_only_what_is_surely_ours_is_removed(tmp_path: Path) -> None:
    """An older version left no lock: then the name of the database decides."""
    ours = [".shop.db.0005.20260420T000000Z.backup.0a1b2c3d.part", ".shop.db.00000000.part"]
    others = [".film.0a1b2c3d.part", "shop.db.0a1b2c3d.part", ".shop.db.part", ".shop.db.0A1B2C3D.part", ".shop.db.x.partial"]
    for name in (*ours, *others):
        (tmp_path / name).touch()
    remove_left_over(tmp_path / "shop.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(others)


def test_a_file_that_is_written_whole_leaves_neither_lock_nor_part(tmp_path: Path) -> None:
    with written_whole(tmp_path / "all") as part:
        part.write_text("all")
        assert len(unfinished(tmp_path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["all"]


def _write_elsewhere(path: Path, bytes_: int) -> None:
    """Another process of this merchant's writes so much, while somebody reads."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
        for _ in range(bytes_ // 500_000):
            db.execute("INSERT INTO account (company_name, created_at) VALUES (?, 1)", ("x" * 500_000,))


@pytest.mark.parametrize("busy", [True, False])
async def test_the_wal_is_given_back_once_a_long_reader_has_left(busy: bool, tmp_path: Path) -> None:
    """Whether callers go on to change something or not; and they do not wait for it."""
    async with shop(tmp_path, tmp_path / "log", requests=2000) as one:
        wal = one.path.with_name("shop.db-wal")
        with closing(sqlite3.connect(one.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM event").fetchone()
            await asyncio.to_thread(_write_elsewhere, one.path, LONG)
            assert wal.stat().st_size > LONG
            assert await one.fail() == (204, None)
        slowest = 0.0

        async def short() -> bool:
            nonlocal slowest
            if busy:
                began = time.monotonic()
                assert await one.fail() == (204, None)
                slowest = max(slowest, time.monotonic() - began)
            return wal.stat().st_size <= LOG_KEPT

        await until(short, 15, "the WAL is short again")
        print(f"the slowest change took {slowest:.3f} s")
        assert slowest < STALL_S
    verify(one.path)
