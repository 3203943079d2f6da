"""`GET /events`: cursors, filters, scopes, and waiting."""

import asyncio
import time
from typing import Any

import pytest

from tests.support.asgi import Client
from tests.support.database import rows
from tests.support.world import World
from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, FailureReport
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.main import build_hub
from waypost.storage import events as storage
from waypost.storage.opening import open_store
from waypost.wire.feed import write_cursor


async def read_all(client: Client, query: str = "limit=3") -> list[dict[str, Any]]:
    """The whole feed, page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = (await client.get(f"/events?{query}&after={after}")).json()
        found += page["events"]
        if not page["events"]:
            return found
        after = page["next"]


async def test_the_feed_is_the_log_in_order_each_event_once(world: World, migrated_url: str) -> None:
    await world.request(Status.ACKNOWLEDGED)
    await world.request(Status.PROCESSING_ERROR)
    await world.request(merchant=world.theirs)
    log = await rows(migrated_url, "SELECT * FROM event WHERE account_id = $1 ORDER BY seq", world.ours.account)
    feed = await read_all(world.client())
    assert [event["seq"] for event in feed] == list(range(1, len(log) + 1))
    for told, row in zip(feed, log, strict=True):
        assert told["type"] == row["type"]
        assert told["subject"] == {"type": row["subject"], "id": row["subject_id"]}
        assert told["actor"] == {"type": "account", "id": None, "name": "setup"} or row["actor_type"] != "account"
    assert {event["to"] for event in feed} >= {"Processing", "Acknowledged", "Processing Error", "Open"}


async def test_an_event_is_told_as_in_the_timeline(world: World) -> None:
    id_ = await world.request(Status.PROCESSING_ERROR)
    timeline = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    feed = await read_all(world.client(), "types=fulfillment_request.*")
    assert [{key: value for key, value in event.items() if key != "subject"} for event in feed] == timeline


async def test_types_narrow_by_name_and_by_beginning(world: World) -> None:
    await world.request(Status.PROCESSING_ERROR)
    client = world.client()
    every = {event["type"] for event in await read_all(client)}
    assert every == {"order.created", "fulfillment_request.generated", "fulfillment_request.failed"}
    for query, wanted in [
        ("types=order.*", {"order.created"}),
        ("types=fulfillment_request.failed,order.created", {"order.created", "fulfillment_request.failed"}),
        ("types=order.*&types=fulfillment_request.generated", {"order.created", "fulfillment_request.generated"}),
        ("types=*", every),
        ("types=order.canceled", set()),
    ]:
        assert {event["type"] for event in await read_all(client, query)} == wanted, query


async def test_a_filter_that_fits_little_still_gets_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "WINDOW", 4)
    for _ in range(8):
        await world.request()
    last = await world.request(Status.PROCESSING_ERROR)
    page = (await world.client().get("/events?types=fulfillment_request.failed")).json()
    assert [event["subject"]["id"] for event in page["events"]] == [last]
    again = (await world.client().get(f"/events?types=fulfillment_request.failed&after={page['next']}")).json()
    assert again == {"events": [], "next": page["next"]}


async def test_latest_begins_now(world: World) -> None:
    await world.request()
    page = (await world.client().get("/events?after=latest")).json()
    assert page["events"] == []
    id_ = await world.request()
    page = (await world.client().get(f"/events?after={page['next']}")).json()
    assert [event["type"] for event in page["events"]] == ["order.created", "fulfillment_request.generated"]
    assert page["events"][1]["subject"] == {"type": "fulfillment_request", "id": id_}


async def test_an_account_without_events_has_a_cursor(world: World) -> None:
    page = (await world.client().get("/events")).json()
    assert page["events"] == []
    assert (await world.client().get(f"/events?after={page['next']}")).json() == page


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("after=nonsense", "after", "bad_cursor"),
        ("after=MToxOjk=", "after", "bad_cursor"),
        ("after=%F0%9F%93%A6", "after", "bad_cursor"),
        ("types=order", "types", "unknown_value"),
        ("types=order.cre*", "types", "unknown_value"),
        ("types=fulfillment_request.eaten", "types", "unknown_value"),
        ("limit=0", "limit", "out_of_range"),
        ("wait=31", "wait", "out_of_range"),
        ("wait=-1", "wait", "out_of_range"),
        ("wait=1.5", "wait", "not_an_integer"),
    ],
)
async def test_bad_parameters(world: World, query: str, parameter: str, code: str) -> None:
    reply = await world.client().get(f"/events?{query}")
    assert reply.status == 400
    assert [(fault["parameter"], fault["code"]) for fault in reply.json()["errors"]] == [(parameter, code)]


async def test_a_cursor_of_another_account_and_one_from_the_future(world: World) -> None:
    await world.request()
    await world.request(merchant=world.theirs)
    theirs = (await world.client(merchant=world.theirs).get("/events")).json()["next"]
    reply = await world.client().get(f"/events?after={theirs}&types=x")
    assert [fault["code"] for fault in reply.json()["errors"]] == ["unknown_value", "bad_cursor"]
    reply = await world.client().get(f"/events?after={write_cursor(world.ours.account, 10**6)}")
    assert reply.status == 400
    assert reply.json()["errors"][0]["code"] == "cursor_ahead"


async def test_a_large_limit_is_capped(world: World) -> None:
    await world.request()
    assert (await world.client().get("/events?limit=100000")).status == 200


async def seen(world: World, token: str) -> list[tuple[str, int]]:
    """Types and subjects that a token's feed shows; a source or channel learns no names of actors."""
    feed = await read_all(world.client(token))
    if token != "acc":
        assert all(event["actor"]["id"] is None and event["actor"]["name"] is None for event in feed)
    return [(event["type"].split(".")[1], event["subject"]["id"]) for event in feed]


