"""The worker: finds what may be handed over, keeps every source's limits, and clears up after workers that died.

It keeps nothing that is not in the database: killed at any moment, it leaves attempts that another worker takes
over (claimed) or finds out about (sending).
"""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from waypost.app.ports import Clock, Reads
from waypost.app.ports.delivery import Claimed, SourceDelivery
from waypost.app.ports.kinds import CannotWrite, Result
from waypost.app.writer import Writer
from waypost.delivery.bookkeeping import Books
from waypost.delivery.claiming import PART_S, Claims
from waypost.delivery.following import Following
from waypost.delivery.hands import RATE_LIMITED, Hands
from waypost.delivery.lanes import DEFAULT_LIMITS, Job, Kinds, Lane, Limits
from waypost.delivery.leftovers import Leftovers
from waypost.domain.handover import Outcome
from waypost.domain.refusals import Refusal, Unavailable

CUT_OFF_S = 2.0  # for settling what was cut off

_log = logging.getLogger("waypost.delivery")


class Worker:
    """One worker. `run` it once, in the loop that owns the writer."""

    def __init__(
        self, reads: Reads, writer: Writer, clock: Clock, kinds: Kinds, limits: Limits = DEFAULT_LIMITS,
        chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self.name = f"{socket.gethostname()}:{os.getpid()}:{random.getrandbits(32):08x}"
        self._reads = reads
        self._clock = clock
        self._limits = limits
        self._stop = asyncio.Event()
        self._books = Books(writer, clock)
        self._hands = Hands(self.name, reads, self._books, clock, self._stop, limits, chance)
        self._following = Following(kinds)
        self._lanes = self._following.lanes
        self._live: set[int] = set()  # attempts that this worker is at
        self._parts: dict[str, asyncio.Task[None]] = {}  # of a look, under way
        self._tasks: set[asyncio.Task[object]] = set()
        self._in_flight = 0
        self._hungry = asyncio.Event()
        self._claims = Claims(
            self.name, reads, self._books, self._lanes, clock, limits, self._hungry, self._refuse, self._spawn
        )
        self._leftovers = Leftovers(
            self.name, reads, self._books, self._hands, self._lanes, clock, limits, self._live, self._spawn
        )
        self._alarm: asyncio.TimerHandle | None = None
        self._settings_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; then begin nothing, and let what runs end in time."""
        feeder = asyncio.create_task(self._feed())
        told = asyncio.create_task(stop.wait())
        await asyncio.wait({feeder, told}, return_when=asyncio.FIRST_COMPLETED)
        self._stop.set()
        for task in (feeder, told):
            task.cancel()
        ends = await asyncio.gather(feeder, told, return_exceptions=True)
        await self._wind_up()
        if isinstance(ends[0], Exception):
            raise ends[0]

    async def _wind_up(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        for part in self._parts.values():
            part.cancel()
        for lane in self._lanes.values():
            lane.ready.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.stop_s)
            for task in late:
                task.cancel()  # a call that is cut off is settled as unknown
            if late:
                await asyncio.wait(late, timeout=CUT_OFF_S)
        with suppress(Refusal):  # else claims end with their leases
            await self._books.release(self.name)

    async def _feed(self) -> None:
        while True:
            self._hungry.clear()
            try:
                await self._look()
            except Unavailable as error:
                _log.warning("cannot look for work: %s", error.message)
                self._books.outage_at = time.monotonic()
                await asyncio.sleep(1.0)
            except Exception:
                _log.exception("cannot look for work")
                await asyncio.sleep(1.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.idle_s):
                    await self._hungry.wait()

    async def _look(self) -> None:
        """One look for work. What fails in one part of it, for whatever reason, stops no other part.

        Nor does a part that takes long, as when a request that it needs is locked: it goes on by itself meanwhile.
        """
        await self._look_at_sources(time.monotonic())
        failed: list[Exception] = []
        for part in (self._let_go, self._leftovers.sweep, self._leftovers.try_again, self._take_on):
            name, wait_s = part.__name__, 0.0
            if name not in self._parts:
                self._parts[name], wait_s = asyncio.create_task(part(time.monotonic())), PART_S
            done, _ = await asyncio.wait([self._parts[name]], timeout=wait_s)
            error = self._parts.pop(name).exception() if done else None
            if isinstance(error, Exception):
                failed.append(error)
        for error in failed:
            if isinstance(error, Unavailable):
                raise error
        if failed:
            raise ExceptionGroup("parts of a look for work failed", failed)

    async def _look_at_sources(self, now: float) -> None:
        if now >= self._settings_at:
            self._settings_at = now + self._limits.settings_s
            self._read_settings(await self._reads.deliveries(sorted(self._following.kinds)), now)
            down = await self._reads.told_down(sorted(self._lanes)) if self._lanes else set()
            for source_id, lane in self._lanes.items():
                lane.told_down = source_id in down

    def _read_settings(self, rows: Sequence[SourceDelivery], now: float) -> None:
        self._following.leave_all_but(rows)
        for row in rows:
            try:
                self._claims.write_again(self._following.follow(row, now))
            except Exception as error:
                self._following.leave(row.source_id)
                if self._following.is_unusable(row):
                    self._spawn(self._tell_unusable(row, error))

    async def _tell_unusable(self, row: SourceDelivery, error: Exception) -> None:
        if await self._hands.say_unusable(row, error) is None:
            self._following.forget_unusable(row.source_id)

    async def _let_go(self, _: float) -> None:
        """Claims for sources that are not handed over any more."""
        for source_id in list(self._following.left):
            await self._books.release(self.name, source_id)
            self._following.left.discard(source_id)

    async def _take_on(self, now: float) -> None:
        """Claim what there is room for, and begin what may begin."""
        await self._claims.take_on(now)
        self._pump()

    def _refuse(self, lane: Lane, attempt: Claimed, error: CannotWrite) -> None:
        """It cannot be written for its source."""
        self._spawn(self._hands.unsent(lane, attempt, Result(Outcome.REJECTED, error.code, error.message)))

    def _pump(self) -> None:
        """Begin what may begin, source by source in turn; and come back when time has made room."""
        now, most = time.monotonic(), self._limits.in_flight
        most += min(most // 2, sum(lane.gate.ahead(now) for lane in self._lanes.values()))
        began = not self._stop.is_set()
        while began and self._in_flight < most:
            began = False
            for lane in self._lanes.values():
                if lane.ready and self._in_flight < most and lane.gate.room(now) > 0:
                    self._begin(lane, lane.ready.popleft(), now)
                    began = True
        waits = [wait for lane in self._lanes.values() if lane.ready and (wait := lane.gate.wait_s(now)) > 0]
        if waits and not self._stop.is_set():
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = asyncio.get_running_loop().call_later(min(waits), self._pump)

    def _begin(self, lane: Lane, job: Job, now: float) -> None:
        if lane.is_hungry(now):
            self._hungry.set()
        if now - job.claimed_s > self._limits.claim_s / 2 or job.attempt.id in self._live:
            return  # it has waited long: whoever has room takes it over when the lease ends
        lane.gate.begin(now)
        self._in_flight += 1
        self._live.add(job.attempt.id)
        self._spawn(self._hand_over(lane, job))

    async def _hand_over(self, lane: Lane, job: Job) -> None:
        counts = not lane.gate.is_down
        result: Result | None = None
        try:
            try:
                job, result = await self._hands.send(lane, job)
            finally:
                self._ended(lane, result)
            if result is not None:
                await self._hands.conclude(lane, job, result, counts)
        finally:
            self._live.discard(job.attempt.id)

    def _ended(self, lane: Lane, result: Result | None) -> None:
        """Judge the source, and begin what waits; an error is logged, so that the outcome is written all the same."""
        try:
            if result is not None:
                self._judge(lane, result)
        except Exception:
            _log.exception("cannot judge source %d", lane.row.source_id)
        lane.gate.end(time.monotonic())
        self._in_flight -= 1
        try:
            self._pump()
        except Exception:
            _log.exception("cannot start the next hand-over")

    def _judge(self, lane: Lane, result: Result) -> None:
        """What an answer says of the source itself."""
        gate, now = lane.gate, time.monotonic()
        if result.outcome is Outcome.REJECTED and result.status is None:
            return  # it was refused in the hub
        if result.code == RATE_LIMITED:
            gate.pause(now, result.retry_after_s or gate.policy.pause_s)
        elif result.outcome in (Outcome.DEFERRED, Outcome.UNKNOWN):
            gate.failed(now, result.retry_after_s)
            if gate.is_down and not lane.told_down:
                lane.told_down = True
                seen = "It does not take" if result.outcome is Outcome.DEFERRED else "Nobody knows whether it takes"
                self._spawn(self._hands.say(lane.row, True, f"{seen} requests: {result.message}"))
        else:
            gate.succeeded()
            if lane.told_down:  # the worker that told it may be gone
                lane.told_down = False
                self._spawn(self._hands.say(lane.row, False, "It takes requests again."))

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a hand-over failed in the hub itself", exc_info=task.exception())
