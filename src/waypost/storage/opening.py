"""Opening a database: find out what it holds, migrate it if it has to be, refuse what must not be touched.

An existing database is answered for within a fraction of a second: SQLAlchemy and Alembic are loaded only
when a migration has to run.
"""

import glob
import logging
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.app.ports import Clock, Store
from waypost.domain.refusals import Unavailable
from waypost.private_files import make_private
from waypost.storage.clearing import clear_plain_secrets
from waypost.storage.copying import BESIDE
from waypost.storage.examining import examine_postgres, examine_sqlite
from waypost.storage.key_check import require_keys
from waypost.storage.key_file import key_file_of
from waypost.storage.location import (
    CannotOpen,
    Location,
    NoDatabase,
    SchemaTooOld,
    SqliteLocation,
    Unreachable,
    parse_url,
)
from waypost.storage.migrations import PLAN, SEALED_SINCE, Plan
from waypost.storage.one_server import refuse_moved
from waypost.storage.sealing import SecretBox
from waypost.storage.sqlite_file import forget_statistics

if TYPE_CHECKING:
    from waypost.storage.migrations.run import Migrated
    from waypost.storage.postgres import PostgresStore
    from waypost.storage.sqlite import SqliteStore

PLAIN_BACKUP = (
    "%s, the backup made before this migration, holds webhook secrets and credentials of sources as plain text: delete"
    " it as soon as you do not need it any more."
)

_log = logging.getLogger("waypost.database")

__all__ = ["CannotOpen", "migrate", "open_store", "parse_url", "revision_of"]


def _now() -> int:
    return time.time_ns() // 1000


async def open_store(
    url: str, migrate: bool = True, create: bool = True, plan: Plan = PLAN, clock: Clock = _now,
    key_file: Path | None = None, needs_secrets: bool = True,
) -> Store:  # fmt: skip
    """The store of a database, its schema at the plan's head; its files are made private.

    `migrate` allows an older schema to be brought up, `create` an empty database to be filled; otherwise, and
    for everything that cannot or must not be opened, raises `CannotOpen` with a sentence for a person.
    `key_file` is the one that is given; without one SQLite has its own. `needs_secrets`: the keys must fit, too.
    """
    location = parse_url(url)
    revision = await revision_of(location, plan)
    if revision is None and not create:
        raise missing(location)
    _make_private(location)
    if revision != plan.head:
        if not migrate and revision is not None:
            raise _old(location, revision, plan)
        await _migrate(location, plan, clock, key_file)
    box = SecretBox(key_file_of(location, key_file))
    if isinstance(location, SqliteLocation):
        forget_statistics(location.path)
    store = _open(location, plan, box)
    try:
        await store.keep_time()
        if needs_secrets and plan.head >= SEALED_SINCE:
            await clear_plain_secrets(location)
            await require_keys(store.reads, box)
    except CannotOpen:
        await store.close()
        raise
    except Unavailable as error:
        await store.close()
        raise Unreachable(f"{location.shown} cannot be read: {error.message}") from error
    return store


async def revision_of(location: Location, plan: Plan = PLAN) -> str | None:
    """The revision a database stands at, None when there is nothing yet; raises `CannotOpen`."""
    if isinstance(location, SqliteLocation):
        refuse_moved(location.path)
        return examine_sqlite(location.path, plan)
    return await examine_postgres(location, plan)


async def current_location(url: str, plan: Plan = PLAN) -> Location:
    """The place of a database that exists and is up to date; raises `CannotOpen`."""
    location = parse_url(url)
    revision = await revision_of(location, plan)
    if revision is None:
        raise missing(location)
    if revision != plan.head:
        raise _old(location, revision, plan)
    return location


async def migrate(url: str, plan: Plan = PLAN, clock: Clock = _now, key_file: Path | None = None) -> "Migrated":
    """Bring a database, fresh or older, to the plan's head; what was done, which may be nothing."""
    location = parse_url(url)
    await revision_of(location, plan)
    _make_private(location)
    return await _migrate(location, plan, clock, key_file)


async def _migrate(location: Location, plan: Plan, clock: Clock, key_file: Path | None) -> "Migrated":
    box = SecretBox(key_file_of(location, key_file))
    done = await _upgraded(location, plan, clock, box)
    if done.before is not None and done.after >= SEALED_SINCE:
        await clear_plain_secrets(location)
    if done.left_plain:
        _log.warning(PLAIN_BACKUP, done.backup)
    return done


async def _upgraded(location: Location, plan: Plan, clock: Clock, box: SecretBox) -> "Migrated":
    from sqlalchemy.exc import OperationalError

    from waypost.storage.migrations import run  # heavy: see above

    if isinstance(location, SqliteLocation):
        try:
            return run.migrate_sqlite(location, plan, clock, None, box)
        except (OperationalError, sqlite3.OperationalError, OSError) as error:
            reason = error.orig if isinstance(error, OperationalError) else error
            raise Unreachable(f"{location.shown} cannot be made or migrated: {reason}.") from error
    return await run.migrate_postgres(location, plan, None, box)


def _make_private(location: Location) -> None:
    """A database that an older version, or a copy, left open to others is closed to them, with its kept copies."""
    if isinstance(location, SqliteLocation):
        path = location.path.resolve()
        beside = [Path(f"{path}{suffix}") for suffix in BESIDE]
        name = glob.escape(path.name)
        copies = [*path.parent.glob(f"{name}.*.backup"), *path.parent.glob(f"{name}.replaced.*")]
        for file in (path, *beside, *copies):
            if not make_private(file):
                _log.warning("Other users can read %s: its owner must run chmod 600 on it.", file)


def _open(location: Location, plan: Plan, box: SecretBox) -> "SqliteStore | PostgresStore":
    if isinstance(location, SqliteLocation):
        from waypost.storage.sqlite import SqliteStore

        try:
            return SqliteStore(location.path, plan.head, box)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"{location.shown} cannot be opened: {error}.") from error
    from waypost.storage.postgres import PostgresStore

    return PostgresStore(location.url, plan.head, box)


def missing(location: Location) -> NoDatabase:
    """Why a database that is not there cannot be used."""
    return NoDatabase(f"{location.shown} holds no Waypost database yet: `waypost migrate` makes one.")


def _old(location: Location, revision: str, plan: Plan) -> SchemaTooOld:
    return SchemaTooOld(
        f"{location.shown} has schema revision {revision}, older than {plan.head}: run `waypost migrate`."
    )
