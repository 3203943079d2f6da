"""Claims requests for each source that has room, and prepares the calls that send them.

A source of which something is locked by another program is waited for beside the others.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from waypost.app.handover import ClaimAsk
from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed, Papers
from waypost.app.ports.kinds import CannotWrite
from waypost.app.slices import STEPS_AT_ONCE, Pace
from waypost.delivery.bookkeeping import Books
from waypost.delivery.lanes import Lane, Limits
from waypost.delivery.look_ups import SECOND
from waypost.delivery.preparing import papers_of, written
from waypost.domain.refusals import LockHeld, Unavailable

PART_S = 0.25  # what takes longer goes on by itself
READ_AT_ONCE = 16  # requests: each may have 1,000 lines
_STEPS_OF_A_REQUEST, _STEPS_OF_AN_ITEM = 50, 6

_log = logging.getLogger("waypost.delivery")


class Claims:
    """The claims of one worker.

    `refuse` settles a request whose call cannot be written, `keep` lets a task go on, `more` is set when another look
    is worth it.
    """

    def __init__(
        self, name: str, reads: Reads, books: Books, lanes: Mapping[int, Lane], clock: Clock, limits: Limits,
        more: asyncio.Event, refuse: Callable[[Lane, Claimed, CannotWrite], None],
        keep: Callable[[Coroutine[Any, Any, object]], None],
    ) -> None:  # fmt: skip
        self._name = name
        self._reads = reads
        self._books = books
        self._lanes = lanes
        self._clock = clock
        self._limits = limits
        self._more = more
        self._refuse = refuse
        self._keep = keep
        self._under_way: set[int] = set()  # sources that are being claimed for
        self._pace = Pace()  # of all preparing: many short requests take long, too
        self._unprepared: list[tuple[Claimed, float]] = []  # when each was claimed; their calls are not prepared yet

    def write_again(self, claimed: list[tuple[Claimed, float]]) -> None:
        """Prepare these again: the settings of their source have changed."""
        self._unprepared += claimed

    async def take_on(self, now: float) -> None:
        """Prepare what was left from before, then claim what there is room for and prepare it. Raises `Unavailable`."""
        await self._prepare()
        wanted = {source_id for source_id, lane in self._lanes.items() if lane.wanted(now)}
        hungry = sorted(wanted - self._under_way)
        if not hungry:
            return
        waiting = [self._lanes[id_] for id_ in await self._reads.waiting_sources(hungry, self._clock())]
        if not waiting:
            return
        claims = [asyncio.ensure_future(self._claim(lane, now)) for lane in waiting]
        # Most are there at once. One that waits for a lock is prepared when it comes.
        done, late = await asyncio.wait(claims, timeout=PART_S)
        for task in late:
            self._keep(_ended(task))
        await self._prepare()
        for task in done:
            task.result()

    async def _claim(self, lane: Lane, now: float) -> None:
        source_id, count = lane.row.source_id, lane.wanted(now)
        self._under_way.add(source_id)
        lane.quiet_until = now + self._limits.quiet_s
        try:
            wanted = ((source_id, count, lane.gate.is_down),)
            claimed = await self._books.claim(ClaimAsk(self._name, wanted, int(self._limits.claim_s * SECOND)))
        except LockHeld:
            _log.warning("cannot claim for source %d: something of it is locked", source_id)
            return
        except Unavailable:
            raise
        except Exception:
            _log.exception("cannot claim for source %d", source_id)
            return
        finally:
            self._under_way.discard(source_id)
        if claimed:
            lane.quiet_until = now
            lane.took(now)
            self._unprepared += [(attempt, time.monotonic()) for attempt in claimed]
            self._more.set()

    async def _prepare(self) -> None:
        """Prepare the calls for what was claimed; refuse what cannot be written. Raises `Unavailable`."""
        claimed, self._unprepared = self._unprepared, []
        for first in range(0, len(claimed), READ_AT_ONCE):
            part = claimed[first : first + READ_AT_ONCE]
            try:
                papers = await papers_of(self._reads, [attempt.request_id for attempt, _ in part])
            except Unavailable:
                self._unprepared += claimed[first:]
                raise
            for attempt, claimed_s in part:
                # Each is freed before the next one: all of them at once would take as long as reading them.
                await self._pace.spend(self._write(attempt, papers.pop(attempt.request_id, None), claimed_s))

    def _write(self, attempt: Claimed, papers: Papers | CannotWrite | None, claimed_s: float) -> int:
        """Prepare one call, or refuse it; the steps that it took."""
        lane = self._lanes.get(attempt.source_id)
        if lane is None or papers is None:
            return 0  # its lease ends
        try:
            job = written(lane, attempt, papers, claimed_s)
        except CannotWrite as error:
            self._refuse(lane, attempt, error)
            return STEPS_AT_ONCE  # nobody knows what its expressions took
        lane.ready.append(job)
        return _STEPS_OF_A_REQUEST + _STEPS_OF_AN_ITEM * len(job.document["items"]) + job.letter.steps


async def _ended(task: "asyncio.Future[None]") -> None:
    await task
