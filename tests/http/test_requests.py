"""The other operations on fulfillment requests (contract sections 2.3, 2.4, 2.7)."""

import asyncio

import pytest

from tests.support.world import World
from waypost.domain.statuses import STATUSES, Status

FR = "/fulfillment-requests"


async def status_of(world: World, id_: int) -> str:
    shown = (await world.client().get(f"{FR}/{id_}")).json()
    name: str = shown["fulfillmentRequestStatus"]["name"]
    return name


async def test_get_tells_version_and_allowed_actions(world: World) -> None:
    id_ = await world.request(Status.PROCESSED)
    reply = await world.client().get(f"{FR}/{id_}/")
    assert reply.headers["etag"] == '"2"'
    assert reply.json()["version"] == 2
    assert reply.json()["allowedActions"] == ["fail", "acknowledge", "adjust", "cancel", "void", "ship"]
    assert (await world.client("chn").get(f"{FR}/{id_}")).json()["allowedActions"] == ["fail", "acknowledge"]
    head = await world.client().call("HEAD", f"{FR}/{id_}")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", '"2"')


async def test_processed_is_repeatable(world: World) -> None:
    id_ = await world.request()
    first = await world.client("src").patch(f"{FR}/{id_}/processed")
    again = await world.client("src").patch(f"{FR}/{id_}/processed", headers={"Content-Type": "text/plain"})
    assert (first.status, again.status) == (200, 200)
    assert first.body == again.body
    assert first.json()["sentAt"] is not None
    acknowledged = await world.request(Status.ACKNOWLEDGED)
    assert (await world.client().patch(f"{FR}/{acknowledged}/processed")).status == 400


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_acknowledge_once(world: World, method: str) -> None:
    id_ = await world.request()
    reply = await world.client("src").call(method, f"{FR}/{id_}/acknowledge")
    assert reply.json()["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert [item["acknowledgedQuantity"] for item in reply.json()["fulfillmentRequestItems"]] == [3, 2]
    again = await world.client("src").call(method, f"{FR}/{id_}/acknowledge")
    assert again.status == 400
    assert "already acknowledged" in again.json()["message"]
    order = (await world.client().get(f"/orders/{reply.json()['orderId']}")).json()
    assert order["acknowledgedStatus"] == "Completed"
    assert [item["acknowledgedStatus"] for item in order["orderItems"]] == ["Completed", "Completed"]


async def test_cancel_is_repeatable_and_gives_quantity_back_or_kills_it(world: World) -> None:
    filled, killed = await world.request(), await world.request()
    reply = await world.client("src").patch(f"{FR}/{filled}/cancel?reason=discontinued")
    assert (reply.status, reply.json()["cancelReason"]) == (200, "discontinued")
    assert reply.json()["fulfillmentStatus"]["name"] == "Canceled"
    assert (await world.client("src").patch(f"{FR}/{filled}/cancel")).body == reply.body
    order = (await world.client().get(f"/orders/{reply.json()['orderId']}")).json()
    assert [(i["allocatedQuantity"], i["canceledQuantity"]) for i in order["orderItems"]] == [(0, 0), (0, 0)]
    reply = await world.client().patch(f"{FR}/{killed}/cancel?killOrFillType=kill")
    order = (await world.client().get(f"/orders/{reply.json()['orderId']}")).json()
    assert [(i["allocatedQuantity"], i["canceledQuantity"]) for i in order["orderItems"]] == [(0, 3), (0, 2)]
    assert (await world.client().patch(f"{FR}/{killed}/void")).status == 400
    voided = await world.request(Status.VOIDED)
    assert (await world.client().patch(f"{FR}/{voided}/cancel")).status == 400


async def test_void_gives_the_quantity_back(world: World) -> None:
    id_ = await world.request(Status.ACKNOWLEDGED)
    reply = await world.client().patch(f"{FR}/{id_}/void?reason=customer%20called")
    assert reply.json()["voidedReason"] == "customer called"
    assert [item["voidedQuantity"] for item in reply.json()["fulfillmentRequestItems"]] == [3, 2]
    body = {"orderId": reply.json()["orderId"], "sourceId": world.ours.sources[1]}
    again = await world.client().post(FR, json=body)
    assert again.status == 201
    assert again.json()["fulfillmentRequestNumber"].endswith("-2")


async def test_process_after_an_unknown_outcome_asks_first(world: World) -> None:
    id_ = await world.request()
    await world.client("src").patch(f"{FR}/{id_}/processing-failed?error=timeout&code=outcome_unknown")
    refused = await world.client().patch(f"{FR}/{id_}/process")
    assert (refused.status, refused.json()["code"]) == (400, "needs_confirmation")
    bulk = {"action": "process", "items": [{"id": id_}]}
    assert (await world.client().post(f"{FR}/bulk", json=bulk)).json()["results"][0]["code"] == "needs_confirmation"
    reply = await world.client().patch(f"{FR}/{id_}/process?confirm=resend")
    assert (reply.status, reply.json()["attemptCount"]) == (200, 2)
    assert (await world.client().patch(f"{FR}/{id_}/process")).body == reply.body


async def test_a_blocked_one_is_released_once_its_cause_is_gone(world: World) -> None:
    order = await world.order()
    source = world.ours.sources[0]
    taken = {"orderId": order, "sourceId": source, "fulfillmentRequestNumber": "X-1", "items": [{"orderItemId": 0}]}
    items = (await world.client().get(f"/orders/{order}")).json()["orderItems"]
    taken["items"] = [{"orderItemId": items[0]["id"], "quantity": 1}]
    assert (await world.client().post(FR, json=taken)).json()["fulfillmentRequestStatus"]["name"] == "Processing"
    double = (await world.client().post(FR, json=taken)).json()
    assert double["fulfillmentRequestStatus"]["name"] == "Duplicate PO/FR #"
    assert (await world.client("src").get(f"{FR}/{double['id']}")).status == 404
    refused = await world.client().patch(f"{FR}/{double['id']}/process")
    assert (refused.status, refused.json()["code"]) == (400, "still_blocked")
    docked = await world.request(Status.CROSS_DOCKED)
    assert (await world.client().patch(f"{FR}/{docked}/process")).status == 200


async def test_adjust(world: World) -> None:
    id_ = await world.request()
    client = world.client("src")
    items = (await client.get(f"{FR}/{id_}")).json()["fulfillmentRequestItems"]
    part = {"items": [{"sku": "SKU-A", "acknowledgedQuantity": 1, "cancelledQuantity": 1}]}
    reply = await client.post(f"{FR}/{id_}/adjust", json=part)
    assert reply.json()["fulfillmentRequestStatus"]["name"] == "Processing"
    shown = reply.json()["fulfillmentRequestItems"][0]
    assert (shown["acknowledgedQuantity"], shown["canceledQuantity"]) == (1, 1)
    too_much = {"items": [{"id": items[0]["id"], "acknowledgedQuantity": 2}, {"sku": "nope", "cancelledQuantity": 1}]}
    refused = await client.post(f"{FR}/{id_}/adjust", json=too_much)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/items/0/acknowledgedQuantity", "/items/1/sku"]
    rest = {
        "items": [{"id": items[0]["id"], "secondaryAcknowledgedQuantity": 2}],
        "cancelUnacknowledgedItemQuantity": True,
    }
    reply = await client.post(f"{FR}/{id_}/adjust", json=rest)
    assert reply.json()["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    first, second = reply.json()["fulfillmentRequestItems"]
    assert (first["acknowledgedQuantity"], first["secondaryAcknowledgedQuantity"]) == (2, 2)
    assert (second["acknowledgedQuantity"], second["canceledQuantity"]) == (0, 2)
    everything = {"items": [{"sku": "SKU-A", "cancelledQuantity": 2, "killOrFillType": "kill"}]}
    reply = await client.post(f"{FR}/{id_}/adjust", json=everything)
    assert reply.json()["fulfillmentRequestStatus"]["name"] == "Canceled"
    assert reply.json()["canceledAt"] is not None


async def test_adjust_without_items_acknowledges_what_is_open(world: World) -> None:
    id_ = await world.request(Status.PROCESSING_ERROR)
    reply = await world.client("src").post(f"{FR}/{id_}/adjust")
    assert reply.json()["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert reply.json()["processingErrorReason"] is None


async def test_accounting_sync(world: World) -> None:
    id_ = await world.request()
    items = (await world.client().get(f"{FR}/{id_}")).json()["fulfillmentRequestItems"]
    body = {"accountingSynced": True, "externalAccountingId": "QB-7",
            "items": [{"id": items[0]["id"], "externalAccountingItemId": "L1"}]}  # fmt: skip
    reply = await world.client().patch(f"{FR}/{id_}/accounting-sync", json=body)
    assert (reply.status, reply.headers["etag"]) == (204, '"2"')
    shown = (await world.client().get(f"{FR}/{id_}")).json()
    assert (shown["accountingSynced"], shown["externalAccountingId"]) == (True, "QB-7")
    body = {"accountingSynced": True, "items": [{"id": 1, "externalAccountingItemId": "L1"}, {}]}
    assert (await world.client().patch(f"{FR}/{id_}/accounting-sync", json=body)).status == 400


async def test_a_pull_hands_over_once(world: World) -> None:
    ids = await world.requests(3)
    other = await world.request(source=1)
    peeked = (await world.client("src").get(f"{FR}/processing?peek=true")).json()
    assert [one["id"] for one in peeked] == ids
    pulls = await asyncio.gather(*(world.client("src").get(f"{FR}/processing") for _ in range(4)))
    assert sorted(one["id"] for pull in pulls for one in pull.json()) == ids
    assert pulls[0].headers["deprecation"].startswith("@")
    assert await status_of(world, ids[0]) == "Processed"
    assert await status_of(world, other) == "Processing"
    filtered = await world.client().get(f"{FR}/processing?filterSourceId={world.ours.sources[1]}")
    assert [one["id"] for one in filtered.json()] == [other]
    assert (await world.client("src").get(f"{FR}/processing")).body == b"[]"


async def test_bulk_gives_each_its_own_result(world: World) -> None:
    ids = await world.requests(3)
    done = await world.request(Status.ACKNOWLEDGED)
    foreign = await world.request(merchant=world.theirs)
    items = [{"id": id_, "error": f"reason {id_}", "code": "out_of_stock"} for id_ in (*ids, done, foreign, 987654)]
    items[1]["version"] = 5
    reply = await world.client().post(f"{FR}/bulk", json={"action": "fail", "items": items})
    results = reply.json()["results"]
    assert [one["status"] for one in results] == [204, 412, 204, 400, 404, 404]
    assert [one["id"] for one in results] == [item["id"] for item in items]
    assert [one["version"] for one in results] == [2, None, 2, None, None, None]
    key = {"Idempotency-Key": "bulk-1"}
    body = {"action": "process", "items": [{"id": ids[0]}]}
    first = await world.client().post(f"{FR}/bulk", json=body, headers=key)
    again = await world.client().post(f"{FR}/bulk", json=body, headers=key)
    assert first.body == again.body
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"action": "fail", "items": [{"id": 1, "error": "x"}] * 2}, "/items/1/id", "repeated_id"),
        ({"action": "fail", "items": [{"id": n, "error": "x"} for n in range(1, 502)]}, "/items", None),
        ({"action": "fail", "items": []}, "/items", None),
        ({"action": "explode", "items": [{"id": 1}]}, "/action", "unknown_value"),
        ({"action": "fail", "items": [{"id": 1}]}, "/items/0/error", "required"),
        ({"action": "fail", "items": [{"id": 1, "error": " "}]}, "/items/0/error", "blank"),
        ({"action": "fail", "items": [{"id": 1, "error": "x" * 2001}]}, "/items/0/error", "too_long"),
        ({"action": "fail", "items": [{"id": 1, "error": "x", "code": "zz"}]}, "/items/0/code", "unknown_value"),
        ({"action": "process", "items": [{"id": "1"}]}, "/items/0/id", None),
        ({"items": [{"id": 1}]}, "/action", "required"),
    ],
)
async def test_a_bulk_call_that_is_wrong_changes_nothing(
    world: World, body: object, pointer: str, code: str | None
) -> None:
    id_ = await world.request()
    reply = await world.client().post(f"{FR}/bulk", json=body)
    assert reply.status == 400
    error = reply.json()["errors"][0]
    assert error["pointer"] == pointer
    assert code in (None, error["code"])
    assert (await world.client().get(f"{FR}/{id_}")).json()["version"] == 1


