"""Webhooks whose waits were written before the clock was set back: they go out at once, and nothing goes out twice."""

import pytest

from tests.events.conftest import Sending
from tests.events.test_failing import one_failed
from tests.support.database import rows
from tests.support.receiver import Receiver, answers, fine
from waypost.events.session import Claim, claim

TEN_HOURS_S = 10 * 3600
BEHIND = 10**9  # a cursor that has passed everything


@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
async def test_a_retry_does_not_wait_for_a_clock_that_was_set_back(
    sending: Sending, receiver: Receiver, strict: bool
) -> None:
    """With strict order it is the endpoint that waits."""
    receiver.behave = answers(500, Retry_After="1800")
    hook = await sending.configure(receiver.url, "order.created", strictOrder=strict)
    sending.clock.shift_s = TEN_HOURS_S
    async with sending.running():
        await sending.world.order()
        entry = await one_failed(sending, hook)
    receiver.behave = fine
    sending.clock.shift_s = 0
    async with sending.running():
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert [one.id for one in receiver.received] == [entry["messageId"]] * 2
    (entry,) = await sending.deliveries(hook["id"])
    assert (entry["status"], entry["attempts"]) == ("delivered", 2)


async def test_an_endpoint_held_by_a_clock_that_ran_ahead_is_free(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "order.created")
    sending.clock.shift_s = TEN_HOURS_S
    now = sending.clock()
    dead = Claim(hook["id"], "dead", now, now + 15_000_000)
    assert await sending.writer.submit(claim, dead) is not None
    sending.clock.shift_s = 0
    await sending.world.order()
    async with sending.running():
        await receiver.until(1)
        await sending.settled(hook["id"])
    assert len(receiver.received) == 1


async def test_what_waits_rightly_waits_on(sending: Sending, receiver: Receiver) -> None:
    """Half a minute of another clock is no clock that was set back."""
    receiver.behave = answers(500, Retry_After="1800")
    hook = await sending.configure(receiver.url, "order.created")
    sending.clock.shift_s = 30
    async with sending.running():
        await sending.world.order()
        await one_failed(sending, hook)
        receiver.behave = fine
        sending.clock.shift_s = 0
        await sending.world.order()
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert len({one.id for one in receiver.received}) == 2
    now = sending.clock()
    reads = sending.world.hub.reads
    assert await reads.due_deliveries(hook["id"], BEHIND, now, 10) == []
    assert await reads.due_webhooks(now) == []
    assert len(await reads.due_deliveries(hook["id"], BEHIND, now - 60_000_000, 10)) == 1
    assert len(await reads.due_deliveries(hook["id"], BEHIND, now + 1860 * 1_000_000, 10)) == 1


async def test_a_failure_is_never_older_than_the_clock_says(sending: Sending, receiver: Receiver) -> None:
    """Else an endpoint that fails is given up as much later."""
    receiver.behave = answers(500)
    hook = await sending.configure(receiver.url, "order.created")
    sending.clock.shift_s = TEN_HOURS_S
    async with sending.running():
        await sending.world.order()
        await one_failed(sending, hook)
    sending.clock.shift_s = 0
    async with sending.running():
        await receiver.until(2)
        await sending.settled(hook["id"])
    (row,) = await rows(sending.database_url, "SELECT failing_since FROM webhook")
    assert row["failing_since"] <= sending.clock()
