"""Thousands of plain reads of every kind: the hub answers each, and is as well as before.

What was seen: reads that take long were given up in the event loop, and about one such read in 1,330 left its
connection in a transaction. From then on every call failed, changes included, while `/readyz` said 200.
`WAYPOST_READS` is how many reads of each kind are made (`make test-all`: 3,000).
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.support.keys import key_file_for
from tests.support.process import ServerProcess
from waypost.app.actor import Scope
from waypost.app.ports import RequestQuery
from waypost.demo import fill
from waypost.domain.statuses import Status
from waypost.storage.opening import open_store

READS = int(os.environ.get("WAYPOST_READS", "60"))
ORDERS = 2_000
CALLERS = 8

ACCOUNT_READS = (
    "/account", "/attention", "/channel/", "/channel/1", "/events", "/events?after=latest", "/failure-codes",
    "/fulfillment-requests", "/fulfillment-requests/count", "/fulfillment-requests/{request}",
    "/fulfillment-requests/{request}/attempts", "/fulfillment-requests/{request}/events",
    "/fulfillment-requests?sinceId={request}",
    "/fulfillment-requests?filterPageNumber=40&filterPageSize=50", "/fulfillment-requests?filterNeedsAttention=true",
    "/fulfillment-requests?filterStatus=Failed", "/inventory/parents", "/inventory/variants", "/inventory/variants/1/stock",
    "/listing/parents", "/listing/variants", "/orders", "/orders/{order}", "/orders/{order}/events",
    "/orders?page=20&pageSize=100", "/policies", "/product/variants", "/purchase-orders", "/purchase-orders/count",
    "/routing-groups", "/shipments", "/shipping/channel-shipping-methods", "/shipping/shipping-policies",
    "/shipping/source-shipping-methods", "/source-invoices", "/source/1", "/source/1/delivery", "/sources",
    "/sources/1/purchase-order-strategy", "/webhook/configurations",
)  # fmt: skip
"""Every list, look-up and timeline that an account token may read, at places where the long ones take long."""


def paths(kind: str, count: int, chance: random.Random) -> list[str]:
    """So many reads of one kind."""
    return [kind.format(request=chance.randint(1, ORDERS), order=chance.randint(1, ORDERS)) for _ in range(count)]


async def read_all(url: str, token: str, asked: Iterable[str]) -> Counter[int]:
    """The statuses of all these reads, some callers at a time."""
    statuses: Counter[int] = Counter()
    remaining = iter(asked)

    async def caller(client: aiohttp.ClientSession) -> None:
        for path in remaining:
            async with client.get(url + path) as reply:
                await reply.read()
                statuses[reply.status] += 1

    async with aiohttp.ClientSession(headers={"X-API-TOKEN": token}) as client:
        await asyncio.gather(*(caller(client) for _ in range(CALLERS)))
    return statuses


async def demo(url: str) -> tuple[str, int]:
    """The demo merchant with its orders: an account token, and a request that can fail."""
    store = await open_store(url, key_file=key_file_for(url))
    made = await fill(store, ORDERS, 1, time.time_ns() // 1000, os.urandom)
    (account,) = await store.reads.accounts()
    waiting = await store.reads.requests(RequestQuery(Scope(account.id), statuses=(str(Status.PROCESSING),)))
    await store.close()
    return made.account_token, waiting[0].state.id


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_plain_reads_never_put_the_hub_out_of_service(migrated_url: str, tmp_path: Path) -> None:
    token, failing = await demo(migrated_url)
    chance = random.Random(10)
    async with ServerProcess(migrated_url, tmp_path / "server.log", "--no-worker") as server:
        for kind in ACCOUNT_READS:
            assert await read_all(server.url, token, paths(kind, READS, chance)) == {200: READS}, kind
        mixed = [path for kind in ACCOUNT_READS for path in paths(kind, READS // 10, chance)]
        chance.shuffle(mixed)
        assert await read_all(server.url, token, mixed) == {200: len(mixed)}
        async with aiohttp.ClientSession(headers={"X-API-TOKEN": token}) as client:
            async with client.get(f"{server.url}/readyz") as reply:
                assert reply.status == 200
            fail = f"{server.url}/fulfillment-requests/{failing}/processing-failed?{urlencode({'error': 'x'})}"
            async with client.patch(fail) as reply:
                assert reply.status == 204
