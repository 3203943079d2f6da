"""Stock, catalog, routing, shipping, shipments and invoices.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.SmallInteger(), "sqlite")


def upgrade() -> None:
    """Create the new tables, those that are referred to first; then widen the old ones."""
    _create_import_run()
    _create_product_variant()
    _create_routing_group()
    _create_shipping_policy()
    _create_channel_shipping_method()
    _create_inventory_parent()
    _create_listing_parent()
    _create_routing_group_source()
    _create_source_shipping_method()
    _create_listing_variant()
    _create_routing_decision()
    _create_shipping_policy_method()
    _create_shipment()
    _create_source_invoice()
    _create_shipment_item()
    _create_source_invoice_item()
    _widen_account()
    _widen_channel()
    _widen_source()
    _widen_inventory_variant()
    _narrow_stock_ledger()
    _widen_orders()
    _widen_fulfillment_request()
    _widen_fulfillment_request_state()
    _widen_order_item()


def _key(name: str) -> sa.Column[Any]:
    return sa.Column(name, Key, nullable=False)


def _big(name: str, null: bool = False, auto: bool = True, default: str | None = None) -> sa.Column[Any]:
    counts: Literal["auto", False] = "auto" if auto else False
    return sa.Column(name, sa.BigInteger(), nullable=null, autoincrement=counts, server_default=default)


def _int(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _text(name: str, null: bool = False, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null, server_default=default)


def _flag(name: str, null: bool = False, no: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Flag, nullable=null, server_default=sa.false() if no else None)


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


def _create_import_run() -> None:
    op.create_table(
        "import_run",
        _key("id"), _big("account_id"), _text("kind"), _text("digest"), _big("rows_done"), _big("rows_refused"),
        _big("created_at"), _big("updated_at"), _big("finished_at", null=True),
        _fk("account_id", "account.id", "fk_import_run_account_id"), _pk("pk_import_run", "id"),
        _unique("uq_import_run_account_id_kind_digest", "account_id", "kind", "digest"),
    )  # fmt: skip


def _create_product_variant() -> None:
    op.create_table(
        "product_variant",
        _key("id"), _big("account_id"), _text("sku"), _text("title", null=True), _text("upc", null=True),
        _text("mpn", null=True), _text("custom_fields"), _big("inserted_at"), _big("updated_at"),
        _fk("account_id", "account.id", "fk_product_variant_account_id"), _pk("pk_product_variant", "id"),
        _unique("uq_product_variant_account_id_sku", "account_id", "sku"),
    )  # fmt: skip


def _create_routing_group() -> None:
    op.create_table(
        "routing_group",
        _key("id"), _big("account_id"), _text("name"), _text("rules"), _big("created_at"), _big("updated_at"),
        _big("version", default="1"),
        _fk("account_id", "account.id", "fk_routing_group_account_id"), _pk("pk_routing_group", "id"),
        _unique("uq_routing_group_account_id_name", "account_id", "name"),
    )  # fmt: skip


def _create_shipping_policy() -> None:
    op.create_table(
        "shipping_policy",
        _key("id"), _big("account_id"), _text("name"), _big("created_at"), _big("updated_at"),
        _big("version", default="1"),
        _fk("account_id", "account.id", "fk_shipping_policy_account_id"), _pk("pk_shipping_policy", "id"),
        _unique("uq_shipping_policy_account_id_name", "account_id", "name"),
    )  # fmt: skip


def _create_channel_shipping_method() -> None:
    op.create_table(
        "channel_shipping_method",
        _key("id"), _big("account_id"), _big("channel_id"), _text("name"), _big("policy_id", null=True),
        _big("created_at"), _big("updated_at"), _big("version", default="1"),
        _fk("account_id", "account.id", "fk_channel_shipping_method_account_id"),
        _fk("channel_id", "channel.id", "fk_channel_shipping_method_channel_id"),
        _fk("policy_id", "shipping_policy.id", "fk_channel_shipping_method_policy_id"),
        _pk("pk_channel_shipping_method", "id"),
        _unique("uq_channel_shipping_method_channel_id_name", "channel_id", "name"),
    )  # fmt: skip
    _index("channel_shipping_method", "account_id", "id")


def _create_inventory_parent() -> None:
    op.create_table(
        "inventory_parent",
        _key("id"), _big("account_id"), _big("source_id"), _text("sku"), _text("title", null=True),
        _text("description", null=True), _text("reference_id", null=True), _text("custom_fields"), _flag("archived"),
        _big("inserted_at"), _big("updated_at"), _fk("account_id", "account.id", "fk_inventory_parent_account_id"),
        _fk("source_id", "source.id", "fk_inventory_parent_source_id"), _pk("pk_inventory_parent", "id"),
        _unique("uq_inventory_parent_source_id_sku", "source_id", "sku"),
    )  # fmt: skip
    _index("inventory_parent", "account_id", "id")


def _create_listing_parent() -> None:
    op.create_table(
        "listing_parent",
        _key("id"), _big("account_id"), _big("channel_id"), _text("sku"), _text("title", null=True),
        _text("attributes"), _text("custom_fields"), _big("inserted_at"), _big("updated_at"),
        _fk("account_id", "account.id", "fk_listing_parent_account_id"),
        _fk("channel_id", "channel.id", "fk_listing_parent_channel_id"), _pk("pk_listing_parent", "id"),
        _unique("uq_listing_parent_channel_id_sku", "channel_id", "sku"),
    )  # fmt: skip
    _index("listing_parent", "account_id", "id")


def _create_routing_group_source() -> None:
    op.create_table(
        "routing_group_source",
        _big("group_id", auto=False), _big("source_id", auto=False), _int("priority"), _flag("eligible"),
        _fk("group_id", "routing_group.id", "fk_routing_group_source_group_id"),
        _fk("source_id", "source.id", "fk_routing_group_source_source_id"),
        _pk("pk_routing_group_source", "group_id", "source_id"), sqlite_with_rowid=False,
    )  # fmt: skip


def _create_source_shipping_method() -> None:
    op.create_table(
        "source_shipping_method",
        _key("id"), _big("account_id"), _big("source_id"), _text("name"), _text("carrier", null=True),
        _text("method", null=True), _big("estimated_cost", null=True), _flag("active"), _big("created_at"),
        _big("updated_at"),
        _big("version", default="1"), _fk("account_id", "account.id", "fk_source_shipping_method_account_id"),
        _fk("source_id", "source.id", "fk_source_shipping_method_source_id"), _pk("pk_source_shipping_method", "id"),
        _unique("uq_source_shipping_method_source_id_name", "source_id", "name"),
    )  # fmt: skip
    _index("source_shipping_method", "account_id", "id")


def _create_listing_variant() -> None:
    op.create_table(
        "listing_variant",
        _key("id"), _big("account_id"), _big("channel_id"), _big("parent_id", null=True),
        _big("product_variant_id", null=True), _text("sku"), _text("title", null=True),
        _text("external_id", null=True), _big("price", null=True), _text("custom_fields"), _big("inserted_at"),
        _big("updated_at"), _fk("account_id", "account.id", "fk_listing_variant_account_id"),
        _fk("channel_id", "channel.id", "fk_listing_variant_channel_id"),
        _fk("parent_id", "listing_parent.id", "fk_listing_variant_parent_id"),
        _fk("product_variant_id", "product_variant.id", "fk_listing_variant_product_variant_id"),
        _pk("pk_listing_variant", "id"), _unique("uq_listing_variant_channel_id_sku", "channel_id", "sku"),
    )  # fmt: skip
    _index("listing_variant", "account_id", "id")
    _index("listing_variant", "parent_id")
    _index("listing_variant", "channel_id", "external_id")
    _index("listing_variant", "channel_id", "id")
    _index("listing_variant", "product_variant_id")


def _create_routing_decision() -> None:
    op.create_table(
        "routing_decision",
        _key("id"), _big("account_id"), _big("order_id"), _big("at"), _text("decision"),
        _fk("account_id", "account.id", "fk_routing_decision_account_id"),
        _fk("order_id", "orders.id", "fk_routing_decision_order_id"), _pk("pk_routing_decision", "id"),
    )  # fmt: skip
    _index("routing_decision", "order_id")


def _create_shipping_policy_method() -> None:
    op.create_table(
        "shipping_policy_method",
        _big("policy_id", auto=False), _big("source_id", auto=False), _big("method_id"),
        _fk("method_id", "source_shipping_method.id", "fk_shipping_policy_method_method_id"),
        _fk("policy_id", "shipping_policy.id", "fk_shipping_policy_method_policy_id"),
        _fk("source_id", "source.id", "fk_shipping_policy_method_source_id"),
        _pk("pk_shipping_policy_method", "policy_id", "source_id"), sqlite_with_rowid=False,
    )  # fmt: skip


def _create_shipment() -> None:
    op.create_table(
        "shipment",
        _key("id"), _big("account_id"), _big("source_id"), _big("order_id"), _big("request_id"),
        _text("tracking_number"), _text("tracking_url", null=True), _text("carrier", null=True),
        _text("method", null=True), _text("note", null=True), _big("shipped_at"), _big("shipping_cost", null=True),
        _flag("suppressed"), _flag("partial"), _flag("synced_to_channel", null=True), _text("sync_error", null=True),
        _flag("accounting_synced", null=True), _text("custom_fields"), _big("inserted_at"), _big("updated_at"),
        _big("version"), _fk("account_id", "account.id", "fk_shipment_account_id"),
        _fk("order_id", "orders.id", "fk_shipment_order_id"),
        _fk("request_id", "fulfillment_request.id", "fk_shipment_request_id"),
        _fk("source_id", "source.id", "fk_shipment_source_id"), _pk("pk_shipment", "id"),
    )  # fmt: skip
    _index("shipment", "account_id", "inserted_at", "id")
    _index("shipment", "account_id", "updated_at")
    _index("shipment", "order_id")
    _index("shipment", "request_id")
    _index("shipment", "source_id", "inserted_at", "id")


def _create_source_invoice() -> None:
    op.create_table(
        "source_invoice",
        _key("id"), _big("account_id"), _big("source_id"), _big("request_id"), _text("status"),
        _text("invoice_number"), _big("invoice_date"), _big("total_credit_cost"), _big("commission", null=True),
        _big("vendor_payout_id", null=True), _flag("accounting_synced", null=True),
        _text("external_accounting_id", null=True), _text("accounting_error", null=True), _text("custom_fields"),
        _big("inserted_at"), _big("updated_at"), _big("version"),
        _check("ck_source_invoice_status", "status IN ('unpaid', 'paid', 'credited', 'refunded')"),
        _fk("account_id", "account.id", "fk_source_invoice_account_id"),
        _fk("request_id", "fulfillment_request.id", "fk_source_invoice_request_id"),
        _fk("source_id", "source.id", "fk_source_invoice_source_id"), _pk("pk_source_invoice", "id"),
    )  # fmt: skip
    _index("source_invoice", "account_id", "inserted_at", "id")
    _index("source_invoice", "request_id")
    _index("source_invoice", "source_id", "inserted_at", "id")


def _create_shipment_item() -> None:
    op.create_table(
        "shipment_item",
        _key("id"), _big("shipment_id"), _big("line_id"), _big("quantity"), _big("stock_released"),
        _big("rma_item_id", null=True), _text("custom_fields"),
        _check("ck_shipment_item_quantity", "quantity >= 0 AND stock_released BETWEEN 0 AND quantity"),
        _fk("line_id", "fulfillment_request_line.id", "fk_shipment_item_line_id"),
        _fk("shipment_id", "shipment.id", "fk_shipment_item_shipment_id"), _pk("pk_shipment_item", "id"),
    )  # fmt: skip
    _index("shipment_item", "line_id")
    _index("shipment_item", "shipment_id")


def _create_source_invoice_item() -> None:
    op.create_table(
        "source_invoice_item",
        _key("id"), _big("invoice_id"), _text("type"), _big("inventory_variant_id", null=True),
        _text("sku", null=True), _text("title", null=True), _big("quantity"), _big("unit_cost"), _big("cost"),
        _text("external_accounting_item_id", null=True), _text("custom_fields"),
        _check("ck_source_invoice_item_type", "type IN ('product', 'shipping', 'fee', 'tax', 'other')"),
        _fk("invoice_id", "source_invoice.id", "fk_source_invoice_item_invoice_id"),
        _pk("pk_source_invoice_item", "id"),
    )  # fmt: skip
    _index("source_invoice_item", "invoice_id")


def _widen_account() -> None:
    op.add_column("account", _big("default_routing_group_id", null=True))
    op.add_column("account", _text("number_strategy", default="order_number"))
    op.add_column("account", _big("version", default="1"))


def _widen_channel() -> None:
    op.add_column("channel", _flag("auto_generate", no=True))
    op.add_column("channel", _flag("allow_backorders", no=True))
    op.add_column("channel", _flag("reroute_on_fill", no=True))
    op.add_column("channel", _flag("require_shipping_mapping", no=True))
    op.add_column("channel", _big("routing_group_id", null=True))
    op.add_column("channel", _big("updated_at", null=True))
    op.add_column("channel", _big("version", default="1"))


def _widen_source() -> None:
    op.add_column("source", _text("reference", null=True))
    op.add_column("source", _text("number_strategy", null=True))
    op.add_column("source", _text("exceed_strategy", null=True))
    op.add_column("source", _text("refused_characters", default=""))
    op.add_column("source", _flag("pass_order_fields", no=True))
    op.add_column("source", _flag("pass_item_fields", no=True))
    op.add_column("source", _text("stock_release", default="shipment"))
    op.add_column("source", _flag("allow_backorders", no=True))
    op.add_column("source", _big("dropship_fee", default="0"))
    op.add_column("source", _big("shipping_estimate", default="0"))
    op.add_column("source", _flag("archived", no=True))
    op.add_column("source", _text("settings", default="{}"))
    op.add_column("source", _big("updated_at", null=True))
    op.add_column("source", _big("version", default="1"))


def _widen_inventory_variant() -> None:
    op.add_column("inventory_variant", _text("title", null=True))
    op.add_column("inventory_variant", _big("cost", null=True))
    op.add_column("inventory_variant", _big("map", null=True))
    op.add_column("inventory_variant", _big("msrp", null=True))
    op.add_column("inventory_variant", _big("shipping_cost", null=True))
    op.add_column("inventory_variant", _big("dropship_fee", null=True))
    op.add_column("inventory_variant", _flag("archived", no=True))
    op.add_column("inventory_variant", _flag("allow_backorders", null=True))
    op.add_column("inventory_variant", _text("upc", null=True))
    op.add_column("inventory_variant", _text("mpn", null=True))
    op.add_column("inventory_variant", _big("weight", null=True))
    op.add_column("inventory_variant", _text("weight_unit", null=True))
    op.add_column("inventory_variant", _big("length", null=True))
    op.add_column("inventory_variant", _big("width", null=True))
    op.add_column("inventory_variant", _big("height", null=True))
    op.add_column("inventory_variant", _text("dimension_unit", null=True))
    op.add_column("inventory_variant", _text("custom_fields", default="[]"))
    op.add_column("inventory_variant", _big("parent_id", null=True))
    op.add_column("inventory_variant", _big("product_variant_id", null=True))
    op.add_column("inventory_variant", _text("reference_id", null=True))
    op.add_column("inventory_variant", _big("inserted_at", null=True))
    _index("inventory_variant", "account_id", "id")
    _index("inventory_variant", "account_id", "sku")
    _index("inventory_variant", "account_id", "updated_at")
    _index("inventory_variant", "parent_id")
    _index("inventory_variant", "product_variant_id")
    _index("inventory_variant", "source_id", "id")


def _narrow_stock_ledger() -> None:
    held = sa.text("committed > released")
    op.drop_index(op.f("ix_stock_ledger_variant_id"), "stock_ledger")
    op.create_index(
        op.f("ix_stock_ledger_held"), "stock_ledger", ["variant_id"], sqlite_where=held, postgresql_where=held
    )


def _widen_orders() -> None:
    op.add_column("orders", _text("hold_reasons", default="[]"))
    op.add_column("orders", _flag("accounting_synced", null=True))
    op.add_column("orders", _text("external_accounting_id", null=True))
    op.add_column("orders", _text("accounting_error", null=True))
    op.add_column("orders", _text("likeness", null=True))
    _index("orders", "account_id", "order_number")
    _index("orders", "account_id", "reference_number")
    _index("orders", "account_id", "ordered_at")
    _index("orders", "account_id", "status", "id")
    _index("orders", "channel_id", "id")
    _index("orders", "channel_id", "likeness")


def _widen_fulfillment_request() -> None:
    op.add_column("fulfillment_request", _big("routing_decision_id", null=True))
    op.add_column("fulfillment_request", sa.Column("assignee", sa.Text()))
    op.add_column("fulfillment_request", _big("snoozed_until", null=True))


def _widen_fulfillment_request_state() -> None:
    op.add_column("fulfillment_request_state", _big("status_since", default="0"))
    op.execute("UPDATE fulfillment_request_state SET status_since = modified_at")


def _widen_order_item() -> None:
    op.add_column("order_item", _text("ship_to", null=True))
    op.add_column("order_item", _text("refused_sources", default="[]"))
    op.add_column("order_item", _big("dropped", default="0"))
