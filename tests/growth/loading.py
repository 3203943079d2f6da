"""Copies the blocks of a template so often as a size asks for, and loads all rows in bulk."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import Boolean

from tests.growth import one_thing
from tests.growth.crowd import SHARED
from tests.growth.template import SOURCES, SPREAD, Rows, Template
from waypost.storage.key_file import KeyFile
from waypost.storage.references import references
from waypost.storage.schema import metadata
from waypost.storage.sealing import Place, SecretBox

PAST_PER_TODAY = 9  # copies of the past for each of today
MINUTE = 60_000_000
FILLED = 70  # per cent of an index page
# Texts that must differ from copy to copy, or that lead from one row to another.
_OWN = ("sku", "upc", "order_number", "reference_number", "number", "external_id", "external_listing_id", "message_id",
        "key", "tracking_number", "invoice_number", "digest")  # fmt: skip
_SAME = (SHARED, *one_thing.SKUS)  # what does not
_NAMED = ("source", "channel", "source_shipping_method", "shipping_policy", "channel_shipping_method", "routing_group")
# What a number means that no foreign key explains.
_IDS = {"source_id": "source", "channel_id": "channel", "routing_decision_id": "routing_decision", "listing_variant_id": "listing_variant", "order_id": "orders",
        "product_variant_id": "product_variant", "inventory_variant_id": "inventory_variant",
        "parent_id": "inventory_parent"}  # fmt: skip
_SUBJECTS = {"order": "orders"}  # other subjects are called as their tables
_SEQS = ("released_seq", "seq")
_SUMS = ("version", "attempt_count", "committed")  # the others of `_gathered` are times
_TIMES = ("at", "since", "status_since", "lease_until", "waits_until")

Value = Callable[[Any], Any]


class Copy(NamedTuple):
    """What one copy of a block adds to ids (by table), event numbers and times, and how it spells texts."""

    offsets: dict[str, int]
    seqs: int
    time: int
    suffix: str
    spread: int  # the source that stands in for `SPREAD`

    def id(self, table: str, of: int) -> int:
        """The id in this copy of a row of the block."""
        return of + self.offsets.get(table, 0)

    def text(self, of: str) -> str:
        """A SKU or number as it is in this copy."""
        return f"{of}{self.suffix}"


class Plan(NamedTuple):
    """A size: all rows but the account's own, table by table, and the copy of today that measured calls are about."""

    rows: dict[str, list[tuple[Any, ...]]]
    target: Copy
    last_seq: int
    last_at: int
    middle_at: int  # half of all was written later
    first_ids: dict[str, int]  # of what is not the account's own, by table
    span: int  # so much older are the account's own rows than the template's


class _Block:
    """A block with what must be known of it to copy it."""

    def __init__(self, rows: Rows) -> None:
        self.rows = {table: rows.get(table, []) for table in (one.name for one in metadata.sorted_tables)}
        ids = {table: [row["id"] for row in found] for table, found in self.rows.items() if found and "id" in found[0]}
        ids["fulfillment_request_state"] = ids["fulfillment_request"]
        self.first = {table: min(found) for table, found in ids.items()}
        self.last = {table: max(found) for table, found in ids.items()}
        self.first_seq = min(row["seq"] for row in self.rows["event"])
        self.events = max(row["seq"] for row in self.rows["event"]) - self.first_seq + 1
        self.at = max(row["at"] for row in self.rows["event"])

    def has(self, table: str, id_: int) -> bool:
        return table in self.first and self.first[table] <= id_ <= self.last[table]


def _targets() -> dict[tuple[str, str], str]:
    """The table that a column's numbers are ids of."""
    found = {(table.name, name): target for table in metadata.sorted_tables
             for name, target in _IDS.items() if name in table.c}  # fmt: skip
    found.update({(table, column): target for table, column, target, _ in references()})
    return found


