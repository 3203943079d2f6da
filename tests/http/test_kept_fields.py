"""However often fields are added, a record keeps 100 at most: else one call after the other makes it larger for every reader."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.test_shipment_changes import shipped
from tests.support.world import World

Send = Callable[[list[dict[str, Any]]], Any]


async def variants(world: World, url: str) -> Send:
    """Of a source's variant."""
    await world.client("src").post("/inventory/parents", json=[{"sku": "MUG", "variants": [{"sku": "MUG"}]}])
    return lambda fields: world.client("src").call("PUT", "/inventory/variants", json=[{"sku": "MUG", "customFields": fields}])


async def parents(world: World, url: str) -> Send:
    """Of a source's parent."""
    path = "/inventory/parents?modifyParentCustomFields=merge"
    parent = {"sku": "MUG", "variants": [{"sku": "MUG"}]}
    return lambda fields: world.client("src").post(path, json=[{**parent, "customFields": fields}])


async def listings(world: World, url: str) -> Send:
    """Of a channel's listing."""
    return lambda fields: world.client("chn").call("PUT", "/listing/variants", json=[{"sku": "MUG", "customFields": fields}])


async def shipments(world: World, url: str) -> Send:
    """Of a shipment."""
    _, made = await shipped(world, url)
    return lambda fields: world.client().patch("/shipments", json={"id": made["id"], "customFields": fields})


def named(first: int, count: int) -> list[dict[str, Any]]:
    return [{"name": f"field {n}", "value": "x"} for n in range(first, first + count)]


@pytest.mark.parametrize(
    ("kind", "pointer"),
    [(variants, "/0/customFields"), (parents, "/0/customFields"), (listings, "/0/customFields"), (shipments, "/customFields")],
)
async def test_a_record_keeps_at_most_100(
    world: World, migrated_url: str, kind: Callable[[World, str], Any], pointer: str
) -> None:
    send = await kind(world, migrated_url)
    for first, count in ((0, 60), (60, 40)):
        assert (await send(named(first, count))).status in (200, 201)
    reply = await send(named(100, 2))
    assert reply.status == 400, reply.body
    [error] = reply.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, "too_many_items")
    assert "there would be 102" in error["message"]
