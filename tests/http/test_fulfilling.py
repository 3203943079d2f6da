"""Orders fulfilled as they come in: generated for at once, or held with everything that is in the way (section 5)."""

import asyncio
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.audit import audit
from tests.support.database import contents, rows
from tests.support.stock import change, held, policy, variant
from tests.support.world import World

FR = "/fulfillment-requests"


@pytest.fixture
async def ready(world: World, migrated_url: str) -> World:
    """Our first channel generates by itself; the first source has A, the second B."""
    await change(migrated_url, "channel", world.ours.channels[0], auto_generate=True)
    for source, sku in zip(world.ours.sources, "AB", strict=True):
        await variant(migrated_url, world.ours.account, source, sku, 100, cost=10_000)
    return world


async def post(world: World, number: str, *skus: tuple[str, int], query: str = "", **more: Any) -> Reply:
    """Post an order to the first channel; paid, unless told otherwise."""
    items = [{"sku": sku, "quantity": quantity, "price": 5} for sku, quantity in skus]
    body = {"orderNumber": number, "paymentStatus": "Paid", "orderItems": items, **more}
    token = more.pop("token", "chn")
    headers = more.pop("headers", None)
    body = {name: value for name, value in body.items() if name not in ("token", "headers")}
    return await world.client(token).call("POST", f"/orders{query}", json=body, headers=headers)


@pytest.mark.parametrize("payment", ["Paid", "Deferred"])
async def test_an_order_is_generated_for_in_the_transaction_that_stores_it(
    payment: str, ready: World, migrated_url: str
) -> None:
    reply = await post(ready, "W-1", ("A", 3), ("B", 2), paymentStatus=payment)
    assert reply.status == 201
    order = reply.json()
    first, second = ready.ours.sources
    assert [(one["sourceId"], one["fulfillmentRequestNumber"]) for one in order["fulfillmentRequests"]] == [
        (first, "W-1-1"), (second, "W-1-2"),
    ]  # fmt: skip
    assert [item["allocatedStatus"] for item in order["orderItems"]] == ["Completed", "Completed"]
    assert (order["orderStatus"], order["holdReasons"]) == ("Open", [])
    assert (await ready.client("chn").get(f"/orders/{order['id']}")).json() == order
    events = await rows(migrated_url, "SELECT subject, subject_id, type, actor_type, request_id, at FROM event ORDER BY seq")
    assert [(event["type"], event["actor_type"]) for event in events] == [
        ("order.created", "channel"), ("fulfillment_request.generated", "system"), ("fulfillment_request.generated", "system"),
    ]  # fmt: skip
    assert len({(event["request_id"], event["at"]) for event in events}) == 1
    assert sorted((await held(migrated_url)).values()) == [(2, 2), (3, 3)]
    decision = (await ready.client().get(f"{FR}/{order['fulfillmentRequests'][0]['id']}/routing")).json()
    assert decision["orderId"] == order["id"]
    await audit(migrated_url)


@pytest.mark.parametrize("payment", [None, "Authorized", "Awaiting Clearance", "Declined"])
async def test_what_is_not_paid_or_not_asked_for_waits(payment: str | None, ready: World, migrated_url: str) -> None:
    order = (await post(ready, "W-1", ("A", 3), paymentStatus=payment)).json()
    assert (order["orderStatus"], order["fulfillmentRequests"]) == ("Open", [])
    await change(migrated_url, "channel", ready.ours.channels[0], auto_generate=False)
    order = (await post(ready, "W-2", ("A", 3))).json()
    assert (order["orderStatus"], order["fulfillmentRequests"]) == ("Open", [])
    await audit(migrated_url)


async def test_an_order_that_cannot_be_placed_is_held_with_every_reason(ready: World, migrated_url: str) -> None:
    await change(migrated_url, "channel", ready.ours.channels[0], require_shipping_mapping=True)
    await policy(migrated_url, ready.ours.account, ready.ours.channels[0], "Ground", {ready.ours.sources[0]: None})
    refused = (await post(ready, "W-1", ("A", 999), ("C", 1), ("B", 1), shippingText="Rocket")).json()
    assert refused["orderStatus"] == "Not Managed"
    assert [reason["code"] for reason in refused["holdReasons"]] == [
        "unknown_sku", "shipping_text_unmapped", "no_available_quantity",
    ]  # fmt: skip
    assert refused["fulfillmentRequests"] == []
    assert set((await held(migrated_url)).values()) == {(0, 0)}
    unmapped = (await post(ready, "W-2", ("A", 1), shippingText="Rocket")).json()
    assert unmapped["orderStatus"] == "No Shipping Method"
    short = (await post(ready, "W-3", ("A", 101), shippingText="Ground")).json()
    assert (short["orderStatus"], [reason["code"] for reason in short["holdReasons"]]) == (
        "On Hold", ["no_available_quantity"],
    )  # fmt: skip
    events = (await ready.client().get(f"/orders/{short['id']}/events")).json()
    assert [(event["type"], event["to"]) for event in events] == [("order.created", "On Hold")]
    mapped = (await post(ready, "W-4", ("A", 1), shippingText="Ground")).json()
    assert len(mapped["fulfillmentRequests"]) == 1
    nameless = (await post(ready, "W-5", ("A", 1), shippingText="Ground", orderItems=[
        {"externalListingId": "L-9", "quantity": 1, "price": 5}, {"sku": "A", "quantity": 1, "price": 5},
    ])).json()  # fmt: skip
    assert [reason["code"] for reason in nameless["holdReasons"]] == ["unknown_sku"]
    await audit(migrated_url)


