"""What a worker writes down, and insists on: the database may be away for a while."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

from waypost.app import handover
from waypost.app.batch_size import ALWAYS_FIT
from waypost.app.changes import timed
from waypost.app.handover import Begun, ClaimAsk, Settlement, Start
from waypost.app.ports import Clock, Tx
from waypost.app.ports.delivery import Claimed
from waypost.app.ports.kinds import Result
from waypost.app.slices import parts
from waypost.app.source_health import Health, tell_health
from waypost.app.writer import BatchWork, Writer
from waypost.domain.handover import Outcome, Policy
from waypost.domain.refusals import LockHeld, Refusal, Unavailable

J = TypeVar("J")
R = TypeVar("R")
T = TypeVar("T")

LONGEST_PAUSE_S = 2.0  # between two tries
RETRIED_AT_ONCE = 2 * ALWAYS_FIT  # in one transaction, which loads their lines and not those of their orders
NOT_STORED = "What came of it could not be stored as it was; the worker's log says more."

_log = logging.getLogger("waypost.delivery")


class Books:
    """The worker's way to the one road. `outage_at`: when the database was last found away (monotonic seconds)."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._claim = timed(handover.claim, clock)
        self._advance = timed(handover.advance, clock)
        self._retry = timed(handover.retry, clock)
        self._tell = timed(tell_health, clock)
        self._acknowledging = asyncio.Semaphore(ALWAYS_FIT)  # these load all lines of requests and orders
        self.outage_at = float("-inf")

    async def claim(self, ask: ClaimAsk) -> list[Claimed]:
        """What was claimed. Raises `Unavailable`: there is another time to claim."""
        return await self._writer.submit(self._claim, ask)

    async def start(self, ask: Start, within_s: float) -> Begun | None:
        """None: it could not be written in time, and may have been written all the same."""
        return cast("Begun | None", await self._insisted(lambda: self._writer.submit(self._advance, ask), within_s))

    async def settle(self, settlement: Settlement) -> Outcome | None:
        """However long the database is away. What it refuses is said in plainer words."""
        for one in (settlement, *_plainer(settlement)):
            try:
                ended = await self._insisted(lambda one=one: self._settled(one), None)  # type: ignore[misc]
                return cast("Outcome | None", ended)
            except Refusal as error:
                _log.error("request %d: its result cannot be stored: %s", one.attempt.request_id, error.message)
        return None

    async def _settled(self, settlement: Settlement) -> Begun | Outcome | None:
        if settlement.result.outcome is not Outcome.ACKNOWLEDGED:
            return await self._writer.submit(self._advance, settlement)
        async with self._acknowledging:
            return await self._writer.submit(self._advance, settlement)

    async def settle_lapsed(self, settlements: Sequence[Settlement]) -> list[object]:
        """What each came to: `LockHeld` where it is locked now. Raises `Unavailable`: then it is found again."""
        ends = await self._each(self._advance, settlements)
        for one, end in zip(settlements, ends, strict=True):
            if isinstance(end, Exception) and not isinstance(end, LockHeld):
                _log.error("request %d: its attempt cannot be settled: %s", one.attempt.request_id, end)
        return ends

    async def retry(self, attempts: Sequence[Claimed]) -> list[object]:
        """Release these again; what each came to: `LockHeld` where it is locked now. Raises `Unavailable`.

        What cannot be released is left to a person.
        """
        ends: list[object] = []
        for some in parts(attempts, RETRIED_AT_ONCE):
            ends += await self._each(self._retry, some)
        hopeless: list[Claimed] = []
        for one, end in zip(attempts, ends, strict=True):
            if isinstance(end, Exception) and not isinstance(end, LockHeld):
                _log.error("request %d cannot be tried again: %s", one.request_id, end)
                hopeless.append(one)
        await self._each(_give_up, hopeless)  # what is locked now comes again
        return ends

    async def _each(self, work: BatchWork[J, R], jobs: Sequence[J]) -> list[object]:
        """What each comes to, or why it fails; a lock of somebody else is not waited for.

        Raises `Unavailable` where one met that for another reason, after all have ended.
        """
        asked = (self._writer.submit(work, job, waits=False) for job in jobs)
        ends = await asyncio.gather(*asked, return_exceptions=True)
        for end in ends:
            away = isinstance(end, Unavailable) and not isinstance(end, LockHeld)
            if isinstance(end, BaseException) and (away or not isinstance(end, Exception)):
                raise end
        return list(ends)

    async def tell(self, health: Health, within_s: float) -> bool | None:
        """Whether it was news."""
        return await self._insisted(lambda: self._writer.submit(self._tell, health), within_s)

    async def take_over(self, attempt: Claimed, worker: str, lease_us: int) -> bool:
        """Whether this worker may now find out what became of it; raises `Unavailable`."""

        async def take(tx: Tx, jobs: Sequence[Claimed]) -> list[bool]:
            now = self._clock()
            return [await tx.take_over_sending(job.id, worker, now, now + lease_us) > 0 for job in jobs]

        return await self._writer.submit(take, attempt)

    async def prolong(self, attempt: Claimed, worker: str, lease_us: int) -> bool:
        """Whether it is still this worker's to find out about."""

        async def prolong(tx: Tx, jobs: Sequence[Claimed]) -> list[bool]:
            until = self._clock() + lease_us
            return [await tx.prolong_lease(job.id, worker, until) > 0 for job in jobs]

        return await self._insisted(lambda: self._writer.submit(prolong, attempt), None) or False

    async def release(self, worker: str, source_id: int | None = None) -> int:
        """Let go of what this worker has claimed only, for one source or for all; raises `Unavailable`."""

        async def release(tx: Tx, jobs: Sequence[str]) -> list[int]:
            return [await tx.release_claims(name, source_id, self._clock()) for name in jobs]

        return await self._writer.submit(release, worker)

    async def limit_leases(self, source_ids: Sequence[int] | None, longest_us: int) -> int:
        """Leases that were given while the clock ran ahead end no later than this from now; raises `Unavailable`.

        Those of these sources, or of all.
        """

        async def limit(tx: Tx, jobs: Sequence[int]) -> list[int]:
            return [await tx.limit_leases(source_ids, self._clock() + job) for job in jobs]

        return await self._writer.submit(limit, longest_us)

    async def end_waits(self, limit: int) -> int:
        """Of requests that were put off when the clock ran ahead, at most so many; raises `Unavailable`."""

        async def end(tx: Tx, jobs: Sequence[int]) -> list[int]:
            return [await tx.end_waits(self._clock(), job) for job in jobs]

        return await self._writer.submit(end, limit)

    async def _insisted(self, ask: Callable[[], Awaitable[T]], within_s: float | None) -> T | None:
        """Ask until the database answers; None when it did not within this time (None: no limit)."""
        began, pause = time.monotonic(), 0.05
        while True:
            try:
                return await ask()
            except Unavailable as error:
                now = time.monotonic()
                if not isinstance(error, LockHeld):
                    self.outage_at = now
                if within_s is not None and now - began > within_s:
                    _log.warning("given up for now: %s", error.message)
                    return None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)


async def _give_up(tx: Tx, jobs: Sequence[Claimed]) -> list[None]:
    """It is not tried again by itself; it stands in Processing Error for a person."""
    await tx.mark_retried([(None, job.id) for job in jobs])
    return [None for _ in jobs]


def _plainer(settlement: Settlement) -> tuple[Settlement, Settlement]:
    """The same without what came from outside, and the least that is true whatever it was."""
    bare = settlement.result._replace(message=NOT_STORED, reference=None, response=None)
    least = Result(Outcome.UNKNOWN, "outcome_unknown", NOT_STORED)
    if not settlement.sent:
        least = Result(Outcome.REJECTED, "other", f"{NOT_STORED} Nothing was sent.")
    return settlement._replace(result=bare), settlement._replace(result=least, policy=Policy())
