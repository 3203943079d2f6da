"""Schema 0010: an order that an older version stored has only a hash of what was posted, and is posted again by that."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.filled import run_sql
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.orders import ItemDraft, OrderDraft, OrderPosted
from waypost.domain.orders import PaymentStatus
from waypost.domain.refusals import OtherContent
from waypost.storage.group_commit import GroupWriter
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate, open_store

BEFORE = PLAN.revisions.index("0010")
# Golden: what the version before schema 0010 computed for `DRAFT`, and kept.
HASH = "bcb169da39222c89d8147eb1b29318118b6faa8b9948bfe715d48b33901c079a"
LIKENESS = "01d7f8dcc07e85c15107560601f58e2a"


def _draft(merchant: Merchant, **given: Any) -> OrderDraft:
    items = (
        ItemDraft("SKU-A", "A thing", 3, 125_000, None, None, None, "[]"),
        ItemDraft("SKU-B", None, 1, 0, "L-2", None, None, "[]"),
    )
    plain = OrderDraft(
        merchant.actor(), merchant.channels[0], "OLD-1", "R1", 1_776_643_200_000_000, "note – 物", "Ground",
        '{"name":"José"}', None, PaymentStatus.AUTHORIZED, '["vip","b2b"]',
        '[{"id":1,"name":"gift","value":"yes"}]', items,
    )  # fmt: skip
    return plain._replace(**given)


async def _older(url: str) -> None:
    """Make the order what the version before stored of it."""
    assert [row["likeness"] for row in await rows(url, "SELECT likeness FROM orders")] == [LIKENESS]
    await run_sql(url, f"UPDATE orders SET content_hash = '{HASH}'")
    await run_sql(url, "ALTER TABLE orders DROP COLUMN posted")
    await run_sql(url, f"UPDATE alembic_version SET version_num = '{PLAN.revisions[BEFORE - 1]}'")


async def test_an_older_order_is_posted_again(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    assert merchant.channels[0] == 1, "the golden hash is of an order of this channel"
    await changes.create_order(_draft(merchant))
    await _older(migrated_url)
    await migrate(migrated_url, Plan(PLAN.revisions[: BEFORE + 1], PLAN.folders))
    assert [row["posted"] for row in await rows(migrated_url, "SELECT posted FROM orders")] == [None]
    # What later steps add has been there all along.
    await run_sql(migrated_url, f"UPDATE alembic_version SET version_num = '{PLAN.revisions[-1]}'")
    store = await open_store(migrated_url)
    writer = GroupWriter(store)

    async def post(**given: Any) -> OrderPosted:
        return await Changer(writer, clock).create_order(_draft(merchant, **given))

    same = await post()
    assert (same.created, same.updated_from) == (False, None)
    with pytest.raises(OtherContent):
        await post(shipping_text="Air")
    updated = await post(note=None, tags='["vip"]')
    assert (updated.view.order.note, updated.view.order.tags) == (None, '["vip"]')
    # From now on it is known what was posted.
    with pytest.raises(OtherContent) as caught:
        await post(note=None, tags='["vip"]', shipping_text="Air")
    assert caught.value.fields == ("/shipping_text",)
    await writer.close()
    await store.close()
    await audit(migrated_url)
