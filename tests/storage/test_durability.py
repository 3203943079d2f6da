"""A change that was answered is on the disk: asked of every connection with which the hub writes, on both engines."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.database import rows, sqlite_path
from tests.support.filled import fill
from tests.support.keys import key_file_for
from tests.support.opened import Opened, connections_of_the_hub
from tests.support.postgres import PostgresServer
from waypost.app.accounts import create_account
from waypost.app.ports import Durability
from waypost.storage import clearing, postgres_connections, sqlite_disk
from waypost.storage.backup import back_up, restore
from waypost.storage.checking import evidence_of
from waypost.storage.examining import connect_postgres
from waypost.storage.key_file import KeyFile
from waypost.storage.location import PostgresLocation, Unreachable, parse_url
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import current_location, migrate, open_store
from waypost.storage.postgres import PostgresStore
from waypost.storage.rotation import rotate

OLDER = Plan(PLAN.revisions[:-1], PLAN.folders)
NOW = 1_776_643_200_000_000  # 2026-04-20T00:00:00Z in microseconds


async def use(url: str, folder: Path) -> None:
    """All that the hub does to a database that exists: opened, changed, tended, checked, backed up, its keys changed."""
    store = await open_store(url, key_file=key_file_for(url))
    await create_account(store, "Acme", NOW)
    await store.give_back_space()
    await store.ready()
    await store.close()
    async with evidence_of(await current_location(url), key_file_for(url)):
        pass
    await back_up(url, folder / "of.backup", True, lambda: NOW)
    await rotate(url, key_file_for(url))


# SQLite.


FULL = 2  # of `PRAGMA synchronous`, as SQLite documents it
WAITS_FOR_THE_DISK = {"synchronous": FULL, "fullfsync": 1, "checkpoint_fullfsync": 1}


def weak(seen: list[Opened]) -> list[Opened]:
    """The connections that would answer a commit before it is on the disk."""
    return [one for one in seen if {**one.pragmas, **WAITS_FOR_THE_DISK} != one.pragmas]


async def test_every_connection_to_a_sqlite_file_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    monkeypatch.setattr("waypost.storage.sqlite.log_is_long", lambda path: True)
    with connections_of_the_hub() as seen:
        await migrate(url, OLDER)
        await migrate(url)
        await use(url, tmp_path)
        await restore(url, tmp_path / "of.backup", True, lambda: NOW)
        sqlite_disk.connect_to_leave(sqlite_path(url)).close()
    assert weak(seen) == []
    by = {one.by for one in seen}
    assert by >= {"connect", "connect_patiently", "connect_to_leave", "copy_into", "open_to_read", "_held_alone"}
    of_the_hub = [one.pragmas for one in seen if one.by == "connect"]
    assert {one["journal_mode"] for one in of_the_hub} == {"wal"}
    assert {one["foreign_keys"] for one in of_the_hub} == {1}
    assert {one["query_only"] for one in of_the_hub} == {0, 1}
    assert {one.pragmas["journal_mode"] for one in seen if one.by == "connect_patiently"} == {"wal"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_every_connection_to_a_backup_of_postgresql_waits_for_the_disk(
    database_url: str, databases: Any, tmp_path: Path
) -> None:
    await fill(database_url)
    other = await databases.empty()
    with connections_of_the_hub() as seen:
        await back_up(database_url, tmp_path / "of.backup", False, lambda: NOW)
        await restore(other, tmp_path / "of.backup", False, lambda: NOW)
    await databases.drop(other)
    assert weak(seen) == []
    assert {one.by for one in seen} >= {"_back_up_postgres", "connect_patiently", "open_to_read"}


@pytest.mark.parametrize(
    ("name", "kept"), [("synchronous", 1), ("fullfsync", 0), ("checkpoint_fullfsync", 0), ("foreign_keys", 0)]
)
async def test_a_sqlite_that_does_not_accept_a_setting_is_refused(
    name: str, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says nothing about a pragma that it ignores. Here one sets it, and it stays as it was."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await migrate(url)
    really = sqlite3.connect

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            return super().execute(f"PRAGMA {name} = {kept}" if sql.startswith(f"PRAGMA {name} = ") else sql, *args)

    monkeypatch.setattr(sqlite3, "connect", partial(really, factory=Deaf))
    with pytest.raises(Unreachable, match=rf"does not accept {name} = \d: it keeps {kept}"):
        await open_store(url)


async def test_a_place_where_sqlite_keeps_no_wal_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on file systems whose files processes cannot share in memory: SQLite stays in another mode, and says nothing."""
    url = f"sqlite:///{tmp_path}/shop.db"
    await back_up(await _migrated(f"sqlite:///{tmp_path}/other.db"), tmp_path / "shop.db", False, lambda: NOW)
    really = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda name, **options: really(f"{name}&vfs=unix-dotfile", **options))
    with pytest.raises(Unreachable, match="cannot keep a WAL there"):
        await open_store(url)


