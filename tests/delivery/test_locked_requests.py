"""Somebody outside the hub holds locks on requests, more than a look reads at once: what stands behind them goes on."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.delivery.test_leases import REJECTED, Desk
from tests.delivery.test_weather import PATIENT, adds_up
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.locks import held
from tests.support.supplier import Supplier
from waypost.app import handover
from waypost.app.ports import Tx
from waypost.app.ports.delivery import Claimed
from waypost.delivery import leftovers
from waypost.delivery.lanes import Limits
from waypost.domain.statuses import Status

LIMITS = Limits(idle_s=0.05, settings_s=0.1, retries_s=0.1, sweep_s=0.1)


@pytest.fixture
def engine() -> str:
    """Only this one: SQLite has one lock, for the whole file."""
    return "postgresql"


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "PAGE", 2)


@pytest.fixture
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LOCKED_REST_S", 1.0)


def locking(ids: Sequence[int]) -> str:
    """A statement that locks these requests."""
    return f"SELECT 1 FROM fulfillment_request_state WHERE id IN ({', '.join(map(str, ids))}) FOR UPDATE"


async def left_by_the_dead(house: House, clock: ManualClock, count: int) -> list[int]:
    """Requests that a worker was sending when it died; its leases have ended."""
    desk = Desk(house, clock)
    ids = [(await desk.sent("one that died")).request_id for _ in range(count)]
    clock.advance(90)
    return ids


@pytest.mark.usefixtures("_soon_again")
async def test_what_is_to_be_tried_again_does_not_wait_behind_what_is_locked(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    await house.push(supplier, PATIENT)
    desk = Desk(house, clock)
    ids = await house.merchant.requests(*[Status.PROCESSING] * 7)
    for attempt in await desk.claim("one that rejects"):
        await desk.start("one that rejects", attempt)
        await desk.settle("one that rejects", attempt, REJECTED._replace(retryable=True))
    clock.advance(700)
    async with held(house.url, locking(ids[:5])):
        house.start(house.worker(clock, LIMITS))
        await house.until_statuses(ids[5:], "processed")
        assert {(await house.state(id_)).status for id_ in ids[:5]} == {Status.PROCESSING_ERROR}
    await house.until_statuses(ids, "processed")
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)


@pytest.mark.usefixtures("_soon_again")
async def test_what_the_dead_have_left_does_not_wait_behind_what_is_locked(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    await house.push(supplier, PATIENT)
    ids = await left_by_the_dead(house, clock, 7)
    async with held(house.url, locking(ids[:5])):
        house.start(house.worker(clock, LIMITS))
        await house.until_statuses(ids[5:], "processing_error")
        assert {(await house.state(id_)).status for id_ in ids[:5]} == {Status.PROCESSING}
    await house.until_statuses(ids, "processing_error")
    assert list(supplier.asked) == []
    await adds_up(house)


async def test_what_was_found_locked_is_left_alone_for_a_while(
    house: House, supplier: Supplier, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the worker would keep the writer busy with it, and the log."""
    await house.push(supplier, PATIENT)
    ids = await left_by_the_dead(house, clock, 3)
    async with held(house.url, locking(ids)):
        house.start(house.worker(clock, LIMITS))

        async def are_found() -> bool:
            return len(caplog.messages) >= 2

        await house.until(are_found)
        await asyncio.sleep(0.5)  # several laps
    locked = [message for message in caplog.messages if "locked by another program" in message]
    assert locked == [
        f"request {ids[0]} and 1 more: locked by another program, dealt with later",
        f"request {ids[2]}: locked by another program, dealt with later",
    ]


@pytest.mark.usefixtures("_soon_again")
async def test_what_is_looked_up_does_not_wait_behind_what_is_locked_either(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    look_up = {"url": "http://127.0.0.1:65001/{number}", "afterS": [0.01]}  # nobody is there: it says nothing
    await house.push(supplier, PATIENT, lookUp=look_up)
    ids = await left_by_the_dead(house, clock, 5)
    async with held(house.url, locking(ids[:3])):
        house.start(house.worker(clock, LIMITS))
        await house.until_statuses(ids[3:], "processing_error")
        assert {(await house.state(id_)).status for id_ in ids[:3]} == {Status.PROCESSING}
    await house.until_statuses(ids, "processing_error")
    await adds_up(house)


@pytest.mark.usefixtures("_soon_again")
async def test_a_retry_that_can_neither_be_done_nor_given_up_stops_no_other(
    house: House, supplier: Supplier, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.push(supplier, PATIENT)
    desk = Desk(house, clock)
    bad, *good = await house.merchant.requests(*[Status.PROCESSING] * 4)
    for attempt in await desk.claim("one that rejects"):
        await desk.start("one that rejects", attempt)
        await desk.settle("one that rejects", attempt, REJECTED._replace(retryable=True))
    clock.advance(700)
    retry = handover.retry

    async def failing(tx: Tx, attempts: Sequence[Claimed], now: int) -> list[bool]:
        if any(one.request_id == bad for one in attempts):
            raise KeyError("a row that breaks the retry")
        return await retry(tx, attempts, now)

    monkeypatch.setattr(handover, "retry", failing)
    async with held(house.url, f"SELECT 1 FROM handover_attempt WHERE request_id = {bad} FOR UPDATE"):
        house.start(house.worker(clock, LIMITS))
        await house.until_statuses(good, "processed")
        assert (await house.state(bad)).status == Status.PROCESSING_ERROR
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)