def plan(template: Template, count: int) -> Plan:
    """`count` requests, in whole blocks of both kinds."""
    blocks = count // len(template.past["fulfillment_request"])
    todays = max(1, blocks // (PAST_PER_TODAY + 1))
    parts = [_Block(template.past)] * (blocks - todays) + [_Block(template.today)] * todays
    targets, box = _targets(), SecretBox(KeyFile(template.key_file))
    rows: dict[str, list[tuple[Any, ...]]] = {table.name: [] for table in metadata.sorted_tables}
    next_id = {name: max((row["id"] for row in found if "id" in row), default=0) + 1
               for name, found in template.base.items() if name in rows}  # fmt: skip
    first_ids = dict(next_id)
    next_seq = max(row["seq"] for row in template.base["event"] if row["account_id"] == 1) + 1
    made: list[Copy] = []
    for place, block in enumerate(parts):
        offsets = {table: next_id[table] - first for table, first in block.first.items() if table in next_id}
        offsets["fulfillment_request_state"] = offsets["fulfillment_request"]
        spread = SPREAD + place % (SOURCES - SPREAD + 1)
        copy = Copy(offsets, next_seq - block.first_seq, (place + 1 - len(parts)) * MINUTE, f"~{place}", spread)
        for table in metadata.sorted_tables:
            if table.name == "attention_group":
                continue  # sums of what all blocks have
            rows[table.name] += _copied(table.name, block, copy, targets, box)
        for table, last in block.last.items():
            if table in next_id:
                next_id[table] = last + offsets[table] + 1
        next_seq += block.events
        made.append(copy)
    rows["attention_group"] = _groups(rows["attention_item"])
    last_at = max(row[[*metadata.tables["event"].columns.keys()].index("at")] for row in rows["event"])
    middle_at = last_at - len(parts) // 2 * MINUTE
    return Plan(rows, made[len(parts) - todays + todays // 2], next_seq - 1, last_at, middle_at, first_ids, len(parts) * MINUTE)


def _groups(items: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What the hub counts: how many items each account, source, code and `care` has, and how many each assignee."""
    columns = metadata.tables["attention_item"].columns.keys()
    names = [columns.index(name) for name in ("account_id", "source_id", "code", "care", "assignee")]
    counted = Counter(
        (account_id, whose, *spot)
        for account_id, *spot, assignee in (tuple(item[place] for place in names) for item in items)
        for whose in {"", assignee or ""}
    )
    return [(*group, total) for group, total in counted.items()]


def _copied(
    table: str, block: _Block, copy: Copy, targets: dict[tuple[str, str], str], box: SecretBox
) -> Iterator[tuple[Any, ...]]:
    """The rows of one table of a block, as they are in this copy. A secret is bound to its row: each has its own."""
    columns = metadata.tables[table].columns.keys()
    numbered = table in block.first and table in copy.offsets
    for row in block.rows[table]:
        found = []
        for name in columns:
            value = row[name]
            if value is None:
                pass
            elif name == "id" and numbered:
                value += copy.offsets[table]
            elif name == "secret":
                value = box.seal(Place(table, name, copy.id(table, row["id"])), "whsec_AAAA")
            elif name == "source_id" and value == SPREAD:
                value = copy.spread
            elif (target := targets.get((table, name))) is not None or name == "subject_id":
                target = target or _SUBJECTS.get(row["subject"], row["subject"])
                if table == "listing_variant" and name == "parent_id":
                    target = "listing_parent"
                if block.has(target, value):
                    value += copy.offsets[target]
            elif (name in _OWN or (name == "name" and table in _NAMED)) and isinstance(value, str) and value not in _SAME:
                value = copy.text(value)
            elif name == "number" and table == "handover_attempt" and not block.has("fulfillment_request", row["request_id"]):
                value = copy.id(table, row["id"])  # of a request that all copies are about
            elif name in _SEQS:
                value += copy.seqs
            elif _is_time(name) and not (name == "waits_until" and value == 0):
                value += copy.time
            found.append(value)
        yield tuple(found)


def _is_time(column: str) -> bool:
    return column.endswith("_at") or column in _TIMES


def load_sqlite(template: Template, planned: Plan, empty: Path, path: Path) -> None:
    """Into a copy of a file that has the schema. Indexes are built once, from what is there."""
    shutil.copyfile(empty, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
            db.execute(f"PRAGMA {pragma}")
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        indexes = db.execute(sql).fetchall()
        db.execute("BEGIN")
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        for table, rows in _all(template, planned):
            if rows:
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        for _, text in indexes:
            db.execute(text)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")


async def load_postgres(template: Template, planned: Plan, url: str) -> None:
    """Into a database that has the schema. No statistics are gathered behind the measuring's back."""
    db = await asyncpg.connect(url, server_settings={"session_replication_role": "replica", "synchronous_commit": "off"})
    try:
        sql = """SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)"""
        indexes, definitions = await db.fetch(sql), []
        for (name,) in indexes:
            # Room in each page: one that is full is looked through for old rows before it is split, which some call or
            # another would be charged for.
            await db.execute(f"ALTER INDEX {name} SET (fillfactor = {FILLED})")
            definitions.append(await db.fetchval("SELECT pg_get_indexdef($1::regclass)", name))
            await db.execute(f"DROP INDEX {name}")
        for table, rows in _all(template, planned):
            await db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
            columns = metadata.tables[table].columns
            flags = [place for place, column in enumerate(columns) if isinstance(column.type, Boolean)]
            await db.copy_records_to_table(table, records=_with_flags(rows, flags), columns=columns.keys())
            if any(name == "id" for name in columns.keys()):  # noqa: SIM118 - of columns, not of names
                sequence = await db.fetchval("SELECT pg_get_serial_sequence($1, 'id')", table)
                if sequence is not None:
                    await db.execute(f"SELECT setval('{sequence}', (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)")
        for definition in definitions:
            await db.execute(definition)
    finally:
        await db.close()


def _with_flags(rows: Sequence[tuple[Any, ...]], flags: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        changed = list(row)
        for place in flags:
            changed[place] = None if row[place] is None else bool(row[place])
        yield tuple(changed)


def _all(template: Template, planned: Plan) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Every table with all its rows, in an order in which each refers only to what is there."""
    gathered = _gathered(planned)
    for table in metadata.sorted_tables:
        base = [dict(row) for row in template.base.get(table.name, [])]
        for row in base:
            for name in (name for name in row if _is_time(name) and row[name]):
                row[name] -= planned.span
            if table.name == "account_counter" and row["account_id"] == 1:
                row |= {"last_seq": planned.last_seq, "last_at": planned.last_at}
            if table.name == "webhook":
                row["cursor"] = planned.last_seq
            for name, value in gathered.get((table.name, row.get("id")), {}).items():
                row[name] = row[name] + value if name in _SUMS else value
        yield table.name, [tuple(row[name] for name in table.columns.keys()) for row in base] + planned.rows[table.name]  # noqa: SIM118


def _gathered(planned: Plan) -> dict[tuple[str, Any], dict[str, int]]:
    """What all copies together did to things that are the account's own: what is added to numbers, and the last times."""
    found: dict[tuple[str, Any], dict[str, int]] = {}
    own = planned.first_ids
    for row in _named("event", planned):
        if row["subject"] == "fulfillment_request" and row["subject_id"] < own["fulfillment_request"]:
            state = found.setdefault(("fulfillment_request_state", row["subject_id"]), {"version": 0, "attempt_count": 0})
            state["version"] += 1
            state["attempt_count"] += row["to_status"] == "processing"
            state["modified_at"] = row["at"]
            if row["to_status"] != row["from_status"]:
                state["status_since"] = row["at"]
    for row in _named("stock_ledger", planned):
        if row["variant_id"] < own["inventory_variant"]:
            variant = found.setdefault(("inventory_variant", row["variant_id"]), {"committed": 0})
            variant["committed"] += row["committed"] - row["released"]
    return found


def _named(table: str, planned: Plan) -> Iterator[dict[str, Any]]:
    names = metadata.tables[table].columns.keys()
    return (dict(zip(names, row, strict=True)) for row in planned.rows[table])
