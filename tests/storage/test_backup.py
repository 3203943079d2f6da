"""Backup and restore: nothing lost between the engines, while others write, and never half done."""

import hashlib
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from tests.support.filled import fill, run_sql
from tests.support.keys import key_file_for
from waypost.app import check as checking
from waypost.app.accounts import create_account
from waypost.app.judging import Finding
from waypost.storage import backup as backing_up
from waypost.storage import copying, transfer
from waypost.storage.backup import back_up, restore
from waypost.storage.checking import evidence_of
from waypost.storage.copying import CopyFailed, tables_of
from waypost.storage.location import Location, NoDatabase, NotOurs, SchemaTooNew, Unreachable
from waypost.storage.migrations import HEAD, PLAN, Plan
from waypost.storage.opening import current_location, open_store
from waypost.storage.transfer import whole_snapshot

NOW = 1_776_643_200_000_000  # 2026-04-20T00:00:00Z in microseconds

NEXT = f"{int(HEAD) + 1:04d}"
SECOND = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{NEXT}", "{HEAD}", None, None


def upgrade():
    op.execute("UPDATE account SET brand_name = 'migrated'")
"""


def clock() -> int:
    return NOW


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows at once that every table takes several."""
    monkeypatch.setattr(transfer, "FETCH", 2)


def files(folder: Path, pattern: str = "*") -> list[str]:
    return sorted(file.name for file in folder.glob(pattern))


async def findings(url: str) -> list[Finding]:
    found: list[Finding] = []
    async with evidence_of(await current_location(url), key_file_for(url)) as evidence:
        await checking.check(evidence, found.append)
    return found


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_no_table_is_written_anew_during_a_backup(migrated_url: str) -> None:
    """It would look empty to the backup, whose snapshot is older."""
    db, other = await asyncpg.connect(migrated_url), await asyncpg.connect(migrated_url)
    try:
        await other.execute("SET lock_timeout = 100")
        async with whole_snapshot(db):
            for table in ("webhook", "source_delivery", "account"):
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await other.execute(f"TRUNCATE {table} CASCADE")
    finally:
        await db.close()
        await other.close()



