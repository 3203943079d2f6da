"""Accounts, tokens, events, orders, fulfillment requests, and the stock that their lines hold.

The row that changes with every transition (`fulfillment_request_state`) is narrow and has few indexes; what is
fixed when a request is generated lies in `fulfillment_request`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql_text

from waypost.domain.fulfillment import FulfillmentStatus
from waypost.domain.orders import OrderStatus, PaymentStatus, Progress
from waypost.domain.statuses import Status
from waypost.storage.schema.base import Flag, Key, flag, key, metadata, number, one_of, ref, text

account = Table(
    "account", metadata, key(), text("company_name", False), text("brand_name"), text("subdomain"),
    number("created_at"), number("default_routing_group_id", True), text("number_strategy", False, "order_number"),
    number("version", False, "1"),
)  # fmt: skip

# Locked last in every batch: gives `seq` that is dense and in commit order, and a time that never goes back.
account_counter = Table(
    "account_counter", metadata,
    Column("account_id", BigInteger, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    number("last_seq"), number("last_at"),
)  # fmt: skip

source = Table(
    "source", metadata, key(), ref("account_id", "account"), text("name", False),
    Column("max_number_length", Integer), text("required_fields", False),
    Column("auto_process", Flag, nullable=False), number("created_at"), text("reference"),
    text("number_strategy"), text("exceed_strategy"), text("refused_characters", False, ""),
    flag("pass_order_fields", default=True), flag("pass_item_fields", default=True),
    text("stock_release", False, "shipment"), flag("allow_backorders", default=True),
    number("dropship_fee", False, "0"), number("shipping_estimate", False, "0"), flag("archived", default=True),
    text("settings", False, "{}"), number("updated_at", True), number("version", False, "1"),
    Index(None, "account_id", "id"),
)  # fmt: skip

channel = Table(
    "channel", metadata, key(), ref("account_id", "account"), text("name", False), number("created_at"),
    flag("auto_generate", default=True), flag("allow_backorders", default=True),
    flag("reroute_on_fill", default=True), flag("require_shipping_mapping", default=True),
    number("routing_group_id", True), number("updated_at", True), number("version", False, "1"),
    Index(None, "account_id", "id"),
)  # fmt: skip

token = Table(
    "token", metadata, key(), ref("account_id", "account"), text("type", False),
    ref("source_id", "source", True), ref("channel_id", "channel", True), text("name", False),
    number("family"), Column("digest", LargeBinary, nullable=False), text("hint", False),
    number("created_at"), number("expires_at", True), number("revoked_at", True),
    CheckConstraint(
        "(type = 'account' AND source_id IS NULL AND channel_id IS NULL)"
        " OR (type = 'source' AND source_id IS NOT NULL AND channel_id IS NULL)"
        " OR (type = 'channel' AND source_id IS NULL AND channel_id IS NOT NULL)",
        name="binding",
    ),
    UniqueConstraint("digest"),
    Index(None, "account_id", "id"),
)  # fmt: skip

idempotency_key = Table(
    "idempotency_key", metadata,
    Column("family", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    number("account_id"), text("operation", False), Column("fingerprint", LargeBinary, nullable=False),
    text("outcome", False), number("created_at"),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# What is to be done to the database as a whole, outside any transaction, and was not done yet.
pending_task = Table("pending_task", metadata, Column("name", Text, primary_key=True))

# No foreign keys here and above: a check per event costs the hot road more than it can find, as the account's
# counter row is locked in the same transaction.
event = Table(
    "event", metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    number("at"), text("subject", False), number("subject_id"), text("type", False),
    text("from_status"), text("to_status"), text("actor_type", False), number("actor_id", True),
    text("actor_name"), text("code"), text("reason"), text("request_id"), text("data"),
    Index(None, "subject_id", "subject", "seq"),
    sqlite_with_rowid=False,
)  # fmt: skip

_STANDS = sql_text("status <> 'canceled'")
orders = Table(
    "orders", metadata, key(), ref("account_id", "account"), ref("channel_id", "channel"),
    text("order_number", False), text("reference_number"), text("imported_from"), text("status", False),
    text("payment_status"), text("acknowledged_status", False), text("shipped_status", False),
    number("order_total"), text("note"), text("shipping_text"), number("ordered_at"),
    number("inserted_at"), number("updated_at"), text("shipping_address", False), text("billing_address"),
    text("tags", False), text("custom_fields", False), text("content_hash", False),
    text("hold_reasons", False, "[]"), flag("accounting_synced", True), text("external_accounting_id"),
    text("accounting_error"), text("likeness"), text("posted"),
    one_of("status", OrderStatus), one_of("payment_status", PaymentStatus),
    one_of("acknowledged_status", Progress), one_of("shipped_status", Progress),
    UniqueConstraint("channel_id", "order_number"),
    Index(None, "account_id", "id"), Index(None, "account_id", "updated_at"),
    Index(None, "account_id", "status", "id"), Index(None, "account_id", "order_number"),
    Index(None, "account_id", "reference_number"), Index(None, "account_id", "ordered_at"),
    Index(None, "channel_id", "id"), Index(None, "channel_id", "status", "id"),
    # Of what is alike, the latest that still stands.
    Index(None, "channel_id", "likeness", "id", sqlite_where=_STANDS, postgresql_where=_STANDS),
)  # fmt: skip

_UNLINKED = sql_text("product_variant_id IS NULL")
order_item = Table(
    "order_item", metadata, key(), ref("order_id", "orders"), Column("line_number", Integer, nullable=False),
    text("sku"), text("title"), number("quantity"), number("price"), text("external_listing_id"),
    number("listing_variant_id", True), number("product_variant_id", True), text("custom_fields", False),
    number("allocated"), number("acknowledged"), number("shipped"), number("canceled"),
    text("ship_to"), text("refused_sources", False, "[]"), number("dropped", False, "0"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "allocated >= 0 AND acknowledged >= 0 AND shipped >= 0 AND canceled >= 0", name="rolled_up"
    ),
    Index(None, "order_id"),
    # What may be linked to a product that is new.
    Index(
        "ix_order_item_unlinked", "sku", "order_id",
        sqlite_where=_UNLINKED, postgresql_where=_UNLINKED,
    ),
)  # fmt: skip

fulfillment_request = Table(
    "fulfillment_request", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    ref("channel_id", "channel"), ref("order_id", "orders"), text("number", False),
    number("generated_at"), number("hold_until", True), text("shipping_address", False),
    text("billing_address"), text("shipping_text"), number("source_shipping_method_id", True),
    text("carrier"), text("method"), text("note"), text("confirmation_number"),
    number("total_items"), number("total_quantity"), number("total_cost"),
    number("estimated_shipping_cost", True), number("estimated_dropship_fee", True),
    Column("suppress_tracking", Flag, nullable=False),
    number("package_length", True), number("package_width", True), number("package_height", True),
    number("package_weight", True), text("package_dimension_unit"), text("package_weight_unit"),
    text("attachment_links", False), text("custom_fields", False), number("routing_decision_id", True),
    text("assignee"), number("snoozed_until", True),
    Index(None, "account_id", "id"), Index(None, "source_id", "id"), Index(None, "channel_id", "id"),
    Index(None, "channel_id", "source_id", "id"), Index(None, "order_id"), Index(None, "account_id", "number"),
)  # fmt: skip

# What its source has seen before it ended. SQLite uses it for a query that names one of the two.
_ENDED = sql_text("(status = 'canceled' OR status = 'voided') AND released_seq IS NOT NULL")
_READY = sql_text("status = 'processing' AND handover IS NULL")
# SQLite uses it for a query that names one of the two.
_TO_SHIP = sql_text(
    "status = 'acknowledged' AND (fulfillment_status = 'awaiting_shipment' OR fulfillment_status = 'partially_shipped')"
)
# What a clock rule may still have to tell of, but for failures: they would become dearer.
_WATCHED = sql_text(
    "NOT alerted AND (status IN ('processing', 'processed')"
    " OR status = 'acknowledged' AND fulfillment_status IN ('awaiting_shipment', 'partially_shipped'))"
)
# From when on a clock rule counts.
_COUNTS_FROM = sql_text("(CASE WHEN held_until > status_since THEN held_until ELSE status_since END)")
fulfillment_request_state = Table(
    "fulfillment_request_state", metadata,
    Column("id", Key, ForeignKey("fulfillment_request.id"), primary_key=True, autoincrement=False),
    number("account_id"), number("source_id"), number("channel_id"), number("order_id"),
    text("status", False), text("fulfillment_status", False), Column("version", Integer, nullable=False),
    number("modified_at"), number("sent_at", True), number("acknowledged_at", True),
    number("secondary_acknowledged_at", True), number("canceled_at", True), number("voided_at", True),
    Column("attempt_count", Integer, nullable=False), text("handover"), text("failure_code"),
    text("failure_reason"), Column("failure_retryable", Flag), number("failed_at", True),
    text("failed_by"), text("failed_lines"), text("cancel_reason"), text("voided_reason"),
    number("shipped_quantity"), Column("invoiced", Flag, nullable=False), Column("accounting_synced", Flag),
    text("external_accounting_id"), text("accounting_error"), number("status_since", False, "0"),
    number("released_seq", True), flag("alerted", default=True), flag("cared", default=True),
    number("waits_until", False, "0"), number("held_until", False, "0"), number("snoozed_until", False, "0"),
    one_of("status", Status), one_of("fulfillment_status", FulfillmentStatus),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("(status = 'processing_error') = (failure_reason IS NOT NULL)", name="failure"),
    CheckConstraint("handover IN ('sending', 'delivered', 'rejected', 'unknown')", name="handover"),
    Index(None, "account_id", "status", "id"), Index(None, "source_id", "status", "id"),
    Index(None, "channel_id", "status", "id"), Index(None, "account_id", "modified_at"),
    Index(None, "status", "source_id", "id", sqlite_where=_ENDED, postgresql_where=_ENDED),
    # What may be handed over, or will be at a moment.
    Index(None, "source_id", "waits_until", "id", sqlite_where=_READY, postgresql_where=_READY),
    # What its source has acknowledged and not shipped yet.
    Index(None, "account_id", "fulfillment_status", "id", sqlite_where=_TO_SHIP, postgresql_where=_TO_SHIP),
    # What is not snoozed comes first, and of that what has stood longest.
    Index(
        "ix_fulfillment_request_state_watched", "source_id", "status", "snoozed_until", _COUNTS_FROM, "id",
        sqlite_where=_WATCHED, postgresql_where=_WATCHED,
    ),
)  # fmt: skip

fulfillment_request_line = Table(
    "fulfillment_request_line", metadata, key(), ref("request_id", "fulfillment_request"),
    Column("line_number", Integer, nullable=False), text("sku", False), text("title"),
    number("quantity"), number("cost"), ref("order_item_id", "order_item", True),
    number("inventory_variant_id", True), text("item_reference_id"), text("reference_id"),
    number("acknowledged"), number("secondary_acknowledged"), number("shipped"), number("canceled"),
    number("killed"), number("voided"), text("upc"), text("mpn"), number("weight", True),
    text("weight_unit"), number("length", True), number("width", True), number("height", True),
    text("dimension_unit"), text("custom_fields", False), text("external_accounting_id"),
    CheckConstraint("quantity > 0 AND cost >= 0", name="quantity"),
    CheckConstraint(
        "acknowledged >= 0 AND shipped >= 0 AND canceled >= 0 AND voided >= 0"
        " AND killed BETWEEN 0 AND canceled AND secondary_acknowledged BETWEEN 0 AND acknowledged"
        " AND shipped + canceled + voided <= quantity AND acknowledged + canceled + voided <= quantity",
        name="open",
    ),
    Index(None, "request_id"), Index(None, "order_item_id"),
)  # fmt: skip

# The first request to use a number at a source owns it, for ever; the others stand in Duplicate PO/FR #.
fulfillment_request_number = Table(
    "fulfillment_request_number", metadata,
    Column("source_id", BigInteger, ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("number", Text, primary_key=True),
    ref("request_id", "fulfillment_request"),
    sqlite_with_rowid=False,
)  # fmt: skip