async def test_a_source_sees_its_requests_from_their_release_on(world: World) -> None:
    mine = await world.request(Status.UNPROCESSED)
    withdrawn = await world.request(Status.UNPROCESSED)
    other = await world.request(source=1)
    assert await seen(world, "src") == []
    actor = world.ours.actor
    await world.hub.changes.change(Command(Action.VOID, withdrawn, actor))
    await world.hub.changes.change(Command(Action.PROCESS, mine, actor))
    await world.hub.changes.change(Command(Action.FAIL, mine, actor, details=FailureReport("none left")))
    assert await seen(world, "src") == [("processing", mine), ("failed", mine)]
    assert await seen(world, "src2") == [("generated", other)]


async def test_a_channel_sees_its_orders_requests_and_shipments(world: World) -> None:
    mine = await world.request()
    await world.request(channel=1, source=1)
    shipment = {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    posted = await world.client().post("/shipments", json={"fulfillmentRequestId": mine, "shipment": shipment})
    shipment_id = posted.json()["id"]
    await world.client().patch("/shipments", json={"id": shipment_id, "note": "fragile"})
    order = (await world.client().get(f"/fulfillment-requests/{mine}")).json()["orderId"]
    expected = [("generated", mine), ("shipped", mine), ("updated", shipment_id)]
    assert await seen(world, "src") == expected
    assert await seen(world, "chn") == [("created", order), *expected]
    theirs = await read_all(world.client("chn2"))
    assert [event["type"] for event in theirs] == ["order.created", "fulfillment_request.generated"]


async def test_a_reader_is_woken_by_a_commit_of_this_process(world: World) -> None:
    start = (await world.client().get("/events?after=latest")).json()["next"]
    began = time.monotonic()
    waiting = asyncio.create_task(world.client().get(f"/events?after={start}&wait=30"))
    await until_waiting(world)
    await world.request()
    page = (await waiting).json()
    assert page["events"][0]["type"] == "order.created"
    assert time.monotonic() - began < 10


async def test_a_reader_is_woken_by_a_bare_failure(world: World) -> None:
    world.hub.news._every_s = 3600  # it is not found by looking
    id_ = await world.request()
    start = (await world.client().get("/events?after=latest")).json()["next"]
    waiting = asyncio.create_task(world.client().get(f"/events?after={start}&wait=30"))
    await until_waiting(world)
    assert (await world.client().patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")).status == 204
    page = (await asyncio.wait_for(waiting, 15)).json()  # long before its time is up
    assert [event["type"] for event in page["events"]] == ["fulfillment_request.failed"]


async def test_a_reader_is_woken_by_another_process(world: World, migrated_url: str) -> None:
    id_ = await world.request()
    start = (await world.client().get("/events?after=latest")).json()["next"]
    waiting = asyncio.create_task(world.client().get(f"/events?after={start}&wait=30"))
    await until_waiting(world)
    store = await open_store(migrated_url, migrate=False)
    hub, writer = build_hub(store)
    actor = Actor("account", Scope(world.ours.account), None, "elsewhere")
    await hub.changes.change(Command(Action.FAIL, id_, actor, details=FailureReport("gone"), wants_image=False))
    await writer.close()
    await store.close()
    page = (await asyncio.wait_for(waiting, 15)).json()  # long before its time is up
    assert [event["type"] for event in page["events"]] == ["fulfillment_request.failed"]


async def test_waiting_ends_with_an_empty_page(world: World) -> None:
    began = time.monotonic()
    await world.request()
    start = (await world.client().get("/events?after=latest")).json()["next"]
    page = (await world.client().get(f"/events?after={start}&wait=1")).json()
    assert page == {"events": [], "next": start}
    assert time.monotonic() - began >= 1


async def test_what_does_not_fit_the_filter_moves_the_cursor_on(world: World) -> None:
    start = (await world.client().get("/events?after=latest")).json()["next"]
    waiting = asyncio.create_task(world.client().get(f"/events?after={start}&wait=1&types=order.canceled"))
    await until_waiting(world)
    await world.request()
    page = (await waiting).json()
    assert page["events"] == []
    assert page["next"] != start


async def test_one_who_hangs_up_waits_no_longer(world: World) -> None:
    gone = asyncio.Event()
    waiting = asyncio.create_task(world.client().get("/events?wait=30", gone=gone))
    await until_waiting(world)
    gone.set()
    async with asyncio.timeout(5):
        await waiting
    assert world.hub.news.waiting == 0


async def test_nobody_waits_once_the_server_ends(world: World) -> None:
    waiting = [asyncio.create_task(world.client().get("/events?wait=30")) for _ in range(5)]
    await until_waiting(world, 5)
    world.hub.news.end()
    async with asyncio.timeout(5):
        replies = await asyncio.gather(*waiting)
        assert (await world.client().get("/events?wait=30")).status == 200
    assert {reply.status for reply in replies} == {200}


async def until_waiting(world: World, count: int = 1) -> None:
    """Until so many wait for events."""
    async with asyncio.timeout(10):
        while world.hub.news.waiting < count:
            await asyncio.sleep(0)
