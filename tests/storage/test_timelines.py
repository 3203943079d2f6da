"""A timeline costs what it shows, however many events the account has."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from tests.support.database import is_sqlite, sqlite_path
from tests.support.merchant import open_merchant
from waypost.app.actor import Scope
from waypost.storage.dialect import POSTGRES, SQLITE
from waypost.storage.events import timeline_sql
from waypost.storage.opening import open_store
from waypost.storage.postgres_reads import BY_INDEX

EVENTS = 60_000
SUBJECTS = 20_000
SHOWN = EVENTS // SUBJECTS
SUBJECT_KINDS = ("fulfillment_request", "order")

_FILL = """INSERT INTO event (account_id, seq, at, subject, subject_id, type, to_status, actor_type)
  SELECT 1, n, n, '{subject}', n % {subjects} + 1, '{subject}.changed', 'open', 'system' FROM {numbers}"""


@pytest.fixture
async def filled(request: pytest.FixtureRequest, pristine_url: str) -> str:
    """One account with many events, a few of each subject; its parameter: the subject."""
    store = await open_store(pristine_url, migrate=False)
    await open_merchant(store)
    await store.close()
    fill = {"subject": request.param, "subjects": SUBJECTS}
    if is_sqlite(pristine_url):
        numbers = f"(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {EVENTS}) SELECT n FROM n)"
        with closing(sqlite3.connect(sqlite_path(pristine_url), isolation_level=None)) as db:
            db.execute(_FILL.format(numbers=numbers, **fill))
    else:
        connection = await asyncpg.connect(pristine_url)
        await connection.execute(_FILL.format(numbers=f"generate_series(1, {EVENTS}) n", **fill))
        await connection.close()
    return pristine_url


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(("filled", "subject"), [(one, one) for one in SUBJECT_KINDS], indirect=["filled"])
async def test_a_timeline_costs_what_it_shows(filled: str, subject: str, analyzed: bool) -> None:
    dialect = SQLITE if is_sqlite(filled) else POSTGRES
    sql, args = timeline_sql(Scope(1), subject, SUBJECTS // 2, dialect)
    if is_sqlite(filled):
        assert _steps(filled, sql, args, analyzed) < 500
    else:
        assert await _buffers(filled, sql, args, analyzed) < 20


def _steps(url: str, sql: str, args: list[Any], analyzed: bool) -> int:
    """Steps of SQLite's machine for the timeline of a subject in the middle."""
    steps = 0

    def counted() -> bool:
        nonlocal steps
        steps += 1
        return False

    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as db:
        if analyzed:
            db.execute("ANALYZE")
        db.execute("SELECT 1 FROM event LIMIT 1").fetchall()  # reading the schema is work, too
        db.set_progress_handler(counted, 1)
        assert len(db.execute(sql.replace("$", "?"), args).fetchall()) == SHOWN
    return steps


async def _buffers(url: str, sql: str, args: list[Any], analyzed: bool) -> int:
    """Pages that PostgreSQL looks at for the timeline of a subject in the middle, with a plan for any subject."""
    db = await asyncpg.connect(url, server_settings={**BY_INDEX, "plan_cache_mode": "force_generic_plan"})
    try:
        if analyzed:
            await db.execute("ANALYZE")
        await db.execute(f"PREPARE timeline AS {sql}")
        given = ", ".join(map(repr, args))
        explained = await db.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE timeline({given})")
        plan: dict[str, Any] = json.loads(explained)[0]["Plan"]
    finally:
        await db.close()
    assert plan["Actual Rows"] == SHOWN
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
