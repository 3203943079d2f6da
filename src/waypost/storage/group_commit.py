"""The coalescing writer: while one batch commits, arriving jobs queue; the next batch takes them all.

No artificial wait. Each caller is answered after its commit. Batches and queue are bounded, also in time: who waits
longer is refused, whatever the batch before it is doing. A job that was taken runs to its end even if its caller has
left. Jobs whose batch met a lock of somebody else run again, each by itself, between the batches of the others.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from waypost.app.ports import Store, Tx
from waypost.app.writer import AnyWork, BatchWork
from waypost.domain.refusals import Defect, LockHeld, Refusal, Unavailable
from waypost.storage.faults import BadRow, RolledBack
from waypost.storage.held_up import Group, HeldUp

J = TypeVar("J")
R = TypeVar("R")

BATCH = 256  # jobs
QUEUE = 4096  # jobs
QUEUE_S = 10.0
RERUNS = 3
_ROUNDS_PER_LOOK = 2  # of the event loop: one reads from the sockets, in the next the calls run that were read

_log = logging.getLogger("waypost.writer")


class GroupWriter:
    """See `app.writer.Writer`. Lives in one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: deque[Group] = deque()
        self._held_up = HeldUp()
        self._arrived = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None  # for the group that has waited longest
        self._queued = 0  # jobs in the queue
        self._running: asyncio.Task[None] | None = None
        self._closing = False
        self._refused: Exception | None = None  # what the work of a batch raised last
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it costs a system call

    @property
    def depth(self) -> int:
        """How many jobs wait."""
        return self._queued + self._held_up.jobs

    async def submit(self, work: BatchWork[J, R], job: J, waits: bool = True, since_s: float | None = None) -> R:
        """See `app.writer.Writer`; raises the refusal of the batch as a whole, `Unavailable` or `Defect`."""
        results: Sequence[R] = await self._enqueue(work, (job,), alone=False, waits=waits, since_s=since_s)
        return results[0]

    async def submit_alone(self, work: BatchWork[J, R], jobs: Sequence[J]) -> Sequence[R]:
        """See `app.writer.Writer`."""
        results: Sequence[R] = await self._enqueue(work, jobs, alone=True)
        return results

    def _enqueue(
        self, work: AnyWork, jobs: Sequence[Any], alone: bool, waits: bool = True, since_s: float | None = None
    ) -> "asyncio.Future[Any]":
        if self._closing or self.depth + len(jobs) > QUEUE:
            raise Unavailable("Too many changes are waiting to be written.", retry_after_s=1)
        loop = self._loop = self._loop or asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        group = Group(work, jobs, alone, time.monotonic() if since_s is None else since_s, answer, waits)
        if not self._held_up.goes_behind(group):
            before = len(self._queue) if since_s is None else sum(one.queued_at <= since_s for one in self._queue)
            self._queue.insert(before, group)
            self._queued += len(jobs)
        self._arrived.set()
        self._watch()
        if self._running is None:
            # The task starts in the loop's next round, after everything that is ready now has queued up.
            self._running = loop.create_task(self._run())
        return answer

    async def _run(self) -> None:
        try:
            while self.depth:
                if self._queue:
                    await self._arrivals()
                    await self._settle(_in_time(self._take(), _overdue), quick=self._held_up.jobs > 0)
                await self._settle_held_up()
        except BaseException:
            # Ended from outside. Nobody else would answer those who wait.
            self._refuse_all()
            raise
        finally:
            self._running = None

    async def _settle_held_up(self) -> None:
        """What met a lock of somebody else, until one meets it again. With nothing else to do, wait for that."""
        while group := self._held_up.suspect():
            if not await self._settle(_in_time([group], LockHeld), quick=True):
                return
        if group := self._held_up.due():
            await self._settle(_in_time([group], LockHeld), quick=False)
        elif self._held_up.jobs and not self._queue:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._held_up.wait_s):
                    await self._arrived.wait()

    def _refuse_all(self) -> None:
        for group in (*self._queue, *self._held_up.take(lambda _: True)):
            message = "The server is stopping: the change was not stored. Send it again."
            _fail(group, Unavailable(message, retry_after_s=1))
        self._queue.clear()
        self._queued = 0

    def _watch(self) -> None:
        """Set the alarm for the one that waits longest, unless it is set."""
        if self._alarm is None and self.depth:
            oldest = min((self._held_up.oldest, *(group.queued_at for group in list(self._queue)[:1])))
            wait_s = oldest + QUEUE_S - time.monotonic()
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._refuse_overdue)

    def _no_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _refuse_overdue(self) -> None:
        """Answer those who have waited too long, whatever the writer is doing or waiting for."""
        self._alarm = None
        oldest = time.monotonic() - QUEUE_S
        while self._queue and self._queue[0].queued_at <= oldest:
            group = self._queue.popleft()
            self._queued -= len(group.jobs)
            _fail(group, _overdue())
        for group in self._held_up.take(lambda group: group.queued_at <= oldest):
            _fail(group, LockHeld())
        self._watch()

    async def _arrivals(self) -> None:
        """Let in what arrives at this very moment: look again while the queue grows from one look to the next.

        The callers of the last batch ask again one after the other; without this look the first of them would be
        a batch of its own, and the others wait for its commit.
        """
        seen = 0
        while seen < self._queued < BATCH:
            seen = self._queued
            for _ in range(_ROUNDS_PER_LOOK):
                await asyncio.sleep(0)

    def _take(self) -> list[Group]:
        """The oldest group, with those of the same work that may share its transaction, in order of arrival."""
        first = self._queue.popleft()
        taken = [first]
        if not first.alone:
            left: list[Group] = []
            while self._queue and len(taken) < BATCH:
                group = self._queue.popleft()
                fits = group.work is first.work and not group.alone
                (taken if fits else left).append(group)
            self._queue.extendleft(reversed(left))
        self._queued -= sum(len(group.jobs) for group in taken)
        return taken

    async def _settle(self, groups: list[Group], quick: bool) -> bool:
        """Run one batch and answer everyone in it; False: some of it met a lock, and they wait.

        `quick`: others wait for locks; so none is waited for any longer than it takes to meet it.
        """
        if not groups:
            return True
        try:
            results = await self._results(groups, quick)
        except LockHeld:
            self._hold_up(groups)
            return False
        except BaseException as error:
            refusal = error if isinstance(error, Refusal) else _defect(error)
            if not isinstance(error, Exception):
                refusal = Unavailable("It is not known whether the change was stored.", "unknown")
            for group in groups:
                _fail(group, refusal)
            if not isinstance(error, Exception):
                raise
            return True
        locked = [group for group, result in zip(groups, results, strict=True) if isinstance(result, LockHeld)]
        for group, result in zip(groups, results, strict=True):
            if isinstance(result, LockHeld):
                continue
            if isinstance(result, Refusal):
                _fail(group, result)
            elif not group.answer.done():
                group.answer.set_result(result)
        if locked:
            self._hold_up(locked)
        return not locked

    def _hold_up(self, groups: list[Group]) -> None:
        if len(groups) == 1 and not groups[0].waits:
            _fail(groups[0], LockHeld())
            return
        self._held_up.met_a_lock(groups)
        queued, self._queue = self._queue, deque()
        for group in queued:
            if self._held_up.goes_behind(group):
                self._queued -= len(group.jobs)
            else:
                self._queue.append(group)
        # Nobody watched them while they were tried: the alarm is for one that came later, if it is set at all.
        self._no_alarm()
        self._watch()

    async def _results(self, groups: list[Group], quick: bool) -> list[Any]:
        """The results of each group, in order; `LockHeld` for those that are to run again.

        A batch that its work or the database refuses is rolled back, and run by halves: what one job cannot do hurts
        no other.
        """
        try:
            return await self._run_batch(groups, quick)
        except Unavailable:
            raise  # the database's trouble is everybody's
        except Exception as error:
            if error is not self._refused and not isinstance(error, BadRow):
                raise  # it failed at its end: nobody knows whether it may run again
            if len(groups) == 1:
                return [error if isinstance(error, Refusal) else _defect(error)]
            middle = len(groups) // 2
            return [*await self._half(groups[:middle], quick), *await self._half(groups[middle:], quick)]

    async def _half(self, groups: list[Group], quick: bool) -> list[Any]:
        """As `_results`, but what goes wrong in one half does not hide what the other half has stored."""
        try:
            return await self._results(groups, quick)
        except Exception as error:
            return [error if isinstance(error, Refusal) else _defect(error)] * len(groups)

    async def _run_batch(self, groups: list[Group], quick: bool) -> list[Any]:
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
                results = iter(await self._store.write(batch, quick=quick))
                return [[next(results) for _ in group.jobs] for group in groups]
            except RolledBack as error:
                _log.warning("a batch was rolled back and runs again: %s", error)
                if attempt == RERUNS:
                    raise Unavailable("The database is busy with conflicting changes.", retry_after_s=1) from error
        raise AssertionError("unreachable")

    def give_up(self) -> None:
        """Refuse new jobs and those that wait, here and in the store: the process stops."""
        self._closing = True
        self._store.give_up()
        self._refuse_all()

    async def close(self, within_s: float | None = None) -> None:
        """Refuse new jobs, finish the queue; what is not finished within `within_s` seconds is refused."""
        self._closing = True
        if self._running is not None:
            await asyncio.wait([self._running], timeout=within_s)
            self._refuse_all()
        self._no_alarm()


def _in_time(groups: list[Group], refusal: Callable[[], Refusal]) -> list[Group]:
    """Those that have not waited too long; the others are refused."""
    oldest = time.monotonic() - QUEUE_S
    for group in groups:
        if group.queued_at < oldest:
            _fail(group, refusal())
    return [group for group in groups if group.queued_at >= oldest]


def _overdue() -> Unavailable:
    message = f"The change waited for more than {QUEUE_S:g} s to be written: nothing was stored. Send it again."
    return Unavailable(message, retry_after_s=1)


def _fail(group: Group, refusal: Refusal) -> None:
    if not group.answer.done():
        group.answer.set_exception(refusal)


def _defect(error: BaseException) -> Defect:
    _log.error("a batch failed", exc_info=error)
    return Defect()
