"""Waiting: for a turn, within a limit; and for a step that must not be left half done, such as a commit."""

import asyncio
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
