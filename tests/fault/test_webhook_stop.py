"""The hub is told to stop while its database is away and webhooks are under way: it ends in time, and loses nothing."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from tests.fault.merchant import fill
from tests.fault.test_database_gone import breakable
from tests.fault.test_race import drive
from tests.support.process import ServerProcess
from tests.support.receiver import Received, Receiver, fine

SHUTDOWN_S = 11.0  # ten, and what a busy machine adds


async def test_a_hub_without_its_database_stops_in_time_and_sends_again_later(
    migrated_url: str, tmp_path: Path
) -> None:
    token, ids = await fill(migrated_url, 2)
    hangs = asyncio.Event()

    async def second_hangs(request: web.Request, received: Received) -> web.StreamResponse:
        if len(receiver.received) == 2:
            hangs.set()
            await asyncio.Event().wait()
        return await fine(request, received)

    async with breakable(migrated_url) as (url, go, come), Receiver() as receiver:
        server = ServerProcess(url, tmp_path / "server.log", "--allow-targets", "127.0.0.0/8")
        await server.start()
        receiver.behave = second_hangs
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client:
            body: dict[str, Any] = {"configurationName": "consumer", "webhookUrl": receiver.url, "timeoutSeconds": 30,
                                    "subscribedEvents": ["fulfillment_request.failed"]}  # fmt: skip
            assert (await client.post("/webhook/configurations", json=body)).status_code == 201
        await drive(server.url, token, ids, "processing-failed?error=x")
        await asyncio.wait_for(hangs.wait(), 20)
        go()
        began = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - began < SHUTDOWN_S
        come()
        receiver.behave = fine
        await server.start()
        first, second = [one.id for one in receiver.received]
        async with asyncio.timeout(40):  # the lease of the one that has ended comes first
            while [one.id for one in receiver.received].count(second) < 2:
                await asyncio.sleep(0.05)
        assert await server.stop() == 0
    again = [one.id for one in receiver.received][2:]
    # On a slow machine the first one was written before the database went.
    assert again in ([first, second], [second]), "what was sent and not written is sent again, with the same id"
