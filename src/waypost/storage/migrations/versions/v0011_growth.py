"""Indexes for what was found by walking an account: each filter has one that gives its rows in the order of the page.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Table, columns, and for a partial index its rows.
_INDEXES: tuple[tuple[str, list[str], str | None], ...] = (
    ("webhook_delivery", ["webhook_id", "status", "id"], None),
    ("attention", ["subject_id", "code"], None),
    ("fulfillment_request_state", ["status", "account_id", "id"],
     "status = 'acknowledged' AND fulfillment_status IN ('awaiting_shipment', 'partially_shipped')"),
)  # fmt: skip


def upgrade() -> None:
    """No row is changed."""
    for table, columns, which in _INDEXES:
        where = None if which is None else sa.text(which)
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
