"""What gathers at one thing: listings that share an external id, and attempts of one request that ended late.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_LISTING, _ATTEMPT = "listing_variant", "handover_attempt"


def upgrade() -> None:
    """Add an index, and the id to another."""
    op.drop_index(f"ix_{_LISTING}_channel_id_external_id", _LISTING)
    op.create_index(f"ix_{_LISTING}_channel_id_external_id_id", _LISTING, ["channel_id", "external_id", "id"])
    late = sa.text("late_at IS NOT NULL")
    op.create_index(
        f"ix_{_ATTEMPT}_late", _ATTEMPT, ["request_id", "late_at"], sqlite_where=late, postgresql_where=late
    )
