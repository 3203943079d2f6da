"""What the attention list costs does not grow with what needs somebody, nor with what was ever settled."""

from collections.abc import Awaitable
from typing import Any, NamedTuple, TypeVar

import pytest

from tests.growth.counting import Counter, counted_store
from tests.support.database import is_sqlite
from tests.support.filled import run_sql
from tests.support.many_groups import Filling
from tests.support.merchant import Merchant, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store
from waypost.app.ports.attention import GROUPS_AT_MOST, Attention, AttentionQuery, Place
from waypost.app.ports.clock_rules import OverdueQuery
from waypost.domain.attention import LATE
from waypost.domain.clock_rules import Condition
from waypost.domain.statuses import Status
from waypost.storage.queries.attention import items_of

T = TypeVar("T")
COUNT = 20_000  # items, in two groups, of which the oldest are snoozed or assigned; and as many settled rows
SNOOZED = COUNT // 4  # so many of the oldest; as many again are snoozed and assigned
FREE = COUNT // 4 * 3  # only few of what follows are assigned
NOW = 10**15
ROWS = f"WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < {COUNT}) "
ITEMS = f"""{ROWS}INSERT INTO attention_item (account_id, source_id, code, since, subject_id, subject, assignee, snoozed_until, care)
SELECT i.*, CASE WHEN i.assignee IS NULL THEN 0 ELSE 1 END + CASE WHEN i.snoozed_until IS NULL THEN 0 ELSE 2 END FROM (
  SELECT {{account}}, {{source}}, CASE WHEN n % 2 = 0 THEN 'other' ELSE 'out_of_stock' END, n, n, 'fulfillment_request',
  CASE WHEN n > {FREE} THEN CASE WHEN n % 2000 = 0 THEN 'Mei' END WHEN n > {SNOOZED} THEN 'Zoë' END AS assignee,
  CASE WHEN n % 2000 = 7 THEN 1 WHEN n <= {SNOOZED} * 2 THEN {NOW} * 2 END AS snoozed_until FROM g) i"""
GROUPS = """INSERT INTO attention_group (account_id, assignee, source_id, code, care, total)
SELECT account_id, w.whose, source_id, code, care, count(*) FROM attention_item i
JOIN (SELECT DISTINCT coalesce(assignee, '') AS whose FROM attention_item) w ON w.whose IN ('', i.assignee)
GROUP BY account_id, w.whose, source_id, code, care"""
SETTLED = f"""{ROWS}INSERT INTO attention (account_id, source_id, subject, subject_id, code, message, raised_at, settled_at)
SELECT {{account}}, {{source}}, 'fulfillment_request', {{request}}, 'unsent', 'Look.', n, n FROM g"""
STEPS = 4000  # of SQLite's machine
BUFFERS = 130  # pages that PostgreSQL looks at


class Costs(NamedTuple):
    """Waits for one call after another; none of its statements may cost as much as `bound`."""

    counter: Counter
    bound: int

    async def of(self, call: Awaitable[T]) -> T:
        """What the call returns."""
        found = await call
        assert self.counter.taken_above(self.bound) == {}
        return found


def _queries(merchant: Merchant) -> list[AttentionQuery]:
    scope = Scope(merchant.account)
    every = AttentionQuery(scope, now=NOW)
    return [
        every, every._replace(snoozed=True), every._replace(assignee="Mei"), every._replace(unassigned=True),
        every._replace(unassigned=True, snoozed=True), every._replace(assignee="Zoë"),
        every._replace(source_id=merchant.sources[0], codes=("other",)), every._replace(assignee="Mei", snoozed=True),
    ]  # fmt: skip


