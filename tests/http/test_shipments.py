"""`POST /shipments` (contract section 3): who may, for what, how much, and what it does to everything around it."""

import asyncio
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import contents, rows
from tests.support.stocked import ON_HAND, held, order, release_by, stocked
from tests.support.world import World


def shipment(*items: tuple[str, int], tracking: str = "1Z-1", **more: Any) -> dict[str, Any]:
    """A shipment of these SKUs."""
    return {"trackingNumber": tracking, "shipmentItems": [{"sku": s, "quantity": q} for s, q in items], **more}


async def post(world: World, request_id: int, *items: tuple[str, int], tracking: str = "1Z-1", token: str = "acc") -> Reply:
    body = {"fulfillmentRequestId": request_id, "shipment": shipment(*items, tracking=tracking)}
    return await world.client(token).post("/shipments", json=body)


def faults(reply: Reply) -> set[tuple[str, str]]:
    """What is wrong, and where."""
    return {(error.get("pointer", error.get("parameter")), error["code"]) for error in reply.json()["errors"]}


async def read(world: World, request: Any) -> Any:
    """The request now."""
    return (await world.client().get(f"/fulfillment-requests/{request['id']}")).json()


async def order_of(world: World, request: Any) -> Any:
    """Its order now."""
    return (await world.client().get(f"/orders/{request['orderId']}")).json()


async def test_a_whole_life_in_two_parcels(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 2}
    before = int(request["version"])

    first = await post(world, request["id"], ("SKU-A", 2), token="src")
    made = first.json()
    assert (first.status, first.headers["etag"]) == (200, '"1"')
    assert (made["partial"], made["shipmentItems"][0]["partial"]) == (True, True)
    assert made["shipmentItems"][0]["committedStockReleasedQuantity"] == 2
    assert (made["purchaseOrderId"], made["orderId"], made["sourceId"]) == (
        request["id"], request["orderId"], world.ours.sources[0],
    )  # fmt: skip
    now, parent = await read(world, request), await order_of(world, request)
    assert now["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert now["fulfillmentStatus"]["name"] == "Partially Shipped"
    assert (now["shippedQuantity"], now["version"]) == (2, before + 1)
    assert now["acknowledgedAt"] is not None
    assert [item["acknowledgedQuantity"] for item in now["fulfillmentRequestItems"]] == [2, 0]
    assert (parent["orderStatus"], parent["shippedStatus"]) == ("Open", "Partially Completed")
    assert await held(migrated_url, request["id"]) == {"SKU-A": 1, "SKU-B": 2}
    await adds_up(migrated_url)

    second = (await post(world, request["id"], ("SKU-A", 1), ("SKU-B", 2), tracking="1Z-2")).json()
    assert second["partial"] is False
    now, parent = await read(world, request), await order_of(world, request)
    assert now["fulfillmentStatus"]["name"] == "Shipped"
    assert (parent["orderStatus"], parent["shippedStatus"], parent["acknowledgedStatus"]) == (
        "Closed", "Completed", "Completed",
    )  # fmt: skip
    assert [item["shippedQuantity"] for item in parent["orderItems"]] == [3, 2]
    assert await held(migrated_url, request["id"]) == {"SKU-A": 0, "SKU-B": 0}
    timeline = (await world.client().get(f"/fulfillment-requests/{request['id']}/events")).json()
    assert [event["data"].get("shipmentId") for event in timeline[-2:]] == [made["id"], second["id"]]
    assert {event["type"] for event in timeline[-2:]} == {"fulfillment_request.shipped"}
    closed = await rows(migrated_url, "SELECT type FROM event WHERE subject = 'order' ORDER BY seq")
    assert closed[-1]["type"] == "order.closed"
    await adds_up(migrated_url)


async def test_a_source_whose_own_figure_leaves_shipped_pieces_out_keeps_its_stock(
    world: World, migrated_url: str
) -> None:
    await release_by(migrated_url, world.ours.sources[0], "quantity_update")
    request = await stocked(world, migrated_url)
    made = (await post(world, request["id"], ("SKU-A", 3), ("SKU-B", 2))).json()
    assert [item["committedStockReleasedQuantity"] for item in made["shipmentItems"]] == [0, 0]
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 2}
    await adds_up(migrated_url)


