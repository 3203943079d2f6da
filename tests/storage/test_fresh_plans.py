"""A table that was filled a moment ago has no statistics yet: what looks up by id must not need any."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import waypost.storage
from tests.support.keys import key_file_for
from tests.support.merchant import open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import RequestQuery, Store
from waypost.storage.dialect import POSTGRES
from waypost.storage.opening import open_store
from waypost.storage.postgres_reads import BY_INDEX
from waypost.storage.queries import handing, plain_moves, postgres, request_pages, requests
from waypost.storage.queries.request_drivers import Driver

COUNT = 3000  # requests of one account
CLONED = f"""INSERT INTO {{table}} SELECT (jsonb_populate_record(t, jsonb_build_object('id', n))).*
FROM {{table}} t, generate_series(1000, {1000 + COUNT}) n"""


@pytest.fixture
def engine() -> str:
    """Only this one plans by statistics."""
    return "postgresql"


@pytest.fixture
async def store(pristine_url: str) -> Store:
    """A store on a database whose tables nobody has analysed."""
    return await open_store(pristine_url, migrate=False, key_file=key_file_for(pristine_url))


@pytest.fixture
async def filled(store: Store, pristine_url: str) -> str:
    """A request, and thousands like it, that nobody has analysed."""
    merchant = await open_merchant(store)
    await merchant.request()
    await store.close()
    db = await asyncpg.connect(pristine_url)
    await db.execute("SET session_replication_role = replica")  # the copies have no orders of their own
    await db.execute(CLONED.format(table="fulfillment_request_state"))
    await db.close()
    return pristine_url


@pytest.mark.parametrize("sql", [postgres.LOAD_STATES, postgres.LOAD_ALL, postgres.VERSIONS, postgres.REQUESTS_WITH_LINES, plain_moves.PLAIN_MOVES])
async def test_requests_are_found_by_their_id(filled: str, sql: str) -> None:
    db = await asyncpg.connect(filled)
    try:
        await db.execute("SET plan_cache_mode = force_generic_plan")
        await db.execute(f"PREPARE found AS {sql}")
        count = max(int(number) for number in re.findall(r"\$(\d+)", sql))
        nothing = ", ".join(["NULL"] * count)
        plan = [row[0] for row in await db.fetch(f"EXPLAIN EXECUTE found({nothing})")]
    finally:
        await db.close()
    by = [line.strip() for line in plan if " on fulfillment_request_state" in line and "Update" not in line]
    assert by
    assert all("pk_fulfillment_request_state" in line for line in by), "\n".join(plan)


async def test_a_claim_walks_only_what_waits_once_the_tables_are_analysed(filled: str) -> None:
    """Statistics make merging whole tables look cheap; see `storage.queries.handing`."""
    db = await asyncpg.connect(filled)
    try:
        await db.execute("SET session_replication_role = replica")
        await db.execute(CLONED.format(table="fulfillment_request"))
        await db.execute("ANALYZE")
        await db.execute("SET plan_cache_mode = force_generic_plan")
        await db.execute(f"PREPARE claimed AS {handing.claim(POSTGRES)}")
        nothing = ", ".join(["NULL"] * 7)
        plan = "\n".join(row[0] for row in await db.fetch(f"EXPLAIN EXECUTE claimed({nothing})"))
    finally:
        await db.close()
    assert "Merge" not in plan
    assert "Hash" not in plan
    assert "pk_fulfillment_request on fulfillment_request r" in plan, plan
    assert "ix_fulfillment_request_state_source_id_waits_until_id on fulfillment_request_state s" in plan, plan


async def test_five_hundred_keys_are_looked_up_in_a_table_without_statistics(store: Store, pristine_url: str) -> None:
    """Their values told the planner that most rows match; see `BY_INDEX`."""
    merchant = await open_merchant(store)
    await merchant.request()
    async with asyncpg.create_pool(pristine_url, min_size=1, max_size=1) as db:
        await db.execute("""INSERT INTO orders SELECT (jsonb_populate_record(t,
          jsonb_build_object('id', n, 'order_number', 'N-' || n))).* FROM orders t, generate_series(1000, 60000) n""")
    keys = [(merchant.channels[0], f"N-{n}") for n in range(2000, 2500)]
    told: list[str] = []

    async def look(tx: Any) -> Any:
        fetch = tx.fetch

        async def noted(sql: str, *args: Any) -> Any:
            told.append(sql)
            return await fetch(sql, *args)

        tx.fetch = noted
        return await tx.orders_by_number(keys)

    assert len(await store.write(look)) == len(keys)
    [sql] = told

    async def explain(tx: Any) -> str:
        await tx.execute(f"PREPARE looked AS {sql}")
        numbers = ", ".join(f"'{number}'" for _, number in keys)
        rows = await tx.fetch(f"EXPLAIN EXECUTE looked(ARRAY[{merchant.channels[0]}]::bigint[], ARRAY[{numbers}])")
        return "\n".join(row[0] for row in rows)

    plan = await store.write(explain)
    assert "uq_orders_channel_id_order_number" in plan
    assert "ix_orders_channel_id" not in plan
    await store.close()


async def test_an_order_is_locked_by_its_id_alone(store: Store, pristine_url: str) -> None:
    """Its account's index gave all orders of the account, to be compared with the one."""
    merchant = await open_merchant(store)
    await merchant.request()
    db = await asyncpg.connect(pristine_url)
    await db.execute("""INSERT INTO orders SELECT (jsonb_populate_record(t,
      jsonb_build_object('id', n, 'order_number', 'N-' || n))).* FROM orders t, generate_series(1000, 60000) n""")
    await db.close()
    told: list[str] = []

    async def look(tx: Any) -> str:
        fetch = tx.fetch

        async def noted(sql: str, *args: Any) -> Any:
            told.append(sql)
            return await fetch(sql, *args)

        tx.fetch = noted
        assert list(await tx.order_parts(merchant.actor().scope, [2000])) == [2000]
        await tx.execute(f"PREPARE looked AS {told[0]}")
        rows = await fetch(f"EXPLAIN EXECUTE looked(ARRAY[2000]::bigint[], {merchant.account}, NULL)")
        return "\n".join(row[0] for row in rows)

    plan = await store.write(look)
    assert "pk_orders" in plan, plan
    assert "ix_orders" not in plan, plan
    await store.close()


