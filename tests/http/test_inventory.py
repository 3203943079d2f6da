"""Inventory and products (contract section 6)."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.asgi import Client
from tests.support.database import rows
from tests.support.world import World

MUG = {
    "sku": "MUG", "title": "Mug", "description": "Holds tea.", "customFields": [{"name": "maker", "value": "Lind"}],
    "variants": [
        {"sku": "MUG-BLUE", "title": "Mug, blue", "quantity": 12, "cost": 4.25, "map": 9, "msrp": 12.9,
         "shippingCost": 2.5, "dropshipFee": 1, "upc": "0123", "weight": 0.4, "weightUnit": {"handle": "kilogram"},
         "length": 10, "dimensionUnit": "centimeter", "referenceIdentifier": "N-1",
         "customFields": [{"name": "shelf", "value": "A4"}]},
        {"sku": "MUG-RED", "quantity": 3},
    ],
}  # fmt: skip


async def put(client: Client, body: Any, query: str = "", **more: Any) -> Any:
    return await client.call("PUT", f"/inventory/variants{query}", json=body, **more)


async def stocked(world: World, body: Any = None) -> dict[str, Any]:
    """The parent above in the first source, as it is shown."""
    reply = await world.client("src").post("/inventory/parents", json=[body or MUG])
    assert reply.status == 200, reply.body
    shown: dict[str, Any] = reply.json()[0]
    return shown


async def test_parents_are_created_with_their_variants_and_products(world: World) -> None:
    shown = await stocked(world)
    blue, red = shown["variants"]
    assert (shown["title"], shown["description"], shown["archived"]) == ("Mug", "Holds tea.", False)
    assert shown["customFields"] == [{"id": 1, "name": "maker", "value": "Lind"}]
    assert (blue["quantity"], blue["committedQuantity"], blue["availableQuantity"]) == (12, 0, 12)
    assert (blue["cost"], blue["msrp"], blue["weight"], blue["weightUnit"]) == (4.25, 12.9, 0.4, {"handle": "kilogram"})
    assert (blue["dimensionUnit"], blue["allowBackorders"]) == ({"handle": "centimeter"}, None)
    assert (red["cost"], red["weightUnit"], red["title"]) == (None, {"handle": None}, None)
    assert {one["inventoryParentId"] for one in shown["variants"]} == {shown["id"]}
    assert (await world.client().get("/inventory/parents")).json() == [shown]
    assert (await world.client("src").get("/inventory/variants")).json() == [blue, red]
    products = (await world.client().get("/product/variants?skus=MUG-BLUE")).json()
    assert [(p["id"], p["upc"], p["inventoryLinks"]) for p in products] == [
        (blue["productVariantId"], "0123", [blue["id"]])
    ]


async def test_a_second_source_offers_the_same_product(world: World) -> None:
    first = await stocked(world)
    body = [{"sku": "T-1", "variants": [{"sku": "TASSE", "masterSku": "MUG-BLUE", "quantity": 1}]}]
    other = (await world.client("src2").post("/inventory/parents", json=body)).json()[0]["variants"][0]
    assert other["productVariantId"] == first["variants"][0]["productVariantId"]
    [product] = (await world.client().get("/product/variants?skus=MUG-BLUE,TASSE")).json()
    assert product["inventoryLinks"] == [first["variants"][0]["id"], other["id"]]


async def test_posting_again_changes_what_is_given_and_clears_what_is_null(world: World) -> None:
    first = await stocked(world)
    again = {"sku": "MUG", "title": None, "variants": [{"sku": "MUG-BLUE", "cost": None, "quantity": 7}]}
    shown = await stocked(world, again)
    blue = shown["variants"][0]
    assert (shown["id"], shown["title"], shown["description"]) == (first["id"], None, "Holds tea.")
    assert (blue["id"], blue["cost"], blue["quantity"], blue["map"]) == (first["variants"][0]["id"], None, 7, 9)
    [parent] = (await world.client("src").get("/inventory/parents?skus=MUG")).json()
    assert [one["sku"] for one in parent["variants"]] == ["MUG-BLUE", "MUG-RED"]


async def test_variants_are_updated_by_id_or_by_sku(world: World) -> None:
    blue, red = (await stocked(world))["variants"]
    body = [{"inventoryVariantId": str(blue["id"]), "quantity": 20, "sku": "MUG-BLUE"},
            {"sku": "MUG-RED", "cost": 3.5, "archived": True, "allowBackorders": False}]  # fmt: skip
    reply = await put(world.client("src"), body)
    assert reply.status == 200
    now_blue, now_red = reply.json()
    assert (now_blue["quantity"], now_blue["cost"]) == (20, 4.25)
    assert (now_red["quantity"], now_red["cost"], now_red["archived"], now_red["allowBackorders"]) == (
        3,
        3.5,
        True,
        False,
    )
    assert now_blue["updatedAt"] > blue["updatedAt"]
    body = [{"inventoryVariantId": red["id"], "quantity": 4}]
    assert (await put(world.client(), body)).json()[0]["quantity"] == 4
    by_sku = [{"sku": "MUG-RED", "sourceId": world.ours.sources[0], "quantity": 5}]
    assert (await put(world.client(), by_sku)).json()[0]["quantity"] == 5
    shown = (await world.client("src").get("/inventory/variants?skus=MUG-RED")).json()
    assert [one["quantity"] for one in shown] == [5]


async def test_the_modify_parameters_say_what_a_null_does(world: World) -> None:
    await stocked(world)
    client = world.client("src")
    change = [{"sku": "MUG-BLUE", "cost": None, "map": 8, "weightUnit": None}]
    assert (await put(client, change, "?modifyCost=updateNonNull&modifyMap=none")).json()[0]["cost"] == 4.25
    shown = (await put(client, change, "?modifyCost=update&modifyMap=update&modifyWeightUnit=UPDATE")).json()[0]
    assert (shown["cost"], shown["map"], shown["weightUnit"]) == (None, 8, {"handle": None})
    bad = await put(client, change, "?modifyCost=sometimes")
    assert [error["parameter"] for error in bad.json()["errors"]] == ["modifyCost"]


@pytest.mark.parametrize(
    ("query", "given", "left"),
    [
        ("", {"shelf": "B1", "lot": "7"}, {"shelf": "B1", "lot": "7"}),
        ("?modifyCustomFields=merge", {"lot": "7"}, {"shelf": "A4", "lot": "7"}),
        ("?modifyCustomFields=update", {"lot": "7"}, {"lot": "7"}),
        ("?modifyCustomFields=replace", {}, {}),
        ("?modifyCustomFields=deleteIncluded", {"shelf": None, "lot": None}, {}),
        ("?modifyCustomFields=deleteAll", {}, {}),
        ("?modifyCustomFields=none", {"lot": "7"}, {"shelf": "A4"}),
    ],
)
async def test_custom_fields(world: World, query: str, given: dict[str, Any], left: dict[str, Any]) -> None:
    await stocked(world)
    body = [{"sku": "MUG-BLUE", "customFields": [{"name": name, "value": value} for name, value in given.items()]}]
    shown = (await put(world.client("src"), body, query)).json()[0]["customFields"]
    assert {field["name"]: field["value"] for field in shown} == left
    assert len({field["id"] for field in shown}) == len(shown)


async def test_everything_that_is_wrong_is_named_and_nothing_changes(world: World) -> None:
    before = (await stocked(world))["variants"]
    theirs = await world.client("src", world.theirs).post("/inventory/parents", json=[MUG])
    foreign = theirs.json()[0]["variants"][0]["id"]
    client, source = world.client(), world.ours.sources[0]
    body = [
        {"sku": "MUG-BLUE", "sourceId": source, "quantity": 99}, {"sku": "NO-SUCH", "sourceId": source},
        {"inventoryVariantId": foreign, "quantity": 1}, {"inventoryVariantId": "x"}, {"sku": "MUG-RED"},
        {"sourceId": source}, {"sku": "MUG-BLUE", "sourceId": 987654},
        {"inventoryVariantId": before[1]["id"], "sku": "MUG-BLUE"}, {"inventoryVariantId": before[0]["id"]},
    ]  # fmt: skip
    assert [(e["pointer"], e["code"]) for e in (await put(client, body)).json()["errors"]] == [
        ("/3/inventoryVariantId", "not_an_id")
    ]
    del body[3]
    reply = await put(client, body)
    assert reply.status == 400
    assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [
        ("/1/sku", "unknown_sku"), ("/2/inventoryVariantId", "unknown_variant"), ("/3/sourceId", "required"),
        ("/4/sku", "required"), ("/5/sourceId", "unknown_source"), ("/6/sku", "other_sku"), ("/7/sku", "repeated"),
    ]  # fmt: skip
    assert (await client.get("/inventory/variants")).json() == before


@pytest.mark.parametrize(
    ("one", "pointer", "code"),
    [
        ({"sku": "A", "quantity": -1}, "/0/quantity", "out_of_range"),
        ({"sku": "A", "quantity": 1.5}, "/0/quantity", "wrong_type"),
        ({"sku": "A", "quantity": 1_000_000_001}, "/0/quantity", "out_of_range"),
        ({"sku": "A", "quantity": "4"}, "/0/quantity", "wrong_type"),
        ({"sku": "A", "cost": -1}, "/0/cost", "negative"), ({"sku": "A", "cost": 1.00001}, "/0/cost", "bad_amount"),
        ({"sku": "A", "shippingCost": 1e12}, "/0/shippingCost", "bad_amount"),
        ({"sku": "A" * 201}, "/0/sku", "too_long"), ({"sku": "  "}, "/0/sku", "blank"),
        ({"sku": "A", "archived": "yes"}, "/0/archived", "wrong_type"),
        ({"sku": "A", "weightUnit": 3}, "/0/weightUnit", "wrong_type"),
        ({"sku": "A", "customFields": [{"value": "x"}]}, "/0/customFields/0/name", "required"), ("A", "/0", "wrong_type"),
    ],
)  # fmt: skip
async def test_bad_values(world: World, one: Any, pointer: str, code: str) -> None:
    reply = await put(world.client("src"), [one])
    assert reply.status == 400
    assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [(pointer, code)]


async def test_the_lists_have_their_limits(world: World) -> None:
    many = [{"sku": f"S{n}", "quantity": 1} for n in range(51)]
    client = world.client("src")
    for body in (many, [], {"sku": "S"}, None):
        assert (await client.call("PUT", "/inventory/variants", json=body)).status == 400
    parents = [{"sku": f"P{n}", "variants": [{"sku": f"S{n}"}]} for n in range(21)]
    assert (await client.post("/inventory/parents", json=parents)).status == 400
    assert (await client.post("/inventory/parents", json=[{"sku": "P", "variants": []}])).status == 400
    crowd = [{"sku": "P", "variants": [{"sku": f"S{n}"} for n in range(101)]}]
    assert (await client.post("/inventory/parents", json=crowd)).status == 400
    assert (await client.post("/inventory/parents", json=parents[:20])).status == 200
    assert len((await client.get("/inventory/parents?pageSize=1000")).json()) == 20


async def test_a_call_with_one_bad_parent_makes_none(world: World) -> None:
    body = [MUG, {"sku": "CUP", "variants": [{"sku": "CUP-1"}, {"sku": "CUP-1"}, {"quantity": 1}]}, MUG]
    reply = await world.client("src").post("/inventory/parents", json=body)
    assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [
        ("/2/sku", "repeated"), ("/1/variants/1/sku", "repeated"), ("/1/variants/2/sku", "required"),
        ("/2/variants/0/sku", "repeated"), ("/2/variants/1/sku", "repeated"),
    ]  # fmt: skip
    assert (await world.client().get("/inventory/parents")).body == b"[]"
    assert (await world.client().get("/product/variants")).body == b"[]"


async def test_who_sees_and_changes_what(world: World) -> None:
    blue = (await stocked(world))["variants"][0]
    for client in (world.client("src2"), world.client("acc", world.theirs), world.client("src", world.theirs)):
        assert (await client.get("/inventory/variants")).body == b"[]"
        assert (await client.get("/inventory/parents")).body == b"[]"
        assert (await client.get(f"/inventory/variants/{blue['id']}/stock")).status == 404
        reply = await put(client, [{"inventoryVariantId": blue["id"], "quantity": 0}])
        assert [error["code"] for error in reply.json()["errors"]] == ["unknown_variant"]
    assert (await world.client("acc", world.theirs).get("/product/variants")).body == b"[]"
    foreign = [{"sku": "MUG-BLUE", "sourceId": world.ours.sources[0], "quantity": 0}]
    assert (await put(world.client("src2"), foreign)).json()["errors"][0]["code"] == "foreign_source"
    assert (await put(world.client("acc", world.theirs), foreign)).json()["errors"][0]["code"] == "unknown_source"
    of_another = f"/inventory/variants?sourceId={world.ours.sources[1]}"
    assert (await world.client("src").get(of_another)).body == b"[]"


async def test_filters_and_pages(world: World) -> None:
    body = [{"sku": f"P{n}", "variants": [{"sku": f"S{n}", "upc": f"U{n}", "quantity": n}]} for n in range(5)]
    made = (await world.client("src").post("/inventory/parents", json=body)).json()
    await world.client("src2").post("/inventory/parents", json=body[:1])
    ids = [parent["variants"][0]["id"] for parent in made]
    client = world.client()

    async def skus(query: str, path: str = "/inventory/variants") -> list[str]:
        return [one["sku"] for one in (await client.get(f"{path}?{query}")).json()]

    assert await skus("page=2&pageSize=2") == ["S2", "S3"]
    assert await skus("page=9") == []
    assert await skus("skus=S1&skus=S4,S9") == ["S1", "S4"]
    assert await skus(f"ids={ids[0]},{ids[3]}") == ["S0", "S3"]
    assert await skus("upcs=U2") == ["S2"]
    assert await skus("skus=S0") == ["S0", "S0"]
    assert await skus(f"skus=S0&sourceId={world.ours.sources[1]}") == ["S0"]
    assert await skus("skus=&page=1") == ["S0", "S1", "S2", "S3", "S4", "S0"]
    assert await skus("skus=P1", "/inventory/parents") == ["P1"]
    moment = (await client.get("/inventory/variants?pageSize=100")).json()[-1]["updatedAt"]
    assert await skus(f"updatedAfter={moment}") == []
    await put(client, [{"inventoryVariantId": ids[2], "quantity": 77}])
    assert await skus(f"updatedAfter={moment}") == ["S2"]
    for query in ("page=0", "pageSize=0", "ids=x", "updatedAfter=soon", "skus=" + ",".join("S" * 51)):
        assert (await client.get(f"/inventory/variants?{query}")).status == 400


async def test_keys_and_dry_runs(world: World) -> None:
    await stocked(world)
    client, body = world.client("src"), [{"sku": "MUG-BLUE", "quantity": 40}]
    dry = await put(client, body, "?dryRun=true")
    assert dry.json() == {"dryRun": True, "from": None, "to": None, "change": "move", "wouldReplyStatus": 200}
    same = await put(client, [{"sku": "MUG-BLUE", "quantity": 12}], "?dryRun=true")
    assert same.json()["change"] == "none"
    assert (await put(client, [{"sku": "NO-SUCH"}], "?dryRun=true")).status == 400
    assert (await client.get("/inventory/variants?skus=MUG-BLUE")).json()[0]["quantity"] == 12
    key = {"Idempotency-Key": "stock-1"}
    first = await put(client, body, headers=key)
    await put(client, [{"sku": "MUG-BLUE", "quantity": 41}])
    again = await put(client, body, headers=key)
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    assert (await put(client, [{"sku": "MUG-RED", "quantity": 1}], headers=key)).status == 422
    made = await client.post("/inventory/parents", json=[{**MUG, "sku": "CUP"}], headers={"Idempotency-Key": "p-1"})
    repeat = await client.post("/inventory/parents", json=[{**MUG, "sku": "CUP"}], headers={"Idempotency-Key": "p-1"})
    assert (made.status, repeat.body) == (200, made.body)
    dry = await client.post("/inventory/parents?dryRun=true", json=[{"sku": "X", "variants": [{"sku": "X-1"}]}])
    assert dry.json()["change"] == "move"
    assert (await client.get("/inventory/parents?skus=X")).body == b"[]"


async def test_calls_that_arrive_together_all_count(world: World) -> None:
    await stocked(world, {"sku": "P", "variants": [{"sku": f"S{n}"} for n in range(20)]})
    client = world.client("src")
    bodies = [[{"sku": f"S{n}", "quantity": n}] for n in range(20)] + [[{"sku": "NO-SUCH", "quantity": 1}]]
    replies = await asyncio.gather(*(put(client, body) for body in bodies))
    assert [reply.status for reply in replies] == [200] * 20 + [400]
    shown = (await client.get("/inventory/variants?pageSize=100")).json()
    assert [one["quantity"] for one in shown] == list(range(20))


async def test_the_same_new_variant_twice_at_once_is_made_once(world: World) -> None:
    body = [{"sku": "P", "variants": [{"sku": "NEW", "quantity": 1}]}]
    replies = await asyncio.gather(*(world.client("src").post("/inventory/parents", json=body) for _ in range(6)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json()[0]["variants"][0]["id"] for reply in replies}) == 1
    assert len((await world.client().get("/product/variants")).json()) == 1


async def test_every_change_has_its_event(world: World, migrated_url: str) -> None:
    await stocked(world)
    client = world.client("src")
    await put(client, [{"sku": "MUG-BLUE", "quantity": 9, "cost": 5}, {"sku": "MUG-RED", "quantity": 3}])
    await put(client, [{"sku": "MUG-BLUE", "quantity": 9}])
    told = await rows(
        migrated_url, "SELECT type, actor_type, data FROM event WHERE type NOT LIKE 'order%' ORDER BY seq"
    )
    assert [one["type"] for one in told] == [
        "inventory_parent.created", "product_variant.created", "inventory_variant.created", "product_variant.created",
        "inventory_variant.created", "inventory_variant.updated",
    ]  # fmt: skip
    assert {one["actor_type"] for one in told} == {"source"}
    assert json.loads(told[-1]["data"]) == {
        "sku": "MUG-BLUE", "changed": ["quantity", "cost"], "quantity": {"from": 12, "to": 9},
    }  # fmt: skip
