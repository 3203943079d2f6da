"""Endpoints that misbehave: what failed is tried again by itself, in strict order waits, and is given up in the end."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from tests.events.conftest import Sending
from tests.support.database import rows
from tests.support.receiver import Behaviour, Received, Receiver, answers, chatters, closes, fine, hangs
from waypost.domain.webhooks import DISABLE_AFTER_S, MOST_ATTEMPTS
from waypost.outgoing.targets import Targets

DAY_S = 24 * 3600


async def one_failed(sending: Sending, hook: dict[str, Any]) -> dict[str, Any]:
    """Wait until a delivery has failed once; the delivery."""

    async def failed() -> bool:
        return any(entry["attempts"] for entry in await sending.deliveries(hook["id"]))

    await sending.until(failed)
    entry: dict[str, Any] = (await sending.deliveries(hook["id"]))[0]
    return entry


@pytest.mark.parametrize(
    ("behaviour", "status", "words"),
    [
        (answers(500, "went wrong\0"), 500, "answered 500"),
        (answers(302, Location="http://127.0.0.1:1/"), 302, "redirects are not followed"),
        (answers(308, Location="https://example.com/"), 308, "redirects are not followed"),
        (answers(404), 404, "answered 404"),
        (closes, None, "connection ended"),
        (hangs, None, "No answer within 1 s"),
    ],
    ids=["500", "302", "308", "404", "closes", "hangs"],
)
async def test_what_fails_is_tried_again_by_itself_and_arrives(
    sending: Sending, receiver: Receiver, behaviour: Behaviour, status: int | None, words: str
) -> None:
    receiver.behave = behaviour
    hook = await sending.configure(receiver.url, "order.created", timeoutSeconds=1)
    async with sending.running():
        await sending.world.order()
        entry = await one_failed(sending, hook)
        assert (entry["status"], entry["attempts"], entry["log"][0]["status"]) == ("pending", 1, status)
        assert words in entry["log"][0]["error"]
        receiver.behave = fine
        failed = len(receiver.received)
        await sending.world.order()  # the cursor goes on
        await receiver.until(failed + 1)
        assert receiver.received[-1].id != entry["messageId"]
        sending.clock.shift_s += 10
        await receiver.until(failed + 2)
        await sending.settled(hook["id"])
    assert receiver.received[-1].id == entry["messageId"]
    log = await sending.deliveries(hook["id"])
    assert [(one["status"], one["attempts"]) for one in log] == [("delivered", 2), ("delivered", 1)]
    assert (await sending.configuration(hook["id"]))["failingSince"] is None


async def test_an_answer_without_an_end_is_an_answer(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = chatters
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        await sending.world.order()
        await sending.settled(hook["id"])
    (entry,) = await sending.deliveries(hook["id"])
    assert entry["status"] == "delivered"
    assert len(entry["log"][0]["response"]) == 500


async def test_an_endpoint_in_strict_order_waits(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answers(500)
    hook = await sending.configure(receiver.url, "order.created", strictOrder=True)
    async with sending.running():
        for _ in range(3):
            await sending.world.order()
        entry = await one_failed(sending, hook)
        assert entry["status"] == "pending"
        assert entry["nextAttemptAt"] > entry["createdAt"]
        sending.clock.shift_s += 10
        await receiver.until(2)
        receiver.behave = fine
        sending.clock.shift_s += 30
        await receiver.until(5)
        await sending.settled(hook["id"])
    ids = [one.id for one in receiver.received]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[2:])) == 3
    log = await sending.deliveries(hook["id"])
    assert [(one["status"], one["attempts"]) for one in log] == [("delivered", 3), ("delivered", 1), ("delivered", 1)]


@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
async def test_what_is_being_sent_to_an_endpoint_when_it_is_deleted_ends_with_it(
    sending: Sending, receiver: Receiver, strict: bool
) -> None:
    answered = asyncio.Event()

    async def late(request: web.Request, received: Received) -> web.StreamResponse:
        await answered.wait()
        return web.Response(status=500)

    receiver.behave = late
    hook = await sending.configure(receiver.url, "order.created", strictOrder=strict)
    async with sending.running():
        await sending.world.order()
        await receiver.until(1)
        await sending.world.client().patch(f"/webhook/configurations/{hook['id']}", json={"status": "deleted"})
        answered.set()

        async def written() -> list[dict[str, Any]]:
            return await rows(sending.database_url, "SELECT status, next_at, attempts FROM webhook_delivery")

        await sending.until(written)
    (row,) = await written()
    assert row == {"status": "failed", "next_at": None, "attempts": 1}


@pytest.mark.parametrize(
    ("changes", "status", "attempts"),
    [
        ([{"status": "disabled"}, {"status": "active", "skipBacklog": True}], "failed", 1),
        ([{"subscribedEvents": ["shipment.*"]}], "delivered", 2),
        ([{"strictOrder": False}], "delivered", 2),
    ],
    ids=["skipped", "subscribed to others", "in any order"],
)
async def test_a_message_in_the_way_does_not_wait_for_ever(
    sending: Sending, receiver: Receiver, changes: list[dict[str, Any]], status: str, attempts: int
) -> None:
    receiver.behave = answers(500)
    hook = await sending.configure(receiver.url, "order.created", strictOrder=True)
    async with sending.running():
        await sending.world.order()
        await one_failed(sending, hook)
        receiver.behave = fine
        for change in changes:
            changed = await sending.world.client().patch(f"/webhook/configurations/{hook['id']}", json=change)
            assert changed.status == 200, changed.body
        sending.clock.shift_s += 60

        async def ended() -> bool:
            return (await sending.deliveries(hook["id"]))[0]["status"] != "pending"

        await sending.until(ended)
    first = (await sending.deliveries(hook["id"]))[0]
    assert (first["status"], first["attempts"], first["nextAttemptAt"]) == (status, attempts, None)


async def test_410_disables_with_a_notice(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answers(410)
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        await sending.world.order()

        async def disabled() -> bool:
            return (await sending.configuration(hook["id"]))["status"] == "disabled"

        await sending.until(disabled)
        await sending.world.order()
        other = await sending.configure(f"{receiver.url}/other", "order.created")
        receiver.behave = fine
        await sending.world.order()
        await sending.settled(other["id"])
    assert len(receiver.received) == 2
    (entry,) = await sending.deliveries(hook["id"])
    assert entry["status"] == "failed"
    (notice,) = await sending.events("types=webhook.disabled")
    assert (notice["code"], notice["subject"]["id"], notice["actor"]["type"]) == ("gone", hook["id"], "system")
    (group,) = (await sending.world.client().get("/attention")).json()["groups"]
    assert (group["code"], group["items"][0]["subject"]) == ("webhook_disabled", {"type": "webhook", "id": hook["id"]})


async def test_one_that_goes_on_again_delivers_what_it_missed(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "order.created")
    path = f"/webhook/configurations/{hook['id']}"
    client = sending.world.client()
    async with sending.running():
        await client.patch(path, json={"status": "disabled"})
        await sending.world.order()
        await sending.world.order()
        await client.patch(path, json={"status": "active"})
        await receiver.until(2)
        await sending.settled(hook["id"])
        await client.patch(path, json={"status": "disabled"})
        await sending.world.order()
        await client.patch(path, json={"status": "active", "skipBacklog": True})
        await sending.world.order()
        await receiver.until(3)
        await sending.settled(hook["id"])
    numbers = {event["subject"]["id"]: event["seq"] for event in await sending.events("types=order.created")}
    assert [one.json()["seq"] for one in receiver.received] == [numbers[id_] for id_ in (1, 2, 4)]


async def test_one_that_fails_for_days_is_given_up(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answers(503)
    hook = await sending.configure(receiver.url, "order.created")
    began = sending.clock()
    async with sending.running():
        await sending.world.order()
        attempts = 0
        while (await sending.configuration(hook["id"]))["status"] == "active":
            attempts += 1
            row = await attempted(sending, attempts)
            # Exactly to the moment of the next attempt, as it was written.
            sending.clock.shift_s += max(0, (row["next_at"] or 0) - sending.clock()) / 1_000_000
    assert DISABLE_AFTER_S <= (sending.clock() - began) / 1_000_000 <= DISABLE_AFTER_S + 2 * DAY_S
    assert len(receiver.received) == MOST_ATTEMPTS
    (notice,) = await sending.events("types=webhook.disabled")
    assert notice["code"] == "failing"
    assert "5 days" in (await sending.configuration(hook["id"]))["disabledReason"]


async def attempted(sending: Sending, count: int) -> dict[str, Any]:
    """Wait until the one delivery was tried so often, or its endpoint was given up; its row."""
    found: list[dict[str, Any]] = []

    async def is_so() -> bool:
        sql = """SELECT d.*, w.status AS hook FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
          WHERE w.lease_until = 0"""
        found[:] = await rows(sending.database_url, sql)
        return bool(found) and (found[0]["attempts"] >= count or found[0]["hook"] == "disabled")

    await sending.until(is_so)
    return found[0]


async def test_retry_after_is_heeded(sending: Sending, receiver: Receiver) -> None:
    receiver.behave = answers(429, Retry_After="900")
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        await sending.world.order()
        await one_failed(sending, hook)
        (row,) = await rows(sending.database_url, "SELECT next_at - updated_at AS wait FROM webhook_delivery")
        assert row["wait"] == 900 * 1_000_000


async def test_an_endpoint_that_is_down_is_left_alone(sending: Sending, receiver: Receiver) -> None:
    await receiver.stop()
    hook = await sending.configure(receiver.url, "order.created")
    for _ in range(30):
        await sending.world.order()
    async with sending.running():

        async def paused() -> bool:
            (row,) = await rows(sending.database_url, "SELECT paused_until FROM webhook")
            return bool(row["paused_until"])

        await sending.until(paused)
        waiting = await sending.deliveries(hook["id"])
        assert len(waiting) < 30, "the log keeps the rest"
        assert all("cannot be reached" in entry["log"][0]["error"] for entry in waiting)
        await receiver.start()
        sending.clock.shift_s += 600
        await receiver.until(30)
        await sending.settled(hook["id"])
    assert len({one.id for one in receiver.received}) == 30


async def test_a_name_that_leads_inside_is_never_called(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure("https://localhost:8443/x", "order.created")
    sending.targets = Targets()
    async with sending.running():
        await sending.world.order()
        entry = await one_failed(sending, hook)
    assert "no address that may be called" in entry["log"][0]["error"]


async def test_replay_of_one_and_of_a_range(sending: Sending, receiver: Receiver) -> None:
    hook = await sending.configure(receiver.url, "order.created")
    path = f"/webhook/configurations/{hook['id']}/replay"
    client = sending.world.client()
    async with sending.running():
        for _ in range(4):
            await sending.world.order()
        await receiver.until(4)
        await sending.settled(hook["id"])
        seqs = [event["seq"] for event in await sending.events("types=order.created")]
        reply = await client.post(path, json={"eventId": seqs[1]})
        assert (reply.status, reply.json()) == (202, {"queued": 1})
        await receiver.until(5)
        reply = await client.post(path, json={"fromEventId": seqs[1], "toEventId": seqs[3] + 100})
        assert reply.json() == {"queued": 3}
        await receiver.until(8)
        reply = await client.post("/webhook/event/retry", json={"eventIds": [seqs[0], seqs[3]]})
        assert (reply.status, reply.json()) == (202, {"queued": 2})
        await receiver.until(10)
        await sending.settled(hook["id"])
    ids = [one.id for one in receiver.received]
    assert ids[4] == ids[1]
    assert ids[5:8] == ids[1:4]
    assert ids[8:] == [ids[0], ids[3]]
    assert [entry["attempts"] for entry in await sending.deliveries(hook["id"])] == [1] * 4
    assert len((await sending.deliveries(hook["id"]))[3]["log"]) == 3


async def test_replay_from_before_the_endpoint_was(sending: Sending, receiver: Receiver) -> None:
    await sending.world.order()
    (event,) = await sending.events("types=order.created")
    hook = await sending.configure(receiver.url, "order.created")
    async with sending.running():
        reply = await sending.world.client().post(
            f"/webhook/configurations/{hook['id']}/replay", json={"eventId": event["seq"]}
        )
        assert reply.json() == {"queued": 1}
        assert (await receiver.until(1))[0].json() == event


async def test_a_loop_that_begins_again_and_again_leaves_no_listener_behind(sending: Sending) -> None:
    """Work in the background that fails is begun again every few seconds, for as long as it fails."""
    store: Any = sending.world.hub.store
    before = len(store._listeners)
    for _ in range(3):
        async with sending.running():
            await asyncio.sleep(0)  # it begins in the loop's next round
            assert len(store._listeners) == before + 1
    assert len(store._listeners) == before
