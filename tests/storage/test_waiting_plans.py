"""What is due is found without walking what waits for its time, however much that is: the look is made every second."""

import re
import sqlite3
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from tests.support.database import is_sqlite, sqlite_path
from tests.support.merchant import open_merchant
from waypost.app.ports import Store
from waypost.storage.postgres_reads import BY_INDEX

COUNT = 20_000  # rows of each table, of which every second waits
NOW = 10**15
HANDOVERS = f"""INSERT INTO handover_attempt (account_id, source_id, request_id, number, release, attempt_group,
  idempotency_key, tries, state, worker, lease_until, claimed_at, settled_at, outcome, next_at)
SELECT {{account}}, {{source}}, {{request}}, n, 1, 1, 'k', 1, 'settled', 'w', 0, 1, {NOW} - n,
  CASE WHEN n % 2 = 0 THEN 'rejected' ELSE 'delivered' END, CASE WHEN n % 2 = 0 THEN {NOW} + n END FROM g"""
WEBHOOK = """INSERT INTO webhook (id, account_id, name, url, status, subscribed, strict_order, timeout_s, secret, cursor,
  failures, paused_until, lease_until, created_at, updated_at)
VALUES (1, {account}, 'x', 'https://example.com', 'active', '[]', {false}, 15, 's', 1000000, 0, 0, 0, 1, 1)"""
DELIVERIES = f"""INSERT INTO webhook_delivery (webhook_id, message_id, seq, name, status, attempts, next_at, log,
  created_at, updated_at)
SELECT 1, 'm' || n, n, 'x', CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'delivered' END, 1,
  CASE WHEN n % 2 = 0 THEN {NOW} + n END, '[]', 1, {NOW} - n FROM g"""
STEPS = 1000  # of SQLite's machine
BUFFERS = 60  # pages that PostgreSQL looks at


class Asked:
    """Reads that note their statements instead of asking them."""

    def __init__(self, store: Store) -> None:
        self._reads: Any = store.reads
        self.dialect = self._reads.dialect
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    async def slow(self, sql: str, *args: Any) -> list[Any]:
        self.statements.append((sql, args))
        return []

    async def everything(self, sources: list[int]) -> None:
        """The looks for what is due."""
        kind = type(self._reads)
        await kind.due_retries(self, sources, NOW, 100)
        await kind.due_webhooks(self, NOW)
        await kind.due_deliveries(self, 1, NOW, 10)


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_a_look_for_what_is_due_walks_nothing_that_waits(
    store: Store, migrated_url: str, analysed: bool
) -> None:
    merchant = await open_merchant(store)
    ids = {"account": merchant.account, "source": merchant.sources[0], "request": await merchant.request()}
    asked = Asked(store)
    await asked.everything(merchant.sources)
    assert len(asked.statements) == 3
    filling = [text.format(**ids, false=asked.dialect.false) for text in (WEBHOOK, HANDOVERS, DELIVERIES)]
    if is_sqlite(migrated_url):
        _judge_sqlite(migrated_url, filling, asked, analysed)
    else:
        await _judge_postgres(migrated_url, filling, asked, analysed)


def _judge_sqlite(url: str, filling: list[str], asked: Asked, analysed: bool) -> None:
    rows = f"WITH RECURSIVE g(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM g WHERE n < {COUNT}) "
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as db:
        for text in filling:
            db.execute(f"{rows if 'FROM g' in text else ''}{text}")
        if analysed:
            db.execute("ANALYZE")
        for sql, args in asked.statements:
            steps = 0

            def step() -> int:
                nonlocal steps
                steps += 10
                return 0

            db.set_progress_handler(step, 10)
            db.execute(sql.replace("$", "?"), args).fetchall()
            db.set_progress_handler(None, 0)
            assert steps < STEPS, sql


async def _judge_postgres(url: str, filling: list[str], asked: Asked, analysed: bool) -> None:
    db = await asyncpg.connect(url, server_settings=BY_INDEX)
    try:
        for text in filling:
            rows = f"WITH g AS (SELECT generate_series(10, {COUNT}) n) " if "FROM g" in text else ""
            await db.execute(f"{rows}{text}")
        if analysed:
            await db.execute("ANALYZE")
        for sql, args in asked.statements:
            plan = "\n".join(row[0] for row in await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *args))
            found = re.search(r"Buffers: shared hit=(\d+)", plan)
            assert found is not None, plan
            assert int(found[1]) < BUFFERS, plan
    finally:
        await db.close()
