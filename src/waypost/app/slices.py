"""Runs long work in the event loop so that other callers go on: after each slice, they get a turn.

In a transaction the locks stay held between two slices, on SQLite the writer's turn, too: other changes wait, reads go
on. A caller that is cancelled is cancelled at a pause, like at any other statement: the transaction is rolled back.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from waypost.domain.slices import Sliced

T = TypeVar("T")

STEPS_AT_ONCE = 1_000  # 1 to 2 ms
# Turns of the event loop after each slice. A read by key goes through about seven, one after the other: with one turn
# between two slices, it would wait for a slice in each.
TURNS = 4


async def give_way() -> None:
    """Let everybody else go on. Who hands on to himself, as a read does, goes on several times."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Pace:
    """Counts the steps of one piece of work, and pauses after each slice."""

    def __init__(self) -> None:
        self._left = STEPS_AT_ONCE

    async def spend(self, steps: int) -> None:
        """Count these steps; give way where a slice is full."""
        self._left -= steps
        if self._left <= 0:
            self._left = STEPS_AT_ONCE
            await give_way()

    async def run(self, work: Sliced[T]) -> T:
        """The result of the work."""
        while True:
            try:
                steps = next(work)
            except StopIteration as end:
                result: T = end.value
                return result
            await self.spend(steps)


async def in_slices(work: Sliced[T]) -> T:
    """The result of the work, which gives way after each slice."""
    return await Pace().run(work)


def parts(rows: Iterable[T], at_most: int, weight: Callable[[T], int] = lambda row: 1) -> Iterator[list[T]]:
    """The rows in lists that weigh no more than this, or hold one row."""
    part: list[T] = []
    total = 0
    for row in rows:
        own = weight(row)
        if part and total + own > at_most:
            yield part
            part, total = [], 0
        part.append(row)
        total += own
    if part:
        yield part
