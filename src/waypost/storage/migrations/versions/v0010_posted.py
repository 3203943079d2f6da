"""An order keeps what was posted of it. Older orders keep the hash of it: nobody can tell any more what it was made of.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is filled in."""
    op.add_column("orders", sa.Column("posted", sa.Text()))
