"""What a late answer raises ends when somebody decides about the request, and not when a machine moves it."""

from collections.abc import Awaitable, Callable

import pytest

from tests.delivery.test_leases import DELIVERED, NOT_SENT, REJECTED, UNKNOWN, Desk, adds_up
from tests.support.clock import ManualClock
from tests.support.handing import House
from waypost.app.actor import system
from waypost.app.commands import Adjustment, Command, FailureReport
from waypost.app.handover import Begun
from waypost.app.ports.delivery import Claimed
from waypost.app.ports.kinds import Result
from waypost.domain.adjust import LineChange
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed
from waypost.domain.statuses import Status

LATE_DELIVERY, LATE_REJECTION = "late_delivery", "late_rejection"
Way = Callable[[House, int], Awaitable[object]]


@pytest.fixture
async def desk(house: House, clock: ManualClock) -> Desk:
    """With a source that is pushed to."""
    await house.push("http://127.0.0.1:65001/orders")
    return Desk(house, clock)


async def delivered_late(desk: Desk) -> int:
    """It was given up as unknown; then its source said that it has it."""
    attempt = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", attempt, UNKNOWN, lapsed=True)
    await desk.settle("one", attempt, DELIVERED)
    assert [code for _, _, code in await desk.house.attention()] == [LATE_DELIVERY]
    return attempt.request_id


async def rejected_late(desk: Desk) -> int:
    """Somebody acknowledged it while it was being sent; then its source refused it."""
    attempt = await desk.sent()
    await desk.house.do(Action.ACKNOWLEDGE, attempt.request_id)
    await desk.settle("one", attempt, REJECTED)
    assert [code for _, _, code in await desk.house.attention()] == [LATE_REJECTION]
    return attempt.request_id


def by(action: Action, who: str = "account", **more: object) -> Way:
    """Somebody asks for this."""

    async def ask(house: House, id_: int) -> object:
        return await house.hub.changes.change(Command(action, id_, house.merchant.actor(who), **more))  # type: ignore[arg-type]

    return ask


async def canceled_by_its_lines(house: House, id_: int) -> object:
    image = await house.hub.reads.request(house.merchant.actor().scope, id_)
    assert image is not None
    changes = tuple(LineChange(line.id, None, 0, 0, line.quantity, False) for line in image.lines)
    return await by(Action.ADJUST, details=Adjustment(changes))(house, id_)


@pytest.mark.parametrize(
    "way",
    [by(Action.ACKNOWLEDGE), by(Action.ACKNOWLEDGE, "source"), by(Action.CANCEL), by(Action.CANCEL, "source"),
     by(Action.VOID, reason="Elsewhere"), by(Action.PROCESS, confirm_resend=True), canceled_by_its_lines],
)  # fmt: skip
async def test_a_late_delivery_ends_with_a_decision(house: House, desk: Desk, way: Way) -> None:
    id_ = await delivered_late(desk)
    await way(house, id_)
    assert await house.attention() == []
    await adds_up(house)


@pytest.mark.parametrize("way", [by(Action.CANCEL), by(Action.VOID), canceled_by_its_lines])
async def test_a_late_refusal_ends_with_a_decision(house: House, desk: Desk, way: Way) -> None:
    id_ = await rejected_late(desk)
    await way(house, id_)
    assert await house.attention() == []
    await adds_up(house)


