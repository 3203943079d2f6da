"""Two workers on machines whose clocks lie five minutes apart: neither takes what the other is at for left behind."""

import asyncio
from pathlib import Path

import pytest

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.handing import House
from tests.support.supplier import Supplier
from tests.support.worker_process import WorkerProcess
from waypost.domain.statuses import Status

APART_S = 300
LEASE_S = 120  # by one and the same clock nobody's ends in this test
AT_ONCE = 3
LATER = 4


@pytest.fixture
def engine() -> str:
    """Only this one: processes on one SQLite file share a machine, and so its clock."""
    return "postgresql"


@pytest.mark.parametrize("ahead_s", [APART_S, -APART_S])
async def test_what_is_being_sent_is_left_alone(
    ahead_s: float, house: House, migrated_url: str, tmp_path: Path
) -> None:
    clocks = (0.0, ahead_s) if ahead_s > 0 else (-ahead_s, 0.0)  # the second is behind what the first writes, or ahead
    sender, other = (WorkerProcess(migrated_url, tmp_path / f"{n}.log", by, LEASE_S) for n, by in enumerate(clocks))
    async with Supplier(turns("hang")) as supplier:
        look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.05]}
        ids = await house.merchant.requests(*[Status.PROCESSING] * AT_ONCE)
        await house.push(supplier, PATIENT._replace(concurrency=AT_ONCE), timeoutS=60, lookUp=look_up)
        try:
            await sender.start()
            async with asyncio.timeout(40):
                while supplier.in_flight < AT_ONCE:
                    await asyncio.sleep(0.01)
            supplier.mood = turns("accept")
            await other.start()
            for _ in range(LATER):  # the sender has no room for them
                (later,) = await house.merchant.requests(Status.PROCESSING)
                await house.until_statuses([later], "processed")
                ids.append(later)
            supplier.answer_hanging("accept")
            await house.until_statuses(ids, "processed")
        finally:
            await sender.kill()
            await other.kill()
        assert set(supplier.asked.values()) == set(supplier.book.values()) == {1}
        assert len(supplier.asked) == len(ids)
    assert await house.attention() == []
    await adds_up(house)
