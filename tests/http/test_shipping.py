"""Shipping methods, texts and policies (contract section 6): each with its owner, its faults, and what it maps."""

from typing import Any

import pytest

from tests.support.database import rows
from tests.support.records import events_of, faults
from tests.support.world import World

METHODS = "/shipping/source-shipping-methods"
TEXTS = "/shipping/channel-shipping-methods"
POLICIES = "/shipping/shipping-policies"


async def made(
    world: World, path: str, body: dict[str, Any], token: str = "acc", theirs: bool = False
) -> dict[str, Any]:
    """What was created."""
    reply = await world.client(token, world.theirs if theirs else world.ours).post(path, json=body)
    assert reply.status == 201, reply.body
    found: dict[str, Any] = reply.json()
    return found


async def put(world: World, path: str, body: Any, token: str = "acc") -> Any:
    """PUT, as our merchant."""
    return await world.client(token).call("PUT", path, json=body)


async def test_a_sources_methods_are_made_and_changed_by_account_and_source(world: World) -> None:
    mine, other = world.ours.sources
    ground = await made(world, METHODS, {"sourceId": mine, "name": " Ground ", "carrier": "UPS", "estimatedCost": 7.5})
    assert {name: ground[name] for name in ground.keys() - {"id", "createdAt", "updatedAt"}} == {
        "accountId": world.ours.account, "sourceId": mine, "name": "Ground", "carrier": "UPS", "method": None,
        "estimatedCost": 7.5, "active": True, "version": 1,
    }  # fmt: skip
    express = await made(world, METHODS, {"name": "Express"}, token="src")
    assert (express["sourceId"], express["estimatedCost"]) == (mine, None)
    far = await made(world, METHODS, {"sourceId": other, "name": "Ground"})
    assert (await world.client().get(METHODS)).json() == [ground, express, far]
    assert (await world.client("src").get(METHODS)).json() == [ground, express]
    assert (await world.client().get(f"{METHODS}?sourceId={other}")).json() == [far]
    assert (await world.client("src").get(f"{METHODS}?sourceId={other}")).body == b"[]"
    assert (await world.client().get(f"{METHODS}?page=2&pageSize=2")).json() == [far]
    body = {"active": False, "carrier": None, "estimatedCost": 0, "sourceId": mine, "name": "Ground"}
    changed = (await put(world, f"{METHODS}/{ground['id']}", body, "src")).json()
    assert {name: changed[name] for name in body} == body
    assert (await put(world, f"{METHODS}/{far['id']}", body, "src")).status == 404
    assert (await put(world, f"{METHODS}/99999", body)).status == 404
    assert await events_of(world, "source_shipping_method") == [
        ("source_shipping_method.created", ground["id"], {"name": "Ground"}),
        ("source_shipping_method.created", express["id"], {"name": "Express"}),
        ("source_shipping_method.created", far["id"], {"name": "Ground"}),
        ("source_shipping_method.updated", ground["id"], {"changed": ["active", "carrier", "estimatedCost"]}),
    ]


async def test_bad_methods_are_refused_with_every_fault(world: World) -> None:
    mine, other = world.ours.sources
    ground = await made(world, METHODS, {"sourceId": mine, "name": "Ground"})
    air = await made(world, METHODS, {"sourceId": mine, "name": "Air"})
    post = world.client().post
    assert faults(await post(METHODS, json={})) == [("/name", "required"), ("/sourceId", "required")]
    assert faults(await post(METHODS, json={"sourceId": world.theirs.sources[0], "name": "X"})) == [
        ("/sourceId", "unknown_source")
    ]
    assert faults(await world.client("src").post(METHODS, json={"sourceId": other, "name": "X"})) == [
        ("/sourceId", "foreign_source")
    ]
    assert faults(await post(METHODS, json={"sourceId": mine, "name": "Ground"})) == [("/name", "taken")]
    assert faults(await put(world, f"{METHODS}/{ground['id']}", {"name": "Air"})) == [("/name", "taken")]
    assert faults(await put(world, f"{METHODS}/{ground['id']}", {"sourceId": other})) == [
        ("/sourceId", "cannot_change")
    ]
    shape = {"name": "", "estimatedCost": -1, "carrier": "x" * 201, "active": 1}
    assert faults(await put(world, f"{METHODS}/{ground['id']}", shape)) == [
        ("/name", "blank"), ("/carrier", "too_long"), ("/active", "wrong_type"),
    ]  # fmt: skip
    assert faults(await put(world, f"{METHODS}/{ground['id']}", {"estimatedCost": -1})) == [
        ("/estimatedCost", "negative")
    ]
    assert (await world.client().get(METHODS)).json() == [ground, air]


