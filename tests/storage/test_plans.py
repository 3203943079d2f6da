"""No hot operation walks a table: the plans of every statement that a day's work makes, on both engines."""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from tests.http.conftest import log as log
from tests.support.asgi import Client
from tests.support.keys import key_file_for
from tests.support.world import World, merchant
from waypost.app.actor import Scope
from waypost.app.ports import Tx
from waypost.app.ports.webhooks import Settlement
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.storage.location import SqliteLocation, parse_url
from waypost.storage.opening import open_store
from waypost.storage.postgres_reads import BY_INDEX
from waypost.storage.schema import metadata

# Small tables, a few rows an account, may be walked.
SMALL = {"account", "account_counter", "source", "channel", "routing_group", "routing_group_source",
         "webhook"}  # fmt: skip
LARGE = {table.name for table in metadata.sorted_tables} - SMALL
_PLANNED = re.compile(r"\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)

Statements = list[str]


@pytest.fixture
def statements() -> Statements:
    """What the drivers were asked, in order."""
    return []


@pytest.fixture
async def traced(
    migrated_url: str, statements: Statements, monkeypatch: pytest.MonkeyPatch, log: Any
) -> AsyncIterator[World]:
    """Two merchants on a store whose drivers tell what they are asked."""
    _trace_sqlite(statements, monkeypatch)
    _trace_postgres(statements, monkeypatch)
    store = await open_store(migrated_url, migrate=False, key_file=key_file_for(migrated_url))
    hub, writer = build_hub(store)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(log))
    yield World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    await writer.close()
    await store.close()


def _trace_sqlite(statements: Statements, monkeypatch: pytest.MonkeyPatch) -> None:
    from waypost.storage import sqlite, sqlite_file, sqlite_reads

    connect = sqlite_file.connect

    def traced(*args: Any, **more: Any) -> sqlite3.Connection:
        db = connect(*args, **more)
        db.set_trace_callback(statements.append)
        return db

    for module in (sqlite, sqlite_reads):
        monkeypatch.setattr(module, "connect", traced)


