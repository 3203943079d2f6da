"""What needs somebody is kept as rows, grouped and counted, so that it can be shown without being looked for.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WATCHED = (("unsent", "processing"), ("unacknowledged", "processed"), ("unshipped", "acknowledged"),
            ("unrepaired", "processing_error"))  # fmt: skip
_CONDITIONS = ", ".join(f"'{code}'" for code, _ in _WATCHED)
_STATUS_OF = "CASE a.code " + " ".join(f"WHEN '{code}' THEN '{status}'" for code, status in _WATCHED) + " END"
# Requests that a clock rule has raised an alert about since they came into the status that it watches.
_ALERTED = f"""SELECT s.id FROM attention a JOIN fulfillment_request_state s ON s.id = a.subject_id
  WHERE a.subject = 'fulfillment_request' AND a.code IN ({_CONDITIONS})
    AND s.status = {_STATUS_OF} AND s.status_since <= a.raised_at"""
_OUTDATED = f"""subject = 'fulfillment_request' AND code IN ({_CONDITIONS}) AND settled_at IS NULL AND NOT EXISTS (
  SELECT 1 FROM fulfillment_request_state s WHERE s.id = a.subject_id
    AND s.status = {_STATUS_OF} AND s.status_since <= a.raised_at)"""
_STUCK = ("'processing_error', 'additional_info_required', 'number_exceeds_max_length', 'duplicate_number',"
          " 'cross_docked'")  # fmt: skip
_ITEMS = f"""SELECT s.account_id, s.source_id,
    CASE WHEN s.status = 'processing_error' THEN coalesce(s.failure_code, 'other') ELSE s.status END AS code,
    s.status_since AS since, s.id AS subject_id, 'fulfillment_request' AS subject
  FROM fulfillment_request_state s WHERE s.status IN ({_STUCK})
UNION ALL SELECT account_id, coalesce(source_id, 0), code, raised_at, subject_id, subject
  FROM attention WHERE settled_at IS NULL"""


def upgrade() -> None:
    """Settle the alerts about requests that have moved on, mark the others, and write what needs somebody now."""
    _create_tables()
    no = sa.Boolean().with_variant(sa.SmallInteger(), "sqlite")
    for name in ("alerted", "cared"):
        op.add_column("fulfillment_request_state", sa.Column(name, no, nullable=False, server_default=sa.false()))
    # Until now they were settled at the next look of the clock; settled at the moment when the request moved on, which
    # is when it came into its present status at the latest.
    op.execute(
        f"""UPDATE attention AS a SET settled_at = coalesce((SELECT max(s.status_since, a.raised_at)
      FROM fulfillment_request_state s WHERE s.id = a.subject_id), a.raised_at) WHERE {_OUTDATED}""".replace(
            "max(", "max(" if op.get_bind().dialect.name == "sqlite" else "greatest("
        )
    )
    op.execute(f"UPDATE fulfillment_request_state SET alerted = (1 = 1) WHERE id IN ({_ALERTED})")
    op.execute("""UPDATE fulfillment_request_state SET cared = (1 = 1) WHERE id IN (
      SELECT id FROM fulfillment_request WHERE assignee IS NOT NULL OR snoozed_until IS NOT NULL)""")
    op.execute(f"""INSERT INTO attention_item (account_id, source_id, code, since, subject_id, subject, assignee,
        snoozed_until)
      SELECT i.account_id, i.source_id, i.code, i.since, i.subject_id, i.subject, f.assignee, f.snoozed_until
      FROM ({_ITEMS}) i LEFT JOIN fulfillment_request f ON i.subject = 'fulfillment_request' AND f.id = i.subject_id""")
    op.execute("""INSERT INTO attention_group (account_id, source_id, code, total)
      SELECT account_id, source_id, code, count(*) FROM attention_item GROUP BY account_id, source_id, code""")


def _create_tables() -> None:
    def big(name: str, null: bool = False) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger, nullable=null, autoincrement=False)

    op.create_table(
        "attention_item",
        big("account_id"), big("source_id"), sa.Column("code", sa.Text, nullable=False), big("since"),
        big("subject_id"), sa.Column("subject", sa.Text, nullable=False), sa.Column("assignee", sa.Text),
        big("snoozed_until", True),
        sa.PrimaryKeyConstraint("account_id", "source_id", "code", "since", "subject_id", name="pk_attention_item"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "attention_group",
        big("account_id"), big("source_id"), sa.Column("code", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "source_id", "code", name="pk_attention_group"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    for name, columns, which in (
        ("assignee", ["account_id", "assignee", "source_id", "code", "since", "subject_id", "snoozed_until"],
         "assignee"),
        ("snoozed", ["account_id", "snoozed_until"], "snoozed_until"),
    ):  # fmt: skip
        where = sa.text(f"{which} IS NOT NULL")
        op.create_index(f"ix_attention_item_{name}", "attention_item", columns,
                        sqlite_where=where, postgresql_where=where)  # fmt: skip
    op.drop_index("ix_attention_open", "attention")
