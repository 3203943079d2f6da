"""What a database holds, found out before anything is written to it: nothing, our schema, or something else.

Plain SQL on the drivers, since this runs at every start.
"""

import asyncio
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from waypost.storage.copying import open_to_read, tables_of
from waypost.storage.location import (
    CannotOpen,
    NoDatabase,
    NotOurs,
    PostgresLocation,
    SchemaTooNew,
    Unreachable,
)
from waypost.storage.migrations import Plan
from waypost.storage.postgres_connections import opened

MAGIC = b"SQLite format 3\0"
CONNECT_TIMEOUT_S = 5.0
EXAMINE_TIMEOUT_S = 10.0
OLDEST_POSTGRES = 14
_OURS = "fulfillment_request"  # the table that tells our database from another that uses Alembic
_VERSIONS = "alembic_version"


def judge(revisions: Collection[str], tables: Collection[str], plan: Plan, shown: str) -> str | None:
    """The revision that a database stands at, None for an empty one; raises for what must not be touched."""
    others = set(tables) - {_VERSIONS}
    if not others and not revisions:
        return None
    if _OURS not in others or not revisions:
        raise NotOurs(f"{shown} holds tables, but not those of Waypost; it was not touched.")
    revision = ", ".join(sorted(revisions))
    if revision not in plan.revisions:
        raise SchemaTooNew(
            f"{shown} has schema revision {revision}, and this version of Waypost knows none after "
            f"{plan.head}: a newer version wrote it, so run that one, or restore a backup."
        )
    return revision


def examine_sqlite(path: Path, plan: Plan) -> str | None:
    """The revision of a SQLite file; None when it is missing or empty. Leaves other files as they are."""
    if not holds_sqlite(path):
        return None
    try:
        with closing(open_to_read(path)) as db:
            return sqlite_revision(db, plan, str(path))
    except sqlite3.OperationalError as error:
        raise Unreachable(f"{path} cannot be read: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise NotOurs(f"{path} is damaged, or no SQLite database: {error}.") from error


def holds_sqlite(path: Path) -> bool:
    """Whether there is a SQLite database; False for a missing or empty file, raises for anything else."""
    if not path.parent.is_dir():
        raise NoDatabase(f"The directory {path.parent} does not exist.")
    if path.is_dir():
        raise NotOurs(f"{path} is a directory, not a database file.")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except FileNotFoundError:
        start = b""
    except OSError as error:
        raise Unreachable(f"{path} cannot be read: {error.strerror}.") from error
    if start and start != MAGIC:
        raise NotOurs(f"{path} is not a SQLite database; it was not touched.")
    if not start:
        _refuse_stray_log(path)
    return bool(start)


def _refuse_stray_log(path: Path) -> None:
    """Where a database is missing, its WAL may hold changes that a new database in its place would destroy."""
    log = Path(f"{path}-wal")
    try:
        size = log.stat().st_size
    except OSError:
        return
    if size:
        what_to_do = f"put {path.name} back, or move {log.name} away if you do not need what it holds"
        raise NotOurs(f"{path} is missing or empty, but its WAL is there ({log}): {what_to_do}.")


def sqlite_revision(db: sqlite3.Connection, plan: Plan, shown: str) -> str | None:
    """As `judge`, of an open database."""
    tables = set(tables_of(db))
    rows = db.execute(f"SELECT version_num FROM {_VERSIONS}").fetchall() if _VERSIONS in tables else []
    return judge([row[0] for row in rows], tables, plan, shown)


async def examine_postgres(location: PostgresLocation, plan: Plan) -> str | None:
    """The revision of a PostgreSQL database; None when it is empty."""
    db = await connect_postgres(location)
    try:
        async with asyncio.timeout(EXAMINE_TIMEOUT_S):
            return await postgres_revision(db, plan, location.shown)
    except TimeoutError as error:
        within = f"within {EXAMINE_TIMEOUT_S:g} seconds"
        raise Unreachable(f"{location.shown} does not answer {within}: something may hold a lock there.") from error
    finally:
        db.terminate()


async def connect_postgres(location: PostgresLocation, **settings: str) -> "asyncpg.Connection[Any]":
    """A connection, or `Unreachable` with the reason and without the password."""
    try:
        db = await opened(location.url, {"application_name": "waypost", **settings}, CONNECT_TIMEOUT_S)
    except asyncpg.InvalidCatalogNameError as error:
        raise NoDatabase(f"{location.shown} does not exist: create the database first.") from error
    except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise Unreachable(f"{location.shown} cannot be reached: {_reason(location, error)}.") from error
    if db.get_server_version().major < OLDEST_POSTGRES:
        await db.close()
        raise CannotOpen(f"{location.shown} is older than PostgreSQL {OLDEST_POSTGRES}, the oldest supported.")
    return db


def _reason(location: PostgresLocation, error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT_S:g} seconds"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return location.without_password(text.splitlines()[0] if text else type(error).__name__).rstrip(".")


async def postgres_revision(db: "asyncpg.Connection[Any]", plan: Plan, shown: str) -> str | None:
    """As `judge`, of an open database, on the schema that new tables would go to."""
    if await db.fetchval("SHOW server_encoding") != "UTF8":
        raise CannotOpen(f"{shown} does not store text as UTF-8: create the database with ENCODING 'UTF8'.")
    sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    tables = {row[0] for row in await db.fetch(sql)}
    rows = await db.fetch(f"SELECT version_num FROM {_VERSIONS}") if _VERSIONS in tables else []
    return judge([row[0] for row in rows], tables, plan, shown)
