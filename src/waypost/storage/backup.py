"""Backup and restore of either engine, while others write. A backup is a SQLite file with the same schema.

So a backup is portable: what was taken from PostgreSQL can be restored to SQLite, and the other way round.
Every backup is of one moment, verified, and takes its name only when it is whole.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg

from waypost.app.ports import Clock
from waypost.private_files import make_private
from waypost.storage.copying import (
    BESIDE,
    CopyFailed,
    Counts,
    copy_into,
    copy_open,
    open_to_read,
    verify,
    written_whole,
)
from waypost.storage.examining import connect_postgres, examine_sqlite, holds_sqlite
from waypost.storage.key_check import needed_by_backup
from waypost.storage.key_file import key_file_of
from waypost.storage.location import (
    Location,
    NotOurs,
    PostgresLocation,
    SqliteLocation,
    Unreachable,
    parse_url,
)
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.one_server import held_by_this_process
from waypost.storage.opening import migrate, missing, revision_of
from waypost.storage.sealing import SecretBox
from waypost.storage.sqlite_connections import opened
from waypost.storage.transfer import is_empty, load_postgres, unload_postgres


class KeysNeeded(NamedTuple):
    """The keys without which the secrets in a backup cannot be read; no backup holds them. Ids of keys."""

    file: Path | None  # the key file that the database has or expects
    ids: tuple[str, ...]
    missing: tuple[str, ...]  # of these, what the file does not hold


class BackedUp(NamedTuple):
    """A backup that was made: the schema's revision, and how many rows each table has."""

    file: Path
    revision: str
    counts: Counts
    keys: KeysNeeded


class Restored(NamedTuple):
    """A restore that was done. `kept` is the database that was replaced, if there was one."""

    revision: str
    counts: Counts
    kept: Path | None
    keys: KeysNeeded


def _keys_needed(location: Location, backup: Path, key_file: Path | None) -> KeysNeeded:
    file, needed = key_file_of(location, key_file), needed_by_backup(backup)
    missing = needed - SecretBox(file).key_ids
    return KeysNeeded(None if file is None else file.path, tuple(sorted(needed)), tuple(sorted(missing)))


async def back_up(
    url: str, target: Path, force: bool, clock: Clock, plan: Plan = PLAN, key_file: Path | None = None
) -> BackedUp:
    """Write a backup of a database, at its own revision, to `target`.

    An existing `target` is replaced only with `force`. Raises `CannotOpen` or `CopyFailed`.
    """
    location = parse_url(url)
    revision = await revision_of(location, plan)
    if revision is None:
        raise missing(location)
    _refuse_target(location, target, force)
    if isinstance(location, SqliteLocation):
        try:
            db = open_to_read(location.path)
        except sqlite3.OperationalError as error:
            raise Unreachable(f"{location.shown} cannot be read: {error}.") from error
        with closing(db):
            counts = copy_open(db, target)
    else:
        counts = await _back_up_postgres(location, target, revision, clock, plan)
    return BackedUp(target, revision, counts, _keys_needed(location, target, key_file))


def _refuse_target(location: Location, target: Path, force: bool) -> None:
    if not target.parent.is_dir():
        raise CopyFailed(f"The directory {target.parent} does not exist.")
    if isinstance(location, SqliteLocation) and target.exists() and target.samefile(location.path):
        raise CopyFailed(f"{target} is the database itself: name another file for the backup.")
    if target.is_dir() or (target.exists() and not force):
        raise CopyFailed(f"{target} exists already: name another file, or replace it with --force.")


