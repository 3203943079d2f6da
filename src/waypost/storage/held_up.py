"""Changes that met a lock of somebody else, such as a console in the middle of a transaction, run again one by one.

First all of the batch that met it, to find out who needs what is locked. Those that meet it again are tried now and
then, and not so often that it takes the others' time: each try waits for the lock. What concerns one request keeps its
order.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from waypost.app.writer import AnyWork

AGAIN_S = 1.0  # between two tries of what met a lock by itself


class Group(NamedTuple):
    """One unit of the writer's queue: a single job, or the jobs of a bulk call, which stay together and alone."""

    work: AnyWork
    jobs: Sequence[Any]
    alone: bool
    queued_at: float
    answer: "asyncio.Future[Any]"
    waits: bool = True  # for locks of others

    @property
    def request_id(self) -> int | None:
        """The one request that it is about, where it names one."""
        return getattr(self.jobs[0], "request_id", None) if len(self.jobs) == 1 else None


class HeldUp:
    """Those that wait. `jobs`: how many."""

    def __init__(self) -> None:
        self._suspects: deque[Group] = deque()  # their batch met a lock
        self._waiting: deque[Group] = deque()  # they met it by themselves
        self._again_at = 0.0
        self.jobs = 0

    def met_a_lock(self, groups: Sequence[Group]) -> None:
        """A batch, or one group by itself."""
        self.jobs += sum(len(group.jobs) for group in groups)
        if len(groups) > 1:
            self._suspects.extend(groups)
            return
        self._again_at = time.monotonic() + AGAIN_S
        group = groups[0]
        behind = [*_about(self._waiting, group), *_about(self._suspects, group)]
        self._waiting.extend([group, *behind])

    def goes_behind(self, group: Group) -> bool:
        """Whether it waits here, too: something about the same request came first. Then it is taken in."""
        if not self.jobs or group.request_id is None:
            return False
        for groups in (self._suspects, self._waiting):
            if any(one.request_id == group.request_id for one in groups):
                groups.append(group)
                self.jobs += len(group.jobs)
                return True
        return False

    def suspect(self) -> Group | None:
        """The next to be tried at once."""
        return self._taken(self._suspects)

    def due(self) -> Group | None:
        """The next of those that are tried now and then, if it is time."""
        return self._taken(self._waiting) if self.wait_s <= 0 else None

    @property
    def wait_s(self) -> float:
        """How long until it is time."""
        return self._again_at - time.monotonic()

    def _taken(self, groups: deque[Group]) -> Group | None:
        if not groups:
            return None
        group = groups.popleft()
        self.jobs -= len(group.jobs)
        return group

    def take(self, which: Callable[[Group], bool]) -> list[Group]:
        """Take out those for which this holds."""
        found = [group for groups in (self._suspects, self._waiting) for group in groups if which(group)]
        for groups in (self._suspects, self._waiting):
            left = [group for group in groups if not which(group)]
            groups.clear()
            groups.extend(left)
        self.jobs -= sum(len(group.jobs) for group in found)
        return found

    @property
    def oldest(self) -> float:
        """Since when the oldest waits; infinite where none does."""
        return min((group.queued_at for group in (*self._suspects, *self._waiting)), default=float("inf"))


def _about(groups: deque[Group], other: Group) -> list[Group]:
    """Take out those about the same request."""
    found = [group for group in groups if other.request_id is not None and group.request_id == other.request_id]
    for group in found:
        groups.remove(group)
    return found
