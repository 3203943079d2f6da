"""After secrets were encrypted: what was plain text before is cleared out of the database's files.

The migration leaves a row in `pending_task`; it is removed when the files are clean. A process that dies in between
leaves it, and the next start goes on.
"""

import logging
import sqlite3
from contextlib import closing

import asyncpg

from waypost.storage.examining import connect_postgres
from waypost.storage.location import CannotOpen, Location, PostgresLocation, SqliteLocation
from waypost.storage.sqlite_file import connect_patiently

VACUUM_SECRETS = "vacuum_secrets"
TRUNCATE_WAL = "truncate_wal"  # what is left to do then on SQLite, once the file is written anew
_IS_PENDING = f"SELECT count(*) FROM pending_task WHERE name = '{VACUUM_SECRETS}'"
_DONE = f"DELETE FROM pending_task WHERE name = '{VACUUM_SECRETS}'"
# PostgreSQL writes a table anew when a column gets another type by way of an expression, here the same type again. Only
# what the latest snapshot sees is copied. VACUUM FULL would copy what an older snapshot, of a pg_dump say, still sees.
_REWRITES = tuple(
    f"ALTER TABLE {table} ALTER COLUMN {column} TYPE text USING {column} || ''"
    for table, column in (("webhook", "secret"), ("source_delivery", "secrets"), ("idempotency_key", "outcome"))
)
WAIT_MS = 2000  # for who uses the tables; a start does not wait longer, nor does anybody behind it
_NOT_YET = "The database's files still hold secrets from before they were encrypted. The next start tries again: %s"

_log = logging.getLogger("waypost.database")


async def clear_plain_secrets(location: Location) -> None:
    """Rewrite the files so that they hold nothing but what the tables hold. What fails is logged, and done later."""
    try:
        if isinstance(location, SqliteLocation):
            _clear_sqlite(location)
        else:
            await _clear_postgres(location)
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, CannotOpen) as error:
        reason = error.message if isinstance(error, CannotOpen) else f"{type(error).__name__}: {error}"
        _log.warning(_NOT_YET, reason)


def _clear_sqlite(location: SqliteLocation) -> None:
    with closing(connect_patiently(location.path)) as db:
        db.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        if db.execute(_IS_PENDING).fetchone()[0]:
            db.execute("VACUUM")
            db.execute(f"UPDATE pending_task SET name = '{TRUNCATE_WAL}' WHERE name = '{VACUUM_SECRETS}'")
        if not db.execute(f"SELECT count(*) FROM pending_task WHERE name = '{TRUNCATE_WAL}'").fetchone()[0]:
            return
        # Only now is the old content gone: the WAL holds pages of before, and the database what VACUUM has replaced.
        busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("another process reads an older state of the database")
        db.execute(f"DELETE FROM pending_task WHERE name = '{TRUNCATE_WAL}'")


async def _clear_postgres(location: PostgresLocation) -> None:
    db = await connect_postgres(location)
    try:
        if not await db.fetchval(_IS_PENDING):
            return
        async with db.transaction():
            await db.execute(f"SET LOCAL lock_timeout = {WAIT_MS}")
            for sql in _REWRITES:
                await db.execute(sql)
            await db.execute(_DONE)
    finally:
        await db.close()
