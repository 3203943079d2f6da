"""Orders of a channel that generates by itself: posted with their requests, or held with every reason (section 5)."""

import asyncio
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.database import contents, rows
from tests.support.goods import listing, product, stock
from tests.support.world import World

ADDRESS = {"name": "Ana Lopez", "addressLine1": "Calle 1", "city": "Quito", "country": "EC"}


@pytest.fixture
async def automatic(world: World, migrated_url: str) -> World:
    """The first channel generates by itself; the first source has ten mugs, the second five pots."""
    ours = world.ours
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1 WHERE id = $2", True, ours.channels[0])
    await stock(migrated_url, ours.account, ours.sources[0], "MUG", 10)
    await stock(migrated_url, ours.account, ours.sources[1], "POT", 5)
    return world


def order(number: str, items: dict[str, int], **more: Any) -> dict[str, Any]:
    """An order that is paid."""
    listed = [{"sku": sku, "quantity": quantity, "price": 2} for sku, quantity in items.items()]
    return {"orderNumber": number, "paymentStatus": "Paid", "orderItems": listed, **more}


async def post(world: World, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Post it; the reply."""
    reply = await world.client("chn").post("/orders", json=body, **more)
    assert reply.status in (200, 201), reply.body
    posted: dict[str, Any] = reply.json()
    return posted


async def committed(url: str) -> dict[str, int]:
    """What is held, by SKU."""
    return {row["sku"]: row["committed"] for row in await rows(url, "SELECT sku, committed FROM inventory_variant")}


def codes(shown: dict[str, Any]) -> list[str]:
    """The codes of its hold reasons."""
    return [reason["code"] for reason in shown["holdReasons"]]


async def types(world: World, shown: dict[str, Any]) -> list[str]:
    """What its timeline says."""
    return [event["type"] for event in (await world.client().get(f"/orders/{shown['id']}/events")).json()]


async def test_a_paid_order_comes_back_with_its_requests(automatic: World, migrated_url: str) -> None:
    key = {"Idempotency-Key": "k-1"}
    posted = await post(automatic, order("A-1", {"MUG": 2, "POT": 1}), headers=key)
    assert (posted["orderStatus"], posted["holdReasons"]) == ("Open", [])
    made = [(one["fulfillmentRequestNumber"], one["sourceId"]) for one in posted["fulfillmentRequests"]]
    assert made == [("A-1-1", automatic.ours.sources[0]), ("A-1-2", automatic.ours.sources[1])]
    assert [item["allocatedStatus"] for item in posted["orderItems"]] == ["Completed", "Completed"]
    assert await committed(migrated_url) == {"MUG": 2, "POT": 1}
    assert posted == (await automatic.client().get(f"/orders/{posted['id']}")).json()
    again = await automatic.client("chn").post("/orders", json=order("A-1", {"MUG": 2, "POT": 1}), headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (posted, "true")
    found = await post(automatic, order("A-1", {"MUG": 2, "POT": 1}))
    assert found == posted
    (event, *_) = (
        await automatic.client().get(f"/fulfillment-requests/{posted['fulfillmentRequests'][0]['id']}/events")
    ).json()
    assert (event["type"], event["actor"]["type"]) == ("fulfillment_request.generated", "system")
    assert await types(automatic, posted) == ["order.created"]
    await audit(migrated_url)


async def test_an_order_that_is_not_paid_waits_for_that(automatic: World, migrated_url: str) -> None:
    posted = await post(automatic, order("A-1", {"MUG": 2}, paymentStatus="Authorized"))
    assert (posted["orderStatus"], posted["fulfillmentRequests"]) == ("Open", [])
    path = f"/orders/{posted['id']}/payment"
    assert (await automatic.client().patch(f"{path}?status=Declined")).json()["fulfillmentRequests"] == []
    before = await contents(migrated_url)
    assert (await automatic.client().patch(f"{path}?status=Deferred&dryRun=true")).json()["change"] == "move"
    assert await contents(migrated_url) == before
    paid = (await automatic.client().patch(f"{path}?status=Deferred")).json()
    assert [one["fulfillmentRequestNumber"] for one in paid["fulfillmentRequests"]] == ["A-1-1"]
    assert paid == (await automatic.client().get(f"/orders/{posted['id']}")).json()
    again = (await automatic.client().patch(f"{path}?status=Paid")).json()
    assert len(again["fulfillmentRequests"]) == 1
    await audit(migrated_url)


async def test_a_channel_that_leaves_it_to_people_generates_nothing(automatic: World) -> None:
    body = order("A-1", {"NOPE": 1}) | {"channelId": automatic.ours.channels[1]}
    posted = (await automatic.client().post("/orders", json=body)).json()
    assert (posted["orderStatus"], posted["fulfillmentRequests"]) == ("Open", [])


async def test_everything_that_is_in_the_way_is_listed_at_once(automatic: World, migrated_url: str) -> None:
    sql = "UPDATE channel SET require_shipping_mapping = $1 WHERE id = $2"
    await rows(migrated_url, sql, True, automatic.ours.channels[0])
    body = order("A-1", {"MUG": 11, "NOPE": 1}, shippingText="Ground", shippingAddress=ADDRESS)
    body["orderItems"].append({"externalListingId": "ext-1", "quantity": 1})
    first = await post(automatic, body)
    assert (first["orderStatus"], first["fulfillmentRequests"]) == ("Not Managed", [])
    assert set(codes(first)) == {"unknown_sku", "no_available_quantity", "shipping_text_unmapped"}
    second = await post(automatic, body | {"orderNumber": "A-2"})
    assert set(codes(second)) == {
        "unknown_sku",
        "no_available_quantity",
        "shipping_text_unmapped",
        "possible_duplicate",
    }
    assert codes(second)[0] == "unknown_sku"
    assert await committed(migrated_url) == {"MUG": 0, "POT": 0}
    assert await types(automatic, first) == ["order.created"]
    texts = await rows(migrated_url, "SELECT name, policy_id FROM channel_shipping_method")
    assert [(text["name"], text["policy_id"]) for text in texts] == [("Ground", None)]
    await audit(migrated_url)


async def test_a_possible_double_waits_for_somebody(automatic: World, migrated_url: str) -> None:
    body = order("A-1", {"MUG": 1}, shippingAddress=ADDRESS)
    assert (await post(automatic, body))["orderStatus"] == "Open"
    other_content = await post(automatic, order("A-2", {"MUG": 2}, shippingAddress=ADDRESS))
    other_address = await post(automatic, order("A-3", {"MUG": 1}, shippingAddress={**ADDRESS, "name": "Ana Perez"}))
    assert {shown["orderStatus"] for shown in (other_content, other_address)} == {"Open"}
    double = await post(automatic, body | {"orderNumber": "A-5"})
    assert (double["orderStatus"], codes(double), double["fulfillmentRequests"]) == (
        "On Hold",
        ["possible_duplicate"],
        [],
    )
    assert "A-1" in double["holdReasons"][0]["message"]
    released = (await automatic.client().patch(f"/orders/{double['id']}/status?status=Open")).json()
    assert (released["orderStatus"], len(released["fulfillmentRequests"])) == ("Open", 1)
    await audit(migrated_url)


async def test_a_possible_double_is_one_of_the_latest_alike_if_it_is_of_today(
    automatic: World, migrated_url: str
) -> None:
    body = order("A-1", {"MUG": 1}, shippingAddress=ADDRESS)
    await post(automatic, body)
    second = await post(automatic, body | {"orderNumber": "A-2"})
    assert "A-1" in second["holdReasons"][0]["message"]
    third = await post(automatic, body | {"orderNumber": "A-3"})
    assert "A-2" in third["holdReasons"][0]["message"]
    for canceled in (second, third):
        done = await automatic.client().patch(f"/orders/{canceled['id']}/status?status=Canceled")
        assert done.status == 200
    fourth = await post(automatic, body | {"orderNumber": "A-4"})
    assert "A-1" in fourth["holdReasons"][0]["message"]
    await automatic.client().patch(f"/orders/{fourth['id']}/status?status=Canceled")
    await rows(migrated_url, "UPDATE orders SET inserted_at = inserted_at - $1", 25 * 3600 * 1_000_000)
    assert (await post(automatic, body | {"orderNumber": "A-5"}))["orderStatus"] == "Open"


async def test_doubles_in_one_batch_are_seen(automatic: World) -> None:
    body = order("A", {"MUG": 1}, shippingAddress=ADDRESS)
    replies = await asyncio.gather(
        *(automatic.client("chn").post("/orders", json=body | {"orderNumber": f"A-{n}"}) for n in range(6))
    )
    assert sorted(reply.json()["orderStatus"] for reply in replies) == ["On Hold"] * 5 + ["Open"]


async def test_a_release_generates_once_there_is_stock(automatic: World, migrated_url: str) -> None:
    posted = await post(automatic, order("A-1", {"POT": 6}))
    assert (posted["orderStatus"], codes(posted)) == ("On Hold", ["no_available_quantity"])
    path = f"/orders/{posted['id']}/status?status=Open"
    still = (await automatic.client().patch(path)).json()
    assert (still["orderStatus"], codes(still)) == ("On Hold", ["no_available_quantity"])
    await rows(migrated_url, "UPDATE inventory_variant SET quantity = 6 WHERE sku = 'POT'")
    dry = (await automatic.client().patch(f"{path}&dryRun=true")).json()
    assert (dry["from"], dry["to"]) == ("On Hold", "Open")
    released = (await automatic.client().patch(path)).json()
    assert (released["orderStatus"], released["holdReasons"], len(released["fulfillmentRequests"])) == ("Open", [], 1)
    assert await types(automatic, posted) == [
        "order.created", "order.opened", "order.held", "order.opened",
    ]  # fmt: skip
    assert await committed(migrated_url) == {"MUG": 0, "POT": 6}
    await audit(migrated_url)


async def test_an_item_that_is_added_is_ordered_too(automatic: World, migrated_url: str) -> None:
    posted = await post(automatic, order("A-1", {"MUG": 1}))
    path = f"/orders/{posted['id']}/items"
    added = (await automatic.client("chn").post(path, json={"sku": "POT", "quantity": 2})).json()
    numbers = [one["fulfillmentRequestNumber"] for one in added["fulfillmentRequests"]]
    assert (added["orderStatus"], numbers) == ("Open", ["A-1-1", "A-1-2"])
    assert added == (await automatic.client().get(f"/orders/{posted['id']}")).json()
    held = (await automatic.client("chn").post(path, json={"sku": "NOPE", "quantity": 1})).json()
    assert (held["orderStatus"], codes(held)) == ("Not Managed", ["unknown_sku"])
    await audit(migrated_url)


async def test_a_link_lets_an_order_go_on(automatic: World, migrated_url: str) -> None:
    ours = automatic.ours
    posted = await post(automatic, {**order("A-1", {}), "orderItems": [{"externalListingId": "ext-1", "quantity": 3}]})
    assert posted["orderStatus"] == "Not Managed"
    mug = await product(migrated_url, ours.account, "MUG")
    await listing(migrated_url, ours.account, ours.channels[0], "L-1", mug, "ext-1")
    linked = await automatic.client().patch("/orders/link", json={"channelId": ours.channels[0]})
    assert linked.json() == [posted["id"]]
    shown = (await automatic.client().get(f"/orders/{posted['id']}")).json()
    assert (shown["orderStatus"], len(shown["fulfillmentRequests"])) == ("Open", 1)
    assert await committed(migrated_url) == {"MUG": 3, "POT": 0}
    await audit(migrated_url)


async def test_a_dry_run_tells_how_the_order_would_stand(automatic: World, migrated_url: str) -> None:
    before = await contents(migrated_url)
    for items, to in (({"MUG": 1}, "Open"), ({"MUG": 11}, "On Hold"), ({"NOPE": 1}, "Not Managed")):
        reply = await automatic.client("chn").post("/orders?dryRun=true", json=order("A-1", items))
        assert reply.json() == {"dryRun": True, "from": None, "to": to, "change": "move", "wouldReplyStatus": 201}
    assert await contents(migrated_url) == before


async def test_many_orders_at_once_share_what_there_is(automatic: World, migrated_url: str) -> None:
    replies = await asyncio.gather(
        *(automatic.client("chn").post("/orders", json=order(f"A-{n}", {"MUG": 1}, note=f"gift {n}")) for n in range(16))
    )
    stood = sorted(reply.json()["orderStatus"] for reply in replies)
    assert stood == ["On Hold"] * 6 + ["Open"] * 10
    assert (await committed(migrated_url))["MUG"] == 10
    await audit(migrated_url)


async def test_a_canceled_order_gives_its_stock_back(automatic: World, migrated_url: str) -> None:
    posted = await post(automatic, order("A-1", {"MUG": 4, "POT": 1}))
    assert await committed(migrated_url) == {"MUG": 4, "POT": 1}
    canceled = (await automatic.client().patch(f"/orders/{posted['id']}/status?status=Canceled")).json()
    assert (canceled["orderStatus"], canceled["notStopped"]) == ("Canceled", [])
    assert await committed(migrated_url) == {"MUG": 0, "POT": 0}
    await audit(migrated_url)


async def test_a_channel_that_wants_mapped_texts_holds_orders_without(world: World, migrated_url: str) -> None:
    sql = "UPDATE channel SET require_shipping_mapping = $1 WHERE id = $2"
    await rows(migrated_url, sql, True, world.ours.channels[0])
    held = await post(world, order("A-1", {"MUG": 1}, shippingText="Express"))
    assert (held["orderStatus"], codes(held)) == ("No Shipping Method", ["shipping_text_unmapped"])
    path = f"/orders/{held['id']}/status?status=Open"
    assert (await world.client().patch(path)).json()["orderStatus"] == "No Shipping Method"
    sql = (
        "INSERT INTO shipping_policy (account_id, name, created_at, updated_at) VALUES ($1, 'Fast', 1, 1) RETURNING id"
    )
    (policy,) = await rows(migrated_url, sql, world.ours.account)
    await rows(migrated_url, "UPDATE channel_shipping_method SET policy_id = $1", policy["id"])
    released = (await world.client().patch(path)).json()
    assert (released["orderStatus"], released["holdReasons"]) == ("Open", [])
