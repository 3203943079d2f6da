"""The migration that encrypts secrets: old rows and stored replies, and nothing of them left in the files."""

import asyncio
import json
import logging
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.database import is_sqlite, sqlite_path
from tests.support.filled import run_sql
from tests.support.keys import environment_for, key_file_for
from tests.support.planted import everything_in, found_in, found_in_files
from waypost.app.actor import Scope
from waypost.app.first_format import outcome_of
from waypost.app.ports.webhooks import Webhook
from waypost.app.records import Recorded
from waypost.app.stored_records import decode_record
from waypost.storage import clearing
from waypost.storage.backup import back_up, restore
from waypost.storage.key_file import NoKey
from waypost.storage.migrations import HEAD, PLAN, Plan
from waypost.storage.opening import migrate, open_store

NOW = 1_776_643_200_000_000  # 2026-04-20T00:00:00Z in microseconds
BEFORE = Plan(PLAN.revisions[: PLAN.revisions.index("0007") + 1], PLAN.folders)
NEW, OLD, TOKEN = "whsec_bmV3LW5ldy1uZXctbmV3", "whsec_b2xkLW9sZC1vbGQtb2xk", "bearer-of-the-supplier-4711"
GONE = "whsec_Z29uZS1nb25lLWdvbmUtZ29uZQ"  # of rows that were deleted: only the file still holds it
PLANTED = (NEW, OLD, TOKEN, GONE)
# What 0007 kept of the reply that made the webhook: the endpoint's columns in their order.
RECORD = [5, 1, None, None, "desk", "https://example.com/h", None, "active", None, '["*"]', False, 15, NEW, OLD, 9, 1, 0,
          None, 0, None, 0, 1, 1, 1]  # fmt: skip
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from waypost.storage import opening

async def die(location):
    os.kill(os.getpid(), signal.SIGKILL)

