"""Calls about many requests or orders are bounded by the lines of all of them, too (contract sections 2.7, 5)."""

from typing import Any

import pytest

from tests.http.test_order_links import link, post
from tests.support.asgi import Reply
from tests.support.audit import audit
from tests.support.database import contents
from tests.support.goods import product
from tests.support.world import World
from waypost.app import batch_size, lists, order_links
from waypost.app.generation import RequestDraft
from waypost.domain.statuses import Status
from waypost.http import order_changes

EACH = 4  # lines of a request of the world, and of its order


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests with their orders are just not too many."""
    for module in (batch_size, lists):
        monkeypatch.setattr(module, "LINES_AT_MOST", 3 * EACH)
        monkeypatch.setattr(module, "ALWAYS_FIT", 1)
    for other in (order_links, order_changes):
        monkeypatch.setattr(other, "ITEMS_AT_MOST", 4)


async def bulk(world: World, action: str, ids: list[int], **more: Any) -> Reply:
    """The reply to a bulk call."""
    items = [{"id": id_, **more} for id_ in ids]
    return await world.client().post("/fulfillment-requests/bulk", json={"action": action, "items": items})


def refused(reply: Reply, *words: str) -> None:
    """It is a 400 that names the field, how many there are, the limit, and what to do."""
    assert reply.status == 400
    (error,) = reply.json()["errors"]
    assert error["code"] == "too_many"
    for one in words:
        assert one in f"{error['pointer']}: {error['message']}"


ON_LINES = {
    "process": (Status.PROCESSING_ERROR, {}), "acknowledge": (Status.PROCESSED, {}),
    "cancel": (Status.PROCESSED, {"reason": "no"}), "void": (Status.PROCESSED, {"reason": "no"}),
    "edit": (Status.PROCESSING_ERROR, {"changes": {"note": "n"}}),
}  # fmt: skip


@pytest.mark.parametrize("action", ON_LINES)
async def test_a_bulk_call_with_too_many_lines_changes_nothing(
    world: World, migrated_url: str, action: str
) -> None:
    status, more = ON_LINES[action]
    ids = [await world.request(status) for _ in range(4)]
    before = await contents(migrated_url)
    refused(await bulk(world, action, ids, **more), "/items: ", "4 requests", "16 lines", "at most 12", "fewer")
    assert await contents(migrated_url) == before
    reply = await bulk(world, action, ids[:3], **more)
    assert [one["status"] for one in reply.json()["results"]] == [200] * 3
    await audit(migrated_url)


async def test_requests_of_one_order_count_it_once(world: World) -> None:
    ours = world.ours
    order = await world.order()
    ids = [await world.request()]
    for source in (*ours.sources, ours.sources[0]):  # 8 lines, and 4 items of two orders
        ids.append((await world.hub.changes.generate(RequestDraft(ours.actor, order, source))).image.state.id)
        assert (await bulk(world, "void", ids[-1:], reason="no")).status == 200
    assert (await bulk(world, "acknowledge", ids)).status == 200


async def test_actions_that_read_no_lines_have_no_such_limit(world: World) -> None:
    ids = await world.requests(5)
    assert {one["status"] for one in (await bulk(world, "processed", ids)).json()["results"]} == {200}
    assert {one["status"] for one in (await bulk(world, "fail", ids, error="no")).json()["results"]} == {204}


async def test_lines_of_others_do_not_count(world: World) -> None:
    theirs = [await world.request(Status.PROCESSED, world.theirs) for _ in range(4)]
    reply = await bulk(world, "acknowledge", [await world.request(Status.PROCESSED), *theirs])
    assert [one["status"] for one in reply.json()["results"]] == [200, 404, 404, 404, 404]


@pytest.mark.parametrize("token", ["acc", "src"])
async def test_a_pull_hands_over_fewer_requests_of_many_lines(world: World, token: str) -> None:
    ids = await world.requests(7)  # of two lines each
    pulls = []
    for _ in range(2):
        pulled = (await world.client(token).get("/fulfillment-requests/processing")).json()
        pulls.append([one["id"] for one in pulled])
    assert pulls == [ids[:6], ids[6:]]


async def test_flagged_shipments_are_bounded_by_the_lines_of_their_requests(world: World, migrated_url: str) -> None:
    shipments = []
    for number in range(4):
        body = {"fulfillmentRequestId": await world.request(Status.ACKNOWLEDGED),
                "shipment": {"trackingNumber": f"T-{number}", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}}  # fmt: skip
        shipments.append((await world.client().post("/shipments", json=body)).json()["id"])

    async def flag(ids: list[int]) -> Reply:
        return await world.client().call("PUT", "/shipments/flag-with-errors", json=[{"id": i, "syncError": "no"} for i in ids])

    before = await contents(migrated_url)
    refused(await flag(shipments), "4 requests", "16 lines", "at most 12", "fewer")
    assert await contents(migrated_url) == before
    assert (await flag(shipments[:3])).status in (200, 204)


async def test_a_link_of_orders_with_too_many_items_changes_nothing(world: World, migrated_url: str) -> None:
    ids = [(await post(world, f"N-{n}", [{"sku": "CUP"}, {"sku": "POT"}]))["id"] for n in range(3)]
    await product(migrated_url, world.ours.account, "CUP")
    before = await contents(migrated_url)
    reply = await world.client().patch("/orders/link", json={"orderIds": ids})
    refused(reply, "/orderIds: ", "3 orders", "6 items", "at most 4", "fewer")
    assert await contents(migrated_url) == before
    assert await link(world, {"orderIds": ids[:2]}) == ids[:2]


@pytest.mark.parametrize("by", ["channelId", "skus"])
async def test_a_link_by_channel_or_sku_takes_the_first_orders_until_none_is_left(
    world: World, migrated_url: str, by: str
) -> None:
    sizes = (1, 2, 4, 1, 1)
    ids = [
        (await post(world, f"N-{place}", [{"sku": "CUP"}] * size))["id"] for place, size in enumerate(sizes)
    ]
    await product(migrated_url, world.ours.account, "CUP")
    body = {"channelId": world.ours.channels[0]} if by == "channelId" else {"skus": ["CUP"]}
    calls = []
    while (linked := await link(world, body)) and len(calls) < len(sizes):
        calls.append(linked)
    assert calls == [ids[:2], ids[2:3], ids[3:]]
    await audit(migrated_url)
