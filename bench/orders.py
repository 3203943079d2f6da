"""Orders coming in: the limits of the engine for the rows that one order of three lines leaves behind.

One order is posted down the real road; its rows, with other ids, are what the raw loop inserts, in the same tables with
the same indexes, in batches that are each one durable commit.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from bench.load import order_body
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.ports import Tx
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.sqlite_file import connect
from waypost.wire.body import read_json
from waypost.wire.order_bodies import CreateOrder, order_draft

BASE = 10**12  # ids of the raw loop, far from the hub's own
STOCK = 10**9
Make = Callable[[int, int], Any]  # of the order's count and the row's place within the order


class Part(NamedTuple):
    """Rows of one table that belong to an order, and the columns that differ from order to order."""

    table: str
    rows: list[dict[str, Any]]
    differ: dict[str, Make]


def _id(n: int, k: int) -> int:
    return BASE + n * 10 + k


def _of(n: int, k: int) -> int:
    return BASE + n * 10


_DIFFER: dict[str, dict[str, Make]] = {
    "orders": {"id": _id, "order_number": lambda n, k: f"RAW-{n}", "likeness": lambda n, k: f"raw {n}"},
    "order_item": {"id": _id, "order_id": _of},
    "routing_decision": {"id": _id, "order_id": _of},
    "fulfillment_request": {"id": _id, "order_id": _of, "number": lambda n, k: f"RAW-{n}-1", "routing_decision_id": _of},
    "fulfillment_request_state": {"id": _of, "order_id": _of},
    "fulfillment_request_line": {"id": _id, "request_id": _of, "order_item_id": _id},
    "fulfillment_request_number": {"number": lambda n, k: f"RAW-{n}-1", "request_id": _of},
    "stock_ledger": {"id": _id, "line_id": _id},
}
_BY = {
    "orders": "id = {order}", "order_item": "order_id = {order}", "routing_decision": "order_id = {order}",
    "fulfillment_request": "order_id = {order}", "fulfillment_request_state": "order_id = {order}",
    "fulfillment_request_line": "request_id = {request}", "fulfillment_request_number": "request_id = {request}",
    "stock_ledger": "line_id IN (SELECT id FROM fulfillment_request_line WHERE request_id = {request})",
    "event": "account_id = 1 AND seq > {seq}",
}  # fmt: skip


async def prepare(url: str) -> None:
    """A channel that generates by itself, and stock that never ends."""
    store = await open_store(url)
    actor = Actor("account", Scope(1), None, "bench")
    changes = tuple(
        VariantChange(f"/{n}", 1, None, f"SKU-{n}", {"quantity": STOCK, "cost": 10_000}) for n in (1, 2, 3)
    )

    async def channel(tx: Tx) -> int:
        return await tx.insert_row("channel", {"account_id": 1, "name": "Auto", "created_at": 1, "auto_generate": True})

    await store.write(lambda tx: change_inventory(tx, [InventoryCall(actor, changes, creates=True)], 1))
    if await store.write(channel) != 2:
        raise RuntimeError("the bench posts its orders to channel 2")
    await store.close()


async def sample(url: str, generates: bool = True) -> list[Part]:
    """The rows that one order leaves behind, posted as the load generator posts them."""
    store = await open_store(url)
    writer = GroupWriter(store)
    actor = Actor("account", Scope(1), 1, "bench", 1)
    body = read_json(order_body(0, "Paid" if generates else "Not Authorized"), "application/json", 10**6, CreateOrder)
    seq = await _last_seq(store)
    posted = await Changer(writer, lambda: time.time_ns() // 1000).create_order(order_draft(body, actor, "bench-1", []))
    order = posted.view.order.id
    view = await store.reads.order(actor.scope, order)
    request = view.requests[0][0] if view and view.requests else 0
    if generates != bool(request):
        raise RuntimeError("the bench's order was not generated as it should be")
    parts = []
    for table, where in _BY.items():
        sql = f"SELECT * FROM {table} WHERE {where.format(order=order, request=request, seq=seq)}"
        found = await rows(url, sql)
        if found:
            parts.append(Part(table, found, _DIFFER.get(table, {})))
    await writer.close()
    await store.close()
    return parts


async def _last_seq(store: Any) -> int:
    loaded = await store.write(lambda tx: tx.load([], [1]))
    return int(loaded.counters[1].last_seq)


async def rows(url: str, sql: str) -> list[dict[str, Any]]:
    """The rows of a statement, over a connection of its own."""
    if url.startswith("sqlite:///"):
        db = sqlite3.connect(url.removeprefix("sqlite:///"))
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute(sql)]
        db.close()
        return found
    connection = await asyncpg.connect(url)
    found = [dict(row) for row in await connection.fetch(sql)]
    await connection.close()
    return found


def _statement(part: Part, mark: Callable[[int], str]) -> str:
    names = list(part.rows[0])
    return f"INSERT INTO {part.table} ({', '.join(names)}) VALUES ({', '.join(map(mark, range(1, len(names) + 1)))})"


def _records(part: Part, numbers: range, seq: int) -> list[tuple[Any, ...]]:
    """The rows of these orders; events are numbered from `seq` on."""
    records: list[tuple[Any, ...]] = []
    for n in numbers:
        for k, row in enumerate(part.rows):
            values = {name: make(n, k) for name, make in part.differ.items()}
            if part.table == "event":
                values = {"seq": seq + len(records) + 1, "subject_id": _of(n, 0)}
            records.append(tuple({**row, **values}.values()))
    return records


_SQLITE_COUNTER = "UPDATE account_counter SET last_seq = last_seq + ? WHERE account_id = 1 RETURNING last_seq"
_TOTAL = "UPDATE inventory_variant SET committed = committed + {} WHERE id = {}"


def sqlite_orders(path: Path, parts: list[Part], first: int, calls: int, batch: int) -> float:
    """Orders per second in a raw loop."""
    db = connect(path)
    db.execute("PRAGMA busy_timeout = 5000")  # the server looks for work in the background
    events = next(len(part.rows) for part in parts if part.table == "event")
    held = _held(parts)
    began = time.perf_counter()
    for start in range(first, first + calls, batch):
        numbers = range(start, min(start + batch, first + calls))
        db.execute("BEGIN IMMEDIATE")
        count = events * len(numbers)
        seq = db.execute(_SQLITE_COUNTER, (count,)).fetchone()[0] - count
        for part in parts:
            db.executemany(_statement(part, lambda n: "?"), _records(part, numbers, seq))
        for variant, quantity in held.items():
            db.execute(_TOTAL.format("?", "?"), (quantity * len(numbers), variant))
        db.execute("COMMIT")
    took = time.perf_counter() - began
    db.close()
    return calls / took


def _held(parts: list[Part]) -> dict[int, int]:
    return {row["variant_id"]: row["committed"] for part in parts if part.table == "stock_ledger" for row in part.rows}


async def _postgres_orders(url: str, parts: list[Part], first: int, calls: int, batch: int) -> float:
    db = await asyncpg.connect(url)
    events = next(len(part.rows) for part in parts if part.table == "event")
    held = _held(parts)
    began = time.perf_counter()
    for start in range(first, first + calls, batch):
        numbers = range(start, min(start + batch, first + calls))
        async with db.transaction():
            count = events * len(numbers)
            counter = _SQLITE_COUNTER.replace("?", "$1")
            seq = await db.fetchval(counter, count) - count
            for part in parts:
                await db.executemany(_statement(part, lambda n: f"${n}"), _records(part, numbers, seq))
            for variant, quantity in held.items():
                await db.execute(_TOTAL.format("$1", "$2"), quantity * len(numbers), variant)
    took = time.perf_counter() - began
    await db.close()
    return calls / took


def postgres_orders(url: str, parts: list[Part], first: int, calls: int, batch: int) -> float:
    """Orders per second in a raw loop."""
    return asyncio.run(_postgres_orders(url, parts, first, calls, batch))


def raw_orders(url: str, parts: list[Part], first: int, calls: int, batch: int = 64) -> float:
    """Orders per second in a raw loop of either engine."""
    if url.startswith("sqlite:///"):
        return sqlite_orders(Path(url.removeprefix("sqlite:///")), parts, first, calls, batch)
    return postgres_orders(url, parts, first, calls, batch)
