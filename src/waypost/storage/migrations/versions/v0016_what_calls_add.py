"""Indexes of what calls add: methods, texts, groups, webhooks, retries, snoozes, and what was canceled early.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_RETRY = "outcome = 'rejected' AND next_at IS NOT NULL"
_ENDED = "(status = 'canceled' OR status = 'voided') AND released_seq IS NOT NULL"
_STATE = "fulfillment_request_state"
_TEXTS = "channel_shipping_method"
_NEW: tuple[tuple[str, str, list[str], str], ...] = (
    ("ix_orders_channel_id_likeness_id", "orders", ["channel_id", "likeness", "id"], "status <> 'canceled'"),
    (f"ix_{_STATE}_status_source_id_id", _STATE, ["status", "source_id", "id"], _ENDED),
    ("ix_webhook_kept", "webhook", ["account_id", "id"], "status <> 'deleted'"),
    ("ix_webhook_delivery_ended", "webhook_delivery", ["updated_at"], "status <> 'pending'"),
    ("ix_webhook_active", "webhook", ["id"], "status = 'active'"),
    ("ix_handover_attempt_retry", "handover_attempt", ["source_id", "next_at", "id"], _RETRY),
    ("ix_attention_item_until", "attention_item", ["account_id", "care", "snoozed_until"], "snoozed_until IS NOT NULL"),
    ("ix_source_shipping_method_source_id_id", "source_shipping_method", ["source_id", "id"], ""),
    ("ix_shipping_policy_account_id_id", "shipping_policy", ["account_id", "id"], ""),
    ("ix_routing_group_account_id_id", "routing_group", ["account_id", "id"], ""),
    (f"ix_{_TEXTS}_channel_id_id", _TEXTS, ["channel_id", "id"], ""),
    (f"ix_{_TEXTS}_mapped", _TEXTS, ["account_id", "id", "policy_id"], "policy_id IS NOT NULL"),
    (f"ix_{_TEXTS}_unmapped", _TEXTS, ["account_id", "id", "policy_id"], "policy_id IS NULL"),
    (f"ix_{_TEXTS}_mapped_of_channel", _TEXTS, ["channel_id", "id", "policy_id"], "policy_id IS NOT NULL"),
    (f"ix_{_TEXTS}_unmapped_of_channel", _TEXTS, ["channel_id", "id", "policy_id"], "policy_id IS NULL"),
)


def upgrade() -> None:
    """Add them; four take the place of others."""
    op.drop_index("ix_orders_channel_id_likeness_id", "orders")
    op.drop_index("ix_handover_attempt_retry", "handover_attempt")
    op.drop_index("ix_webhook_account_id_id", "webhook")
    op.drop_index("ix_webhook_delivery_updated_at", "webhook_delivery")
    for name, table, columns, which in _NEW:
        where = sa.text(which) if which else None
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
