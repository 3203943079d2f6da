"""The coalescing writer: while one batch commits, arriving jobs queue; the next batch takes them all.

No artificial wait. Each caller is answered after its commit. Batches and queue are bounded, also in time: who waits
longer is refused, whatever the batch before it is doing. A job that was taken runs to its end even if its caller has
left. Jobs whose batch met a lock of somebody else run again, each by itself, between the batches of the others.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from waypost.app.ports import Store, Tx
from waypost.app.writer import AnyWork, BatchWork
from waypost.domain.refusals import Defect, LockHeld, Refusal, Unavailable
from waypost.storage.faults import BadRow, RolledBack

J = TypeVar("J")
R = TypeVar("R")

BATCH = 256  # jobs
QUEUE = 4096  # jobs
QUEUE_S = 10.0
RERUNS = 3
HELD_UP_S = 1.0  # between two tries of changes that a lock of somebody else holds up
_ROUNDS_PER_LOOK = 2  # of the event loop: one reads from the sockets, in the next the calls run that were read

_log = logging.getLogger("waypost.writer")


class _Group(NamedTuple):
    """One unit of the queue: a single job, or the jobs of a bulk call, which stay together and alone."""

    work: AnyWork
    jobs: Sequence[Any]
    alone: bool
    queued_at: float
    answer: "asyncio.Future[Any]"


class GroupWriter:
    """See `app.writer.Writer`. Lives in one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: deque[_Group] = deque()
        self._suspects: deque[_Group] = deque()  # their batch met a lock: each runs again, by itself
        self._held_up: deque[_Group] = deque()  # it was this one that met it: it is tried again now and then
        self._try_held_up_at = 0.0
        self._arrived = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None  # for the group that has waited longest
        self._depth = 0
        self._running: asyncio.Task[None] | None = None
        self._closing = False
        self._refused: Exception | None = None  # what the work of a batch raised last
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it costs a system call

    @property
    def depth(self) -> int:
        """How many jobs wait."""
        return self._depth

    async def submit(self, work: BatchWork[J, R], job: J) -> R:
        """See `app.writer.Writer`; raises the refusal of the batch as a whole, `Unavailable` or `Defect`."""
        results: Sequence[R] = await self._enqueue(work, (job,), alone=False)
        return results[0]

    async def submit_alone(self, work: BatchWork[J, R], jobs: Sequence[J]) -> Sequence[R]:
        """See `app.writer.Writer`."""
        results: Sequence[R] = await self._enqueue(work, jobs, alone=True)
        return results

    def _enqueue(self, work: AnyWork, jobs: Sequence[Any], alone: bool) -> "asyncio.Future[Any]":
        if self._closing or self._depth + len(jobs) > QUEUE:
            raise Unavailable("Too many changes are waiting to be written.", retry_after_s=1)
        loop = self._loop = self._loop or asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._queue.append(_Group(work, jobs, alone, time.monotonic(), answer))
        self._depth += len(jobs)
        self._arrived.set()
        if self._alarm is None:
            self._alarm = loop.call_later(QUEUE_S, self._refuse_overdue)
        if self._running is None:
            # The task starts in the loop's next round, after everything that is ready now has queued up.
            self._running = loop.create_task(self._run())
        return answer

    async def _run(self) -> None:
        try:
            while self._depth:
                if self._queue:
                    await self._arrivals()
                    await self._settle(self._take())
                if self._suspects:
                    await self._settle([self._taken_from(self._suspects)])
                elif self._held_up:
                    await self._settle_held_up()
        except BaseException:
            # Ended from outside. Nobody else would answer those who wait.
            self._refuse_all()
            raise
        finally:
            self._running = None

    def _taken_from(self, groups: deque[_Group]) -> _Group:
        group = groups.popleft()
        self._depth -= len(group.jobs)
        return group

    async def _settle_held_up(self) -> None:
        """Try one that met a lock again, but not so often that it takes the others' time: each try waits for the lock.

        Meanwhile, unless there is something else to do, wait.
        """
        wait_s = self._try_held_up_at - time.monotonic()
        if wait_s <= 0:
            await self._settle([self._taken_from(self._held_up)])
        elif not self._queue:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()

    def _refuse_all(self) -> None:
        for groups in (self._queue, self._suspects, self._held_up):
            for group in groups:
                message = "The server is stopping: the change was not stored. Send it again."
                _fail(group, Unavailable(message, retry_after_s=1))
            groups.clear()
        self._depth = 0

    def _refuse_overdue(self) -> None:
        """Answer those who have waited too long, whatever the writer is doing or waiting for."""
        self._alarm = None
        oldest, left = time.monotonic() - QUEUE_S, float("inf")
        for groups, refusal in ((self._queue, _overdue), (self._suspects, LockHeld), (self._held_up, LockHeld)):
            for group in [group for group in groups if group.queued_at <= oldest]:
                groups.remove(group)
                self._depth -= len(group.jobs)
                _fail(group, refusal())
            left = min([left, *(group.queued_at for group in groups)])
        if self._depth:
            self._alarm = asyncio.get_running_loop().call_later(left - oldest, self._refuse_overdue)

    async def _arrivals(self) -> None:
        """Let in what arrives at this very moment: look again while the queue grows from one look to the next.

        The callers of the last batch ask again one after the other; without this look the first of them would be
        a batch of its own, and the others wait for its commit.
        """
        seen = 0
        while seen < self._depth < BATCH:
            seen = self._depth
            for _ in range(_ROUNDS_PER_LOOK):
                await asyncio.sleep(0)

    def _take(self) -> list[_Group]:
        """The oldest group, with those of the same work that may share its transaction, in order of arrival."""
        first = self._queue.popleft()
        taken = [first]
        if not first.alone:
            left: list[_Group] = []
            while self._queue and len(taken) < BATCH:
                group = self._queue.popleft()
                fits = group.work is first.work and not group.alone
                (taken if fits else left).append(group)
            self._queue.extendleft(reversed(left))
        self._depth -= sum(len(group.jobs) for group in taken)
        return taken

    async def _settle(self, groups: list[_Group]) -> None:
        """Run one batch and answer everyone in it."""
        fresh = self._without_overdue(groups)
        if not fresh:
            return
        try:
            results = await self._results(fresh)
        except LockHeld:
            self._hold_up(fresh)
            return
        except BaseException as error:
            refusal = error if isinstance(error, Refusal) else _defect(error)
            if not isinstance(error, Exception):
                refusal = Unavailable("It is not known whether the change was stored.", "unknown")
            for group in fresh:
                _fail(group, refusal)
            if not isinstance(error, Exception):
                raise
            return
        for group, result in zip(fresh, results, strict=True):
            if isinstance(result, Refusal):
                _fail(group, result)
            elif not group.answer.done():
                group.answer.set_result(result)

    def _hold_up(self, groups: list[_Group]) -> None:
        """Let each run again by itself."""
        now = time.monotonic()
        waiting = self._suspects if len(groups) > 1 else self._held_up
        if waiting is self._held_up:
            self._try_held_up_at = now + HELD_UP_S
        waiting.extend(groups)
        self._depth += sum(len(group.jobs) for group in groups)

    def _without_overdue(self, groups: list[_Group]) -> list[_Group]:
        oldest = time.monotonic() - QUEUE_S
        for group in groups:
            if group.queued_at < oldest:
                _fail(group, _overdue())
        return [group for group in groups if group.queued_at >= oldest]

    async def _results(self, groups: list[_Group]) -> list[Any]:
        """The results of each group, in order.

        A batch that its work or the database refuses is rolled back, and run by halves: what one job cannot do hurts
        no other.
        """
        try:
            return await self._run_batch(groups)
        except Unavailable:
            raise  # the database's trouble is everybody's
        except Exception as error:
            if error is not self._refused and not isinstance(error, BadRow):
                raise  # it failed at its end: nobody knows whether it may run again
            if len(groups) == 1:
                return [error if isinstance(error, Refusal) else _defect(error)]
            middle = len(groups) // 2
            return [*await self._half(groups[:middle]), *await self._half(groups[middle:])]

    async def _half(self, groups: list[_Group]) -> list[Any]:
        """As `_results`, but what goes wrong in one half does not hide what the other half has stored."""
        try:
            return await self._results(groups)
        except Exception as error:
            return [error if isinstance(error, Refusal) else _defect(error)] * len(groups)

    async def _run_batch(self, groups: list[_Group]) -> list[Any]:
        work = groups[0].work
        jobs = [job for group in groups for job in group.jobs]

        async def batch(tx: Tx) -> Sequence[Any]:
            try:
                return await work(tx, jobs)
            except Exception as error:
                self._refused = error
                raise

        for attempt in range(RERUNS + 1):
            try:
                results = iter(await self._store.write(batch))
                return [[next(results) for _ in group.jobs] for group in groups]
            except RolledBack as error:
                _log.warning("a batch was rolled back and runs again: %s", error)
                if attempt == RERUNS:
                    raise Unavailable("The database is busy with conflicting changes.", retry_after_s=1) from error
        raise AssertionError("unreachable")

    async def close(self, within_s: float | None = None) -> None:
        """Refuse new jobs, finish the queue; what is not finished within `within_s` seconds is refused."""
        self._closing = True
        if self._running is not None:
            await asyncio.wait([self._running], timeout=within_s)
            self._refuse_all()
        if self._alarm is not None:
            self._alarm.cancel()


def _overdue() -> Unavailable:
    message = f"The change waited for more than {QUEUE_S:g} s to be written: nothing was stored. Send it again."
    return Unavailable(message, retry_after_s=1)


def _fail(group: _Group, refusal: Refusal) -> None:
    if not group.answer.done():
        group.answer.set_exception(refusal)


def _defect(error: BaseException) -> Defect:
    _log.error("a batch failed", exc_info=error)
    return Defect()
