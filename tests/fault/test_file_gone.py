"""The files of a SQLite database are removed or replaced under a server: nothing is answered as stored any more."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.one_file import READY_WITHIN_S, Shop, shop, until
from tests.support.checking import findings
from tests.support.commands import fail
from tests.support.database import sqlite_path
from tests.support.filled import run_sql
from tests.support.merchant import Merchant
from tests.support.process import waypost
from waypost.app.changes import Changer
from waypost.app.ports import Store
from waypost.domain.refusals import Unavailable

Fault = Callable[[Path], None]


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "sqlite"


def moved(path: Path) -> None:
    """`mv shop.db elsewhere`."""
    path.rename(path.with_name("away.db"))


def removed(path: Path) -> None:
    """`rm shop.db`."""
    path.unlink()


def removed_with_all(path: Path) -> None:
    """`rm shop.db*`."""
    for file in path.parent.glob("shop.db*"):
        file.unlink()


def wal_removed(path: Path) -> None:
    """`rm shop.db-wal`."""
    path.with_name("shop.db-wal").unlink()


def shm_removed(path: Path) -> None:
    """`rm shop.db-shm`."""
    path.with_name("shop.db-shm").unlink()


def both_removed(path: Path) -> None:
    """`rm shop.db-*`."""
    wal_removed(path)
    shm_removed(path)


def replaced(path: Path) -> None:
    """`mv backup.db shop.db`."""
    path.with_name("backup.db").rename(path)


def overwritten(path: Path) -> None:
    """`cp backup.db shop.db`: the same inode, other content."""
    subprocess.run(["cp", path.with_name("backup.db"), path], check=True)


WORDS = {
    **dict.fromkeys((moved, removed, removed_with_all, replaced), "was moved, removed or replaced: put it back before"),
    **dict.fromkeys((shm_removed, both_removed), "-shm file was removed: stop Waypost with SIGTERM"),
    wal_removed: "WAL was removed: stop Waypost with SIGTERM",
    overwritten: "another program wrote to the database file: stop Waypost, and restore a backup.",
}


@pytest.mark.parametrize("fault", WORDS)
async def test_no_change_is_answered_as_stored_and_readiness_says_so(fault: Fault, tmp_path: Path) -> None:
    async with shop(tmp_path, tmp_path / "log") as one:
        assert (await waypost("backup", str(tmp_path / "backup.db"), "--database", one.url))[0] == 0
        assert await one.fail() == (204, None)
        await one.until_ready(200)
        fault(one.path)
        assert await one.fail() == (503, "no")
        assert WORDS[fault] in await one.until_ready(503, READY_WITHIN_S)
        for _ in range(3):
            assert await one.fail() == (503, "no")
            assert (await one.readiness())[0] == 503
        if fault in (moved, removed):
            assert not one.path.exists()  # no empty database was made in its place


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("fault", [shm_removed, both_removed])
async def test_what_was_acknowledged_outlives_files_that_were_removed(
    fault: Fault, noticed: bool, tmp_path: Path
) -> None:
    """Of the server, by a stop with SIGTERM; and of a command that ran beside it, shared no locks with it, and ended.

    Where the WAL was removed, no command runs: it would not find what is in it.
    """
    async with shop(tmp_path, tmp_path / "log") as one:
        for _ in range(5):
            assert await one.fail() == (204, None)
        fault(one.path)
        if noticed:
            assert await one.fail() == (503, "no")
        if fault is shm_removed:
            code, output = await waypost("token", "create", "--database", one.url, "--name", "beside")
            assert code == 0, output
        assert await one.fail() == (503, "no")
        await one.until_ready(503)
        assert "-shm file was removed: stop Waypost with SIGTERM" in (tmp_path / "log").read_text()
        assert await one.server.stop() == 0
        await one.server.start()
        assert await one.fail() == (204, None)
    failed = "SELECT count(*) FROM fulfillment_request_state WHERE status = 'processing_error'"
    assert await run_sql(one.url, failed) == [(6,)]
    tokens = await run_sql(one.url, "SELECT count(*) FROM token WHERE name = 'beside'")
    assert tokens == [(int(fault is shm_removed),)]
    assert await findings(one.url) == []


async def test_a_worker_that_was_beside_the_server_writes_nothing_either(tmp_path: Path) -> None:
    """A removed -shm: it says so in its log, in the same words."""
    async with shop(tmp_path, tmp_path / "log") as one:
        command = [sys.executable, "-m", "waypost", "worker", "--database", one.url]
        with (tmp_path / "worker.log").open("ab") as log:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            worker = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=environment)
        try:
            await until(lambda: _says(tmp_path / "worker.log", "The worker hands"), 20, "the worker has begun")
            shm_removed(one.path)
            await until(lambda: _says(tmp_path / "worker.log", "-shm file was removed"), 20, "the worker has noticed")
        finally:
            worker.terminate()
            await asyncio.wait_for(worker.wait(), 12)


async def _says(log: Path, words: str) -> bool:
    return words in await asyncio.to_thread(log.read_text)


@pytest.mark.parametrize("fault", [moved, removed_with_all])
async def test_a_restore_is_refused_while_the_server_runs_even_if_the_file_has_gone(
    fault: Fault, tmp_path: Path
) -> None:
    async with shop(tmp_path, tmp_path / "log") as one:
        backup = tmp_path / "backup.db"
        assert (await waypost("backup", str(backup), "--database", one.url))[0] == 0
        assert await _refused(one, backup)
        assert await one.fail() == (204, None)  # nothing has happened to it
        fault(one.path)
        assert await _refused(one, backup)
        assert not one.path.exists()
        await one.server.stop()
        code, output = await waypost("restore", str(backup), "--force", "--database", one.url)
        assert code == 0, output
        await one.server.start()
        assert await one.fail() == (204, None)
    assert await findings(one.url) == []


@pytest.mark.parametrize("fault", [moved, removed_with_all])
async def test_nothing_takes_the_place_of_a_file_that_is_gone_while_its_server_runs(
    fault: Fault, tmp_path: Path
) -> None:
    """Nor is anybody told to make one there, or to move the WAL away."""
    async with shop(tmp_path, tmp_path / "log") as one:
        assert await one.fail() == (204, None)
        fault(one.path)
        calls = (("migrate",), ("check",), ("serve", "--port", "0"), ("worker",), ("token", "list"),
                 ("backup", str(tmp_path / "x.backup")))  # fmt: skip
        for code, output in await asyncio.gather(*(waypost(*call, "--database", one.url) for call in calls)):
            assert code == 1, output
            assert f"Process {one.server.pid} serves or restores {one.path}, and that file is missing or empty" in output
            assert "put it back before you stop that process" in output
        assert not one.path.exists()
        assert await one.server.stop() == 0
        if fault is moved:
            one.path.with_name("away.db").rename(one.path)
            assert await findings(one.url) == []


async def _refused(one: Shop, backup: Path) -> bool:
    link = one.path.with_name("link.db")
    if not link.is_symlink():
        link.symlink_to(one.path.name)
    calls = [waypost("restore", str(backup), *options, "--database", url)
             for url, options in ((one.url, ()), (one.url, ("--force",)), (f"sqlite:///{link}", ("--force",)))]  # fmt: skip
    for code, output in await asyncio.gather(*calls):
        assert code == 1, output
        assert f"Process {one.server.pid} serves or restores" in output
    return True


async def test_a_file_that_is_put_back_is_the_same_database(tmp_path: Path) -> None:
    async with shop(tmp_path, tmp_path / "log") as one:
        moved(one.path)
        assert await one.fail() == (503, "no")
        one.path.with_name("away.db").rename(one.path)
        assert await one.fail() == (204, None)
        await one.until_ready(200)
    assert await findings(one.url) == []


async def test_a_change_that_is_being_made_when_the_file_goes_is_in_doubt(
    store: Store, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    """The file goes between the first statement and the commit."""
    id_ = await merchant.request()
    path = sqlite_path(migrated_url)
    write = store.write

    async def interrupted(work: object, quick: bool = False) -> object:
        async def then_gone(tx: object) -> object:
            result = await work(tx)  # type: ignore[operator]
            path.rename(path.with_name(f"{path.name}.gone"))
            return result

        return await write(then_gone)  # type: ignore[arg-type]

    store.write = interrupted  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable) as caught:
        await changes.change(fail(id_, merchant.actor()))
    assert caught.value.applied == "unknown"
    path.with_name(f"{path.name}.gone").rename(path)


async def test_what_others_do_rightly_to_the_file_is_no_fault(tmp_path: Path) -> None:
    """VACUUM, ANALYZE and a checkpoint change the file; a backup reads it; `waypost check` opens and closes it."""
    async with shop(tmp_path, tmp_path / "log") as one:
        for sql in ("VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)", "DELETE FROM idempotency_key"):
            await asyncio.to_thread(_elsewhere, one.path, sql)
            assert await one.fail() == (204, None)
        for command in (["check"], ["backup", str(tmp_path / "b.db")], ["account", "list"]):
            assert (await waypost(*command, "--database", one.url))[0] == 0
            assert await one.fail() == (204, None)
        await one.until_ready(200)
    assert await findings(one.url) == []


def _elsewhere(path: Path, sql: str) -> None:
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5).execute(sys.argv[2])"
    subprocess.run(["python3", "-c", code, str(path), sql], check=True)


async def test_a_restore_through_a_link_replaces_what_it_leads_to(tmp_path: Path) -> None:
    async with shop(tmp_path, tmp_path / "log") as one:
        assert (await waypost("backup", str(tmp_path / "backup.db"), "--database", one.url))[0] == 0
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(one.path)
    await run_sql(one.url, "UPDATE account SET company_name = 'changed'")
    code, output = await waypost("restore", str(tmp_path / "backup.db"), "--force", "--database", f"sqlite:///{link}")
    assert code == 0, output
    assert link.is_symlink()
    assert await run_sql(one.url, "SELECT company_name FROM account") == [("Faults",)]
    shutil.rmtree(tmp_path / "elsewhere")
