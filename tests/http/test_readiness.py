"""`/readyz` does what callers do, `/healthz` is a sign of life (contract section 1.2, architecture section 4)."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing

import asyncpg
import pytest

from tests.support.asgi import Client
from tests.support.database import sqlite_path
from tests.support.planting import ALL_KINDS, plant_broken
from tests.support.world import World
from waypost.app import hub as hub_module
from waypost.http import unfinished
from waypost.storage import read_queue
from waypost.storage import readiness as ready_module
from waypost.storage.migrations import HEAD
from waypost.storage.read_queue import ReadQueue
from waypost.storage.schema import metadata

ANSWERED_WITHIN_S = 3.0


async def readiness(world: World) -> int:
    """The status of one look, within the time that it may take."""
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        return (await Client(world.app).get("/readyz")).status


@pytest.fixture
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is reused: each call looks."""
    monkeypatch.setattr(hub_module, "READY_FOR_S", 0.0)


@pytest.mark.usefixtures("look_each_time")
@pytest.mark.parametrize(("engine", "kind"), ALL_KINDS)
async def test_a_broken_connection_of_any_kind_is_noticed_and_the_hub_recovers_by_itself(
    kind: str, world: World
) -> None:
    id_ = await world.request()
    assert await readiness(world) == 200
    await plant_broken(world.hub.store, kind)
    seen = [await readiness(world) for _ in range(12)]  # more often than there are connections
    assert seen[0] == 503
    assert seen[-1] == 200
    client = world.client()
    assert (await client.get(f"/fulfillment-requests/{id_}")).status == 200
    assert (await client.get("/fulfillment-requests")).status == 200
    assert (await client.patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")).status == 204


@pytest.mark.usefixtures("look_each_time")
async def test_a_database_that_lets_nobody_write_is_not_ready(
    engine: str, world: World, migrated_url: str
) -> None:
    assert await readiness(world) == 200
    if engine == "sqlite":
        with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await readiness(world) == 503
    else:
        locker = await asyncpg.connect(migrated_url)
        async with locker.transaction():
            await locker.execute("SELECT 1 FROM alembic_version FOR UPDATE")
            assert await readiness(world) == 503
        await locker.close()
    assert await readiness(world) == 200


@pytest.mark.usefixtures("look_each_time")
@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("table", sorted(set(metadata.tables) - {"import_run", "pending_task"}))  # for commands and the start
async def test_a_lock_that_holds_callers_up_is_noticed(
    table: str, world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await readiness(world) == 200
    locker = await asyncpg.connect(migrated_url)
    async with locker.transaction():
        await locker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with monkeypatch.context() as patched:
            patched.setattr(ready_module, "STEP_S", 0.5)
            assert await readiness(world) == 503
    await locker.close()
    assert await readiness(world) == 200


@pytest.mark.usefixtures("look_each_time")
@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("kind", ["writer", "reader"])
async def test_a_server_process_that_stands_still_is_noticed_in_time_and_replaced(
    kind: str, world: World, migrated_url: str
) -> None:
    """It answers nothing, not even that it has given up what was asked: giving up must not wait for that."""
    assert await readiness(world) == 200
    observer = await asyncpg.connect(migrated_url)
    sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
    frozen = [row[0] for row in await observer.fetch(sql, f"waypost {kind}")]
    assert frozen
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        assert await readiness(world) == 503
        assert [await readiness(world) for _ in range(3)][-1] == 200
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        await observer.close()
    id_ = await world.request()
    assert (await world.client().patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")).status == 204


@pytest.mark.usefixtures("look_each_time")
@pytest.mark.parametrize(
    ("found", "what_to_do"), [("0001", f"needs {HEAD}: run `waypost migrate`"), ("9999", f"knows none after {HEAD}: replace this process with the newer")]
)
async def test_another_schema_is_not_ready_and_says_what_to_do(
    found: str, what_to_do: str, engine: str, world: World, migrated_url: str
) -> None:
    sql = f"UPDATE alembic_version SET version_num = '{found}'"
    if engine == "sqlite":
        with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
            other.execute(sql)
    else:
        changer = await asyncpg.connect(migrated_url)
        await changer.execute(sql)
        await changer.close()
    reply = await Client(world.app).get("/readyz")
    assert reply.status == 503
    assert f"The database has schema {found}, this program {what_to_do}" in reply.json()["detail"]


@asynccontextmanager
async def all_slots_taken(world: World) -> AsyncIterator[ReadQueue]:
    """Each slot of the queue for lists and counts is held, and one more waits."""
    queue: ReadQueue = world.hub.store.reads.queue  # type: ignore[attr-defined]

    async def take(slot: AbstractAsyncContextManager[None]) -> None:
        await held.enter_async_context(slot)

    async with AsyncExitStack() as held:
        for _ in range(queue.slots):
            await take(queue.slot())
        waiting = asyncio.create_task(take(queue.slot()))
        while not queue.waiting:
            await asyncio.sleep(0)
        try:
            yield queue
        finally:
            waiting.cancel()


@pytest.mark.usefixtures("look_each_time")
async def test_lists_that_wait_for_each_other_are_no_fault_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen: 95 pages of a megabyte at once, and the hub told that another process might hold the database."""
    monkeypatch.setattr(ready_module, "STEP_S", 0.5)
    async with all_slots_taken(world):
        assert await readiness(world) == 200
        monkeypatch.setattr(read_queue, "WAITING_AT_MOST", 1)  # from now on callers are refused
        assert await readiness(world) == 503
    assert await readiness(world) == 200


@pytest.mark.usefixtures("look_each_time")
async def test_a_line_of_lists_that_stands_still_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready_module, "STEP_S", 0.5)
    async with all_slots_taken(world):
        monkeypatch.setattr(read_queue, "WAIT_S", 0.7)
        await asyncio.sleep(0.3)
        reply = await Client(world.app).get("/readyz")
        assert reply.status == 503
        assert "Lists and counts wait, and none has been read" in reply.json()["detail"]
    assert await readiness(world) == 200


@pytest.mark.usefixtures("look_each_time")
async def test_a_look_at_the_database_waits_for_no_large_reply(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While four are made, no list is read. That no slot was given before, because nobody asked for one, says nothing."""
    monkeypatch.setattr(ready_module, "STEP_S", 0.5)
    monkeypatch.setattr(read_queue, "WAIT_S", 0.7)
    await asyncio.sleep(0.8)
    large = world.hub.reads.large
    large._under_way = 4
    large._has_room.clear()
    assert large.is_crowded
    assert await readiness(world) == 200


async def test_however_many_ask_the_database_is_looked_at_once_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers may ask: they must not make the hub work. What was found is the answer, good or bad."""
    looks = 0
    ready = world.hub.store.ready

    async def counted() -> str:
        nonlocal looks
        looks += 1
        return await ready()

    monkeypatch.setattr(world.hub.store, "ready", counted)
    monkeypatch.setattr(hub_module, "READY_FOR_S", 3600.0)
    replies = await asyncio.gather(*(readiness(world) for _ in range(200)))
    replies += [await readiness(world) for _ in range(20)]
    assert set(replies) == {200}
    assert looks == 1
    monkeypatch.setattr(hub_module, "READY_FOR_S", 0.0)
    await plant_broken(world.hub.store, "writer")
    assert await readiness(world) == 503
    assert looks == 2
    monkeypatch.setattr(hub_module, "READY_FOR_S", 3600.0)
    assert {await readiness(world) for _ in range(20)} == {503}
    assert looks == 2


async def test_a_check_that_does_not_end_is_an_answer_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a commit hangs: it cannot be called off. No second check begins beside it."""
    ends = asyncio.Event()
    ready = world.hub.store.ready
    looks = 0

    async def hanging() -> str:
        nonlocal looks
        looks += 1
        await ends.wait()
        return await ready()

    monkeypatch.setattr(world.hub.store, "ready", hanging)
    monkeypatch.setattr(hub_module, "READY_WITHIN_S", 0.5)
    assert await asyncio.gather(*(readiness(world) for _ in range(3))) == [503] * 3
    assert await readiness(world) == 503
    ends.set()
    assert await readiness(world) == 200
    assert looks == 1


async def test_a_sign_of_life_is_given_while_the_hub_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "CALLS_AT_ONCE", 0)
    stranger = Client(world.app)
    assert (await stranger.get("/healthz")).status == 200
    assert (await stranger.get("/healthz/")).status == 200
    refused = await world.client().get("/account")
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert (await stranger.get("/readyz")).status == 200