async def test_every_way_to_name_the_request(world: World, migrated_url: str) -> None:
    source = world.ours.sources[0]
    for token, named in [
        ("acc", ("fulfillmentRequestId",)), ("src", ("fulfillmentRequestId",)), ("acc", ("purchaseOrderId",)),
        ("src", ("purchaseOrderId",)), ("acc", ("purchaseOrderNumber", "sourceId")), ("src", ("purchaseOrderNumber",)),
        ("src", ("purchaseOrderNumber", "sourceId")), ("acc", ("fulfillmentRequestId", "purchaseOrderId", "sourceId")),
    ]:  # fmt: skip
        request = await stocked(world, migrated_url)
        known = {
            "fulfillmentRequestId": request["id"], "purchaseOrderId": request["id"], "sourceId": source,
            "purchaseOrderNumber": request["fulfillmentRequestNumber"],
        }  # fmt: skip
        body = {name: known[name] for name in named} | {"shipment": shipment(("SKU-A", 1))}
        reply = await world.client(token).post("/shipments", json=body)
        assert (reply.status, reply.json()["fulfillmentRequestId"]) == (200, request["id"]), (token, named)


async def test_what_does_not_name_a_request_of_the_caller(world: World, migrated_url: str) -> None:
    request, theirs = await stocked(world, migrated_url), await stocked(world, migrated_url, who=world.theirs)
    hidden = await stocked(world, migrated_url, status="Unprocessed")
    number, other = request["fulfillmentRequestNumber"], world.ours.sources[1]
    for token, named, expected in [
        ("acc", {"purchaseOrderNumber": number}, (400, ("/sourceId", "required"))),
        ("acc", {}, (400, ("/fulfillmentRequestId", "required"))),
        ("src", {"fulfillmentRequestId": request["id"], "sourceId": other}, (400, ("/sourceId", "foreign_source"))),
        ("acc", {"fulfillmentRequestId": request["id"], "sourceId": other}, (400, ("/sourceId", "foreign_source"))),
        ("acc", {"fulfillmentRequestId": request["id"], "purchaseOrderId": request["id"] + 1},
         (400, ("/purchaseOrderId", "contradiction"))),
        ("acc", {"fulfillmentRequestId": request["id"], "sourceId": 10**9}, (404, None)),
        ("acc", {"purchaseOrderNumber": number, "sourceId": 10**9}, (404, None)),
        ("acc", {"purchaseOrderNumber": number, "sourceId": world.theirs.sources[0]}, (404, None)),
        ("acc", {"purchaseOrderNumber": "no such", "sourceId": world.ours.sources[0]}, (404, None)),
        ("acc", {"fulfillmentRequestId": theirs["id"]}, (404, None)),
        ("src2", {"fulfillmentRequestId": request["id"]}, (404, None)),
        ("src2", {"purchaseOrderNumber": number}, (404, None)),
        ("src", {"fulfillmentRequestId": hidden["id"]}, (404, None)),
        ("src", {"purchaseOrderNumber": hidden["fulfillmentRequestNumber"]}, (404, None)),
    ]:  # fmt: skip
        before = await contents(migrated_url)
        reply = await world.client(token).post("/shipments", json={**named, "shipment": shipment(("SKU-A", 1))})
        assert reply.status == expected[0], (token, named, reply.body)
        if expected[1]:
            assert expected[1] in faults(reply)
        assert await contents(migrated_url) == before


async def test_every_way_to_name_an_item(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url, lines=(("SKU-A", 9), ("SKU-B", 2)))
    line = request["fulfillmentRequestItems"][0]
    for place, named in enumerate([
        {"sku": "SKU-A"}, {"inventoryVariantId": line["inventoryVariantId"]},
        {"sourceVariantId": line["inventoryVariantId"]}, {"orderItemId": line["orderItemId"]},
        {"purchaseOrderItemId": line["id"]}, {"fulfillmentRequestItemId": line["id"]},
        {"sku": "SKU-A", "orderItemId": line["orderItemId"], "fulfillmentRequestItemId": line["id"]},
    ]):  # fmt: skip
        body = {"fulfillmentRequestId": request["id"], "shipment": {
            "trackingNumber": f"T{place}", "shipmentItems": [{**named, "quantity": 1, "rmaItemId": 5}]}}  # fmt: skip
        item = (await world.client("src").post("/shipments", json=body)).json()["shipmentItems"][0]
        assert (item["fulfillmentRequestItemId"], item["purchaseOrderItemId"]) == (line["id"], line["id"]), named
        assert (item["sku"], item["orderItemId"], item["rmaItemId"]) == ("SKU-A", line["orderItemId"], 5)
        assert item["inventoryVariantId"] == line["inventoryVariantId"]
    assert (await read(world, request))["shippedQuantity"] == 7
    await adds_up(migrated_url)