def test_no_statement_leaves_it_to_the_planner_whether_a_row_is_there() -> None:
    """See `is_there`."""
    package = Path(waypost.storage.__file__).parent
    exempt = {"checking.py", "checking_handover.py", "readiness.py", "transfer.py"}  # which read everything, or nothing
    found = [
        path.name for path in package.rglob("*.py")
        if "migrations" not in path.parts and path.name not in exempt and re.search(r"EXISTS\s*\(", path.read_text())
    ]  # fmt: skip
    assert not found


async def test_a_page_walks_nothing_that_lies_before_it(filled: str) -> None:
    """Statistics make that look cheap, too; see `BY_INDEX`."""
    db = await asyncpg.connect(filled)
    await db.execute("SET session_replication_role = replica")
    await db.execute(CLONED.format(table="fulfillment_request"))
    await db.execute("ANALYZE")
    await db.close()
    query = RequestQuery(Scope(1, None, None), since_id=1000 + COUNT - 100)
    store = await open_store(filled, migrate=False, key_file=key_file_for(filled))
    read: Any = store.reads
    ids = [id_ for id_, _ in await store.reads.versions(query)]
    for sql, args in (
        request_pages.page(query, POSTGRES, Driver.ID),
        requests.by_ids(query.scope, ids, POSTGRES),
    ):
        plan = [row[0] for row in await read.slow(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) {sql}", *args)]
        walked = [float(line.partition("actual rows=")[2].split()[0]) for line in plan if "actual rows=" in line]
        assert max(walked) <= query.limit, "\n".join(plan)
    await store.close()


async def test_many_orders_alike_are_no_reason_to_walk_all_orders(filled: str) -> None:
    """Statistics that know of one text only make any order look like a likely twin."""
    db = await asyncpg.connect(filled)
    await db.execute("UPDATE orders SET likeness = 'the same'")
    await db.execute(
        f"""INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', n, 'order_number', 'N-' || n))).*
        FROM orders o, generate_series(1000, {1000 + COUNT}) n"""
    )
    await db.execute("ANALYZE")
    (channel,) = {row[0] for row in await db.fetch("SELECT channel_id FROM orders")}
    latest = await db.fetchval("SELECT order_number FROM orders ORDER BY id DESC LIMIT 1")
    await db.close()
    asked: list[tuple[str, tuple[Any, ...]]] = []
    likenesses = [(channel, "the same"), (channel, "another"), (channel + 1, "the same"), (channel, "a first")]

    async def look(tx: Any) -> tuple[Any, list[str]]:
        fetch = tx.fetch

        async def noted(sql: str, *args: Any) -> Any:
            asked.append((sql, args))
            return await fetch(sql, *args)

        tx.fetch = noted
        twins = await tx.twins(likenesses, 0)
        (sql, args), *_ = asked
        plan = await fetch(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) {sql}", *args)
        return twins, [row[0] for row in plan]

    store = await open_store(filled, migrate=False, key_file=key_file_for(filled))
    twins, plan = await store.write(look)
    await store.close()
    assert twins == [(channel, "the same", latest)]
    removed = [int(line.rpartition(":")[2]) for line in plan if "Rows Removed by Filter" in line]
    assert sum(removed) == 0, "\n".join(plan)
    assert any("ix_orders_channel_id_likeness_id" in line for line in plan), "\n".join(plan)


async def test_no_session_reads_a_table_because_it_was_small_once(store: Store) -> None:
    """A plan is kept until the tables are analysed again; see `BY_INDEX`."""
    for setting, value in BY_INDEX.items():
        asked = f"SHOW {setting}"

        async def written(tx: Any, asked: str = asked) -> Any:
            return await tx.fetch(asked)

        read: Any = store.reads
        assert [row[0] for row in await read.slow(asked)] == [value]
        assert [row[0] for row in await store.write(written)] == [value]
    await store.close()
