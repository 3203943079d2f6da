"""Every row of a database, so that what one call leaves can be compared with what two leave."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg

from tests.support.database import is_sqlite, sqlite_path

Rows = dict[str, list[str]]
# Secrets: another one each time that it is made, or stored.
DRAWN = {"secret", "previous_secret", "secrets"}


async def all_rows(url: str) -> Rows:
    """The rows of each table, in an order of their own, without what is drawn at random."""
    if is_sqlite(url):
        return _of_sqlite(url)
    connection = await asyncpg.connect(url)
    try:
        listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [row[0] for row in await connection.fetch(listed)]
        texts = [f"SELECT '{table}', to_jsonb(t)::text FROM {table} t" for table in tables]
        found: Rows = {table: [] for table in tables}
        for table, row in await connection.fetch(" UNION ALL ".join(texts)):
            found[table].append(_without_drawn(json.loads(row)))
        return {table: sorted(rows) for table, rows in found.items()}
    finally:
        await connection.close()


def _of_sqlite(url: str) -> Rows:
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None, timeout=5)) as db:
        db.row_factory = sqlite3.Row
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
        tables = [row[0] for row in db.execute(listed)]
        return {table: sorted(_without_drawn(dict(row)) for row in db.execute(f"SELECT * FROM {table}")) for table in tables}


def _without_drawn(row: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in row.items() if name not in DRAWN}, sort_keys=True, default=repr)


def differing_tables(one: Rows, two: Rows) -> list[str]:
    """The tables whose rows are not the same."""
    return sorted(table for table in one.keys() | two.keys() if one.get(table) != two.get(table))
