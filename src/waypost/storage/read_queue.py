"""A bounded queue for slow reads: so many run at once, so many wait, and each waits a limited time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypost.app.large_work import LargeWork
from waypost.domain.refusals import Unavailable

WAITING_AT_MOST = 256  # reads
WAIT_S = 10.0


class ReadQueue:
    """Lives in one event loop. A caller that is cancelled leaves the queue at once.

    Nothing is read while too much that was read waits to be rendered: see `LargeWork`.
    """

    def __init__(self, slots: int, large: LargeWork) -> None:
        self.slots = slots
        self._large = large
        self.waiting = 0  # reads
        self._free = asyncio.Semaphore(slots)
        self._moved_at = time.monotonic()  # a slot was given, or a read came that found one free

    @property
    def stands_still(self) -> bool:
        """Whether reads wait, and no slot was given for as long as one may wait. Ask while you wait for one."""
        return time.monotonic() - self._moved_at > WAIT_S

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it; raises `Unavailable` when too many wait, or after `WAIT_S` seconds."""
        if self.waiting >= WAITING_AT_MOST:
            message = f"{WAITING_AT_MOST} lists and counts are waiting, which is the limit: try again in 1 s."
            raise Unavailable(message, retry_after_s=1)
        if not self.waiting and not self._free.locked():
            self._moved_at = time.monotonic()  # nobody has waited until now
        self.waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._take()
        except TimeoutError as error:
            message = f"The list or count waited {WAIT_S:g} s for a free database reader: try again in 1 s."
            raise Unavailable(message, retry_after_s=1) from error
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    async def _take(self) -> None:
        await self._free.acquire()
        try:
            await self._large.room()
        except asyncio.CancelledError:
            self._free.release()
            raise
        self._moved_at = time.monotonic()
