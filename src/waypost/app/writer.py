"""What the use cases need from the coalescing writer; implemented in `storage.group_commit`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from waypost.app.ports import Tx

J = TypeVar("J")
R = TypeVar("R")

BatchWork = Callable[[Tx, Sequence[J]], Awaitable[Sequence[R]]]
"""Settles a batch of jobs in one transaction: one result per job, in their order."""


class Writer(Protocol):
    """Runs jobs in few commits. A job is answered after the commit that holds its change."""

    async def submit(self, work: BatchWork[J, R], job: J, waits: bool = True, since_s: float | None = None) -> R:
        """One job, coalesced with others of the same work that arrive meanwhile.

        `since_s`: of a job that comes once more, when it came first (monotonic seconds). It goes before later ones.
        If it meets a lock of another program, it waits for that; without `waits` it raises `LockHeld` at once.
        """
        ...

    async def submit_alone(self, work: BatchWork[J, R], jobs: Sequence[J]) -> Sequence[R]:
        """Jobs that are one transaction of their own: all together, nothing else with them."""
        ...

    @property
    def depth(self) -> int:
        """How many jobs wait."""
        ...


AnyWork = BatchWork[Any, Any]
