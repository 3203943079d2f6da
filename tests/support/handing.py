"""A hub, a merchant and workers in this process: what tests of handing over look at and turn."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.support.database import Row, rows
from tests.support.merchant import Merchant
from tests.support.supplier import RULES, Supplier
from waypost.app.actor import Scope
from waypost.app.commands import Command, Done
from waypost.app.hub import Hub
from waypost.app.ports import Clock, Tx
from waypost.app.ports.delivery import Retry, RetryPlace, SourceDelivery
from waypost.delivery.lanes import Limits
from waypost.delivery.worker import Worker
from waypost.domain.fulfillment import State
from waypost.domain.handover import Policy
from waypost.domain.lifecycle import Action
from waypost.storage.group_commit import GroupWriter

QUICK = Policy(first_delay_s=0.01, longest_delay_s=0.02, pause_s=0.1, longest_pause_s=0.2)
LIVELY = Limits(idle_s=0.05, quiet_s=0.1, settings_s=0.1, retries_s=0.1)
WITHIN_S = 20.0


class House:
    """`source`: the source that is pushed to."""

    def __init__(self, hub: Hub, writer: GroupWriter, url: str, merchant: Merchant) -> None:
        self.hub = hub
        self.writer = writer
        self.url = url
        self.merchant = merchant
        self._running: list[tuple[asyncio.Task[None], asyncio.Event]] = []

    async def push(
        self, to: Supplier | str, policy: Policy = QUICK, source: int = 0, paused: bool = False, at: int = 1,
        **settings: Any,
    ) -> None:  # fmt: skip
        """Let a source be handed its requests; `at`: when that is set, in microseconds."""
        kind = self.hub.kinds["http"]
        url = to if isinstance(to, str) else to.url
        checked = kind.check({"url": url, "rules": RULES, "timeoutS": 5, "connectTimeoutS": 2, **settings}, {}, {})
        source_id = self.merchant.sources[source]
        scope = Scope(self.merchant.account)

        async def write(tx: Tx) -> None:
            was = await tx.source_delivery(scope, source_id)
            version = was.version + 1 if was else 2
            await tx.write_delivery(
                SourceDelivery(source_id, scope.account_id, "http", checked.settings, checked.secrets,
                               json.dumps(policy._asdict()), paused, version, 1, at)
            )  # fmt: skip

        await self.hub.store.write(write)

    def worker(self, clock: Clock | None = None, limits: Limits = LIVELY, **more: Any) -> Worker:
        """A worker that does not run yet."""
        return Worker(self.hub.reads, self.writer, clock or self.hub.clock, self.hub.kinds, limits, **more)

    def start(self, worker: Worker | None = None) -> Worker:
        """Let a worker run until the test ends or `end` is called."""
        made = worker or self.worker()
        stop = asyncio.Event()
        self._running.append((asyncio.create_task(made.run(stop)), stop))
        return made

    async def end(self) -> None:
        """Stop all workers politely."""
        running, self._running = self._running, []
        for _, stop in running:
            stop.set()
        for task, _ in running:
            await task

    async def until(self, holds: Callable[[], Awaitable[bool]], within_s: float = WITHIN_S) -> None:
        """Wait for it; a worker that ends by itself fails the test."""
        async with asyncio.timeout(within_s):
            while not await holds():
                for task, _ in self._running:
                    if task.done():
                        task.result()
                        raise AssertionError("a worker has ended")
                await asyncio.sleep(0.01)

    async def until_statuses(self, ids: Sequence[int], *statuses: str) -> None:
        """Wait until all of these stand in one of the statuses, and nothing is being handed over."""

        async def stand() -> bool:
            states = [await self.state(id_) for id_ in ids]
            return all(state.status in statuses and state.handover != "sending" for state in states)

        await self.until(stand)

    async def state(self, id_: int) -> State:
        """How a request stands."""
        image = await self.hub.reads.request(Scope(self.merchant.account), id_)
        assert image is not None
        return image.state

    async def attempts(self, *ids: int) -> list[Row]:
        """The attempts of these requests, in order."""
        found = await rows(self.url, "SELECT * FROM handover_attempt ORDER BY request_id, number")
        return [row for row in found if row["request_id"] in ids]

    async def attention(self) -> list[tuple[str, int, str]]:
        """What needs somebody."""
        sql = "SELECT subject, subject_id, code FROM attention WHERE settled_at IS NULL ORDER BY id"
        return [(row["subject"], row["subject_id"], row["code"]) for row in await rows(self.url, sql)]

    async def events(self, id_: int) -> list[str]:
        """The types of a request's events, without their beginning."""
        timeline = await self.hub.reads.timeline(Scope(self.merchant.account), id_)
        assert timeline is not None
        return [event.type.removeprefix("fulfillment_request.") for event in timeline]

    async def due_retries(self, now: int, sources: Sequence[int] | None = None) -> list[Retry]:
        """What is to be tried again; of these sources, or of all."""
        asked = self.merchant.sources if sources is None else sources
        ready = await self.hub.reads.retrying_sources(asked, now)
        found = await self.hub.reads.due_retries([RetryPlace(source) for source in asked], now, 100)
        assert {one.attempt.source_id for one in found} == set(ready)
        return found

    async def do(self, action: Action, id_: int, **given: Any) -> Done:
        """Something that the merchant asks for."""
        return await self.hub.changes.change(Command(action, id_, self.merchant.actor(), **given))

    async def number(self, id_: int) -> str:
        """The number of a request, which is what the supplier's book has."""
        image = await self.hub.reads.request(Scope(self.merchant.account), id_)
        assert image is not None
        return image.particulars.number