async def _migrated(url: str) -> str:
    await migrate(url)
    return url


# Files that take their name when they are whole: keys, backups, restored databases.


@contextmanager
def synced() -> Iterator[set[int]]:
    """The inodes, of files and folders, that are waited for meanwhile."""
    seen: set[int] = set()
    really = os.fsync
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: (really(handle), seen.add(os.fstat(handle).st_ino))[0])
        yield seen


async def test_key_files_backups_and_restored_databases_are_on_the_disk_with_their_names(tmp_path: Path) -> None:
    url, folders = f"sqlite:///{tmp_path}/shop.db", {os.stat(tmp_path).st_ino}
    key, backup = tmp_path / "shop.db.key", tmp_path / "of.backup"
    await migrate(url)
    with synced() as seen:
        KeyFile(key).make()
    assert seen >= {key.stat().st_ino} | folders
    for change in ("add_first", "add_last"):
        with synced() as seen:
            getattr(KeyFile(key), change)()
        assert seen >= {key.stat().st_ino} | folders
    with synced() as seen:
        await back_up(url, backup, False, lambda: NOW)
    assert seen >= {backup.stat().st_ino} | folders
    with synced() as seen:
        done = await restore(url, backup, True, lambda: NOW)
    assert done.kept is not None
    kept_key = done.kept.with_name(f"{done.kept.name}.key")
    assert kept_key.read_bytes() == key.read_bytes()
    assert seen >= {sqlite_path(url).stat().st_ino, kept_key.stat().st_ino} | folders


# PostgreSQL.


# Notes each change with the setting that its commit sees. Not in the schema of the hub, which minds other tables.
WATCH = """CREATE SCHEMA watched;
CREATE TABLE watched.commits (what text, who text, how text);
CREATE FUNCTION watched.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO watched.commits
    VALUES ('rows', current_setting('application_name'), current_setting('synchronous_commit'));
  RETURN NULL; END $$;
CREATE FUNCTION watched.note_schema() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO watched.commits
    VALUES ('schema', current_setting('application_name'), current_setting('synchronous_commit')); END $$;
CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION watched.note_schema()"""
WATCH_ROWS = """DO $$ DECLARE it record; BEGIN
  FOR it IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER watched AFTER INSERT OR UPDATE OR DELETE ON %s
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION watched.note()', it.name);
  END LOOP; END $$"""


