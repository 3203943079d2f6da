"""Large work is done in slices, one piece of it at a time, and nothing more is read while too much of it waits."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from waypost.app.large_work import AHEAD_AT_MOST, SLICE, LargeWork
from waypost.app.slices import TURNS
from waypost.domain.refusals import Unavailable
from waypost.storage import read_queue
from waypost.storage.read_queue import ReadQueue

PER_SLICE = 8


def weigh(item: object) -> int:
    """So much that a slice has PER_SLICE of them."""
    return SLICE // PER_SLICE


async def settled() -> None:
    """Everything that can go on without time has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_small_work_is_done_at_once() -> None:
    coroutine = LargeWork().collected(range(PER_SLICE - 1), weigh)
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)  # it waits for nothing
    assert ended.value.value == list(range(PER_SLICE - 1))


async def test_others_go_on_after_each_slice() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10 * PER_SLICE):
            made.append(number)
            yield number

    work = asyncio.create_task(LargeWork().collected(items(), weigh))
    seen = [0]
    while not work.done():
        await asyncio.sleep(0)
        seen.append(len(made))
    assert await work == made == list(range(10 * PER_SLICE))
    assert len(seen) > 9 * TURNS  # each pause lets a read get further than one turn
    assert max(after - before for before, after in itertools.pairwise(seen)) == PER_SLICE


async def test_one_at_a_time_in_order_of_arrival() -> None:
    """Two that made a slice in each round would stop others for twice as long."""
    work = LargeWork()
    made: list[str] = []

    def items(name: str) -> Iterator[str]:
        for _ in range(4 * PER_SLICE):
            made.append(name)
            yield name

    await asyncio.gather(*(work.collected(items(name), weigh) for name in "abc"))
    firsts = "a" * PER_SLICE + "b" * PER_SLICE + "c" * PER_SLICE
    assert "".join(made) == firsts + "a" * 3 * PER_SLICE + "b" * 3 * PER_SLICE + "c" * 3 * PER_SLICE


async def test_what_fails_or_is_called_off_makes_way() -> None:
    work = LargeWork()

    def broken() -> Iterator[int]:
        yield from range(2 * PER_SLICE)
        raise ValueError("broken")

    going, waiting = (asyncio.create_task(work.collected(iter(int, 1), weigh)) for _ in range(2))  # both without an end
    await settled()
    waiting.cancel()
    going.cancel()
    with pytest.raises(ValueError, match="broken"):
        await work.collected(broken(), weigh)
    assert await work.collected(range(3 * PER_SLICE), weigh) == list(range(3 * PER_SLICE))
    assert not work.is_crowded
    assert work._under_way == 0


async def test_no_list_is_read_while_too_much_that_was_read_waits() -> None:
    work = LargeWork()
    queue = ReadQueue(2, work)
    begun: list[int] = []

    async def read(number: int) -> None:
        async with queue.slot():
            begun.append(number)

    going = [asyncio.create_task(work.collected(iter(int, 1), weigh)) for _ in range(AHEAD_AT_MOST)]
    await settled()
    assert work.is_crowded
    reads = [asyncio.create_task(read(number)) for number in range(5)]
    await settled()
    assert begun == []
    reads[0].cancel()  # one that holds a slot: the others must get it
    going[0].cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    assert begun == [1, 2, 3, 4]
    for one in going:
        one.cancel()


async def test_who_waits_for_room_too_long_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_queue, "WAIT_S", 0.0)
    work = LargeWork()
    queue = ReadQueue(1, work)
    going = [asyncio.create_task(work.collected(iter(int, 1), weigh)) for _ in range(AHEAD_AT_MOST)]
    await settled()
    with pytest.raises(Unavailable, match="try again"):
        async with queue.slot():
            raise AssertionError("it was let in")
    for one in going:
        one.cancel()
    await settled()
    async with queue.slot():  # the slot that was waited with is free again
        pass
