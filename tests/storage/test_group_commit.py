"""The coalescing writer's bounds and its behaviour when a batch fails; mostly on a store made of memory."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.counting import CountingStore
from tests.support.database import rows
from tests.support.merchant import Merchant
from waypost.app.changes import Changer, timed
from waypost.app.commands import Command, FailureReport, Settled
from waypost.app.ports import Store, Tx, Work
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Defect, LockHeld, NotAllowed, Unavailable
from waypost.domain.statuses import Status
from waypost.storage import group_commit, held_up
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.group_commit import GroupWriter

T = TypeVar("T")
Jobs = Sequence[int]


class MemoryStore:
    """A store whose transactions are lists of numbers; `before` and `after` may break them."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.attempts: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.commit: Callable[[list[int]], None] = lambda jobs: None
        self.given_up = False

    def give_up(self) -> None:
        """Noted."""
        self.given_up = True

    async def write(self, work: Work[T], quick: bool = False) -> T:
        """Run and store, or nothing."""
        await self.gate.wait()
        written: list[int] = []
        result = await work(cast(Tx, written))
        self.attempts.append(list(written))
        self.commit(written)
        self.stored += written
        return result


async def store_all(tx: Tx, jobs: Jobs) -> Jobs:
    """The work of these tests: write every job, answer its double."""
    cast(list[int], tx).extend(jobs)
    return [job * 2 for job in jobs]


def writer_of(memory: MemoryStore) -> GroupWriter:
    """A writer on memory."""
    return GroupWriter(cast(Store, memory))


async def outcomes(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    """Results and refusals, in order."""
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def taken(writer: GroupWriter) -> None:
    """Return once what was submitted has queued, and the writer has taken it."""
    await asyncio.sleep(0)
    while writer.depth:
        await asyncio.sleep(0)


def reject(*bad: int) -> Callable[[list[int]], None]:
    """A commit that refuses these values."""

    def commit(jobs: list[int]) -> None:
        if set(bad) & set(jobs):
            raise BadRow("a value is refused")

    return commit


async def test_while_one_batch_commits_the_next_one_gathers() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)
    memory.gate.clear()
    first = asyncio.ensure_future(writer.submit(store_all, 1))
    await taken(writer)
    rest = [asyncio.ensure_future(writer.submit(store_all, job)) for job in (2, 3, 4)]
    await asyncio.sleep(0)
    assert writer.depth == 3
    memory.gate.set()
    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8]
    assert memory.attempts == [[1], [2, 3, 4]]


async def test_a_job_that_comes_once_more_goes_before_those_that_came_after_it() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)
    began = time.monotonic()
    memory.gate.clear()
    first = asyncio.ensure_future(writer.submit(store_all, 1))
    await taken(writer)
    calls = [asyncio.ensure_future(writer.submit(store_all, job)) for job in (2, 3)]
    await asyncio.sleep(0)
    calls += [asyncio.ensure_future(writer.submit(store_all, job, since_s=began + at)) for job, at in ((4, -2), (5, -1), (6, -3))]
    await asyncio.sleep(0)
    memory.gate.set()
    await asyncio.gather(first, *calls)
    assert memory.attempts == [[1], [6, 4, 5, 2, 3]]


async def test_jobs_of_another_work_wait_for_a_batch_of_their_own() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    async def other(tx: Tx, jobs: Jobs) -> Jobs:
        return await store_all(tx, jobs)

    calls = [writer.submit(work, job) for job, work in enumerate((store_all, other, store_all, other))]
    assert await asyncio.gather(*calls) == [0, 2, 4, 6]
    assert memory.attempts == [[0, 2], [1, 3]]


@pytest.mark.parametrize("bad", [(3,), (0,), (7,), (1, 6), (2, 3)])
async def test_a_bad_value_is_found_by_halves_and_only_its_caller_fails(bad: tuple[int, ...]) -> None:
    memory = MemoryStore()
    memory.commit = reject(*bad)
    writer = writer_of(memory)
    results = await outcomes([writer.submit(store_all, job) for job in range(8)])
    for job, result in enumerate(results):
        if job in bad:
            assert isinstance(result, Defect)
        else:
            assert result == job * 2
    assert memory.stored == [job for job in range(8) if job not in bad]
    assert len(memory.attempts) <= 1 + len(bad) * 6


