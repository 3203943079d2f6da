"""Shipments corrected, moved, flagged, taken back (contract section 3)."""

from typing import Any

import pytest

from tests.http.test_shipments import faults, order_of, post, read
from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import contents, rows
from tests.support.stocked import held, order, release_by, stocked
from tests.support.world import World

CHANGES = ("PATCH", "items", "fields", "flag")


async def shipped(world: World, url: str, *items: tuple[str, int]) -> tuple[Any, Any]:
    """A request with one shipment."""
    request = await stocked(world, url)
    reply = await post(world, request["id"], *(items or (("SKU-A", 2), ("SKU-B", 2))), token="src")
    assert reply.status == 200, reply.body
    return request, reply.json()


async def patch(world: World, id_: int, token: str = "src", query: str = "", **changes: Any) -> Reply:
    return await world.client(token).patch(f"/shipments{query}", json={"id": id_, **changes})


async def take(world: World, id_: int, *items: int, token: str = "src") -> Reply:
    target = f"/shipment/{id_}/shipment-item"
    return await world.client(token).call("DELETE", target, json={"shipmentItemIds": list(items)})


async def events(url: str, id_: int) -> list[str]:
    sql = "SELECT type, data FROM event WHERE subject = 'shipment' AND subject_id = $1 ORDER BY seq"
    return [row["data"] for row in await rows(url, sql, id_)]


async def test_only_what_is_not_null_changes(world: World, migrated_url: str) -> None:
    request, made = await shipped(world, migrated_url)
    before = (await read(world, request))["version"]
    changes = {
        "trackingNumber": "2Z", "trackingUrl": "https://carrier.example/2Z", "carrier": "UPS", "method": "Ground",
        "note": "left at the door", "shippedAt": "2026-04-20T10:00:00+02:00", "shippingCost": 4.5, "suppressed": True,
        "syncedToChannel": True, "accountingSynced": True,
    }  # fmt: skip
    reply = await patch(world, made["id"], **changes, syncError=None, shipmentItems=None, customFields=None)
    expected = {**made, **changes, "shippedAt": "2026-04-20T08:00:00.000000Z"}
    assert reply.headers["etag"] == '"2"'
    assert {**reply.json(), "updatedAt": made["updatedAt"]} == expected
    assert reply.json()["updatedAt"] > made["updatedAt"]
    shown = await world.client("src").get(f"/shipments/{made['id']}")
    assert (shown.body, shown.headers["etag"]) == (reply.body, '"2"')
    cleared = (await patch(world, made["id"], carrier="", note=" ")).json()
    assert (cleared["carrier"], cleared["note"], cleared["method"]) == (None, None, "Ground")
    # Nothing of the request itself has changed.
    assert (await read(world, request))["version"] == before
    assert len(await events(migrated_url, made["id"])) == 2
    await adds_up(migrated_url)


async def test_asking_for_what_is_so_changes_nothing(world: World, migrated_url: str) -> None:
    _, made = await shipped(world, migrated_url)
    before = await contents(migrated_url)
    item = made["shipmentItems"][0]
    same = {"trackingNumber": "1Z-1", "shipmentItems": [{"id": item["id"], "quantity": item["quantity"]}]}
    reply = await patch(world, made["id"], **same, suppressed=False, fulfillmentRequestId=made["fulfillmentRequestId"])
    assert (reply.json(), reply.headers["etag"]) == (made, '"1"')
    dry = await patch(world, made["id"], query="?dryRun=true", **same)
    assert (dry.json()["change"], dry.headers["etag"]) == ("none", '"1"')
    assert await contents(migrated_url) == before


