"""The available figure, explained; and quantity updates that give back what has shipped (contract sections 2.4, 6)."""

from typing import Any

import pytest

from tests.support.world import World
from waypost.domain.statuses import Status


async def shelf(world: World, quantity: int = 10) -> int:
    """A variant of the first source; its id."""
    body = [{"sku": "P", "variants": [{"sku": "SKU-A", "quantity": quantity}]}]
    reply = await world.client("src").post("/inventory/parents", json=body)
    id_: int = reply.json()[0]["variants"][0]["id"]
    return id_


async def holding(world: World, variant: int, status: str | None = None) -> dict[str, Any]:
    """A request of which one line holds three pieces of the variant, as it is shown."""
    order = await world.order()
    item = (await world.client().get(f"/orders/{order}")).json()["orderItems"][0]
    body = {"orderId": order, "sourceId": world.ours.sources[0], "fulfillmentRequestStatus": status,
            "items": [{"orderItemId": item["id"], "quantity": 3, "inventoryVariantId": variant}]}  # fmt: skip
    made = (await world.client().post("/fulfillment-requests", json=body)).json()
    await world.client().patch(f"/fulfillment-requests/{made['id']}/committed-stock")
    return dict(made)


async def explained(world: World, variant: int, token: str = "acc") -> dict[str, Any]:
    """The explanation, once it is sure that it adds up."""
    reply = await world.client(token).get(f"/inventory/variants/{variant}/stock")
    assert reply.status == 200
    told: dict[str, Any] = reply.json()
    assert sum(line["heldQuantity"] for line in told["lines"]) == told["committedQuantity"]
    assert told["quantity"] - told["committedQuantity"] == told["availableQuantity"]
    assert all(x["committedQuantity"] - x["releasedQuantity"] == x["heldQuantity"] > 0 for x in told["lines"])
    return told


async def ship(world: World, request: int, quantity: int) -> None:
    shipment = {"trackingNumber": f"T-{request}-{quantity}", "shipmentItems": [{"sku": "SKU-A", "quantity": quantity}]}
    body = {"fulfillmentRequestId": request, "shipment": shipment}
    assert (await world.client().post("/shipments", json=body)).status == 200


async def release_by(world: World, mode: str) -> None:
    """What gives back the first source's stock."""
    await world.hub.store.write(lambda tx: tx.update_row("source", world.ours.sources[0], {"stock_release": mode}))


async def test_every_line_that_holds_something_is_told(world: World) -> None:
    variant = await shelf(world)
    empty = await explained(world, variant)
    assert (empty["lines"], empty["availableQuantity"], empty["sku"]) == ([], 10, "SKU-A")
    one, other = await holding(world, variant), await holding(world, variant)
    told = await explained(world, variant)
    assert (told["committedQuantity"], told["availableQuantity"]) == (6, 4)
    assert [line["fulfillmentRequestId"] for line in told["lines"]] == [one["id"], other["id"]]
    line = told["lines"][0]
    assert (line["fulfillmentRequestNumber"], line["orderId"]) == (one["fulfillmentRequestNumber"], one["orderId"])
    assert line["fulfillmentRequestStatus"] == {"name": "Processing", "handle": "processing"}
    assert line["fulfillmentRequestItemId"] == one["fulfillmentRequestItems"][0]["id"]
    await ship(world, one["id"], 2)
    told = await explained(world, variant, "src")
    assert [(x["heldQuantity"], x["shippedQuantity"], x["reason"]) for x in told["lines"]] == [
        (1, 2, "shipped"), (3, 0, told["lines"][1]["reason"]),
    ]  # fmt: skip
    await world.client().patch(f"/fulfillment-requests/{other['id']}/void")
    await ship(world, one["id"], 1)
    assert (await explained(world, variant))["lines"] == []
    listed = (await world.client().get("/inventory/variants")).json()[0]
    assert (listed["committedQuantity"], listed["availableQuantity"]) == (0, 10)


async def test_a_source_sees_that_something_is_held_but_not_by_what_is_hidden_from_it(world: World) -> None:
    variant = await shelf(world)
    await holding(world, variant, "Unprocessed")
    [line] = (await explained(world, variant, "src"))["lines"]
    hidden = ("fulfillmentRequestId", "fulfillmentRequestNumber", "fulfillmentRequestStatus",
              "fulfillmentRequestItemId", "orderId")  # fmt: skip
    assert {line[name] for name in hidden} == {None}
    assert line["heldQuantity"] == 3
    [line] = (await explained(world, variant))["lines"]
    assert line["fulfillmentRequestStatus"]["name"] == "Unprocessed"


