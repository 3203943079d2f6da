"""What is sold and where it lies: inventory, products, listings; how it is shipped and routed; the stock ledger."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint
from sqlalchemy import text as sql

from waypost.storage.schema.base import flag, key, metadata, number, ref, text

HELD = sql("committed > released")

inventory_parent = Table(
    "inventory_parent", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    text("sku", False), text("title"), text("description"), text("reference_id"), text("custom_fields", False),
    flag("archived"), number("inserted_at"), number("updated_at"),
    UniqueConstraint("source_id", "sku"), Index(None, "account_id", "id"), Index(None, "source_id", "id"),
    Index(None, "account_id", "sku"), Index(None, "account_id", "updated_at"),
)  # fmt: skip

# What the merchant sells, by SKU; made when a source first offers it. Inventory and listings point to it.
product_variant = Table(
    "product_variant", metadata, key(), ref("account_id", "account"), text("sku", False), text("title"),
    text("upc"), text("mpn"), text("custom_fields", False), number("inserted_at"), number("updated_at"),
    UniqueConstraint("account_id", "sku"), Index(None, "account_id", "id"), Index(None, "account_id", "upc"),
    Index(None, "account_id", "updated_at"),
)  # fmt: skip

# `committed` is what the ledger's open rows of this variant add up to; written only beside them.
inventory_variant = Table(
    "inventory_variant", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    text("sku", False), number("quantity"), number("committed"), number("updated_at"),
    text("title"), number("cost", True), number("map", True), number("msrp", True), number("shipping_cost", True),
    number("dropship_fee", True), flag("archived", default=True), flag("allow_backorders", True),
    text("upc"), text("mpn"), number("weight", True), text("weight_unit"), number("length", True),
    number("width", True), number("height", True), text("dimension_unit"), text("custom_fields", False, "[]"),
    number("parent_id", True), number("product_variant_id", True), text("reference_id"),
    number("inserted_at", True),
    UniqueConstraint("source_id", "sku"), Index(None, "account_id", "id"), Index(None, "account_id", "sku"),
    Index(None, "account_id", "updated_at"), Index(None, "parent_id"),
    Index(None, "product_variant_id", "source_id"), Index(None, "source_id", "id"), Index(None, "account_id", "upc"),
)  # fmt: skip

stock_ledger = Table(
    "stock_ledger", metadata, key(), ref("variant_id", "inventory_variant"),
    ref("line_id", "fulfillment_request_line"), number("committed"), number("released"),
    text("reason", False), number("at"),
    CheckConstraint("committed >= 0 AND released BETWEEN 0 AND committed", name="open"),
    # What is still held of a variant: small, however long its history is.
    Index("ix_stock_ledger_held", "variant_id", sqlite_where=HELD, postgresql_where=HELD), Index(None, "line_id"),
)  # fmt: skip

listing_parent = Table(
    "listing_parent", metadata, key(), ref("account_id", "account"), ref("channel_id", "channel"),
    text("sku", False), text("title"), text("attributes", False), text("custom_fields", False),
    number("inserted_at"), number("updated_at"),
    UniqueConstraint("channel_id", "sku"), Index(None, "account_id", "id"), Index(None, "channel_id", "id"),
    Index(None, "account_id", "sku"), Index(None, "account_id", "updated_at"),
)  # fmt: skip

listing_variant = Table(
    "listing_variant", metadata, key(), ref("account_id", "account"), ref("channel_id", "channel"),
    ref("parent_id", "listing_parent", True), ref("product_variant_id", "product_variant", True),
    text("sku", False), text("title"), text("external_id"), number("price", True), text("custom_fields", False),
    number("inserted_at"), number("updated_at"),
    UniqueConstraint("channel_id", "sku"), Index(None, "account_id", "id"), Index(None, "parent_id"),
    Index(None, "channel_id", "external_id", "id"), Index(None, "channel_id", "id"), Index(None, "product_variant_id"),
    Index(None, "account_id", "sku"), Index(None, "account_id", "updated_at"),
)  # fmt: skip

source_shipping_method = Table(
    "source_shipping_method", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    text("name", False), text("carrier"), text("method"), number("estimated_cost", True), flag("active"),
    number("created_at"), number("updated_at"), number("version", False, "1"),
    UniqueConstraint("source_id", "name"), Index(None, "account_id", "id"), Index(None, "source_id", "id"),
)  # fmt: skip

shipping_policy = Table(
    "shipping_policy", metadata, key(), ref("account_id", "account"), text("name", False), number("created_at"),
    number("updated_at"), number("version", False, "1"),
    UniqueConstraint("account_id", "name"), Index(None, "account_id", "id"),
)  # fmt: skip

# By which of its methods a source ships what falls under a policy.
shipping_policy_method = Table(
    "shipping_policy_method", metadata,
    Column("policy_id", BigInteger, ForeignKey("shipping_policy.id"), primary_key=True, autoincrement=False),
    Column("source_id", BigInteger, ForeignKey("source.id"), primary_key=True, autoincrement=False),
    ref("method_id", "source_shipping_method"),
    sqlite_with_rowid=False,
)  # fmt: skip


def _of_texts(name: str, owner: str, which: str) -> Index:
    """Of the texts of an account, or of a channel, those that are mapped, or those that are not: either may be few."""
    which_ = sql(which)
    columns = (owner, "id", "policy_id")
    return Index(f"ix_channel_shipping_method_{name}", *columns, sqlite_where=which_, postgresql_where=which_)


# The shipping texts of a channel's orders, each with the policy it means (null: not mapped yet).
channel_shipping_method = Table(
    "channel_shipping_method", metadata, key(), ref("account_id", "account"), ref("channel_id", "channel"),
    text("name", False), ref("policy_id", "shipping_policy", True), number("created_at"), number("updated_at"),
    number("version", False, "1"),
    UniqueConstraint("channel_id", "name"), Index(None, "account_id", "id"), Index(None, "channel_id", "id"),
    _of_texts("mapped", "account_id", "policy_id IS NOT NULL"),
    _of_texts("unmapped", "account_id", "policy_id IS NULL"),
    _of_texts("mapped_of_channel", "channel_id", "policy_id IS NOT NULL"),
    _of_texts("unmapped_of_channel", "channel_id", "policy_id IS NULL"),
)  # fmt: skip

routing_group = Table(
    "routing_group", metadata, key(), ref("account_id", "account"), text("name", False), text("rules", False),
    number("created_at"), number("updated_at"), number("version", False, "1"),
    UniqueConstraint("account_id", "name"), Index(None, "account_id", "id"),
)  # fmt: skip

routing_group_source = Table(
    "routing_group_source", metadata,
    Column("group_id", BigInteger, ForeignKey("routing_group.id"), primary_key=True, autoincrement=False),
    Column("source_id", BigInteger, ForeignKey("source.id"), primary_key=True, autoincrement=False),
    Column("priority", Integer, nullable=False), flag("eligible"),
    sqlite_with_rowid=False,
)  # fmt: skip
