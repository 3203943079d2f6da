"""What callers get wrong about orders, requests, shipments and stock: refused by name, and nothing half-done."""

from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import contents
from tests.support.stocked import order, stocked, variant
from tests.support.world import World

FR = "/fulfillment-requests"
CROWD = 10_000


def faults(reply: Reply) -> list[tuple[str, str]]:
    """Places and codes."""
    assert "errors" in reply.json(), reply.body
    return [(error["pointer"], error["code"]) for error in reply.json()["errors"]]


class Scene:
    """A request of 3 SKU-A and 2 SKU-B, one more that its source has not got, one of which 2 SKU-A have shipped, and an
    order for none of them; and every way to say a quantity."""

    def __init__(self, world: World, request: Any, waiting: Any, shipment: Any, spare: Any) -> None:
        self.client = world.client()
        self.world, self.request, self.waiting, self.shipment, self.spare = world, request, waiting, shipment, spare
        self.line = request["fulfillmentRequestItems"][0]["id"]

    async def say(self, what: str, quantity: Any, times: int = 1) -> tuple[Reply, str]:
        """A call with this quantity in as many items; and where its first one stands."""
        id_, post = self.request["id"], self.client.post
        ours = self.world.ours
        if what == "order":
            body: Any = {"channelId": ours.channels[0], "orderNumber": "BAD",
                         "orderItems": [{"sku": "A", "quantity": quantity}] * times}  # fmt: skip
            return await post("/orders", json=body), "/orderItems/0/quantity"
        if what == "item":
            return await post(f"/orders/{self.spare['id']}/items", json={"sku": "A", "quantity": quantity}), "/quantity"
        if what == "request":
            items = [{"orderItemId": self.spare["orderItems"][0]["id"], "quantity": quantity}] * times
            body = {"orderId": self.spare["id"], "sourceId": ours.sources[0], "items": items}
            return await post(FR, json=body), "/items/0/quantity"
        if what in ("acknowledgedQuantity", "cancelledQuantity"):
            return await post(f"{FR}/{id_}/adjust", json={"items": [{"id": self.line, what: quantity}] * times}), f"/items/0/{what}"
        if what == "shipment":
            items = [{"fulfillmentRequestItemId": self.line, "quantity": quantity}] * times
            shipment = {"trackingNumber": "BAD", "shipmentItems": items}
            reply = await post("/shipments", json={"fulfillmentRequestId": id_, "shipment": shipment})
            return reply, "/shipment/shipmentItems/0/quantity"
        if what == "correction":
            items = [{"id": self.shipment["shipmentItems"][0]["id"], "quantity": quantity}] * times
            reply = await self.client.patch("/shipments", json={"id": self.shipment["id"], "shipmentItems": items})
            return reply, "/shipmentItems/0/quantity"
        if what == "invoice":
            items = [{"invoiceItemType": "product", "sku": "SKU-A", "perUnitCost": 1, "quantity": quantity}] * times
            reply = await post("/source-invoices", json={"fulfillmentRequestId": id_, "invoiceItems": items})
            return reply, "/invoiceItems/0/quantity"
        if what == "edit":
            body = {"items": [{"id": self.waiting["fulfillmentRequestItems"][0]["id"], "quantity": quantity}] * times}
            return await self.client.patch(f"{FR}/{self.waiting['id']}", json=body), "/items/0/quantity"
        body = [{"sku": "SKU-A", "sourceId": ours.sources[0], "quantity": quantity}] * times
        return await self.client.call("PUT", "/inventory/variants", json=body), "/0/quantity"


@pytest.fixture
async def scene(world: World, migrated_url: str) -> Scene:
    """See `Scene`."""
    request, shipped = await stocked(world, migrated_url), await stocked(world, migrated_url)
    waiting = await stocked(world, migrated_url, status="Unprocessed")
    body = {"fulfillmentRequestId": shipped["id"],
            "shipment": {"trackingNumber": "T-1", "shipmentItems": [{"sku": "SKU-A", "quantity": 2}]}}  # fmt: skip
    shipment = (await world.client().post("/shipments", json=body)).json()
    return Scene(world, request, waiting, shipment, await order(world))


QUANTITIES = ("order", "item", "request", "acknowledgedQuantity", "cancelledQuantity", "shipment", "correction", "invoice",
              "edit", "inventory")  # fmt: skip
NOTHING_IS_FINE = {"acknowledgedQuantity", "cancelledQuantity", "inventory", "edit", "correction"}
# 10⁹ pieces may be ordered, had and paid for; nobody has so many open.
A_BILLION_IS_FINE = {"order", "item", "inventory", "invoice"}