async def test_what_is_no_variant_is_not_found(world: World) -> None:
    for id_ in ("0", "999999", "x", "1.5", "9" * 20):
        assert (await world.client().get(f"/inventory/variants/{id_}/stock")).status == 404


async def test_a_quantity_update_gives_back_what_has_shipped(world: World) -> None:
    variant = await shelf(world)
    await release_by(world, "quantity_update")
    one, other = await holding(world, variant), await holding(world, variant)
    await ship(world, one["id"], 2)
    assert (await explained(world, variant))["committedQuantity"] == 6  # shipped, but still held
    version = (await world.client().get(f"/fulfillment-requests/{one['id']}")).headers["etag"]
    dry = await world.client("src").call(
        "PUT", "/inventory/variants?dryRun=true", json=[{"sku": "SKU-A", "quantity": 8}]
    )
    assert dry.status == 200
    assert (await explained(world, variant))["committedQuantity"] == 6
    cost = await world.client("src").call("PUT", "/inventory/variants", json=[{"sku": "SKU-A", "cost": 1}])
    assert cost.json()[0]["committedQuantity"] == 6  # no quantity was told
    reply = await world.client("src").call("PUT", "/inventory/variants", json=[{"sku": "SKU-A", "quantity": 8}])
    [shown] = reply.json()
    assert (shown["quantity"], shown["committedQuantity"], shown["availableQuantity"]) == (8, 4, 4)
    told = await explained(world, variant)
    assert [(x["heldQuantity"], x["releasedQuantity"], x["reason"]) for x in told["lines"]] == [
        (1, 2, "quantity update"), (3, 0, told["lines"][1]["reason"]),
    ]  # fmt: skip
    events = (await world.client().get(f"/fulfillment-requests/{one['id']}/events")).json()
    assert (events[-1]["type"], events[-1]["actor"]["type"]) == ("fulfillment_request.stock_released", "source")
    assert (await world.client().get(f"/fulfillment-requests/{one['id']}")).headers["etag"] != version
    untouched = (await world.client().get(f"/fulfillment-requests/{other['id']}/events")).json()
    assert untouched[-1]["type"] == "fulfillment_request.generated"
    again = await world.client("src").call("PUT", "/inventory/variants", json=[{"sku": "SKU-A", "quantity": 8}])
    assert again.json()[0]["committedQuantity"] == 4
    await ship(world, one["id"], 1)
    await ship(world, other["id"], 3)
    body = [{"inventoryVariantId": variant, "quantity": 4}]
    assert (await world.client().call("PUT", "/inventory/variants", json=body)).json()[0]["availableQuantity"] == 4
    assert (await explained(world, variant))["lines"] == []


async def test_a_refused_quantity_update_gives_nothing_back(world: World) -> None:
    variant = await shelf(world)
    await release_by(world, "quantity_update")
    made = await holding(world, variant)
    await ship(world, made["id"], 2)
    body = [{"sku": "SKU-A", "quantity": 8}, {"sku": "NO-SUCH", "quantity": 1}]
    assert (await world.client("src").call("PUT", "/inventory/variants", json=body)).status == 400
    told = await explained(world, variant)
    assert (told["quantity"], told["committedQuantity"]) == (10, 3)


async def test_where_shipments_release_a_quantity_update_does_not(world: World) -> None:
    variant = await shelf(world)
    made = await holding(world, variant)
    await ship(world, made["id"], 1)
    reply = await world.client("src").call("PUT", "/inventory/variants", json=[{"sku": "SKU-A", "quantity": 9}])
    assert reply.json()[0]["committedQuantity"] == 2
    events = (await world.client().get(f"/fulfillment-requests/{made['id']}/events")).json()
    assert events[-1]["type"] == "fulfillment_request.shipped"


@pytest.mark.parametrize("status", [Status.CANCELED, Status.VOIDED])
async def test_final_requests_hold_nothing(world: World, status: Status) -> None:
    variant = await shelf(world)
    made = await holding(world, variant)
    await world.client().patch(f"/fulfillment-requests/{made['id']}/{'cancel' if status == 'canceled' else 'void'}")
    assert (await explained(world, variant))["availableQuantity"] == 10