async def test_a_policy_names_a_method_of_each_source(world: World) -> None:
    methods = [await made(world, METHODS, {"sourceId": id_, "name": "Ground"}) for id_ in world.ours.sources]
    named = [
        {"sourceShippingMethodId": methods[1]["id"]},
        {"sourceShippingMethodId": methods[0]["id"], "sourceId": methods[0]["sourceId"]},
    ]
    policy = await made(world, POLICIES, {"name": "Standard", "methods": named})
    assert policy["methods"] == [{"sourceId": one["sourceId"], "sourceShippingMethodId": one["id"]} for one in methods]
    bare = await made(world, POLICIES, {"name": "Express"})
    assert (await world.client().get(POLICIES)).json() == [policy, bare]
    path = f"/shipping/shipping-policy/{policy['id']}"
    same = await put(world, path, {"methods": policy["methods"][::-1], "name": "Standard"})
    assert same.json() == policy
    one = await put(world, path, {"methods": policy["methods"][:1]})
    assert one.json()["methods"] == policy["methods"][:1]
    renamed = await put(world, path, {"name": "Slow"})
    assert (renamed.json()["name"], renamed.json()["methods"]) == ("Slow", policy["methods"][:1])
    assert (await put(world, path, {"methods": None})).json()["methods"] == []
    assert [told[2] for told in await events_of(world, "shipping_policy")] == [
        {"name": "Standard"}, {"name": "Express"}, {"changed": ["methods"]}, {"changed": ["name"]}, {"changed": ["methods"]},
    ]  # fmt: skip
    assert (await world.client("acc", world.theirs).get(POLICIES)).body == b"[]"
    assert (await world.client("acc", world.theirs).call("PUT", path, json={"name": "Mine"})).status == 404


async def test_bad_policies_are_refused_with_every_fault(world: World) -> None:
    mine, other = world.ours.sources
    ground = await made(world, METHODS, {"sourceId": mine, "name": "Ground"})
    air = await made(world, METHODS, {"sourceId": mine, "name": "Air"})
    foreign = await made(world, METHODS, {"sourceId": world.theirs.sources[0], "name": "Ground"}, theirs=True)
    await made(world, POLICIES, {"name": "Standard"})
    named = [
        {"sourceShippingMethodId": foreign["id"]}, {"sourceShippingMethodId": ground["id"], "sourceId": other},
        {"sourceShippingMethodId": ground["id"]}, {"sourceShippingMethodId": air["id"]},
    ]  # fmt: skip
    assert faults(await world.client().post(POLICIES, json={"name": "Standard", "methods": named})) == [
        ("/name", "taken"), ("/methods/0/sourceShippingMethodId", "unknown_shipping_method"),
        ("/methods/1/sourceId", "foreign_source"), ("/methods/3/sourceShippingMethodId", "repeated_source"),
    ]  # fmt: skip
    assert faults(await world.client().post(POLICIES, json={"methods": [{}, 5]})) == [
        ("/methods/0/sourceShippingMethodId", "required"), ("/methods/1", "wrong_type"),
    ]  # fmt: skip
    assert len((await world.client().get(POLICIES)).json()) == 1


