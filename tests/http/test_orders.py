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
    other = await client.post("/orders", json=ORDER | {"shippingText": "Air"})
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
    assert (
        await world.client().post("/orders", json={**body, **ORDER, "channelId": world.ours.channels[0]})
    ).status == 201


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
    rest = await world.client().post(
        "/fulfillment-requests", json={"orderId": order["id"], "sourceId": world.ours.sources[1]}
    )
    assert [(line["orderItemId"], line["quantity"]) for line in rest.json()["fulfillmentRequestItems"]] == [
        (item, 1),
        (other, 1),
    ]
    shown = (await world.client().get(f"/orders/{order['id']}")).json()
    assert [one["allocatedStatus"] for one in shown["orderItems"]] == ["Completed", "Completed"]
    assert [one["fulfillmentRequestNumber"] for one in shown["fulfillmentRequests"]] == ["N-1-1", "N-1-2"]


async def test_generation_names_everything_that_is_wrong(world: World) -> None:
    body = {"orderId": 987654, "sourceId": world.theirs.sources[0], "fulfillmentRequestStatus": "Acknowledged"}
    reply = await world.client().post("/fulfillment-requests", json=body)
    assert {error["pointer"] for error in reply.json()["errors"]} == {
        "/orderId",
        "/sourceId",
        "/fulfillmentRequestStatus",
    }
    body = {"orderId": "x", "items": [{"orderItemId": 1, "quantity": 0}], "purchaseOrderType": "XX"}
    pointers = {
        error["pointer"] for error in (await world.client().post("/fulfillment-requests", json=body)).json()["errors"]
    }
    assert pointers == {"/orderId", "/sourceId", "/items/0/quantity"}


async def test_orders_are_listed(world: World) -> None:
    client, channel = world.client(), world.client("chn")
    for number in range(1, 6):
        body = ORDER | {
            "orderNumber": f"L-{number}",
            "referenceNumber": f"R{number % 2}",
            "tags": [f"t{number}", "all"],
        }
        assert (await channel.post("/orders", json=body)).status == 201
    other = ORDER | {"channelId": world.ours.channels[1], "orderNumber": "L-1"}
    assert (await client.post("/orders", json=other)).status == 201
    every = (await client.get("/orders")).json()
    assert [order["id"] for order in every] == sorted(order["id"] for order in every)
    assert every[0] == (await client.get(f"/orders/{every[0]['id']}")).json()

    async def numbers(query: str, token: str = "acc") -> list[str]:
        return [order["orderNumber"] for order in (await world.client(token).get(f"/orders?{query}")).json()]

    assert await numbers("pageSize=2&page=2") == ["L-3", "L-4"]
    assert await numbers("pageSize=2&page=9") == []
    assert len(await numbers("pageSize=100000")) == 6
    assert await numbers("", "chn") == ["L-1", "L-2", "L-3", "L-4", "L-5"]
    assert await numbers("orderNumbers=L-1,L-4") == ["L-1", "L-4", "L-1"]
    assert await numbers("orderNumbers=L-2&orderNumbers=L-3&referenceNumbers=R1") == ["L-3"]
    assert await numbers(f"channelId={world.ours.channels[1]}") == ["L-1"]
    assert await numbers("includeTags=t2,t5") == ["L-2", "L-5"]
    assert len(await numbers("includeTags=true&status=Open,On%20Hold")) == 6
    assert len(await numbers("status=open")) == 6
    assert await numbers("status=Not+Managed") == []
    assert await numbers("orderedAfter=2026-04-20T08:00:00Z") == []
    assert len(await numbers("orderedAfter=0001-04-20T08:00:00&unknown=1")) == 6
    last = every[-1]["updatedAt"]
    assert await numbers(f"orderUpdatedAt={last}") == []
    assert len(await numbers(f"orderUpdatedAt={every[3]['updatedAt']}")) == 2
    assert await numbers("fulfillmentRequestsUpdatedAt=2026-01-01") == []
    request = {"orderId": every[2]["id"], "sourceId": world.ours.sources[0]}
    assert (await client.post("/fulfillment-requests", json=request)).status == 201
    assert await numbers("fulfillmentRequestsUpdatedAt=2026-01-01&shipmentsUpdatedAt=") == ["L-3"]
    assert await numbers("shipmentsUpdatedAt=2026-01-01") == []
    shipped = {"trackingNumber": "1Z", "shipmentItems": [{"sku": "A", "quantity": 1}]}
    made = (await client.get(f"/orders/{every[2]['id']}")).json()["fulfillmentRequests"][0]["id"]
    reply = await client.post("/shipments", json={"fulfillmentRequestId": made, "shipment": shipped})
    assert reply.status == 200
    assert await numbers("shipmentsUpdatedAt=2026-01-01") == ["L-3"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=Opened", "status"), ("page=0", "page"), ("pageSize=0", "pageSize"), ("pageSize=x", "pageSize"),
        ("orderedAfter=soon", "orderedAfter"), ("orderUpdatedAt=1", "orderUpdatedAt"), ("channelId=-1", "channelId"),
        ("orderNumbers=" + ",".join(map(str, range(51))), "orderNumbers"), ("page=1&page=2", "page"),
    ],
)  # fmt: skip
async def test_bad_lists_are_refused(world: World, query: str, name: str) -> None:
    reply = await world.client().get(f"/orders?{query}")
    assert reply.status == 400
    assert [error["parameter"] for error in reply.json()["errors"]] == [name]


async def test_a_source_may_not_read_orders(world: World) -> None:
    order = await world.order()
    for path in ("/orders", f"/orders/{order}", f"/orders/{order}/events"):
        assert (await world.client("src").get(path)).status == 401


async def test_an_orders_timeline(world: World) -> None:
    made = (await world.client("chn").post("/orders", json=ORDER, headers={"X-Request-Id": "c-1"})).json()
    (event,) = (await world.client().get(f"/orders/{made['id']}/events")).json()
    told = event["type"], event["from"], event["to"], event["actor"]["type"], event["requestId"]
    assert told == ("order.created", None, "Open", "channel", "c-1")
    (seen,) = (await world.client("chn").get(f"/orders/{made['id']}/events")).json()
    assert seen["actor"] == {"type": "channel", "id": None, "name": None}
    for foreign in (world.client("chn2"), world.client("acc", world.theirs)):
        assert (await foreign.get(f"/orders/{made['id']}/events")).status == 404