async def _back_up_postgres(
    location: PostgresLocation, target: Path, revision: str, clock: Clock, plan: Plan
) -> Counts:
    from waypost.storage.migrations.run import migrate_sqlite  # takes a while to load

    with written_whole(target) as part:
        migrate_sqlite(SqliteLocation(part), plan, clock, revision)
        with closing(opened(part)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")
            async with _connected(location) as db:
                counts = await unload_postgres(db, copy)
        return verify(part, counts)


@asynccontextmanager
async def _connected(location: PostgresLocation) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await connect_postgres(location)
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise CopyFailed(f"{location.shown} failed on the way: {error}.") from error
    finally:
        await connection.close()


async def restore(
    url: str, source: Path, force: bool, clock: Clock, plan: Plan = PLAN, key_file: Path | None = None
) -> Restored:
    """Put the backup in `source` in the place of a database.

    A SQLite database that is there is replaced only with `force`, and kept beside. Nobody else may have it open, and
    no server may run on its path, even if the file has gone. A PostgreSQL database must be empty. Raises
    `CannotOpen` or `CopyFailed`; then nothing has changed.
    """
    location = parse_url(url)
    revision = examine_sqlite(source, plan)
    if revision is None:
        raise NotOurs(f"{source} is not a backup of Waypost: it is empty or missing.")
    verify(source)
    keys = _keys_needed(location, source, key_file)
    if isinstance(location, SqliteLocation):
        counts, kept = _restore_sqlite(location, source, force, clock)
        return Restored(revision, counts, kept, keys)
    box = SecretBox(key_file_of(location, key_file))
    return Restored(plan.head, await _restore_postgres(location, source, revision, clock, plan, box), None, keys)


def _restore_sqlite(location: SqliteLocation, source: Path, force: bool, clock: Clock) -> tuple[Counts, Path | None]:
    path = location.path.resolve() if location.path.is_symlink() else location.path  # a link stays a link
    if path.exists() and path.samefile(source):
        raise CopyFailed(f"{source} is the database itself: there is nothing to restore.")
    if not path.parent.is_dir():
        raise CopyFailed(f"The directory {path.parent} does not exist.")
    with held_by_this_process(path):
        there = [one for one in (path, *_beside(path)) if one.exists()]
        if there and not force:
            kept_as = f"{there[0].name}.replaced.<time>"
            raise CopyFailed(f"{there[0]} exists already: --force replaces it, and keeps it as {kept_as}.")
        with _held_alone(path), written_whole(path) as part, closing(open_to_read(source)) as db:
            counts = copy_into(db, part)
            if path.exists():
                _belong_alike(part, path)
            kept = _keep(path, clock()) if there else None
    return counts, kept


def _belong_alike(part: Path, path: Path) -> None:
    """The server's user must be able to open what another user restores."""
    was = path.stat()
    with suppress(PermissionError):
        os.chown(part, was.st_uid, was.st_gid)


def _beside(path: Path) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in BESIDE]


@contextmanager
def _held_alone(path: Path) -> Iterator[None]:
    """Hold a SQLite file so that nobody else can open it, its WAL folded in; `Unreachable` if one has."""
    try:
        is_database = holds_sqlite(path)
    except NotOurs:
        is_database = False  # a broken one is replaced all the same
    if not is_database:
        yield
        return
    with ExitStack() as stack:
        try:
            db = stack.enter_context(closing(opened(path)))
            # Leaving WAL mode works only for the one who has the file open alone.
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Unreachable(
                f"{path} is open in another process: stop the server, or whatever uses it, and try again."
            ) from error
        except sqlite3.DatabaseError:
            pass  # damaged: there is nothing to hold
        yield


def _keep(path: Path, now: int) -> Path:
    """Give the database, and what belongs to it, another name; it stays in place until it is replaced."""
    moment = datetime.fromtimestamp(now // 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.name}.replaced.{moment}")
    for number in range(1, 1000):
        if not kept.exists():
            break
        kept = path.with_name(f"{path.name}.replaced.{moment}.{number}")
    if path.exists():
        try:
            kept.hardlink_to(path)
        except OSError:
            path.rename(kept)  # a file system without links: for a moment there is no database
    make_private(kept)
    key = path.with_name(f"{path.name}.key")
    if key.exists():  # the next database may need another one, which takes its place
        with written_whole(kept.with_name(f"{kept.name}.key")) as copy:
            copy.write_bytes(key.read_bytes())
    for file in _beside(path):
        if file.exists():
            make_private(file)
            file.rename(f"{kept}{file.name.removeprefix(path.name)}")
    return kept


async def _restore_postgres(
    location: PostgresLocation, source: Path, revision: str, clock: Clock, plan: Plan, box: SecretBox
) -> Counts:
    if await revision_of(location, plan) is not None:
        async with _connected(location) as db:
            await _refuse_data(db, location)
    await migrate(location.url, plan, clock)
    with TemporaryDirectory(prefix="waypost-restore-") as folder:
        current = source if revision == plan.head else _migrated_copy(source, Path(folder), plan, clock, box)
        async with _connected(location) as db:
            with closing(open_to_read(current)) as backup:
                async with db.transaction():
                    await _refuse_data(db, location)
                    return await load_postgres(db, backup)


async def _refuse_data(db: "asyncpg.Connection[Any]", location: PostgresLocation) -> None:
    if not await is_empty(db):
        raise CopyFailed(f"{location.shown} holds data already: restore into an empty database.")


def _migrated_copy(source: Path, folder: Path, plan: Plan, clock: Clock, box: SecretBox) -> Path:
    """A copy of an older backup, at the plan's head."""
    from waypost.storage.migrations.run import migrate_sqlite

    copy = folder / "backup.db"
    with closing(open_to_read(source)) as db:
        copy_open(db, copy)
    migrate_sqlite(SqliteLocation(copy), plan, clock, None, box)
    return copy
