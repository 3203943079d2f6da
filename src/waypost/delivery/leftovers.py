"""Attempts after their call: those of workers that have gone, and those that are to be tried again.

Nothing waits behind what another program has locked: each look takes the page behind the last one's, and what was found
locked is left alone for a while.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from waypost.app.handover import Settlement
from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed, RetryPlace
from waypost.delivery.bookkeeping import Books
from waypost.delivery.hands import Hands
from waypost.delivery.lanes import Lane, Limits
from waypost.delivery.look_ups import GONE, SECOND, unknown
from waypost.domain.handover import Policy
from waypost.domain.refusals import LockHeld, Unavailable

PAGE = 100  # rows of one look
LONGEST_LEASE_S = 2 * 3600.0
LOCKED_REST_S = 30.0  # what was found locked is left alone for so long: each try takes some of the writer's time
LOCKED_AT_MOST = 10_000  # of which that is remembered

_log = logging.getLogger("waypost.delivery")

Spawn = Callable[[Coroutine[Any, Any, object]], None]


class Leftovers:
    """What one worker does about them. `live`: the attempts that it is at, by id."""

    def __init__(
        self, worker: str, reads: Reads, books: Books, hands: Hands, lanes: Mapping[int, Lane], clock: Clock,
        limits: Limits, live: set[int], spawn: Spawn,
    ) -> None:  # fmt: skip
        self._worker = worker
        self._reads = reads
        self._books = books
        self._hands = hands
        self._lanes = lanes
        self._clock = clock
        self._limits = limits
        self._live = live
        self._spawn = spawn
        self._sweep_at = self._retries_at = 0.0
        self._swept_to = 0  # the last row of the page before; 0: begin again
        self._retried_to: dict[int, RetryPlace] = {}  # likewise, of each source
        self._locked: dict[int, float] = {}  # attempts, and until when they are left alone (monotonic seconds)

    async def sweep(self, now: float) -> None:
        """Attempts that were being sent by a worker that has gone: looked up, or unknown. Raises `Unavailable`."""
        if now < max(self._sweep_at, self._books.outage_at + self._limits.outage_s):
            return
        self._sweep_at = now + self._limits.sweep_s
        await self._limit_leases()
        await self._books.end_waits(PAGE)
        page = await self._reads.lapsed(self._clock(), PAGE, self._swept_to)
        left: list[Claimed] = []
        for attempt in self._free(page):
            lane = self._lanes.get(attempt.source_id)
            if lane is not None and lane.recipient.look_up_after_s:
                self._live.add(attempt.id)
                self._spawn(self._find_out(lane, attempt))
            else:
                left.append(attempt)
        gone = [Settlement(one, self._worker, unknown(GONE), Policy(), 0.0, lapsed=True) for one in left]
        self._leave_alone(left, await self._books.settle_lapsed(gone))
        self._swept_to = page[-1].request_id if len(page) == PAGE else 0

    async def try_again(self, now: float) -> None:
        """What its source has rejected for now: of each source that has some, its share. Raises `Unavailable`."""
        if now < self._retries_at or not self._lanes:
            return
        self._retries_at = now + self._limits.retries_s
        up = [source_id for source_id, lane in self._lanes.items() if not lane.gate.is_down]
        now_us = self._clock()
        ready = await self._reads.retrying_sources(up, now_us)
        each = max(1, PAGE // max(1, len(ready)))
        after = [self._retried_to.get(source_id, RetryPlace(source_id)) for source_id in ready]
        page = await self._reads.due_retries(after, now_us, each)
        due = self._free([one.attempt for one in page])
        self._leave_alone(due, await self._books.retry(due))
        taken = Counter(one.attempt.source_id for one in page)
        last = {one.attempt.source_id: one.place for one in page}
        self._retried_to = {source_id: last[source_id] for source_id, count in taken.items() if count == each}

    def _free(self, page: Sequence[Claimed]) -> list[Claimed]:
        """Those that this worker is not at, and that were not found locked a moment ago."""
        now = time.monotonic()
        return [one for one in page if one.id not in self._live and self._locked.get(one.id, 0.0) <= now]

    def _leave_alone(self, attempts: Sequence[Claimed], ends: Sequence[object]) -> None:
        """Those that are locked."""
        locked = [one for one, end in zip(attempts, ends, strict=True) if isinstance(end, LockHeld)]
        if not locked:
            return
        more = f" and {len(locked) - 1} more" if len(locked) > 1 else ""
        _log.warning("request %d%s: locked by another program, dealt with later", locked[0].request_id, more)
        now = time.monotonic()
        self._locked = {id_: until for id_, until in self._locked.items() if until > now}
        self._locked |= {one.id: now + LOCKED_REST_S for one in locked[: LOCKED_AT_MOST - len(self._locked)]}

    async def _find_out(self, lane: Lane, attempt: Claimed) -> None:
        try:
            await self._hands.find_out(lane, attempt)
        except LockHeld as error:
            self._leave_alone([attempt], [error])
        except Unavailable as error:
            _log.warning("request %d is looked up later: %s", attempt.request_id, error.message)
        finally:
            self._live.discard(attempt.id)

    async def _limit_leases(self) -> None:
        """Leases that were given before the clock was set back end no later than any that is given now."""
        asked_s = [max(lane.recipient.look_up_after_s, default=0.0) for lane in self._lanes.values()]
        longest_s = self._limits.sending_s + self._limits.call_s + max(asked_s, default=0.0)
        await self._books.limit_leases(sorted(self._lanes), int(longest_s * SECOND))
        await self._books.limit_leases(None, int(LONGEST_LEASE_S * SECOND))
