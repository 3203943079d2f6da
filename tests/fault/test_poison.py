"""A real worker with requests, answers and sources that it cannot deal with: each is told, and everybody else is served."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.handing import House
from tests.support.supplier import Behaviour, Supplier
from tests.support.worker_process import WorkerProcess
from waypost.domain.statuses import Status

WITHIN_S = 30.0
UNWRITABLE = "note == 'poison' && merge({number: number}, carrier && {carrier: carrier}) || @"
UNJUDGEABLE = [{"outcome": "rejected", "when": "body.error && merge(body.error, body.receipt)"}]


@pytest.fixture
async def worker(migrated_url: str, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    """One that does not run yet."""
    made = WorkerProcess(migrated_url, tmp_path / "worker.log")
    yield made
    await made.kill()


async def poison(house: House, id_: int) -> None:
    """From now on this request cannot be written."""
    sql = "UPDATE fulfillment_request SET note = 'poison' WHERE id = $1"
    await house.hub.store.write(lambda tx: tx.execute(sql, id_))  # type: ignore[attr-defined]


async def test_what_one_request_breaks_stops_nobody(house: House, worker: WorkerProcess) -> None:
    """A call of a healthy source that is under way meanwhile is not cut off."""
    async with Supplier(turns("hang")) as healthy, Supplier() as sick:
        (under_way,) = await house.merchant.requests(Status.PROCESSING)
        await house.push(healthy, PATIENT)
        await worker.start()
        await asyncio.wait_for(healthy.hung.wait(), WITHIN_S)
        bad, unjudged, good = [await house.merchant.request(source=1) for _ in range(3)]
        await poison(house, bad)
        judged_badly = await house.number(unjudged)

        def mood(order: dict[str, str], time: int) -> Behaviour:
            return "reject" if order["number"] == judged_badly else "accept"

        sick.mood = mood
        await house.push(sick, PATIENT, source=1, body=UNWRITABLE, rules=UNJUDGEABLE)
        await house.until_statuses([good], "processed")
        await house.until_statuses([bad, unjudged], "processing_error")
        more = await house.merchant.request(source=1)
        await house.until_statuses([more], "processed")
        healthy.answer_hanging("accept")
        await house.until_statuses([under_way], "processed")
        assert worker.runs
        assert set(sick.asked.values()) == set(healthy.asked.values()) == {1}
        assert len(sick.asked) == 3
    state = await house.state(bad)
    assert (state.failure_code, state.handover) == ("required_info_missing", "rejected")
    state = await house.state(unjudged)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    assert "/settings/rules/0 cannot judge that answer" in (state.failure_reason or "")
    assert await worker.stop() == 0
    await adds_up(house)


async def test_a_source_that_cannot_be_opened_stops_no_other(house: House, worker: WorkerProcess) -> None:
    async with Supplier() as supplier:
        held, other = await house.merchant.request(source=1), await house.merchant.request()
        for source in (0, 1):
            await house.push(supplier, PATIENT, source=source)
        sql = "UPDATE source_delivery SET settings = 'nonsense' WHERE source_id = $1"
        broken = house.merchant.sources[1]
        await house.hub.store.write(lambda tx: tx.execute(sql, broken))  # type: ignore[attr-defined]
        await worker.start()
        await house.until_statuses([other], "processed")

        async def told() -> bool:
            return await house.attention() == [("source", broken, "source_down")]

        await house.until(told)
        await house.push(supplier, PATIENT, source=1)
        await house.until_statuses([held], "processed")
        assert set(supplier.book.values()) == {1}
        assert await worker.stop() == 0
