"""What the items of an order are: found when it is posted, or linked later (contract section 5)."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.database import contents
from tests.support.goods import listing, product
from tests.support.world import World
from waypost.http import order_changes


async def post(world: World, number: str, items: list[dict[str, Any]], channel: int = 0) -> dict[str, Any]:
    """An order of these items, a piece each."""
    body = {"channelId": world.ours.channels[channel], "orderNumber": number,
            "orderItems": [{"quantity": 1} | item for item in items]}  # fmt: skip
    reply = await world.client().post("/orders", json=body)
    assert reply.status == 201, reply.body
    posted: dict[str, Any] = reply.json()
    return posted


async def link(world: World, body: dict[str, Any] | None = None, query: str = "", token: str = "acc") -> Any:
    """The reply to a link."""
    return (await world.client(token).patch(f"/orders/link{query}", json={} if body is None else body)).json()


async def test_items_are_known_by_any_of_their_names(world: World, migrated_url: str) -> None:
    ours = world.ours
    mug = await product(migrated_url, ours.account, "MUG", "A mug")
    listed = await listing(migrated_url, ours.account, ours.channels[0], "L-MUG", mug, "ext-1")
    alone = await listing(migrated_url, ours.account, ours.channels[0], "L-CUP", None, "ext-2")
    posted = await post(
        world, "N-1",
        [{"sku": "MUG"}, {"sku": "NEW", "title": "New"}, {"productVariantId": mug}, {"listingVariantId": listed},
         {"externalListingId": "ext-1", "title": "Mine"}, {"listingVariantId": alone}],
    )  # fmt: skip
    assert (posted["orderStatus"], posted["holdReasons"]) == ("Open", [])
    told = [(i["sku"], i["title"], i["productVariantId"], i["listingVariantId"]) for i in posted["orderItems"]]
    assert told == [
        ("MUG", "A mug", mug, None), ("NEW", "New", None, None), ("MUG", "A mug", mug, None),
        ("MUG", "L-MUG", mug, listed), ("MUG", "Mine", mug, listed), ("L-CUP", "L-CUP", None, alone),
    ]  # fmt: skip


async def test_of_listings_that_share_an_external_id_the_last_made_is_meant(world: World, migrated_url: str) -> None:
    """Also where another item of the order names an older one by its id; another channel's are not meant."""
    account, (near, far) = world.ours.account, world.ours.channels[:2]
    mug = await product(migrated_url, account, "MUG")
    first, _, last = [await listing(migrated_url, account, near, f"L-{number}", mug, "shared") for number in range(3)]
    elsewhere = await listing(migrated_url, account, far, "L-FAR", mug, "shared")
    for channel, items, expected in (
        (0, [{"externalListingId": "shared"}], [last]),
        (1, [{"externalListingId": "shared"}], [elsewhere]),
        (0, [{"listingVariantId": first}, {"externalListingId": "shared"}, {"listingVariantId": last}], [first, last, last]),
    ):
        posted = await post(world, f"N-{channel}-{len(items)}", items, channel)
        assert [item["listingVariantId"] for item in posted["orderItems"]] == expected


async def test_an_order_of_things_that_nobody_knows_is_not_managed(world: World, migrated_url: str) -> None:
    theirs = await product(migrated_url, world.theirs.account, "MUG")
    elsewhere = await listing(migrated_url, world.ours.account, world.ours.channels[1], "L", None, "ext-9")
    items = [
        {"productVariantId": theirs},
        {"listingVariantId": elsewhere},
        {"externalListingId": "ext-9"},
        {"sku": "A"},
    ]
    posted = await post(world, "N-1", items)
    assert posted["orderStatus"] == "Not Managed"
    (reason,) = posted["holdReasons"]
    assert reason["code"] == "unknown_sku"
    for named in (f"1 (product variant {theirs})", f"2 (listing variant {elsewhere})", "3 (listing ext-9)"):
        assert named in reason["message"]
    assert "4 (" not in reason["message"]
    (event,) = (await world.client().get(f"/orders/{posted['id']}/events")).json()
    assert (event["to"], event["data"]["holdReasons"]) == ("Not Managed", [reason])
    again = await world.client().patch(f"/orders/{posted['id']}/status?status=Open")
    assert (again.json()["orderStatus"], again.json()["holdReasons"]) == ("Not Managed", [reason])
    many = await post(world, "N-2", [{"externalListingId": f"e{number}"} for number in range(12)])
    assert "10 (listing e9) and 2 more" in many["holdReasons"][0]["message"]


