"""Waiting: for a turn, within a limit; and for a step that must not be left half done, such as a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from waypost.domain.refusals import Unavailable

T = TypeVar("T")

TURN_S = 10.0


class Turn:
    """One at a time, in order of arrival. Raises `Unavailable` for one who has waited for `TURN_S`."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(TURN_S):
                await self._lock.acquire()
        except TimeoutError as error:
            message = "The change waited too long to be written: nothing was stored. Send it again."
            raise Unavailable(message, retry_after_s=1) from error

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class Limits:
    """Time limits that can all be ended at once."""

    def __init__(self) -> None:
        self._open: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """As `asyncio.timeout`."""
        limit = asyncio.timeout(seconds)
        self._open.add(limit)
        try:
            async with limit:
                yield
        finally:
            self._open.discard(limit)

    def end(self) -> None:
        """What runs within one of them now has no more time."""
        now = asyncio.get_running_loop().time()
        for limit in self._open:
            if not limit.expired():
                limit.reschedule(now)


async def finished(job: "asyncio.Future[T]") -> T:
    """The outcome of `job`, which runs to its end even if the caller is cancelled meanwhile.

    The cancellation is raised afterwards; an error of the job is its cause then, so that the caller can clean up.
    """
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from job.exception()
    return job.result()