async def test_quantities_are_counted_again(world: World, migrated_url: str) -> None:
    request, made = await shipped(world, migrated_url)
    first = made["shipmentItems"][0]
    more = (await patch(world, made["id"], shipmentItems=[{"id": first["id"], "quantity": 3}])).json()
    assert (more["shipmentItems"][0]["committedStockReleasedQuantity"], more["partial"]) == (3, False)
    assert (await order_of(world, request))["orderStatus"] == "Closed"
    await adds_up(migrated_url)
    less = (await patch(world, made["id"], shipmentItems=[{"id": first["id"], "quantity": 1}])).json()
    assert [i["committedStockReleasedQuantity"] for i in less["shipmentItems"]] == [1, 2]
    assert await held(migrated_url, request["id"]) == {"SKU-A": 2, "SKU-B": 0}
    now, parent = await read(world, request), await order_of(world, request)
    assert (now["fulfillmentStatus"]["name"], now["shippedQuantity"]) == ("Partially Shipped", 3)
    assert now["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert (parent["orderStatus"], parent["shippedStatus"]) == ("Open", "Partially Completed")
    timeline = (await world.client().get(f"/fulfillment-requests/{request['id']}/events")).json()
    assert timeline[-1]["type"] == "fulfillment_request.shipment_corrected"
    assert timeline[-1]["data"]["shipmentId"] == made["id"]
    await adds_up(migrated_url)
    over = await patch(world, made["id"], shipmentItems=[{"id": first["id"], "quantity": 4}])
    assert faults(over) == {("/shipmentItems/0/quantity", "more_than_open")}


async def test_items_are_added_pointed_elsewhere_and_two_of_one_line_changed(world: World, migrated_url: str) -> None:
    request, made = await shipped(world, migrated_url, ("SKU-A", 1), ("SKU-A", 1))
    one, two = (item["id"] for item in made["shipmentItems"])
    added = await patch(world, made["id"], shipmentItems=[{"sku": "SKU-B", "quantity": 2, "customFields": [{"name": "x"}]}])
    assert [(i["sku"], i["quantity"]) for i in added.json()["shipmentItems"]] == [
        ("SKU-A", 1), ("SKU-A", 1), ("SKU-B", 2),
    ]  # fmt: skip
    await adds_up(migrated_url)
    # Both items of a line shrink to nothing on it: one is of another line after all.
    third = added.json()["shipmentItems"][2]["id"]
    swapped = await patch(world, made["id"], shipmentItems=[
        {"id": one, "quantity": 1, "sku": "SKU-B"}, {"id": two, "quantity": 2}, {"id": third, "quantity": 1}])  # fmt: skip
    assert [(i["id"], i["sku"], i["quantity"], i["committedStockReleasedQuantity"])
            for i in swapped.json()["shipmentItems"]] == [
        (one, "SKU-B", 1, 1), (two, "SKU-A", 2, 2), (third, "SKU-B", 1, 1),
    ]  # fmt: skip
    assert await held(migrated_url, request["id"]) == {"SKU-A": 1, "SKU-B": 0}
    await adds_up(migrated_url)


async def test_a_shipment_moves_to_another_request(world: World, migrated_url: str) -> None:
    placed = await order(world, (("SKU-A", 6), ("SKU-B", 4)))
    wrong = await stocked(world, migrated_url, placed=placed)
    right = await stocked(world, migrated_url, placed=placed)
    made = (await post(world, wrong["id"], ("SKU-A", 2), ("SKU-B", 2))).json()
    reply = await patch(world, made["id"], fulfillmentRequestId=right["id"])
    moved = reply.json()
    assert (reply.status, moved["fulfillmentRequestId"], moved["partial"]) == (200, right["id"], True)
    lines = {item["sku"]: item["id"] for item in right["fulfillmentRequestItems"]}
    assert [(i["id"], i["fulfillmentRequestItemId"], i["committedStockReleasedQuantity"]) for i in moved["shipmentItems"]] == [
        (made["shipmentItems"][0]["id"], lines["SKU-A"], 2), (made["shipmentItems"][1]["id"], lines["SKU-B"], 2),
    ]  # fmt: skip
    assert (await read(world, wrong))["fulfillmentStatus"]["name"] == "Awaiting Shipment"
    assert (await read(world, right))["fulfillmentRequestStatus"]["name"] == "Acknowledged"
    assert await held(migrated_url, wrong["id"]) == {"SKU-A": 3, "SKU-B": 2}
    assert await held(migrated_url, right["id"]) == {"SKU-A": 1, "SKU-B": 0}
    assert (await world.client().get(f"/shipments?findByFulfillmentRequestId={wrong['id']}")).json() == []
    await adds_up(migrated_url)
    back = await patch(world, made["id"], purchaseOrderId=wrong["id"], shipmentItems=[
        {"id": made["shipmentItems"][0]["id"], "quantity": 3}, {"sku": "SKU-A", "quantity": 1}])  # fmt: skip
    assert faults(back) == {("/shipmentItems/1/quantity", "more_than_open")}
    assert (await read(world, right))["shippedQuantity"] == 4


async def test_where_a_shipment_cannot_move(world: World, migrated_url: str) -> None:
    _, made = await shipped(world, migrated_url)
    far = await stocked(world, migrated_url, source=1)
    small = await stocked(world, migrated_url, lines=(("SKU-A", 1), ("SKU-C", 1)))
    held_back = await stocked(world, migrated_url, status="Unprocessed")
    taken = await stocked(world, migrated_url)
    assert (await post(world, taken["id"], ("SKU-A", 1))).status == 200
    theirs = await stocked(world, migrated_url, who=world.theirs)
    before = await contents(migrated_url)
    for target, token, expected in [
        (far["id"], "acc", {("/fulfillmentRequestId", "foreign_source")}), (far["id"], "src", 404),
        (small["id"], "src", {("/fulfillmentRequestId", "unknown_item")}), (theirs["id"], "acc", 404),
        (held_back["id"], "acc", "not_allowed_from_status"), (held_back["id"], "src", 404), (10**9, "acc", 404),
        (taken["id"], "acc", {("/trackingNumber", "duplicate_tracking_number")}),
    ]:  # fmt: skip
        reply = await patch(world, made["id"], token=token, fulfillmentRequestId=target)
        if isinstance(expected, set):
            assert (reply.status, faults(reply)) == (400, expected)
        else:
            assert expected in (reply.status, reply.json()["code"]), (target, reply.body)
    assert await contents(migrated_url) == before


async def test_items_are_taken_out(world: World, migrated_url: str) -> None:
    request, made = await shipped(world, migrated_url, ("SKU-A", 3), ("SKU-B", 2))
    assert (await order_of(world, request))["orderStatus"] == "Closed"
    first, second = (item["id"] for item in made["shipmentItems"])
    unknown = await take(world, made["id"], first, second + 100)
    assert faults(unknown) == {("/shipmentItemIds/1", "unknown_item")}
    reply = await take(world, made["id"], first)
    assert ([i["id"] for i in reply.json()["shipmentItems"]], reply.json()["partial"]) == ([second], True)
    assert (await order_of(world, request))["orderStatus"] == "Open"
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 0}
    await adds_up(migrated_url)
    assert faults(await take(world, made["id"], first)) == {("/shipmentItemIds/0", "unknown_item")}
    empty = await take(world, made["id"], second)
    assert empty.json()["shipmentItems"] == []
    assert (await read(world, request))["fulfillmentStatus"]["name"] == "Awaiting Shipment"
    assert (await patch(world, made["id"], note="sent back")).status == 200
    # The number of a parcel that carries nothing is free again.
    assert (await post(world, request["id"], ("SKU-A", 1))).status == 200
    await adds_up(migrated_url)


