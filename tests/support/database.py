"""Databases for tests: made once, copied for each test; and a look into them that goes around the hub."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from waypost.storage.location import SqliteLocation, parse_url

TABLES = (
    "account",
    "account_counter",
    "source",
    "channel",
    "token",
    "idempotency_key",
    "event",
    "orders",
    "order_item",
    "fulfillment_request",
    "fulfillment_request_state",
    "fulfillment_request_line",
    "fulfillment_request_number",
    "inventory_variant",
    "stock_ledger",
    "shipment",
    "shipment_item",
    "source_invoice",
    "source_invoice_item",
    "routing_decision",
)

Row = dict[str, Any]


def is_sqlite(url: str) -> bool:
    """Whether this is the URL of a SQLite file."""
    return url.startswith("sqlite:")


def sqlite_path(url: str) -> Path:
    """The file behind a SQLite URL."""
    location = parse_url(url)
    assert isinstance(location, SqliteLocation)
    return location.path


async def rows(url: str, sql: str, *args: Any) -> list[Row]:
    """What a statement gives, from a connection of its own, committed before it is closed (`$n` parameters)."""
    return (await several(url, [sql], *args))[0]


async def several(url: str, texts: Sequence[str], *args: Any) -> list[list[Row]]:
    """What each of these statements gives, all from one connection."""
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=5)) as db:
            db.row_factory = sqlite3.Row
            return [[dict(row) for row in db.execute(sql.replace("$", "?"), args)] for sql in texts]
    connection = await asyncpg.connect(url)
    try:
        return [[dict(row) for row in await connection.fetch(sql, *args)] for sql in texts]
    finally:
        await connection.close()


def plain(value: Any) -> Any:
    """A value as both engines would show it: booleans as numbers."""
    return int(value) if isinstance(value, bool) else value


async def contents(url: str, but: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those named: what must not change where nothing may be written."""
    tables = [table for table in TABLES if table not in but]
    found = await several(url, [f"SELECT * FROM {table}" for table in tables])
    return {
        table: sorted((tuple(map(plain, row.values())) for row in all_rows), key=repr)
        for table, all_rows in zip(tables, found, strict=True)
    }
