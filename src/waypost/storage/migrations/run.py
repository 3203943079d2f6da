"""Brings a database to a revision of the plan: all of it in one transaction, or nothing, under a lock.

Imports SQLAlchemy and Alembic, which takes a while: only a start that has to migrate loads this.
"""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from waypost.app.ports import Clock
from waypost.storage.copying import copy_open, open_to_read, remove_left_over
from waypost.storage.examining import holds_sqlite, postgres_revision, sqlite_revision
from waypost.storage.exclusive import exclusive_postgres, exclusive_sqlite, make_sqlite
from waypost.storage.location import PostgresLocation, SqliteLocation
from waypost.storage.migrations import SEALED_SINCE, Plan
from waypost.storage.sealing import SecretBox


class Migrated(NamedTuple):
    """What a migration did. `before`: None for a fresh database; `backup`: what it kept of a SQLite file."""

    before: str | None
    after: str
    backup: Path | None = None

    @property
    def left_plain(self) -> bool:
        """Whether the backup that it kept holds secrets as plain text."""
        return self.backup is not None and (self.before or "") < SEALED_SINCE <= self.after


def migrate_sqlite(
    location: SqliteLocation, plan: Plan, clock: Clock, target: str | None = None, box: SecretBox | None = None
) -> Migrated:
    """Migrate a SQLite file, after a backup beside it unless it is fresh. `clock` is microseconds."""
    path, after = location.path, target or plan.head
    remove_left_over(path)
    if not holds_sqlite(path):
        make_sqlite(path)
    with exclusive_sqlite(path) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        before = sqlite_revision(driver, plan, location.shown)
        if before == after:
            return Migrated(before, after)
        backup = None if before is None else _back_up(path, before, clock())
        _upgrade(connection, plan, after, box or SecretBox())
        return Migrated(before, after, backup)


def _back_up(path: Path, revision: str, now: int) -> Path:
    """A copy as of now; nobody can write, as the caller holds the lock."""
    moment = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = path.with_name(f"{path.name}.{revision}.{moment}.backup")
    with closing(open_to_read(path)) as db:
        copy_open(db, target)
    return target


async def migrate_postgres(
    location: PostgresLocation, plan: Plan, target: str | None = None, box: SecretBox | None = None
) -> Migrated:
    """Migrate a PostgreSQL database. Of several that start at once, one does it, the others wait."""
    after = target or plan.head
    async with exclusive_postgres(location) as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        before = await postgres_revision(driver, plan, location.shown)
        if before != after:
            await connection.run_sync(_upgrade, plan, after, box or SecretBox())
    return Migrated(before, after)


def _upgrade(connection: Connection, plan: Plan, target: str, box: SecretBox) -> None:
    config = Config()
    config.set_main_option("script_location", _literal(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", _literal(*plan.folders))
    config.attributes["connection"] = connection
    config.attributes["box"] = box
    command.upgrade(config, target)


def _literal(*paths: Path) -> str:
    """Paths for a configuration in which a percent sign has a meaning."""
    return os.pathsep.join(map(str, paths)).replace("%", "%%")