@pytest.mark.parametrize("what", QUANTITIES)
async def test_quantities(scene: Scene, migrated_url: str, what: str) -> None:
    before = await contents(migrated_url)
    cases = {-1: "out_of_range", 1.5: "wrong_type", "2": "wrong_type", 10**9 + 1: "out_of_range", 10**19: "number_too_large"}
    if what not in NOTHING_IS_FINE:
        cases[0] = "out_of_range"
    for quantity, code in cases.items():
        reply, pointer = await scene.say(what, quantity)
        assert reply.status == 400, (quantity, reply.body)
        assert faults(reply) == [(pointer, code)], quantity
        named = pointer.rsplit("/", 1)[1]
        assert named in reply.json()["errors"][0]["message"], reply.body
    if what not in A_BILLION_IS_FINE:
        reply, pointer = await scene.say(what, 10**9)
        assert reply.status == 400, reply.body
        assert faults(reply)[0][0] == pointer, reply.body
    assert await contents(migrated_url) == before


@pytest.mark.parametrize("what", [one for one in QUANTITIES if one != "item"])
async def test_ten_thousand_lines(scene: Scene, migrated_url: str, what: str) -> None:
    before = await contents(migrated_url)
    reply, pointer = await scene.say(what, 1, CROWD)
    if reply.status != 413:
        assert reply.status == 400
        assert faults(reply) == [(pointer.rsplit("/", 2)[0], "too_many_items")]
    assert await contents(migrated_url) == before


async def test_more_than_is_open(scene: Scene, migrated_url: str) -> None:
    """Of 3 pieces one has been given back already: two are open."""
    adjust = f"{FR}/{scene.request['id']}/adjust"
    given_back = {"items": [{"id": scene.line, "cancelledQuantity": 1}]}
    assert (await scene.client.post(adjust, json=given_back)).status == 200
    before = await contents(migrated_url)
    for what in ("acknowledgedQuantity", "cancelledQuantity", "shipment"):
        reply, pointer = await scene.say(what, 3)
        assert (reply.status, faults(reply)) == (400, [(pointer, "more_than_open")]), what
        reply, pointer = await scene.say(what, 2, 2)  # each alone would do
        assert (reply.status, faults(reply)) == (400, [(pointer.replace("/0/", "/1/"), "more_than_open")]), what
    assert await contents(migrated_url) == before


async def test_twice(scene: Scene, migrated_url: str) -> None:
    """All of it, and all of it again."""
    for what, code in (("acknowledgedQuantity", "more_than_open"), ("shipment", "duplicate_tracking_number")):
        assert (await scene.say(what, 3))[0].status == 200
        before = await contents(migrated_url)
        again, _ = await scene.say(what, 3)
        assert again.status == 400
        assert code in {found for _, found in faults(again)}, again.body
        assert await contents(migrated_url) == before
    target = f"{FR}/{(await stocked(scene.world, migrated_url))['id']}"
    assert (await scene.client.patch(f"{target}/cancel")).status == 200
    before = await contents(migrated_url)
    assert (await scene.client.patch(f"{target}/cancel")).status == 200  # it is so already
    assert await contents(migrated_url) == before
    await adds_up(migrated_url)


