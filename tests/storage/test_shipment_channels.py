"""A shipment has its request's channel: written with it, moved with it, and found by the migration that adds it."""

from tests.support.clock import START
from tests.support.database import rows
from tests.support.filled import run_sql
from tests.support.merchant import Merchant, Wanted
from waypost.app.ports import Store, Tx
from waypost.domain.shipments import Shipment
from waypost.storage.migrations import PLAN, Plan
from waypost.storage.opening import migrate
from waypost.storage.schema import metadata

BEFORE = PLAN.revisions.index("0011")
CHANNELS = "SELECT id, channel_id FROM shipment ORDER BY id"


async def test_a_shipment_has_the_channel_of_its_request(store: Store, merchant: Merchant, migrated_url: str) -> None:
    requests = await merchant.requests(Wanted(channel=0), Wanted(channel=1))
    first, second = merchant.channels[:2]

    async def write(tx: Tx) -> list[Shipment]:
        made = []
        for id_, request_id in zip(await tx.new_ids("shipment", 2), requests, strict=True):
            [row] = await rows(migrated_url, f"SELECT * FROM fulfillment_request WHERE id = {request_id}")
            values = {"id": id_, "account_id": merchant.account, "source_id": row["source_id"], "order_id": row["order_id"],
                      "request_id": request_id, "tracking_number": "T", "shipped_at": START, "suppressed": False,
                      "partial": False, "custom_fields": "[]", "inserted_at": START, "updated_at": START,
                      "version": 1}  # fmt: skip
            made.append(Shipment(**{**dict.fromkeys(Shipment._fields), **values}))  # type: ignore[arg-type]  # by name
        await tx.insert_shipments(made, [])
        return made

    made = await store.write(write)
    assert [row["channel_id"] for row in await rows(migrated_url, CHANNELS)] == [first, second]
    moved = made[0]._replace(request_id=requests[1], order_id=made[1].order_id)
    await store.write(lambda tx: tx.update_shipments([moved], []))
    assert [row["channel_id"] for row in await rows(migrated_url, CHANNELS)] == [second, second]
    await store.write(lambda tx: tx.update_shipments([made[0]], []))
    await _older(migrated_url)
    await migrate(migrated_url, Plan(PLAN.revisions[: BEFORE + 1], PLAN.folders))  # what later steps made is there
    assert [row["channel_id"] for row in await rows(migrated_url, CHANNELS)] == [first, second]


async def _older(url: str) -> None:
    """Make the schema what the version before had."""
    from waypost.storage.migrations.versions import v0011_growth as step

    for name in (*(f"ix_{table}_{'_'.join(columns)}" for table, columns, _ in step._INDEXES),
                 *(f"ix_source_invoice_{end}" for end, _ in step._INVOICES)):  # fmt: skip
        await run_sql(url, f"DROP INDEX IF EXISTS {name}")  # a later step may have dropped it
    assert "channel_id" in metadata.tables["shipment"].c
    await run_sql(url, "ALTER TABLE shipment DROP COLUMN channel_id")
    await run_sql(url, f"UPDATE alembic_version SET version_num = '{PLAN.revisions[BEFORE - 1]}'")
