"""Slices: long work gives way after so many steps, whatever the pieces are that it counts them in."""

import asyncio

import pytest

from waypost.app.ports import Store, Tx
from waypost.app.slices import STEPS_AT_ONCE, TURNS, Pace, in_slices, parts
from waypost.domain.refusals import Refusal
from waypost.domain.slices import Sliced, at_once


@pytest.mark.parametrize(("steps", "times", "pauses"), [
    (1, STEPS_AT_ONCE - 1, 0), (1, STEPS_AT_ONCE, 1), (1, 3 * STEPS_AT_ONCE, 3), (STEPS_AT_ONCE * 10, 4, 4),
    (STEPS_AT_ONCE // 2, 5, 2),
])  # fmt: skip
async def test_others_have_their_turn_after_each_slice(steps: int, times: int, pauses: int) -> None:
    def work() -> Sliced[str]:
        for _ in range(times):
            yield steps
        return "done"

    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            await asyncio.sleep(0)
            others += 1

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    before = others
    assert await in_slices(work()) == "done" == at_once(work())
    assert others - before == TURNS * pauses
    task.cancel()


async def test_who_hands_on_to_himself_goes_on_several_times_between_two_slices() -> None:
    """A read by key goes through about seven turns: with one after each slice, it waits for seven slices."""
    slices = 0

    def work() -> Sliced[None]:
        nonlocal slices
        for _ in range(20):
            slices += 1
            yield STEPS_AT_ONCE

    async def read() -> int:
        began = slices
        for _ in range(7):
            await asyncio.sleep(0)
        return slices - began

    running = asyncio.create_task(in_slices(work()))
    await asyncio.sleep(0)
    assert await read() <= 2
    await running


async def test_many_short_pieces_of_work_share_a_pace() -> None:
    seen = []
    asyncio.get_running_loop().call_soon(seen.append, 1)
    pace = Pace()
    for _ in range(STEPS_AT_ONCE):
        await pace.spend(1)
    assert seen == [1]


def test_parts_hold_what_fits_and_at_least_one() -> None:
    assert list(parts([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(parts(iter([3, 1, 9, 1, 1]), 4, weight=lambda row: row)) == [[3, 1], [9], [1, 1]]
    assert list(parts([], 2)) == []


async def test_whoever_is_cancelled_at_a_pause_leaves_nothing_behind(store: Store) -> None:
    """On each engine: the transaction is rolled back, and the next one runs."""
    paused = asyncio.Event()

    async def long(tx: Tx) -> None:
        await tx.insert_row("account", {"company_name": "Half", "created_at": 1})
        while True:
            await Pace().spend(STEPS_AT_ONCE)
            paused.set()

    task = asyncio.create_task(store.write(long))
    await paused.wait()
    assert await store.reads.accounts() == []  # reads go on, and see nothing of it
    task.cancel()
    with pytest.raises((asyncio.CancelledError, Refusal)):
        await task

    async def short(tx: Tx) -> int:
        return await tx.insert_row("account", {"company_name": "Whole", "created_at": 1})

    await store.write(short)
    assert [one.company_name for one in await store.reads.accounts()] == ["Whole"]