ONE = {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"shipments": [ONE]}, {("/shipments", "unknown_member"), ("/shipment", "required")}),
        ({"shipments": [ONE], "shipment": ONE}, {("/shipments", "unknown_member")}),
        ({"shipment": ONE, "purchaseOrderId": "17"}, {("/purchaseOrderId", "wrong_type")}),
        ({"shipment": {}}, {("/shipment/trackingNumber", "required"), ("/shipment/shipmentItems", "required")}),
        ({"shipment": {"trackingNumber": " ", "shipmentItems": []}},
         {("/shipment/trackingNumber", "blank"), ("/shipment/shipmentItems", "too_few_items")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "SKU-A"}, {"quantity": 1}]}},
         {("/shipment/shipmentItems/0/quantity", "required"), ("/shipment/shipmentItems/1/sku", "required")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "SKU-A", "quantity": q} for q in (0, -1, 1.5, 10**9 + 1, "1")]}},
         {("/shipment/shipmentItems/0/quantity", "out_of_range"), ("/shipment/shipmentItems/1/quantity", "out_of_range"),
          ("/shipment/shipmentItems/2/quantity", "wrong_type"), ("/shipment/shipmentItems/3/quantity", "out_of_range"),
          ("/shipment/shipmentItems/4/quantity", "wrong_type")}),
        ({"shipment": {**ONE, "shippingCost": -1, "shippedAt": "yesterday"}},
         {("/shipment/shippingCost", "negative"), ("/shipment/shippedAt", "bad_date")}),
        ({"shipment": {**ONE, "trackingNumber": "9" * 201}}, {("/shipment/trackingNumber", "too_long")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "SKU-A", "quantity": 1}] * 1001}},
         {("/shipment/shipmentItems", "too_many_items")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "NO", "quantity": 1}, {"fulfillmentRequestItemId": 10**9,
          "quantity": 1}, {"sku": "SKU-A", "orderItemId": 10**9, "quantity": 1}]}},
         {("/shipment/shipmentItems/0/sku", "unknown_item"),
          ("/shipment/shipmentItems/1/fulfillmentRequestItemId", "unknown_item"),
          ("/shipment/shipmentItems/2/sku", "unknown_item")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "SKU-A", "quantity": 4}, {"sku": "SKU-B", "quantity": 3}]}},
         {("/shipment/shipmentItems/0/quantity", "more_than_open"),
          ("/shipment/shipmentItems/1/quantity", "more_than_open")}),
        ({"shipment": {**ONE, "shipmentItems": [{"sku": "SKU-A", "quantity": 2}] * 2}},
         {("/shipment/shipmentItems/1/quantity", "more_than_open")}),
    ],
)  # fmt: skip
async def test_bad_input_is_named_and_changes_nothing(
    world: World, migrated_url: str, body: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    request = await stocked(world, migrated_url)
    before = await contents(migrated_url)
    reply = await world.client().post("/shipments", json={"fulfillmentRequestId": request["id"], **body})
    assert (reply.status, reply.json()["code"]) == (400, "invalid_input")
    assert faults(reply) == expected
    assert await contents(migrated_url) == before


async def test_a_tracking_number_comes_once_per_request(world: World, migrated_url: str) -> None:
    request, other = await stocked(world, migrated_url), await stocked(world, migrated_url)
    assert (await post(world, request["id"], ("SKU-A", 1))).status == 200
    again = await post(world, request["id"], ("SKU-A", 1))
    assert (again.status, faults(again)) == (400, {("/shipment/trackingNumber", "duplicate_tracking_number")})
    assert (await post(world, other["id"], ("SKU-A", 1))).status == 200
    body = {"fulfillmentRequestId": request["id"], "allowDuplicateTrackingNumbers": True,
            "shipment": shipment(("SKU-A", 1))}  # fmt: skip
    assert (await world.client().post("/shipments", json=body)).status == 200


@pytest.mark.parametrize("status", ["Unprocessed", "Duplicate PO/FR #", "Cross Docked"])
async def test_what_is_not_with_its_source_cannot_ship(world: World, migrated_url: str, status: str) -> None:
    request = await stocked(world, migrated_url, status=status)
    reply = await post(world, request["id"], ("SKU-A", 1))
    assert (reply.status, reply.json()["code"]) == (400, "not_allowed_from_status")
    assert reply.json()["currentStatus"] == status
    assert "ship" not in reply.json()["allowedActions"]


async def test_a_canceled_request_and_a_canceled_rest_cannot_ship(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    item = request["fulfillmentRequestItems"][0]["id"]
    body = {"items": [{"id": item, "cancelledQuantity": 2}]}
    assert (await world.client().post(f"/fulfillment-requests/{request['id']}/adjust", json=body)).status == 200
    reply = await post(world, request["id"], ("SKU-A", 2))
    assert faults(reply) == {("/shipment/shipmentItems/0/quantity", "more_than_open")}
    assert (await world.client().patch(f"/fulfillment-requests/{request['id']}/cancel")).status == 200
    assert (await post(world, request["id"], ("SKU-A", 1))).json()["currentStatus"] == "Canceled"
    await adds_up(migrated_url)


async def test_a_shipment_mends_a_failure(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    await world.client().patch(f"/fulfillment-requests/{request['id']}/processing-failed?error=no+stock")
    assert (await post(world, request["id"], ("SKU-A", 1), token="src")).status == 200
    now = await read(world, request)
    assert (now["failure"], now["fulfillmentRequestStatus"]["name"]) == (None, "Acknowledged")
    refused = await world.client().patch(f"/fulfillment-requests/{request['id']}/cancel")
    assert refused.json()["code"] == "already_shipped"
    await adds_up(migrated_url)


async def test_a_key_posts_once(world: World, migrated_url: str) -> None:
    request, key = await stocked(world, migrated_url), {"Idempotency-Key": "parcel-1"}
    body = {"fulfillmentRequestId": request["id"], "shipment": shipment(("SKU-A", 1), customFields=[{"name": "lot"}])}
    first = await world.client("src").post("/shipments", json=body, headers=key)
    before = await contents(migrated_url)
    again = await world.client("src").post("/shipments", json=body, headers=key)
    assert (again.status, again.body, again.headers["etag"]) == (200, first.body, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    other = await world.client("src").post("/shipments", json={**body, "sourceId": None}, headers=key)
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await contents(migrated_url) == before
    refused = await world.client("src").post(
        "/shipments", json={**body, "shipment": shipment(("SKU-A", 9))}, headers={"Idempotency-Key": "parcel-2"}
    )
    assert refused.status == 400
    freed = {**body, "shipment": shipment(("SKU-A", 2), tracking="1Z-2")}
    assert (await world.client("src").post("/shipments", json=freed, headers={"Idempotency-Key": "parcel-2"})).status == 200


async def test_a_dry_run_tells_and_changes_nothing(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    before = await contents(migrated_url)
    body = {"fulfillmentRequestId": request["id"], "shipment": shipment(("SKU-A", 1))}
    reply = await world.client().post("/shipments?dryRun=true", json=body, headers={"Idempotency-Key": "k"})
    assert reply.json() == {"dryRun": True, "from": "Processing", "to": "Acknowledged", "change": "move",
                            "wouldReplyStatus": 200}  # fmt: skip
    body["shipment"] = shipment(("SKU-A", 4))
    assert (await world.client().post("/shipments?dryRun=true", json=body)).status == 400
    assert await contents(migrated_url) == before


async def test_many_at_once_never_ship_more_than_there_is(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url, lines=(("SKU-A", 5),))
    replies = await asyncio.gather(
        *(post(world, request["id"], ("SKU-A", 1), tracking=f"T{n}", token="src") for n in range(12))
    )
    assert sorted(reply.status for reply in replies) == [200] * 5 + [400] * 7
    assert (await order_of(world, request))["orderStatus"] == "Closed"
    totals = await rows(migrated_url, "SELECT quantity, committed FROM inventory_variant")
    assert totals == [{"quantity": ON_HAND, "committed": 0}]
    await adds_up(migrated_url)


async def test_an_order_closes_when_all_its_requests_have_shipped(world: World, migrated_url: str) -> None:
    placed = await order(world)
    near = await stocked(world, migrated_url, lines=(("SKU-A", 3),), placed=placed)
    far = await stocked(world, migrated_url, lines=(("SKU-B", 2),), source=1, placed=placed)
    assert (await post(world, near["id"], ("SKU-A", 3), token="src")).json()["partial"] is False
    assert (await order_of(world, near))["orderStatus"] == "Open"
    assert (await post(world, far["id"], ("SKU-B", 2), token="src2")).status == 200
    assert (await order_of(world, near))["orderStatus"] == "Closed"
    await adds_up(migrated_url)