async def test_a_late_refusal_ends_when_the_request_is_failed_by_the_narrow_road(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    await house.do(Action.PROCESSED, attempt.request_id)
    await desk.settle("one", attempt, REJECTED)
    assert [code for _, _, code in await house.attention()] == [LATE_REJECTION]
    bare = Command(Action.FAIL, attempt.request_id, house.merchant.actor(), details=FailureReport("Not there"),
                   wants_image=False)  # fmt: skip
    await house.hub.changes.change(bare)
    assert await house.attention() == []
    await adds_up(house)


@pytest.mark.parametrize("action", [Action.CANCEL, Action.VOID])
async def test_a_rule_of_the_clock_decides_nothing(house: House, desk: Desk, action: Action) -> None:
    id_ = await delivered_late(desk)
    await house.hub.changes.change(Command(action, id_, system(house.merchant.account, "clock rules"), reason="Late"))
    assert await house.attention() == [("fulfillment_request", id_, LATE_DELIVERY)]


async def test_what_is_refused_or_edited_decides_nothing(house: House, desk: Desk) -> None:
    id_ = await delivered_late(desk)
    with pytest.raises(NotAllowed):
        await house.do(Action.PROCESS, id_)
    assert await house.attention() == [("fulfillment_request", id_, LATE_DELIVERY)]
    await house.do(Action.CANCEL, id_, dry_run=True)
    assert await house.attention() == [("fulfillment_request", id_, LATE_DELIVERY)]


async def given_up_and_released_again(desk: Desk) -> tuple[Claimed, Claimed]:
    """It was unknown, a person said to send it again, and another worker has taken that on: the old attempt, the new."""
    old = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", old, UNKNOWN, lapsed=True)
    await desk.house.do(Action.PROCESS, old.request_id, confirm_resend=True)
    (new,) = await desk.claim("two")
    return old, new


FOR_NOW = REJECTED._replace(retryable=True)


async def test_what_turns_out_to_be_delivered_before_it_is_sent_again_is_not_sent(house: House, desk: Desk) -> None:
    old, new = await given_up_and_released_again(desk)
    await desk.settle("one", old, DELIVERED)
    state = await house.state(old.request_id)
    assert (state.status, state.handover) == (Status.PROCESSED, "delivered")
    assert await desk.start("two", new) is Begun.NO
    assert [row["outcome"] for row in await house.attempts(old.request_id)] == ["unknown", "withdrawn"]
    assert await house.attention() == [("fulfillment_request", old.request_id, LATE_DELIVERY)]
    await adds_up(house)


async def test_what_waits_to_be_tried_again_is_not_tried_once_it_is_known_to_be_there(house: House, desk: Desk) -> None:
    old, new = await given_up_and_released_again(desk)
    await desk.start("two", new)
    await desk.settle("two", new, FOR_NOW)
    await desk.settle("one", old, DELIVERED)
    assert (await house.state(old.request_id)).handover == "delivered"
    desk.clock.advance(3600)
    due = await house.due_retries(desk.clock())
    assert await desk.retry(due) == [False]
    with pytest.raises(NotAllowed, match="order twice"):
        await house.do(Action.PROCESS, old.request_id)
    await house.do(Action.ACKNOWLEDGE, old.request_id)
    assert await house.attention() == []
    await adds_up(house)


@pytest.mark.parametrize("result", [FOR_NOW, REJECTED, NOT_SENT], ids=["for now", "rejected", "put off"])
@pytest.mark.parametrize("together", [False, True], ids=["before", "in one batch"])
async def test_what_turns_out_to_be_delivered_while_it_is_sent_again_is_left_to_a_person(
    house: House, desk: Desk, result: Result, together: bool
) -> None:
    old, new = await given_up_and_released_again(desk)
    await desk.start("two", new)
    if together:
        await desk.settle_together(("one", old, DELIVERED), ("two", new, result))
    else:
        await desk.settle("one", old, DELIVERED)
        await desk.settle("two", new, result)
    state = await house.state(old.request_id)
    assert (state.status, state.failure_code, state.handover) == (Status.PROCESSING_ERROR, "outcome_unknown", "unknown")
    assert "from before" in (state.failure_reason or "")
    desk.clock.advance(3600)
    assert await house.due_retries(desk.clock()) == []
    assert await desk.claim("two") == []
    with pytest.raises(NotAllowed, match="order twice"):
        await house.do(Action.PROCESS, old.request_id)
    assert await house.attention() == [("fulfillment_request", old.request_id, LATE_DELIVERY)]
    await house.do(Action.ACKNOWLEDGE, old.request_id)
    assert await house.attention() == []
    await adds_up(house)
