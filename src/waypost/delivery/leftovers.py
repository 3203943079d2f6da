"""Attempts after their call: those of workers that have gone, and those that are to be tried again.

Each is dealt with by itself, and each look goes on behind the last one's page. So nothing waits behind what is locked.
"""

import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from waypost.app.handover import Settlement
from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed
from waypost.delivery.bookkeeping import Books
from waypost.delivery.hands import Hands
from waypost.delivery.lanes import Lane, Limits
from waypost.delivery.look_ups import GONE, SECOND, unknown
from waypost.domain.handover import Policy
from waypost.domain.refusals import LockHeld, Unavailable

PAGE = 100  # rows of one look
# One that is locked takes as long as a change waits for a lock, and some of the writer's time.
UNDER_WAY_AT_MOST = 400  # attempts
LONGEST_LEASE_S = 2 * 3600.0

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
        self._under_way = 0
        self._sweep_at = self._retries_at = 0.0
        self._swept_to = self._retried_to = 0  # the last row of the page before; 0: begin again

    async def sweep(self, now: float) -> None:
        """Attempts that were being sent by a worker that has gone: looked up, or unknown. Raises `Unavailable`."""
        if now < max(self._sweep_at, self._books.outage_at + self._limits.outage_s):
            return
        self._sweep_at = now + self._limits.sweep_s
        await self._limit_leases()
        page = await self._reads.lapsed(self._clock(), PAGE, self._swept_to)
        self._swept_to = page[-1].request_id if len(page) == PAGE else 0
        self._deal_with(page, self._end)

    async def try_again(self, now: float) -> None:
        """What its source has rejected for now. Raises `Unavailable`."""
        if now < self._retries_at or not self._lanes:
            return
        self._retries_at = now + self._limits.retries_s
        up = [source_id for source_id, lane in self._lanes.items() if not lane.gate.is_down]
        page = await self._reads.due_retries(up, self._clock(), PAGE, self._retried_to)
        self._retried_to = page[-1].id if len(page) == PAGE else 0
        self._deal_with(page, self._books.retry)

    def _deal_with(
        self, page: Sequence[Claimed], work: Callable[[Claimed], Coroutine[Any, Any, object]]
    ) -> None:
        for attempt in page:
            if attempt.id not in self._live and self._under_way < UNDER_WAY_AT_MOST:
                self._live.add(attempt.id)
                self._under_way += 1
                self._spawn(self._dealt_with(attempt, work))

    async def _dealt_with(self, attempt: Claimed, work: Callable[[Claimed], Coroutine[Any, Any, object]]) -> None:
        """Nothing is lost when it fails: the attempt stands as it did, and is found again."""
        try:
            await work(attempt)
        except LockHeld:
            _log.warning("request %d is locked: its attempt is dealt with later", attempt.request_id)
        except Unavailable as error:
            _log.warning("request %d: its attempt is dealt with later: %s", attempt.request_id, error.message)
            self._books.outage_at = time.monotonic()
        except Exception:
            _log.exception("request %d: its attempt cannot be dealt with", attempt.request_id)
        finally:
            self._live.discard(attempt.id)
            self._under_way -= 1

    async def _end(self, attempt: Claimed) -> None:
        lane = self._lanes.get(attempt.source_id)
        if lane is not None and lane.recipient.look_up_after_s:
            await self._hands.find_out(lane, attempt)
        else:
            await self._books.end(Settlement(attempt, self._worker, unknown(GONE), Policy(), 0.0, lapsed=True))

    async def _limit_leases(self) -> None:
        """Leases that were given before the clock was set back end no later than any that is given now."""
        asked_s = [max(lane.recipient.look_up_after_s, default=0.0) for lane in self._lanes.values()]
        longest_s = self._limits.sending_s + self._limits.call_s + max(asked_s, default=0.0)
        await self._books.limit_leases(sorted(self._lanes), int(longest_s * SECOND))
        await self._books.limit_leases(None, int(LONGEST_LEASE_S * SECOND))
