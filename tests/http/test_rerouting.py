"""Routed again: by itself what a source gives back, by hand a request as a whole (native, contract section 2.3)."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.database import contents, rows
from tests.support.stock import change, held, variant
from tests.support.world import World

FR = "/fulfillment-requests"


async def shelves(world: World, url: str, *quantities: tuple[int, int]) -> list[int]:
    """What each of our sources has of SKU-A and SKU-B: variants, source by source."""
    return [
        await variant(url, world.ours.account, source, sku, quantity, cost=10_000 * place)
        for place, (source, both) in enumerate(zip(world.ours.sources, quantities, strict=True), 1)
        for sku, quantity in zip(("SKU-A", "SKU-B"), both, strict=True)
    ]


async def generated(world: World) -> dict[str, Any]:
    """The one request of a fresh order of three A and two B."""
    [made] = (await world.client().post(f"/orders/{await world.order()}{FR}/generate")).json()
    return dict(made)


async def of_order(world: World, order: int) -> list[tuple[int, str, list[tuple[str, int, int]]]]:
    """Its requests: source, status, lines with quantity and what is left of it."""
    found = (await world.client().get(f"{FR}?findOrderId={order}")).json()
    return [
        (one["sourceId"], one["fulfillmentRequestStatus"]["name"],
         [(line["sku"], line["quantity"], line["quantity"] - line["canceledQuantity"] - line["voidedQuantity"])
          for line in one["fulfillmentRequestItems"]])
        for one in found
    ]  # fmt: skip


@pytest.fixture
async def ready(world: World, migrated_url: str) -> World:
    """Our first channel routes again what sources give back."""
    await change(migrated_url, "channel", world.ours.channels[0], reroute_on_fill=True)
    return world


async def test_what_a_source_cancels_goes_to_another_in_the_same_moment(ready: World, migrated_url: str) -> None:
    first, second = ready.ours.sources
    a1, b1, a2, b2 = await shelves(ready, migrated_url, (9, 9), (9, 9))
    made = await generated(ready)
    assert made["sourceId"] == first
    reply = await ready.client("src").patch(f"{FR}/{made['id']}/cancel?reason=none+left")
    assert reply.status == 200
    assert await of_order(ready, made["orderId"]) == [
        (first, "Canceled", [("SKU-A", 3, 0), ("SKU-B", 2, 0)]),
        (second, "Processing", [("SKU-A", 3, 3), ("SKU-B", 2, 2)]),
    ]
    assert await held(migrated_url) == {a1: (0, 0), b1: (0, 0), a2: (3, 3), b2: (2, 2)}
    times = await rows(migrated_url, "SELECT DISTINCT at FROM event WHERE type IN "
                       "('fulfillment_request.canceled', 'fulfillment_request.generated') AND at > "
                       f"(SELECT min(at) FROM event WHERE subject_id = {made['id']} AND subject = 'fulfillment_request')")
    assert len(times) == 1
    [_, again] = (await ready.client().get(f"{FR}?findOrderId={made['orderId']}")).json()
    assert again["fulfillmentRequestNumber"].endswith("-2")
    [event] = (await ready.client().get(f"{FR}/{again['id']}/events")).json()
    assert (event["type"], event["actor"]["type"]) == ("fulfillment_request.generated", "system")
    assert event["requestId"] == reply.headers["x-request-id"]
    decision = (await ready.client().get(f"{FR}/{again['id']}/routing")).json()
    assert decision["rounds"][0]["steps"][0]["lost"] == [{"sourceId": first, "reason": "Gave it back before."}]
    order = (await ready.client().get(f"/orders/{made['orderId']}")).json()
    assert (order["orderStatus"], order["holdReasons"]) == ("Open", [])
    await audit(migrated_url)


async def test_only_the_pieces_that_were_given_back_and_only_those_to_be_filled(
    ready: World, migrated_url: str
) -> None:
    first, second = ready.ours.sources
    a1, b1, a2, b2 = await shelves(ready, migrated_url, (9, 9), (9, 9))
    made = await generated(ready)
    a, b = (item["id"] for item in made["fulfillmentRequestItems"])
    items = [{"id": a, "acknowledgedQuantity": 1, "cancelledQuantity": 2},
             {"id": b, "cancelledQuantity": 1, "killOrFillType": "kill"}]  # fmt: skip
    assert (await ready.client("src").post(f"{FR}/{made['id']}/adjust", json={"items": items})).status == 200
    assert await of_order(ready, made["orderId"]) == [
        (first, "Processing", [("SKU-A", 3, 1), ("SKU-B", 2, 1)]),
        (second, "Processing", [("SKU-A", 2, 2)]),
    ]
    assert await held(migrated_url) == {a1: (1, 1), b1: (1, 1), a2: (2, 2), b2: (0, 0)}
    await audit(migrated_url)


async def test_what_nobody_else_has_stays_open_and_holds_the_order(ready: World, migrated_url: str) -> None:
    first, second = ready.ours.sources
    await shelves(ready, migrated_url, (9, 9), (1, 9))
    made = await generated(ready)
    await ready.client("src").patch(f"{FR}/{made['id']}/cancel")
    assert await of_order(ready, made["orderId"]) == [
        (first, "Canceled", [("SKU-A", 3, 0), ("SKU-B", 2, 0)]),
        (second, "Processing", [("SKU-A", 1, 1), ("SKU-B", 2, 2)]),
    ]
    order = (await ready.client().get(f"/orders/{made['orderId']}")).json()
    assert order["orderStatus"] == "On Hold"
    [reason] = order["holdReasons"]
    assert reason["code"] == "no_available_quantity"
    assert "SKU-A: 2" in reason["message"]
    events = (await ready.client().get(f"/orders/{made['orderId']}/events")).json()
    assert [(event["type"], event["code"]) for event in events] == [
        ("order.created", None), ("order.held", "no_available_quantity"),
    ]  # fmt: skip
    # Given back once more, it is left to whoever looks after the held order.
    [_, again] = (await ready.client().get(f"{FR}?findOrderId={made['orderId']}")).json()
    await ready.client("src2").patch(f"{FR}/{again['id']}/cancel")
    assert len(await of_order(ready, made["orderId"])) == 2
    await audit(migrated_url)


async def test_a_bulk_cancellation_routes_again_and_a_void_does_not(ready: World, migrated_url: str) -> None:
    second = ready.ours.sources[1]
    await shelves(ready, migrated_url, (99, 99), (4, 99))
    made = [await generated(ready) for _ in range(3)]
    await ready.client().patch(f"{FR}/{made[2]['id']}/void")
    assert len(await of_order(ready, made[2]["orderId"])) == 1
    body = {"action": "cancel", "items": [{"id": one["id"]} for one in made[:2]]}
    reply = await ready.client().post(f"{FR}/bulk", json=body)
    assert [one["status"] for one in reply.json()["results"]] == [200, 200]
    # There are four A elsewhere: the first order gets three of them, the second what is left.
    assert (await of_order(ready, made[0]["orderId"]))[1] == (second, "Processing", [("SKU-A", 3, 3), ("SKU-B", 2, 2)])
    assert (await of_order(ready, made[1]["orderId"]))[1] == (second, "Processing", [("SKU-A", 1, 1), ("SKU-B", 2, 2)])
    await audit(migrated_url)


async def test_channels_that_do_not_say_so_leave_it_open(world: World, migrated_url: str) -> None:
    await shelves(world, migrated_url, (9, 9), (9, 9))
    made = await generated(world)
    await world.client("src").patch(f"{FR}/{made['id']}/cancel")
    assert len(await of_order(world, made["orderId"])) == 1
    # Asked by hand, the routing knows who gave it back.
    [again] = (await world.client().post(f"/orders/{made['orderId']}{FR}/generate")).json()
    assert again["sourceId"] == world.ours.sources[1]


async def test_a_dry_run_of_a_cancellation_routes_nothing(ready: World, migrated_url: str) -> None:
    await shelves(ready, migrated_url, (9, 9), (9, 9))
    made = await generated(ready)
    before = await contents(migrated_url)
    assert (await ready.client("src").patch(f"{FR}/{made['id']}/cancel?dryRun=true")).status == 200
    assert await contents(migrated_url) == before


async def test_by_hand_a_request_moves_as_a_whole(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    a1, b1, a2, b2 = await shelves(world, migrated_url, (9, 9), (9, 9))
    made = await generated(world)
    before = await contents(migrated_url)
    dry = await world.client().patch(f"{FR}/{made['id']}/reroute?dryRun=true")
    assert dry.json() == {
        "dryRun": True, "from": "Processing", "to": "Voided", "change": "move", "wouldReplyStatus": 200,
    }  # fmt: skip
    assert await contents(migrated_url) == before
    reply = await world.client().patch(f"{FR}/{made['id']}/reroute?reason=on+strike", headers={"Idempotency-Key": "k"})
    assert reply.status == 200
    [again] = reply.json()
    assert (again["sourceId"], again["orderId"]) == (second, made["orderId"])
    assert await of_order(world, made["orderId"]) == [
        (first, "Voided", [("SKU-A", 3, 0), ("SKU-B", 2, 0)]),
        (second, "Processing", [("SKU-A", 3, 3), ("SKU-B", 2, 2)]),
    ]
    assert await held(migrated_url) == {a1: (0, 0), b1: (0, 0), a2: (3, 3), b2: (2, 2)}
    old = (await world.client().get(f"{FR}/{made['id']}")).json()
    assert old["voidedReason"] == "on strike"
    repeat = await world.client().patch(f"{FR}/{made['id']}/reroute?reason=on+strike", headers={"Idempotency-Key": "k"})
    assert (repeat.body, repeat.headers["idempotent-replayed"]) == (reply.body, "true")
    refused = await world.client().patch(f"{FR}/{made['id']}/reroute")
    assert (refused.status, refused.json()["code"]) == (400, "not_allowed_from_status")
    # And never back to the one that it was taken from.
    nowhere = await world.client().patch(f"{FR}/{again['id']}/reroute?sourceId={first}")
    assert nowhere.status == 400
    assert [(one["pointer"], one["code"]) for one in nowhere.json()["errors"]] == [
        ("/fulfillmentRequestItems/0", "no_eligible_source"), ("/fulfillmentRequestItems/1", "no_eligible_source"),
    ]  # fmt: skip
    await audit(migrated_url)


async def test_by_hand_it_goes_to_the_source_that_is_named_or_nowhere(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    third = (await world.client().post("/sources", json={"name": "Third"})).json()["id"]
    await shelves(world, migrated_url, (9, 9), (9, 9))
    made = await generated(world)
    before = await contents(migrated_url)

    async def refused(query: str) -> list[tuple[str, str]]:
        reply = await world.client().patch(f"{FR}/{made['id']}/reroute{query}")
        assert reply.status == 400
        return [(one.get("pointer", one.get("parameter")), one["code"]) for one in reply.json()["errors"]]

    assert await refused(f"?sourceId={third}") == [
        ("/fulfillmentRequestItems/0", "no_eligible_source"), ("/fulfillmentRequestItems/1", "no_eligible_source"),
    ]  # fmt: skip
    assert await refused(f"?sourceId={first}") == [("sourceId", "same_source")]
    assert await refused("?sourceId=4711") == [("sourceId", "unknown_source")]
    assert await refused(f"?sourceId={world.theirs.sources[0]}") == [("sourceId", "unknown_source")]
    assert await refused("?sourceId=x") == [("sourceId", "not_an_id")]
    assert await contents(migrated_url) == before
    stale = await world.client().patch(f"{FR}/{made['id']}/reroute", headers={"If-Match": '"9"'})
    assert stale.status == 412
    moved = await world.client().patch(f"{FR}/{made['id']}/reroute?sourceId={second}", headers={"If-Match": '"1"'})
    assert [one["sourceId"] for one in moved.json()] == [second]


async def test_what_has_shipped_is_not_moved(world: World, migrated_url: str) -> None:
    await shelves(world, migrated_url, (9, 9), (9, 9))
    made = await generated(world)
    shipment = {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    await world.client("src").post("/shipments", json={"fulfillmentRequestId": made["id"], "shipment": shipment})
    reply = await world.client().patch(f"{FR}/{made['id']}/reroute")
    assert (reply.status, reply.json()["code"]) == (400, "already_shipped")
    for id_ in (4711, "x"):
        assert (await world.client().patch(f"{FR}/{id_}/reroute")).status == 404
