"""Copies parts of an account inside its database, by SQL over a series of numbers.

A `Part` is what lies between two `Mark`s: the rows that the hub wrote meanwhile. A copy has the same rows with other ids,
sequence numbers, times and names. References to rows of the part follow; references to the catalog stay.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import asyncpg

from waypost.storage.schema import metadata

AT_ONCE = 25  # copies per statement
MEMORY = "1GB"  # for building an index

GROWN = (
    "orders", "order_item", "fulfillment_request", "fulfillment_request_state", "fulfillment_request_line",
    "fulfillment_request_number", "event", "stock_ledger", "shipment", "shipment_item", "source_invoice",
    "source_invoice_item", "handover_attempt", "attention", "attention_item", "idempotency_key",
    "webhook_delivery",
)  # fmt: skip
# Sums over all rows: each copy adds what the block has added. The other columns stay.
SUMS = {"inventory_variant": ("committed",), "attention_group": ("total",)}
# The catalog, and what these requests do not use.
KEPT = {
    "account", "account_counter", "channel", "channel_shipping_method", "clock_rule", "import_run", "inventory_parent",
    "listing_parent", "listing_variant", "pending_task", "product_variant", "routing_decision", "routing_group",
    "routing_group_source", "shipping_policy", "shipping_policy_method", "source", "source_delivery",
    "source_shipping_method", "token", "webhook",
}  # fmt: skip
# The hub keeps these for some days only: their times are in the last day.
RECENT = ("idempotency_key", "webhook_delivery")
TIME, LATELY = "time", "lately"  # what shifts the times, as a table does its ids
NAMES = {
    "orders": ("order_number", "reference_number", "content_hash", "likeness"), "fulfillment_request": ("number",),
    "fulfillment_request_number": ("number",), "shipment": ("tracking_number",), "source_invoice": ("invoice_number",),
    "webhook_delivery": ("message_id",), "idempotency_key": ("key",), "handover_attempt": ("idempotency_key",),
}  # fmt: skip
_NUMBERED_BY = {"event": "seq", "fulfillment_request_number": "request_id", "attention_item": "subject_id"}
# References that are no foreign keys. What an event or an attention of these parts is about is a request, or the order
# of the same id: `STRAYS` counts the exceptions.
_REFERENCES = {
    ("event", "seq"): "event", ("event", "subject_id"): "orders", ("attention", "subject_id"): "orders",
    ("attention_item", "subject_id"): "orders",
    ("fulfillment_request_state", "order_id"): "orders", ("fulfillment_request_state", "released_seq"): "event",
    ("webhook_delivery", "seq"): "event",
}  # fmt: skip
_TIMES = ("at", "since", "status_since", "lease_until", "waits_until", "invoice_date")
Mark = dict[str, int]
"""The highest id of each table, and the time, at one moment."""


class Shift(NamedTuple):
    """What is added to an id or a time in the n-th copy: `first` for the first one, `width` more for each later one."""

    first: int
    width: int


class Part(NamedTuple):
    """Rows above `low` and up to `high`, how often they are to be copied, and the shift of each table."""

    low: Mark
    high: Mark
    copies: int
    shifts: dict[str, Shift]


def layout(marks: Sequence[Mark], copies: int) -> list[Part]:
    """The parts between these marks; the copies of each lie behind one another, after all that is there."""
    unknown = metadata.tables.keys() - {*GROWN, *SUMS} - KEPT
    if unknown:
        raise RuntimeError(
            f"say in bench/multiply.py what becomes of {', '.join(sorted(unknown))}: GROWN, SUMS or KEPT"
        )
    parts, ends = [], dict(marks[-1])
    for low, high in pairwise(marks):
        shifts = {name: Shift(ends[name] - low[name], high[name] - low[name]) for name in high}
        parts.append(Part(low, high, copies, shifts))
        ends = {name: ends[name] + copies * shift.width for name, shift in shifts.items()}
    return parts


def _shift_of(table: str, column: str) -> str | None:
    """By what the values of a column are shifted."""
    if (table, column) in _REFERENCES:
        return _REFERENCES[table, column]
    column_ = metadata.tables[table].c[column]
    for key in column_.foreign_keys:
        if key.column.table.name in GROWN:
            return str(key.column.table.name)
    if column == "id":
        return table
    if column in _TIMES or column.endswith("_at"):
        return LATELY if table in RECENT else TIME
    return None


def _value(part: Part, table: str, column: str) -> str:
    kind = _shift_of(table, column)
    if column in NAMES.get(table, ()):
        return f"CAST(1000000 + n AS text) || '-' || t.{column}"
    if kind is None:
        return f"t.{column}"
    first, width = part.shifts[kind]
    shifted = f"t.{column} + {first} + (n - 1) * {width}"
    return f"CASE t.{column} WHEN 0 THEN 0 ELSE {shifted} END" if column == "waits_until" else shifted


def _number(table: str) -> str:
    return _NUMBERED_BY.get(table, "created_at" if table == "idempotency_key" else "id")


def _where(part: Part, table: str) -> str:
    counted = {"fulfillment_request_state": "fulfillment_request", "fulfillment_request_number": "fulfillment_request",
               "attention_item": "fulfillment_request", "idempotency_key": LATELY}.get(table, table)  # fmt: skip
    column = _number(table)
    return f"{column} > {part.low[counted]} AND {column} <= {part.high[counted]}"


def mark_sql() -> Iterator[tuple[str, str]]:
    """For each table that has numbers of its own: its name, and the statement that gives the highest."""
    for table in GROWN:
        if table not in ("fulfillment_request_state", "fulfillment_request_number", "attention_item", "idempotency_key"):
            yield table, f"SELECT coalesce(max({_number(table)}), 0) AS n FROM {table}"


STRAYS = """SELECT (SELECT count(*) FROM fulfillment_request WHERE id <> order_id)
  + (SELECT count(*) FROM event WHERE seq > {low} AND subject NOT IN ('order', 'fulfillment_request'))
  + (SELECT count(*) FROM attention WHERE subject <> 'fulfillment_request')
  + (SELECT count(*) FROM attention_item WHERE subject <> 'fulfillment_request') AS n"""
"""How many rows do not fit what `_REFERENCES` says; `low`: the last event of the catalog."""


def _columns(table: str) -> list[str]:
    return [column.name for column in metadata.tables[table].columns]


def _statements(part: Part, series: str) -> Iterator[str]:
    """The statements of one step; {low} and {high} of `series` are filled in by the caller."""
    for table in GROWN:
        columns = _columns(table)
        values = ", ".join(_value(part, table, column) for column in columns)
        yield f"""INSERT INTO {table} ({", ".join(columns)}) SELECT {values} FROM {series} CROSS JOIN part_{table} t
          ORDER BY n, {", ".join(f"t.{key.name}" for key in metadata.tables[table].primary_key.columns)}"""


def _steps(part: Part) -> Iterator[tuple[int, int]]:
    for low in range(1, part.copies + 1, AT_ONCE):
        yield low, min(part.copies, low + AT_ONCE - 1)


def _ends(part: Part, table: str) -> int:
    shift = part.shifts[table]
    return part.high[table] + shift.first + (part.copies - 1) * shift.width


def _sums(copies: int) -> Iterator[str]:
    for table, columns in SUMS.items():
        yield f"UPDATE {table} SET " + ", ".join(f"{column} = {column} * {copies + 1}" for column in columns)


def _counter(last: Part) -> str:
    return f"UPDATE account_counter SET last_seq = {_ends(last, 'event')}, last_at = {_ends(last, TIME)}"


def sqlite(path: Path, parts: Sequence[Part]) -> None:
    """Copy the parts; no statistics are gathered, as the hub gathers none."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -1000000")
    db.execute("PRAGMA temp_store = MEMORY")
    # Built once from sorted entries, an index costs a fraction of what its growth would.
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for part in parts:
        for table in GROWN:
            db.execute(f"CREATE TEMP TABLE part_{table} AS SELECT * FROM {table} WHERE {_where(part, table)}")
        for name, _ in indexes if part is parts[0] else ():
            db.execute(f"DROP INDEX {name}")
        for low, high in _steps(part):
            series = f"(WITH RECURSIVE c(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM c WHERE n < {high}) SELECT n FROM c)"
            db.execute("BEGIN")
            for sql in _statements(part, series):
                db.execute(sql)
            db.execute("COMMIT")
        for table in GROWN:
            db.execute(f"DROP TABLE part_{table}")
    for sql in (*_sums(parts[0].copies), _counter(parts[-1]), *(sql for _, sql in indexes)):
        db.execute(sql)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