async def test_a_shipping_text_means_a_policy(world: World) -> None:
    shop, market = world.ours.channels
    policy = await made(world, POLICIES, {"name": "Standard"})
    express = await made(
        world, TEXTS, {"channelId": shop, "name": "Express (1–2 days)", "shippingPolicyId": policy["id"]}
    )
    ground = await made(world, TEXTS, {"channelId": shop, "name": "g" * 500})
    other = await made(world, TEXTS, {"channelId": market, "name": "Express (1–2 days)"})
    assert (express["shippingPolicyId"], ground["shippingPolicyId"]) == (policy["id"], None)
    assert (await world.client().get(TEXTS)).json() == [express, ground, other]
    assert (await world.client().get(f"{TEXTS}?channelId={market}")).json() == [other]
    assert (await world.client().get(f"{TEXTS}?channelId={shop}&mapped=false")).json() == [ground]
    assert (await world.client().get(f"{TEXTS}?mapped=true")).json() == [express]
    mapped = await put(world, f"{TEXTS}/{ground['id']}", {"shippingPolicyId": policy["id"], "name": "other"})
    assert (mapped.json()["shippingPolicyId"], mapped.json()["name"]) == (policy["id"], ground["name"])
    assert (await put(world, f"{TEXTS}/{ground['id']}", {"shippingPolicyId": None})).json()["shippingPolicyId"] is None
    theirs = await made(world, POLICIES, {"name": "Standard"}, theirs=True)
    assert faults(await put(world, f"{TEXTS}/{ground['id']}", {"shippingPolicyId": theirs["id"]})) == [
        ("/shippingPolicyId", "unknown_policy")
    ]
    bad = {"channelId": world.theirs.channels[0], "name": "x", "shippingPolicyId": theirs["id"]}
    assert faults(await world.client().post(TEXTS, json=bad)) == [
        ("/shippingPolicyId", "unknown_policy"), ("/channelId", "unknown_channel"),
    ]  # fmt: skip
    assert faults(await world.client().post(TEXTS, json={"name": "x" * 501})) == [("/name", "too_long")]
    assert faults(await world.client().post(TEXTS, json={})) == [("/channelId", "required"), ("/name", "required")]
    again = {"channelId": shop, "name": express["name"]}
    assert faults(await world.client().post(TEXTS, json=again)) == [("/name", "taken")]


async def test_new_shipping_texts_are_noted_once(world: World, migrated_url: str) -> None:
    shop, market = world.ours.channels
    known = await made(world, TEXTS, {"channelId": shop, "name": "Ground"})
    texts = [(market, "Ground"), (shop, "Ground"), (shop, "größe 📦 '$1'"), (shop, "größe 📦 '$1'"), (999_999, "x")]
    for _ in range(2):
        await world.hub.store.write(lambda tx: tx.note_shipping_texts(texts, 77))
    await world.hub.store.write(lambda tx: tx.note_shipping_texts([], 78))
    found = await rows(
        migrated_url,
        "SELECT account_id, channel_id, name, policy_id, created_at FROM channel_shipping_method WHERE created_at = 77 ORDER BY id",
    )
    assert [tuple(row.values()) for row in found] == [
        (world.ours.account, shop, "größe 📦 '$1'", None, 77), (world.ours.account, market, "Ground", None, 77),
    ]  # fmt: skip
    assert (await world.client().get(TEXTS)).json()[0] == known


@pytest.mark.parametrize("path", [METHODS, TEXTS, POLICIES])
async def test_creations_are_applied_once_and_rehearsed(world: World, path: str) -> None:
    body = {"sourceId": world.ours.sources[0], "channelId": world.ours.channels[0], "name": "Ground"}
    key = {"Idempotency-Key": "make-1"}
    dry = await world.client().post(f"{path}?dryRun=true", json=body, headers=key)
    assert (dry.json()["change"], dry.json()["wouldReplyStatus"]) == ("move", 201)
    first = await world.client().post(path, json=body, headers=key)
    again = await world.client().post(path, json=body, headers=key)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert (await world.client().get(path)).json() == [first.json()]


async def test_an_order_brings_its_shipping_text(world: World) -> None:
    shop, market = world.ours.channels
    order = {
        "channelId": shop,
        "orderNumber": "S-1",
        "shippingText": "Drone",
        "orderItems": [{"sku": "A", "quantity": 1}],
    }
    assert (await world.client().post("/orders?dryRun=true", json=order)).status == 200
    assert (await world.client().get(TEXTS)).body == b"[]"
    for number, channel in (("S-1", shop), ("S-2", shop), ("S-3", market)):
        posted = await world.client().post("/orders", json={**order, "orderNumber": number, "channelId": channel})
        assert posted.status == 201
    bare = {**order, "orderNumber": "S-4", "shippingText": None}
    assert (await world.client().post("/orders", json=bare)).status == 201
    found = (await world.client().get(f"{TEXTS}?mapped=false")).json()
    assert [(one["channelId"], one["name"], one["shippingPolicyId"]) for one in found] == [
        (shop, "Drone", None), (market, "Drone", None),
    ]  # fmt: skip
