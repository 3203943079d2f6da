"""Fulfillment requests whose lines hold stock, made over HTTP; and what the ledger says of it."""

import itertools
from typing import Any

from tests.support.database import rows
from tests.support.world import Merchant, World

LINES = (("SKU-A", 3), ("SKU-B", 2))
ON_HAND = 1000
_numbers = itertools.count(1)


async def variant(url: str, account: int, source: int, sku: str) -> int:
    """The variant of a SKU at a source, made when it is not there; its id."""
    known = "SELECT id FROM inventory_variant WHERE source_id = $1 AND sku = $2"
    found = await rows(url, known, source, sku)
    if not found:
        sql = """INSERT INTO inventory_variant
          (account_id, source_id, sku, quantity, committed, updated_at) VALUES ($1, $2, $3, $4, 0, 1)"""
        await rows(url, sql, account, source, sku, ON_HAND)
        found = await rows(url, known, source, sku)
    id_: int = found[0]["id"]
    return id_


async def order(world: World, lines: tuple[tuple[str, int], ...] = LINES, who: Merchant | None = None) -> Any:
    """An order of these SKUs, as its reply shows it."""
    merchant = who or world.ours
    items = [{"sku": sku, "quantity": quantity, "price": 10} for sku, quantity in lines]
    body = {"channelId": merchant.channels[0], "orderNumber": f"S-{next(_numbers)}", "orderItems": items}
    reply = await world.client("acc", merchant).post("/orders", json=body)
    assert reply.status == 201, reply.body
    return reply.json()


async def stocked(
    world: World, url: str, lines: tuple[tuple[str, int], ...] = LINES, source: int = 0, placed: Any = None,
    status: str = "Processing", who: Merchant | None = None,
) -> Any:  # fmt: skip
    """A request for these lines of an order (`placed`, else a new one); every line holds its stock."""
    merchant = who or world.ours
    source_id = merchant.sources[source]
    placed = placed or await order(world, lines, merchant)
    ids = {item["sku"]: item["id"] for item in placed["orderItems"]}
    items = [
        {"orderItemId": ids[sku], "quantity": quantity, "sku": sku,
         "inventoryVariantId": await variant(url, merchant.account, source_id, sku)}
        for sku, quantity in lines
    ]  # fmt: skip
    body = {"orderId": placed["id"], "sourceId": source_id, "items": items, "fulfillmentRequestStatus": status}
    client = world.client("acc", merchant)
    made = await client.post("/fulfillment-requests", json=body)
    assert made.status == 201, made.body
    id_ = made.json()["id"]
    held = await client.patch(f"/fulfillment-requests/{id_}/committed-stock")
    assert held.status in (200, 204), held.body
    return (await client.get(f"/fulfillment-requests/{id_}")).json()


async def held(url: str, request_id: int) -> dict[str, int]:
    """What the lines of a request hold now, by SKU."""
    sql = """SELECT l.sku, g.committed - g.released AS still FROM stock_ledger g
      JOIN fulfillment_request_line l ON l.id = g.line_id WHERE l.request_id = $1"""
    return {row["sku"]: row["still"] for row in await rows(url, sql, request_id)}


async def release_by(url: str, source_id: int, mode: str) -> None:
    """Set what makes a source let go of its stock."""
    await rows(url, "UPDATE source SET stock_release = $1 WHERE id = $2", mode, source_id)
