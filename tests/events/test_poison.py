"""What the hub itself cannot do for one webhook, or one message of it, stops neither the others nor what comes after."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.events.conftest import Sending
from tests.events.test_failing import one_failed
from tests.support.database import rows
from tests.support.receiver import Receiver, answers, fine
from waypost.app.ports.webhooks import Delivery
from waypost.domain.attention import WEBHOOK_DEFECT
from waypost.domain.refusals import Unavailable
from waypost.domain.webhooks import Message
from waypost.events import sending as making
from waypost.events import webhooks
from waypost.outgoing.calling import Answer, Caller


class Poison:
    """Order ids whose messages cannot be made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.orders: set[int] = set()
        self.times = 0
        self._render = making.render_message
        monkeypatch.setattr(making, "render_message", self)

    def __call__(self, message: Message, *rest: Any) -> bytes:
        if message.event is not None and message.event.subject_id in self.orders:
            self.times += 1
            raise TypeError("a planted defect")
        return self._render(message, *rest)


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poison:
    """Nothing is poisoned yet."""
    return Poison(monkeypatch)


async def told(sending: Sending) -> dict[int, str]:
    """What is said of which webhook."""
    groups = (await sending.world.client().get("/attention")).json()["groups"]
    return {
        item["subject"]["id"]: item["message"]
        for group in groups if group["code"] == WEBHOOK_DEFECT for item in group["items"]
    }  # fmt: skip


@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
async def test_a_message_that_cannot_be_made_is_passed_over_and_told_of(
    sending: Sending, receiver: Receiver, poison: Poison, strict: bool
) -> None:
    hook = await sending.configure(receiver.url, "order.created", strictOrder=strict)
    ids = [await sending.world.order() for _ in range(3)]
    poison.orders = {ids[1]}
    async with sending.running():
        await receiver.until(2)
        await sending.settled(hook["id"])
        assert [one.json()["subject"]["id"] for one in receiver.received] == [ids[0], ids[2]]
        first, second, third = await sending.deliveries(hook["id"])
        assert [one["status"] for one in (first, second, third)] == ["delivered", "failed", "delivered"]
        assert second["nextAttemptAt"] is None
        assert [entry["error"] for entry in second["log"]] == [
            "The hub could not make this message; its log says why."
        ]
        said = (await told(sending))[hook["id"]]
        assert second["messageId"] in said
        assert "planted" not in said
        assert poison.times == 1
        assert (await sending.configuration(hook["id"]))["failingSince"] is None, "the endpoint is well"
        # Once it is mended, the message is asked for again.
        poison.orders = set()
        path = f"/webhook/configurations/{hook['id']}/replay"
        assert (await sending.world.client().post(path, json={"eventId": second["eventId"]})).status == 202
        await receiver.until(3)
        await sending.settled(hook["id"])
    assert receiver.received[-1].id == second["messageId"]


async def test_what_cannot_be_made_when_it_is_tried_again_is_given_up(
    sending: Sending, receiver: Receiver, poison: Poison
) -> None:
    receiver.behave = answers(500)
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        ids = [await sending.world.order() for _ in range(2)]
        await receiver.until(2)
        await sending.settled(hook["id"])
        receiver.behave = fine
        poison.orders = {ids[0]}
        sending.clock.shift_s += 10
        await receiver.until(3)

        async def given_up() -> bool:
            return [one["status"] for one in await sending.deliveries(hook["id"])] == ["failed", "delivered"]

        await sending.until(given_up)
    assert poison.times == 1
    assert list(await told(sending)) == [hook["id"]]


