"""The first schema: accounts, tokens, orders, fulfillment requests, events, stock.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.SmallInteger(), "sqlite")


def upgrade() -> None:
    """Create every table, those that are referred to first."""
    _create_account()
    _create_event()
    _create_idempotency_key()
    _create_account_counter()
    _create_channel()
    _create_source()
    _create_inventory_variant()
    _create_orders()
    _create_token()
    _create_fulfillment_request()
    _create_order_item()
    _create_fulfillment_request_line()
    _create_fulfillment_request_number()
    _create_fulfillment_request_state()
    _create_stock_ledger()


def _key(name: str, null: bool = False, auto: bool = True) -> sa.Column[Any]:
    return sa.Column(name, Key, nullable=null, autoincrement="auto" if auto else False)


def _big(name: str, null: bool = False, auto: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null, autoincrement="auto" if auto else False)


def _int(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _text(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _flag(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Flag, nullable=null)


def _bytes(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _pk(name: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(name))


def _unique(name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(name))


def _fk(column: str, target: str, name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(name))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(name))


def _one_of(name: str, column: str, values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values.split())
    return _check(name, f"{column} IN ({listed})")


def _create_account() -> None:
    op.create_table(
        "account",
        _key("id"), _text("company_name"), _text("brand_name", null=True), _text("subdomain", null=True),
        _big("created_at"), _pk("pk_account", "id"),
    )  # fmt: skip


def _create_event() -> None:
    op.create_table(
        "event",
        _big("account_id", auto=False), _big("seq", auto=False), _big("at"), _text("subject"),
        _big("subject_id"), _text("type"), _text("from_status", null=True), _text("to_status", null=True),
        _text("actor_type"), _big("actor_id", null=True), _text("actor_name", null=True),
        _text("code", null=True), _text("reason", null=True), _text("request_id", null=True),
        _text("data", null=True), _pk("pk_event", "account_id", "seq"), sqlite_with_rowid=False,
    )  # fmt: skip
    _index("event", "subject_id", "subject", "seq")


def _create_idempotency_key() -> None:
    op.create_table(
        "idempotency_key",
        _big("family", auto=False), _text("key"), _big("account_id"), _text("operation"),
        _bytes("fingerprint"), _text("outcome"), _big("created_at"),
        _pk("pk_idempotency_key", "family", "key"), sqlite_with_rowid=False,
    )  # fmt: skip
    _index("idempotency_key", "created_at")


def _create_account_counter() -> None:
    op.create_table(
        "account_counter",
        _big("account_id", auto=False), _big("last_seq"), _big("last_at"),
        _fk("account_id", "account.id", "fk_account_counter_account_id"),
        _pk("pk_account_counter", "account_id"),
    )  # fmt: skip


def _create_channel() -> None:
    op.create_table(
        "channel",
        _key("id"), _big("account_id"), _text("name"), _big("created_at"),
        _fk("account_id", "account.id", "fk_channel_account_id"), _pk("pk_channel", "id"),
    )  # fmt: skip
    _index("channel", "account_id", "id")


def _create_source() -> None:
    op.create_table(
        "source",
        _key("id"), _big("account_id"), _text("name"), _int("max_number_length", null=True),
        _text("required_fields"), _flag("auto_process"), _big("created_at"),
        _fk("account_id", "account.id", "fk_source_account_id"), _pk("pk_source", "id"),
    )  # fmt: skip
    _index("source", "account_id", "id")


def _create_inventory_variant() -> None:
    op.create_table(
        "inventory_variant",
        _key("id"), _big("account_id"), _big("source_id"), _text("sku"), _big("quantity"),
        _big("committed"), _big("updated_at"),
        _fk("account_id", "account.id", "fk_inventory_variant_account_id"),
        _fk("source_id", "source.id", "fk_inventory_variant_source_id"), _pk("pk_inventory_variant", "id"),
        _unique("uq_inventory_variant_source_id_sku", "source_id", "sku"),
    )  # fmt: skip


def _create_orders() -> None:
    op.create_table(
        "orders",
        _key("id"), _big("account_id"), _big("channel_id"), _text("order_number"),
        _text("reference_number", null=True), _text("imported_from", null=True), _text("status"),
        _text("payment_status", null=True), _text("acknowledged_status"), _text("shipped_status"),
        _big("order_total"), _text("note", null=True), _text("shipping_text", null=True),
        _big("ordered_at"), _big("inserted_at"), _big("updated_at"), _text("shipping_address"),
        _text("billing_address", null=True), _text("tags"), _text("custom_fields"), _text("content_hash"),
        _one_of("ck_orders_acknowledged_status", "acknowledged_status",
            "not_started partially_completed completed"),
        _one_of("ck_orders_payment_status", "payment_status",
            "not_authorized authorized paid deferred refunded credited awaiting_clearance declined"
            " refund_pending refund_failed"),
        _one_of("ck_orders_shipped_status", "shipped_status", "not_started partially_completed completed"),
        _one_of("ck_orders_status", "status",
            "open closed on_hold failed no_shipping_method canceled not_managed draft"),
        _fk("account_id", "account.id", "fk_orders_account_id"),
        _fk("channel_id", "channel.id", "fk_orders_channel_id"), _pk("pk_orders", "id"),
        _unique("uq_orders_channel_id_order_number", "channel_id", "order_number"),
    )  # fmt: skip
    _index("orders", "account_id", "id")
    _index("orders", "account_id", "updated_at")


def _create_token() -> None:
    op.create_table(
        "token",
        _key("id"), _big("account_id"), _text("type"), _big("source_id", null=True),
        _big("channel_id", null=True), _text("name"), _big("family"), _bytes("digest"), _text("hint"),
        _big("created_at"), _big("expires_at", null=True), _big("revoked_at", null=True),
        _check("ck_token_binding",
            "(type = 'account' AND source_id IS NULL AND channel_id IS NULL)"
            " OR (type = 'source' AND source_id IS NOT NULL AND channel_id IS NULL)"
            " OR (type = 'channel' AND source_id IS NULL AND channel_id IS NOT NULL)"),
        _fk("account_id", "account.id", "fk_token_account_id"),
        _fk("channel_id", "channel.id", "fk_token_channel_id"),
        _fk("source_id", "source.id", "fk_token_source_id"), _pk("pk_token", "id"),
        _unique("uq_token_digest", "digest"),
    )  # fmt: skip
    _index("token", "account_id", "id")


def _create_fulfillment_request() -> None:
    op.create_table(
        "fulfillment_request",
        _key("id"), _big("account_id"), _big("source_id"), _big("channel_id"), _big("order_id"),
        _text("number"), _big("generated_at"), _big("hold_until", null=True), _text("shipping_address"),
        _text("billing_address", null=True), _text("shipping_text", null=True),
        _big("source_shipping_method_id", null=True), _text("carrier", null=True),
        _text("method", null=True), _text("note", null=True), _text("confirmation_number", null=True),
        _big("total_items"), _big("total_quantity"), _big("total_cost"),
        _big("estimated_shipping_cost", null=True), _big("estimated_dropship_fee", null=True),
        _flag("suppress_tracking"), _big("package_length", null=True), _big("package_width", null=True),
        _big("package_height", null=True), _big("package_weight", null=True),
        _text("package_dimension_unit", null=True), _text("package_weight_unit", null=True),
        _text("attachment_links"), _text("custom_fields"),
        _fk("account_id", "account.id", "fk_fulfillment_request_account_id"),
        _fk("channel_id", "channel.id", "fk_fulfillment_request_channel_id"),
        _fk("order_id", "orders.id", "fk_fulfillment_request_order_id"),
        _fk("source_id", "source.id", "fk_fulfillment_request_source_id"),
        _pk("pk_fulfillment_request", "id"),
    )  # fmt: skip
    _index("fulfillment_request", "account_id", "id")
    _index("fulfillment_request", "account_id", "number")
    _index("fulfillment_request", "channel_id", "id")
    _index("fulfillment_request", "order_id")
    _index("fulfillment_request", "source_id", "id")


def _create_order_item() -> None:
    op.create_table(
        "order_item",
        _key("id"), _big("order_id"), _int("line_number"), _text("sku", null=True),
        _text("title", null=True), _big("quantity"), _big("price"), _text("external_listing_id", null=True),
        _big("listing_variant_id", null=True), _big("product_variant_id", null=True),
        _text("custom_fields"), _big("allocated"), _big("acknowledged"), _big("shipped"), _big("canceled"),
        _check("ck_order_item_rolled_up",
            "allocated >= 0 AND acknowledged >= 0 AND shipped >= 0 AND canceled >= 0"),
        _check("ck_order_item_quantity", "quantity > 0"),
        _fk("order_id", "orders.id", "fk_order_item_order_id"), _pk("pk_order_item", "id"),
    )  # fmt: skip
    _index("order_item", "order_id")


def _create_fulfillment_request_line() -> None:
    op.create_table(
        "fulfillment_request_line",
        _key("id"), _big("request_id"), _int("line_number"), _text("sku"), _text("title", null=True),
        _big("quantity"), _big("cost"), _big("order_item_id", null=True),
        _big("inventory_variant_id", null=True), _text("item_reference_id", null=True),
        _text("reference_id", null=True), _big("acknowledged"), _big("secondary_acknowledged"),
        _big("shipped"), _big("canceled"), _big("killed"), _big("voided"), _text("upc", null=True),
        _text("mpn", null=True), _big("weight", null=True), _text("weight_unit", null=True),
        _big("length", null=True), _big("width", null=True), _big("height", null=True),
        _text("dimension_unit", null=True), _text("custom_fields"),
        _text("external_accounting_id", null=True),
        _check("ck_fulfillment_request_line_open",
            "acknowledged >= 0 AND shipped >= 0 AND canceled >= 0 AND voided >= 0 AND killed BETWEEN 0"
            " AND canceled AND secondary_acknowledged BETWEEN 0 AND acknowledged"
            " AND shipped + canceled + voided <= quantity"
            " AND acknowledged + canceled + voided <= quantity"),
        _check("ck_fulfillment_request_line_quantity", "quantity > 0 AND cost >= 0"),
        _fk("order_item_id", "order_item.id", "fk_fulfillment_request_line_order_item_id"),
        _fk("request_id", "fulfillment_request.id", "fk_fulfillment_request_line_request_id"),
        _pk("pk_fulfillment_request_line", "id"),
    )  # fmt: skip
    _index("fulfillment_request_line", "order_item_id")
    _index("fulfillment_request_line", "request_id")


def _create_fulfillment_request_number() -> None:
    op.create_table(
        "fulfillment_request_number",
        _big("source_id", auto=False), _text("number"), _big("request_id"),
        _fk("request_id", "fulfillment_request.id", "fk_fulfillment_request_number_request_id"),
        _fk("source_id", "source.id", "fk_fulfillment_request_number_source_id"),
        _pk("pk_fulfillment_request_number", "source_id", "number"), sqlite_with_rowid=False,
    )  # fmt: skip


def _create_fulfillment_request_state() -> None:
    op.create_table(
        "fulfillment_request_state",
        _key("id", auto=False), _big("account_id"), _big("source_id"), _big("channel_id"), _big("order_id"),
        _text("status"), _text("fulfillment_status"), _int("version"), _big("modified_at"),
        _big("sent_at", null=True), _big("acknowledged_at", null=True),
        _big("secondary_acknowledged_at", null=True), _big("canceled_at", null=True),
        _big("voided_at", null=True), _int("attempt_count"), _text("handover", null=True),
        _text("failure_code", null=True), _text("failure_reason", null=True),
        _flag("failure_retryable", null=True), _big("failed_at", null=True), _text("failed_by", null=True),
        _text("failed_lines", null=True), _text("cancel_reason", null=True),
        _text("voided_reason", null=True), _big("shipped_quantity"), _flag("invoiced"),
        _flag("accounting_synced", null=True), _text("external_accounting_id", null=True),
        _text("accounting_error", null=True),
        _check("ck_fulfillment_request_state_failure",
            "(status = 'processing_error') = (failure_reason IS NOT NULL)"),
        _one_of("ck_fulfillment_request_state_fulfillment_status", "fulfillment_status",
            "awaiting_shipment partially_shipped shipped canceled"),
        _one_of("ck_fulfillment_request_state_handover", "handover", "sending delivered rejected unknown"),
        _one_of("ck_fulfillment_request_state_status", "status",
            "unprocessed processing processed acknowledged processing_error canceled voided"
            " additional_info_required number_exceeds_max_length duplicate_number cross_docked"),
        _check("ck_fulfillment_request_state_version", "version >= 1"),
        _fk("id", "fulfillment_request.id", "fk_fulfillment_request_state_id"),
        _pk("pk_fulfillment_request_state", "id"),
    )  # fmt: skip
    _index("fulfillment_request_state", "account_id", "modified_at")
    _index("fulfillment_request_state", "account_id", "status", "id")
    _index("fulfillment_request_state", "source_id", "status", "id")


def _create_stock_ledger() -> None:
    op.create_table(
        "stock_ledger",
        _key("id"), _big("variant_id"), _big("line_id"), _big("committed"), _big("released"),
        _text("reason"), _big("at"),
        _check("ck_stock_ledger_open", "committed >= 0 AND released BETWEEN 0 AND committed"),
        _fk("line_id", "fulfillment_request_line.id", "fk_stock_ledger_line_id"),
        _fk("variant_id", "inventory_variant.id", "fk_stock_ledger_variant_id"),
        _pk("pk_stock_ledger", "id"),
    )  # fmt: skip
    _index("stock_ledger", "line_id")
    _index("stock_ledger", "variant_id")