async def run(url: str, sql: str) -> None:
    """Run these statements on a connection that is not of the hub."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def set_default(url: str, where: str, value: str) -> None:
    """Set `synchronous_commit` for the database, or for its user in it."""
    names = (await rows(url, "SELECT current_database() AS database, current_user AS name"))[0]
    place = f'DATABASE "{names["database"]}"'
    if where == "user":
        place = f'ROLE "{names["name"]}" IN {place}'
    await run(url, f"ALTER {place} SET synchronous_commit = {value}")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("where", ["database", "user"])
async def test_every_commit_on_postgresql_waits_for_the_disk_whatever_the_default(
    where: str, database_url: str, tmp_path: Path
) -> None:
    """As the database sees it: a migration, a restore, changes, another key, secrets that are cleared out."""
    key_file, beside = key_file_for(database_url), f"sqlite:///{tmp_path}/shop.db"
    await fill(beside)
    await back_up(beside, tmp_path / "of.backup", False, lambda: NOW)
    await set_default(database_url, where, "off")
    await run(database_url, WATCH)
    await migrate(database_url, key_file=key_file)
    await run(database_url, WATCH_ROWS)
    await restore(database_url, tmp_path / "of.backup", False, lambda: NOW, key_file=key_file)
    await use(database_url, tmp_path)
    await run(database_url, f"INSERT INTO pending_task (name) VALUES ('{clearing.VACUUM_SECRETS}')")
    await clearing.clear_plain_secrets(parse_url(database_url))
    sql = "SELECT what, who, how, count(*) AS n FROM watched.commits WHERE who <> '' GROUP BY what, who, how"
    commits = await rows(database_url, sql)
    assert {one["how"] for one in commits} == {"on"}, commits
    assert {(one["what"], one["who"]) for one in commits} >= {
        ("schema", "waypost"), ("rows", "waypost"), ("rows", "waypost writer")
    }  # fmt: skip


async def seen_by_hub(url: str) -> set[str]:
    """`synchronous_commit` as the writing connection sees it, and one of those that commands open."""
    location = parse_url(url)
    assert isinstance(location, PostgresLocation)
    other = await connect_postgres(location)
    store = await open_store(url, key_file=key_file_for(url))
    assert isinstance(store, PostgresStore)
    try:
        return {await db.fetchval("SHOW synchronous_commit") for db in (other, await store._connection())}
    finally:
        await other.close()
        await store.close()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("value", ["on", "local", "remote_write", "remote_apply"])
async def test_what_waits_for_the_disk_stays_as_the_operator_wants_it(value: str, migrated_url: str) -> None:
    await set_default(migrated_url, "database", value)
    assert await seen_by_hub(migrated_url) == {value}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_url_cannot_weaken_commits(migrated_url: str) -> None:
    url = f"{migrated_url}{'&' if '?' in migrated_url else '?'}synchronous_commit=off"
    assert (await rows(url, "SHOW synchronous_commit"))[0] == {"synchronous_commit": "off"}
    assert await seen_by_hub(url) == {"on"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_server_that_does_not_let_commits_wait_is_refused(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may take the setting and not hand it on. Here the hub sets what does not help."""
    await set_default(migrated_url, "database", "off")
    monkeypatch.setattr(postgres_connections, "_SAFE", "off")
    with pytest.raises(Unreachable, match="keeps synchronous_commit = off"):
        await open_store(migrated_url)


async def test_a_server_whose_settings_change_is_noticed() -> None:
    """By a reload, which every connection hears of: the writing one stays as it was, and the operator is told."""
    safe = {"fsync": None, "full_page_writes": None, "synchronous_commit": None}
    with PostgresServer() as server:
        url = await server.create("weak")
        store = await open_store(url)
        assert isinstance(store, PostgresStore)
        writer, plain = await store._connection(), await asyncpg.connect(url)
        try:
            assert await store.durability() == Durability()
            await server.configure(synchronous_commit="off")
            assert await plain.fetchval("SHOW synchronous_commit") == "off"
            assert await writer.fetchval("SHOW synchronous_commit") == "on"
            found = await store.durability()
            assert (found.warnings, len(found.notes)) == ((), 1)
            await server.configure(fsync="off", full_page_writes="off")
            found = await store.durability()
            assert ["fsync = off" in found.warnings[0], "full_page_writes = off" in found.warnings[1]] == [True, True]
            await server.configure(**safe)
            assert await store.durability() == Durability()
        finally:
            await plain.close()
            await store.close()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (("off", "on", "on"), ["fsync = off"]), (("on", "off", "on"), ["full_page_writes = off"]),
        (("off", "off", "off"), ["fsync = off", "full_page_writes = off"]), (("on", "on", "on"), []),
    ],
)  # fmt: skip
def test_what_a_crash_may_lose_is_named(settings: tuple[str, str, str], named: list[str]) -> None:
    found = postgres_connections.judged(*settings)
    assert [any(name in warning for warning in found.warnings) for name in named] == [True] * len(named)
    assert len(found.warnings) == len(named)
