"""Shipments read and listed (contract section 3): filters, pages, scopes."""

import pytest

from tests.http.test_shipment_changes import patch
from tests.http.test_shipments import faults, post
from tests.support.stocked import stocked
from tests.support.world import World


async def ids(world: World, query: str = "", token: str = "acc") -> list[int]:
    reply = await world.client(token).get(f"/shipments{query}")
    assert reply.status == 200, reply.body
    return [shipment["id"] for shipment in reply.json()]


async def test_a_list_has_its_order_filters_and_pages(world: World, migrated_url: str) -> None:
    one, two = await stocked(world, migrated_url), await stocked(world, migrated_url, source=1)
    made = [
        (await post(world, request["id"], (sku, 1), tracking=sku)).json()
        for request in (one, two) for sku in ("SKU-A", "SKU-B")
    ]  # fmt: skip
    every = [shipment["id"] for shipment in made]
    assert await ids(world) == every
    assert await ids(world, f"?findByOrderId={one['orderId']}") == every[:2]
    for name in ("findByPurchaseOrderId", "findByFulfillmentRequestId"):
        assert await ids(world, f"?{name}={two['id']}") == every[2:]
    assert await ids(world, f"?filterCreatedAfter={made[1]['insertedAt']}") == every[2:]
    await patch(world, every[0], note="seen")
    assert await ids(world, f"?filterUpdatedAfter={made[3]['insertedAt']}") == every[:1]
    assert await ids(world, "?filterPageSize=3") == every[:3]
    assert await ids(world, "?filterPageSize=3&filterPageNumber=2") == every[3:]
    assert (await world.client().get("/shipments?filterPageNumber=9")).body == b"[]"
    assert await ids(world, "?filterPageSize=1000&findByOrderId=&other=x") == every


@pytest.mark.parametrize("query", [
    "filterPageSize=0", "filterPageNumber=0", "findByOrderId=x", "findByPurchaseOrderId=1.5", "filterCreatedAfter=then",
    "filterUpdatedAfter=2026-13-01", "findByOrderId=1&findByOrderId=2",
])  # fmt: skip
async def test_bad_filters_are_named(world: World, query: str) -> None:
    reply = await world.client().get(f"/shipments?{query}")
    assert (reply.status, {name for name, _ in faults(reply)}) == (400, {query.split("=")[0]})


async def test_everybody_sees_their_own(world: World, migrated_url: str) -> None:
    near, far = await stocked(world, migrated_url), await stocked(world, migrated_url, source=1)
    mine = (await post(world, near["id"], ("SKU-A", 1), token="src")).json()
    other = (await post(world, far["id"], ("SKU-A", 1))).json()
    seen = {"acc": [mine["id"], other["id"]], "src": [mine["id"]], "src2": [other["id"]], "chn": [mine["id"], other["id"]],
            "chn2": []}  # fmt: skip
    for token, expected in seen.items():
        assert await ids(world, token=token) == expected, token
        for shipment in (mine, other):
            reply = await world.client(token).get(f"/shipments/{shipment['id']}")
            assert (reply.status == 200) == (shipment["id"] in expected)
    for id_ in (mine["id"], 10**9, "x", "9" * 30):
        assert (await world.client("acc", world.theirs).get(f"/shipments/{id_}")).status == 404
    assert (await world.client("acc", world.theirs).get("/shipments")).json() == []
    assert (await world.client().call("HEAD", f"/shipments/{mine['id']}")).headers["etag"] == '"1"'
