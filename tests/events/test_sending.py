"""Webhooks that arrive: signed, in order, each event once, in the form that was asked for."""

import asyncio
import itertools
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from tests.events.conftest import Sending
from tests.support.database import rows
from tests.support.receiver import Received, Receiver
from waypost.app.actor import Scope
from waypost.app.commands import Command, FailureReport
from waypost.app.ports.webhooks import DueWebhook
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.events import session, webhooks


def verified(received: Received, secret: str) -> Any:
    """The payload, once its signature holds."""
    return Webhook(secret).verify(received.body, received.headers)


async def test_every_event_arrives_signed_in_order_and_once(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url)
    async with sending.running():
        for _ in range(5):
            await sending.world.request(Status.PROCESSING_ERROR)
        feed = (await sending.events())[1:]  # the first is the configuration's own
        await receiver.until(len(feed))
        await sending.settled(hook["id"])
    assert [verified(one, hook["secret"]) for one in receiver.received] == feed
    assert [one.id for one in receiver.received] == [f"evt_{sending.world.ours.account}_{e['seq']}" for e in feed]
    log = await sending.deliveries(hook["id"])
    assert [entry["eventId"] for entry in log] == [event["seq"] for event in feed]
    assert {entry["status"] for entry in log} == {"delivered"}
    assert {(entry["attempts"], entry["log"][0]["status"], entry["log"][0]["error"]) for entry in log} == {(1, 204, None)}
    headers = receiver.received[0].headers
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Waypost/")


async def test_only_what_is_subscribed_to(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "fulfillment_request.failed", "order.*")
    async with sending.running():
        for _ in range(3):
            await sending.world.request(Status.PROCESSING_ERROR)
        await receiver.until(6)
        await sending.settled(hook["id"])
    types = [one.json()["type"] for one in receiver.received]
    assert types == ["order.created", "fulfillment_request.failed"] * 3


async def test_an_endpoint_of_a_source_gets_what_its_token_would_see(sending: Sending, receiver: Receiver) -> None:
    world = sending.world
    hook = await sending.configure(receiver.url, sourceId=world.ours.sources[0])
    async with sending.running():
        mine = await world.request(Status.UNPROCESSED)
        await world.request(source=1)
        await world.hub.changes.change(Command(Action.PROCESS, mine, world.ours.actor))
        await receiver.until(1)
        await world.hub.changes.change(
            Command(Action.FAIL, mine, world.ours.actor, details=FailureReport("none left"))
        )
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert [one.json() for one in receiver.received] == (await world.client("src").get("/events")).json()["events"]


async def test_the_originals_names_have_bodies_of_their_own(sending: Sending, receiver: Receiver) -> None:
    world = sending.world
    names = ["FulfillmentRequestProcessingEvent", "OrderImportedEvent"]
    hook = await sending.configure(receiver.url, *names)
    async with sending.running():
        released = await world.request(Status.UNPROCESSED)
        at_once = await world.request()
        await world.hub.changes.change(Command(Action.PROCESS, released, world.ours.actor))
        await receiver.until(4)
        await sending.settled(hook["id"])
    bodies = [verified(one, hook["secret"]) for one in receiver.received]
    assert [body["eventType"] for body in bodies] == [names[1], names[1], names[0], names[0]]
    shown = {id_: (await world.client().get(f"/fulfillment-requests/{id_}")).json() for id_ in (released, at_once)}
    assert [body["fulfillmentRequest"] for body in bodies[2:]] == [shown[at_once], shown[released]]
    order = (await world.client().get(f"/orders/{shown[released]['orderId']}")).json()
    assert bodies[0]["order"]["orderNumber"] == order["orderNumber"]
    assert bodies[0]["order"]["orderItems"] == order["orderItems"]
    feed = {event["seq"]: event["type"] for event in await sending.events()}
    assert [feed[body["eventId"]] for body in bodies] == [
        "order.created", "order.created", "fulfillment_request.generated", "fulfillment_request.processing",
    ]  # fmt: skip
    assert all(one.id.endswith(body["eventType"]) for one, body in zip(receiver.received, bodies, strict=True))


async def test_both_forms_of_one_event_are_two_messages(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "OrderImportedEvent", "order.created")
    async with sending.running():
        await sending.world.order()
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert len({one.id for one in receiver.received}) == 2


async def test_an_endpoint_hears_nothing_of_another_account(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url)
    async with sending.running():
        await sending.world.request(merchant=sending.world.theirs)
        await sending.world.request()
        await receiver.until(2)
        await sending.settled(hook["id"])
    assert len(receiver.received) == 2


async def test_a_fan_out_reaches_every_endpoint(sending: Sending, receiver: Receiver) -> None:
    hooks = [await sending.configure(f"{receiver.url}/{place}", "fulfillment_request.*") for place in range(10)]
    async with sending.running():
        await asyncio.gather(*(sending.world.request() for _ in range(20)))
        await receiver.until(200)
        for hook in hooks:
            await sending.settled(hook["id"])
    for place in range(10):
        seqs = [one.json()["seq"] for one in receiver.received if one.path == f"/hook/{place}"]
        assert len(seqs) == 20
        assert seqs == sorted(seqs)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_several_workers_share_the_work(sending: Sending, receiver: Receiver) -> None:
    hooks = [await sending.configure(f"{receiver.url}/{place}", "order.created") for place in range(4)]
    async with sending.running(workers=3):
        await asyncio.gather(*(sending.world.order() for _ in range(25)))
        await receiver.until(100)
        for hook in hooks:
            await sending.settled(hook["id"])
    for place in range(4):
        ids = [one.id for one in receiver.received if one.path == f"/hook/{place}"]
        assert len(ids) == 25, "each held by one worker at a time: no message twice"
        assert ids == sorted(ids, key=lambda id_: int(id_.rsplit("_", 1)[1]))


