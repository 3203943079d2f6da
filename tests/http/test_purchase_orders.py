"""`/purchase-orders`: the same requests under their older names (contract section 2.4)."""

import re
from typing import Any

import pytest

from tests.http.test_shipments import faults
from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import contents
from tests.support.stocked import held, stocked
from tests.support.world import World
from waypost.domain.statuses import Status

RENAMED = {
    "fulfillmentRequestNumber": "purchaseOrderNumber", "fulfillmentRequestStatus": "purchaseOrderStatus",
    "fulfillmentRequestItems": "purchaseOrderItems",
}  # fmt: skip


def in_older_words(request: dict[str, Any]) -> dict[str, Any]:
    """What a request must look like there."""
    return {RENAMED.get(name, name): value for name, value in request.items()} | {"purchaseOrderType": "FR"}


def is_deprecated(reply: Reply, successor: str) -> bool:
    """Whether the reply says so, and what to call instead."""
    link = f'<{successor}>; rel="successor-version"'
    return reply.headers.get("deprecation", "")[:1] == "@" and reply.headers.get("link") == link


async def test_lists_and_counts_are_the_same_requests(world: World) -> None:
    ids = [await world.request(status) for status in (Status.PROCESSING, Status.UNPROCESSED, Status.PROCESSING_ERROR)]
    for token in ("acc", "src", "chn", "chn2"):
        client = world.client(token)
        own, older = await client.get("/fulfillment-requests"), await client.get("/purchase-orders")
        assert older.json() == [in_older_words(request) for request in own.json()]
        assert is_deprecated(older, "/fulfillment-requests")
        assert "deprecation" not in own.headers
    assert not any("fulfillmentRequest" in name for request in older.json() for name in request)
    number = (await world.client().get(f"/fulfillment-requests/{ids[1]}")).json()["fulfillmentRequestNumber"]
    for query, expected in [
        ("filterStatus=Failed", ids[2:]), ("status=NEW", ids[:1]), (f"sinceId={ids[1]}", ids[2:]),
        (f"poNumbers={number}", ids[1:2]), ("filterNeedsAttention=true", ids[2:]), ("filterPageSize=2", ids[:2]),
        ("filterPageNumber=5", []),
    ]:  # fmt: skip
        found = await world.client().get(f"/purchase-orders?{query}")
        assert [one["id"] for one in found.json()] == expected, query
    count = await world.client("src").get(f"/purchase-orders/count?poNumbers={number}")
    assert (count.json(), is_deprecated(count, "/fulfillment-requests/count")) == ({"count": 0}, True)
    assert (await world.client().get("/purchase-orders/count")).json() == {"count": 3}


async def test_what_was_shown_once_is_shown_as_it_is_now(world: World) -> None:
    id_ = await world.request()
    for _ in range(2):
        assert (await world.client().get("/purchase-orders")).json()[0]["purchaseOrderStatus"]["name"] == "Processing"
    await world.client().patch(f"/fulfillment-requests/{id_}/processed")
    assert (await world.client().get("/purchase-orders")).json()[0]["purchaseOrderStatus"]["name"] == "Processed"


async def test_one_is_made_under_older_names(world: World) -> None:
    order_id = await world.order()
    body = {"orderId": order_id, "sourceId": world.ours.sources[0], "purchaseOrderNumber": "PO-7",
            "purchaseOrderStatus": "Unprocessed", "purchaseOrderType": "PO"}  # fmt: skip
    dry = await world.client().post("/purchase-orders?dryRun=true", json=body)
    assert (dry.status, dry.json()["to"]) == (200, "Unprocessed")
    key = {"Idempotency-Key": "po-7"}
    made, again = [await world.client().post("/purchase-orders", json=body, headers=key) for _ in range(2)]
    id_ = made.json()["id"]
    own = (await world.client().get(f"/fulfillment-requests/{id_}")).json()
    assert (made.status, made.json()) == (201, in_older_words(own))
    assert (own["fulfillmentRequestNumber"], made.headers["location"]) == ("PO-7", f"/fulfillment-requests/{id_}")
    assert (again.body, again.headers["idempotent-replayed"]) == (made.body, "true")
    # A key belongs to one operation, whatever it does.
    other = await world.client().post("/fulfillment-requests", json=body, headers=key)
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    wrong = await world.client().post("/purchase-orders", json={**body, "purchaseOrderType": "X", "purchaseOrderStatus": "New"})
    assert {where for where, _ in faults(wrong)} == {"/purchaseOrderType", "/fulfillmentRequestStatus"}
    assert is_deprecated(wrong, "/fulfillment-requests")


