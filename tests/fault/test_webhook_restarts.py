"""Both sides are killed and started again: a consumer written from docs/events-and-webhooks.md loses no event."""

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.fault.merchant import fill
from tests.fault.test_race import drive
from tests.support.process import ServerProcess
from tests.support.receiver import Received, Receiver, fine

REQUESTS = 400
RESTARTS = int(os.environ.get("WAYPOST_RESTARTS", "2"))  # `make test-all` asks for more: each takes twenty seconds


class Consumer:
    """Verifies, deduplicates by webhook-id, and only then says that it has it; its book outlives it."""

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self.book: dict[str, dict[str, Any]] = {}
        self.arrivals = 0
        self._came: set[str] = set()
        self.refused = 0
        self._chance = random.Random(3)

    async def behave(self, request: web.Request, received: Received) -> web.StreamResponse:
        await asyncio.sleep(0.01)  # slower than the hub: there is always something under way
        try:
            payload = self._webhook.verify(received.body, received.headers)
        except WebhookVerificationError:
            self.refused += 1
            return web.Response(status=401)
        self.arrivals += 1
        first, self._came = received.id not in self._came, self._came | {received.id}
        if first and self._chance.random() < 0.05:
            return web.Response(status=503)  # it has not stored it: it must come again by itself
        known = self.book.setdefault(received.id, payload)
        assert known == payload, "the same id is the same event"
        if self._chance.random() < 0.05 and request.transport is not None:
            request.transport.close()  # it has it, and dies before it says so
        return await fine(request, received)


async def until_in_vain(url: str, token: str, hook_id: int) -> None:
    """Wait until the hub has called while nobody listened."""
    async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": token}, timeout=30) as client:
        async with asyncio.timeout(40):  # a lease that was held by the dead must end first
            while (await client.get(f"/webhook/configurations/{hook_id}")).json()["failingSince"] is None:
                await asyncio.sleep(0.05)


async def test_no_event_is_lost_when_both_sides_restart(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, REQUESTS)
    server = ServerProcess(migrated_url, tmp_path / "server.log", "--allow-targets", "127.0.0.0/8")
    async with Receiver() as receiver:
        await server.start()
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client:
            body = {"configurationName": "consumer", "webhookUrl": receiver.url,
                    "subscribedEvents": ["fulfillment_request.*"]}  # fmt: skip
            hook = (await client.post("/webhook/configurations", json=body)).json()
        consumer = Consumer(hook["secret"])
        receiver.behave = consumer.behave
        part = len(ids) // RESTARTS
        left: list[int] = []
        for turn in range(RESTARTS):
            await drive(server.url, token, ids[turn * part : (turn + 1) * part], "processing-failed?error=x")
            await receiver.until(len(receiver.received) + 1, within_s=40)
            left.append(part * (turn + 1) - len(consumer.book))  # one event each
            await receiver.stop()
            await server.kill()
            if turn % 2:
                await receiver.start()
                await server.start()
            else:  # the hub is back first, and calls in vain
                await server.start()
                await until_in_vain(server.url, token, hook["id"])
                await receiver.start()
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client:
            feed: list[dict[str, Any]] = []
            after = ""
            while True:
                page = (await client.get(f"/events?types=fulfillment_request.failed&limit=500&after={after}")).json()
                after = page["next"]
                if not page["events"]:
                    break
                feed += page["events"]
            assert len(feed) == part * RESTARTS
            account = 1
            wanted = {f"evt_{account}_{event['seq']}": event for event in feed}
            # A lease that was held by the dead must end first; and what was called in vain twice and refused once comes
            # after 96 seconds.
            async with asyncio.timeout(150):
                while not wanted.keys() <= consumer.book.keys():
                    await asyncio.sleep(0.05)  # it has arrived before it stands in the book
        assert {id_: consumer.book[id_] for id_ in wanted} == wanted
        assert min(left) > 0, "everything had arrived before a restart: it proved nothing"
        assert consumer.refused == 0
        assert consumer.arrivals > len(consumer.book), "nothing came twice: no answer was lost"
        assert await server.stop() == 0
