"""Statistics of a young SQLite database mislead in a grown one, so the hub forgets them when it opens the file."""

import pytest

from tests.growth.counting import counted_store
from tests.support.filled import run_sql
from tests.support.merchant import open_merchant
from waypost.app.ports import RequestQuery
from waypost.domain.statuses import Status
from waypost.storage.opening import open_store

COUNT = 400  # requests that came after ANALYZE
STEPS = 1_500  # a table of so many is not read for this


@pytest.fixture
def engine() -> str:
    """PostgreSQL gathers its own."""
    return "sqlite"


async def test_what_was_gathered_when_there_was_little_is_forgotten(database_url: str) -> None:
    store = await open_store(database_url)
    merchant = await open_merchant(store)
    (first,) = await merchant.requests(Status.PROCESSING)
    await store.close()
    await run_sql(database_url, "ANALYZE")
    assert len(await run_sql(database_url, "SELECT * FROM sqlite_stat1")) > 5
    store = await open_store(database_url)
    merchant.store = store
    await merchant.requests(*[Status.PROCESSING] * COUNT)
    await store.close()
    assert await run_sql(database_url, "SELECT * FROM sqlite_stat1") == []
    async with counted_store(database_url) as (counted, counter):
        found = await counted.reads.requests(RequestQuery(merchant.actor().scope, since_id=first, limit=2))
        assert len(found) == 2
        assert counter.taken_above(STEPS) == {}
