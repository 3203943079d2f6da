"""What needs somebody is kept apart by who cares. Indexes of what a clock rule may tell of, and of links.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ITEM = "account_id, source_id, code, since, subject_id, subject, assignee, snoozed_until"
_CARE = """CASE WHEN assignee IS NULL THEN 0 ELSE 1 END
  + CASE WHEN snoozed_until IS NULL THEN 0 ELSE 2 END"""  # what has ended is told at the first look
_GROUP = "account_id, assignee, source_id, code, care"


_STATE = "fulfillment_request_state"
_WATCHED = (
    "NOT alerted AND (status IN ('processing', 'processed')"
    " OR status = 'acknowledged' AND fulfillment_status IN ('awaiting_shipment', 'partially_shipped'))"
)
_COUNTS_FROM = "(CASE WHEN held_until > status_since THEN held_until ELSE status_since END)"



def upgrade() -> None:
    """The items that need somebody, the states, and the indexes."""
    _keep_items_apart()
    _copy_to_states()
    _index()


def _keep_items_apart() -> None:
    """Make both tables anew: their keys change."""
    op.execute(f"CREATE TABLE attention_before AS SELECT {_ITEM} FROM attention_item")
    for name in ("attention_item", "attention_group"):
        op.drop_table(name)
    _create_tables()
    op.execute(f"INSERT INTO attention_item ({_ITEM}, care) SELECT {_ITEM}, {_CARE} FROM attention_before")
    op.drop_table("attention_before")
    op.execute(f"""INSERT INTO attention_group ({_GROUP}, total) SELECT {_GROUP}, count(*) FROM (
        SELECT account_id, '' AS assignee, source_id, code, care FROM attention_item
        UNION ALL SELECT account_id, assignee, source_id, code, care FROM attention_item WHERE assignee IS NOT NULL) i
      GROUP BY {_GROUP}""")


def _copy_to_states() -> None:
    """Until when a request is held and snoozed."""
    for copy, column in (("held_until", "hold_until"), ("snoozed_until", "snoozed_until")):
        op.add_column(_STATE, sa.Column(copy, sa.BigInteger, nullable=False, server_default="0"))
        op.execute(
            f"UPDATE {_STATE} SET {copy} = (SELECT f.{column} FROM fulfillment_request f WHERE f.id = {_STATE}.id)"
            f" WHERE id IN (SELECT f.id FROM fulfillment_request f WHERE f.{column} > 0)"
        )


def _index() -> None:
    op.drop_index(f"ix_{_STATE}_status_account_id_id", _STATE)
    op.drop_index("ix_handover_attempt_put_off", "handover_attempt")
    made: tuple[tuple[str, str, list[str | sa.TextClause], str], ...] = (
        ("watched", _STATE, ["source_id", "status", "snoozed_until", sa.text(_COUNTS_FROM), "id"], _WATCHED),
        ("put_off", "handover_attempt", ["settled_at"], "outcome = 'deferred' AND next_at IS NOT NULL"),
        ("unlinked", "order_item", ["sku", "order_id"], "product_variant_id IS NULL"),
    )  # fmt: skip
    for name, table, columns, which in made:
        where = sa.text(which)
        op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where)


def _create_tables() -> None:
    def big(name: str, null: bool = False) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger, nullable=null, autoincrement=False)

    op.create_table(
        "attention_item",
        big("account_id"), big("source_id"), sa.Column("code", sa.Text, nullable=False), big("care"), big("since"),
        big("subject_id"), sa.Column("subject", sa.Text, nullable=False), sa.Column("assignee", sa.Text),
        big("snoozed_until", True),
        sa.PrimaryKeyConstraint("account_id", "source_id", "code", "care", "since", "subject_id",
                                name="pk_attention_item"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "attention_group",
        big("account_id"), sa.Column("assignee", sa.Text, nullable=False), big("source_id"),
        sa.Column("code", sa.Text, nullable=False), big("care"), sa.Column("total", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "assignee", "source_id", "code", "care", name="pk_attention_group"),
        sqlite_with_rowid=False,
    )  # fmt: skip
    for name, columns, which in (
        ("assignee", ["assignee", "source_id", "code", "care", "since", "subject_id"], "assignee IS NOT NULL"),
        ("snoozed", ["source_id", "code", "care", "snoozed_until"], "snoozed_until IS NOT NULL"),
    ):
        where = sa.text(which)
        op.create_index(f"ix_attention_item_{name}", "attention_item", ["account_id", *columns],
                        sqlite_where=where, postgresql_where=where)  # fmt: skip
