"""What a look-up is believed: at once that it is there, last of all that it is not, and only where it was sent."""

import pytest

from tests.delivery.test_leases import Desk
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.supplier import Supplier
from waypost.app.ports.delivery import Claimed
from waypost.delivery.lanes import Limits

# After the lease of the one who sent it, the longest call, and the source's last `afterS`.
SURELY_OVER_US = int((Limits().sending_s + Limits().call_s + 0.05) * 1_000_000)


async def test_that_it_is_not_there_is_believed_of_the_last_look_up_only(house: House, supplier: Supplier) -> None:
    """A source that answers before it is done: the order comes into its book after the first look-up."""
    supplier.mood = turns("close", "accept")
    id_ = await house.merchant.request()
    number = await house.number(id_)
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.05, 0.6]}
    await house.push(supplier, PATIENT, lookUp=look_up)
    house.start()

    async def asked() -> bool:
        return supplier.looked_up[number] == 1

    await house.until(asked)
    supplier.book[number] += 1
    await house.until_statuses([id_], "processed")
    assert (supplier.asked[number], supplier.book[number], supplier.looked_up[number]) == (1, 1, 2)
    await adds_up(house)


async def test_it_is_looked_up_where_it_was_sent(house: House, supplier: Supplier) -> None:
    """The source is set to another address while nobody knows what became of it."""
    supplier.mood = turns("die")
    id_ = await house.merchant.request()
    number = await house.number(id_)
    await house.push(supplier, PATIENT, lookUp={"url": f"{supplier.url}/{{number}}", "afterS": [1.5]})
    house.start()

    async def sent() -> bool:
        return supplier.asked[number] == 1

    await house.until(sent)
    async with Supplier() as other:
        await house.push(other, PATIENT, lookUp={"url": f"{other.url}/{{number}}", "afterS": [0.05]})
        await house.until_statuses([id_], "processed")
        assert not other.asked
        assert not other.looked_up
    assert supplier.book == {number: 1}
    await adds_up(house)


async def test_what_the_dead_have_sent_elsewhere_is_left_to_a_person(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    """The worker died, and the source was set anew: that the new place does not know it says nothing."""
    await house.push("http://127.0.0.1:65001/orders")
    attempt = await Desk(house, clock).sent("one that died")
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.05]}
    await house.push(supplier, PATIENT, at=clock.advance(90), lookUp=look_up)
    house.start(house.worker(clock))
    await house.until_statuses([attempt.request_id], "processing_error")
    assert (await house.state(attempt.request_id)).failure_code == "outcome_unknown"
    assert supplier.looked_up[await house.number(attempt.request_id)] == 1
    assert not supplier.asked
    await adds_up(house)


async def not_there(house: House, supplier: Supplier, clock: ManualClock) -> Claimed:
    """A request that a worker began to send before it died, and that its source does not know."""
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.01, 0.05]}
    await house.push(supplier, PATIENT, at=clock() - 1, lookUp=look_up)
    return await Desk(house, clock).sent("one that died")


async def looked_up(house: House, supplier: Supplier, attempt: Claimed, times: int) -> None:
    """Wait until it was looked up so often, and what that came to is written."""
    number = await house.number(attempt.request_id)

    async def done() -> bool:
        (row,) = await house.attempts(attempt.request_id)
        return supplier.looked_up[number] >= times and row["lease_until"] == row["sending_at"] + SURELY_OVER_US

    await house.until(done)


async def test_that_it_is_not_there_is_believed_once_nothing_can_be_on_its_way(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    """The worker may only stand still: its call could leave, or reach the source, after the first look-ups."""
    attempt = await not_there(house, supplier, clock)
    sent_at = clock()
    clock.advance(90)
    house.start(house.worker(clock, Limits(sweep_s=0.02)))
    await looked_up(house, supplier, attempt, 2)
    assert (await house.state(attempt.request_id)).handover == "sending"
    # A moment before it is over nobody asks; then it is asked again, and believed.
    clock.now = sent_at + SURELY_OVER_US - 1
    await swept(house, clock)
    assert supplier.looked_up[await house.number(attempt.request_id)] == 2
    clock.advance(0.000001)

    async def tried() -> bool:
        return (await house.state(attempt.request_id)).handover == "rejected"

    await house.until(tried)
    assert supplier.looked_up[await house.number(attempt.request_id)] == 4
    assert (await house.state(attempt.request_id)).failure_code == "source_timeout"
    await adds_up(house)


async def test_that_it_is_there_is_believed_at_once(house: House, supplier: Supplier, clock: ManualClock) -> None:
    attempt = await not_there(house, supplier, clock)
    supplier.book[await house.number(attempt.request_id)] += 1
    clock.advance(90)
    house.start(house.worker(clock))
    await house.until_statuses([attempt.request_id], "processed")
    await adds_up(house)


async def test_it_is_believed_of_what_came_meanwhile(house: House, supplier: Supplier, clock: ManualClock) -> None:
    """The call of a worker that stood still reaches the source after the first look-ups."""
    attempt = await not_there(house, supplier, clock)
    clock.advance(90)
    house.start(house.worker(clock, Limits(sweep_s=0.02)))
    await looked_up(house, supplier, attempt, 2)
    supplier.book[await house.number(attempt.request_id)] += 1
    clock.advance(SURELY_OVER_US / 1_000_000)
    await house.until_statuses([attempt.request_id], "processed")
    assert not supplier.asked
    await adds_up(house)


async def test_what_was_sent_in_the_future_is_left_to_a_person(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    """The clock was set back: how long ago it was sent cannot be told."""
    attempt = await not_there(house, supplier, clock)
    clock.advance(-3600)
    await house.hub.store.write(lambda tx: tx.limit_leases(None, clock() - 1))
    house.start(house.worker(clock))
    await house.until_statuses([attempt.request_id], "processing_error")
    state = await house.state(attempt.request_id)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    assert "the clock was set back" in (state.failure_reason or "")
    await adds_up(house)


@pytest.mark.parametrize(
    "changed_s", [-2, -0.5, 0.5, 89], ids=["before its claim, unnoticed", "before it was sent", "after", "just now"]
)
async def test_it_is_believed_of_the_place_only_that_it_was_written_for(
    house: House, supplier: Supplier, clock: ManualClock, changed_s: float
) -> None:
    """The settings changed between claim and call, or later: that the place set now does not know it says nothing."""
    await house.push("http://127.0.0.1:65001/orders", at=1)
    id_ = await house.merchant.request()
    desk = Desk(house, clock)
    (attempt,) = await desk.claim("one that died")
    clock.advance(1)
    await desk.start("one that died", attempt)
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.01]}
    await house.push(supplier, PATIENT, at=clock() + int(changed_s * 1_000_000), lookUp=look_up)
    clock.advance(3600)
    house.start(house.worker(clock))
    await house.until_statuses([id_], "processing_error")
    state = await house.state(id_)
    assert (state.failure_code, "was changed" in (state.failure_reason or "")) == ("outcome_unknown", True)
    assert not supplier.asked
    await adds_up(house)


async def swept(house: House, clock: ManualClock) -> None:
    """Wait until the worker has looked for what others left: it limits a lease that is too long."""
    far = clock() + 10 * 3600 * 1_000_000
    other = await house.merchant.request(source=1)
    scope = house.merchant.sources[1]
    await house.hub.store.write(lambda tx: tx.claim_requests(scope, "somebody", 1, clock(), far, False))

    async def limited() -> bool:
        (row,) = await house.attempts(other)
        return bool(row["lease_until"] < far)

    await house.until(limited)
