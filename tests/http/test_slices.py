"""What may be about thousands of rows is made and sent in slices: no turn of the event loop makes it all.

Nothing is timed: what is counted are the rows that one turn uses, and the bytes of the reply's parts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from tests.support.asgi import Client, Reply
from tests.support.database import several
from tests.support.stock import insert, variant
from tests.support.world import World
from waypost.app import large_work
from waypost.http import call
from waypost.storage import orders
from waypost.storage.postgres_tx import PostgresTx
from waypost.storage.schema import metadata
from waypost.storage.sqlite_tx import SqliteTx

FEW = 20
MANY = FEW * FEW
SLICE = 5_000  # bytes, instead of 256 KiB: of MANY rows there are many slices
ROWS_AT_MOST = 50  # in one turn
PART_AT_MOST = 3 * SLICE
FIRST = 100_000  # of the ids of copies
NUMBERS = f"(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY}) SELECT n FROM n) n"

Fetch = Callable[..., Awaitable[Sequence[Sequence[Any]]]]


class Row(tuple[Any, ...]):
    """A row of the database that notes when it is used."""

    used: ClassVar[set[int]] = set()  # ids of rows, since the turn began

    def __iter__(self) -> Iterator[Any]:
        Row.used.add(id(self))
        return super().__iter__()

    def __getitem__(self, place: Any) -> Any:
        Row.used.add(id(self))
        return super().__getitem__(place)


def _noting(fetch: Fetch) -> Fetch:
    async def noting(*args: Any) -> Sequence[Sequence[Any]]:
        return [Row(row) for row in await fetch(*args)]

    return noting


async def _rows_of_a_turn(work: Awaitable[Reply]) -> tuple[int, Reply]:
    """The most rows that are used in one turn while the work runs, and what it comes to."""
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            Row.used.clear()
            await asyncio.sleep(0)
            most = max(most, len(Row.used))

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        reply = await work
        most = max(most, len(Row.used))
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
    return most, reply


def _copies(table: str, of: str, count: int = MANY, **changed: str) -> str:
    """A statement that copies a row so often; `changed`: columns that differ, by `n`."""
    names = [column.name for column in metadata.tables[table].columns]
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    return f"""INSERT INTO {table} ({", ".join(names)})
      SELECT {values} FROM {table} t CROSS JOIN {NUMBERS} WHERE {of} AND n <= {count}"""


@pytest.fixture
async def paths(world: World, migrated_url: str) -> dict[str, str]:
    """What there is much of, by its name in `MUCH`."""
    account, (source, _), request = world.ours.account, world.ours.sources, await world.request()
    order = (await world.client().get(f"/fulfillment-requests/{request}")).json()["orderId"]
    sku = await variant(migrated_url, account, source, "HELD", MANY)
    held = {"variant_id": sku, "committed": 1, "released": 0, "reason": "pending", "at": 1}
    line = (await several(migrated_url, [f"SELECT id FROM fulfillment_request_line WHERE request_id = {request}"]))[0][0]["id"]
    entry = await insert(migrated_url, "stock_ledger", line_id=line, **held)
    dated = {"account_id": account, "created_at": 1, "updated_at": 1}
    method = await insert(migrated_url, "source_shipping_method", source_id=source, name="M", active=True, **dated)
    policy = await insert(migrated_url, "shipping_policy", name="P", **dated)
    group = await insert(migrated_url, "routing_group", name="G", rules="[]", **dated)
    shipped = await insert(
        migrated_url, "shipment", source_id=source, order_id=order, request_id=request, tracking_number="T", shipped_at=1,
        suppressed=False, partial=False, custom_fields="[]", inserted_at=1, updated_at=1, version=1, account_id=account,
    )  # fmt: skip
    piece = await insert(
        migrated_url, "shipment_item", shipment_id=shipped, line_id=line, quantity=1, stock_released=0, custom_fields="[]"
    )
    invoice = await insert(
        migrated_url, "source_invoice", account_id=account, source_id=source, request_id=request, status="unpaid",
        invoice_number="I", invoice_date=1, total_credit_cost=0, custom_fields="[]", inserted_at=1, updated_at=1, version=1,
    )  # fmt: skip
    charge = await insert(
        migrated_url, "source_invoice_item", invoice_id=invoice, type="product", quantity=1, unit_cost=1, cost=1,
        custom_fields="[]",
    )  # fmt: skip
    numbered = {"id": f"{FIRST} + n"}
    told = f"account_id = {account} AND subject = '%s' AND from_status IS NULL"
    of_one = {"order_id": f"{FIRST} + (n - 1) / {FEW} + 1"}
    await several(migrated_url, [
        _copies("fulfillment_request", f"id = {request}", **numbered, number="'N-' || n"),
        _copies("fulfillment_request_state", f"id = {request}", **numbered),
        _copies("event", told % "fulfillment_request", seq=f"{FIRST} + n"),
        _copies("event", told % "order", seq=f"{2 * FIRST} + n"),
        _copies("orders", f"id = {order}", FEW, **numbered, channel_id=str(world.ours.channels[1]), order_number="'O-' || n"),
        _copies("order_item", f"order_id = {order} AND line_number = 1", **numbered, **of_one, line_number=f"(n - 1) % {FEW} + 1"),
        _copies("shipment", f"id = {shipped}", FEW, **numbered),
        _copies("shipment_item", f"id = {piece}", **numbered, shipment_id=of_one["order_id"]),
        _copies("source_invoice", f"id = {invoice}", FEW, **numbered),
        _copies("source_invoice_item", f"id = {charge}", **numbered, invoice_id=of_one["order_id"]),
        _copies("stock_ledger", f"id = {entry}", **numbered),
        _copies("source", f"id = {source}", FEW, **numbered, name="'S-' || n"),
        _copies("shipping_policy", f"id = {policy}", FEW, **numbered, name="'P-' || n"),
        _copies("routing_group", f"id = {group}", FEW, **numbered, name="'G-' || n"),
        *(f"""INSERT INTO {table} SELECT o.id, s.id, {more} FROM {owner} o CROSS JOIN source s
           WHERE o.id > {FIRST} AND s.id > {FIRST}""" for table, owner, more in (
            ("shipping_policy_method", "shipping_policy", str(method)),
            ("routing_group_source", "routing_group", "1, 1 = 1"),
        )),
    ])  # fmt: skip
    return {
        "timeline of a request": f"/fulfillment-requests/{request}/events",
        "timeline of an order": f"/orders/{order}/events",
        "order of many requests": f"/orders/{order}",
        "tags of it": f"/orders/{order}/tags",
        "orders of many items": f"/orders?channelId={world.ours.channels[1]}&pageSize=1000",
        "shipments of many items": "/shipments?pageSize=1000",
        "invoices of many items": "/source-invoices?pageSize=1000",
        "stock that many requests hold": f"/inventory/variants/{sku}/stock",
        "policies": "/shipping/shipping-policies",
        "routing groups": "/routing-groups",
    }


MUCH = (
    "timeline of a request", "timeline of an order", "order of many requests", "tags of it", "orders of many items",
    "shipments of many items", "invoices of many items", "stock that many requests hold", "policies", "routing groups",
)  # fmt: skip


@pytest.mark.parametrize("name", MUCH)
async def test_no_turn_makes_much(
    world: World, paths: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            parts.append(len(message.get("body", b"")))
            await send(message)

        await world.app(scope, receive, noting)

    client, method = Client(app, world.client().token), "PATCH" if name == "tags of it" else "GET"
    body = {"add": ["gift"]} if method == "PATCH" else None
    whole = None if body else await client.call(method, paths[name])
    parts.clear()
    monkeypatch.setattr(large_work, "SLICE", SLICE)
    monkeypatch.setattr(call, "SLICE", SLICE)
    monkeypatch.setattr(orders, "FEW_REQUESTS", FEW)  # so that all are read by the way of many
    for reads, way in ((world.hub.reads, "quick"), (world.hub.reads, "slow"), (SqliteTx, "fetch"), (PostgresTx, "fetch")):
        monkeypatch.setattr(reads, way, _noting(getattr(reads, way)))
    most, reply = await _rows_of_a_turn(client.call(method, paths[name], json=body))
    assert reply.status == 200
    assert 0 < most <= ROWS_AT_MOST
    assert max(parts) <= PART_AT_MOST
    if whole is not None:
        assert reply.body == whole.body
        assert sum(parts) > PART_AT_MOST