async def _reads(reads: Any, merchant: Merchant, costs: Costs) -> None:
    source = merchant.sources[0]
    for query in _queries(merchant):
        groups = (await costs.of(reads.attention_groups(query))).shown
        assert 1 <= len(groups) <= 2
        for since in (0, COUNT // 2):
            places = [Place(source, group.code, since, since) for group in groups]
            items = await costs.of(reads.attention_items(query, places, 5))
            assert 1 <= len(items) <= 5 * len(groups)
            assert items[0].since > since
    assert await costs.of(reads.accounts_with_outdated_snoozes(NOW)) == [merchant.account]
    overdue = OverdueQuery(merchant.account, Status.PROCESSING, None, (), NOW, NOW, 200)
    assert len(await costs.of(reads.overdue(overdue))) == 1


async def _writes(tx: Any, merchant: Merchant, request: int, costs: Costs) -> None:
    """Raised, cared for, and settled, as by a clock rule and by a late answer."""
    for code in (Condition.UNSENT, LATE[0]):
        row = Attention(merchant.account, merchant.sources[0], "fulfillment_request", request, code, "Look.", NOW)
        assert await costs.of(tx.raise_attention([row])) == 1
        assert len(await costs.of(tx.fetch(items_of(tx.dialect), tx.dialect.array([request])))) == 1
        assert await costs.of(tx.settle_attention(merchant.account, row.subject, request, [code], NOW))
    assert await costs.of(tx.list_snoozes(merchant.account, NOW, 3)) == 3


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_a_look_costs_what_it_shows(store: Store, migrated_url: str, analysed: bool) -> None:
    merchant = await open_merchant(store)
    request = await merchant.request()
    ids = {"account": merchant.account, "source": merchant.sources[0], "request": request}
    filling = [text.format(**ids) for text in (ITEMS, GROUPS, SETTLED)]
    for sql in (*filling, *["ANALYZE"] * analysed):
        await run_sql(migrated_url, sql)
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        costs = Costs(counter, STEPS if is_sqlite(migrated_url) else BUFFERS)
        await _reads(counted.reads, merchant, costs)
        await counted.write(lambda tx: _writes(tx, merchant, request, costs))


SOURCES = 1_000


async def test_reasons_are_not_looked_up_at_sources_that_have_none(store: Store, migrated_url: str) -> None:
    """Of a thousand sources, one has three groups; then another one has so many that the walk of all is not worth it."""
    merchant = await open_merchant(store, sources=SOURCES)
    await Filling(merchant.account, merchant.sources[0], 3).write(migrated_url)
    query = AttentionQuery(Scope(merchant.account), codes=tuple(f"x_{number:05}" for number in range(50)), now=NOW)
    engine = 0 if is_sqlite(migrated_url) else 1
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        costs = Costs(counter, LOOKED_UP[engine])
        assert (await costs.of(counted.reads.attention_groups(query))).total == 3
        await Filling(merchant.account, merchant.sources[-1], 2 * GROUPS_AT_MOST).write(migrated_url)
        counter.taken()
        few = query._replace(codes=("x_00002", "x_01999"))
        assert (await costs.of(counted.reads.attention_groups(few))).total == 3


MANY = 20_000  # groups
LOOKED_UP = (1_000, 150)  # steps and buffers, of a few groups found by code
SHOWN = (150_000, 9_000)  # of as many groups as a reply shows, each with its oldest item
SUMMED = (20 * MANY, MANY * 3 // 2)  # of the total over all groups, which is a walk of them


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_a_look_costs_no_more_where_groups_are_many(store: Store, migrated_url: str, analysed: bool) -> None:
    merchant = await open_merchant(store)
    first, second = merchant.sources
    await Filling(merchant.account, first, MANY).write(migrated_url)
    await Filling(merchant.account, second, 2, assignee="Mei").write(migrated_url)
    if analysed:
        await run_sql(migrated_url, "ANALYZE")
    every = AttentionQuery(Scope(merchant.account), now=NOW)
    ten = tuple(f"x_{number:05}" for number in range(0, MANY, MANY // 10))
    narrow = {
        every._replace(codes=("x_00002",)): 2, every._replace(codes=("x_00002", "x_19999"), unassigned=True): 2,
        every._replace(codes=("x_00002", "x_19999"), source_id=first, snoozed=True): 2, every._replace(source_id=second): 2,
        every._replace(after=Place(first, "x_19999", 0, 0)): 1, every._replace(assignee="Mei"): 2,
        every._replace(codes=ten): len(ten) - 1,
    }  # fmt: skip
    engine = 0 if is_sqlite(migrated_url) else 1
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        for query, count in narrow.items():
            found = await Costs(counter, LOOKED_UP[engine] * max(1, count // 2)).of(counted.reads.attention_groups(query))
            assert (len(found.shown), found.total, found.has_more) == (count, count, False)
        for query, total in ((every, MANY + 2), (every._replace(source_id=first), MANY), (every._replace(unassigned=True), MANY)):
            found = await counted.reads.attention_groups(query)
            shown, summed = counter.taken().values()
            assert (len(found.shown), found.total, found.has_more) == (GROUPS_AT_MOST, total, True)
            assert (shown < SHOWN[engine], summed < SUMMED[engine]) == (True, True), (shown, summed)