@pytest.mark.parametrize("bad", [0, 3, 7])
async def test_a_job_that_its_work_cannot_do_is_found_by_halves(bad: int) -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    async def picky(tx: Tx, jobs: Jobs) -> Jobs:
        if bad in jobs:
            raise TypeError("a bug that one job meets")
        return await store_all(tx, jobs)

    results = await outcomes([writer.submit(picky, job) for job in range(8)])
    assert isinstance(results.pop(bad), Defect)
    assert results == [job * 2 for job in range(8) if job != bad]
    assert memory.stored == [job for job in range(8) if job != bad]


async def test_a_batch_that_fails_at_its_end_does_not_run_again() -> None:
    """It may have been stored: only what its work or the database refused is known to be rolled back."""
    memory = MemoryStore()
    writer = writer_of(memory)

    def commit(jobs: list[int]) -> None:
        raise KeyError("after the commit, for all that is known")

    memory.commit = commit
    results = await outcomes([writer.submit(store_all, job) for job in range(4)])
    assert [type(result) for result in results] == [Defect] * 4
    assert memory.attempts == [[0, 1, 2, 3]]


async def test_an_outage_while_halving_does_not_hide_what_was_stored() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    def commit(jobs: list[int]) -> None:
        reject(3)(jobs) if len(jobs) > 2 else None
        if 3 in jobs:
            raise Unavailable("gone")

    memory.commit = commit
    results = await outcomes([writer.submit(store_all, job) for job in range(4)])
    assert results[:2] == [0, 2]
    assert [type(result) for result in results[2:]] == [Unavailable, Unavailable]
    assert memory.stored == [0, 1]


async def test_a_defect_while_halving_does_not_hide_what_was_stored() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    def commit(jobs: list[int]) -> None:
        reject(3)(jobs) if len(jobs) > 2 else None
        if 3 in jobs:
            raise KeyError(3)

    memory.commit = commit
    results = await outcomes([writer.submit(store_all, job) for job in range(4)])
    assert results[:2] == [0, 2]
    assert [type(result) for result in results[2:]] == [Defect, Defect]


@pytest.mark.parametrize(("times", "applied"), [(1, True), (3, True), (4, False)])
async def test_a_batch_that_was_rolled_back_runs_again_three_times_at_most(times: int, applied: bool) -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    def commit(jobs: list[int]) -> None:
        if len(memory.attempts) <= times:
            raise RolledBack("deadlock")

    memory.commit = commit
    (result,) = await outcomes([writer.submit(store_all, 1)])
    if applied:
        assert result == 2
        assert len(memory.attempts) == times + 1
    else:
        assert isinstance(result, Unavailable)
        assert (result.applied, result.retry_after_s) == ("no", 1)
        assert len(memory.attempts) == 4
        assert memory.stored == []


async def test_an_outage_is_everybodys() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    def commit(jobs: list[int]) -> None:
        raise Unavailable("gone", "unknown")

    memory.commit = commit
    results = await outcomes([writer.submit(store_all, job) for job in range(3)])
    assert [(type(result), result.applied) for result in results] == [(Unavailable, "unknown")] * 3


async def test_after_a_batch_broke_the_writer_goes_on() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)

    async def broken(tx: Tx, jobs: Jobs) -> Jobs:
        raise RuntimeError("a bug")

    first, second = await outcomes([writer.submit(broken, 1), writer.submit(store_all, 2)])
    assert isinstance(first, Defect)
    assert second == 4
    assert await writer.submit(store_all, 3) == 6


