"""What the attention list costs does not grow with what needs somebody, nor with what was ever settled."""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import asyncpg
import pytest

from tests.support.database import is_sqlite, sqlite_path
from tests.support.merchant import Merchant, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store, Tx
from waypost.app.ports.attention import Attention, AttentionQuery, Place
from waypost.app.ports.clock_rules import OverdueQuery
from waypost.domain.attention import LATE
from waypost.domain.clock_rules import Condition
from waypost.domain.statuses import Status
from waypost.storage.postgres_reads import BY_INDEX
from waypost.storage.queries.attention import CARE, items_of
from waypost.storage.sqlite_file import translated

COUNT = 20_000  # items, in two groups, of which few are snoozed or assigned; and as many settled rows
NOW = 10**15
ITEMS = f"""INSERT INTO attention_item (account_id, source_id, code, since, subject_id, subject, assignee, snoozed_until)
SELECT {{account}}, {{source}}, CASE WHEN n % 2 = 0 THEN 'other' ELSE 'out_of_stock' END, n, n, 'fulfillment_request',
  CASE WHEN n % 2000 = 0 THEN 'Mei' WHEN n % 2000 = 1000 THEN 'Zoë' END,
  CASE WHEN n % 2000 = 1 THEN {NOW} * 2 WHEN n % 4 = 1 THEN 1 END FROM g"""
GROUPS = """INSERT INTO attention_group (account_id, source_id, code, total)
SELECT account_id, source_id, code, count(*) FROM attention_item GROUP BY account_id, source_id, code"""
SETTLED = """INSERT INTO attention (account_id, source_id, subject, subject_id, code, message, raised_at, settled_at)
SELECT {account}, {source}, 'fulfillment_request', {request}, 'unsent', 'Look.', n, n FROM g"""
STEPS = 4000  # of SQLite's machine
BUFFERS = 130  # pages that PostgreSQL looks at


class Noted:
    """Reads and writes that note their statements; each is asked, so that one can follow from the other."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.dialect = inner.dialect
        self.statements: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        kind = type(self._inner)
        method = getattr(kind, name)
        return method.__get__(self) if name.startswith(("attention", "overdue", "raise", "settle", "note", "_")) else (
            getattr(self._inner, name)
        )  # fmt: skip

    async def slow(self, sql: str, *args: Any) -> Any:
        self.statements.append((sql, args))
        return await self._inner.slow(sql, *args)

    async def fetch(self, sql: str, *args: Any) -> Any:
        self.statements.append((sql, args))
        return await self._inner.fetch(sql, *args)

    async def execute(self, sql: str, *args: Any) -> int:
        self.statements.append((sql, args))
        return int(await self._inner.execute(sql, *args))


def _queries(merchant: Merchant) -> list[AttentionQuery]:
    scope = Scope(merchant.account)
    every = AttentionQuery(scope, now=NOW)
    return [
        every, every._replace(snoozed=True), every._replace(assignee="Mei"), every._replace(unassigned=True),
        every._replace(source_id=merchant.sources[0], codes=("other",)), every._replace(assignee="Mei", snoozed=True),
    ]  # fmt: skip


async def _reads(noted: Noted, merchant: Merchant) -> None:
    source = merchant.sources[0]
    for query in _queries(merchant):
        groups = await noted.attention_groups(query)
        assert 1 <= len(groups) <= 2
        for since in (0, COUNT // 2):
            places = [Place(source, group.code, since, since) for group in groups]
            items = await noted.attention_items(query, places, 5)
            assert 1 <= len(items) <= 5 * len(groups)
            assert items[0].since > since
    overdue = OverdueQuery(merchant.account, Condition.UNSENT, Status.PROCESSING, None, (), NOW, NOW, 200)
    assert len((await noted.overdue(overdue)).found) == 1


async def _writes(noted: Noted, merchant: Merchant, request: int) -> None:
    """Raised, cared for, and settled, as by a clock rule and by a late answer."""
    for code in (Condition.UNSENT, LATE[0]):
        row = Attention(merchant.account, merchant.sources[0], "fulfillment_request", request, code, "Look.", NOW)
        assert await noted.raise_attention([row]) == 1
        keys = await noted.fetch(items_of(noted.dialect), noted.dialect.array([request]))
        assert await noted.execute(CARE, *keys[0], "Mei", None) == 1
        assert await noted.settle_attention(merchant.account, row.subject, request, [code], NOW)


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_a_look_costs_what_it_shows(store: Store, migrated_url: str, analysed: bool) -> None:
    merchant = await open_merchant(store)
    request = await merchant.request()
    ids = {"account": merchant.account, "source": merchant.sources[0], "request": request}
    filling = [text.format(**ids) for text in (ITEMS, GROUPS, SETTLED)]
    run = _on_sqlite if is_sqlite(migrated_url) else _on_postgres
    noted = Noted(store.reads)

    async def ask() -> None:
        await _reads(noted, merchant)

    async def write(tx: Tx) -> list[tuple[str, tuple[Any, ...]]]:
        writes = Noted(tx)
        await _writes(writes, merchant, request)
        return writes.statements

    await run(migrated_url, filling, analysed, [])
    await ask()
    noted.statements += await store.write(write)
    assert len(noted.statements) > 25
    await run(migrated_url, [], False, noted.statements)


Statements = list[tuple[str, tuple[Any, ...]]]
_Run = Callable[[str, list[str], bool, Statements], Awaitable[None]]


async def _on_sqlite(url: str, filling: list[str], analysed: bool, statements: Statements) -> None:
    rows = f"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {COUNT}) "
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as db:
        for text in filling:
            db.execute(f"{rows if 'FROM g' in text else ''}{text}")
        if analysed:
            db.execute("ANALYZE")
        for sql, args in statements:
            steps = 0

            def step() -> int:
                nonlocal steps
                steps += 10
                return 0

            db.execute("BEGIN")
            db.set_progress_handler(step, 10)
            db.execute(translated(sql), args).fetchall()
            db.set_progress_handler(None, 0)
            db.execute("ROLLBACK")
            assert steps < STEPS, (steps, sql)


async def _on_postgres(url: str, filling: list[str], analysed: bool, statements: Statements) -> None:
    db = await asyncpg.connect(url, server_settings={**BY_INDEX, "plan_cache_mode": "force_generic_plan"})
    try:
        for text in filling:
            rows = f"WITH g AS (SELECT generate_series(1, {COUNT}) n) " if "FROM g" in text else ""
            await db.execute(f"{rows}{text}")
        if analysed:
            await db.execute("ANALYZE")
        for sql, args in statements:
            async with db.transaction():
                plan = "\n".join(row[0] for row in await db.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *args))
                found = re.search(r"Buffers: shared hit=(\d+)", plan)
                assert found is not None, plan
                assert int(found[1]) < BUFFERS, plan
    finally:
        await db.close()
