"""Workers whose clocks jump while they work, and one that sleeps between `sending` and its call."""

import itertools

import pytest

from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.supplier import Behaviour, Supplier
from waypost.app.handover import Begun, Start, advance
from waypost.app.ports.delivery import Claimed
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


async def claimed_while_the_clock_ran_ahead(house: House, clock: Jumping) -> Claimed:
    """A request that a worker, which is gone, claimed while its clock ran a day ahead."""
    clock.shift_s = DAY_S
    await house.merchant.request()
    source = house.merchant.sources[0]
    (claimed,) = await house.hub.store.write(
        lambda tx: tx.claim_requests(source, "dead", 1, clock(), clock() + 60_000_000, False)
    )
    return claimed


async def test_a_claim_of_a_clock_that_ran_ahead_is_taken_over_at_once(house: House) -> None:
    async with Supplier(turns("accept")) as supplier:
        claimed = await claimed_while_the_clock_ran_ahead(house, Jumping(house))
        await house.push(supplier, PATIENT)
        house.start()
        await house.until_statuses([claimed.request_id], "processed")
        assert supplier.book == {await house.number(claimed.request_id): 1}


async def test_the_lease_of_what_is_sent_ends_in_time_though_the_clock_ran_ahead(house: House) -> None:
    clock = Jumping(house)
    claimed = await claimed_while_the_clock_ran_ahead(house, clock)
    id_ = claimed.request_id
    start = Start(claimed, "dead", (await house.state(id_)).version, "{}", 60_000_000, 1)
    assert await house.hub.store.write(lambda tx: advance(tx, [start], clock())) == [Begun.YES]
    async with Supplier(turns("accept")) as supplier:
        await house.push(supplier, PATIENT)
        ahead = Jumping(house)
        ahead.shift_s = 2 * 3600 + 1  # as far as a lease may reach at most
        house.start(house.worker(limits=Limits(sweep_s=0.05)))

        async def shortened() -> bool:
            return (await house.attempts(id_))[0]["lease_until"] <= ahead()

        await house.until(shortened)
        house.start(house.worker(ahead, Limits(sweep_s=0.05)))
        await house.until_statuses([id_], "processing_error")
        assert (await house.state(id_)).failure_code == "outcome_unknown"
        assert not supplier.asked


@pytest.mark.parametrize(("behaviour", "status"), [("later", "processing_error"), ("down", "processing")])
async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(
    house: House, behaviour: Behaviour, status: str
) -> None:
    """Rejected for now, or put off: it was to be tried again half an hour later, by a clock 10 hours ahead."""
    policy = PATIENT._replace(first_delay_s=1800.0, longest_delay_s=1800.0, failures=100)
    async with Supplier(turns(behaviour, "accept")) as supplier:
        clock = Jumping(house)
        clock.shift_s = 10 * 3600
        id_ = await house.merchant.request()
        await house.push(supplier, policy)
        house.start(house.worker(clock))

        async def settled() -> bool:
            return [row["state"] for row in await house.attempts(id_)] == ["settled"]

        await house.until(settled)
        assert (await house.state(id_)).status == status
        assert (await house.attempts(id_))[0]["next_at"] > clock()
        clock.shift_s = 0
        await house.until_statuses([id_], "processed")
        number = await house.number(id_)
        assert supplier.asked == {number: 2}
        assert supplier.book == {number: 1}
    await adds_up(house)


async def test_what_waits_rightly_waits_on(house: House) -> None:
    """Half a minute of another clock is no clock that was set back."""
    policy = PATIENT._replace(first_delay_s=1800.0, longest_delay_s=1800.0)
    async with Supplier(turns("later", "accept")) as supplier:
        clock = Jumping(house)
        clock.shift_s = 30.0
        first = await house.merchant.request()
        await house.push(supplier, policy)
        house.start(house.worker(clock))
        await house.until_statuses([first], "processing_error")
        clock.shift_s = 0.0
        supplier.mood = turns("accept")
        later = await house.merchant.request()
        await house.until_statuses([later], "processed")
        now = house.hub.clock()
        assert await house.due_retries(now) == []
        assert await house.hub.store.write(lambda tx: tx.end_waits(now, 10)) == 0
        set_back = now - 60_000_000
        assert await house.hub.store.write(lambda tx: tx.end_waits(set_back, 10)) == 1
        assert await house.hub.store.write(lambda tx: tx.end_waits(set_back, 10)) == 0
        assert len(await house.due_retries(set_back)) == 1
        assert supplier.asked[await house.number(first)] == 1


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
