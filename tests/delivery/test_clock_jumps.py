"""Workers whose clocks jump while they work, and one that sleeps between `sending` and its call."""

import itertools

import pytest

from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.supplier import Supplier
from waypost.delivery import hands
from waypost.delivery.lanes import Limits
from waypost.domain.statuses import Status

DAY_S = 86_400


class Jumping(ManualClock):
    """Goes on with the real clock, ahead of it or behind it by `shift_s`."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._real = house.hub.clock
        self.shift_s = 0.0

    def __call__(self) -> int:
        return self._real() + int(self.shift_s * 1_000_000)


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["ahead", "back"])
async def test_two_workers_whose_clocks_jump_order_nothing_twice(house: House, jump_s: float) -> None:
    """One of them jumps: to the other its leases are long over, or far away; and back it goes."""
    async with Supplier(turns("slow"), slow_s=0.15) as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * 60)
        await house.push(supplier, PATIENT._replace(concurrency=6))
        clock = Jumping(house)
        limits = Limits(sweep_s=0.05)
        house.start(house.worker(clock, limits))
        house.start(house.worker(limits=limits))
        for jumps, share in enumerate((10, 20, 30, 40), 1):
            await house.until(lambda share=share: _asked(supplier, share))
            clock.shift_s = jump_s * (jumps % 2)
        await house.until_statuses(ids, "processed", "processing_error")
        await house.until(lambda: _none_is_open(house, ids))
    assert set(supplier.book.values()) == {1}
    assert len(supplier.book) == len(ids)
    late = {id_ for _, id_, code in await house.attention() if code == "late_delivery"}
    for id_ in ids:
        state = await house.state(id_)
        assert state.status == Status.PROCESSED or id_ in late, "what was given up too early is told of"
    await adds_up(house)


async def test_what_waits_for_its_time_does_not_wait_for_a_clock_that_was_wrong(house: House) -> None:
    """A lease that was given while the clock ran a day ahead ends in time."""
    async with Supplier(turns("accept")) as supplier:
        clock = Jumping(house)
        clock.shift_s = DAY_S
        (id_,) = await house.merchant.requests(Status.PROCESSING)
        await house.push(supplier, PATIENT)
        source = house.merchant.sources[0]
        claimed = await house.hub.store.write(
            lambda tx: tx.claim_requests(source, "dead", 1, clock(), clock() + 60_000_000, False)
        )
        assert [one.request_id for one in claimed] == [id_]
        clock.shift_s = 0
        ahead = Jumping(house)
        ahead.shift_s = 2 * 3600 + 1  # as far as a lease may reach at most
        house.start(house.worker(limits=Limits(sweep_s=0.05)))

        async def shortened() -> bool:
            return (await house.attempts(id_))[0]["lease_until"] <= ahead()

        await house.until(shortened)
        house.start(house.worker(ahead, Limits(sweep_s=0.05)))
        await house.until_statuses([id_], "processed")
        assert supplier.book == {await house.number(id_): 1}


async def test_a_machine_that_slept_before_the_call_does_not_make_it(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sending` was committed; then the machine slept for an hour: somebody else may have it by now."""
    ticks = itertools.chain([0.0], itertools.repeat(3600.0))
    monkeypatch.setattr(hands, "standing_s", lambda: next(ticks))
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], "processed")
    outcomes = [row["outcome"] for row in await house.attempts(id_)]
    assert outcomes == ["deferred", "delivered"]
    assert supplier.asked == {await house.number(id_): 1}
    await adds_up(house)


async def _asked(supplier: Supplier, orders: int) -> bool:
    return len(supplier.asked) >= orders


async def _none_is_open(house: House, ids: list[int]) -> bool:
    return all(row["state"] == "settled" for row in await house.attempts(*ids))
