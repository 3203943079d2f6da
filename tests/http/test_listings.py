"""Listings: what channels show, mapped to what the merchant sells (contract section 6)."""

import json
from typing import Any

import pytest

from tests.support.asgi import Client
from tests.support.database import rows
from tests.support.world import World


async def put(client: Client, body: Any, query: str = "", **more: Any) -> Any:
    return await client.call("PUT", f"/listing/variants{query}", json=body, **more)


async def products(world: World, *skus: str) -> list[int]:
    """The ids of products, made by a source that offers them."""
    body = [{"sku": sku, "variants": [{"sku": sku}]} for sku in skus]
    made = (await world.client("src").post("/inventory/parents", json=body)).json()
    return [parent["variants"][0]["productVariantId"] for parent in made]


async def test_listings_are_made_and_mapped(world: World) -> None:
    mug, cup = await products(world, "MUG", "CUP")
    body = [
        {"sku": "MUG", "title": "A mug", "price": 12.9, "externalId": "x-1", "customFields": [{"name": "q", "value": "1"}]},
        {"sku": "WEB-CUP", "productSku": "CUP", "parentSku": "CUPS", "parentTitle": "Cups",
         "attributes": [{"name": "colour", "value": "blue"}]},
        {"sku": "NEW"}, {"sku": "OWN", "productVariantId": mug}, {"sku": "CUP", "productSku": None},
    ]  # fmt: skip
    reply = await put(world.client("chn"), body)
    assert reply.status == 200, reply.body
    shown = reply.json()
    assert [one["productVariantId"] for one in shown] == [mug, cup, None, mug, None]
    assert (shown[0]["price"], shown[0]["externalId"], shown[0]["title"]) == (12.9, "x-1", "A mug")
    assert {one["channelId"] for one in shown} == {world.ours.channels[0]}
    assert (await world.client().get("/listing/variants")).json() == shown
    parents = (await world.client("chn").get("/listing/parents?skus=CUPS&includeAttributes=true")).json()
    assert [(p["title"], p["attributes"]) for p in parents] == [("Cups", [{"name": "colour", "value": "blue"}])]
    assert parents[0]["variants"] == [shown[1]]
    assert (await world.client("chn").get("/listing/parents?skus=CUPS")).json()[0]["attributes"] == []
    [linked] = (await world.client().get("/product/variants?skus=MUG")).json()
    assert linked["listingLinks"] == [shown[0]["id"], shown[3]["id"]]


async def test_listings_change_by_id_or_sku(world: World) -> None:
    mug, _ = await products(world, "MUG", "CUP")
    client = world.client("chn")
    first = (await put(client, [{"sku": "MUG", "price": 5, "title": "Mug"}])).json()[0]
    body = [{"listingVariantId": str(first["id"]), "price": None, "productSku": "CUP"}]
    now = (await put(client, body)).json()[0]
    assert (now["price"], now["title"], now["productVariantId"] != mug) == (None, "Mug", True)
    assert now["updatedAt"] > first["updatedAt"]
    by_sku = [{"sku": "MUG", "channelId": world.ours.channels[0], "productVariantId": None, "parentSku": "MUGS"}]
    now = (await put(world.client(), by_sku)).json()[0]
    assert (now["id"], now["productVariantId"]) == (first["id"], None)
    assert [p["sku"] for p in (await client.get("/listing/parents")).json()] == ["MUG", "MUGS"]
    same = await put(client, [{"sku": "MUG", "title": "Mug"}])
    assert same.json()[0] == now


async def test_everything_that_is_wrong_is_named_and_nothing_is_made(world: World) -> None:
    await products(world, "MUG")
    theirs = (await put(world.client("chn", world.theirs), [{"sku": "MUG"}])).json()[0]["id"]
    channel = world.ours.channels[0]
    body = [
        {"sku": "A", "channelId": channel}, {"sku": "A", "channelId": channel}, {"sku": "B"}, {"channelId": channel},
        {"sku": "C", "channelId": 987654}, {"listingVariantId": theirs}, {"sku": "D", "channelId": channel, "productSku": "NO"},
        {"sku": "E", "channelId": channel, "productVariantId": 987654},
    ]  # fmt: skip
    reply = await put(world.client(), body)
    assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [
        ("/1/sku", "repeated"), ("/2/channelId", "required"), ("/3/sku", "required"),
        ("/4/channelId", "unknown_channel"), ("/5/listingVariantId", "unknown_listing"),
        ("/6/productSku", "unknown_product"), ("/7/productVariantId", "unknown_product"),
    ]  # fmt: skip
    assert (await world.client().get("/listing/variants")).body == b"[]"
    foreign = await put(world.client("chn2"), [{"sku": "A", "channelId": channel}])
    assert foreign.json()["errors"][0]["code"] == "foreign_channel"


