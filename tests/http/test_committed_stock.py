"""`PATCH` and `DELETE …/committed-stock` (contract section 2.4): idempotent, line by line, nothing twice."""

from typing import Any

import pytest

from tests.http.test_shipments import faults, post
from tests.support.asgi import Reply
from tests.support.checking import adds_up
from tests.support.database import contents, rows
from tests.support.stocked import held, release_by, stocked
from tests.support.world import World
from waypost.domain.statuses import Status


async def reconcile(world: World, id_: int, query: str = "", **headers: str) -> Reply:
    return await world.client().patch(f"/fulfillment-requests/{id_}/committed-stock{query}", headers=headers)


async def release(world: World, id_: int, query: str = "", headers: dict[str, str] | None = None, **body: Any) -> Reply:
    target = f"/fulfillment-requests/{id_}/committed-stock{query}"
    return await world.client().call("DELETE", target, json=body or None, headers=headers)


async def totals(url: str) -> list[int]:
    found = await rows(url, "SELECT committed FROM inventory_variant ORDER BY sku")
    return [row["committed"] for row in found]


async def test_released_and_held_again(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    id_, version = request["id"], request["version"]
    assert await totals(migrated_url) == [3, 2]
    given = await release(world, id_)
    assert (given.status, given.headers["etag"]) == (200, f'"{version + 1}"')
    assert await held(migrated_url, id_) == {"SKU-A": 0, "SKU-B": 0}
    assert await totals(migrated_url) == [0, 0]
    await adds_up(migrated_url)
    before = await contents(migrated_url)
    again = await release(world, id_)
    assert (again.status, again.body, again.headers["etag"]) == (204, b"", f'"{version + 1}"')
    assert await contents(migrated_url) == before
    taken = await reconcile(world, id_)
    assert (taken.status, taken.json()["version"]) == (200, version + 2)
    assert await held(migrated_url, id_) == {"SKU-A": 3, "SKU-B": 2}
    assert (await reconcile(world, id_)).status == 204
    timeline = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    assert [event["type"].split(".")[1] for event in timeline[-2:]] == ["stock_released", "stock_reconciled"]
    assert [entry["released"] for entry in timeline[-2]["data"]["stock"]] == [3, 2]
    await adds_up(migrated_url)


async def test_only_what_is_named_is_released(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url, lines=(("SKU-A", 3), ("SKU-B", 2), ("SKU-C", 1)))
    item = request["fulfillmentRequestItems"][2]["id"]
    wrong = await release(world, request["id"], onlyReleaseFulfillmentRequestItemIds=[item, 10**9],
                          onlyReleaseFulfillmentRequestItemSkus=["NO"])  # fmt: skip
    assert faults(wrong) == {("/onlyReleaseFulfillmentRequestItemIds/1", "unknown_item"),
                             ("/onlyReleaseFulfillmentRequestItemSkus/0", "unknown_item")}  # fmt: skip
    reply = await release(world, request["id"], onlyReleaseFulfillmentRequestItemIds=[item],
                          onlyReleaseFulfillmentRequestItemSkus=["SKU-A"])  # fmt: skip
    assert reply.status == 200
    assert await held(migrated_url, request["id"]) == {"SKU-A": 0, "SKU-B": 2, "SKU-C": 0}
    await adds_up(migrated_url)


@pytest.mark.parametrize(("mode", "expected"), [("shipment", [1, 2]), ("quantity_update", [3, 2])])
async def test_what_has_shipped_stays_as_the_source_has_it(
    world: World, migrated_url: str, mode: str, expected: list[int]
) -> None:
    await release_by(migrated_url, world.ours.sources[0], mode)
    request = await stocked(world, migrated_url)
    await post(world, request["id"], ("SKU-A", 2))
    assert (await reconcile(world, request["id"])).status == 204
    assert await totals(migrated_url) == expected
    await adds_up(migrated_url)


@pytest.mark.parametrize("action", ["cancel", "void"])
async def test_a_request_that_is_over_holds_nothing(world: World, migrated_url: str, action: str) -> None:
    request = await stocked(world, migrated_url)
    assert (await world.client().patch(f"/fulfillment-requests/{request['id']}/{action}")).status == 200
    assert await totals(migrated_url) == [0, 0]
    assert (await reconcile(world, request["id"])).status == 204
    assert (await release(world, request["id"])).status == 204
    await adds_up(migrated_url)


async def test_a_failed_request_keeps_what_it_holds(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    await world.client().patch(f"/fulfillment-requests/{request['id']}/processing-failed?error=x")
    assert await held(migrated_url, request["id"]) == {"SKU-A": 3, "SKU-B": 2}
    await adds_up(migrated_url)


async def test_lines_without_inventory_hold_nothing(world: World, migrated_url: str) -> None:
    id_ = await world.request(Status.PROCESSING)
    assert (await reconcile(world, id_)).status == 204
    assert (await release(world, id_)).status == 204
    assert await held(migrated_url, id_) == {}


async def test_keys_preconditions_and_dry_runs(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    id_, tag = request["id"], f'"{request["version"]}"'
    before = await contents(migrated_url)
    assert (await release(world, id_, headers={"If-Match": '"99"'})).status == 412
    dry = await release(world, id_, "?dryRun=true", headers={"If-Match": tag})
    assert (dry.status, dry.json()["change"]) == (200, "move")
    assert (await reconcile(world, id_, "?dryRun=true")).json()["change"] == "none"
    assert await contents(migrated_url) == before
    done = await release(world, id_, headers={"If-Match": tag, "Idempotency-Key": "r"})
    again = await release(world, id_, headers={"If-Match": tag, "Idempotency-Key": "r"})
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, done.body, "true")
    nothing = await release(world, id_, headers={"Idempotency-Key": "n"})
    assert (nothing.status, (await release(world, id_, headers={"Idempotency-Key": "n"})).status) == (204, 204)
    await adds_up(migrated_url)
