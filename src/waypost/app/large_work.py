"""Large work in slices: reading and rendering thousands of rows stops nobody else for longer than a slice.

All of it runs in the event loop, so a slice is what every other call may have to wait for. Small work is done at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from waypost.app.slices import give_way

T = TypeVar("T")

SLICE = 256 * 1024  # bytes that are read or rendered in one go: 1 to 3 ms, and 10 of records of 200 bytes
# Large results that wait for their turn. Beyond that no further list is read from the database: what was read takes
# several times the memory of its reply, and no limit of unread answers counts it.
AHEAD_AT_MOST = 4


class LargeWork:
    """One piece of large work at a time, in order of arrival, so that only one slice lies between two other calls."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._under_way = 0  # the one whose turn it is, and those that wait
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_crowded(self) -> bool:
        """Whether so much waits that nothing more should be read."""
        return self._under_way >= AHEAD_AT_MOST

    async def room(self) -> None:
        """Wait until it is not crowded."""
        while self.is_crowded:
            await self._has_room.wait()

    async def collected(self, items: Iterable[T], weigh: Callable[[T], int]) -> list[T]:
        """All items, made in slices; `weigh` gives the size of one in bytes, roughly.

        What makes an item must not wait for anything. Raises what `items` raises.
        """
        rest = iter(items)
        found: list[T] = []
        if _one_slice(rest, weigh, found):
            return found
        self._under_way += 1
        if self.is_crowded:
            self._has_room.clear()
        try:
            async with self._turn:
                is_done = False
                while not is_done:
                    await give_way()
                    is_done = _one_slice(rest, weigh, found)
        finally:
            self._under_way -= 1
            if not self.is_crowded:
                self._has_room.set()
        return found


class OutOfTurn:
    """The same without waiting for a turn: for what is short, and for work within a transaction, which holds locks."""

    async def collected(self, items: Iterable[T], weigh: Callable[[T], int]) -> list[T]:
        """All items, made in slices."""
        rest = iter(items)
        found: list[T] = []
        is_done = _one_slice(rest, weigh, found)
        while not is_done:
            await give_way()
            is_done = _one_slice(rest, weigh, found)
        return found


OUT_OF_TURN = OutOfTurn()


def let_go(items: list[T]) -> Iterator[T]:
    """The items, each taken from the list when its turn comes: to free all of them at the end takes long, too."""
    items.reverse()
    while items:
        yield items.pop()


def _one_slice(rest: Iterator[T], weigh: Callable[[T], int], found: list[T]) -> bool:
    """Make one slice of the items that are left; whether none is left then."""
    made = 0
    for item in rest:
        found.append(item)
        made += weigh(item)
        if made >= SLICE:
            return False
    return True
