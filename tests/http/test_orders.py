"""Orders and generation by hand (contract sections 2.4 and 5)."""

import asyncio

import pytest

from tests.support.world import World

ORDER = {
    "orderNumber": "N-1", "orderedAt": "2026-04-20T10:00:00+02:00", "note": "leave at the door", "tags": ["vip", "b2b"],
    "shippingText": "Ground", "paymentStatus": "Paid", "customFields": [{"name": "gift", "value": "yes"}],
    "shippingAddress": {"name": "José García", "addressLine1": "1 Main St", "state": "California", "country": "USA"},
    "orderItems": [{"sku": "A", "title": "Thing", "quantity": 3, "price": 12.3456}, {"sku": "B", "quantity": 1}],
}  # fmt: skip


async def test_an_order_is_created_once(world: World) -> None:
    client = world.client("chn")
    first = await client.post("/orders", json=ORDER)
    assert (first.status, first.headers["location"]) == (201, f"/orders/{first.json()['id']}")
    shown = first.json()
    assert (shown["orderTotal"], shown["orderedAt"]) == (37.0368, "2026-04-20T08:00:00.000000Z")
    address = shown["shippingAddress"]
    assert (address["firstName"], address["stateCode"], address["countryCode"]) == ("José", "CA", "US")
    again = await client.post("/orders", json=ORDER)
    assert (again.status, again.json()) == (200, shown)
    other = await client.post("/orders", json=ORDER | {"note": "ring twice"})
    assert (other.status, other.json()["code"]) == (409, "already_exists")
    elsewhere = await world.client("chn2").post("/orders", json=ORDER)
    assert elsewhere.status == 201
    got = await world.client().get(f"/orders/{shown['id']}")
    assert got.json() == shown
    for foreign in (world.client("chn2"), world.client("acc", world.theirs)):
        assert (await foreign.get(f"/orders/{shown['id']}")).status == 404


async def test_the_same_order_posted_at_once_is_created_once(world: World) -> None:
    replies = await asyncio.gather(*(world.client("chn").post("/orders", json=ORDER) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert len({reply.json()["id"] for reply in replies}) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"orderNumber": ""}, "/orderNumber"), ({"orderNumber": None}, "/orderNumber"), ({"orderItems": []}, "/orderItems"),
        ({"orderItems": [{"quantity": 1}]}, "/orderItems/0/sku"),
        ({"orderItems": [{"sku": "A", "quantity": 0}]}, "/orderItems/0/quantity"),
        ({"orderItems": [{"sku": "A", "quantity": 1.5}]}, "/orderItems/0/quantity"),
        ({"orderItems": [{"sku": "A", "quantity": 10**10}]}, "/orderItems/0/quantity"),
        ({"orderItems": [{"sku": "A", "quantity": 1, "price": 1.23456}]}, "/orderItems/0/price"),
        ({"orderItems": [{"sku": "A", "quantity": 1, "price": -1}]}, "/orderItems/0/price"),
        ({"orderItems": [{"sku": "A", "quantity": 1, "price": 10**15}]}, "/orderItems/0/price"),
        ({"orderedAt": "soon"}, "/orderedAt"), ({"paymentStatus": "Maybe"}, "/paymentStatus"),
        ({"channelId": 987654}, "/channelId"), ({"channelId": None}, "/channelId"),
        ({"tags": "vip"}, "/tags"), ({"shippingAddress": {"city": 5}}, "/shippingAddress/city"),
    ],
)  # fmt: skip
async def test_bad_orders_are_refused(world: World, change: dict[str, object], pointer: str) -> None:
    body = {**ORDER, "channelId": world.ours.channels[0], **change}
    reply = await world.client().post("/orders", json=body)
    assert reply.status == 400
    assert [error["pointer"] for error in reply.json()["errors"]] == [pointer]
    assert (await world.client().post("/orders", json={**body, **ORDER, "channelId": world.ours.channels[0]})).status == 201


async def test_a_foreign_channel_is_unknown(world: World) -> None:
    body = {**ORDER, "channelId": world.theirs.channels[0]}
    assert (await world.client().post("/orders", json=body)).status == 400
    assert (await world.client("chn").post("/orders", json=body)).json()["errors"][0]["code"] == "foreign_channel"


async def test_generate_by_hand(world: World) -> None:
    order = (await world.client("chn").post("/orders", json=ORDER)).json()
    item, other = (one["id"] for one in order["orderItems"])
    body = {"orderId": order["id"], "sourceId": world.ours.sources[0], "note": "fragile",
            "items": [{"orderItemId": item, "quantity": 2, "cost": 4.5}]}  # fmt: skip
    dry = await world.client().post("/fulfillment-requests?dryRun=true", json=body)
    assert dry.json() == {"dryRun": True, "from": None, "to": "Processing", "change": "move", "wouldReplyStatus": 201}
    key = {"Idempotency-Key": "gen-1"}
    reply = await world.client().post("/fulfillment-requests", json=body, headers=key)
    assert reply.status == 201
    made = reply.json()
    assert (made["fulfillmentRequestNumber"], made["totalCost"], made["attemptCount"]) == ("N-1-1", 9, 1)
    assert made["shippingAddress"] == order["shippingAddress"]
    assert (await world.client().post("/fulfillment-requests", json=body, headers=key)).body == reply.body
    too_much = await world.client().post("/fulfillment-requests", json=body)
    assert too_much.json()["errors"][0] == {
        "pointer": "/items/0/quantity", "code": "more_than_open", "message": "1 of this item can still be ordered, not 2.",
    }  # fmt: skip
    rest = await world.client().post("/fulfillment-requests", json={"orderId": order["id"], "sourceId": world.ours.sources[1]})
    assert [(line["orderItemId"], line["quantity"]) for line in rest.json()["fulfillmentRequestItems"]] == [(item, 1), (other, 1)]
    shown = (await world.client().get(f"/orders/{order['id']}")).json()
    assert [one["allocatedStatus"] for one in shown["orderItems"]] == ["Completed", "Completed"]
    assert [one["fulfillmentRequestNumber"] for one in shown["fulfillmentRequests"]] == ["N-1-1", "N-1-2"]


async def test_generation_names_everything_that_is_wrong(world: World) -> None:
    body = {"orderId": 987654, "sourceId": world.theirs.sources[0], "fulfillmentRequestStatus": "Acknowledged"}
    reply = await world.client().post("/fulfillment-requests", json=body)
    assert {error["pointer"] for error in reply.json()["errors"]} == {"/orderId", "/sourceId", "/fulfillmentRequestStatus"}
    body = {"orderId": "x", "items": [{"orderItemId": 1, "quantity": 0}], "purchaseOrderType": "XX"}
    pointers = {error["pointer"] for error in (await world.client().post("/fulfillment-requests", json=body)).json()["errors"]}
    assert pointers == {"/orderId", "/sourceId", "/items/0/quantity"}
