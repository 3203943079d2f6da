"""Indexes for what was found by walking an account: each filter has one that gives its rows in the order of the page.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TO_SHIP = (
    "status = 'acknowledged' AND (fulfillment_status = 'awaiting_shipment' OR fulfillment_status = 'partially_shipped')"
)

# Table, columns, and for a partial index its rows.
_INDEXES: tuple[tuple[str, list[str], str | None], ...] = (
    ("webhook_delivery", ["webhook_id", "status", "id"], None),
    ("fulfillment_request", ["channel_id", "source_id", "id"], None),
    ("fulfillment_request_state", ["channel_id", "status", "id"], None),
    ("fulfillment_request_state", ["account_id", "fulfillment_status", "id"], _TO_SHIP),
    ("orders", ["channel_id", "status", "id"], None),
    ("inventory_parent", ["source_id", "id"], None),
    ("inventory_parent", ["account_id", "sku"], None),
    ("inventory_parent", ["account_id", "updated_at"], None),
    ("inventory_variant", ["account_id", "upc"], None),
    ("product_variant", ["account_id", "id"], None),
    ("product_variant", ["account_id", "upc"], None),
    ("product_variant", ["account_id", "updated_at"], None),
    ("listing_parent", ["channel_id", "id"], None),
    ("listing_parent", ["account_id", "sku"], None),
    ("listing_parent", ["account_id", "updated_at"], None),
    ("listing_variant", ["account_id", "sku"], None),
    ("listing_variant", ["account_id", "updated_at"], None),
    ("shipment", ["channel_id", "inserted_at", "id"], None),
    ("fulfillment_request_state", ["status", "account_id", "id"],
     "status = 'acknowledged' AND fulfillment_status IN ('awaiting_shipment', 'partially_shipped')"),
)  # fmt: skip
# Of an account's invoices: the end of the index's name, and which rows it has.
_INVOICES = (
    ("failed", "accounting_error IS NOT NULL"),
    ("synced", "accounting_synced IS TRUE"),
    ("not_synced", "accounting_synced IS NOT TRUE"),
)
_CHANNEL = "(SELECT f.channel_id FROM fulfillment_request f WHERE f.id = shipment.request_id)"


def upgrade() -> None:
    """A shipment remembers the channel of its request, as it does the source."""
    op.add_column("shipment", sa.Column("channel_id", sa.BigInteger))
    op.execute(f"UPDATE shipment SET channel_id = {_CHANNEL}")
    for table, columns, which in _INDEXES:
        where = None if which is None else sa.text(which)
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    for end, rows in _INVOICES:
        columns, where = ["account_id", "inserted_at", "id"], sa.text(rows)
        name = op.f(f"ix_source_invoice_{end}")
        op.create_index(name, "source_invoice", columns, sqlite_where=where, postgresql_where=where)
