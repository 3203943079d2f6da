"""Until when a request in Processing waits stands with its state, so that those that are ready are found by an index.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_READY = "status = 'processing' AND handover IS NULL"
# The hold of a request, or the moment to which its source put the latest attempt off, whichever is later.
_WAITS = """SELECT {later}(coalesce(f.hold_until, 0), coalesce((
    SELECT h.next_at FROM handover_attempt h WHERE h.request_id = f.id AND h.outcome = 'deferred'
      AND h.release = fulfillment_request_state.attempt_count
      AND h.number = (SELECT max(o.number) FROM handover_attempt o WHERE o.request_id = f.id)), 0))
  FROM fulfillment_request f WHERE f.id = fulfillment_request_state.id"""


def upgrade() -> None:
    """Add the column and its indexes, and say of what stands in Processing until when it waits."""
    later = "max" if op.get_bind().dialect.name == "sqlite" else "greatest"
    waits = sa.Column("waits_until", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("fulfillment_request_state", waits)
    op.execute(f"UPDATE fulfillment_request_state SET waits_until = ({_WAITS.format(later=later)}) WHERE {_READY}")
    for name, table, columns, which in (
        ("source_id_waits_until_id", "fulfillment_request_state", ["source_id", "waits_until", "id"], _READY),
        ("put_off", "handover_attempt", ["settled_at"], "outcome = 'deferred'"),
    ):
        where = sa.text(which)
        op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where)
