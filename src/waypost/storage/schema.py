"""The tables, once, for both engines. Migrations lie beside this file; a test proves the two identical.

Money is integer ten-thousandths, time integer microseconds since 1970 UTC, ids 64-bit, JSON is text. The row
that changes with every transition (`fulfillment_request_state`) is narrow and has few indexes; what is fixed
when a request is generated lies in `fulfillment_request`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from waypost.domain.fulfillment import FulfillmentStatus
from waypost.domain.orders import OrderStatus, PaymentStatus, Progress
from waypost.domain.statuses import Status

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers its rows only when the key is spelled INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")
Flag = Boolean().with_variant(SmallInteger(), "sqlite")


def _key() -> Column[int]:
    return Column("id", Key, primary_key=True)


def _ref(name: str, target: str, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=nullable)


def _text(name: str, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _number(name: str, nullable: bool = False, default: str | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, server_default=default)


Enumeration = type[Status | FulfillmentStatus | OrderStatus | PaymentStatus | Progress]


def _one_of(column: str, values: Enumeration) -> CheckConstraint:
    """The invariant of the enum, repeated where the row lies; generated, never written twice."""
    listed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


account = Table(
    "account", metadata, _key(), _text("company_name", False), _text("brand_name"), _text("subdomain"),
    _number("created_at"),
)  # fmt: skip

# Locked last in every batch: gives `seq` that is dense and in commit order, and a time that never goes back.
account_counter = Table(
    "account_counter", metadata,
    Column("account_id", BigInteger, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    _number("last_seq"), _number("last_at"),
)  # fmt: skip

source = Table(
    "source", metadata, _key(), _ref("account_id", "account"), _text("name", False),
    Column("max_number_length", Integer), _text("required_fields", False),
    Column("auto_process", Flag, nullable=False), _number("created_at"),
    Index(None, "account_id", "id"),
)  # fmt: skip

channel = Table(
    "channel", metadata, _key(), _ref("account_id", "account"), _text("name", False), _number("created_at"),
    Index(None, "account_id", "id"),
)  # fmt: skip

token = Table(
    "token", metadata, _key(), _ref("account_id", "account"), _text("type", False),
    _ref("source_id", "source", True), _ref("channel_id", "channel", True), _text("name", False),
    _number("family"), Column("digest", LargeBinary, nullable=False), _text("hint", False),
    _number("created_at"), _number("expires_at", True), _number("revoked_at", True),
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
    _number("account_id"), _text("operation", False), Column("fingerprint", LargeBinary, nullable=False),
    _text("outcome", False), _number("created_at"),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# No foreign keys here and above: a check per event costs the hot road more than it can find, as the account's
# counter row is locked in the same transaction.
event = Table(
    "event", metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _number("at"), _text("subject", False), _number("subject_id"), _text("type", False),
    _text("from_status"), _text("to_status"), _text("actor_type", False), _number("actor_id", True),
    _text("actor_name"), _text("code"), _text("reason"), _text("request_id"), _text("data"),
    Index(None, "subject_id", "subject", "seq"),
    sqlite_with_rowid=False,
)  # fmt: skip

orders = Table(
    "orders", metadata, _key(), _ref("account_id", "account"), _ref("channel_id", "channel"),
    _text("order_number", False), _text("reference_number"), _text("imported_from"), _text("status", False),
    _text("payment_status"), _text("acknowledged_status", False), _text("shipped_status", False),
    _number("order_total"), _text("note"), _text("shipping_text"), _number("ordered_at"),
    _number("inserted_at"), _number("updated_at"), _text("shipping_address", False), _text("billing_address"),
    _text("tags", False), _text("custom_fields", False), _text("content_hash", False),
    _one_of("status", OrderStatus), _one_of("payment_status", PaymentStatus),
    _one_of("acknowledged_status", Progress), _one_of("shipped_status", Progress),
    UniqueConstraint("channel_id", "order_number"),
    Index(None, "account_id", "id"), Index(None, "account_id", "updated_at"),
)  # fmt: skip

order_item = Table(
    "order_item", metadata, _key(), _ref("order_id", "orders"), Column("line_number", Integer, nullable=False),
    _text("sku"), _text("title"), _number("quantity"), _number("price"), _text("external_listing_id"),
    _number("listing_variant_id", True), _number("product_variant_id", True), _text("custom_fields", False),
    _number("allocated"), _number("acknowledged"), _number("shipped"), _number("canceled"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "allocated >= 0 AND acknowledged >= 0 AND shipped >= 0 AND canceled >= 0", name="rolled_up"
    ),
    Index(None, "order_id"),
)  # fmt: skip

fulfillment_request = Table(
    "fulfillment_request", metadata, _key(), _ref("account_id", "account"), _ref("source_id", "source"),
    _ref("channel_id", "channel"), _ref("order_id", "orders"), _text("number", False),
    _number("generated_at"), _number("hold_until", True), _text("shipping_address", False),
    _text("billing_address"), _text("shipping_text"), _number("source_shipping_method_id", True),
    _text("carrier"), _text("method"), _text("note"), _text("confirmation_number"),
    _number("total_items"), _number("total_quantity"), _number("total_cost"),
    _number("estimated_shipping_cost", True), _number("estimated_dropship_fee", True),
    Column("suppress_tracking", Flag, nullable=False),
    _number("package_length", True), _number("package_width", True), _number("package_height", True),
    _number("package_weight", True), _text("package_dimension_unit"), _text("package_weight_unit"),
    _text("attachment_links", False), _text("custom_fields", False),
    Index(None, "account_id", "id"), Index(None, "source_id", "id"), Index(None, "channel_id", "id"),
    Index(None, "order_id"), Index(None, "account_id", "number"),
)  # fmt: skip

fulfillment_request_state = Table(
    "fulfillment_request_state", metadata,
    Column("id", Key, ForeignKey("fulfillment_request.id"), primary_key=True, autoincrement=False),
    _number("account_id"), _number("source_id"), _number("channel_id"), _number("order_id"),
    _text("status", False), _text("fulfillment_status", False), Column("version", Integer, nullable=False),
    _number("modified_at"), _number("sent_at", True), _number("acknowledged_at", True),
    _number("secondary_acknowledged_at", True), _number("canceled_at", True), _number("voided_at", True),
    Column("attempt_count", Integer, nullable=False), _text("handover"), _text("failure_code"),
    _text("failure_reason"), Column("failure_retryable", Flag), _number("failed_at", True),
    _text("failed_by"), _text("failed_lines"), _text("cancel_reason"), _text("voided_reason"),
    _number("shipped_quantity"), Column("invoiced", Flag, nullable=False), Column("accounting_synced", Flag),
    _text("external_accounting_id"), _text("accounting_error"),
    _one_of("status", Status), _one_of("fulfillment_status", FulfillmentStatus),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("(status = 'processing_error') = (failure_reason IS NOT NULL)", name="failure"),
    CheckConstraint("handover IN ('sending', 'delivered', 'rejected', 'unknown')", name="handover"),
    Index(None, "account_id", "status", "id"), Index(None, "source_id", "status", "id"),
    Index(None, "account_id", "modified_at"),
)  # fmt: skip

fulfillment_request_line = Table(
    "fulfillment_request_line", metadata, _key(), _ref("request_id", "fulfillment_request"),
    Column("line_number", Integer, nullable=False), _text("sku", False), _text("title"),
    _number("quantity"), _number("cost"), _ref("order_item_id", "order_item", True),
    _number("inventory_variant_id", True), _text("item_reference_id"), _text("reference_id"),
    _number("acknowledged"), _number("secondary_acknowledged"), _number("shipped"), _number("canceled"),
    _number("killed"), _number("voided"), _text("upc"), _text("mpn"), _number("weight", True),
    _text("weight_unit"), _number("length", True), _number("width", True), _number("height", True),
    _text("dimension_unit"), _text("custom_fields", False), _text("external_accounting_id"),
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
    _ref("request_id", "fulfillment_request"),
    sqlite_with_rowid=False,
)  # fmt: skip

inventory_variant = Table(
    "inventory_variant", metadata, _key(), _ref("account_id", "account"), _ref("source_id", "source"),
    _text("sku", False), _number("quantity"), _number("committed"), _number("updated_at"),
    UniqueConstraint("source_id", "sku"),
)  # fmt: skip

stock_ledger = Table(
    "stock_ledger", metadata, _key(), _ref("variant_id", "inventory_variant"),
    _ref("line_id", "fulfillment_request_line"), _number("committed"), _number("released"),
    _text("reason", False), _number("at"),
    CheckConstraint("committed >= 0 AND released BETWEEN 0 AND committed", name="open"),
    Index(None, "variant_id"), Index(None, "line_id"),
)  # fmt: skip
