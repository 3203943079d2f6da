"""Finding out what became of a request whose call was not answered, by asking its source.

That the source has it is believed at once. That it has not is believed only when nothing can be on its way any more,
and only of the place that it was sent to.
"""

import asyncio
import logging

from waypost.app.actor import Scope
from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed
from waypost.app.ports.kinds import Document, Recipient, Result
from waypost.delivery.bookkeeping import Books
from waypost.delivery.lanes import Job, Lane, Limits
from waypost.domain.handover import Outcome
from waypost.wire.handover import document

SECOND = 1_000_000  # microseconds
GONE = "The worker that was sending it has gone; whether the source has it is not known."

_log = logging.getLogger("waypost.delivery")


def unknown(words: str) -> Result:
    """Nobody knows, and this is why."""
    return Result(Outcome.UNKNOWN, "outcome_unknown", words)


class LookUps:
    """The look-ups of one worker."""

    def __init__(
        self, name: str, reads: Reads, books: Books, clock: Clock, stop: asyncio.Event, limits: Limits
    ) -> None:
        self._name = name
        self._reads = reads
        self._books = books
        self._clock = clock
        self._stop = stop
        self._limits = limits

    async def of_own(self, job: Job, known: Result) -> Result | None:
        """What became of a call of this worker. None: it is left to the next worker, or somebody else is at it."""
        return await self._asked(job.recipient, job.attempt, job.document, known)

    async def of_another(self, lane: Lane, attempt: Claimed) -> Result | None:
        """What became of an attempt whose worker has gone. None as in `of_own`, or: it is asked again later.

        Raises `Unavailable`.
        """
        papers = await self._reads.papers([attempt.request_id])
        known = unknown(GONE)
        found = await self._asked(lane.recipient, attempt, document(papers[0], attempt), known)
        if found is None or found.outcome is not Outcome.REJECTED:
            return found
        return await self._believed(lane, attempt, found)

    async def _believed(self, lane: Lane, attempt: Claimed, found: Result) -> Result | None:
        """That the source has not got it, where that can be believed. None: the worker may still be sending it."""
        rows = await self._reads.attempts(Scope(attempt.account_id), attempt.request_id, 1)
        row = next((row for row in rows or () if row.id == attempt.id), None)
        settings = await self._reads.delivery(Scope(attempt.account_id), attempt.source_id)
        now = self._clock()
        if row is None or row.sending_at is None or row.sending_at > now:
            return unknown(f"{GONE} A look-up does not know it, but the clock was set back since it was sent.")
        if settings is None or not (row.settings_version == lane.row.version == settings.version):
            words = f"{GONE} A look-up does not know it, but how the source is reached was changed since it was sent."
            return unknown(words)
        limits, last_s = self._limits, lane.recipient.look_up_after_s[-1]
        surely_over = row.sending_at + int((limits.sending_s + limits.call_s + last_s) * SECOND)
        if now < surely_over:
            await self._books.prolong(attempt, self._name, surely_over - now)  # the sweep finds it again then
            return None
        return found

    async def _asked(self, recipient: Recipient, attempt: Claimed, told: Document, known: Result) -> Result | None:
        """`known`, or what a look-up says instead. None: the worker stops, or somebody else is at it.

        That the source has it is believed at once; that it has not, only when the last look-up says so: it may still
        be at it. A look-up that fails says nothing.
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
                found = await self._looked_up(recipient, told)
            if found.outcome not in (Outcome.DEFERRED, Outcome.UNKNOWN):
                return found
        if found.outcome is Outcome.DEFERRED:
            # The source says that it has not got it: that is a refusal that may be tried again, and no doubt.
            words = f"{known.message} A look-up found that the source has not got it."
            return found._replace(outcome=Outcome.REJECTED, code="source_timeout", message=words, retryable=True)
        return known

    async def _looked_up(self, recipient: Recipient, told: Document) -> Result:
        try:
            return await recipient.look_up(told)
        except Exception:
            _log.exception("a look-up failed in the hub itself")
            return unknown("The look-up failed in the hub itself; the log says more.")
