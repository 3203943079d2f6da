"""Webhook deliveries that are due are found in their order, however many wait.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put an index of what waits, by moment and id, in the place of one of all deliveries by moment."""
    where = sa.text("next_at IS NOT NULL")
    columns = ["webhook_id", "next_at", "id"]
    op.create_index("ix_webhook_delivery_due", "webhook_delivery", columns, sqlite_where=where, postgresql_where=where)
    op.drop_index("ix_webhook_delivery_webhook_id_next_at", "webhook_delivery")
