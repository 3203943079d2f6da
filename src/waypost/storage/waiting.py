"""Waiting for a step that must not be left half done, such as a commit."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


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
