"""Listings that share an external id at their channel: the last made of them is found without the others.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TABLE = "listing_variant"


def upgrade() -> None:
    """Put the id into the index."""
    op.drop_index(f"ix_{_TABLE}_channel_id_external_id", _TABLE)
    op.create_index(f"ix_{_TABLE}_channel_id_external_id_id", _TABLE, ["channel_id", "external_id", "id"])
