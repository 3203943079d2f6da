"""Array parameters: repeated or comma-separated; a value with a comma also matches as a whole (contract section 1)."""

from typing import Any

import pytest

from tests.support.goods import product
from tests.support.world import World

COMMAS = ("A,B", "A%2CB", "A%2cB", " A,B ".replace(" ", "%20"))


async def shown(world: World, target: str, member: str) -> list[Any]:
    """A member of everything that a list shows."""
    reply = await world.client().get(target)
    assert reply.status == 200, reply.body
    return [one[member] for one in reply.json()]


async def post(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What is made by a post."""
    reply = await world.client().post(path, json=body)
    assert reply.status == 201, reply.body
    made: dict[str, Any] = reply.json()
    return made


async def post_order(world: World, number: str, **more: Any) -> dict[str, Any]:
    """An order with this number."""
    body = {"channelId": world.ours.channels[0], "orderNumber": number, "orderItems": [{"sku": "S", "quantity": 1}]}
    return await post(world, "/orders", body | more)


async def test_numbers_of_requests_may_hold_a_comma(world: World) -> None:
    for number in ("A", "B", "A,B", "C"):
        body = {"orderId": await world.order(), "sourceId": world.ours.sources[0], "fulfillmentRequestNumber": number}
        await post(world, "/fulfillment-requests", body)
    for name in ("frNumbers", "frNumbers[]", "poNumbers"):
        for written in COMMAS:
            target = f"/fulfillment-requests?{name}={written}"
            assert await shown(world, target, "fulfillmentRequestNumber") == ["A", "B", "A,B"], target
    assert await shown(world, "/fulfillment-requests?frNumbers=A&frNumbers=B", "fulfillmentRequestNumber") == ["A", "B"]
    assert await shown(world, "/purchase-orders?poNumbers=A,B", "purchaseOrderNumber") == ["A", "B", "A,B"]
    for name in ("frNumbers", "fulfillmentRequestNumbers", "poNumbers"):
        reply = await world.client().get(f"/fulfillment-requests/count?{name}=A,B")
        assert reply.json() == {"count": 3}


async def test_numbers_of_orders_may_hold_a_comma(world: World) -> None:
    for number in ("A", "B", "A,B", "C"):
        await post_order(world, number, referenceNumber=f"{number},R")
    for written in COMMAS:
        assert await shown(world, f"/orders?orderNumbers={written}", "orderNumber") == ["A", "B", "A,B"]
    assert await shown(world, "/orders?referenceNumbers=C,R", "orderNumber") == ["C"]
    assert await shown(world, "/orders?referenceNumbers=A,B,R", "orderNumber") == ["A,B"]


async def test_tags_may_hold_a_comma(world: World) -> None:
    for number, tag in (("1", "red"), ("2", "blue"), ("3", "red,blue"), ("4", "green")):
        await post_order(world, number, tags=[tag])
    assert await shown(world, "/orders?includeTags=red,blue", "orderNumber") == ["1", "2", "3"]
    # What only asks for tags to be shown is no filter, however it is written.
    for written in ("true", "true,false", "true,", "False,%20TRUE"):
        assert len(await shown(world, f"/orders?includeTags={written}", "orderNumber")) == 4
    assert await shown(world, "/orders?includeTags=true,green", "orderNumber") == ["4"]


async def test_skus_and_upcs_may_hold_a_comma(world: World) -> None:
    variants = [{"sku": sku, "upc": f"{sku},0"} for sku in ("A", "B", "A,B", "C")]
    body = [{"sku": one["sku"], "variants": [one]} for one in variants]
    assert (await world.client("src").post("/inventory/parents", json=body)).status == 200
    listed = [{"sku": one["sku"], "parentSku": one["sku"]} for one in variants]
    assert (await world.client("chn").call("PUT", "/listing/variants", json=listed)).status == 200
    for path in ("/inventory/variants", "/inventory/parents", "/product/variants", "/listing/variants", "/listing/parents"):
        for written in COMMAS:
            assert await shown(world, f"{path}?skus={written}", "sku") == ["A", "B", "A,B"], path
    for path in ("/inventory/variants", "/product/variants"):
        assert await shown(world, f"{path}?upcs=C,0", "sku") == ["C"]
        assert await shown(world, f"{path}?upcs=A,B,0", "sku") == ["A,B"]


async def test_items_are_linked_by_a_sku_that_holds_a_comma(world: World, migrated_url: str) -> None:
    skus = ("A", "A,B", "C")
    posted = [await post_order(world, sku, orderItems=[{"sku": sku, "quantity": 1}]) for sku in skus]
    for sku in skus:
        await product(migrated_url, world.ours.account, sku)
    reply = await world.client().patch("/orders/link?skus=A,B")
    assert reply.json() == [order["id"] for order in posted[:2]]


def many(name: str, count: int) -> str:
    """A query with so many values, in one comma-separated value."""
    return f"{name}=" + ",".join(f"{'x_' * (name == 'codes')}{n}" for n in range(1, count + 1))


@pytest.mark.parametrize(
    ("target", "at_most"),
    [
        ("/fulfillment-requests?{frNumbers}", 50),
        ("/fulfillment-requests?{frNumbers}&filterPageSize=90", 90),
        ("/fulfillment-requests?{frNumbers}&filterPageSize=5000", 100),
        ("/fulfillment-requests/count?{frNumbers}&filterPageSize=90", 50),
        ("/purchase-orders?{poNumbers}&filterPageSize=60", 60),
        ("/source-invoices?{ids}&filterPageSize=100", 100),
        ("/inventory/variants?{skus}&pageSize=80", 80),
        ("/inventory/variants?{ids}&pageSize=80", 80),
        ("/product/variants?{upcs}&pageSize=100", 100),
        ("/listing/variants?{skus}", 50),
        ("/orders?{orderNumbers}", 50),
        ("/orders?{orderNumbers}&pageSize=900", 900),
        ("/orders?{referenceNumbers}&pageSize=5000", 1000),
        ("/orders?{includeTags}&pageSize=900", 900),
        ("/attention?{codes}", 50),
    ],
)
async def test_as_many_values_as_a_page_holds_and_never_fewer_than_50(world: World, target: str, at_most: int) -> None:
    start, name, end = target.replace("{", "}").split("}")
    reply = await world.client().get(start + many(name, at_most) + end)
    assert reply.status == 200, reply.body
    over = await world.client().get(start + many(name, at_most + 1) + end)
    assert over.status == 400
    message = f"{name} has {at_most + 1} values; the limit is {at_most}: send them in several calls."
    assert over.json()["errors"] == [{"parameter": name, "code": "too_many_values", "message": message}]
