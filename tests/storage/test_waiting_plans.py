"""What is due is found without walking what waits for its time, however much that is: the look is made every second."""

from typing import Any

import pytest

from tests.growth.counting import counted_store
from tests.support.database import is_sqlite
from tests.support.filled import run_sql
from tests.support.merchant import open_merchant
from waypost.app.ports import Store
from waypost.app.ports.delivery import RetryPlace

COUNT = 20_000  # rows of each table, of which some wait
NOW = 10**15
ROWS = f"WITH RECURSIVE g(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM g WHERE n < {COUNT}) "
HANDOVERS = f"""{ROWS}INSERT INTO handover_attempt (account_id, source_id, request_id, number, release, attempt_group,
  idempotency_key, tries, state, worker, lease_until, claimed_at, settled_at, outcome, next_at)
SELECT {{account}}, {{source}}, {{request}}, n, 1, 1, 'k', 1, 'settled', 'w', 0, 1, {NOW} - n,
  CASE WHEN n % {{every}} = 0 THEN 'rejected' ELSE 'delivered' END, CASE WHEN n % {{every}} = 0 THEN {NOW} + n END FROM g"""
WEBHOOK = """INSERT INTO webhook (id, account_id, name, url, status, subscribed, strict_order, timeout_s, secret, cursor,
  failures, paused_until, lease_until, created_at, updated_at)
VALUES (1, {account}, 'x', 'https://example.com', 'active', '[]', {false}, 15, 's', 1000000, 0, 0, 0, 1, 1)"""
DELIVERIES = f"""{ROWS}INSERT INTO webhook_delivery (webhook_id, message_id, seq, name, status, attempts, next_at, log,
  created_at, updated_at)
SELECT 1, 'm' || n, n, 'x', CASE WHEN n % {{every}} = 0 THEN 'pending' ELSE 'delivered' END, 1,
  CASE WHEN n % {{every}} = 0 THEN {NOW} + n END, '[]', 1, {NOW} - n FROM g"""
STEPS = 1000  # of SQLite's machine
BUFFERS = 60  # pages that PostgreSQL looks at


@pytest.mark.parametrize("every", [2, 50], ids=["half-waits", "few-wait"])
@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_a_look_for_what_is_due_walks_nothing_that_waits(
    store: Store, migrated_url: str, analysed: bool, every: int
) -> None:
    merchant = await open_merchant(store)
    ids = {"account": merchant.account, "source": merchant.sources[0], "request": await merchant.request()}
    false = "0" if is_sqlite(migrated_url) else "false"
    for text in (WEBHOOK, HANDOVERS, DELIVERIES, *["ANALYZE"] * analysed):
        await run_sql(migrated_url, text.format(**ids, false=false, every=every))
    bound = STEPS if is_sqlite(migrated_url) else BUFFERS
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        reads: Any = counted.reads
        places = [RetryPlace(source) for source in merchant.sources]
        looks = (
            reads.retrying_sources(merchant.sources, NOW), reads.due_retries(places, NOW, 100),
            reads.due_webhooks(NOW), reads.due_deliveries(1, NOW, NOW, 10),
        )  # fmt: skip
        for look in looks:
            assert await look == []
            assert counter.taken_above(bound) == {}
        assert await reads.retrying_sources(merchant.sources, NOW + COUNT) == [merchant.sources[0]]
        assert len(await reads.due_retries(places, NOW + COUNT, 10)) == 10
        assert counter.taken_above(bound) == {}
        due = await reads.due_deliveries(1, NOW, NOW + COUNT, 10)
        assert [one.seq for one in due] == [every * n for n in range(-(-10 // every), -(-10 // every) + 10)]
        assert counter.taken_above(bound) == {}
