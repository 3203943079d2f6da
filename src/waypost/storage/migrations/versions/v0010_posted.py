"""An order keeps what was posted of it; and a request's time in its status is what its events say.

Older orders keep the hash of what was posted: nobody can tell any more what it was made of. Frozen: what the schema is
today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Step 0002 took the time of a request's last change for the time when it came into its status.
_SINCE = """(SELECT max(e.at) FROM event e
  WHERE e.subject_id = fulfillment_request_state.id AND e.subject = 'fulfillment_request'
    AND e.to_status IS NOT NULL AND (e.from_status IS NULL OR e.from_status <> e.to_status))"""


def upgrade() -> None:
    """Nothing of the orders is filled in."""
    op.add_column("orders", sa.Column("posted", sa.Text()))
    op.execute(f"UPDATE fulfillment_request_state SET status_since = {_SINCE} WHERE status_since <> {_SINCE}")
