"""Brings a database to a revision of the plan: all of it in one transaction, or nothing, under a lock.

Imports SQLAlchemy and Alembic, which takes a while: only a start that has to migrate loads this.
"""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from waypost.app.ports import Clock
from waypost.storage.copying import copy_open, open_to_read, remove_left_over
from waypost.storage.examining import (
    connect_postgres,
    holds_sqlite,
    postgres_revision,
    sqlite_revision,
)
from waypost.storage.location import PostgresLocation, SqliteLocation, Unreachable
from waypost.storage.migrations import Plan
from waypost.storage.queries.proof import SCHEMA_LOCK
from waypost.storage.sqlite_file import is_busy, patiently

LOCK_WAIT_S = 30.0


class Migrated(NamedTuple):
    """What a migration did. `before`: None for a fresh database; `backup`: what it kept of a SQLite file."""

    before: str | None
    after: str
    backup: Path | None = None


def migrate_sqlite(location: SqliteLocation, plan: Plan, clock: Clock, target: str | None = None) -> Migrated:
    """Migrate a SQLite file, after a backup beside it unless it is fresh. `clock` is microseconds."""
    path, after = location.path, target or plan.head
    remove_left_over(path)
    if not holds_sqlite(path):
        path.touch()
    engine = create_engine("sqlite://", creator=lambda: _open_to_migrate(path), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            before = sqlite_revision(driver, plan, location.shown)
            if before == after:
                return Migrated(before, after)
            backup = None if before is None else _back_up(path, before, clock())
            _upgrade(connection, plan, after)
            return Migrated(before, after, backup)
    finally:
        engine.dispose()


def _open_to_migrate(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode, which waits for others."""
    db = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_S)
    try:
        patiently(lambda: db.execute("PRAGMA journal_mode = WAL"), LOCK_WAIT_S)
        db.execute("PRAGMA synchronous = FULL")
    except BaseException as error:
        db.close()
        if is_busy(error):
            raise Unreachable(f"{path} is held by another process.") from error
        raise
    return db


def _back_up(path: Path, revision: str, now: int) -> Path:
    """A copy as of now; nobody can write, as the caller holds the lock."""
    moment = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.{revision}.{moment}.backup")
    with closing(open_to_read(path)) as db:
        copy_open(db, target)
    return target


async def migrate_postgres(location: PostgresLocation, plan: Plan, target: str | None = None) -> Migrated:
    """Migrate a PostgreSQL database. Of several that start at once, one does it, the others wait."""
    after = target or plan.head

    async def connect(*_: Any, **__: Any) -> "asyncpg.Connection[Any]":
        return await connect_postgres(location)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            async with connection.begin():
                # Who writes holds the other side of it, see `queries.proof`.
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                before = await postgres_revision(driver, plan, location.shown)
                if before != after:
                    await connection.run_sync(_upgrade, plan, after)
            return Migrated(before, after)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, plan: Plan, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", _literal(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", _literal(*plan.folders))
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def _literal(*paths: Path) -> str:
    """Paths for a configuration in which a percent sign has a meaning."""
    return os.pathsep.join(map(str, paths)).replace("%", "%%")