async def test_a_full_queue_refuses_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "QUEUE", 5)
    memory = MemoryStore()
    writer = writer_of(memory)
    memory.gate.clear()
    waiting = [asyncio.ensure_future(writer.submit(store_all, job)) for job in range(5)]
    await taken(writer)
    # One batch has been taken; the queue holds five more, and no sixth.
    waiting += [asyncio.ensure_future(writer.submit(store_all, job)) for job in range(5, 10)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await writer.submit(store_all, 99)
    assert (caught.value.applied, caught.value.retry_after_s) == ("no", 1)
    with pytest.raises(Unavailable):
        await writer.submit_alone(store_all, [98])
    memory.gate.set()
    results = await asyncio.gather(*waiting)
    assert results == [job * 2 for job in range(10)]
    assert 99 not in memory.stored
    assert await writer.submit(store_all, 7) == 14


async def test_what_waited_too_long_is_refused_and_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryStore()
    writer = writer_of(memory)
    memory.gate.clear()
    first = asyncio.ensure_future(writer.submit(store_all, 1))
    await taken(writer)
    second = asyncio.ensure_future(writer.submit(store_all, 2))
    await asyncio.sleep(0)
    monkeypatch.setattr(group_commit, "QUEUE_S", -1.0)
    memory.gate.set()
    assert await first == 2
    with pytest.raises(Unavailable) as caught:
        await second
    assert (caught.value.applied, caught.value.retry_after_s) == ("no", 1)
    assert memory.stored == [1]


@pytest.mark.parametrize(("try_s", "again_s"), [(0.2, 0.01), (0.01, 0.25)], ids=["while it is tried", "between"])
async def test_who_waits_for_a_lock_hears_of_the_lock_when_its_time_is_up(
    try_s: float, again_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_S", 0.5)
    monkeypatch.setattr(held_up, "AGAIN_S", again_s)
    memory = MemoryStore()

    async def locked(work: object, quick: bool = False) -> object:
        await asyncio.sleep(try_s)
        raise LockHeld

    monkeypatch.setattr(memory, "write", locked)
    writer = writer_of(memory)

    async def refused_after(delay_s: float) -> float:
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        with pytest.raises(LockHeld):
            await writer.submit(store_all, 1)
        return time.monotonic() - began

    for waited_s in await asyncio.gather(refused_after(0), refused_after(0.25)):
        assert 0.4 < waited_s < 1.5  # whatever is being tried ends first
    assert writer.depth == 0


async def test_who_came_first_does_not_wait_for_the_alarm_of_who_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the first is up while it is tried; the alarm is then set for the second."""
    monkeypatch.setattr(group_commit, "QUEUE_S", 1.0)
    monkeypatch.setattr(held_up, "AGAIN_S", 10.0)
    memory = MemoryStore()
    tries = iter((1.2, 0.0))

    async def locked(work: object, quick: bool = False) -> object:
        await asyncio.sleep(next(tries))
        raise LockHeld

    monkeypatch.setattr(memory, "write", locked)
    writer = writer_of(memory)
    first = asyncio.ensure_future(writer.submit(store_all, 1))
    await asyncio.sleep(0.9)
    second = asyncio.ensure_future(writer.submit(store_all, 2))
    with pytest.raises(LockHeld):
        await first
    assert not second.done()
    with pytest.raises(LockHeld):
        await second
    assert writer.depth == 0


async def test_who_does_not_wait_for_locks_hears_of_them_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the same batch that wait go on waiting, and those that meet none are done."""
    monkeypatch.setattr(held_up, "AGAIN_S", 0.05)
    memory = MemoryStore()
    is_locked = True

    def commit(jobs: list[int]) -> None:
        if is_locked and {1, 2} & set(jobs):
            raise LockHeld

    memory.commit = commit
    writer = writer_of(memory)
    waiting = asyncio.ensure_future(writer.submit(store_all, 1))
    free = asyncio.ensure_future(writer.submit(store_all, 3, waits=False))
    with pytest.raises(LockHeld):
        await writer.submit(store_all, 2, waits=False)
    assert await free == 6
    assert not waiting.done()
    is_locked = False
    assert await waiting == 2


async def test_a_lock_that_is_met_while_halving_is_waited_for() -> None:
    memory = MemoryStore()
    tries: list[list[int]] = []

    def commit(jobs: list[int]) -> None:
        tries.append(list(jobs))
        if 3 in jobs:
            raise BadRow("no")
        if 5 in jobs and len(tries) < 8:
            raise LockHeld

    memory.commit = commit
    writer = writer_of(memory)
    told = await outcomes([writer.submit(store_all, job) for job in range(8)])
    assert [type(one) for one in told] == [int] * 3 + [Defect] + [int] * 4
    assert sorted(memory.stored) == [0, 1, 2, 4, 5, 6, 7]


async def test_giving_up_refuses_who_waits_for_a_lock_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryStore()

    def locked(jobs: list[int]) -> None:
        raise LockHeld

    memory.commit = locked
    writer = writer_of(memory)
    call = asyncio.ensure_future(writer.submit(store_all, 1))
    async with asyncio.timeout(5):
        while not memory.attempts:
            await asyncio.sleep(0)
        writer.give_up()
        with pytest.raises(Unavailable, match="stopping"):
            await call
        with pytest.raises(Unavailable):
            await writer.submit(store_all, 2)
    assert memory.given_up


async def test_a_caller_that_leaves_does_not_take_its_command_along(
    merchant: Merchant, changes: Changer, writer: GroupWriter, migrated_url: str
) -> None:
    gone, stays = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    leaving = asyncio.ensure_future(changes.change(fail(gone, merchant.actor())))
    staying = asyncio.ensure_future(changes.change(fail(stays, merchant.actor())))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).to_status == Status.PROCESSING_ERROR
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states] == ["processing_error", "processing_error"]
    await audit(migrated_url)


