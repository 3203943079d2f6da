"""Webhook endpoints, each with its place in the event log, and one row per message sent to one."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql_text

from waypost.storage.schema.base import flag, key, metadata, number, ref, text

webhook = Table(
    "webhook", metadata, key(), ref("account_id", "account"), ref("source_id", "source", True),
    ref("channel_id", "channel", True), text("name", False), text("url", False), text("notification_email"),
    text("status", False), text("disabled_reason"), text("subscribed", False), flag("strict_order", default=False),
    Column("timeout_s", Integer, nullable=False), text("secret", False), text("previous_secret"),
    number("previous_until", True), number("cursor"), Column("failures", Integer, nullable=False),
    number("failing_since", True), number("paused_until"), text("lease_owner"), number("lease_until"),
    number("created_at"), number("updated_at"), number("version", False, "1"),
    CheckConstraint("status IN ('active', 'disabled', 'deleted')", name="status"),
    Index(
        "ix_webhook_kept", "account_id", "id",
        sqlite_where=sql_text("status <> 'deleted'"), postgresql_where=sql_text("status <> 'deleted'"),
    ),
    Index(
        "ix_webhook_active", "id",
        sqlite_where=sql_text("status = 'active'"), postgresql_where=sql_text("status = 'active'"),
    ),
)  # fmt: skip

_WAITS = sql_text("next_at IS NOT NULL")

# The log of deliveries; a row that has `next_at` waits for another attempt.
webhook_delivery = Table(
    "webhook_delivery", metadata, key(), ref("webhook_id", "webhook"), text("message_id", False), number("seq", True),
    text("name", False), text("status", False), Column("attempts", Integer, nullable=False), number("next_at", True),
    text("log", False), number("created_at"), number("updated_at"), number("delivered_at", True),
    CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
    CheckConstraint("next_at IS NULL OR status = 'pending'", name="next"),
    UniqueConstraint("webhook_id", "message_id"),
    Index(None, "webhook_id", "id"), Index(None, "webhook_id", "status", "id"),
    # What has ended: the purge looks at nothing else.
    Index(
        "ix_webhook_delivery_ended", "updated_at",
        sqlite_where=sql_text("status <> 'pending'"), postgresql_where=sql_text("status <> 'pending'"),
    ),
    # Of what waits: what is due, in its order; and what was written before the clock was set back.
    Index("ix_webhook_delivery_due", "webhook_id", "next_at", "id", sqlite_where=_WAITS, postgresql_where=_WAITS),
    Index("ix_webhook_delivery_waiting", "webhook_id", "updated_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
)  # fmt: skip
