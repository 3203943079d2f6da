"""One hand-over from its claim to its end: `sending` is committed, the call is made once, what came of it is told.

An answer that was lost is never a reason to send again: it is looked up where the source offers that, else it
stays unknown.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from waypost.app.actor import Scope
from waypost.app.handover import Begun, Settlement, Start
from waypost.app.ports import Reads
from waypost.app.ports.delivery import Claimed
from waypost.app.ports.kinds import CannotWrite, Document, Recipient, Result
from waypost.app.source_health import Health
from waypost.delivery.bookkeeping import Books
from waypost.delivery.lanes import Job, Lane, Limits
from waypost.delivery.turns import Turns
from waypost.domain.handover import ARRIVED, Outcome
from waypost.wire.handover import document

SECOND = 1_000_000  # microseconds
REWRITES = 5
RATE_LIMITED = "source_rate_limited"

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
    """Hands requests over. `chance` gives numbers from 0 to 1."""

    def __init__(
        self, name: str, reads: Reads, books: Books, stop: asyncio.Event, limits: Limits, chance: Callable[[], float]
    ) -> None:
        self._name = name
        self._reads = reads
        self._books = books
        self._stop = stop
        self._limits = limits
        self._chance = chance
        self._turns = Turns(limits.in_flight)

    async def send(self, lane: Lane, job: Job) -> tuple[Job, Result | None]:
        """Hand it over; what came of it, as far as the call itself tells. None: it was not sent."""
        asked_s = standing_s()
        try:
            job, begun = await self._begun(lane, job)
        except CannotWrite as error:
            await self.unsent(lane, job.attempt, Result(Outcome.REJECTED, error.code, error.message))
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
            return Result(Outcome.UNKNOWN, "outcome_unknown", "The worker was stopped before the source answered.")

    async def _not_sent(self, lane: Lane, job: Job, words: str) -> None:
        await self.unsent(lane, job.attempt, Result(Outcome.DEFERRED, "source_unreachable", words, True))

    async def _begun(self, lane: Lane, job: Job) -> tuple[Job, Begun | None]:
        """`sending` is committed, for the job as it was written last. None: that cannot be told."""
        for _ in range(REWRITES):
            asked = Start(job.attempt, self._name, job.version, job.letter.shown, int(self._limits.sending_s * SECOND))
            begun = await self._books.start(asked, self._limits.claim_s / 2)
            if begun is not Begun.CHANGED:
                return job, begun
            papers = (await self._reads.papers([job.attempt.request_id]))[0]
            told, recipient = document(papers, job.attempt), lane.recipient
            job = job._replace(
                recipient=recipient, document=told, letter=recipient.write(told), version=papers.image.state.version
            )
        return job, None

    async def conclude(self, lane: Lane, job: Job, result: Result, counts: bool) -> None:
        """Find out what is not known yet, and settle it."""
        if result.outcome is Outcome.UNKNOWN and job.recipient.look_up_after_s:
            found = await self._looked_up(job.recipient, job.attempt, job.document, result)
            if found is None:
                return
            result = found
        await self.settle(lane, job.attempt, result, counts and result.code != RATE_LIMITED)

    async def find_out(self, lane: Lane, attempt: Claimed) -> None:
        """What became of an attempt whose worker has gone, by looking it up."""
        if not await self._books.take_over(attempt, self._name, int(self._limits.sending_s * SECOND)):
            return
        papers = await self._reads.papers([attempt.request_id])
        known = Result(Outcome.UNKNOWN, "outcome_unknown", GONE)
        found = await self._looked_up(lane.recipient, attempt, document(papers[0], attempt), known)
        if found is None:
            return
        if found.outcome is Outcome.REJECTED and await self._set_since(lane, attempt):
            words = f"{GONE} A look-up does not know it, but how the source is reached was changed since it was sent."
            found = known._replace(message=words)
        await self.settle(lane, attempt, found, True)

    async def _set_since(self, lane: Lane, attempt: Claimed) -> bool:
        """Whether the source was set anew after this was sent: that it is not to be found then says nothing."""
        rows = await self._reads.attempts(Scope(attempt.account_id), attempt.request_id, 1)
        sent = [row.sending_at for row in rows or () if row.id == attempt.id]
        return not sent or sent[0] is None or lane.row.updated_at >= sent[0]

    async def _looked_up(
        self, recipient: Recipient, attempt: Claimed, told: Document, known: Result
    ) -> Result | None:
        """`known`, or what a look-up says instead. None: the worker stops, or somebody else is at it.

        That the source has it is believed at once; that it has not, only when the last look-up says so: it may still
        be at it.
        """
        found = known
        for pause_s in recipient.look_up_after_s:
            lease_s = pause_s + self._limits.sending_s
            if not await self._books.prolong(attempt, self._name, int(lease_s * SECOND)):
                return None
            try:
                async with asyncio.timeout(pause_s):
                    await self._stop.wait()
                return None  # left as it is: the next worker finds it when the lease ends
            except TimeoutError:
                found = await recipient.look_up(told)
            if found.outcome not in (Outcome.DEFERRED, Outcome.UNKNOWN):
                return found
        if found.outcome is Outcome.DEFERRED:
            # The source says that it has not got it: that is a refusal that may be tried again, and no doubt.
            words = f"{known.message} A look-up found that the source has not got it."
            return found._replace(outcome=Outcome.REJECTED, code="source_timeout", message=words, retryable=True)
        return known

    async def unsent(self, lane: Lane, attempt: Claimed, result: Result) -> None:
        """Write down why it was not sent."""
        await self.settle(lane, attempt, result, counts=False, sent=False)

    async def settle(self, lane: Lane, attempt: Claimed, result: Result, counts: bool, sent: bool = True) -> None:
        """Write it down, however long the database is away."""
        settlement = Settlement(attempt, self._name, result, lane.gate.policy, self._chance(), counts, sent)
        outcome = await self._books.settle(settlement)
        if result.outcome not in ARRIVED:
            _log.info("request %d, attempt %d: %s: %s", attempt.request_id, attempt.number, outcome, result.message)

    async def say(self, lane: Lane, is_down: bool, message: str) -> None:
        """Tell people how the source is."""
        health = Health(lane.row.account_id, lane.row.source_id, is_down, message)
        await self._books.tell(health, self._limits.claim_s)
        _log.warning("source %d: %s", lane.row.source_id, message)


GONE = "The worker that was sending it has gone; whether the source has it is not known."