def content(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of a SQLite file, table by table, in an order that both engines' files share."""
    with closing(sqlite3.connect(file)) as db:
        columns = {
            table: sorted(row[1] for row in db.execute(f"PRAGMA table_info({table})")) for table in tables_of(db)
        }
        return {
            table: sorted(db.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall(), key=repr)
            for table, names in columns.items()
        }


async def test_what_goes_to_either_engine_comes_back_the_same(database_url: str, tmp_path: Path) -> None:
    origin = f"sqlite:///{tmp_path}/origin.db"
    await fill(origin)
    first, second = tmp_path / "first.backup", tmp_path / "second.backup"
    taken = await back_up(origin, first, False, clock)
    restored = await restore(database_url, first, False, clock)
    assert restored.counts == taken.counts
    again = await back_up(database_url, second, False, clock)
    assert again.counts == taken.counts
    assert content(second) == content(first) == content(tmp_path / "origin.db")
    assert await findings(database_url) == []


async def test_a_backup_of_either_engine_is_a_sound_sqlite_database(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    done = await back_up(database_url, tmp_path / "all.backup", False, clock)
    assert done.revision == HEAD
    assert done.counts["fulfillment_request"] == 14
    assert files(tmp_path, "*all.backup*") == ["all.backup"]
    assert (tmp_path / "all.backup").stat().st_mode & 0o777 == 0o600
    url = f"sqlite:///{tmp_path}/all.backup"
    assert await findings(url) == []
    store = await open_store(url, migrate=False)
    assert [row.company_name for row in await store.reads.accounts()] == ["ours", "theirs"]
    await store.close()


async def test_new_rows_after_a_restore_get_new_ids(database_url: str, tmp_path: Path) -> None:
    origin = f"sqlite:///{tmp_path}/origin.db"
    await fill(origin)
    await back_up(origin, tmp_path / "all.backup", False, clock)
    await restore(database_url, tmp_path / "all.backup", False, clock)
    store = await open_store(database_url)
    assert (await create_account(store, "new", NOW)).id == 3
    (order_id,) = await store.write(lambda tx: tx.new_ids("orders", 1))
    await store.close()
    assert [(order_id - 1,)] == await run_sql(database_url, "SELECT max(id) FROM orders")


async def test_a_backup_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    url = f"sqlite:///{path}"
    await fill(url)
    ended = threading.Event()
    written = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
            while not ended.is_set():
                db.execute("BEGIN IMMEDIATE")
                db.execute(
                    "INSERT INTO event SELECT account_id, last_seq + 1, last_at, 'order', 1, 'x', NULL, NULL,"
                    " 'system', NULL, NULL, NULL, NULL, NULL, NULL FROM account_counter WHERE account_id = 1"
                )
                db.execute("UPDATE account_counter SET last_seq = last_seq + 1 WHERE account_id = 1")
                db.execute("COMMIT")
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        written.wait()
        for place in range(5):
            await back_up(url, tmp_path / f"{place}.backup", False, clock)
    finally:
        ended.set()
        writer.join()
    for place in range(5):
        assert await findings(f"sqlite:///{tmp_path}/{place}.backup") == []
    last = f"sqlite:///{tmp_path}/4.backup"
    sql = "SELECT last_seq FROM account_counter WHERE account_id = 1"
    assert await run_sql(last, sql) > await run_sql(f"sqlite:///{tmp_path}/0.backup", sql)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_backup_of_postgresql_is_of_one_moment(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is committed between two of its tables."""
    await fill(database_url)
    unload, written = transfer._unload, []

    async def unload_and_write(db: object, copy: sqlite3.Connection, table: str) -> int:
        other = await asyncpg.connect(database_url)
        async with other.transaction():
            await other.execute(
                "INSERT INTO event SELECT account_id, last_seq + 1, last_at, 'order', 1, 'x', NULL, NULL, 'system', NULL,"
                " NULL, NULL, NULL, NULL, NULL FROM account_counter WHERE account_id = 1"
            )
            await other.execute("UPDATE account_counter SET last_seq = last_seq + 1 WHERE account_id = 1")
        await other.close()
        written.append(table)
        return await unload(db, copy, table)  # type: ignore[arg-type]

    monkeypatch.setattr(transfer, "_unload", unload_and_write)
    backup = tmp_path / "shop.backup"
    await back_up(database_url, backup, False, clock)
    assert {"account_counter", "event"} <= set(written)
    assert await findings(f"sqlite:///{backup}") == []


async def test_a_backup_is_not_overwritten_unasked(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    target = tmp_path / "all.backup"
    target.write_text("precious")
    with pytest.raises(CopyFailed, match="exists already"):
        await back_up(database_url, target, False, clock)
    assert target.read_text() == "precious"
    await back_up(database_url, target, True, clock)
    assert content(target)["account"]


async def test_the_database_itself_is_no_target_and_no_source(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    await fill(url)
    with pytest.raises(CopyFailed, match="the database itself"):
        await back_up(url, tmp_path / "shop.db", True, clock)
    with pytest.raises(CopyFailed, match="the database itself"):
        await restore(url, tmp_path / "shop.db", True, clock)
    assert await findings(url) == []


async def test_there_must_be_something_to_back_up_and_a_place_for_it(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(NoDatabase):
        await back_up(database_url, tmp_path / "all.backup", False, clock)
    await fill(database_url)
    with pytest.raises(CopyFailed, match=r"directory .* does not exist"):
        await back_up(database_url, tmp_path / "nowhere" / "all.backup", False, clock)


async def test_a_backup_that_fails_leaves_nothing_behind(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(database_url)
    before = files(tmp_path)

    def broken(*_: object) -> None:
        raise CopyFailed("It is damaged.")

    monkeypatch.setattr("waypost.storage.copying.verify", broken)
    monkeypatch.setattr("waypost.storage.backup.verify", broken)
    with pytest.raises(CopyFailed, match="damaged"):
        await back_up(database_url, tmp_path / "all.backup", False, clock)
    assert files(tmp_path) == before


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """A backup of a filled database."""
    (tmp_path / "origin").mkdir()
    url = f"sqlite:///{tmp_path}/origin/origin.db"
    await fill(url)
    return (await back_up(url, tmp_path / "good.backup", False, clock)).file


def _damage(file: Path) -> None:
    """Overwrite a page where rows are."""
    with closing(sqlite3.connect(file)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'fulfillment_request'").fetchone()
    data = bytearray(file.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    file.write_bytes(data)


async def test_a_damaged_backup_is_refused_and_nothing_changes(database_url: str, backup: Path) -> None:
    _damage(backup)
    with pytest.raises(CopyFailed, match="damaged"):
        await restore(database_url, backup, True, clock)
    with pytest.raises(NoDatabase):
        await current_location(database_url)


@pytest.mark.parametrize("file", ["missing", "empty", "text"])
async def test_what_is_no_backup_is_refused(database_url: str, tmp_path: Path, file: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("Dear diary")
    with pytest.raises(NotOurs):
        await restore(database_url, tmp_path / file, False, clock)


async def test_a_backup_of_a_newer_version_is_refused(database_url: str, backup: Path) -> None:
    await run_sql(f"sqlite:///{backup}", "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew):
        await restore(database_url, backup, True, clock)


async def test_an_older_backup_is_migrated_on_its_way(database_url: str, backup: Path, tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / f"v{NEXT}_brands.py").write_text(SECOND)
    plan = Plan((*PLAN.revisions, NEXT), (*PLAN.folders, versions))
    await restore(database_url, backup, False, clock, plan)
    await (await open_store(database_url, plan=plan, clock=clock)).close()
    assert await run_sql(database_url, "SELECT DISTINCT brand_name FROM account") == [("migrated",)]
    assert await run_sql(f"sqlite:///{backup}", "SELECT DISTINCT brand_name FROM account") == [(None,)]


async def test_data_that_is_there_is_not_replaced_unasked(database_url: str, backup: Path) -> None:
    await (await open_store(database_url)).close()
    await run_sql(database_url, "INSERT INTO account (company_name, created_at) VALUES ('mine', 1)")
    with pytest.raises(CopyFailed, match=r"exists already|holds data already"):
        await restore(database_url, backup, False, clock)
    assert await run_sql(database_url, "SELECT company_name FROM account") == [("mine",)]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_postgresql_data_is_never_replaced(database_url: str, backup: Path) -> None:
    await (await open_store(database_url)).close()
    await run_sql(database_url, "INSERT INTO account (company_name, created_at) VALUES ('mine', 1)")
    with pytest.raises(CopyFailed, match="holds data already"):
        await restore(database_url, backup, True, clock)
    assert await run_sql(database_url, "SELECT company_name FROM account") == [("mine",)]


async def test_a_replaced_database_is_kept_beside(tmp_path: Path, backup: Path) -> None:
    path = tmp_path / "shop.db"
    url = f"sqlite:///{path}"
    store = await open_store(url)
    await create_account(store, "mine", NOW)
    await store.close()
    path.chmod(0o644)
    done = await restore(url, backup, True, clock)
    assert done.kept == tmp_path / "shop.db.replaced.20260420T000000Z"
    assert await run_sql(f"sqlite:///{done.kept}", "SELECT company_name FROM account") == [("mine",)]
    assert await run_sql(url, "SELECT count(*) FROM account") == [(2,)]
    assert [one.stat().st_mode & 0o777 for one in (path, done.kept)] == [0o600, 0o600]
    again = await restore(url, backup, True, clock)
    assert again.kept == tmp_path / "shop.db.replaced.20260420T000000Z.1"


async def test_a_database_that_a_server_has_open_is_not_replaced(tmp_path: Path, backup: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    store = await open_store(url)
    await create_account(store, "mine", NOW)
    before = hashlib.sha256((tmp_path / "shop.db").read_bytes()).digest()
    with pytest.raises(Unreachable, match="open in another process"):
        await restore(url, backup, True, clock)
    assert [row.company_name for row in await store.reads.accounts()] == ["mine"]
    await create_account(store, "still writing", NOW)
    await store.close()
    assert hashlib.sha256((tmp_path / "shop.db").read_bytes()).digest() != before
    assert await run_sql(url, "SELECT count(*) FROM account") == [(2,)]
    assert files(tmp_path, "*.part") == files(tmp_path, "*.replaced.*") == []


async def test_a_broken_database_is_replaced_with_all_that_belongs_to_it(tmp_path: Path, backup: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_text("not a database any more")
    (tmp_path / "shop.db-wal").write_bytes(b"left over")
    done = await restore(f"sqlite:///{path}", backup, True, clock)
    assert done.kept is not None
    assert done.kept.read_text() == "not a database any more"
    assert done.kept.with_name(f"{done.kept.name}-wal").read_bytes() == b"left over"
    assert await findings(f"sqlite:///{path}") == []


async def test_a_left_over_wal_never_meets_a_restored_database(tmp_path: Path, backup: Path) -> None:
    (tmp_path / "shop.db-wal").write_bytes(b"left over")
    url = f"sqlite:///{tmp_path}/shop.db"
    with pytest.raises(CopyFailed, match=r"shop\.db-wal exists already"):
        await restore(url, backup, False, clock)
    await restore(url, backup, True, clock)
    assert await findings(url) == []


async def test_without_links_the_replaced_database_is_kept_all_the_same(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    url = f"sqlite:///{tmp_path}/shop.db"
    await (await open_store(url)).close()
    done = await restore(url, backup, True, clock)
    assert done.kept is not None
    assert done.kept.exists()
    assert await run_sql(url, "SELECT count(*) FROM account") == [(2,)]


async def test_the_place_of_a_restore_must_exist(tmp_path: Path, backup: Path) -> None:
    with pytest.raises(CopyFailed, match=r"directory .* does not exist"):
        await restore(f"sqlite:///{tmp_path}/nowhere/shop.db", backup, False, clock)


async def test_text_and_flags_survive_to_the_letter(database_url: str, tmp_path: Path) -> None:
    await fill(database_url)
    words = "Größe, 商店, \U0001f69a, \t\n and a quote ' \" \\"
    await run_sql(database_url, "UPDATE account SET company_name = $1 WHERE id = 1", words)
    tags = json.dumps([words])
    await run_sql(database_url, "UPDATE orders SET tags = $1", tags)
    posted = await run_sql(database_url, "SELECT posted FROM orders ORDER BY id")
    assert all(one and "Zürich" in one for (one,) in posted)
    await back_up(database_url, tmp_path / "all.backup", False, clock)
    copy = f"sqlite:///{tmp_path}/all.backup"
    assert await run_sql(copy, "SELECT company_name FROM account WHERE id = 1") == [(words,)]
    assert await run_sql(copy, "SELECT DISTINCT tags FROM orders") == [(tags,)]
    assert await run_sql(copy, "SELECT posted FROM orders ORDER BY id") == posted
    assert await run_sql(copy, "SELECT DISTINCT typeof(auto_process), auto_process FROM source") == [("integer", 1)]


async def test_a_database_that_somebody_locks_before_the_copy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it was found to be ours, and for longer than the backup waits."""
    await (await open_store(f"sqlite:///{tmp_path}/shop.db")).close()
    really = backing_up.revision_of
    with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:

        async def then_locked(location: Location, plan: Plan) -> str | None:
            found = await really(location, plan)
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN EXCLUSIVE")
            return found

        monkeypatch.setattr(backing_up, "revision_of", then_locked)
        monkeypatch.setattr(copying, "BUSY_S", 0.0)
        with pytest.raises(Unreachable, match=r"shop\.db cannot be read: database is locked"):
            await back_up(f"sqlite:///{tmp_path}/shop.db", tmp_path / "of.backup", False, clock)
    assert files(tmp_path, "*backup*") == []
