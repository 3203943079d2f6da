"""Slow reads: tried in the event loop, given up there, bounded in number, and ended when their callers leave."""

import asyncio
from typing import Any

import pytest

from tests.support.planting import ENDLESS
from waypost.app.ports import Store
from waypost.storage import postgres_reads, read_queue, sqlite_reads
from waypost.storage.postgres import PostgresStore
from waypost.storage.readiness import REVISION
from waypost.storage.sqlite import SqliteStore


async def test_a_read_whose_caller_left_is_interrupted(store: Store, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the readers would be busy for nobody, for as long as a read may take."""
    monkeypatch.setattr(sqlite_reads, "READ_TIMEOUT_S", 60.0)
    reads: Any = store.reads
    if isinstance(store, PostgresStore):
        monkeypatch.setitem(postgres_reads._READER, "statement_timeout", "60000")
    leaving = [asyncio.create_task(reads.slow(ENDLESS[engine])) for _ in range(150)]
    await asyncio.sleep(0.05)  # some are under way, the others wait
    for one in leaving:
        one.cancel()
    await asyncio.wait(leaving)
    assert reads.queue.waiting == 0
    async with asyncio.timeout(15):
        for _ in range(8):  # more often than there are readers
            assert len(await reads.slow(REVISION)) == 1
            if isinstance(store, SqliteStore):
                assert len(await reads.on_thread(REVISION)) == 1


async def test_reads_that_wait_are_bounded_in_number_and_in_time(
    store: Store, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_queue, "WAITING_AT_MOST", 5)
    monkeypatch.setattr(read_queue, "WAIT_S", 0.05)
    monkeypatch.setattr(sqlite_reads, "READ_TIMEOUT_S", 20.0)
    reads: Any = store.reads
    running = reads.queue.slots
    asked = [asyncio.create_task(reads.slow(ENDLESS[engine])) for _ in range(running + 5 + 3)]
    done, under_way = set[asyncio.Task[Any]](), set(asked)
    while len(done) < 8:
        more, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    said = [str(one.exception()) for one in done]
    assert sum("which is the limit" in one for one in said) == 3
    assert sum("for a free database reader" in one for one in said) == 5
    # A look-up by key never waits for them.
    assert len(await reads.quick(REVISION)) == 1
    for one in under_way:
        one.cancel()
    await asyncio.wait(under_way)
    assert len(await reads.slow(REVISION)) == 1


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_list_that_was_given_up_in_the_loop_goes_straight_to_a_thread_for_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reads, "LONG_STATEMENTS", 20)
    assert isinstance(store, SqliteStore)
    reads = store.reads
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) SELECT count(*) FROM n"
    tried: list[str] = []
    reads._in_loop.db.set_trace_callback(tried.append)
    for _ in range(sqlite_reads.STRAIGHT_RUNS + 2):
        assert (await reads.slow(long))[0][0] == 30_000
    assert len(tried) == 2  # at first, and once those runs were over
    assert len(await reads.slow(REVISION)) == 1
    assert len(tried) == 3
    for number in range(30):  # callers make statements: not all are remembered
        await reads.slow(long.replace("30000", str(30000 + number)))
    assert len(reads._straight_runs) == 20


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_reads_that_are_given_up_again_and_again_leave_the_database_readable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen: about one in 1,330 left its connection in a transaction, and nothing worked any more."""
    monkeypatch.setattr(sqlite_reads, "STEPS_PER_LOOK", 50)
    monkeypatch.setattr(sqlite_reads, "STRAIGHT_RUNS", 1)
    assert isinstance(store, SqliteStore)
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT count(*) FROM n"
    for _ in range(10_000):  # every other one is given up
        assert (await store.reads.slow(long))[0][0] == 300
    for way in store.reads.read_paths:
        assert len(await way(REVISION)) == 1
    assert await store.ready()
