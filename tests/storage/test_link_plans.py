"""Items of a SKU that is a product now are found by that SKU, however many items are unmanaged."""

from typing import Any

import pytest

from tests.growth.counting import counted_store
from tests.support.database import is_sqlite, rows
from tests.support.filled import run_sql
from tests.support.merchant import Wanted, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store
from waypost.app.ports.orders import LinkQuery
from waypost.domain.order_lifecycle import LINKABLE

COUNT = 20_000  # items that are unmanaged, each with a SKU of its own; and as many products
ROWS = f"WITH RECURSIVE g(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM g WHERE n < {COUNT}) "
ITEMS = f"""{ROWS}INSERT INTO order_item (order_id, line_number, sku, quantity, price, custom_fields, allocated,
  acknowledged, shipped, canceled) SELECT CASE WHEN n = 77 THEN {{small}} ELSE {{order}} END, n, 'SKU-' || n, 1, 0, '[]', 0, 0, 0, 0 FROM g"""
PRODUCTS = f"""{ROWS}INSERT INTO product_variant (account_id, sku, custom_fields, inserted_at, updated_at)
SELECT {{account}}, 'P-' || n, '[]', 1, 1 FROM g"""
KNOWN = """INSERT INTO product_variant (account_id, sku, custom_fields, inserted_at, updated_at)
VALUES ({account}, 'SKU-77', '[]', 1, 1)"""
STEPS = 600  # of SQLite's machine
BUFFERS = 40  # pages that PostgreSQL looks at


@pytest.mark.parametrize("analysed", [False, True], ids=["fresh", "analysed"])
async def test_items_of_a_sku_are_found_by_it(store: Store, migrated_url: str, analysed: bool) -> None:
    merchant, neighbour = await open_merchant(store), await open_merchant(store, "theirs")
    await merchant.requests(Wanted(), Wanted())
    order, small = [row["id"] for row in await rows(migrated_url, "SELECT id FROM orders ORDER BY id")]
    [was] = await rows(migrated_url, f"SELECT count(*) AS n FROM order_item WHERE order_id = {small}")
    for text in (ITEMS, PRODUCTS, KNOWN, *["ANALYZE"] * analysed):
        await run_sql(migrated_url, text.format(account=merchant.account, order=order, small=small))
    bound = STEPS if is_sqlite(migrated_url) else BUFFERS
    async with counted_store(migrated_url, generic=True) as (counted, counter):
        reads: Any = counted.reads
        for account, skus, found in (
            (merchant.account, ("SKU-77", "SKU-78"), [(small, was["n"] + 1)]), (merchant.account, ("SKU-78", "P-78"), []),
            (neighbour.account, ("SKU-77",), []),
        ):  # fmt: skip
            assert await reads.linkable_orders(LinkQuery(Scope(account), skus), LINKABLE, 10) == found
            assert counter.taken_above(bound) == {}
