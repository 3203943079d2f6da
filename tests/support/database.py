"""Databases for tests: made once, copied for each test; and a look into them that goes around the hub."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
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


class _Kept:
    """A connection to PostgreSQL that lies idle, and the event loop that it belongs to."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.idle: asyncpg.Connection[asyncpg.Record] | None = None


_kept: dict[str, _Kept] = {}


@asynccontextmanager
async def one_connection(url: str) -> AsyncIterator[None]:
    """Until the end of the block `connected` keeps a connection to this database: a new one takes the server 3 ms."""
    kept = _kept[url] = _Kept()
    try:
        yield
    finally:
        del _kept[url]
        if kept.idle is not None:
            kept.idle.terminate()


@asynccontextmanager
async def connected(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A connection to this PostgreSQL database that nobody else uses meanwhile; it may have been used before."""
    kept = _kept.get(url)
    found = None
    if kept is not None and kept.loop is asyncio.get_running_loop():
        found, kept.idle = kept.idle, None
    else:
        kept = None
    if found is None or found.is_closed():
        # Nothing is remembered of statements: a test may change the tables between two of them.
        found = await asyncpg.connect(url, timeout=5, statement_cache_size=0)
    try:
        yield found
    except BaseException:
        found.terminate()
        raise
    if kept is not None and kept.idle is None and _kept.get(url) is kept:
        kept.idle = found
    else:
        await found.close()


async def rows(url: str, sql: str, *args: Any) -> list[Row]:
    """What a statement gives, committed before this returns (`$n` parameters)."""
    return (await several(url, [sql], *args))[0]


async def several(url: str, texts: Sequence[str], *args: Any) -> list[list[Row]]:
    """What each of these statements gives, all from one connection."""
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=5)) as db:
            db.row_factory = sqlite3.Row
            return [[dict(row) for row in db.execute(sql.replace("$", "?"), args)] for sql in texts]
    async with connected(url) as connection:
        return [[dict(row) for row in await connection.fetch(sql, *args)] for sql in texts]


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
