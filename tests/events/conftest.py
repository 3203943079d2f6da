"""A hub that may call the loopback, its webhook loop, a receiver, and a clock that can be put forward."""

import asyncio
import io
import ipaddress
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.database import rows
from tests.support.receiver import Receiver
from tests.support.world import World, merchant
from waypost.app.ports import Store
from waypost.domain.catalogue import CATALOGUE
from waypost.events.webhooks import Webhooks
from waypost.http.app import LineLog, create_app
from waypost.http.gate import Gate
from waypost.main import build_hub
from waypost.outgoing.calling import Caller
from waypost.outgoing.targets import Targets
from waypost.storage.group_commit import GroupWriter

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Shifted:
    """The time of day, put forward by `shift_s` seconds."""

    def __init__(self) -> None:
        self.shift_s = 0.0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + int(self.shift_s * 1_000_000)


class Sending:
    """A world whose webhooks are sent while `running()` is entered, or by several workers at once."""

    def __init__(self, world: World, writer: GroupWriter, clock: Shifted, url: str) -> None:
        self.world = world
        self.clock = clock
        self.database_url = url
        self.writer = writer
        self.targets = Targets(LOOPBACK)

    @asynccontextmanager
    async def running(self, workers: int = 1) -> AsyncIterator[None]:
        stop = asyncio.Event()
        loops = [
            Webhooks(self.world.hub, self.writer, Caller(self.targets), chance=lambda: 0.5, look_every_s=0.02)
            for _ in range(workers)
        ]
        tasks = [asyncio.create_task(loop.run(stop)) for loop in loops]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def configure(self, url: str, *subscribed: str, **more: Any) -> dict[str, Any]:
        """A new endpoint."""
        body = {"configurationName": "desk", "webhookUrl": url, "subscribedEvents": subscribed or ["*"], **more}
        reply = await self.world.client().post("/webhook/configurations", json=body)
        assert reply.status == 201, reply.body
        made: dict[str, Any] = reply.json()
        return made

    async def configuration(self, id_: int) -> dict[str, Any]:
        """An endpoint as it stands."""
        shown: dict[str, Any] = (await self.world.client().get(f"/webhook/configurations/{id_}")).json()
        return shown

    async def deliveries(self, id_: int, query: str = "filterPageSize=100") -> list[dict[str, Any]]:
        """Its log."""
        found: list[dict[str, Any]] = (
            await self.world.client().get(f"/webhook/configurations/{id_}/deliveries?{query}")
        ).json()
        return found

    async def events(self, query: str = "limit=500") -> list[dict[str, Any]]:
        """The feed of the account."""
        found: list[dict[str, Any]] = (await self.world.client().get(f"/events?{query}")).json()["events"]
        return found

    async def until(self, true: Callable[[], Any], within_s: float = 15) -> None:
        """Wait until an awaited look says so."""
        async with asyncio.timeout(within_s):
            while not await true():
                await asyncio.sleep(0.02)

    async def settled(self, id_: int) -> None:
        """Wait until the endpoint has come to the end of the log, and its sends are written."""

        async def done() -> bool:
            (row,) = await rows(
                self.database_url,
                "SELECT w.cursor, w.lease_until, c.last_seq FROM webhook w"
                " JOIN account_counter c ON c.account_id = w.account_id WHERE w.id = $1",
                id_,
            )
            return bool(row["cursor"] == row["last_seq"] and row["lease_until"] == 0)

        await self.until(done)


@pytest.fixture
def shifted() -> Shifted:
    """A clock that can be put forward."""
    return Shifted()


@pytest.fixture
async def sending(store: Store, migrated_url: str, shifted: Shifted) -> AsyncIterator[Sending]:
    """Two merchants and the application; nothing is sent yet."""
    hub, writer = build_hub(store, Targets(LOOPBACK), shifted)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    world = World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    yield Sending(world, writer, shifted, migrated_url)
    await writer.close()
    assert {row["type"] for row in await rows(migrated_url, "SELECT DISTINCT type FROM event")} <= set(CATALOGUE)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that behaves until it is told otherwise."""
    async with Receiver() as made:
        yield made


