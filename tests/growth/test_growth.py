"""Nothing costs more on twenty times the data, but for what is linear by nature and stands in a reviewed list.

`make growth` runs this in every mode and at 50,000 requests, too, and writes the table of `docs/reference/growth.md`.
"""

import os

import pytest

from tests.growth import table
from tests.growth.databases import LARGE, POSTGRES, SEEMS_LARGE, SMALL, SQLITE, VERY_LARGE, Databases, Mode
from tests.growth.judging import grows, judge
from tests.growth.measuring import Cost
from tests.growth.running import measure
from tests.growth.template import RARE_CHANNEL, RARE_SOURCE
from tests.support.postgres import PostgresServer
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.storage.checking import evidence_of
from waypost.storage.location import parse_url

IN_CI = (*SQLITE, POSTGRES[0])
# Where tables only seem large: each call by one token, or (`make growth`) by every kind of token, and the work of the hub.
SEEN_BY = "*" if os.environ.get("WAYPOST_GROWTH") == "all" else "* as account"
# Tables that are as long in the larger account, and why: whatever calls add to grows, or nobody sees what walks it.
AS_LONG: dict[str, str] = {
    "account": "Only a person with access to the machine makes one.", "account_counter": "As above.", "token": "As above.",
    "clock_rule": "An account has a few, whatever it asks for.",
    "pending_task": "What the program itself has to do, by name.",
    "source_delivery": "A worker keeps something for each source that it sends to.",
}


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Databases:
    """Made by the first test that needs them; once, although a process may come back to this module."""
    return Databases(tmp_path_factory.mktemp("growth"), postgres_server)


@pytest.mark.parametrize("mode", IN_CI, ids=lambda mode: mode.name)
@pytest.mark.timeout(600)
async def test_no_operation_costs_more_on_twenty_times_the_data(databases: Databases, mode: Mode) -> None:
    # Statistics make PostgreSQL choose another plan as tables grow.
    count = VERY_LARGE if mode is POSTGRES[0] else LARGE
    small, large = await measure(databases, mode, SMALL), await measure(databases, mode, count)
    assert len(small) > 3_000
    assert [*judge(mode, small, large, count)] == []


@pytest.mark.parametrize("mode", [SQLITE[0], POSTGRES[0]], ids=lambda mode: mode.name)
async def test_what_is_measured_is_an_account_that_adds_up(databases: Databases, mode: Mode) -> None:
    findings: list[Finding] = []
    template = await databases.template()
    async with databases.copied(mode, SMALL) as url, evidence_of(parse_url(url), template.key_file) as evidence:
        examined = await check(evidence, findings.append)
    assert findings == []
    assert examined.requests > SMALL * 0.95
    assert examined.events > SMALL * 5


async def test_every_table_that_calls_add_to_is_longer_in_the_larger_account(databases: Databases) -> None:
    small, large = await databases.plan(SMALL), await databases.plan(LARGE)
    as_long = {table for table, found in large.rows.items() if len(found) < len(small.rows[table]) + 400}
    assert as_long == set(AS_LONG), "add rows in tests/growth/crowd.py, or say in AS_LONG why they need not be more"


@pytest.mark.timeout(600)
async def test_no_table_is_walked_because_it_seems_large(databases: Databases) -> None:
    mode = POSTGRES[1]
    small = await measure(databases, mode, SMALL, SEEN_BY)
    large = await measure(databases, mode, LARGE, SEEN_BY, SEEMS_LARGE)
    assert len(small) > 500
    assert [*judge(mode, small, large, LARGE)] == []


@pytest.mark.parametrize("mode", [SQLITE[0], POSTGRES[0]], ids=lambda mode: mode.name)
@pytest.mark.timeout(600)
async def test_who_has_little_does_not_pay_for_what_others_change(databases: Databases, mode: Mode) -> None:
    """Whoever asks what has changed pays at most for what is their own: four of a hundred requests, and less of others."""
    own = LARGE * 4 // 100
    changed = [
        f"UPDATE {table} SET {column} = (SELECT max(last_at) FROM account_counter) + 1 WHERE {owner}_id <> {rare}"
        for table, column, owner, rare in (
            ("fulfillment_request_state", "modified_at", "source", RARE_SOURCE),
            ("shipment", "updated_at", "source", RARE_SOURCE), ("inventory_variant", "updated_at", "source", RARE_SOURCE),
            ("inventory_parent", "updated_at", "source", RARE_SOURCE),
            ("listing_variant", "updated_at", "channel", RARE_CHANNEL), ("orders", "updated_at", "channel", RARE_CHANNEL),
            ("listing_parent", "updated_at", "channel", RARE_CHANNEL),
        )
    ]  # fmt: skip
    unshipped = f"""UPDATE fulfillment_request_state SET status = 'acknowledged', fulfillment_status = 'partially_shipped'
      WHERE source_id <> {RARE_SOURCE} AND status IN ('acknowledged', 'canceled')"""
    synced = f"UPDATE source_invoice SET accounting_synced = (source_id = {RARE_SOURCE})"
    costs: dict[str, Cost] = {}
    for only in ("list_*pdatedAfter=new as rare *", "list_*pdatedAt=new as rare *", "list_source_invoices is*=false as rare *",
                 "list_fulfillment_requests filterFulfilmentStatus=* as rare source"):  # fmt: skip
        costs |= await measure(databases, mode, LARGE, only, planted=";\n".join([*changed, unshipped, synced]))
    assert len(costs) > 12
    most = own * (60 if mode.engine == "sqlite" else 12)
    # Of an order, it is looked up what belongs to it.
    bounds = {name: most * (4 if name.startswith("list_orders") else 1) for name in costs}
    assert {name: cost.total for name, cost in costs.items() if cost.total > bounds[name] or cost.problem} == {}


async def test_a_missing_index_would_be_found(databases: Databases) -> None:
    call, planted = "list_shipments findByOrderId=one as account", "DROP INDEX ix_shipment_order_id"
    for mode in IN_CI:
        good = [await measure(databases, mode, count, call) for count in (SMALL, LARGE)]
        assert [*judge(mode, good[0], good[1], LARGE)] == []
        bad = [await measure(databases, mode, count, call, planted) for count in (SMALL, LARGE)]
        assert grows(mode, bad[0][call], bad[1][call])
        assert len([*judge(mode, bad[0], bad[1], LARGE)]) == 1


async def test_the_table_has_every_call(databases: Databases) -> None:
    found = await measure(databases, SQLITE[0], SMALL)
    assert table.shown() == set(table.groups([*found]))
    assert set(table.told()) <= set(table.PAGE.read_text().splitlines()), "`make growth` writes the page again"
    assert table.heads() == {table.head([*SQLITE, *POSTGRES])}, "`make growth` writes the page again"
