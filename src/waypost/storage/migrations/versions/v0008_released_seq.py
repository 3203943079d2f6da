"""A request remembers the event that released it to its source, which sees nothing of it before (contract 1.3).

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_AT_SOURCE = "('processing', 'processed', 'acknowledged', 'processing_error')"


def upgrade() -> None:
    """Find it in the events. What stands at its source without one (a damaged history) stays visible to it."""
    op.add_column("fulfillment_request_state", sa.Column("released_seq", sa.BigInteger))
    op.execute(f"""UPDATE fulfillment_request_state SET released_seq = coalesce(
        (SELECT min(e.seq) FROM event e WHERE e.subject_id = fulfillment_request_state.id
           AND e.subject = 'fulfillment_request' AND e.to_status IN {_AT_SOURCE}),
        CASE WHEN status IN {_AT_SOURCE} THEN 0 END)""")
