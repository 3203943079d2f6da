"""What can be done to an order over HTTP (contract section 5)."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.database import contents, rows
from tests.support.goods import listing, product
from tests.support.world import World
from waypost.domain.statuses import Status

HELD = ("On Hold", "Failed", "No Shipping Method", "Not Managed")


async def status(world: World, order: int, to: str, **more: Any) -> Any:
    """The reply to a status that is set."""
    query = f"status={to.replace(' ', '%20')}"
    return await world.client().patch(f"/orders/{order}/status?{query}", **more)


async def shown(world: World, order: int) -> dict[str, Any]:
    """The order."""
    found: dict[str, Any] = (await world.client().get(f"/orders/{order}")).json()
    return found


async def events(world: World, order: int) -> list[dict[str, Any]]:
    """Its timeline."""
    told: list[dict[str, Any]] = (await world.client().get(f"/orders/{order}/events")).json()
    return told


async def order_of(world: World, request: int) -> int:
    """The order of a request."""
    return int((await world.client().get(f"/fulfillment-requests/{request}")).json()["orderId"])


@pytest.mark.parametrize("to", HELD)
async def test_an_order_is_set_aside_and_released(world: World, to: str) -> None:
    order = await world.order()
    reply = await world.client().patch(
        f"/orders/{order}/status?status={to.replace(' ', '+')}&updateNote=Address%20unclear",
        headers={"X-Request-Id": "c-1"},
    )
    assert (reply.status, reply.json()["orderStatus"]) == (200, to)
    assert reply.json() == await shown(world, order)
    released = await status(world, order, "Open")
    assert released.json()["orderStatus"] == "Open"
    told = await events(world, order)
    assert [(event["from"], event["to"]) for event in told] == [(None, "Open"), ("Open", to), (to, "Open")]
    assert [event["type"] for event in told[::2]] == ["order.created", "order.opened"]
    assert told[1]["type"] == ("order.failed" if to == "Failed" else "order.held")
    assert (told[1]["reason"], told[1]["requestId"], told[1]["actor"]["type"]) == ("Address unclear", "c-1", "account")


async def test_the_handle_is_understood_and_a_body_is_not_looked_at(world: World) -> None:
    order = await world.order()
    assert (await status(world, order, "on_hold", body=b"{not json")).json()["orderStatus"] == "On Hold"


@pytest.mark.parametrize("to", ["Open", "On Hold", "Failed", "No Shipping Method", "Not Managed", "Closed", "Canceled"])
async def test_a_repeat_changes_nothing(world: World, to: str, migrated_url: str) -> None:
    order = await world.order()
    await status(world, order, to)
    before = await contents(migrated_url)
    again = await status(world, order, to)
    assert (again.status, again.json()["orderStatus"]) == (200, to)
    assert await contents(migrated_url) == before


async def test_what_the_status_does_not_allow_is_refused_with_what_it_allows(world: World, migrated_url: str) -> None:
    order = await world.order()
    await status(world, order, "Closed")
    before = await contents(migrated_url)
    for to in (*HELD, "Canceled"):
        refused = (await status(world, order, to)).json()
        assert (refused["status"], refused["code"]) == (400, "not_allowed_from_status")
        assert (refused["currentStatus"], refused["allowedStatuses"]) == ("Closed", ["Open"])
    assert await contents(migrated_url) == before
    assert (await status(world, order, "Open")).json()["orderStatus"] == "Open"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("", "status"), ("status=", "status"), ("status=Draft", "status"), ("status=Gone", "status"),
     ("status=Open&status=Closed", "status"), ("status=Open&updateNote=" + "x" * 2001, "updateNote")],
)  # fmt: skip
async def test_bad_statuses_are_refused(world: World, query: str, parameter: str) -> None:
    reply = await world.client().patch(f"/orders/{await world.order()}/status?{query}")
    assert [error["parameter"] for error in reply.json()["errors"]] == [parameter]


async def test_foreign_orders_are_not_there(world: World) -> None:
    theirs, ours = await world.order(world.theirs), await world.order()
    for order in (theirs, 987654, "x", 2**70):
        for method, path in (
            ("PATCH", "status?status=Closed"), ("PATCH", "payment?status=Paid"), ("PATCH", "tags"),
            ("PATCH", "accounting-sync"),
        ):  # fmt: skip
            assert (await world.client().call(method, f"/orders/{order}/{path}", json={})).status == 404
    item = {"sku": "A", "quantity": 1}
    assert (await world.client("chn2").post(f"/orders/{ours}/items", json=item)).status == 404
    assert (await world.client("chn").post(f"/orders/{ours}/items", json=item)).status == 200


async def test_a_canceled_order_stops_its_requests_and_kills_what_is_left(world: World, migrated_url: str) -> None:
    order = await order_of(world, await world.request())
    items = (await shown(world, order))["orderItems"]
    more = await world.client().post(f"/orders/{order}/items", json={"sku": "SKU-C", "quantity": 4})
    third = more.json()["orderItems"][2]["id"]
    body = {"orderId": order, "sourceId": world.ours.sources[1], "items": [{"orderItemId": third, "quantity": 3}],
            "fulfillmentRequestStatus": "Unprocessed"}  # fmt: skip
    assert (await world.client().post("/fulfillment-requests", json=body)).status == 201
    reply = await world.client().patch(f"/orders/{order}/status?status=Canceled&updateNote=Changed+mind")
    canceled = reply.json()
    assert (canceled["orderStatus"], canceled["notStopped"]) == ("Canceled", [])
    assert [item["canceledQuantity"] for item in canceled["orderItems"]] == [3, 2, 4]
    assert [item["allocatedQuantity"] for item in canceled["orderItems"]] == [0, 0, 0]
    assert len(items) == 2
    assert {one["fulfillmentRequestStatus"]["name"] for one in canceled["fulfillmentRequests"]} == {"Canceled"}
    for one in canceled["fulfillmentRequests"]:
        request = (await world.client().get(f"/fulfillment-requests/{one['id']}")).json()
        assert (request["cancelReason"], request["fulfillmentStatus"]["name"]) == ("Changed mind", "Canceled")
    last = (await events(world, order))[-1]
    assert (last["type"], last["from"], last["to"], last["reason"]) == (
        "order.canceled", "Open", "Canceled", "Changed mind",
    )  # fmt: skip
    assert last["data"]["dropped"] == [{"id": third, "quantity": 1}]
    refused = (await status(world, order, "Open")).json()
    assert (refused["code"], refused["currentStatus"]) == ("not_allowed_from_status", "Canceled")
    await audit(migrated_url)


async def test_a_cancellation_names_what_it_could_not_stop(world: World, migrated_url: str) -> None:
    order = await order_of(world, await world.request(Status.PROCESSING))
    (made,) = (await shown(world, order))["fulfillmentRequests"]
    shipment = {"trackingNumber": "1Z", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    reply = await world.client().post("/shipments", json={"fulfillmentRequestId": made["id"], "shipment": shipment})
    assert reply.status == 200
    canceled = (await status(world, order, "Canceled")).json()
    assert canceled["orderStatus"] == "Canceled"
    (left,) = canceled["notStopped"]
    assert (left["id"], left["code"]) == (made["id"], "already_shipped")
    assert left["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert [item["canceledQuantity"] for item in canceled["orderItems"]] == [0, 0]
    again = (await status(world, order, "Canceled")).json()
    assert [one["id"] for one in again["notStopped"]] == [made["id"]]
    # The rest ships after all: then all that is wanted has shipped.
    rest = {"trackingNumber": "2Z", "shipmentItems": [{"sku": "SKU-A", "quantity": 2}, {"sku": "SKU-B", "quantity": 2}]}
    await world.client().post("/shipments", json={"fulfillmentRequestId": made["id"], "shipment": rest})
    assert (await shown(world, order))["orderStatus"] == "Closed"
    refused = (await status(world, order, "Open")).json()
    assert "has shipped" in refused["message"]
    await audit(migrated_url)


async def test_what_shipped_before_the_cancellation_closes_the_order(world: World, migrated_url: str) -> None:
    request = await world.request()
    order = await order_of(world, request)
    await world.client().post(f"/orders/{order}/items", json={"sku": "SKU-C", "quantity": 4})
    pieces = [{"sku": "SKU-A", "quantity": 3}, {"sku": "SKU-B", "quantity": 2}]
    shipment = {"trackingNumber": "1Z", "shipmentItems": pieces}
    await world.client().post("/shipments", json={"fulfillmentRequestId": request, "shipment": shipment})
    assert (await shown(world, order))["shippedStatus"] == "Partially Completed"
    canceled = (await status(world, order, "Canceled")).json()
    assert (canceled["orderStatus"], canceled["notStopped"]) == ("Closed", [])
    told = [(event["type"], event["actor"]["type"]) for event in (await events(world, order))[-2:]]
    assert told == [("order.canceled", "account"), ("order.closed", "system")]
    await audit(migrated_url)


async def test_a_request_that_is_being_handed_over_is_not_stopped_yet(world: World, migrated_url: str) -> None:
    request = await world.request()
    order = await order_of(world, request)
    await rows(migrated_url, "UPDATE fulfillment_request_state SET handover = 'sending' WHERE id = $1", request)
    first = (await status(world, order, "Canceled")).json()
    assert [(one["id"], one["code"]) for one in first["notStopped"]] == [(request, "handover_in_progress")]
    await rows(migrated_url, "UPDATE fulfillment_request_state SET handover = NULL WHERE id = $1", request)
    second = (await status(world, order, "Canceled")).json()
    assert (second["orderStatus"], second["notStopped"]) == ("Canceled", [])
    assert second["fulfillmentRequests"][0]["fulfillmentRequestStatus"]["name"] == "Canceled"
    await audit(migrated_url)


async def test_an_order_closed_by_hand_stays_closed_and_can_be_reopened(world: World) -> None:
    request = await world.request()
    order = await order_of(world, request)
    await status(world, order, "Closed")
    await world.client().patch(f"/fulfillment-requests/{request}/acknowledge")
    assert (await shown(world, order))["orderStatus"] == "Closed"
    assert (await status(world, order, "Open")).json()["orderStatus"] == "Open"


async def test_less_shipped_opens_a_closed_order_again(world: World) -> None:
    request = await world.request()
    order = await order_of(world, request)
    shipment = {
        "trackingNumber": "1Z",
        "shipmentItems": [{"sku": "SKU-A", "quantity": 3}, {"sku": "SKU-B", "quantity": 2}],
    }
    reply = await world.client().post("/shipments", json={"fulfillmentRequestId": request, "shipment": shipment})
    assert (await shown(world, order))["orderStatus"] == "Closed"
    made = reply.json()
    gone = {"shipmentItemIds": [made["shipmentItems"][1]["id"]]}
    await world.client().call("DELETE", f"/shipment/{made['id']}/shipment-item", json=gone)
    assert (await shown(world, order))["orderStatus"] == "Open"
    assert [event["type"] for event in await events(world, order)] == ["order.created", "order.closed", "order.opened"]


async def test_dry_runs_tell_and_change_nothing(world: World, migrated_url: str) -> None:
    order = await order_of(world, await world.request())
    before = await contents(migrated_url)
    client, told = world.client(), {"dryRun": True, "from": "Open", "change": "move", "wouldReplyStatus": 200}
    for to in ("On Hold", "Canceled", "Closed"):
        dry = await client.patch(f"/orders/{order}/status?dryRun=true&status={to.replace(' ', '+')}")
        assert dry.json() == told | {"to": to}
    same = told | {"to": "Open"}
    assert (await client.patch(f"/orders/{order}/status?dryRun=1&status=Open")).json() == same | {"change": "none"}
    assert (await client.patch(f"/orders/{order}/payment?dryRun=1&status=Paid")).json() == same
    assert (await client.patch(f"/orders/{order}/tags?dryRun=1", json={"add": ["x"]})).json() == same
    assert (await client.post(f"/orders/{order}/items?dryRun=1", json={"sku": "X", "quantity": 1})).json() == same
    dry = await client.patch(f"/orders/{order}/accounting-sync?dryRun=1", json={"accountingSynced": True})
    assert dry.json() == same | {"wouldReplyStatus": 204}
    assert await contents(migrated_url) == before


CALLS: list[tuple[str, str, Any]] = [
    ("PATCH", "status?status=On+Hold", None), ("PATCH", "status?status=Canceled", None),
    ("PATCH", "payment?status=Paid", None), ("PATCH", "tags", {"add": ["x"]}),
    ("PATCH", "accounting-sync", {"externalAccountingId": "A-1"}), ("POST", "items", {"sku": "X", "quantity": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), CALLS, ids=[call[1] for call in CALLS])
async def test_an_idempotency_key_gives_the_same_bytes_again(
    world: World, method: str, path: str, body: Any, migrated_url: str
) -> None:
    order = await order_of(world, await world.request())
    key = {"Idempotency-Key": "k-1"}
    first = await world.client().call(method, f"/orders/{order}/{path}", json=body, headers=key)
    assert first.status in (200, 204)
    before = await contents(migrated_url)
    again = await world.client().call(method, f"/orders/{order}/{path}", json=body, headers=key)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (first.status, first.body, "true")
    assert await contents(migrated_url) == before
    other = await world.client().patch(f"/orders/{order}/status?status=Closed", headers=key)
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_payment(world: World) -> None:
    order = await world.order()
    paid = (await world.client().patch(f"/orders/{order}/payment?status=paid&updateNote=by+card")).json()
    assert paid["paymentStatus"] == "Paid"
    again = (await world.client().patch(f"/orders/{order}/payment?status=Paid")).json()
    assert again == paid
    last = (await events(world, order))[-1]
    assert (last["type"], last["data"]["paymentStatus"], last["reason"]) == ("order.updated", "paid", "by card")
    assert (await world.client().patch(f"/orders/{order}/payment?status=Maybe")).status == 400


async def test_tags(world: World, migrated_url: str) -> None:
    order = await world.order()
    client = world.client()

    async def change(body: dict[str, Any]) -> Any:
        return (await client.patch(f"/orders/{order}/tags", json=body)).json()

    assert await change({"add": ["b", "a", "b", " a "]}) == ["b", "a"]
    assert await change({"add": ["größer"], "remove": ["b", "absent"]}) == ["a", "größer"]
    assert (await shown(world, order))["tags"] == ["a", "größer"]
    before = await contents(migrated_url)
    assert await change({}) == ["a", "größer"]
    assert await change({"add": ["a"], "remove": None}) == ["a", "größer"]
    assert await contents(migrated_url) == before
    refused = await change({"add": ["x", ""], "remove": "x"})
    assert [error["pointer"] for error in refused["errors"]] == ["/add/1", "/remove"]
    assert (await change({"add": ["x"], "remove": ["x"]}))["errors"][0]["code"] == "contradiction"
    many = await change({"add": [f"t{number}" for number in range(99)]})
    assert [error["code"] for error in many["errors"]] == ["too_many_items"]
    assert await contents(migrated_url) == before


async def test_accounting(world: World) -> None:
    order = await world.order()
    client = world.client()
    body = {"accountingSynced": False, "accountingError": "No such customer", "unknown": 1}
    assert (await client.patch(f"/orders/{order}/accounting-sync", json=body)).status == 204
    seen = await shown(world, order)
    assert (seen["accountingSynced"], seen["accountingError"]) == (False, "No such customer")
    body = {"accountingSynced": True, "externalAccountingId": "INV-9"}
    assert (await client.patch(f"/orders/{order}/accounting-sync", json=body)).status == 204
    seen = await shown(world, order)
    told = seen["accountingSynced"], seen["externalAccountingId"], seen["accountingError"]
    assert told == (True, "INV-9", None)
    assert (await client.patch(f"/orders/{order}/accounting-sync", json={"accountingSynced": "yes"})).status == 400


async def test_items_are_added_to_open_orders(world: World, migrated_url: str) -> None:
    ours = world.ours
    mug = await product(migrated_url, ours.account, "MUG", "A mug")
    listed = await listing(migrated_url, ours.account, ours.channels[0], "L-MUG", mug, "ext-1", 129_000)
    order = await world.order()
    before = await shown(world, order)
    client = world.client()
    address = {"name": "Ana Lopez", "city": "Quito", "country": "EC"}
    added = [
        {"sku": "X", "quantity": 2, "price": 1.5, "shippingAddress": address},
        {"productVariantId": mug, "quantity": 1},
        {"listingVariantId": listed, "quantity": 3},
        {"listingVariantId": listed, "quantity": 1, "price": 0},
        {"externalListingId": "ext-1", "quantity": 1},
    ]
    for body in added:
        reply = await client.post(f"/orders/{order}/items", json=body)
        assert reply.status == 200, reply.body
    items = (await shown(world, order))["orderItems"][2:]
    assert [(item["sku"], item["quantity"], item["price"], item["title"]) for item in items] == [
        ("X", 2, 1.5, None), ("MUG", 1, 0, "A mug"), ("MUG", 3, 12.9, "L-MUG"), ("MUG", 1, 0, "L-MUG"), ("MUG", 1, 12.9, "L-MUG"),
    ]  # fmt: skip
    assert [item["productVariantId"] for item in items] == [None, mug, mug, mug, mug]
    assert [item["listingVariantId"] for item in items] == [None, None, listed, listed, listed]
    assert (items[0]["shippingAddress"]["firstName"], items[0]["shippingAddress"]["country"]) == ("Ana", "Ecuador")
    assert items[1]["shippingAddress"] is None
    seen = await shown(world, order)
    assert seen["orderTotal"] == pytest.approx(before["orderTotal"] + 3 + 38.7 + 12.9)
    assert seen["updatedAt"] > before["updatedAt"]
    assert [event["type"] for event in await events(world, order)][1:] == ["order.updated"] * 5
    await audit(migrated_url)


async def test_bad_items_are_refused(world: World, migrated_url: str) -> None:
    theirs = await product(migrated_url, world.theirs.account, "MUG")
    elsewhere = await listing(migrated_url, world.ours.account, world.ours.channels[1], "L", None)
    order = await world.order()
    before = await contents(migrated_url)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({}, "/quantity", "required"), ({"quantity": 1}, "/sku", "required"), ({"sku": "A"}, "/quantity", "required"),
        ({"sku": "A", "quantity": 0}, "/quantity", "out_of_range"),
        ({"sku": "A", "quantity": -1}, "/quantity", "out_of_range"),
        ({"sku": "A", "quantity": 1.5}, "/quantity", "wrong_type"),
        ({"sku": "A", "quantity": 10**9 + 1}, "/quantity", "out_of_range"),
        ({"sku": "A", "quantity": 1, "price": -1}, "/price", "negative"),
        ({"sku": "A", "quantity": 10**9, "price": 10**9}, "/price", "out_of_range"),
        ({"sku": "A", "productVariantId": 1, "quantity": 1}, "", "contradiction"),
        ({"productVariantId": theirs, "quantity": 1}, "/productVariantId", "unknown_variant"),
        ({"productVariantId": 987654, "quantity": 1}, "/productVariantId", "unknown_variant"),
        ({"listingVariantId": elsewhere, "quantity": 1}, "/listingVariantId", "unknown_variant"),
        ({"externalListingId": "nowhere", "quantity": 1}, "/externalListingId", "unknown_listing"),
    ]  # fmt: skip
    for body, pointer, code in cases:
        reply = await world.client().post(f"/orders/{order}/items", json=body)
        assert reply.status == 400, body
        assert [(error["pointer"], error["code"]) for error in reply.json()["errors"]] == [(pointer, code)], body
    assert await contents(migrated_url) == before
    for to in ("On Hold", "Closed"):
        await status(world, order, to)
        refused = (await world.client().post(f"/orders/{order}/items", json={"sku": "A", "quantity": 1})).json()
        assert (refused["code"], refused["currentStatus"]) == ("not_allowed_from_status", to)


async def test_an_order_has_no_more_items_than_may_be_posted(world: World) -> None:
    items = [{"sku": f"S{number}", "quantity": 1} for number in range(1000)]
    body = {"orderNumber": "BIG", "orderItems": items}
    posted = await world.client("chn").post("/orders", json=body)
    assert posted.status == 201
    item = {"sku": "A", "quantity": 1}
    reply = await world.client().post(f"/orders/{posted.json()['id']}/items", json=item)
    assert [error["code"] for error in reply.json()["errors"]] == ["too_many_items"]
