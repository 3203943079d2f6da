"""What gathers at one thing: listings that share an external id, shipments and late attempts of one request, and a
product that many sources have.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WITH_MORE = (  # of an index: its table and columns, and the column that comes behind them
    ("listing_variant", ["channel_id", "external_id"], "id"),
    ("inventory_variant", ["product_variant_id"], "source_id"),
    ("shipment", ["request_id"], "tracking_number"),
)


def upgrade() -> None:
    """Put another column into three indexes, and add one."""
    for table, columns, more in _WITH_MORE:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
        op.create_index(f"ix_{table}_{'_'.join([*columns, more])}", table, [*columns, more])
    late = sa.text("late_at IS NOT NULL")
    op.create_index(
        "ix_handover_attempt_late", "handover_attempt", ["request_id", "late_at"], sqlite_where=late,
        postgresql_where=late,
    )  # fmt: skip
