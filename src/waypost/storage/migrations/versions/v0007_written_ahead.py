"""What waits for its time is also found by when it was written; an attempt remembers the settings it was written by.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two indexes, of waiting rows only, and a column."""
    op.add_column("handover_attempt", sa.Column("settings_version", sa.Integer))
    for table, columns, which in (
        ("handover_attempt", ["settled_at"], "outcome = 'rejected' AND next_at IS NOT NULL"),
        ("webhook_delivery", ["webhook_id", "updated_at"], "next_at IS NOT NULL"),
    ):
        where = sa.text(which)
        op.create_index(f"ix_{table}_waiting", table, columns, sqlite_where=where, postgresql_where=where)
