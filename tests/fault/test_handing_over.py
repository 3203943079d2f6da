"""Workers that are killed, or stand still past their leases, between sending and settling."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.delivery.conftest import house as house
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.database import sqlite_path
from tests.support.handing import House
from tests.support.supplier import RULES, Supplier
from tests.support.worker_process import WorkerProcess
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed
from waypost.domain.statuses import Status

WITHIN_S = 40.0


@pytest.fixture
async def workers(migrated_url: str, tmp_path: Path) -> AsyncIterator[list[WorkerProcess]]:
    """Two that do not run yet."""
    made = [WorkerProcess(migrated_url, tmp_path / f"{place}.log") for place in range(2)]
    yield made
    for one in made:
        await one.kill()


@pytest.fixture
async def supplier() -> AsyncIterator[Supplier]:
    """One that hangs until it is told to answer."""
    async with Supplier(turns("hang")) as made:
        yield made


async def unknown(house: House, id_: int) -> bool:
    """It is left to a person."""
    state = await house.state(id_)
    return state.status == Status.PROCESSING_ERROR and state.failure_code == "outcome_unknown"


async def test_a_worker_that_is_killed_while_sending_leaves_a_doubt(
    house: House, supplier: Supplier, workers: list[WorkerProcess]
) -> None:
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT, timeoutS=30)
    await workers[0].start()
    await asyncio.wait_for(supplier.hung.wait(), WITHIN_S)
    await workers[0].kill()
    await workers[1].start()
    await house.until(lambda: unknown(house, id_), WITHIN_S)
    number = await house.number(id_)
    assert supplier.asked[number] == 1
    with pytest.raises(NotAllowed, match="order twice"):
        await house.do(Action.PROCESS, id_)
    supplier.mood = turns("accept")
    await house.do(Action.PROCESS, id_, confirm_resend=True)
    await house.until_statuses([id_], "processed")
    assert supplier.asked[number] == 2
    await adds_up(house)


async def test_a_worker_that_is_killed_while_sending_is_followed_by_a_look_up(
    house: House, supplier: Supplier, workers: list[WorkerProcess]
) -> None:
    there, absent = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.05]}
    await house.push(supplier, PATIENT, timeoutS=30, lookUp=look_up)
    supplier.book[await house.number(there)] += 1  # it has got it, and has not said so yet
    await workers[0].start()
    await house.until(lambda: _both(supplier), WITHIN_S)
    await workers[0].kill()
    supplier.mood = turns("accept")
    await workers[1].start()
    await house.until_statuses([there, absent], "processed")
    assert supplier.book == {await house.number(there): 1, await house.number(absent): 1}
    assert supplier.asked == {await house.number(there): 1, await house.number(absent): 2}
    await adds_up(house)


async def _both(supplier: Supplier) -> bool:
    return supplier.in_flight == 2


async def test_a_worker_that_stands_still_past_its_lease_tells_what_it_knows_later(
    house: House, supplier: Supplier, workers: list[WorkerProcess]
) -> None:
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT, timeoutS=60, rules=RULES)
    await workers[0].start()
    await asyncio.wait_for(supplier.hung.wait(), WITHIN_S)
    await workers[0].stand_still()
    supplier.book[await house.number(id_)] += 1
    supplier.answer_hanging("accept")
    await workers[1].start()
    await house.until(lambda: unknown(house, id_), WITHIN_S)
    assert await house.attention() == []
    workers[0].go_on()

    async def told() -> bool:
        return bool(await house.attention())

    await house.until(told, WITHIN_S)
    assert await house.attention() == [("fulfillment_request", id_, "late_delivery")]
    (attempt,) = await house.attempts(id_)
    assert (attempt["outcome"], attempt["late_outcome"]) == ("unknown", "delivered")
    assert supplier.asked[await house.number(id_)] == 1
    await adds_up(house)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_no_worker_stands_still_while_the_file_is_being_written(
    house: House, workers: list[WorkerProcess]
) -> None:
    """What these tests stop must not hold the one lock, or they would test that nobody can write."""
    await workers[0].start()
    with closing(sqlite3.connect(sqlite_path(house.url), isolation_level=None, timeout=10)) as db:
        db.execute("BEGIN IMMEDIATE")
        stopping = asyncio.ensure_future(workers[0].stand_still())
        await asyncio.wait({stopping}, timeout=0.3)
        assert not stopping.done()
        db.execute("ROLLBACK")
        await stopping
    workers[0].go_on()
    assert await workers[0].stop() == 0


async def test_claims_of_a_killed_worker_are_taken_over(
    house: House, supplier: Supplier, workers: list[WorkerProcess]
) -> None:
    ids = await house.merchant.requests(*[Status.PROCESSING] * 4)
    await house.push(supplier, PATIENT._replace(concurrency=2), timeoutS=30)
    await workers[0].start()

    async def claimed() -> bool:
        states = sorted(row["state"] for row in await house.attempts(*ids))
        return states == ["claimed", "claimed", "sending", "sending"]

    await house.until(claimed, WITHIN_S)
    await workers[0].kill()
    supplier.mood = turns("accept")
    await workers[1].start()
    await house.until_statuses(ids, "processed", "processing_error")
    states = [(await house.state(id_)).status for id_ in ids]
    assert sorted(states) == [Status.PROCESSED, Status.PROCESSED, Status.PROCESSING_ERROR, Status.PROCESSING_ERROR]
    assert {row["number"] for row in await house.attempts(*ids)} == {1}
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)


async def test_a_polite_end_is_polite(house: House, workers: list[WorkerProcess]) -> None:
    async with Supplier(turns("slow"), slow_s=0.5) as supplier:
        id_ = await house.merchant.request()
        await house.push(supplier, PATIENT)
        await workers[0].start()
        await house.until(lambda: _one(supplier), WITHIN_S)
        assert await workers[0].stop() == 0
    assert (await house.state(id_)).status == Status.PROCESSED


async def _one(supplier: Supplier) -> bool:
    return supplier.in_flight == 1