def _trace_postgres(statements: Statements, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fetch", "fetchrow", "fetchval", "execute", "executemany", "prepare", "cursor"):
        inner: Callable[..., Any] = getattr(asyncpg.Connection, name)

        def told(self: Any, query: str, *args: Any, _inner: Callable[..., Any] = inner, **more: Any) -> Any:
            statements.append(query.partition(" AS ")[2] if query.startswith("PREPARE") else query)
            return _inner(self, query, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, told)


async def a_days_work(world: World) -> None:
    """Every hot operation once, as each kind of caller."""
    account, source, channel = (world.client(token) for token in ("acc", "src", "chn"))
    ids = await world.requests(4)
    fr = "/fulfillment-requests"
    for reader in (account, source, channel):
        for query in ("", "?sinceId=1", "?filterStatus=Processing", "?filterStatus=Processing&sinceId=1",
                      "?filterUpdatedAfter=2026-01-01", "?frNumbers=A,B", f"?findOrderId={ids[0]}"):  # fmt: skip
            await _ok(reader, "GET", f"{fr}{query}")
        await _ok(reader, "GET", f"{fr}/{ids[0]}")
        await _ok(reader, "GET", f"{fr}/{ids[0]}/events")
        await _ok(reader, "GET", "/shipments")
    await _ok(source, "PATCH", f"{fr}/{ids[0]}/processed")
    await _ok(source, "PATCH", f"{fr}/{ids[0]}/processing-failed?error=none+left")
    await _ok(account, "PATCH", f"{fr}/{ids[0]}/process")
    await _ok(source, "PATCH", f"{fr}/{ids[0]}/acknowledge", headers={"Idempotency-Key": "k-1"})
    await _ok(source, "POST", f"{fr}/{ids[1]}/adjust", json={})
    await _ok(source, "PATCH", f"{fr}/{ids[2]}/cancel")
    await _ok(source, "GET", f"{fr}/processing")
    shipment = {"trackingNumber": "T-1", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    shipped = await _ok(source, "POST", "/shipments", json={"fulfillmentRequestId": ids[3], "shipment": shipment})
    await what_comes_back(account, source, shipped)
    order = {"channelId": world.ours.channels[0], "orderNumber": "P-1", "orderItems": [{"sku": "A", "quantity": 1}]}
    posted = await _ok(account, "POST", "/orders", json=order)
    await _ok(account, "POST", "/orders", json=order)
    await _ok(account, "GET", f"/orders/{posted['id']}")
    for reader in (account, channel):
        for query in ("", "?status=Open", "?orderUpdatedAt=2026-01-01", "?fulfillmentRequestsUpdatedAt=2026-01-01",
                      "?shipmentsUpdatedAt=2026-01-01", "?orderNumbers=P-1", "?orderedAfter=0001-01-01"):  # fmt: skip
            await _ok(reader, "GET", f"/orders{query}")
    await _ok(account, "POST", f"/orders/{posted['id']}/items", json={"sku": "B", "quantity": 1})
    await _ok(account, "PATCH", f"/orders/{posted['id']}/payment?status=Paid")
    await _ok(account, "POST", fr, json={"orderId": posted["id"], "sourceId": world.ours.sources[0]})
    await _ok(account, "PATCH", f"/orders/{posted['id']}/status?status=Canceled")
    for token in ("src", "src2"):
        told = [{"sku": "P", "variants": [{"sku": sku, "quantity": 99} for sku in ("SKU-A", "SKU-B")]}]
        await _ok(world.client(token), "POST", "/inventory/parents", json=told)
    routed = await world.order()
    await _ok(account, "POST", f"/orders/{routed}{fr}/preview")
    [made] = await _ok(account, "POST", f"/orders/{routed}{fr}/generate")
    await _ok(account, "GET", f"{fr}/{made['id']}/routing")
    await _ok(account, "PATCH", f"{fr}/{made['id']}/reroute")
    await goods(world)


async def what_comes_back(account: Client, source: Client, shipped: Any) -> None:
    """Shipments corrected and read, and invoices."""
    id_, request_id = shipped["id"], shipped["fulfillmentRequestId"]
    await _ok(source, "PATCH", "/shipments", json={"id": id_, "trackingNumber": "T-2"})
    charged = [{"invoiceItemType": "product", "sku": "SKU-A", "cost": 1}]
    invoice = await _ok(source, "POST", "/source-invoices", json={"purchaseOrderId": request_id, "invoiceItems": charged})
    await _ok(account, "PATCH", f"/source-invoices/{invoice['id']}", json={"accountingSynced": True})
    for reader in (account, source):
        await _ok(reader, "GET", f"/shipments/{id_}")
        await _ok(reader, "GET", f"/source-invoices/{invoice['id']}")
        for query in ("", "?filterCreatedAfter=2026-01-01", f"?filterPurchaseOrderId={request_id}", "?ids=1,2"):
            await _ok(reader, "GET", f"/source-invoices{query}")
        for query in (f"?findByOrderId={shipped['orderId']}", f"?findByFulfillmentRequestId={request_id}",
                      "?filterUpdatedAfter=2026-01-01"):  # fmt: skip
            await _ok(reader, "GET", f"/shipments{query}")


async def goods(world: World) -> None:
    """What sources tell of their stock, and how it is read."""
    account, source = world.client("acc"), world.client("src")
    made = await _ok(source, "POST", "/inventory/parents", json=[{"sku": "P", "variants": [{"sku": "A"}]}])
    id_ = made[0]["variants"][0]["id"]
    await world.hub.store.write(
        lambda tx: tx.update_row("source", world.ours.sources[0], {"stock_release": "quantity_update"})
    )
    await _ok(source, "PUT", "/inventory/variants", json=[{"sku": "A", "quantity": 5}])
    await _ok(account, "PUT", "/inventory/variants", json=[{"inventoryVariantId": id_, "quantity": 6}])
    for reader in (account, source):
        for query in ("", "?skus=A,B", f"?ids={id_}", "?updatedAfter=2026-01-01"):
            await _ok(reader, "GET", f"/inventory/variants{query}")
        await _ok(reader, "GET", "/inventory/parents")
        await _ok(reader, "GET", f"/inventory/variants/{id_}/stock")
    await _ok(account, "GET", "/product/variants?skus=A")
    channel = world.client("chn")
    await _ok(channel, "PUT", "/listing/variants", json=[{"sku": "A", "price": 5}])
    for reader in (account, channel):
        await _ok(reader, "GET", "/listing/variants?skus=A")
        await _ok(reader, "GET", "/listing/parents")


async def _ok(client: Client, method: str, target: str, **more: Any) -> Any:
    reply = await client.call(method, target, **more)
    assert reply.status < 300, f"{method} {target}: {reply.body!r}"
    return reply.json() if reply.body else None


async def test_no_hot_operation_walks_a_table(traced: World, migrated_url: str, statements: Statements) -> None:
    statements.clear()
    await a_days_work(traced)
    asked = list(dict.fromkeys(text for text in statements if _PLANNED.match(text)))
    assert len(asked) > 40
    assert await walks(migrated_url, asked) == {}


async def test_neither_feed_nor_webhooks_walk_a_table(
    traced: World, migrated_url: str, statements: Statements
) -> None:
    await traced.requests(3)
    account = traced.client("acc")
    body = {"configurationName": "x", "webhookUrl": "https://example.com/", "subscribedEvents": ["*"]}
    statements.clear()
    for reader in (account, traced.client("src"), traced.client("chn")):
        for query in ("", "?after=latest", "?types=order.created,fulfillment_request.*", "?limit=1&wait=1"):
            await _ok(reader, "GET", f"/events{query}")
    hook = await _ok(account, "POST", "/webhook/configurations", json=body)
    path = f"/webhook/configurations/{hook['id']}"
    await _ok(account, "POST", f"{path}/test")
    await _ok(account, "POST", f"{path}/replay", json={"fromEventId": 1, "toEventId": 9})
    await _ok(account, "POST", "/webhook/event/retry", json={"eventIds": [1, 2]})
    await _ok(account, "GET", f"{path}/deliveries?sinceId=0&filterStatus=pending")
    reads, now = traced.hub.reads, traced.hub.clock()
    await reads.due_webhooks(now)
    due = await reads.due_deliveries(hook["id"], 10**9, now + 1_000_000, 10)
    assert due
    await reads.deliveries_of(hook["id"], [row.message_id for row in due])
    await reads.events_by_seq(Scope(traced.ours.account), [1, 2])
    await reads.heads([traced.ours.account])

    async def work(tx: Tx) -> None:
        await tx.claim_webhook(hook["id"], "me", now + 1_000_000, now + 2_000_000)
        done = tuple((row._replace(status="delivered", next_at=None), row.updated_at) for row in due)
        held = await tx.settle_webhooks([Settlement(hook["id"], "me", 1, 0, None, 0, 0, done)])
        assert held[0] is not None
        await tx.purge_deliveries(now, 10)

    await traced.hub.store.write(work)
    asked = list(dict.fromkeys(text for text in statements if _PLANNED.match(text)))
    assert len(asked) > 20
    assert await walks(migrated_url, asked) == {}


async def test_a_walk_would_be_found(migrated_url: str) -> None:
    walking = "SELECT o.id FROM orders o WHERE o.note = 'lost'"
    assert list(await walks(migrated_url, [walking, "SELECT o.id FROM orders o WHERE o.id = 7"])) == [walking]


async def walks(url: str, asked: Statements) -> dict[str, list[str]]:
    """Statements that walk a large table, with what they walk."""
    location = parse_url(url)
    if isinstance(location, SqliteLocation):
        return _walks_sqlite(asked, location)
    return await _walks_postgres(asked, url)


def _walks_sqlite(asked: Statements, location: SqliteLocation) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with closing(sqlite3.connect(location.path)) as db:
        for text in asked:
            tables = _aliases(text)
            steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {text}")]
            walked = [
                step for step in steps
                if (on := re.match(r"SCAN (\w+)", step)) and tables.get(on[1]) in LARGE and "VIRTUAL TABLE" not in step
            ]  # fmt: skip
            for step in steps:  # of what a subquery has found, whatever its alias: the subquery has a plan of its own
                if (of := re.match(r"(?:CO-ROUTINE|MATERIALIZE) (\w+)", step)) and f"SCAN {of[1]}" in walked:
                    walked.remove(f"SCAN {of[1]}")
            if walked:
                found[text] = walked
    return found


def _aliases(text: str) -> dict[str, str]:
    """Which table each alias stands for; a table is its own alias, too."""
    found = re.findall(r"(?:FROM|JOIN|UPDATE|INTO)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?", text)
    return {alias or table: table for table, alias in found} | {table: table for table, _ in found}


async def _walks_postgres(asked: Statements, url: str) -> dict[str, list[str]]:
    """With walks forbidden, a plan that has one has no other way."""
    found: dict[str, list[str]] = {}
    db = await asyncpg.connect(url, server_settings=BY_INDEX)
    try:
        for place, text in enumerate(asked):
            await db.execute(f"PREPARE p{place} AS {text}")
            nulls = ", ".join(["NULL"] * max(map(int, re.findall(r"\$(\d+)", text)), default=0))
            plan = [row[0] for row in await db.fetch(f"EXPLAIN EXECUTE p{place}{f'({nulls})' if nulls else ''}")]
            walked = [line.strip() for line in plan if (on := re.search(r"Seq Scan on (\w+)", line)) and on[1] in LARGE]
            walked += [line.strip() for line in plan if re.search(r"\b(?:Hash|Merge)(?: \w+)? Join\b", line)]
            if walked:
                found[text] = walked
    finally:
        await db.close()
    return found
