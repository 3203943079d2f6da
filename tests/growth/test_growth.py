"""Nothing costs more on twenty times the data, but for what is linear by nature and stands in a reviewed list.

`make growth` runs this in every mode and at 50,000 requests, too, and writes the table of `docs/reference/growth.md`.
"""

import pytest

from tests.growth import table
from tests.growth.databases import LARGE, POSTGRES, SEEMS_LARGE, SMALL, SQLITE, Databases, Mode
from tests.growth.judging import grows, judge
from tests.growth.running import measure
from tests.support.postgres import PostgresServer
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.storage.checking import evidence_of
from waypost.storage.location import parse_url

IN_CI = (*SQLITE, POSTGRES[0])


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer) -> Databases:
    """Made by the first test that needs them; once, although a process may come back to this module."""
    return Databases(tmp_path_factory.mktemp("growth"), postgres_server)


@pytest.mark.parametrize("mode", IN_CI, ids=lambda mode: mode.name)
@pytest.mark.timeout(600)
async def test_no_operation_costs_more_on_twenty_times_the_data(databases: Databases, mode: Mode) -> None:
    small, large = await measure(databases, mode, SMALL), await measure(databases, mode, LARGE)
    assert len(small) > 3_000
    assert [*judge(mode, small, large, LARGE)] == []


@pytest.mark.parametrize("mode", [SQLITE[0], POSTGRES[0]], ids=lambda mode: mode.name)
async def test_what_is_measured_is_an_account_that_adds_up(databases: Databases, mode: Mode) -> None:
    findings: list[Finding] = []
    template = await databases.template()
    async with databases.copied(mode, SMALL) as url, evidence_of(parse_url(url), template.key_file) as evidence:
        examined = await check(evidence, findings.append)
    assert findings == []
    assert examined.requests > SMALL * 0.95
    assert examined.events > SMALL * 5


@pytest.mark.timeout(600)
async def test_no_table_is_walked_because_it_seems_large(databases: Databases) -> None:
    mode = POSTGRES[1]
    small, large = await measure(databases, mode, SMALL), await measure(databases, mode, LARGE, planted=SEEMS_LARGE)
    assert [*judge(mode, small, large, LARGE)] == []


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
    assert table.heads() == {table.head([*SQLITE, *POSTGRES])}, "`make growth` writes the page again"