async def postgres(url: str, parts: Sequence[Part]) -> None:
    """Copy the parts. Nothing is analysed or vacuumed but by the server itself, whenever its autovacuum comes round."""
    # As a replica takes rows: without a look at what they refer to.
    swift = {"synchronous_commit": "off", "session_replication_role": "replica", "maintenance_work_mem": MEMORY}
    db = await asyncpg.connect(url, server_settings=swift)
    sql = """SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)"""
    indexes = await db.fetch(sql)
    for part in parts:
        for table in GROWN:
            await db.execute(f"CREATE TEMP TABLE part_{table} AS SELECT * FROM {table} WHERE {_where(part, table)}")
        for name, _ in indexes if part is parts[0] else ():
            await db.execute(f"DROP INDEX {name}")
        for low, high in _steps(part):
            async with db.transaction():
                for sql in _statements(part, f"generate_series({low}::bigint, {high}::bigint) AS c(n)"):
                    await db.execute(sql)
        for table in GROWN:
            await db.execute(f"DROP TABLE part_{table}")
    for sql in (*_sums(parts[0].copies), _counter(parts[-1]), *(row[1] for row in indexes)):
        await db.execute(sql)
    for table in GROWN:
        if "id" in metadata.tables[table].columns:
            sql = f"SELECT setval(s, (SELECT max(id) FROM {table})) FROM pg_get_serial_sequence('{table}', 'id') s WHERE s IS NOT NULL"
            await db.execute(sql)
    await db.execute("CHECKPOINT")
    await db.close()
