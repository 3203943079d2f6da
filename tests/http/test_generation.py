"""Orders routed over HTTP: what would be generated, what is, and why (native, contract section 5)."""

import json
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.audit import audit
from tests.support.database import contents
from tests.support.goods import product
from tests.support.stock import change, group, held, policy, variant
from tests.support.world import World

FR = "/fulfillment-requests"


async def shelves(world: World, url: str, *had: tuple[int, str, int, int]) -> list[int]:
    """Variants of our sources: (source, SKU, quantity, cost in ten-thousandths)."""
    return [
        await variant(url, world.ours.account, world.ours.sources[source], sku, quantity, cost=cost)
        for source, sku, quantity, cost in had
    ]


async def preview(world: World, order: int) -> Any:
    """What would be generated."""
    reply = await world.client().post(f"/orders/{order}{FR}/preview")
    assert reply.status == 200, reply.body
    return reply.json()


async def generate(world: World, order: int, query: str = "", **more: Any) -> Reply:
    """Generate."""
    return await world.client().post(f"/orders/{order}{FR}/generate{query}", **more)


def planned(shown: Any) -> list[tuple[int, list[tuple[str, int]]]]:
    """Source by source: SKUs and quantities."""
    return [
        (one["sourceId"], [(item["sku"], item["quantity"]) for item in one["fulfillmentRequestItems"]])
        for one in shown
    ]


