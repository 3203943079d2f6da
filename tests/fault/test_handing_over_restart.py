"""PostgreSQL goes away while requests are handed over: the worker waits, and settles what it knows when it is back."""

import asyncio

import pytest

from tests.delivery.conftest import LOOPBACK
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.handing import House
from tests.support.keys import key_file_for
from tests.support.merchant import open_merchant
from tests.support.postgres import PostgresServer
from tests.support.supplier import Supplier
from tests.support.worker_process import SHORT
from waypost.domain.statuses import Status
from waypost.main import build_hub, close_hub
from waypost.storage.opening import open_store

REQUESTS = 150
RESTARTS = 3


@pytest.mark.parametrize("fast", [True, False], ids=["shutdown", "crash"])
async def test_restarts_under_way_lose_nothing_and_double_nothing(fast: bool) -> None:
    # A PostgreSQL of its own: the one that other tests share must not go away under them.
    with PostgresServer() as postgres:
        url = await postgres.create("restarted")
        hub, writer = build_hub(await open_store(url, key_file=key_file_for(url)), LOOPBACK)
        house = House(hub, writer, url, await open_merchant(hub.store))
        async with Supplier(turns("slow"), slow_s=0.05) as supplier:
            ids = await house.merchant.requests(*[Status.PROCESSING] * REQUESTS)
            await house.push(supplier, PATIENT._replace(concurrency=4), timeoutS=5)
            house.start(house.worker(limits=SHORT._replace(claim_s=20.0, sending_s=60.0, fresh_s=10.0)))
            for restart in range(1, RESTARTS + 1):
                await house.until(lambda restart=restart: _asked(supplier, restart * 25), 60)
                await asyncio.to_thread(postgres.restart, fast)
            await house.until(lambda: _asked(supplier, REQUESTS), 90)
            await house.until_statuses(ids, "processed")
            assert set(supplier.book.values()) == {1}
            await house.end()
        await adds_up(house)
        await close_hub(hub, writer)


async def _asked(supplier: Supplier, orders: int) -> bool:
    return len(supplier.asked) >= orders