async def test_a_source_that_reports_quantities_takes_nothing_twice(world: World, migrated_url: str) -> None:
    await release_by(migrated_url, world.ours.sources[0], "quantity_update")
    request, made = await shipped(world, migrated_url)
    await take(world, made["id"], made["shipmentItems"][0]["id"])
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 2}
    await adds_up(migrated_url)


async def test_custom_fields_come_change_and_go(world: World, migrated_url: str) -> None:
    _, made = await shipped(world, migrated_url)
    added = await patch(world, made["id"], customFields=[{"name": "lot", "value": "7"}, {"name": "box", "value": "L"}])
    assert added.json()["customFields"] == [
        {"id": 1, "name": "lot", "value": "7"}, {"id": 2, "name": "box", "value": "L"},
    ]  # fmt: skip
    changed = await patch(world, made["id"], customFields=[{"id": 1, "name": "lot", "value": "8"}, {"name": "seal"}])
    assert [field["value"] for field in changed.json()["customFields"]] == ["8", "L", None]
    wrong = await patch(world, made["id"], customFields=[{"id": 9, "name": "x"}])
    assert faults(wrong) == {("/customFields/0/id", "unknown_custom_field")}
    target = f"/shipment/{made['id']}/custom-fields"
    gone = await world.client("src").call("DELETE", target, json={"customFieldIds": [1, 3]})
    assert gone.json()["customFields"] == [{"id": 2, "name": "box", "value": "L"}]
    again = await world.client("src").call("DELETE", target, json={"customFieldIds": [1]})
    assert faults(again) == {("/customFieldIds/0", "unknown_custom_field")}