@pytest.mark.parametrize(
    ("one", "pointer", "code"),
    [
        ({"sku": "A", "price": -1}, "/0/price", "negative"), ({"sku": ""}, "/0/sku", "blank"),
        ({"listingVariantId": "x"}, "/0/listingVariantId", "not_an_id"),
        ({"sku": "A", "attributes": [{"name": "a"}]}, "/0/parentSku", "required"),
        ({"sku": "A", "attributes": [{}], "parentSku": "P"}, "/0/attributes/0/name", "required"),
        ({"sku": "A", "title": "t" * 501}, "/0/title", "too_long"),
    ],
)  # fmt: skip
async def test_bad_values(world: World, one: Any, pointer: str, code: str) -> None:
    reply = await put(world.client("chn"), [one])
    assert reply.status == 400
    assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [(pointer, code)]


async def test_a_channel_sees_its_own_only(world: World) -> None:
    one = (await put(world.client("chn"), [{"sku": "A"}])).json()[0]
    other = (await put(world.client("chn2"), [{"sku": "A"}])).json()[0]
    assert one["id"] != other["id"]
    assert [x["id"] for x in (await world.client("chn").get("/listing/variants")).json()] == [one["id"]]
    assert len((await world.client().get("/listing/variants?skus=A")).json()) == 2
    query = f"/listing/variants?channelId={world.ours.channels[1]}"
    assert [x["id"] for x in (await world.client().get(query)).json()] == [other["id"]]
    assert (await world.client("chn").get(query)).body == b"[]"
    assert (await world.client("acc", world.theirs).get("/listing/parents")).body == b"[]"
    stolen = await put(world.client("chn2"), [{"listingVariantId": one["id"], "price": 1}])
    assert stolen.json()["errors"][0]["code"] == "unknown_listing"


async def test_keys_dry_runs_and_events(world: World, migrated_url: str) -> None:
    client, key = world.client("chn"), {"Idempotency-Key": "l-1"}
    dry = await put(client, [{"sku": "A"}], "?dryRun=true")
    assert (dry.status, dry.json()["change"]) == (200, "move")
    assert (await client.get("/listing/variants")).body == b"[]"
    first = await put(client, [{"sku": "A", "price": 1}], headers=key)
    await put(client, [{"sku": "A", "price": 2}])
    again = await put(client, [{"sku": "A", "price": 1}], headers=key)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    told = await rows(migrated_url, "SELECT type, data FROM event ORDER BY seq")
    assert [one["type"] for one in told] == [
        "listing_parent.created", "listing_variant.created", "listing_variant.updated",
    ]  # fmt: skip
    assert json.loads(told[-1]["data"]) == {"sku": "A"}


async def test_a_foreign_accounts_product_is_unknown(world: World) -> None:
    """By its id or its SKU: neither mapped to, nor told of."""
    sku = "THEIRS"
    body = [{"sku": sku, "variants": [{"sku": sku}]}]
    made = (await world.client("src", world.theirs).post("/inventory/parents", json=body)).json()
    theirs = made[0]["variants"][0]["productVariantId"]
    for named, pointer in (({"productVariantId": theirs}, "/0/productVariantId"), ({"productSku": sku}, "/0/productSku")):
        reply = await put(world.client("chn"), [{"sku": "A"} | named])
        assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [(pointer, "unknown_product")]
    assert (await put(world.client("chn"), [{"sku": sku}])).json()[0]["productVariantId"] is None
    assert [one["sku"] for one in (await world.client().get("/listing/variants")).json()] == [sku]
