"""Routing reads the sources and channels that a batch needs, and no others: each that it may ask for is there."""

from tests.http.test_fulfilling import FR, post, ready
from tests.support.audit import audit
from tests.support.database import rows
from tests.support.goods import product
from tests.support.stock import change, variant
from tests.support.world import World
from waypost.app.actor import Actor, Scope
from waypost.app.order_items import ItemDraft
from waypost.app.orders import create_orders
from waypost.app.posted import OrderDraft
from waypost.domain.orders import PaymentStatus

__all__ = ["ready"]


async def grouped(world: World, source: int) -> None:
    """Orders of our first channel go to this source only."""
    body = {"name": "One", "rules": [], "sources": [{"sourceId": source, "priority": 1}]}
    group = (await world.client().post("/routing-groups", json=body)).json()
    reply = await world.client().patch(f"/channel/{world.ours.channels[0]}", json={"routingGroupId": group["id"]})
    assert reply.json()["routingGroupId"] == group["id"]


async def test_a_source_that_is_named_is_known_although_it_offers_nothing(ready: World, migrated_url: str) -> None:
    first, second = ready.ours.sources
    await grouped(ready, first)
    request = (await post(ready, "W-1", ("A", 3))).json()["fulfillmentRequests"][0]
    reply = await ready.client().patch(f"{FR}/{request['id']}/reroute?sourceId={second}")
    assert reply.status == 400
    assert [one["code"] for one in reply.json()["errors"]] == ["no_eligible_source"]
    await audit(migrated_url)


async def test_a_source_outside_the_group_takes_what_a_person_sends_it(ready: World, migrated_url: str) -> None:
    first, second = ready.ours.sources
    await grouped(ready, first)
    order = (await post(ready, "W-1", ("A", 3), paymentStatus=None)).json()
    body = {"orderId": order["id"], "sourceId": second, "items": [{"orderItemId": order["orderItems"][0]["id"], "quantity": 1}]}
    reply = await ready.client().post(FR, json=body)
    assert reply.status == 201, reply.body
    assert [line["quantity"] for line in reply.json()["fulfillmentRequestItems"]] == [1]
    assert (await ready.client().post(FR, json={**body, "sourceId": ready.theirs.sources[0]})).status == 400
    await audit(migrated_url)


async def test_orders_of_both_channels_are_linked_at_once(ready: World, migrated_url: str) -> None:
    """Only the first one's channel generates by itself."""
    body = {"orderNumber": "W-1", "paymentStatus": "Paid", "orderItems": [{"sku": "NEW", "quantity": 1, "price": 5}]}
    posted = [(await ready.client(token).post("/orders", json=body)).json() for token in ("chn", "chn2")]
    known = await product(migrated_url, ready.ours.account, "NEW")
    await variant(migrated_url, ready.ours.account, ready.ours.sources[0], "NEW", 9, cost=1, product_variant_id=known)
    reply = await ready.client().patch("/orders/link", json={"orderIds": [order["id"] for order in posted]})
    assert (reply.status, len(reply.json())) == (200, 2)
    shown = [(await ready.client().get(f"/orders/{order['id']}")).json() for order in posted]
    assert [len(order["fulfillmentRequests"]) for order in shown] == [1, 0]
    await audit(migrated_url)


async def test_an_order_that_waits_is_stored_with_one_that_does_not(ready: World, migrated_url: str) -> None:
    """In one batch; only the first one's channel generates by itself."""
    await change(migrated_url, "channel", ready.ours.channels[1], auto_generate=False)
    actor = Actor("account", Scope(ready.ours.account), None, "test")

    def draft(channel: int) -> OrderDraft:
        item = ItemDraft("A", None, 1, 90_000, None, None, None, "[]")
        return OrderDraft(actor, channel, f"B-{channel}", None, None, None, None, "{}", None, PaymentStatus.PAID, "[]", "[]",
                          (item,), call_id="test")  # fmt: skip

    drafts = [draft(channel) for channel in ready.ours.channels]
    await ready.hub.store.write(lambda tx: create_orders(tx, drafts, ready.hub.clock(), 20))
    sql = "SELECT o.channel_id FROM fulfillment_request f JOIN orders o ON o.id = f.order_id"
    assert [row["channel_id"] for row in await rows(migrated_url, sql)] == ready.ours.channels[:1]
    await audit(migrated_url)
