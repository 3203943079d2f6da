"""One hand-over from its claim to its end: `sending` is committed, the call is made once, what came of it is told.

An answer that was lost is never a reason to send again: it is looked up where the source offers that, else it
stays unknown.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from waypost.app.handover import Begun, Settlement, Start
from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed, SourceDelivery
from waypost.app.ports.kinds import CannotWrite, Result, why_unwritten
from waypost.app.source_health import Health
from waypost.delivery.bookkeeping import Books
from waypost.delivery.lanes import Job, Lane, Limits
from waypost.delivery.look_ups import GONE, SECOND, LookUps, unknown
from waypost.delivery.preparing import papers_of, written
from waypost.delivery.turns import Turns
from waypost.domain.handover import ARRIVED, Outcome
from waypost.domain.refusals import Unavailable

REWRITES = 5
RATE_LIMITED = "source_rate_limited"
NOT_BEGUN = "The hub could not begin to send it: a defect of the hub. Its log says more. Nothing was sent."

_log = logging.getLogger("waypost.delivery")


def standing_s() -> float:
    """Seconds of a clock that never goes back, and goes on while the machine sleeps where the system has such a one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _go_on() -> None:
    """What was cut off has still something to write."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


class Hands:
    """Hands requests over. `chance` gives numbers from 0 to 1. What goes wrong with one of them is its own result."""

    def __init__(
        self, name: str, reads: Reads, books: Books, clock: Clock, stop: asyncio.Event, limits: Limits,
        chance: Callable[[], float],
    ) -> None:  # fmt: skip
        self._name = name
        self._reads = reads
        self._books = books
        self._limits = limits
        self._chance = chance
        self._turns = Turns(limits.in_flight)
        self._look_ups = LookUps(name, reads, books, clock, stop, limits)

    async def send(self, lane: Lane, job: Job) -> tuple[Job, Result | None]:
        """Hand it over; what came of it, as far as the call itself tells. None: it was not sent."""
        asked_s = standing_s()
        try:
            job, begun = await self._begun(lane, job)
        except CannotWrite as error:
            await self.unsent(lane, job.attempt, Result(Outcome.REJECTED, error.code, error.message))
            return job, None
        except Unavailable as error:
            _log.warning("request %d is not begun now: %s", job.attempt.request_id, error.message)
            return job, None  # its claim ends with its lease
        except Exception:
            _log.exception("request %d cannot be begun", job.attempt.request_id)
            await self.unsent(lane, job.attempt, Result(Outcome.REJECTED, "other", NOT_BEGUN))
            return job, None
        if begun is Begun.NO:
            return job, None
        if begun is Begun.YES:
            lane.gate.started(standing_s() - asked_s)
            try:
                await self._turns.take(lane.gate)
            except asyncio.CancelledError:
                _go_on()
                await self._not_sent(lane, job, "The worker was stopped: nothing was sent.")
                return job, None
            try:
                if standing_s() - asked_s <= self._limits.fresh_s and not lane.gate.is_paused(time.monotonic()):
                    return job, await self._called(job)
            finally:
                self._turns.give_back(lane.gate)
        # Somebody may have taken this worker for dead meanwhile. Nothing has left yet, and nothing will.
        words = "The worker stood still, or the database was away: nothing was sent."
        if lane.gate.is_paused(time.monotonic()):
            words = "The source had stopped taking requests meanwhile: nothing was sent."
        await self._not_sent(lane, job, words)
        return job, None

    async def _called(self, job: Job) -> Result:
        try:
            return await job.recipient.send(job.letter)
        except asyncio.CancelledError:
            _go_on()
            return unknown("The worker was stopped before the source answered.")
        except Exception:
            _log.exception("a call failed in the hub itself")
            return unknown("The call failed in the hub itself; whether the source has it is not known.")

    async def _not_sent(self, lane: Lane, job: Job, words: str) -> None:
        await self.unsent(lane, job.attempt, Result(Outcome.DEFERRED, "source_unreachable", words, True))

    async def _begun(self, lane: Lane, job: Job) -> tuple[Job, Begun | None]:
        """`sending` is committed, for the job as it was written last. None: that cannot be told."""
        for _ in range(REWRITES):
            lease_us = int(self._limits.sending_s * SECOND)
            asked = Start(job.attempt, self._name, job.version, job.letter.shown, lease_us, job.settings_version)
            begun = await self._books.start(asked, self._limits.claim_s / 2)
            if begun is not Begun.CHANGED:
                return job, begun
            papers = (await papers_of(self._reads, [job.attempt.request_id]))[job.attempt.request_id]
            job = written(lane, job.attempt, papers, job.claimed_s)
        return job, None

    async def conclude(self, lane: Lane, job: Job, result: Result, counts: bool) -> None:
        """Find out what is not known yet, and settle it."""
        if result.outcome is Outcome.UNKNOWN and job.recipient.look_up_after_s:
            try:
                found = await self._look_ups.of_own(job, result)
            except Exception:
                _log.exception("request %d cannot be looked up", job.attempt.request_id)
                found = result
            if found is None:
                return
            result = found
        await self.settle(lane, job.attempt, result, counts and result.code != RATE_LIMITED)

    async def find_out(self, lane: Lane, attempt: Claimed) -> None:
        """What became of an attempt whose worker has gone, by looking it up; raises `Unavailable`."""
        if not await self._books.take_over(attempt, self._name, int(self._limits.sending_s * SECOND)):
            return
        try:
            found = await self._look_ups.of_another(lane, attempt)
        except Unavailable:
            raise
        except Exception:
            _log.exception("request %d cannot be looked up", attempt.request_id)
            found = unknown(f"{GONE} It could not be looked up: a defect of the hub. Its log says more.")
        if found is not None:
            await self.settle(lane, attempt, found, True)

    async def unsent(self, lane: Lane, attempt: Claimed, result: Result) -> None:
        """Write down why it was not sent."""
        await self.settle(lane, attempt, result, counts=False, sent=False)

    async def settle(self, lane: Lane, attempt: Claimed, result: Result, counts: bool, sent: bool = True) -> None:
        """Write it down, however long the database is away."""
        settlement = Settlement(attempt, self._name, result, lane.gate.policy, self._chance(), counts, sent)
        outcome = await self._books.settle(settlement)
        if result.outcome not in ARRIVED:
            _log.info("request %d, attempt %d: %s: %s", attempt.request_id, attempt.number, outcome, result.message)

    async def say(self, row: SourceDelivery, is_down: bool, message: str) -> bool | None:
        """Tell people how the source is; None: it could not be told in time."""
        _log.warning("source %d: %s", row.source_id, message)
        return await self._books.tell(Health(row.account_id, row.source_id, is_down, message), self._limits.claim_s)

    async def say_unusable(self, row: SourceDelivery, error: Exception) -> bool | None:
        """Tell people why a source is not handed over at all; None: it could not be told in time."""
        if not isinstance(error, CannotWrite):
            _log.error("the settings of source %d cannot be used", row.source_id, exc_info=error)
        return await self.say(row, True, f"It is not handed its requests. {why_unwritten(error)}")
