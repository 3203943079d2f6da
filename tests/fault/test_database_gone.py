"""The database is away for longer than every lease, while requests are being sent: what is known is written when it is
back, and nothing is sent twice for it. `WAYPOST_OUTAGE_S=60` makes it a minute."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import pytest

from tests.delivery.conftest import LOOPBACK
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.handing import House
from tests.support.keys import key_file_for
from tests.support.merchant import open_merchant
from tests.support.proxy import Proxy
from tests.support.supplier import Supplier
from tests.support.worker_process import SHORT
from waypost.domain.statuses import Status
from waypost.main import build_hub, close_hub
from waypost.storage.opening import open_store

OUTAGE_S = float(os.environ.get("WAYPOST_OUTAGE_S", "6"))
LIMITS = SHORT._replace(outage_s=4.0)  # longer than the longest pause between two tries to write
Outage = Callable[[], object]


@asynccontextmanager
async def breakable(url: str) -> AsyncIterator[tuple[str, Outage, Outage]]:
    """A URL of the same database, and what takes it away and brings it back."""
    if url.startswith("postgresql"):
        async with Proxy(url) as proxy:

            def go() -> None:
                proxy.refusing = True
                proxy.drop()

            def come() -> None:
                proxy.refusing = False

            yield proxy.url, go, come
    else:
        with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None, timeout=30)) as other:
            yield url, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("ROLLBACK")


@pytest.mark.parametrize("behaviour", ["accept", "reject", "close"])
async def test_longer_than_every_lease(migrated_url: str, behaviour: str) -> None:
    async with breakable(migrated_url) as (url, go, come):
        hub, writer = build_hub(await open_store(url, migrate=False, key_file=key_file_for(url)), LOOPBACK)
        house = House(hub, writer, migrated_url, await open_merchant(hub.store))
        async with Supplier(turns("hang")) as supplier:
            sent = await house.merchant.requests(*[Status.PROCESSING] * 4)
            await house.push(supplier, PATIENT._replace(concurrency=4), timeoutS=120)
            for _ in range(2):
                house.start(house.worker(limits=LIMITS))

            async def hangs() -> bool:
                return supplier.in_flight == len(sent)

            await house.until(hangs)
            go()
            supplier.mood = turns("accept")
            supplier.answer_hanging(behaviour)
            await asyncio.sleep(OUTAGE_S)  # this is the fault itself
            come()
            wanted = "processed" if behaviour == "accept" else "processing_error"
            await house.until(lambda: _settled(house, sent, wanted), 30)
            later = await house.merchant.requests(*[Status.PROCESSING] * 4)
            await house.until(lambda: _settled(house, later, "processed"), 30)
            for id_ in (*sent, *later):
                assert supplier.asked[await house.number(id_)] == 1
                assert [row["number"] for row in await house.attempts(id_)] == [1]
            codes = {(await house.state(id_)).failure_code for id_ in sent}
            assert codes == {{"accept": None, "reject": "address_invalid", "close": "outcome_unknown"}[behaviour]}
            assert await house.attention() == []
            await adds_up(house)
            await house.end()
        await close_hub(hub, writer)


async def _settled(house: House, ids: list[int], status: str) -> bool:
    states = [await house.state(id_) for id_ in ids]
    return all(state.status == status and state.handover != "sending" for state in states)