async def test_a_preview_tells_everything_and_writes_nothing(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await shelves(world, migrated_url, (0, "SKU-A", 9, 50_000), (1, "SKU-A", 9, 40_000), (1, "SKU-B", 9, 10_000))
    await change(migrated_url, "source", second, dropship_fee=12_500, shipping_estimate=70_000)
    order = await world.order()
    before = await contents(migrated_url)
    told = await preview(world, order)
    assert await contents(migrated_url) == before
    assert told["holdReasons"] == []
    [one] = told["fulfillmentRequests"]
    assert planned([one]) == [(second, [("SKU-A", 3), ("SKU-B", 2)])]
    assert (one["totalCost"], one["estimatedDropshipFee"], one["estimatedShippingCost"]) == (14, 1.25, 7)
    assert one["fulfillmentRequestStatus"]["name"] == "Processing"
    decision = told["decision"]
    assert decision["rules"][0] == {"rule": "single_request", "mode": "preferred"}
    assert [c["sourceId"] for c in decision["candidates"]] == [first, second]
    [only] = decision["rounds"]
    assert only["bids"] == [
        {"sourceId": first, "quantity": 3, "cost": 15}, {"sourceId": second, "quantity": 5, "cost": 22.25},
    ]  # fmt: skip
    assert only["steps"][1] == {
        "rule": "single_request", "keptSourceIds": [second],
        "lost": [{"sourceId": first, "reason": "Could send 3 pieces, another 5."}],
    }  # fmt: skip
    made = (await generate(world, order)).json()
    assert planned(made) == planned(told["fulfillmentRequests"])
    assert made[0]["fulfillmentRequestNumber"] == one["fulfillmentRequestNumber"]


async def test_generating_splits_holds_stock_and_keeps_the_decision(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    a, b = await shelves(world, migrated_url, (0, "SKU-A", 9, 1), (1, "SKU-B", 9, 1))
    order = await world.order()
    reply = await generate(world, order)
    assert reply.status == 201
    made = reply.json()
    assert planned(made) == [(first, [("SKU-A", 3)]), (second, [("SKU-B", 2)])]
    assert await held(migrated_url) == {a: (3, 3), b: (2, 2)}
    shown = (await world.client().get(f"/orders/{order}")).json()
    assert [item["allocatedStatus"] for item in shown["orderItems"]] == ["Completed", "Completed"]
    assert [one["id"] for one in shown["fulfillmentRequests"]] == [one["id"] for one in made]
    for one in made:
        decision = (await world.client().get(f"{FR}/{one['id']}/routing")).json()
        assert (decision["orderId"], decision["unplaced"]) == (order, [])
        assert [each["chosenSourceId"] for each in decision["rounds"]] == [first, second]
        events = (await world.client().get(f"{FR}/{one['id']}/events")).json()
        assert [(event["type"], event["actor"]["type"]) for event in events] == [
            ("fulfillment_request.generated", "account")
        ]
    again = await generate(world, order)
    assert (again.status, again.json()["errors"][0]["code"]) == (400, "nothing_open")
    await audit(migrated_url)


async def test_what_is_in_the_way_is_told_item_by_item_and_nothing_is_generated(
    world: World, migrated_url: str
) -> None:
    await shelves(world, migrated_url, (0, "SKU-A", 2, 1))
    order = await world.order()
    await change(migrated_url, "channel", world.ours.channels[0], require_shipping_mapping=True)
    before = await contents(migrated_url)
    reply = await generate(world, order)
    assert reply.status == 400
    assert [(one["pointer"], one["code"]) for one in reply.json()["errors"]] == [
        ("/orderItems/0", "no_available_quantity"),
        ("/orderItems/1", "unknown_sku"),
        ("/shippingText", "shipping_text_unmapped"),
    ]
    told = await preview(world, order)
    assert [reason["code"] for reason in told["holdReasons"]] == [
        "unknown_sku", "shipping_text_unmapped", "no_available_quantity",
    ]  # fmt: skip
    assert [(one["sku"], one["quantity"], one["code"]) for one in told["decision"]["unplaced"]] == [
        ("SKU-A", 1, "no_available_quantity"), ("SKU-B", 2, "unknown_sku"),
    ]  # fmt: skip
    assert await contents(migrated_url) == before
    assert (await generate(world, order, "?partial=true")).status == 400  # the shipping text is not an item's matter
    await change(migrated_url, "channel", world.ours.channels[0], require_shipping_mapping=False)
    part = await generate(world, order, "?partial=true")
    assert planned(part.json()) == [(world.ours.sources[0], [("SKU-A", 2)])]
    await audit(migrated_url)


async def test_rules_of_the_channels_group_win_over_the_accounts(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await shelves(world, migrated_url, *((s, sku, 9, 10 - s) for s in (0, 1) for sku in ("SKU-A", "SKU-B")))
    await group(migrated_url, world.ours.account, [(first, 1), (second, 2)], [{"rule": "source_priority"}])
    by_account = await preview(world, await world.order())
    assert [one["sourceId"] for one in by_account["fulfillmentRequests"]] == [first]
    own = await group(migrated_url, world.ours.account, [(second, 1)], [{"rule": "lowest_cost"}], name="own")
    await change(migrated_url, "account", world.ours.account, default_routing_group_id=None)
    await change(migrated_url, "channel", world.ours.channels[0], routing_group_id=own)
    told = await preview(world, await world.order())
    assert [one["sourceId"] for one in told["fulfillmentRequests"]] == [second]
    assert (told["decision"]["routingGroupId"], told["decision"]["routingGroupName"]) == (own, "own")
    await change(migrated_url, "source", second, archived=True)
    told = await preview(world, await world.order())
    assert told["holdReasons"][0]["code"] == "no_eligible_source"
    assert told["decision"]["unplaced"][0]["sources"] == [
        {"sourceId": first, "name": None, "code": "not_a_candidate", "message": "Not in the routing group."}
    ]


async def test_of_what_is_left_it_is_told_who_else_has_it(world: World, migrated_url: str) -> None:
    """Some of those who are not in the routing group, archived sources and variants and other accounts left out."""
    account, first, second = world.ours.account, *world.ours.sources
    await shelves(world, migrated_url, (0, "SKU-A", 1, 5))
    await variant(migrated_url, world.theirs.account, world.theirs.sources[0], "SKU-A", 9)
    await group(migrated_url, account, [(first, 1)], [{"rule": "source_priority"}])
    others = [(await world.client().post("/sources", json={"name": f"Other {n}"})).json()["id"] for n in range(25)]
    for source in others:
        await variant(migrated_url, account, source, "SKU-A", 9)
    mug = await product(migrated_url, account, "SKU-A")
    for source in others[5:]:  # by another SKU, too
        await variant(migrated_url, account, source, f"MUG-{source}", 9, product_variant_id=mug)
    await variant(migrated_url, account, second, "SKU-B", 9, archived=True)
    await variant(migrated_url, account, others[0], "SKU-B", 9)
    await variant(migrated_url, account, others[1], "SKU-B", 9)
    await change(migrated_url, "source", others[1], archived=True)
    told = (await preview(world, await world.order()))["decision"]["unplaced"]
    assert [(one["sku"], one["quantity"], one["code"]) for one in told] == [
        ("SKU-A", 2, "no_available_quantity"), ("SKU-B", 2, "no_eligible_source"),
    ]  # fmt: skip
    named = [[(source["sourceId"], source["code"]) for source in one["sources"]] for one in told]
    assert named[0][0] == (first, "not_enough")
    assert [code for _, code in named[0][1:]] == ["not_a_candidate"] * 20
    assert {source for source, _ in named[0][1:]} < {*others} - {others[1]}
    assert named[1] == [(others[0], "not_a_candidate")]
    assert [(await generate(world, await world.order())).json()["errors"][1]["code"]] == ["no_eligible_source"]


async def test_the_shipping_text_finds_the_method_of_each_source(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await shelves(world, migrated_url, *((s, sku, 9, 10) for s in (0, 1) for sku in ("SKU-A", "SKU-B")))
    rules = [{"rule": "shipping_mapped"}, {"rule": "single_request"}, {"rule": "source_priority"}]
    await group(migrated_url, world.ours.account, [(first, 1), (second, 2)], rules)
    order = await world.order()
    unmapped = await generate(world, order)
    assert {one["code"] for one in unmapped.json()["errors"]} == {"no_eligible_source"}
    methods = await policy(migrated_url, world.ours.account, world.ours.channels[0], "Ground", {second: 30_000})
    [made] = (await generate(world, order)).json()
    assert (made["sourceId"], made["sourceShippingMethodId"]) == (second, methods[second])
    assert (made["carrier"], made["method"], made["estimatedShippingCost"]) == ("UPS", "Ground", 3)
    decision = (await world.client().get(f"{FR}/{made['id']}/routing")).json()
    assert decision["rounds"][0]["steps"][1]["lost"] == [
        {"sourceId": first, "reason": "No method mapped for the shipping policy."}
    ]


async def test_each_address_is_a_request_of_its_own(world: World, migrated_url: str) -> None:
    await shelves(world, migrated_url, (0, "SKU-A", 9, 1), (0, "SKU-B", 9, 1))
    order = await world.order()
    shown = (await world.client().get(f"/orders/{order}")).json()
    other = {**shown["shippingAddress"], "city": "Bern"}
    text = json.dumps(other, ensure_ascii=False)
    await change(migrated_url, "order_item", shown["orderItems"][1]["id"], ship_to=text)
    made = (await generate(world, order)).json()
    assert [one["shippingAddress"]["city"] for one in made] == ["Zürich", "Bern"]
    decision = (await world.client().get(f"{FR}/{made[1]['id']}/routing")).json()
    assert [one["shippingAddress"] and one["shippingAddress"]["city"] for one in decision["rounds"]] == [None, "Bern"]


async def test_keys_and_dry_runs(world: World, migrated_url: str) -> None:
    await shelves(world, migrated_url, (0, "SKU-A", 9, 1), (0, "SKU-B", 9, 1))
    order = await world.order()
    before = await contents(migrated_url)
    dry = await generate(world, order, "?dryRun=true", headers={"Idempotency-Key": "k"})
    assert dry.json() == {
        "dryRun": True, "from": None, "to": "Processing", "change": "move", "wouldReplyStatus": 201,
    }  # fmt: skip
    assert await contents(migrated_url) == before
    first = await generate(world, order, headers={"Idempotency-Key": "k"})
    again = await generate(world, order, headers={"Idempotency-Key": "k"})
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    other = await generate(world, await world.order(), headers={"Idempotency-Key": "k"})
    assert other.status == 422


async def test_what_is_not_ours_or_no_order_is_not_found(world: World) -> None:
    theirs = await world.order(world.theirs)
    for id_ in (theirs, 4711, "x", "0", "9" * 20):
        assert (await generate(world, id_)).status == 404  # type: ignore[arg-type]
        assert (await world.client().post(f"/orders/{id_}{FR}/preview")).status == 404
        assert (await world.client().get(f"{FR}/{id_}/routing")).status == 404
    by_hand = await world.request()
    assert (await world.client().get(f"{FR}/{by_hand}/routing")).status == 404


@pytest.mark.parametrize("token", ["src", "chn"])
async def test_only_the_merchant_routes(token: str, world: World) -> None:
    order = await world.order()
    client = world.client(token)
    assert (await client.post(f"/orders/{order}{FR}/preview")).status == 401
    assert (await client.post(f"/orders/{order}{FR}/generate")).status == 401
    assert (await client.get(f"{FR}/1/routing")).status == 401
