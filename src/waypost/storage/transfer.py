"""Rows from PostgreSQL to SQLite and back, table by table, in bounded memory.

Both sides have the same tables and columns; only flags differ, which are numbers in SQLite.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from waypost.storage.copying import CopyFailed, Counts, counts_of, tables_of

FETCH = 1000  # rows at once
VERSIONS = "alembic_version"


def _data_tables(db: sqlite3.Connection) -> list[str]:
    return [table for table in tables_of(db) if table != VERSIONS]


def _columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]


@asynccontextmanager
async def whole_snapshot(db: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """A transaction that sees the database as of one moment, and keeps every table from being written anew meanwhile.

    A table that ALTER TABLE or TRUNCATE writes anew looks empty to an older snapshot. So all tables are locked before
    the snapshot is taken, which the first query does.
    """
    names = "SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables WHERE schemaname = current_schema()"
    tables = await db.fetchval(names)
    async with db.transaction(isolation="repeatable_read", readonly=True):
        await db.execute(f"LOCK TABLE {tables} IN ACCESS SHARE MODE")
        yield


async def unload_postgres(db: "asyncpg.Connection[Any]", copy: sqlite3.Connection) -> Counts:
    """Copy every row, as of one moment, into the empty tables of `copy`; how many rows each table has."""
    copy.execute("PRAGMA foreign_keys = OFF")
    copy.execute("BEGIN")
    counts = {VERSIONS: 1}
    async with whole_snapshot(db):
        for table in _data_tables(copy):
            counts[table] = await _unload(db, copy, table)
    copy.execute("COMMIT")
    return counts


async def _unload(db: "asyncpg.Connection[Any]", copy: sqlite3.Connection, table: str) -> int:
    names = _columns(copy, table)
    listed = ", ".join(f'"{name}"' for name in names)
    insert = f'INSERT INTO "{table}" ({listed}) VALUES ({", ".join("?" * len(names))})'
    cursor = await db.cursor(f'SELECT {listed} FROM "{table}"')
    written = 0
    while rows := await cursor.fetch(FETCH):
        copy.executemany(insert, [tuple(row) for row in rows])
        written += len(rows)
    expected = await db.fetchval(f'SELECT count(*) FROM "{table}"')
    if written != expected:
        raise CopyFailed(f"Of {expected} rows of {table}, {written} were read.")
    return written


async def is_empty(db: "asyncpg.Connection[Any]") -> bool:
    """Whether no table but Alembic's own holds a row."""
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> $1"
    for row in await db.fetch(sql, VERSIONS):
        if await db.fetchval(f'SELECT EXISTS (SELECT 1 FROM "{row[0]}")'):
            return False
    return True


async def load_postgres(db: "asyncpg.Connection[Any]", backup: sqlite3.Connection) -> Counts:
    """Copy every row of `backup` into empty tables and set the sequences, within the transaction of `db`."""
    tables = _in_order(backup)
    await db.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    if not await is_empty(db):
        raise CopyFailed("Somebody else has written to the database meanwhile: nothing was restored.")
    backup.execute("BEGIN")
    try:
        expected = counts_of(backup)
        for table in tables:
            await _load(db, backup, table)
            written = await db.fetchval(f'SELECT count(*) FROM "{table}"')
            if written != expected[table]:
                raise CopyFailed(f"Of {expected[table]} rows of {table}, {written} were written.")
    finally:
        backup.execute("ROLLBACK")
    return expected


def _in_order(backup: sqlite3.Connection) -> list[str]:
    """The tables of the backup, those that are referred to first."""
    from waypost.storage.schema import metadata  # takes a while to load

    tables = [table.name for table in metadata.sorted_tables]
    if sorted(tables) != _data_tables(backup):
        raise CopyFailed("The backup has other tables than this version of Waypost.")
    return tables


async def _load(db: "asyncpg.Connection[Any]", backup: sqlite3.Connection, table: str) -> None:
    names = _columns(backup, table)
    sql = """SELECT column_name, data_type = 'boolean', pg_get_serial_sequence($1, column_name)
      FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"""
    facts = {name: (is_flag, sequence) for name, is_flag, sequence in await db.fetch(sql, table)}
    flags = [place for place, name in enumerate(names) if facts[name][0]]
    await db.copy_records_to_table(table, records=_records(backup, table, names, flags), columns=names)
    for name, (_, sequence) in facts.items():
        if sequence is not None:
            last = f'SELECT max("{name}") FROM "{table}"'
            await db.execute(
                f"SELECT setval($1::text::regclass, last) FROM ({last}) AS t(last) WHERE last > 0", sequence
            )


def _records(
    backup: sqlite3.Connection, table: str, names: Sequence[str], flags: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, numbers made flags where PostgreSQL has flags."""
    listed = ", ".join(f'"{name}"' for name in names)
    for row in backup.execute(f'SELECT {listed} FROM "{table}"'):
        if flags:
            values = list(row)
            for place in flags:
                values[place] = None if values[place] is None else bool(values[place])
            row = tuple(values)
        yield row
