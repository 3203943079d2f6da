"""Acknowledgements and shipments that come twice, too early, too late and in the wrong order, while requests are
handed over: they count once, they count for what they prove, and nothing is sent again for them."""

import asyncio

import pytest

from tests.delivery.test_weather import PATIENT, adds_up, turns
from tests.support.handing import House
from tests.support.supplier import Supplier
from waypost.app.commands import Command, FailureReport
from waypost.app.shipment_drafts import PieceDraft, ShipmentDraft
from waypost.app.shipments import Shipped
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotAllowed, Refusal
from waypost.domain.statuses import Status


async def acknowledge(house: House, id_: int) -> None:
    """As the source itself."""
    await house.hub.changes.change(Command(Action.ACKNOWLEDGE, id_, house.merchant.actor("source")))


async def ship(house: House, id_: int, tracking: str, quantity: int = 3, sku: str = "SKU-A") -> Shipped:
    """As the source itself."""
    piece = PieceDraft(quantity, sku=sku)
    draft = ShipmentDraft(house.merchant.actor("source"), id_, None, None, tracking, (piece,))
    return await house.hub.changes.ship(draft)


async def hanging(house: House, supplier: Supplier) -> int:
    """A request that is being sent."""
    supplier.mood = turns("hang")
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT, timeoutS=30)
    house.start()
    await asyncio.wait_for(supplier.hung.wait(), 10)
    return id_


async def doubtful(house: House, supplier: Supplier) -> int:
    """A request of which nobody knows whether its source has it."""
    supplier.mood = turns("die")
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], "processing_error")
    return id_


async def once(house: House, supplier: Supplier, id_: int) -> None:
    """It was asked for once, and is not going to be again."""
    (attempt,) = await house.attempts(id_)
    assert attempt["next_at"] is None
    assert supplier.asked == {await house.number(id_): 1}
    assert await house.attention() == []
    await adds_up(house)


async def test_acknowledged_twice_before_its_answer(house: House, supplier: Supplier) -> None:
    id_ = await hanging(house, supplier)
    await acknowledge(house, id_)
    with pytest.raises(NotAllowed, match="already acknowledged"):
        await acknowledge(house, id_)
    version = (await house.state(id_)).version
    supplier.answer_hanging("accept")
    await house.until_statuses([id_], "acknowledged")
    with pytest.raises(NotAllowed, match="already acknowledged"):
        await acknowledge(house, id_)
    assert (await house.state(id_)).version == version + 1  # the answer
    assert (await house.events(id_)).count("acknowledged") == 1
    await once(house, supplier, id_)


async def test_shipped_before_its_answer_and_acknowledged_after(house: House, supplier: Supplier) -> None:
    id_ = await hanging(house, supplier)
    await ship(house, id_, "T-1")
    state = await house.state(id_)
    assert (state.status, state.shipped_quantity) == (Status.ACKNOWLEDGED, 3)
    with pytest.raises(NotAllowed, match="already acknowledged"):
        await acknowledge(house, id_)
    supplier.answer_hanging("acknowledge")
    await house.until_statuses([id_], "acknowledged")
    await ship(house, id_, "T-2", 2, "SKU-B")
    state = await house.state(id_)
    assert (state.fulfillment_status, state.shipped_quantity) == ("shipped", 5)
    await once(house, supplier, id_)


async def test_the_same_shipment_twice_counts_once(house: House, supplier: Supplier) -> None:
    id_ = await hanging(house, supplier)
    both = await asyncio.gather(*(ship(house, id_, "T-1") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Shipped) for one in both) == 1
    assert sum(isinstance(one, Refusal) for one in both) == 3
    with pytest.raises(Invalid):  # under another tracking number there is nothing open any more
        await ship(house, id_, "T-2")
    supplier.answer_hanging("accept")
    await house.until_statuses([id_], "acknowledged")
    assert (await house.state(id_)).shipped_quantity == 3
    assert (await house.events(id_)).count("shipped") == 1
    await once(house, supplier, id_)


@pytest.mark.parametrize("how", ["acknowledged", "shipped"])
async def test_what_proves_that_the_source_has_it_clears_the_doubt(house: House, supplier: Supplier, how: str) -> None:
    id_ = await doubtful(house, supplier)
    await (acknowledge(house, id_) if how == "acknowledged" else ship(house, id_, "T-1"))
    assert (await house.state(id_)).status == Status.ACKNOWLEDGED
    with pytest.raises(NotAllowed):
        await house.do(Action.PROCESS, id_, confirm_resend=True)
    await once(house, supplier, id_)


@pytest.mark.parametrize("how", ["acknowledged", "shipped"])
async def test_what_was_withdrawn_is_not_brought_back_by_a_late_word(house: House, supplier: Supplier, how: str) -> None:
    id_ = await doubtful(house, supplier)
    await house.do(Action.VOID, id_, reason="Bought elsewhere")
    with pytest.raises(Refusal):
        await (acknowledge(house, id_) if how == "acknowledged" else ship(house, id_, "T-1"))
    assert (await house.state(id_)).status == Status.VOIDED
    await once(house, supplier, id_)


async def test_a_failure_that_the_source_reports_after_it_has_shipped_is_refused(
    house: House, supplier: Supplier
) -> None:
    id_ = await hanging(house, supplier)
    await ship(house, id_, "T-1")
    supplier.answer_hanging("accept")
    await house.until_statuses([id_], "acknowledged")
    late = Command(Action.FAIL, id_, house.merchant.actor("source"), details=FailureReport("None left"))
    with pytest.raises(NotAllowed):
        await house.hub.changes.change(late)
    await once(house, supplier, id_)