async def test_while_secrets_overlap_either_verifies(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "order.created")
    reply = await sending.world.client().post(
        f"/webhook/configurations/{hook['id']}/rotate-secret", json={"overlapSeconds": 600}
    )
    new = reply.json()["secret"]
    assert new != hook["secret"]
    async with sending.running():
        await sending.world.order()
        (first,) = await receiver.until(1)
        assert verified(first, hook["secret"]) == verified(first, new)
        assert len(first.headers["webhook-signature"].split()) == 2
        sending.clock.shift_s = 601
        await sending.world.order()
        second = (await receiver.until(2))[1]
    assert len(second.headers["webhook-signature"].split()) == 1
    now = int(second.headers["webhook-timestamp"])
    from datetime import UTC, datetime

    expected = Webhook(new).sign(second.id, datetime.fromtimestamp(now, UTC), second.body.decode())
    assert second.headers["webhook-signature"] == expected


async def test_a_test_message(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        reply = await sending.world.client().post(f"/webhook/configurations/{hook['id']}/test")
        assert reply.status == 202
        assert reply.json()["status"] == "pending"
        (one,) = await receiver.until(1)
        assert verified(one, hook["secret"])["type"] == "webhook.test"
        await sending.settled(hook["id"])
    (entry,) = await sending.deliveries(hook["id"])
    assert (entry["status"], entry["messageId"], entry["eventId"]) == ("delivered", one.id, None)


async def test_nothing_is_written_for_an_endpoint_that_nothing_is_for(sending: Sending, receiver: Receiver) -> None:
    quiet = await sending.configure(f"{receiver.url}/quiet", "order.canceled")
    busy = await sending.configure(f"{receiver.url}/busy", "order.created")
    async with sending.running():
        for _ in range(3):
            await sending.world.order()
        await receiver.until(3)
        await sending.settled(busy["id"])
    found = await rows(sending.database_url, "SELECT cursor, lease_owner FROM webhook WHERE id = $1", quiet["id"])
    assert found == [{"cursor": quiet["lastEventId"], "lease_owner": None}]


async def test_a_lease_that_was_given_while_the_clock_ran_ahead_holds_nothing_up(
    sending: Sending, receiver: Receiver
) -> None:
    """Its worker died; then the clock was set right, a day back."""
    hook = await sending.configure(receiver.url, "order.created")
    ahead = sending.clock() + 86_400_000_000
    taken = await sending.world.hub.store.write(
        lambda tx: tx.claim_webhook(hook["id"], "dead", ahead, ahead + 15_000_000)
    )
    assert taken is not None
    async with sending.running():
        await sending.world.order()
        await receiver.until(1)


async def test_endpoints_that_answer_slowly_do_not_keep_the_others_waiting(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They answer well, have much to be sent, and take every place there is."""
    monkeypatch.setattr(webhooks, "ENDPOINTS_AT_ONCE", 2)
    monkeypatch.setattr(session, "STEP_S", 0.2)

    async def slow(request: web.Request, received: Received) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.Response(status=204)

    async with Receiver() as theirs, Receiver() as ours:
        ours.behave = slow
        hooks = [await sending.configure(f"{ours.url}/{n}", "order.created") for n in range(2)]
        url = {"configurationName": "x", "webhookUrl": theirs.url, "subscribedEvents": ["order.created"]}
        reply = await sending.world.client(merchant=sending.world.theirs).post("/webhook/configurations", json=url)
        assert reply.status == 201
        orders = 40
        for _ in range(orders):
            await sending.world.order()
        async with sending.running():
            await ours.until(2)
            await sending.world.order(merchant=sending.world.theirs)
            await theirs.until(1)
            assert len(ours.received) < orders
            await ours.until(2 * orders, within_s=60)
            for hook in hooks:
                await sending.settled(hook["id"])
        assert len({(one.id, one.path) for one in ours.received}) == len(ours.received) == 2 * orders


async def test_who_has_waited_longest_for_a_place_comes_next(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are not due at every look, but at each look one of them is, and was made first."""
    monkeypatch.setattr(webhooks, "ENDPOINTS_AT_ONCE", 1)
    due = [DueWebhook(id_, Scope(sending.world.ours.account), "[]", 0, 1, True) for id_ in (1, 2, 3)]
    looks = itertools.cycle([[due[0], due[2]], [due[1], due[2]]])
    held: list[int] = []

    async def found(now: int) -> list[DueWebhook]:
        return next(looks)

    async def hold(self: session.Session, webhook_id: int, stop: asyncio.Event) -> None:
        held.append(webhook_id)

    monkeypatch.setattr(sending.world.hub.reads, "due_webhooks", found)
    monkeypatch.setattr(session.Session, "run", hold)

    async def the_third_is_held() -> bool:
        return 3 in held

    async with sending.running():
        await sending.until(the_third_is_held)
    assert held.index(3) <= 2