async def test_a_release_looks_once_more(world: World, migrated_url: str) -> None:
    posted = await post(world, "N-1", [{"externalListingId": "ext-1"}, {"sku": "CUP"}])
    await world.client().patch(f"/orders/{posted['id']}/status?status=On+Hold")
    held = (await world.client().patch(f"/orders/{posted['id']}/status?status=Open")).json()
    assert (held["orderStatus"], len(held["holdReasons"])) == ("Not Managed", 1)
    ours = world.ours
    mug = await product(migrated_url, ours.account, "MUG", "A mug")
    cup = await product(migrated_url, ours.account, "CUP")
    listed = await listing(migrated_url, ours.account, ours.channels[0], "L-MUG", mug, "ext-1")
    released = (await world.client().patch(f"/orders/{posted['id']}/status?status=Open")).json()
    assert (released["orderStatus"], released["holdReasons"]) == ("Open", [])
    told = [(i["sku"], i["productVariantId"], i["listingVariantId"]) for i in released["orderItems"]]
    assert told == [("MUG", mug, listed), ("CUP", cup, None)]
    assert released == (await world.client().get(f"/orders/{posted['id']}")).json()


async def test_items_whose_best_name_is_unknown_do_not_stand_before_others(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have another name that is known, by which they are not found; a call takes as many orders as it may."""
    monkeypatch.setattr(order_changes, "ORDERS_AT_MOST", 1)
    known, unknown = {"externalListingId": "ext-1"}, 99_999
    items: list[dict[str, Any]] = [
        {"productVariantId": unknown, **known}, {"listingVariantId": unknown, **known},
        {"productVariantId": unknown, "listingVariantId": unknown, **known}, {"sku": "POT", **known},
    ]  # fmt: skip
    for place, item in enumerate(items):
        await post(world, f"N-{place}", [item])
    last = await post(world, "N-9", [{"sku": "CUP"}])
    ours = world.ours
    cup = await product(migrated_url, ours.account, "CUP")
    await listing(migrated_url, ours.account, ours.channels[0], "L-CUP", cup, "ext-1")
    assert await link(world, {"channelId": ours.channels[0]}) == [last["id"]]
    assert await link(world, {"channelId": ours.channels[0]}) == []


async def test_linking_by_orders_skus_or_channel(world: World, migrated_url: str) -> None:
    unknown = [
        await post(world, "N-1", [{"externalListingId": "ext-1"}, {"sku": "CUP"}]),
        await post(world, "N-2", [{"sku": "CUP"}, {"sku": "POT"}]),
        await post(world, "N-3", [{"externalListingId": "ext-1"}], channel=1),
        await post(world, "N-4", [{"sku": "POT"}]),
        await post(world, "N-5", [{"sku": "CUP"}]),
    ]
    ids = [order["id"] for order in unknown]
    await world.client().patch(f"/orders/{ids[4]}/status?status=Closed")
    assert await link(world, {"channelId": world.ours.channels[0]}) == []
    ours = world.ours
    cup = await product(migrated_url, ours.account, "CUP")
    await product(migrated_url, ours.account, "POT")
    await listing(migrated_url, ours.account, ours.channels[1], "L-CUP", cup, "ext-1")

    async def products(place: int) -> list[int | None]:
        order = (await world.client().get(f"/orders/{ids[place]}")).json()
        return [item["productVariantId"] for item in order["orderItems"]]

    assert (await link(world, {"skus": ["CUP"]}, "?dryRun=true"))["change"] == "move"
    assert await products(0) == [None, None]
    assert await link(world, {"skus": ["CUP", "NOPE"]}) == [ids[0], ids[1]]
    assert await products(1) == [cup, None]
    assert await link(world, {"skus": ["CUP"]}) == []
    assert await link(world, {"orderIds": [ids[3], ids[0], ids[3]]}) == [ids[3]]
    assert await link(world, None, f"?channelId={ours.channels[1]}") == [ids[2]]
    opened = (await world.client().get(f"/orders/{ids[2]}")).json()
    assert (opened["orderStatus"], opened["holdReasons"], opened["orderItems"][0]["sku"]) == ("Open", [], "CUP")
    timeline = (await world.client().get(f"/orders/{ids[2]}/events")).json()
    assert [(event["type"], event["from"], event["to"]) for event in timeline[1:]] == [
        ("order.opened", "Not Managed", "Open")
    ]
    assert await link(world, {"channelId": ours.channels[0]}) == [ids[1]]
    still = (await world.client().get(f"/orders/{ids[0]}")).json()
    assert (still["orderStatus"], len(still["holdReasons"])) == ("Not Managed", 1)
    assert await products(4) == [None]
    await audit(migrated_url)


async def test_a_link_says_exactly_one_thing(world: World, migrated_url: str) -> None:
    order = (await post(world, "N-1", [{"sku": "CUP"}]))["id"]
    before = await contents(migrated_url)
    both = {"orderIds": [order], "skus": ["CUP"]}
    for body, query in (({}, ""), (both, ""), ({"orderIds": [order]}, "?skus=CUP"), ({"channelId": 1}, "?channelId=2")):
        assert [error["code"] for error in (await link(world, body, query))["errors"]] == ["exactly_one"]
    for body, pointer in (
        ({"orderIds": []}, "/orderIds"), ({"orderIds": [0]}, "/orderIds/0"), ({"orderIds": ["x"]}, "/orderIds/0"),
        ({"skus": [""]}, "/skus/0"), ({"orderIds": [order, 987654]}, "/orderIds/1"),
        ({"orderIds": [await world.order(world.theirs)]}, "/orderIds/0"),
        ({"channelId": world.theirs.channels[0]}, "/channelId"), ({"orderIds": list(range(1, 1002))}, "/orderIds"),
    ):  # fmt: skip
        before = await contents(migrated_url)
        assert [error["pointer"] for error in (await link(world, body))["errors"]] == [pointer], body
        assert await contents(migrated_url) == before


async def test_a_link_with_a_key_is_made_once(world: World, migrated_url: str) -> None:
    order = (await post(world, "N-1", [{"sku": "CUP"}]))["id"]
    await product(migrated_url, world.ours.account, "CUP")
    key = {"Idempotency-Key": "k-1"}
    replies = [await world.client().patch("/orders/link", json={"skus": ["CUP"]}, headers=key) for _ in range(2)]
    assert [reply.json() for reply in replies] == [[order], [order]]
    assert replies[1].headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "again",
    [b'{"orderItems":[{"sku":"A","quantity":1,"price":2.50}],"orderNumber":"N-9","note":null}',
     b' { "orderNumber" : " N-9 ", "more": {"x": 1}, "tags": [], "orderItems": [ {"price":2.5, "quantity":1.0, "sku":"A"} ] }'],
)  # fmt: skip
async def test_the_same_order_in_other_words_is_the_same(world: World, again: bytes) -> None:
    client = world.client("chn")
    first = await client.post(
        "/orders", json={"orderNumber": "N-9", "orderItems": [{"sku": "A", "quantity": 1, "price": 2.5}]}
    )
    assert first.status == 201
    second = await client.post("/orders", body=again, headers={"Content-Type": "application/json"})
    assert (second.status, second.json()) == (200, first.json())


async def test_an_orders_limits_are_named(world: World, migrated_url: str) -> None:
    before = await contents(migrated_url)
    lines = [{"sku": f"S{number}", "quantity": 1} for number in range(10_000)]
    big = {"orderNumber": "N", "orderItems": lines}
    reply = await world.client("chn").post("/orders", json=big)
    assert [(e["pointer"], e["code"]) for e in reply.json()["errors"]] == [("/orderItems", "too_many_items")]
    dear = {"orderNumber": "N", "orderItems": [{"sku": "A", "quantity": 10**9, "price": 10**9}]}
    reply = await world.client("chn").post("/orders", json=dear)
    assert [(e["pointer"], e["code"]) for e in reply.json()["errors"]] == [("/orderItems", "out_of_range")]
    assert await contents(migrated_url) == before
