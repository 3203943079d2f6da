"""Callers that hang up while the hub looks for what they asked: it stops looking."""

import asyncio
import io
import json
from typing import Any

import pytest

from tests.support.planting import ENDLESS
from tests.support.world import World
from waypost.http import hang_ups
from waypost.storage import postgres_reads, sqlite_reads


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch from the beginning, and let no read end by itself."""
    monkeypatch.setattr(hang_ups, "WATCH_AFTER_S", 0.0)
    monkeypatch.setattr(sqlite_reads, "READ_TIMEOUT_S", 60.0)
    monkeypatch.setitem(postgres_reads._READER, "statement_timeout", "60000")


async def test_a_read_ends_when_its_caller_hangs_up(
    engine: str, world: World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Any = world.hub.reads
    await world.request()

    async def endless(query: Any) -> int:
        return int((await reads.slow(ENDLESS[engine]))[0][0])

    with monkeypatch.context() as patched:
        patched.setattr(reads, "count_requests", endless)
        gone = asyncio.Event()
        asked = [
            asyncio.create_task(world.client().call("GET", "/fulfillment-requests/count", gone=gone))
            for _ in range(reads.queue.slots * 5)
        ]
        async with asyncio.timeout(20):
            while reads.queue.waiting < reads.queue.slots * 4:
                await asyncio.sleep(0.01)
        gone.set()
        await asyncio.wait(asked)
        assert reads.queue.waiting == 0
    # Every reader is free for the others.
    async with asyncio.timeout(15):
        for _ in range(8):
            assert (await world.client().get("/fulfillment-requests/count")).json() == {"count": 1}
            if engine == "sqlite":
                assert len(await reads.on_thread("SELECT 1")) == 1
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    ended = [line for line in lines if line["status"] == 499]
    assert len(ended) == len(asked)
    assert {line["why"] for line in ended} == {"the caller hung up"}


async def test_a_change_is_made_even_if_its_caller_hangs_up(world: World) -> None:
    """A caller that hangs up may ask again with the same key; what it asked for first is what happened."""
    id_ = await world.request()
    gone = asyncio.Event()
    gone.set()
    await world.client().call("PATCH", f"/fulfillment-requests/{id_}/processing-failed?error=x", gone=gone)
    shown = (await world.client().get(f"/fulfillment-requests/{id_}")).json()
    assert shown["processingErrorReason"] == "x"


async def test_requests_that_were_pulled_are_moved_whole_even_if_the_caller_hangs_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one call that reads and changes: its key gives the same answer again, and nothing is moved twice."""
    id_ = await world.request()
    store: Any = world.hub.store
    writing, go_on = asyncio.Event(), asyncio.Event()
    write = store.write

    async def held(work: Any, quick: bool = False) -> Any:
        writing.set()
        await go_on.wait()
        return await write(work)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", held)
        gone = asyncio.Event()
        headers = {"Idempotency-Key": "pull-1"}
        target = "/fulfillment-requests/processing"
        asked = asyncio.create_task(world.client("src").call("GET", target, headers=headers, gone=gone))
        await writing.wait()
        gone.set()
        await asyncio.wait([asked])
        go_on.set()
        again = await world.client("src").get(target, headers=headers)
    assert [one["id"] for one in again.json()] == [id_]
    assert again.headers["idempotent-replayed"] == "true"
    events = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    assert [event["type"] for event in events].count("fulfillment_request.processed") == 1