opening.clear_plain_secrets = die
asyncio.run(opening.migrate(sys.argv[1], key_file=Path(sys.argv[2]) if len(sys.argv) > 2 else None))
"""


def clock() -> int:
    return NOW


@pytest.fixture
async def old_url(database_url: str) -> str:
    """A database of schema 0007 with secrets in it."""
    await migrate(database_url, BEFORE)
    await plant(database_url)
    return database_url


async def plant(url: str) -> None:
    false = "0" if is_sqlite(url) else "false"
    await run_sql(url, "INSERT INTO account (id, company_name, created_at) VALUES (1, 'Harbour', 1)")
    await run_sql(url, "INSERT INTO account_counter (account_id, last_seq, last_at) VALUES (1, 0, 0)")
    for id_ in (2, 3):
        await run_sql(
            url, "INSERT INTO source (id, account_id, name, required_fields, auto_process, created_at)"
            f" VALUES ({id_}, 1, 'North', '[]', {false}, 2)",
        )  # fmt: skip
    for id_, previous in ((5, OLD), (6, None)):
        await run_sql(
            url, "INSERT INTO webhook (id, account_id, name, url, status, subscribed, strict_order, timeout_s, secret,"
            " previous_secret, previous_until, cursor, failures, paused_until, lease_until, created_at, updated_at)"
            f" VALUES ({id_}, 1, 'desk', 'https://example.com/h', 'active', '[\"*\"]', {false}, 15, $1, $2, 9, 1, 0, 0, 0, 1, 1)",
            NEW, previous,
        )  # fmt: skip
    await delete_some(url)
    for source, secrets in ((2, json.dumps({"token": TOKEN})), (3, "{}")):
        await run_sql(
            url, "INSERT INTO source_delivery (source_id, account_id, kind, settings, secrets, policy, paused, version,"
            f" created_at, updated_at) VALUES ({source}, 1, 'http', '{{}}', $1, '{{}}', {false}, 2, 1, 1)", secrets,
        )  # fmt: skip
    for key, operation in (("a", "create_webhook_configuration_right_spelling"), ("b", "rotate_webhook_secret"), ("c", "create_order")):
        outcome = json.dumps([1, True, RECORD if key != "c" else ["something", "else"]])
        await run_sql(
            url, "INSERT INTO idempotency_key (family, key, account_id, operation, fingerprint, outcome, created_at)"
            " VALUES (1, $1, 1, $2, $3, $4, 1)", key, operation, b"f", outcome,
        )  # fmt: skip


async def delete_some(url: str) -> None:
    """Rows with a secret that are deleted, on a SQLite that does not wipe what it deletes: their pages keep it."""
    sql = (
        "INSERT INTO webhook (account_id, name, url, status, subscribed, strict_order, timeout_s, secret, cursor, failures,"
        " paused_until, lease_until, created_at, updated_at)"
        f" SELECT 1, '{'x' * 9000}', url, status, subscribed, strict_order, timeout_s, '{GONE}', 1, 0, 0, 0, 1, 1"
        " FROM webhook WHERE id = 5"
    )
    delete = "DELETE FROM webhook WHERE id NOT IN (5, 6)"
    if is_sqlite(url):
        with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as db:
            db.execute("PRAGMA secure_delete = OFF")
            for _ in range(100):  # migrations that follow write over some of what they leave
                db.execute(sql)
            db.execute(delete)
    else:
        await run_sql(url, "SELECT setval('webhook_id_seq', 100)")
        for _ in range(100):  # migrations that follow write over some of what they leave
            await run_sql(url, sql)
        await run_sql(url, delete)


async def are_sealed(url: str) -> None:
    """Every secret opens for the application, and is nowhere in the database."""
    store = await open_store(url, key_file=key_file_for(url))
    hooks = await store.reads.webhooks(1)
    assert [(hook.secret, hook.previous_secret) for hook in hooks] == [(NEW, OLD), (NEW, None)]
    sources = [await store.reads.delivery(Scope(1), source) for source in (2, 3)]
    assert [json.loads(row.secrets or "") for row in sources if row] == [{"token": TOKEN}, {}]
    await store.close()
    assert found_in(await everything_in(url), PLANTED) == set()
    assert await run_sql(url, "SELECT name FROM pending_task") == []


async def test_old_secrets_are_encrypted_and_gone_from_the_files(old_url: str) -> None:
    assert found_in(await everything_in(old_url), PLANTED) == set(PLANTED)
    done = await migrate(old_url, clock=clock, key_file=key_file_for(old_url))
    assert (done.before, done.after, done.left_plain) == ("0007", HEAD, is_sqlite(old_url))
    await are_sealed(old_url)


async def test_stored_replies_lose_their_secrets_only(old_url: str) -> None:
    await migrate(old_url, clock=clock, key_file=key_file_for(old_url))
    found = dict(await run_sql(old_url, "SELECT key, outcome FROM idempotency_key ORDER BY key"))
    assert json.loads(found["c"]) == [1, True, ["something", "else"]]
    for key in ("a", "b"):
        kept: Any = decode_record(found[key], Recorded[Webhook], outcome_of)
        assert kept == Recorded(Webhook(*RECORD)._replace(secret=None, previous_secret=None), changed=True)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_the_backup_of_before_is_private_and_named(old_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        done = await migrate(old_url, clock=clock)
    assert done.backup is not None
    assert found_in(done.backup.read_bytes(), PLANTED) >= {NEW, OLD, TOKEN}
    assert done.backup.stat().st_mode & 0o777 == 0o600
    assert str(done.backup) in caplog.text
    assert "plain text" in caplog.text
    folder = sqlite_path(old_url).parent
    mine = {(name, secret) for name, secret in found_in_files(folder, PLANTED) if name.startswith(sqlite_path(old_url).name)}
    assert {name for name, _ in mine} == {done.backup.name}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_postgresql_is_not_migrated_without_a_key(old_url: str, tmp_path: Path) -> None:
    for key_file in (None, tmp_path / "missing"):
        with pytest.raises(NoKey):
            await migrate(old_url, key_file=key_file)
        assert await run_sql(old_url, "SELECT version_num FROM alembic_version") == [("0007",)]
        assert found_in(await everything_in(old_url), PLANTED) == set(PLANTED)
    assert not (tmp_path / "missing").exists()


async def test_without_secrets_no_key_is_needed(database_url: str) -> None:
    await migrate(database_url, BEFORE)
    done = await migrate(database_url, clock=clock)
    assert done.after == HEAD
    assert await run_sql(database_url, "SELECT name FROM pending_task") == []


async def test_a_start_finishes_what_a_killed_migration_left(old_url: str) -> None:
    given = key_file_for(old_url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, old_url, *([str(given)] if given else []), env=environment_for(old_url)
    )
    assert await asyncio.wait_for(process.wait(), 60) == -signal.SIGKILL
    assert GONE in found_in(await everything_in(old_url), PLANTED), "otherwise there is nothing to finish"
    assert await run_sql(old_url, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert await run_sql(old_url, "SELECT name FROM pending_task") == [(clearing.VACUUM_SECRETS,)]
    await are_sealed(old_url)


async def test_what_cannot_be_cleared_now_is_cleared_at_the_next_start(
    old_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any) -> None:
        raise OSError("no room")

    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(clearing, "_clear_sqlite", fails)
        broken.setattr(clearing, "_clear_postgres", fails)
        await migrate(old_url, clock=clock, key_file=key_file_for(old_url))
    assert "The next start tries again" in caplog.text
    await are_sealed(old_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_an_older_snapshot_still_sees_is_cleared_too(old_url: str) -> None:
    """A `pg_dump` that runs since before the migration: VACUUM FULL would keep for it what it still sees."""
    async with session(old_url, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT * FROM account"):
        await migrate(old_url, clock=clock, key_file=key_file_for(old_url))
    await are_sealed(old_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_table_that_somebody_reads_holds_up_no_start(old_url: str) -> None:
    given = key_file_for(old_url)
    await migrate(old_url, clock=clock, key_file=given)
    await run_sql(old_url, f"INSERT INTO pending_task (name) VALUES ('{clearing.VACUUM_SECRETS}')")
    async with session(old_url, "BEGIN", "SELECT * FROM webhook"), asyncio.timeout(30):
        await (await open_store(old_url, key_file=given)).close()
        async with asyncio.timeout(clearing.WAIT_MS / 1000):
            await run_sql(old_url, "SELECT * FROM webhook")
        assert await run_sql(old_url, "SELECT name FROM pending_task") == [(clearing.VACUUM_SECRETS,)]
    await are_sealed(old_url)


@asynccontextmanager
async def session(url: str, *statements: str) -> AsyncIterator[None]:
    """Somebody else's session, who has said this and keeps it open."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
        yield
    finally:
        await connection.close()


async def test_an_older_backup_is_encrypted_on_its_way(tmp_path: Path, database_url: str) -> None:
    origin = f"sqlite:///{tmp_path}/origin.db"
    await migrate(origin, BEFORE)
    await plant(origin)
    backup = tmp_path / "old.backup"
    await back_up(origin, backup, False, clock, BEFORE)
    await restore(database_url, backup, False, clock, key_file=key_file_for(database_url))
    await are_sealed(database_url)