async def test_closing_finishes_the_queue_and_refuses_more() -> None:
    memory = MemoryStore()
    writer = writer_of(memory)
    memory.gate.clear()
    waiting = [asyncio.ensure_future(writer.submit(store_all, job)) for job in range(3)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(writer.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await writer.submit(store_all, 9)
    assert not closing.done()
    memory.gate.set()
    await closing
    assert [await one for one in waiting] == [0, 2, 4]


async def test_a_bulk_call_is_refused_as_a_whole_when_a_value_is() -> None:
    memory = MemoryStore()
    memory.commit = reject(2)
    writer = writer_of(memory)
    single = writer.submit(store_all, 7)
    bulk = writer.submit_alone(store_all, [1, 2, 3])
    results = await outcomes([single, bulk])
    assert results[0] == 14
    assert isinstance(results[1], Defect)
    assert memory.stored == [7]


# On the real engines: what the database refuses, and what breaks in the middle of a batch.


async def test_a_text_that_the_database_refuses_fails_alone(
    engine: str, store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    counting = CountingStore(store)
    writer = GroupWriter(counting)
    changes = Changer(writer, clock)
    ids = await merchant.requests(*[Status.PROCESSING] * 8)
    # Half a surrogate pair is refused by both; the wire never lets it in.
    reports = [FailureReport("\ud800" if place == 3 else "fine") for place in range(8)]
    calls = [
        changes.change(fail(id_, merchant.actor(), details=report)) for id_, report in zip(ids, reports, strict=True)
    ]
    results = await outcomes(calls)
    assert [isinstance(result, Defect) for result in results] == [place == 3 for place in range(8)]
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states].count("processing_error") == 7
    assert counting.writes == 7  # 8, 4, 2, 1 and the other halves
    await writer.close()
    await audit(migrated_url)


async def test_a_batch_that_breaks_before_its_commit_leaves_nothing(
    store: Store, merchant: Merchant, writer: GroupWriter, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    road = timed(perform, clock)
    times = 0

    async def breaks(tx: Tx, jobs: Sequence[Command]) -> Sequence[Settled]:
        nonlocal times
        settled = await road(tx, jobs)
        times += 1
        if times == 1:
            raise RolledBack("after everything was written")
        return settled

    commands = [command(Action.ACKNOWLEDGE, id_, merchant.actor()) for id_ in ids]
    await asyncio.gather(*(writer.submit(breaks, one) for one in commands))
    assert times == 2
    await audit(migrated_url)
    states = await rows(migrated_url, "SELECT version, status FROM fulfillment_request_state")
    assert {tuple(state.values()) for state in states} == {(3, "acknowledged")}


async def test_every_caller_of_a_batch_that_broke_is_told_and_nothing_is_kept(
    store: Store, merchant: Merchant, writer: GroupWriter, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    road = timed(perform, clock)

    async def breaks(tx: Tx, jobs: Sequence[Command]) -> Sequence[Settled]:
        await road(tx, jobs)
        raise RuntimeError("after everything was written")

    # A single plain move is one statement that commits by itself on PostgreSQL: these are none.
    commands = [command(Action.ACKNOWLEDGE, id_, merchant.actor()) for id_ in ids]
    results = await outcomes([writer.submit(breaks, one) for one in commands])
    assert [type(result) for result in results] == [Defect] * 3
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state")
    assert {state["status"] for state in states} == {"processing"}
    with pytest.raises(NotAllowed):
        await Changer(writer, clock).change(command(Action.PROCESS, await merchant.request(Status.VOIDED),
                                                    merchant.actor()))  # fmt: skip
    await audit(migrated_url)


async def test_a_writer_that_is_ended_from_outside_leaves_nobody_waiting() -> None:
    """Whoever is in the batch cannot know; whoever waits knows that nothing was written. The next change works."""
    memory = MemoryStore()
    writer = writer_of(memory)
    memory.gate.clear()
    first = asyncio.ensure_future(writer.submit(store_all, 1))
    await taken(writer)
    second = asyncio.ensure_future(writer.submit(store_all, 2))
    await asyncio.sleep(0)
    assert writer._running is not None
    writer._running.cancel()
    found = await outcomes([first, second])
    assert [(type(one), one.applied) for one in found] == [(Unavailable, "unknown"), (Unavailable, "no")]
    memory.gate.set()
    assert await writer.submit(store_all, 3) == 6
    assert memory.stored == [3]
    assert writer.depth == 0