async def test_lists_page_and_filter(world: World) -> None:
    ids = [await world.request(status) for status in Status]
    client = world.client()
    everything = (await client.get(FR)).json()
    assert [one["id"] for one in everything] == ids
    assert [one["id"] for one in (await client.get(f"{FR}?filterPageSize=4&filterPageNumber=2")).json()] == ids[4:8]
    assert (await client.get(f"{FR}?filterPageNumber=99")).body == b"[]"
    assert len((await client.get(f"{FR}?filterPageSize=5000")).json()) == len(ids)
    for status in Status:
        name = STATUSES[status].name.replace("#", "%23").replace("/", "%2F").replace(" ", "+")
        for spelled in (name, status.value):
            found = (await client.get(f"{FR}?filterStatus={spelled}")).json()
            assert [one["fulfillmentRequestStatus"]["handle"] for one in found] == [status.value]
    assert (await client.get(f"{FR}/count?filterStatus=Failed,Processed")).json() == {"count": 2}
    assert (await client.get(f"{FR}/count?status=NEW")).json() == {"count": 1}
    assert (await client.get(f"{FR}/count?status=anything&filterStatus=")).json() == {"count": len(ids)}
    assert (await client.get(f"{FR}/count?filterNeedsAttention=true")).json() == {"count": 5}
    assert (await world.client("src").get(f"{FR}/count")).json() == {"count": 6}
    number = everything[3]["fulfillmentRequestNumber"]
    for query in (f"frNumbers={number},nope", f"frNumbers={number}&frNumbers=b", f"poNumbers={number}"):
        assert [one["id"] for one in (await client.get(f"{FR}?{query}")).json()] == [ids[3]]
    assert (await client.get(f"{FR}/count?fulfillmentRequestNumbers={number}")).json() == {"count": 1}
    assert [one["id"] for one in (await client.get(f"{FR}?sinceId={ids[8]}")).json()] == ids[9:]
    after = everything[-1]["lastModifiedAt"]
    assert (await client.get(f"{FR}/count?filterUpdatedAfter={after}")).json() == {"count": 0}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("filterPageNumber=0", "filterPageNumber"), ("filterPageSize=abc", "filterPageSize"),
        ("filterPageSize=0", "filterPageSize"), ("filterStatus=Nonsense", "filterStatus"),
        ("filterStatus=Processed&filterFulfilmentStatus=x", "filterFulfilmentStatus"),
        ("frNumbers=" + ",".join(map(str, range(51))), "frNumbers"), ("findOrderId=1_0", "findOrderId"),
        ("findOrderId=%D9%A1%D9%A2", "findOrderId"), ("sinceId=-1", "sinceId"), ("filterIsSent=yes", "filterIsSent"),
        ("filterSentAfter=yesterday", "filterSentAfter"), ("filterSentAfter=0001-01-01T00:00:00%2B14:00", "filterSentAfter"),
        ("filterFailureCode=zz", "filterFailureCode"), ("sinceId=1&sinceId=2", "sinceId"),
    ],
)  # fmt: skip
async def test_bad_filters_are_named(world: World, query: str, parameter: str) -> None:
    for path in (FR, f"{FR}/count"):
        reply = await world.client().get(f"{path}?{query}")
        if path.endswith("count") and parameter.startswith("filterPage"):
            assert reply.status == 200  # a count has no pages: unknown parameters are ignored
            continue
        assert reply.status == 400
        assert {error["parameter"] for error in reply.json()["errors"]} == {parameter}


async def test_unknown_parameters_and_odd_spacing_are_ignored(world: World) -> None:
    id_ = await world.request()
    query = f"utm_source=x&findOrderId=&sinceId=%20{id_ - 1}%20&filterGeneratedAfter=+0001-01-01+"
    assert [one["id"] for one in (await world.client().get(f"{FR}?{query}")).json()] == [id_]


async def test_one_order_changed_by_several_calls_at_once_adds_up(world: World) -> None:
    order = await world.order()
    items = [item["id"] for item in (await world.client().get(f"/orders/{order}")).json()["orderItems"]]
    ids = []
    for item in items:
        body = {"orderId": order, "sourceId": world.ours.sources[0], "items": [{"orderItemId": item}]}
        ids.append((await world.client().post(FR, json=body)).json()["id"])
    replies = await asyncio.gather(
        world.client().patch(f"{FR}/{ids[0]}/processing-failed?error=x"),
        world.client().patch(f"{FR}/{ids[1]}/acknowledge"),
    )
    assert [reply.status for reply in replies] == [204, 200]
    shown = (await world.client().get(f"/orders/{order}")).json()["orderItems"]
    assert [(item["allocatedQuantity"], item["acknowledgedQuantity"]) for item in shown] == [(3, 0), (2, 2)]