async def test_flagged_all_or_none(world: World, migrated_url: str) -> None:
    (_, one), (_, two) = await shipped(world, migrated_url), await shipped(world, migrated_url)
    put = world.client("src").call
    flagged = await put("PUT", "/shipments/flag-with-errors", json=[
        {**one, "syncError": "unknown order"}, {"id": two["id"], "syncError": "rate"}])  # fmt: skip
    assert [(s["id"], s["syncError"], s["syncedToChannel"]) for s in flagged.json()] == [
        (one["id"], "unknown order", False), (two["id"], "rate", False),
    ]  # fmt: skip
    before = await contents(migrated_url)
    missing = [{"id": one["id"], "syncError": "again"}, {"id": 10**9, "syncError": "x"}]
    assert (await put("PUT", "/shipments/flag-with-errors", json=missing)).status == 404
    bad: list[tuple[Any, set[tuple[str, str]]]] = [
        ([{"id": one["id"], "syncError": " "}, {"id": "x"}], {("/0/syncError", "blank"), ("/1/id", "wrong_type"),
                                                             ("/1/syncError", "required")}),
        ([{"id": one["id"], "syncError": "a"}] * 2, {("/1/id", "repeated_id")}),
        ([], {("", "too_few_items")}), ({}, {("", "wrong_type")}),
        ([{"id": n, "syncError": "a"} for n in range(1, 52)], {("", "too_many_items")}),
    ]  # fmt: skip
    for body, expected in bad:
        reply = await put("PUT", "/shipments/flag-with-errors", json=body)
        assert (reply.status, faults(reply)) == (400, expected)
    assert await contents(migrated_url) == before
    mended = await patch(world, one["id"], syncedToChannel=True)
    assert mended.json()["syncError"] is None


@pytest.mark.parametrize("kind", CHANGES)
async def test_keys_preconditions_and_dry_runs(world: World, migrated_url: str, kind: str) -> None:
    request, made = await shipped(world, migrated_url)
    await patch(world, made["id"], customFields=[{"name": "lot"}])
    id_, item = made["id"], made["shipmentItems"][0]["id"]
    method, target, body = {
        "PATCH": ("PATCH", "/shipments", {"id": id_, "shipmentItems": [{"id": item, "quantity": 1}]}),
        "items": ("DELETE", f"/shipment/{id_}/shipment-item", {"shipmentItemIds": [item]}),
        "fields": ("DELETE", f"/shipment/{id_}/custom-fields", {"customFieldIds": [1]}),
        "flag": ("PUT", "/shipments/flag-with-errors", [{"id": id_, "syncError": "no"}]),
    }[kind]
    call = world.client("src").call
    before = await contents(migrated_url)
    stale = await call(method, target, json=body, headers={"If-Match": '"1"', "Idempotency-Key": "k"})
    assert (stale.status, stale.json()["code"]) == (412, "precondition_failed")
    dry = await call(method, f"{target}?dryRun=true", json=body, headers={"If-Match": '"2"', "Idempotency-Key": "k"})
    assert dry.json() == {"dryRun": True, "from": "Acknowledged", "to": "Acknowledged", "change": "move",
                          "wouldReplyStatus": 200}  # fmt: skip
    assert (await call(method, target, json=body, headers={"If-Match": "2"})).status == 400
    assert await contents(migrated_url) == before
    done = await call(method, target, json=body, headers={"If-Match": '"7", "2"', "Idempotency-Key": "k"})
    after = await contents(migrated_url)
    again = await call(method, target, json=body, headers={"If-Match": '"7", "2"', "Idempotency-Key": "k"})
    assert (again.status, again.body) == (200, done.body)
    assert (again.headers.get("etag"), again.headers["idempotent-replayed"]) == (done.headers.get("etag"), "true")
    other = await call("PATCH", "/shipments", json={"id": id_, "note": "n"}, headers={"Idempotency-Key": "k"})
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await contents(migrated_url) == after
    assert (await world.client().get(f"/shipments/{id_}")).headers["etag"] == '"3"'
    assert (await read(world, request))["shippedQuantity"] == {"PATCH": 3, "items": 2}.get(kind, 4)
    await adds_up(migrated_url)


async def test_others_shipments_are_not_there(world: World, migrated_url: str) -> None:
    _, made = await shipped(world, migrated_url)
    item = made["shipmentItems"][0]["id"]
    before = await contents(migrated_url)
    for client in (world.client("src2"), world.client("acc", world.theirs)):
        for method, target, body in [
            ("PATCH", "/shipments", {"id": made["id"], "note": "mine"}),
            ("DELETE", f"/shipment/{made['id']}/shipment-item", {"shipmentItemIds": [item]}),
            ("DELETE", f"/shipment/{made['id']}/custom-fields", {"customFieldIds": [1]}),
            ("PUT", "/shipments/flag-with-errors", [{"id": made["id"], "syncError": "x"}]),
            ("DELETE", "/shipment/x/shipment-item", {"shipmentItemIds": [item]}),
        ]:  # fmt: skip
            assert (await client.call(method, target, json=body)).status == 404
    assert (await world.client().call("DELETE", f"/shipments/{made['id']}/shipment-item")).status == 404  # plural
    assert await contents(migrated_url) == before