async def test_one_fails_is_processed_and_adjusted(world: World, migrated_url: str) -> None:
    id_ = await world.request()
    path = f"/purchase-orders/{id_}"
    done = await world.client("src").patch(f"{path}/processed", headers={"If-Match": '"1"'})
    assert (done.status, done.headers["etag"], done.json()["purchaseOrderStatus"]["name"]) == (200, '"2"', "Processed")
    assert is_deprecated(done, f"/fulfillment-requests/{id_}/processed")
    failed = await world.client("src").patch(f"{path}/processing-failed?error=none+left&code=out_of_stock")
    assert (failed.status, failed.body, failed.headers["etag"]) == (204, b"", '"3"')
    assert is_deprecated(failed, f"/fulfillment-requests/{id_}/processing-failed")
    refused = await world.client("src").patch(f"{path}/processing-failed?error=again")
    assert (refused.status, refused.json()["currentStatus"]) == (400, "Processing Error")
    assert faults(await world.client("src").patch(f"{path}/processing-failed")) == {("error", "required")}
    item = (await world.client().get(f"/fulfillment-requests/{id_}")).json()["fulfillmentRequestItems"][0]["id"]
    body = {"items": [{"id": item, "acknowledgedQuantity": 1}]}
    adjusted = await world.client("src").post(f"{path}/adjust", json=body)
    assert adjusted.json()["purchaseOrderItems"][0]["acknowledgedQuantity"] == 1
    over = await world.client("src").post(f"{path}/adjust", json={"items": [{"id": item, "acknowledgedQuantity": 9}]})
    assert faults(over) == {("/items/0/acknowledgedQuantity", "more_than_open")}
    whole = await world.client().post(f"{path}/adjust")
    own = await world.client().get(f"/fulfillment-requests/{id_}")
    assert whole.json() == in_older_words(own.json())
    assert own.json()["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    await adds_up(migrated_url)


async def test_stock_is_released_and_reconciled(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    path = f"/purchase-orders/{request['id']}/committed-stock"
    client = world.client()
    assert (await client.patch(path)).status == 204
    body = {"onlyReleaseFulfillmentRequestItemSkus": ["SKU-A"]}
    given = await client.call("DELETE", path, json=body)
    assert (given.status, given.json()["purchaseOrderNumber"]) == (200, request["fulfillmentRequestNumber"])
    assert await held(migrated_url, request["id"]) == {"SKU-A": 0, "SKU-B": 2}
    assert (await client.call("DELETE", path, json=body)).status == 204
    taken = await client.patch(path)
    assert (taken.status, taken.json()["purchaseOrderStatus"]["name"]) == (200, "Processing")
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 2}
    await adds_up(migrated_url)


@pytest.mark.parametrize(("method", "path"), [
    ("PATCH", "/processed"), ("PATCH", "/processing-failed?error=x"), ("POST", "/adjust"), ("PATCH", "/committed-stock"),
    ("DELETE", "/committed-stock"),
])  # fmt: skip
async def test_others_are_not_there(world: World, migrated_url: str, method: str, path: str) -> None:
    theirs = await world.request(merchant=world.theirs)
    before = await contents(migrated_url)
    for id_ in (theirs, 10**9, "x", "1.0"):
        assert (await world.client().call(method, f"/purchase-orders/{id_}{path}")).status == 404
    assert (await world.client().get(f"/purchase-orders/{theirs}")).status == 404  # there is no such path
    assert await contents(migrated_url) == before


@pytest.mark.parametrize("id_", ["%D9%A1%D9%A2", "%ff", "1%0d%0aX-Evil:%20y", "1%00", "%3E", "%22%3C", "%C3%A9", "%20"])
async def test_an_id_of_any_characters_names_nothing_and_stays_encoded(world: World, id_: str) -> None:
    reply = await world.client().patch(f"/purchase-orders/{id_}/processing-failed?error=x")
    assert (reply.status, reply.json()["code"]) == (404, "not_found")
    assert re.fullmatch(r'</fulfillment-requests/[%0-9A-Z:a-z-]+/processing-failed>; rel="successor-version"',
                        reply.headers["link"])  # fmt: skip
