"""Repair by hand: what changes, when it may, and what follows (issue 4; native)."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.world import World
from waypost.domain.statuses import STATUSES, Status

FR = "/fulfillment-requests"
OPEN_TO_EDITS = {
    Status.UNPROCESSED, Status.PROCESSING_ERROR, Status.ADDITIONAL_INFO_REQUIRED, Status.NUMBER_EXCEEDS_MAX_LENGTH,
    Status.DUPLICATE_NUMBER, Status.CROSS_DOCKED,
}  # fmt: skip


async def shown(world: World, id_: int) -> dict[str, Any]:
    found: dict[str, Any] = (await world.client().get(f"{FR}/{id_}")).json()
    return found


@pytest.mark.parametrize("status", list(Status))
async def test_what_the_source_would_be_told_changes_only_while_it_does_not_have_it(
    world: World, status: Status
) -> None:
    id_ = await world.request(status)
    reply = await world.client().patch(f"{FR}/{id_}?reason=customer+called", json={"note": "Leave at the door"})
    assert reply.status == (200 if status in OPEN_TO_EDITS else 400), reply.body
    if status in OPEN_TO_EDITS:
        assert (reply.json()["note"], reply.headers["etag"]) == ("Leave at the door", f'"{reply.json()["version"]}"')
        event = (await world.client().get(f"{FR}/{id_}/events")).json()[-1]
        assert (event["type"], event["reason"]) == ("fulfillment_request.edited", "customer called")
        assert event["data"] == {"changed": {"note": "Leave at the door"}}
    else:
        assert reply.json()["currentStatus"] == STATUSES[status].name
    care = await world.client().patch(f"{FR}/{id_}", json={"assignee": "Mei", "snoozedUntil": "2027-01-01"})
    assert care.status == (400 if status in (Status.CANCELED, Status.VOIDED) else 200)
    if care.status == 200:
        assert (care.json()["assignee"], care.json()["snoozedUntil"]) == ("Mei", "2027-01-01T00:00:00.000000Z")
        assert care.json()["fulfillmentRequestStatus"]["name"] == STATUSES[status].name


async def test_everything_that_can_be_repaired_is(world: World, migrated_url: str) -> None:
    id_ = await world.request(Status.PROCESSING_ERROR)
    before = await shown(world, id_)
    first, second = before["fulfillmentRequestItems"]
    reply = await world.client().patch(f"{FR}/{id_}", json={
        "fulfillmentRequestNumber": "REPAIRED-1", "shippingAddress": {"name": "Ana Ruiz", "city": "Sevilla", "country": "Spain"},
        "billingAddress": None, "shippingText": "Express", "sourceShippingMethodId": 7, "carrier": "DHL", "method": "Air",
        "note": "fragile", "confirmationNumber": "C-1", "holdUntil": "2026-12-01T10:00:00+01:00",
        "customFields": [{"name": "gift", "value": "yes"}],
        "items": [{"id": first["id"], "quantity": 1, "cost": 2.5}, {"id": second["id"], "sku": "SKU-B2", "title": "Better"}],
    })  # fmt: skip
    assert reply.status == 200, reply.body
    now = reply.json()
    assert now == await shown(world, id_)
    assert now["fulfillmentRequestNumber"] == "REPAIRED-1"
    assert (now["shippingAddress"]["lastName"], now["shippingAddress"]["countryCode"]) == ("Ruiz", "ES")
    assert (now["holdUntil"], now["carrier"]) == ("2026-12-01T09:00:00.000000Z", "DHL")
    assert [field["name"] for field in now["customFields"]] == ["gift"]
    assert [(i["sku"], i["quantity"], i["voidedQuantity"], i["cost"]) for i in now["fulfillmentRequestItems"]] == [
        ("SKU-A", 3, 2, 2.5), ("SKU-B2", 2, 0, 0)
    ]  # fmt: skip
    assert now["totalCost"] == 7.5
    assert now["version"] == before["version"] + 1
    order = (await world.client().get(f"/orders/{now['orderId']}")).json()
    assert [item["allocatedQuantity"] for item in order["orderItems"]] == [1, 2]
    again = await world.client().post(FR, json={"orderId": now["orderId"], "sourceId": world.ours.sources[1]})
    assert [item["quantity"] for item in again.json()["fulfillmentRequestItems"]] == [2]
    released = await world.client().patch(f"{FR}/{id_}/process?confirm=resend")
    assert released.json()["fulfillmentRequestStatus"]["name"] == "Processing"
    await audit(migrated_url)


async def test_the_same_again_changes_nothing(world: World) -> None:
    id_ = await world.request(Status.UNPROCESSED)
    first = await world.client().patch(f"{FR}/{id_}", json={"note": "n", "assignee": "Mei"})
    again = await world.client().patch(f"{FR}/{id_}", json={"note": "n", "assignee": "Mei"})
    assert first.body == again.body
    gone = await world.client().patch(f"{FR}/{id_}", json={"note": None, "assignee": None})
    assert (gone.json()["note"], gone.json()["assignee"], gone.json()["version"]) == (None, None, 3)


async def test_a_blocked_request_goes_on_once_its_cause_is_mended(world: World) -> None:
    taken = (await shown(world, await world.request()))["fulfillmentRequestNumber"]
    source = world.ours.sources[0]
    body = {"orderId": await world.order(), "sourceId": source, "fulfillmentRequestNumber": taken}
    made = (await world.client().post(FR, json=body)).json()
    assert made["fulfillmentRequestStatus"]["handle"] == "duplicate_number"
    assert (await world.client().patch(f"{FR}/{made['id']}/process")).json()["code"] == "still_blocked"
    clash = await world.client().patch(f"{FR}/{made['id']}", json={"fulfillmentRequestNumber": taken})
    assert clash.status == 200  # it has that number: nothing changes
    other = (await shown(world, await world.request()))["fulfillmentRequestNumber"]
    clash = await world.client().patch(f"{FR}/{made['id']}", json={"fulfillmentRequestNumber": other})
    assert (clash.status, clash.json()["errors"][0]["code"]) == (400, "duplicate_number")
    assert clash.json()["errors"][0]["pointer"] == "/fulfillmentRequestNumber"
    await world.client().patch(f"{FR}/{made['id']}", json={"fulfillmentRequestNumber": f"{taken}-B"})
    released = await world.client().patch(f"{FR}/{made['id']}/process")
    assert released.json()["fulfillmentRequestStatus"]["name"] == "Processing"
    # The new number is taken now; the one it never owned is not.
    body = {"orderId": await world.order(), "sourceId": source, "fulfillmentRequestNumber": f"{taken}-B"}
    assert (await world.client().post(FR, json=body)).json()["fulfillmentRequestStatus"]["handle"] == "duplicate_number"


async def test_a_number_is_never_too_long_and_given_once_in_a_batch(world: World, migrated_url: str) -> None:
    ids = [await world.request(Status.UNPROCESSED) for _ in range(3)]
    changes = {"fulfillmentRequestNumber": "ONE-FOR-ALL"}
    body = {"action": "edit", "items": [{"id": id_, "changes": changes} for id_ in ids]}
    dry = (await world.client().post(f"{FR}/bulk?dryRun=true", json=body)).json()["results"]
    assert [one["status"] for one in dry] == [200, 200, 200]
    results = (await world.client().post(f"{FR}/bulk", json=body)).json()["results"]
    assert [(one["status"], one["code"]) for one in results] == [
        (200, None), (400, "invalid_input"), (400, "invalid_input")
    ]  # fmt: skip
    await world.hub.store.write(lambda tx: tx.execute("UPDATE source SET max_number_length = 12"))  # type: ignore[attr-defined]
    long = await world.client().patch(f"{FR}/{ids[1]}", json={"fulfillmentRequestNumber": "X" * 13})
    assert (long.status, long.json()["errors"][0]["code"]) == (400, "too_long")
    await audit(migrated_url)


async def test_bulk_edits_assign_and_snooze_with_a_result_each(world: World) -> None:
    ids = [await world.request(Status.PROCESSING_ERROR), await world.request(Status.CANCELED), 10**9]
    body = {"action": "edit", "items": [{"id": id_, "changes": {"assignee": "Mei"}} for id_ in ids]}
    results = (await world.client().post(f"{FR}/bulk", json=body)).json()["results"]
    assert [(one["status"], one["code"]) for one in results] == [
        (200, None), (400, "not_allowed_from_status"), (404, "not_found")
    ]  # fmt: skip
    assert (await shown(world, ids[0]))["assignee"] == "Mei"
    assert (await world.client("src").get(f"{FR}/{ids[0]}")).json()["assignee"] is None
    missing = await world.client().post(f"{FR}/bulk", json={"action": "edit", "items": [{"id": ids[0]}]})
    assert missing.json()["errors"][0]["pointer"] == "/items/0/changes"


async def test_keys_preconditions_and_dry_runs(world: World) -> None:
    id_ = await world.request(Status.UNPROCESSED)
    dry = await world.client().patch(f"{FR}/{id_}?dryRun=true", json={"note": "x"})
    assert (dry.json()["change"], (await shown(world, id_))["note"]) == ("move", None)
    stale = await world.client().patch(f"{FR}/{id_}", json={"note": "x"}, headers={"If-Match": '"9"'})
    assert stale.status == 412
    key = {"Idempotency-Key": "e-1"}
    first = await world.client().patch(f"{FR}/{id_}", json={"note": "x"}, headers=key)
    again = await world.client().patch(f"{FR}/{id_}", json={"note": "x"}, headers=key)
    assert (first.body, again.headers["idempotent-replayed"]) == (again.body, "true")
    assert (await world.client().patch(f"{FR}/{id_}", json={"note": "y"}, headers=key)).status == 422


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"fulfillmentRequestNumber": " "}, ["/fulfillmentRequestNumber"]),
        ({"fulfillmentRequestNumber": None}, ["/fulfillmentRequestNumber"]),
        ({"note": 7, "carrier": "x" * 201}, ["/note", "/carrier"]),
        ({"holdUntil": "soon", "snoozedUntil": "later"}, ["/holdUntil", "/snoozedUntil"]),
        ({"items": [{"id": 0}, {"quantity": 1}]}, ["/items/0/id", "/items/1/id"]),
        ({"items": [{"id": 1, "quantity": -1, "cost": "free"}]}, ["/items/0/quantity", "/items/0/cost"]),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    world: World, body: dict[str, Any], pointers: list[str]
) -> None:
    id_ = await world.request(Status.UNPROCESSED)
    before = await shown(world, id_)
    reply = await world.client().patch(f"{FR}/{id_}", json=body)
    assert reply.status == 400
    assert sorted(error["pointer"] for error in reply.json()["errors"]) == sorted(pointers)
    assert await shown(world, id_) == before


async def test_foreign_items_and_more_than_there_is_are_refused(world: World) -> None:
    id_ = await world.request(Status.UNPROCESSED)
    items = (await shown(world, id_))["fulfillmentRequestItems"]
    foreign = (await shown(world, await world.request()))["fulfillmentRequestItems"][0]["id"]
    for body, pointer in (
        ([{"id": foreign, "quantity": 1}], "/items/0/id"),
        ([{"id": items[0]["id"], "quantity": 4}], "/items/0/quantity"),
        ([{"id": one["id"], "quantity": 0} for one in items], "/items"),
    ):
        reply = await world.client().patch(f"{FR}/{id_}", json={"items": body})
        assert (reply.status, reply.json()["errors"][0]["pointer"]) == (400, pointer), reply.body
    theirs = await world.request(Status.UNPROCESSED, merchant=world.theirs)
    assert (await world.client().patch(f"{FR}/{theirs}", json={"note": "x"})).status == 404
