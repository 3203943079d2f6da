"""`waypost check` finds what does not add up about shipments and stock."""

import pytest

from tests.http.test_shipments import post
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.stocked import stocked
from tests.support.world import World

# What somebody does to the database by hand, and the finding that must come of it.
TAMPERED = [
    ("UPDATE shipment_item SET quantity = 2", "shipments_differ"),
    ("UPDATE shipment SET request_id = (SELECT max(id) FROM fulfillment_request)", "shipment_differs"),
    ("UPDATE shipment SET order_id = (SELECT max(id) FROM orders)", "shipment_differs"),
    ("UPDATE shipment SET channel_id = channel_id + 1", "shipment_differs"),
    ("UPDATE shipment SET channel_id = NULL", "shipment_differs"),
    ("UPDATE event SET subject_id = 999 WHERE subject = 'shipment'", "shipment_missing"),
    ("UPDATE inventory_variant SET committed = committed + 1", "stock_total_differs"),
    ("UPDATE stock_ledger SET released = 0, committed = 2", "stock_total_differs"),
    ("UPDATE stock_ledger SET committed = 99", "stock_exceeded"),
    ("UPDATE stock_ledger SET line_id = (SELECT min(line_id) FROM stock_ledger)", "stock_repeated"),
    ("UPDATE stock_ledger SET variant_id = (SELECT max(id) FROM inventory_variant)", "stock_variant_differs"),
    ("UPDATE stock_ledger SET variant_id = (SELECT max(id) FROM inventory_variant)", "stock_source_differs"),
]


@pytest.mark.parametrize(("sql", "expected"), TAMPERED, ids=[f"{c}-{n}" for n, (_, c) in enumerate(TAMPERED)])
async def test_tampering_is_found(world: World, migrated_url: str, sql: str, expected: str) -> None:
    request = await stocked(world, migrated_url, lines=(("SKU-A", 3),))
    made = (await post(world, request["id"], ("SKU-A", 1))).json()
    await world.client().patch("/shipments", json={"id": made["id"], "note": "n"})
    await stocked(world, migrated_url, lines=(("SKU-A", 3),), source=1)
    assert await findings(migrated_url) == []
    await rows(migrated_url, sql)
    assert expected in {finding.check for finding in await findings(migrated_url)}
