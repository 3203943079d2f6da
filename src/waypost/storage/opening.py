"""Opening a database: find out what it holds, migrate it if it has to be, refuse what must not be touched.

An existing database is answered for within a fraction of a second: SQLAlchemy and Alembic are loaded only
when a migration has to run.
"""

import sqlite3
import time
from typing import TYPE_CHECKING

from waypost.app.ports import Clock, Store
from waypost.domain.refusals import Unavailable
from waypost.storage.examining import examine_postgres, examine_sqlite
from waypost.storage.location import (
    CannotOpen,
    Location,
    NoDatabase,
    SchemaTooOld,
    SqliteLocation,
    Unreachable,
    parse_url,
)
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.one_server import refuse_moved

if TYPE_CHECKING:
    from waypost.storage.migrations.run import Migrated

__all__ = ["CannotOpen", "migrate", "open_store", "parse_url", "revision_of"]


def _now() -> int:
    return time.time_ns() // 1000


async def open_store(
    url: str, migrate: bool = True, create: bool = True, plan: Plan = PLAN, clock: Clock = _now
) -> Store:
    """The store of a database, its schema at the plan's head.

    `migrate` allows an older schema to be brought up, `create` an empty database to be filled; otherwise, and
    for everything that cannot or must not be opened, raises `CannotOpen` with a sentence for a person.
    """
    location = parse_url(url)
    revision = await revision_of(location, plan)
    if revision is None and not create:
        raise missing(location)
    if revision != plan.head:
        if not migrate and revision is not None:
            raise _old(location, revision, plan)
        await _migrate(location, plan, clock)
    store = _open(location, plan)
    try:
        await store.keep_time()
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


async def migrate(url: str, plan: Plan = PLAN, clock: Clock = _now) -> "Migrated":
    """Bring a database, fresh or older, to the plan's head; what was done, which may be nothing."""
    location = parse_url(url)
    await revision_of(location, plan)
    return await _migrate(location, plan, clock)


async def _migrate(location: Location, plan: Plan, clock: Clock) -> "Migrated":
    from sqlalchemy.exc import OperationalError

    from waypost.storage.migrations import run  # heavy: see above

    if isinstance(location, SqliteLocation):
        try:
            return run.migrate_sqlite(location, plan, clock)
        except (OperationalError, sqlite3.OperationalError, OSError) as error:
            reason = error.orig if isinstance(error, OperationalError) else error
            raise Unreachable(f"{location.shown} cannot be made or migrated: {reason}.") from error
    return await run.migrate_postgres(location, plan)


def _open(location: Location, plan: Plan) -> Store:
    if isinstance(location, SqliteLocation):
        from waypost.storage.sqlite import SqliteStore

        try:
            return SqliteStore(location.path, plan.head)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"{location.shown} cannot be opened: {error}.") from error
    from waypost.storage.postgres import PostgresStore

    return PostgresStore(location.url, plan.head)


def missing(location: Location) -> NoDatabase:
    """Why a database that is not there cannot be used."""
    return NoDatabase(f"{location.shown} holds no Waypost database yet: `waypost migrate` makes one.")


def _old(location: Location, revision: str, plan: Plan) -> SchemaTooOld:
    return SchemaTooOld(
        f"{location.shown} has schema revision {revision}, older than {plan.head}: run `waypost migrate`."
    )
