"""What a look-up is believed: at once that it is there, last of all that it is not, and only where it was sent."""

from tests.delivery.test_leases import Desk
from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.supplier import Supplier


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


async def test_what_the_dead_have_sent_is_looked_up(house: House, supplier: Supplier, clock: ManualClock) -> None:
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.05]}
    await house.push(supplier, PATIENT, lookUp=look_up)
    attempt = await Desk(house, clock).sent("one that died")
    clock.advance(90)
    house.start(house.worker(clock))

    async def tried() -> bool:
        return (await house.state(attempt.request_id)).handover == "rejected"

    await house.until(tried)
    assert (await house.state(attempt.request_id)).failure_code == "source_timeout"
    await adds_up(house)
