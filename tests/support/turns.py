"""Counts how much one turn of the event loop does, without a clock.

A turn's work is the number of functions that are called in it, Python's and C's: the same on a busy machine and on an
idle one. A task that asks for the next turn again and again sees each of them end.
"""

import asyncio
import cProfile
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def longest_turn(work: Coroutine[Any, Any, T]) -> tuple[int, T]:
    """The calls in the longest turn while the work runs, and what the work comes to."""
    profile = cProfile.Profile(builtins=True, subcalls=False)
    turns: list[int] = []

    def calls() -> int:
        profile.create_stats()
        count = sum(stat[0] for stat in profile.stats.values())  # type: ignore[attr-defined]
        profile.clear()
        return int(count)

    async def watch() -> None:
        while True:
            profile.enable()
            await asyncio.sleep(0)
            profile.disable()
            turns.append(calls())

    watcher = asyncio.create_task(watch())
    try:
        result = await work
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        profile.disable()
    return max(turns), result