async def test_out_of_order(world: World, migrated_url: str) -> None:
    """Before its source has it nobody can ship it; after the end nothing happens to it any more."""
    ship = {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    for status, calls in {
        "Unprocessed": ("acknowledge", "processed", "processing-failed?error=x", "adjust", "ship"),
        "Canceled": ("acknowledge", "processed", "processing-failed?error=x", "process", "void", "adjust", "ship"),
        "Voided": ("acknowledge", "processed", "processing-failed?error=x", "process", "cancel", "adjust", "ship"),
    }.items():
        first = "Processing" if status != "Unprocessed" else status
        request = await stocked(world, migrated_url, status=first)
        target = f"{FR}/{request['id']}"
        if status != first:
            action = {"Canceled": "cancel", "Voided": "void"}[status]
            assert (await world.client().patch(f"{target}/{action}")).status in (200, 204)
        before = await contents(migrated_url)
        for call in calls:
            client = world.client()
            if call == "ship":
                reply = await client.post("/shipments", json={"fulfillmentRequestId": request["id"], "shipment": ship})
            elif call == "adjust":
                reply = await client.post(f"{target}/adjust", json={"items": [{"sku": "SKU-A", "acknowledgedQuantity": 1}]})
            else:
                reply = await client.patch(f"{target}/{call}")
            told = reply.json()
            assert (reply.status, told["code"], told["currentStatus"]) == (400, "not_allowed_from_status", status), call
            assert isinstance(told["allowedActions"], list)
        assert await contents(migrated_url) == before, status


@pytest.mark.parametrize("status", ["Closed", "Canceled"])
async def test_nothing_is_generated_for_an_order_that_is_over(world: World, migrated_url: str, status: str) -> None:
    placed = await order(world)
    await variant(migrated_url, world.ours.account, world.ours.sources[0], "SKU-A")
    target = f"/orders/{placed['id']}"
    client = world.client()
    request = await stocked(world, migrated_url, (("SKU-B", 1),), placed=placed)
    assert (await client.patch(f"{target}/status?status={status.replace(' ', '%20')}")).status == 200
    before = await contents(migrated_url)
    item = {"orderItemId": placed["orderItems"][0]["id"], "quantity": 1}
    by_hand = {"orderId": placed["id"], "sourceId": world.ours.sources[0], "items": [item]}
    for reply in (
        await client.post(FR, json=by_hand), await client.post(f"{target}/fulfillment-requests/generate"),
        await client.post(f"{target}/items", json={"sku": "SKU-A", "quantity": 1}),
        *([await client.patch(f"{FR}/{request['id']}/reroute")] if status == "Closed" else ()),
    ):  # fmt: skip
        told = reply.json()
        assert (reply.status, told["code"], told["currentStatus"]) == (400, "not_allowed_from_status", status), told
    assert await contents(migrated_url) == before


async def test_foreign_and_unknown_things(world: World, migrated_url: str) -> None:
    """Whatever belongs to somebody else is told as if it were not there."""
    ours, theirs = world.ours, world.theirs
    mine, other, foreign = await order(world), await order(world), await order(world, who=theirs)
    item = {"orderItemId": mine["orderItems"][0]["id"], "quantity": 1}
    elsewhere = await variant(migrated_url, ours.account, ours.sources[1], "SKU-A")
    abroad = await variant(migrated_url, theirs.account, theirs.sources[0], "SKU-A")
    base = {"orderId": mine["id"], "sourceId": ours.sources[0], "items": [item]}
    before = await contents(migrated_url)
    for change, fault in [
        ({"sourceId": 10**9}, ("/sourceId", "unknown_source")),
        ({"sourceId": theirs.sources[0]}, ("/sourceId", "unknown_source")),
        ({"orderId": 10**9}, ("/orderId", "unknown_order")),
        ({"orderId": foreign["id"]}, ("/orderId", "unknown_order")),
        ({"items": [{**item, "orderItemId": other["orderItems"][0]["id"]}]}, ("/items/0/orderItemId", "unknown_item")),
        ({"items": [{**item, "orderItemId": foreign["orderItems"][0]["id"]}]}, ("/items/0/orderItemId", "unknown_item")),
        # One request is of one source: stock of a second one is none of it.
        ({"items": [{**item, "inventoryVariantId": elsewhere}]}, ("/items/0/inventoryVariantId", "unknown_variant")),
        ({"items": [{**item, "inventoryVariantId": abroad}]}, ("/items/0/inventoryVariantId", "unknown_variant")),
        ({"items": [{**item, "inventoryVariantId": 10**9}]}, ("/items/0/inventoryVariantId", "unknown_variant")),
    ]:  # fmt: skip
        reply = await world.client().post(FR, json={**base, **change})
        assert (reply.status, faults(reply)) == (400, [fault]), change
    for channel in (10**9, theirs.channels[0]):
        body = {"channelId": channel, "orderNumber": "X", "orderItems": [{"sku": "A", "quantity": 1}]}
        reply = await world.client().post("/orders", json=body)
        assert (reply.status, faults(reply)) == (400, [("/channelId", "unknown_channel")])
    assert await contents(migrated_url) == before


async def test_a_request_stays_with_one_source(scene: Scene, migrated_url: str) -> None:
    """What another source says of it is not heard, and it is not moved to one that is not the merchant's."""
    world = scene.world
    request = await stocked(world, migrated_url)
    before = await contents(migrated_url)
    body = {"fulfillmentRequestId": request["id"], "sourceId": world.ours.sources[1],
            "shipment": {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}}  # fmt: skip
    assert faults(await world.client().post("/shipments", json=body)) == [("/sourceId", "foreign_source")]
    assert (await world.client("src2").patch(f"{FR}/{request['id']}/acknowledge")).status == 404
    for source in (10**9, world.theirs.sources[0], world.ours.sources[0]):
        reply = await world.client().patch(f"{FR}/{request['id']}/reroute?sourceId={source}")
        assert reply.status == 400, reply.body
        assert "sourceId" in str(reply.json()), reply.body
    assert await contents(migrated_url) == before
