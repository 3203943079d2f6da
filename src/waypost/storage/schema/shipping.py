"""What comes back from the sources: shipments and invoices; and what explains or drives the work."""

from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint
from sqlalchemy import text as sql

from waypost.storage.schema.base import flag, key, metadata, number, ref, text

shipment = Table(
    "shipment", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    ref("order_id", "orders"), ref("request_id", "fulfillment_request"), text("tracking_number", False),
    text("tracking_url"), text("carrier"), text("method"), text("note"), number("shipped_at"),
    number("shipping_cost", True), flag("suppressed"), flag("partial"), flag("synced_to_channel", True),
    text("sync_error"), flag("accounting_synced", True), text("custom_fields", False), number("inserted_at"),
    number("updated_at"), number("version"),
    number("channel_id", True),  # of its request
    Index(None, "account_id", "inserted_at", "id"), Index(None, "source_id", "inserted_at", "id"),
    Index(None, "channel_id", "inserted_at", "id"),
    Index(None, "account_id", "updated_at"), Index(None, "request_id", "tracking_number"), Index(None, "order_id"),
)  # fmt: skip

# An item that was taken out again has the quantity 0: rows are never deleted, so ids are never given out twice.
shipment_item = Table(
    "shipment_item", metadata, key(), ref("shipment_id", "shipment"), ref("line_id", "fulfillment_request_line"),
    number("quantity"), number("stock_released"), number("rma_item_id", True), text("custom_fields", False),
    CheckConstraint("quantity >= 0 AND stock_released BETWEEN 0 AND quantity", name="quantity"),
    Index(None, "shipment_id"), Index(None, "line_id"),
)  # fmt: skip


def _only(name: str, which: str) -> Index:
    """Of the invoices of which this is true, which may be few."""
    which_ = sql(which)
    return Index(name, "account_id", "inserted_at", "id", sqlite_where=which_, postgresql_where=which_)


source_invoice = Table(
    "source_invoice", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    ref("request_id", "fulfillment_request"), text("status", False), text("invoice_number", False),
    number("invoice_date"), number("total_credit_cost"), number("commission", True), number("vendor_payout_id", True),
    flag("accounting_synced", True), text("external_accounting_id"), text("accounting_error"),
    text("custom_fields", False), number("inserted_at"), number("updated_at"), number("version"),
    CheckConstraint("status IN ('unpaid', 'paid', 'credited', 'refunded')", name="status"),
    Index(None, "account_id", "inserted_at", "id"), Index(None, "source_id", "inserted_at", "id"),
    Index(None, "request_id"), _only("ix_source_invoice_failed", "accounting_error IS NOT NULL"),
    _only("ix_source_invoice_synced", "accounting_synced IS TRUE"),
    _only("ix_source_invoice_not_synced", "accounting_synced IS NOT TRUE"),
)  # fmt: skip

source_invoice_item = Table(
    "source_invoice_item", metadata, key(), ref("invoice_id", "source_invoice"), text("type", False),
    number("inventory_variant_id", True), text("sku"), text("title"), number("quantity"), number("unit_cost"),
    number("cost"), text("external_accounting_item_id"), text("custom_fields", False),
    CheckConstraint("type IN ('product', 'shipping', 'fee', 'tax', 'other')", name="type"),
    Index(None, "invoice_id"),
)  # fmt: skip

# Why an order's items went where they went: every candidate, every rule, why it lost. JSON.
routing_decision = Table(
    "routing_decision", metadata, key(), ref("account_id", "account"), ref("order_id", "orders"), number("at"),
    text("decision", False),
    Index(None, "order_id"),
)  # fmt: skip

# How far a file has been imported; written with each of its batches, so that a crash leaves no doubles.
import_run = Table(
    "import_run", metadata, key(), ref("account_id", "account"), text("kind", False), text("digest", False),
    number("rows_done"), number("rows_refused"), number("created_at"), number("updated_at"),
    number("finished_at", True),
    UniqueConstraint("account_id", "kind", "digest"),
)  # fmt: skip
