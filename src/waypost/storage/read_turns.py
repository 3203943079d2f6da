"""Turns of the reads that may take their time: so many at once, so many that wait, and none for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.domain.refusals import Unavailable

WAITING_AT_MOST = 256  # reads
WAIT_S = 10.0


class ReadTurns:
    """Lives in one event loop. A caller that is cancelled leaves the queue at once."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.waiting = 0  # reads
        self._free = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it; raises `Unavailable` when too many wait, or after `WAIT_S` seconds."""
        if self.waiting >= WAITING_AT_MOST:
            raise Unavailable("Too many queries are waiting.", retry_after_s=1)
        self.waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise Unavailable("The query waited too long for its turn.", retry_after_s=1) from error
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._free.release()
