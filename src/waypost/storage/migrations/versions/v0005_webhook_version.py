"""Webhook endpoints have versions, as the other records have.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every endpoint begins at 1."""
    op.add_column("webhook", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
