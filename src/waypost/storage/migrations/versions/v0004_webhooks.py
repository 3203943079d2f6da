"""Webhook endpoints and their deliveries.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.SmallInteger(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_webhook()
    _create_webhook_delivery()


def _big(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _text(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(name))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _create_webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", Key, nullable=False), _big("account_id"), _big("source_id", null=True),
        _big("channel_id", null=True), _text("name"), _text("url"), _text("notification_email", null=True),
        _text("status"), _text("disabled_reason", null=True), _text("subscribed"),
        sa.Column("strict_order", Flag, nullable=False), _int("timeout_s"), _text("secret"),
        _text("previous_secret", null=True), _big("previous_until", null=True), _big("cursor"), _int("failures"),
        _big("failing_since", null=True), _big("paused_until"), _text("lease_owner", null=True), _big("lease_until"),
        _big("created_at"), _big("updated_at"),
        _check("ck_webhook_status", "status IN ('active', 'disabled', 'deleted')"),
        _fk("webhook", "account_id", "account"), _fk("webhook", "source_id", "source"),
        _fk("webhook", "channel_id", "channel"), sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )  # fmt: skip
    _index("webhook", "account_id", "id")


def _create_webhook_delivery() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", Key, nullable=False), _big("webhook_id"), _text("message_id"), _big("seq", null=True),
        _text("name"), _text("status"), _int("attempts"), _big("next_at", null=True), _text("log"),
        _big("created_at"), _big("updated_at"), _big("delivered_at", null=True),
        _check("ck_webhook_delivery_status", "status IN ('pending', 'delivered', 'failed')"),
        _check("ck_webhook_delivery_next", "next_at IS NULL OR status = 'pending'"),
        _fk("webhook_delivery", "webhook_id", "webhook"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("webhook_id", "message_id", name=op.f("uq_webhook_delivery_webhook_id_message_id")),
    )  # fmt: skip
    _index("webhook_delivery", "webhook_id", "next_at")
    _index("webhook_delivery", "webhook_id", "id")
    _index("webhook_delivery", "updated_at")