async def test_what_says_the_same_within_a_day_is_held_as_a_possible_duplicate(
    ready: World, migrated_url: str
) -> None:
    first = (await post(ready, "W-1", ("A", 1), note="gift")).json()
    assert first["orderStatus"] == "Open"
    again = (await post(ready, "W-2", ("A", 1), note="gift", referenceNumber="R", orderedAt="2026-01-01")).json()
    assert again["orderStatus"] == "On Hold"
    [reason] = again["holdReasons"]
    assert reason["code"] == "possible_duplicate"
    assert "W-1" in reason["message"]
    # Another quantity, another day, or one that was canceled is no duplicate.
    assert (await post(ready, "W-3", ("A", 2), note="gift")).json()["orderStatus"] == "Open"
    await rows(migrated_url, "UPDATE orders SET inserted_at = inserted_at - 86400000001")
    assert (await post(ready, "W-4", ("A", 1), note="gift")).json()["orderStatus"] == "Open"
    await rows(migrated_url, "UPDATE orders SET status = 'canceled' WHERE order_number = 'W-4'")
    assert (await post(ready, "W-5", ("A", 1), note="gift")).json()["orderStatus"] == "Open"


async def test_of_many_at_once_each_gets_what_the_ones_before_have_left(ready: World, migrated_url: str) -> None:
    replies = await asyncio.gather(*(post(ready, f"R-{n}", ("A", 3), note=str(n)) for n in range(40)))
    statuses = [reply.json()["orderStatus"] for reply in replies]
    assert (statuses.count("Open"), statuses.count("On Hold")) == (33, 7)
    known = await rows(migrated_url, "SELECT id FROM inventory_variant WHERE sku = 'A'")
    assert (await held(migrated_url))[known[0]["id"]] == (99, 99)
    await audit(migrated_url)


async def test_keys_repeats_and_dry_runs(ready: World, migrated_url: str) -> None:
    before = await contents(migrated_url)
    dry = await post(ready, "W-1", ("A", 1), query="?dryRun=true")
    assert (dry.status, dry.json()["to"]) == (200, "Open")
    lacking = await post(ready, "W-1", ("A", 999), query="?dryRun=true")
    assert lacking.json()["to"] == "On Hold"
    assert await contents(migrated_url) == before
    first = await post(ready, "W-1", ("A", 1), headers={"Idempotency-Key": "k"})
    assert first.status == 201
    again = await post(ready, "W-1", ("A", 1), headers={"Idempotency-Key": "k"})
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    repeated = await post(ready, "W-1", ("A", 1))
    assert (repeated.status, repeated.json()) == (200, first.json())
    assert len(await rows(migrated_url, "SELECT id FROM fulfillment_request")) == 1
    await audit(migrated_url)


async def test_the_accounts_share_a_batch_and_nothing_else(ready: World, migrated_url: str) -> None:
    theirs = {"orderNumber": "T-1", "paymentStatus": "Paid", "orderItems": [{"sku": "A", "quantity": 1}]}
    mine, other = await asyncio.gather(
        post(ready, "W-1", ("A", 1)), ready.client("chn", ready.theirs).post("/orders", json=theirs)
    )
    assert len(mine.json()["fulfillmentRequests"]) == 1
    assert (other.json()["orderStatus"], other.json()["fulfillmentRequests"]) == ("Open", [])
    await change(migrated_url, "channel", ready.theirs.channels[0], auto_generate=True)
    other = await ready.client("chn", ready.theirs).post("/orders", json={**theirs, "orderNumber": "T-2", "note": "other"})
    assert [reason["code"] for reason in other.json()["holdReasons"]] == ["unknown_sku"]
    await audit(migrated_url)
