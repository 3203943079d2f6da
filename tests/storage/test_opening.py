"""Opening a database: what is accepted, what is refused, and that what is refused is not touched."""

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.filled import run_sql
from waypost.storage.location import (
    BadUrl,
    NoDatabase,
    NotOurs,
    PostgresLocation,
    SchemaTooNew,
    SqliteLocation,
    Unreachable,
    parse_url,
)
from waypost.storage.migrations import HEAD
from waypost.storage.opening import open_store

WITHOUT_SQLALCHEMY = """
import asyncio, sys
from waypost.storage.opening import open_store

async def main():
    store = await open_store(sys.argv[1])
    print(await store.ready(), "sqlalchemy" in sys.modules, "alembic" in sys.modules)
    await store.close()

asyncio.run(main())
"""


def test_sqlite_urls_are_relative_with_three_slashes_and_absolute_with_four() -> None:
    assert parse_url("sqlite:///shop.db") == SqliteLocation(Path("shop.db"))
    assert parse_url("sqlite:////var/lib/shop.db") == SqliteLocation(Path("/var/lib/shop.db"))


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://shop.db", "sqlite:///:memory:",
        "sqlite:///shop.db?mode=ro", "sqlite:///file:shop.db", "mysql://localhost/x", "postgres://localhost/x",
        "postgresql:x", "postgresql://localhost:port/x", "postgresql://[::1/x",
    ],
)  # fmt: skip
def test_any_other_url_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse_url(url)
    assert any(word in caught.value.message for word in ("sqlite:///", "a file", "no options"))


def test_a_password_is_never_shown() -> None:
    location = parse_url("postgresql://me:s%40cret@db.example:5433/shop?sslmode=require")
    assert isinstance(location, PostgresLocation)
    assert location.shown == "postgresql://me@db.example:5433/shop"
    assert location.without_password("no: s@cret, s%40cret") == "no: ***, ***"


async def test_an_unreachable_server_is_named_without_the_password() -> None:
    with pytest.raises(Unreachable) as caught:
        await open_store("postgresql://me:s3cret@127.0.0.1:1/shop")
    assert "me@127.0.0.1:1/shop" in caught.value.message
    assert "s3cret" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_made(database_url: str) -> None:
    store = await open_store(database_url)
    assert await store.ready() == HEAD
    assert await store.reads.accounts() == []
    await store.close()


async def test_a_database_that_does_not_exist_is_not_made_unasked(database_url: str) -> None:
    with pytest.raises(NoDatabase, match="waypost migrate"):
        await open_store(database_url, create=False)
    location = parse_url(database_url)
    if isinstance(location, SqliteLocation):
        assert not location.path.exists()
    else:
        assert await run_sql(database_url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


async def test_an_empty_file_is_a_fresh_database(tmp_path: Path) -> None:
    (tmp_path / "shop.db").touch()
    store = await open_store(f"sqlite:///{tmp_path}/shop.db")
    assert await store.ready()
    assert await store.reads.accounts() == []
    await store.close()


async def test_an_existing_database_is_opened_without_sqlalchemy(database_url: str) -> None:
    await (await open_store(database_url)).close()
    command = (sys.executable, "-c", WITHOUT_SQLALCHEMY, database_url)
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.split() == [HEAD.encode(), b"False", b"False"]


def _digest(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
@pytest.mark.parametrize(
    "schema",
    ["CREATE TABLE notes (text)", "CREATE TABLE alembic_version (version_num); CREATE TABLE notes (text)"],
)
async def test_another_programs_database_is_refused_and_untouched(tmp_path: Path, journal: str, schema: str) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.executescript(schema)
    before = _digest(tmp_path)
    with pytest.raises(NotOurs, match="not those of Waypost"):
        await open_store(f"sqlite:///{tmp_path}/notes.db")
    assert _digest(tmp_path) == before


async def test_another_programs_alembic_revision_is_not_taken_for_ours(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db")) as db:
        db.executescript(
            "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('0002');"
            "CREATE TABLE notes (text)"
        )
    with pytest.raises(NotOurs):
        await open_store(f"sqlite:///{tmp_path}/notes.db")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_another_programs_tables_on_postgresql_are_refused(database_url: str) -> None:
    await run_sql(database_url, "CREATE TABLE notes (text text)")
    with pytest.raises(NotOurs, match="not those of Waypost"):
        await open_store(database_url)


async def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary, today I shipped nothing.")
    before = _digest(tmp_path)
    with pytest.raises(NotOurs, match="not a SQLite database"):
        await open_store(f"sqlite:///{tmp_path}/notes.txt")
    assert _digest(tmp_path) == before


async def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotOurs, match="is a directory"):
        await open_store(f"sqlite:///{tmp_path}")


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase, match=r"directory .*nowhere does not exist"):
        await open_store(f"sqlite:///{tmp_path}/nowhere/shop.db")


async def test_a_newer_schema_is_refused_and_left_alone(database_url: str) -> None:
    await (await open_store(database_url)).close()
    await run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=r"9999.*newer version"):
        await open_store(database_url)
    assert await run_sql(database_url, "SELECT version_num FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_database_that_was_never_created_on_the_server_is_named(database_url: str) -> None:
    name = urlsplit(database_url).path.removeprefix("/")
    with pytest.raises(NoDatabase, match=r"never_created.* does not exist: create the database first"):
        await open_store(database_url.replace(f"/{name}", "/never_created", 1))


async def test_another_programs_unfinished_work_is_not_folded_in(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "notes.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE notes (text)")
        before = {name: _digest(tmp_path)[name] for name in ("notes.db", "notes.db-wal")}
        with pytest.raises(NotOurs):
            await open_store(f"sqlite:///{tmp_path}/notes.db")
        assert {name: _digest(tmp_path)[name] for name in before} == before


async def test_a_missing_file_whose_wal_is_there_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    """As after a file was moved away under a server: the WAL may hold the latest changes."""
    path = tmp_path / "a.db"
    log = tmp_path / "a.db-wal"
    log.write_bytes(b"changes")
    with pytest.raises(NotOurs, match=r"a\.db is missing or empty, but its WAL is there .*: put a\.db back"):
        await open_store(f"sqlite:///{path}")
    assert (path.exists(), log.read_bytes()) == (False, b"changes")
