"""A disk that is full, or that fails: what callers are told is so, readiness says it, and it heals by itself."""

import asyncio
import os
import resource
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from tests.fault.merchant import fill
from tests.fault.one_file import Shop, shop
from tests.support.checking import findings
from tests.support.disks import broken_sync, fill_up, small_disk
from tests.support.filled import run_sql
from tests.support.process import ServerProcess, waypost

FULL = "The database's disk is full."
FAILED = "SELECT count(*) FROM event WHERE type = 'fulfillment_request.failed'"


async def failed(one: Shop) -> int:
    """How many requests have failed, by the file."""
    ((count,),) = await run_sql(one.url, FAILED)
    return int(count)


async def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "6m") as disk:
        async with shop(disk, tmp_path / "log") as one:
            assert await one.fail() == (204, None)
            await one.until_ready(200)
            ballast = fill_up(disk)
            for _ in range(3):
                reply = await one.client.patch(f"/fulfillment-requests/{next(one.ids)}/processing-failed?error=x")
                assert (reply.status_code, reply.json()["applied"]) == (503, "no")
                assert reply.json()["detail"].startswith(FULL)
            assert FULL in await one.until_ready(503)
            assert await failed(one) == 1
            ballast.unlink()
            await one.until_ready(200)
            assert await one.fail() == (204, None)
            assert await failed(one) == 2
        assert await findings(one.url) == []


async def test_a_database_that_cannot_be_made_on_a_full_disk_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "ballast").write_bytes(bytes(65536 - 4096))
        for command in ("migrate", "serve"):
            code, output = await waypost(command, "--database", f"sqlite:///{disk}/new.db")
            assert code == 1, output
            assert f"{disk}/new.db cannot be made or migrated: database or disk is full." in output


async def test_a_disk_with_room_for_one_page_only_is_not_ready(tmp_path: Path) -> None:
    """Readiness says so before a caller meets it."""
    with small_disk(tmp_path / "disk", "6m") as disk:
        async with shop(disk, tmp_path / "log") as one:
            ballast = fill_up(disk, leave=16 * 1024)
            assert "KiB are left, 64 are needed" in await one.until_ready(503)
            ballast.unlink()
            await one.until_ready(200)


async def test_a_disk_that_fails_to_write(tmp_path: Path) -> None:
    """There is room, and the write into the WAL fails all the same (here: the process may not make a larger file)."""
    async with shop(tmp_path, tmp_path / "log") as one:
        assert await one.fail() == (204, None)
        await one.until_ready(200)
        soft, hard = resource.prlimit(one.server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(one.server.pid, resource.RLIMIT_FSIZE, (_wal(one), hard))
        for _ in range(3):
            assert await one.fail() == (503, "no")
        await one.until_ready(503)
        until_then = time.monotonic() + 2.5  # nobody changes anything any more, and several checks say the same
        while time.monotonic() < until_then:
            assert (await one.readiness())[0] == 503
            await asyncio.sleep(0.1)
        assert await failed(one) == 1
        resource.prlimit(one.server.pid, resource.RLIMIT_FSIZE, (soft, hard))
        await one.until_ready(200)
        assert await one.fail() == (204, None)
        await one.server.kill()
        assert await failed(one) == 2
        await one.server.start()
    assert await findings(one.url) == []


def _wal(one: Shop) -> int:
    return one.path.with_name(f"{one.path.name}-wal").stat().st_size


async def test_what_was_refused_after_a_failed_fsync_does_not_come_back_after_a_crash(tmp_path: Path) -> None:
    """SQLite has written the whole commit to the WAL by then, and recovery believes what it finds there."""
    environment, switch = broken_sync(tmp_path)
    async with shop(tmp_path, tmp_path / "log", environment=environment) as one:
        assert await one.fail() == (204, None)
        switch.touch()
        assert await one.fail() == (503, "no")
        assert not switch.exists()
        await one.server.kill()
        assert await failed(one) == 1
        await one.server.start()
        assert await one.fail() == (204, None)
    assert await findings(one.url) == []


async def test_while_every_fsync_fails_what_happened_to_a_change_is_not_known(tmp_path: Path) -> None:
    environment, switch = broken_sync(tmp_path)
    async with shop(tmp_path, tmp_path / "log", environment=environment) as one:
        assert await one.fail() == (204, None)
        await one.until_ready(200)
        switch.mkdir()
        for _ in range(2):
            assert await one.fail() == (503, "unknown")
        await one.until_ready(503)
        switch.rmdir()
        await one.until_ready(200)
        assert await one.fail() == (204, None)
    assert await findings(one.url) == []


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_full_tablespace_under_postgresql(engine: str, database_url: str, tmp_path: Path) -> None:
    folder = Path("/tmp") / f"waypost-tablespace-{os.getpid()}"  # the server is another user, who may not enter tmp_path
    with small_disk(folder, "40m") as disk:
        try:
            token, ids = await fill(database_url, 300)
            await _move(database_url, "waypost_small", disk)
            async with (
                ServerProcess(database_url, tmp_path / "log", "--no-worker") as server,
                httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client,
            ):
                fail = {"error": "no room " * 240}
                remaining = iter(ids)

                async def change() -> httpx.Response:
                    return await client.patch(f"/fulfillment-requests/{next(remaining)}/processing-failed", params=fail)

                assert (await change()).status_code == 204
                ballast = fill_up(disk)
                replies = [await change() for _ in range(200)]  # what is there of free pages is soon used up
                refused = [reply.json() for reply in replies if reply.status_code == 503]
                assert refused
                assert {(reply["detail"], reply["applied"]) for reply in refused} == {(FULL, "no")}
                ballast.unlink()
                assert (await change()).status_code == 204
            stored = sum(reply.status_code == 204 for reply in replies) + 2
            assert await run_sql(database_url, FAILED) == [(stored,)]
            assert await findings(database_url) == []
        finally:
            await _move(database_url, "pg_default", None)


async def _move(url: str, tablespace: str, folder: Path | None) -> None:
    """Move a database, which nobody may use meanwhile, to a tablespace: to one that is made in `folder`, or away from it."""
    name = urlsplit(url).path.removeprefix("/")
    admin = await asyncpg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")))
    try:
        if folder is not None:
            try:
                _belong_alike(folder, Path(await admin.fetchval("SHOW data_directory")))
                await admin.execute(f"CREATE TABLESPACE {tablespace} LOCATION '{folder}'")
            except (OSError, asyncpg.PostgresError) as error:
                pytest.skip(f"this PostgreSQL cannot use a folder of this machine: {error}")
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1"
        await admin.execute(others, name)
        await admin.execute(f'ALTER DATABASE "{name}" SET TABLESPACE {tablespace}')
        if folder is None:
            await admin.execute("DROP TABLESPACE IF EXISTS waypost_small")
    finally:
        await admin.close()


def _belong_alike(folder: Path, other: Path) -> None:
    owner = other.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
