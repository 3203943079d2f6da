"""Orders that are posted again over HTTP: found, updated, or refused with what differs (contract section 5)."""

from typing import Any

import pytest

from tests.http.test_order_automation import automatic, codes, committed, order, types
from tests.support.audit import audit
from tests.support.database import contents
from tests.support.world import World

__all__ = ["automatic"]

ORDER = {
    "orderNumber": "N-1", "orderedAt": "2026-04-20T10:00:00+02:00", "note": "leave at the door", "tags": ["vip", "b2b"],
    "shippingText": "Ground", "paymentStatus": "Authorized", "customFields": [{"name": "gift", "value": "yes"}],
    "shippingAddress": {"name": "José García", "addressLine1": "1 Main St", "state": "California", "country": "USA"},
    "orderItems": [
        {"sku": "A", "title": "Thing", "quantity": 3, "price": 12.3456},
        {"externalListingId": "ext-1", "quantity": 1, "customFields": [{"name": "size"}],
         "shippingAddress": {"name": "Al B", "city": "Bern"}},
    ],
}  # fmt: skip


async def post(world: World, body: dict[str, Any], token: str = "chn", query: str = "") -> Any:
    """The reply."""
    more = {"channelId": world.ours.channels[0]} if token == "acc" else {}
    return await world.client(token).post(f"/orders{query}", json=body | more)


@pytest.mark.parametrize("token", ["chn", "acc"])
async def test_a_repeat_updates_payment_tags_and_note(world: World, token: str) -> None:
    made = (await post(world, ORDER)).json()
    reply = await post(world, ORDER | {"paymentStatus": "Paid", "tags": ["vip", "rush"], "note": "ring"}, token)
    shown = reply.json()
    assert (reply.status, reply.headers["location"]) == (200, f"/orders/{made['id']}")
    assert (shown["paymentStatus"], shown["tags"], shown["note"]) == ("Paid", ["vip", "rush"], "ring")
    assert shown["updatedAt"] > made["updatedAt"]
    assert shown == (await world.client().get(f"/orders/{made['id']}")).json()
    told = (await world.client().get(f"/orders/{made['id']}/events")).json()
    assert [event["type"] for event in told] == ["order.created"] + ["order.updated"] * 3
    assert {event["actor"]["type"] for event in told[1:]} == {"channel" if token == "chn" else "account"}
    assert "ring" not in str(told), "a note may hold personal data: its event does not repeat it"
    assert (await post(world, ORDER | {"paymentStatus": "Paid", "tags": ["vip", "rush"], "note": "ring"})).json() == shown


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"referenceNumber": "R"}, ["/referenceNumber"]),
        ({"orderedAt": "2026-04-20T10:00:01+02:00"}, ["/orderedAt"]),
        ({"shippingText": None, "note": "x"}, ["/note", "/shippingText"]),
        ({"shippingAddress": ORDER["shippingAddress"] | {"city": "Oslo"}}, ["/shippingAddress"]),  # type: ignore[operator]
        ({"billingAddress": {"name": "B"}}, ["/billingAddress"]),
        ({"customFields": []}, ["/customFields"]),
        ({"orderItems": ORDER["orderItems"][:1]}, ["/orderItems/1"]),  # type: ignore[index]
        ({"orderItems": [{"sku": "A", "title": "Thing", "quantity": 2, "price": 1}, {"externalListingId": "ext-1", "quantity": 1}]},
         ["/orderItems/0/price", "/orderItems/0/quantity", "/orderItems/1/customFields", "/orderItems/1/shippingAddress"]),
    ],
)  # fmt: skip
async def test_any_other_difference_is_named(
    world: World, migrated_url: str, change: dict[str, Any], pointers: list[str]
) -> None:
    made = (await post(world, ORDER)).json()
    stored = await contents(migrated_url)
    for query in ("", "?dryRun=true"):
        reply = await post(world, ORDER | change, query=query)
        refused = reply.json()
        assert (reply.status, refused["code"]) == (409, "already_exists")
        assert sorted(one["pointer"] for one in refused["differs"]) == pointers
        assert refused["message"] == (
            f"Order N-1 was posted to this channel with other content (id {made['id']}). A repeat may change payment status, tags"
            " and note only: change the rest by the order's calls, or use another number."
        )
    assert await contents(migrated_url) == stored


async def test_the_same_written_otherwise_is_the_same(world: World, migrated_url: str) -> None:
    await post(world, ORDER)
    stored = await contents(migrated_url)
    again = ORDER | {
        "orderedAt": "2026-04-20T08:00:00Z", "tags": ["vip", "b2b", "vip", ""], "referenceNumber": "",
        "shippingAddress": {"firstName": "José", "lastName": "García", "addressLine1": " 1 Main St ", "stateCode": "CA", "state": "California",
                            "country": "USA", "email": None},
    }  # fmt: skip
    assert (await post(world, again)).status == 200
    assert await contents(migrated_url) == stored


async def test_an_order_that_is_paid_at_last_gets_its_requests(automatic: World, migrated_url: str) -> None:
    body = order("A-1", {"MUG": 2, "POT": 1}, paymentStatus="Authorized")
    posted = (await post(automatic, body)).json()
    assert posted["fulfillmentRequests"] == []
    stored = await contents(migrated_url)
    dry = (await post(automatic, body | {"paymentStatus": "Paid"}, query="?dryRun=true")).json()
    assert dry == {"dryRun": True, "from": "Open", "to": "Open", "change": "move", "wouldReplyStatus": 200}
    none = (await post(automatic, body, query="?dryRun=true")).json()
    assert none == {"dryRun": True, "from": "Open", "to": "Open", "change": "none", "wouldReplyStatus": 200}
    assert await contents(migrated_url) == stored
    paid = (await post(automatic, body | {"paymentStatus": "Paid"})).json()
    made = [(one["fulfillmentRequestNumber"], one["sourceId"]) for one in paid["fulfillmentRequests"]]
    assert made == [("A-1-1", automatic.ours.sources[0]), ("A-1-2", automatic.ours.sources[1])]
    assert paid == (await automatic.client().get(f"/orders/{posted['id']}")).json()
    assert await committed(migrated_url) == {"MUG": 2, "POT": 1}
    assert await types(automatic, posted) == ["order.created", "order.updated"]
    again = (await post(automatic, body | {"paymentStatus": "Deferred"})).json()
    assert again["fulfillmentRequests"] == paid["fulfillmentRequests"]
    await audit(migrated_url)


async def test_an_order_that_is_paid_and_cannot_be_fulfilled_is_held(automatic: World, migrated_url: str) -> None:
    body = order("A-1", {"MUG": 11}, paymentStatus="Authorized")
    posted = (await post(automatic, body)).json()
    dry = (await post(automatic, body | {"paymentStatus": "Paid"}, query="?dryRun=true")).json()
    assert (dry["from"], dry["to"], dry["change"]) == ("Open", "On Hold", "move")
    held = (await post(automatic, body | {"paymentStatus": "Paid"})).json()
    assert (held["orderStatus"], codes(held)) == ("On Hold", ["no_available_quantity"])
    assert await types(automatic, posted) == ["order.created", "order.updated", "order.held"]
    await audit(migrated_url)