async def test_a_database_that_is_away_while_a_message_is_made_is_no_defect(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await sending.configure(receiver.url, "OrderImportedEvent")
    reads: Any = sending.world.hub.reads
    order, times = type(reads).order, [0]

    async def away_at_first(self: Any, *args: Any) -> Any:
        times[0] += 1
        if times[0] <= 2:
            raise Unavailable("A planted outage.")
        return await order(self, *args)

    monkeypatch.setattr(type(reads), "order", away_at_first)
    await sending.world.order()
    async with sending.running():
        await receiver.until(1)
        await sending.settled(hook["id"])
    assert [one["status"] for one in await sending.deliveries(hook["id"])] == ["delivered"]
    assert await told(sending) == {}


async def test_an_endpoint_whose_row_cannot_be_read_does_not_stop_the_others(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "DEFECT_REST_S", 0.05)
    broken = await sending.configure(f"{receiver.url}/broken", "order.created")
    well = await sending.configure(f"{receiver.url}/well", "order.created")
    await rows(sending.database_url, "UPDATE webhook SET subscribed = '[\"order' WHERE id = $1", broken["id"])
    async with sending.running():
        id_ = await sending.world.order()
        await receiver.until(1)
        await sending.settled(well["id"])
        assert receiver.received[0].path.endswith("/well")

        async def is_told() -> bool:
            return list(await told(sending)) == [broken["id"]]

        await sending.until(is_told)
        # Set again, it goes on where it stopped.
        path = f"/webhook/configurations/{broken['id']}"
        reply = await sending.world.client().patch(path, json={"subscribedEvents": ["order.created"]})
        assert reply.status == 200, reply.body
        await receiver.until(2)
        await sending.settled(broken["id"])
    assert receiver.received[1].path.endswith("/broken")
    assert receiver.received[1].json()["subject"]["id"] == id_


async def test_an_endpoint_with_which_the_hub_fails_rests(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried, and logged, twenty times a second."""
    broken = await sending.configure(f"{receiver.url}/broken", "order.created")
    well = await sending.configure(f"{receiver.url}/well", "order.created")
    reads: Any = sending.world.hub.reads
    whole, times = type(reads).deliveries_of, [0]

    async def failing(self: Any, webhook_id: int, ids: Sequence[str]) -> dict[str, Delivery]:
        if webhook_id == broken["id"]:
            times[0] += 1
            raise TypeError("a planted defect")
        found: dict[str, Delivery] = await whole(self, webhook_id, ids)
        return found

    monkeypatch.setattr(type(reads), "deliveries_of", failing)
    async with sending.running():
        for count in range(1, 4):
            await sending.world.order()
            await receiver.until(count)
            await sending.settled(well["id"])
    assert {one.path.rsplit("/", 1)[1] for one in receiver.received} == {"well"}
    assert times == [1]
    assert list(await told(sending)) == [broken["id"]]


async def test_a_log_that_cannot_be_read_does_not_send_its_message_for_ever(
    sending: Sending, receiver: Receiver
) -> None:
    receiver.behave = answers(500)
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        await sending.world.order()
        await one_failed(sending, hook)
    receiver.behave = fine
    await rows(sending.database_url, "UPDATE webhook_delivery SET log = '[{'")
    sending.clock.shift_s += 10
    async with sending.running():
        await receiver.until(2)

        async def delivered() -> bool:
            found = await rows(sending.database_url, "SELECT status FROM webhook_delivery")
            return found == [{"status": "delivered"}]

        await sending.until(delivered)
    (entry,) = await sending.deliveries(hook["id"])
    assert [one["status"] for one in entry["log"]] == [204]
    assert len(receiver.received) == 2
    assert await told(sending) == {}


async def test_a_call_that_fails_in_the_hub_is_a_failed_attempt(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, times = Caller.call, [0]

    async def failing_at_first(self: Caller, *args: Any) -> Answer:
        answer = await call(self, *args)
        times[0] += 1
        if times[0] == 1:
            raise OverflowError("a planted defect")
        return answer

    monkeypatch.setattr(Caller, "call", failing_at_first)
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        await sending.world.order()
        entry = await one_failed(sending, hook)
        assert (entry["status"], entry["log"][0]["error"]) == (
            "pending", "The call failed in the hub itself; its log says why."
        )  # fmt: skip
        sending.clock.shift_s += 10
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert len({one.id for one in receiver.received}) == 1
    assert [one["status"] for one in await sending.deliveries(hook["id"])] == ["delivered"]
