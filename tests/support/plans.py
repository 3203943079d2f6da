"""How an engine means to find the rows of a query: no plan of a hot operation may read a whole table."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import asyncpg

from tests.support.database import is_sqlite, sqlite_path
from waypost.storage.postgres_reads import BY_INDEX


async def scanned(url: str, sql: str, args: Sequence[Any]) -> list[str]:
    """The steps of the query's plan that read a table, or an index of it, from end to end.

    PostgreSQL is told to avoid that where it can, as the hub's own sessions are.
    """
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url))) as db:
            steps = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql.replace('$', '?')}", args)]
        parts = {f"SCAN {step.split()[1]}" for step in steps if step.startswith(("CO-ROUTINE", "MATERIALIZE"))}
        parts.add("SCAN CONSTANT ROW")
        return [step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step and step not in parts]
    connection = await asyncpg.connect(url, server_settings=BY_INDEX)
    try:
        plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *args))
    finally:
        await connection.close()
    return [node for node in _nodes(plan[0]["Plan"]) if node]


def _nodes(node: dict[str, Any]) -> list[str]:
    """Those of this node and below that have no condition to find rows by."""
    kind = node["Node Type"]
    found = []
    if kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node):
        found.append(f"{kind} on {node['Relation Name']}")
    for child in node.get("Plans", ()):
        found += _nodes(child)
    return found


async def explained(url: str, sql: str, args: Sequence[Any]) -> str:
    """The whole plan, for a message."""
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url))) as db:
            return "\n".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql.replace('$', '?')}", args))
    connection = await asyncpg.connect(url, server_settings=BY_INDEX)
    try:
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *args))
    finally:
        await connection.close()
