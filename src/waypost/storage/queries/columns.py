"""Column lists, made from the records themselves, so that a row is a record without any mapping."""

from typing import Any

from waypost.app.ports import AccountRow, ChannelRow, SourceRow, TokenRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import Order, OrderItem
from waypost.domain.stock import Entry


def listed(record: Any, alias: str = "") -> str:
    """The record's columns, in its order, each with the table's alias."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{name}" for name in record._fields)


def places(record: Any, first: int = 1) -> str:
    """As many `$n` as the record has columns."""
    return ", ".join(f"${first + index}" for index in range(len(record._fields)))


STATE_WIDTH = len(State._fields)
FIXED = ("id", "account_id", "source_id", "channel_id", "order_id")
CHANGING = tuple(name for name in State._fields if name not in FIXED)
PLAINLY_CHANGING = (
    "status", "version", "modified_at", "failure_code", "failure_reason", "failure_retryable", "failed_at", "failed_by",
    "status_since",
)  # fmt: skip
LINE_CHANGING = (
    "acknowledged", "secondary_acknowledged", "shipped", "canceled", "killed", "voided", "external_accounting_id",
    "cost", "sku", "title",
)  # fmt: skip
PARTICULARS_CHANGING = (
    "number", "hold_until", "shipping_address", "billing_address", "shipping_text", "source_shipping_method_id",
    "carrier", "method", "note", "confirmation_number", "total_cost", "custom_fields", "assignee", "snoozed_until",
)  # fmt: skip
ITEM_CHANGING = ("allocated", "acknowledged", "shipped", "canceled", "refused_sources", "dropped")
ORDER_CHANGING = ("status", "acknowledged_status", "shipped_status", "hold_reasons", "updated_at")
ENTRY_CHANGING = ("committed", "released", "reason", "at")

STATE = listed(State, "s")
PARTICULARS = listed(Particulars, "f")
LINE = listed(Line)
EVENT = listed(Event)
ORDER = listed(Order)
ITEM = listed(OrderItem)
ENTRY = listed(Entry, "g")
TOKEN = listed(TokenRow)
SOURCE = listed(SourceRow)
CHANNEL = listed(ChannelRow)
ACCOUNT = listed(AccountRow)

# The tables whose ids are given out before the rows are written.
NUMBERED = (
    "orders", "order_item", "fulfillment_request", "fulfillment_request_line", "token", "source", "channel",
    "inventory_parent", "inventory_variant", "product_variant", "stock_ledger", "listing_parent", "listing_variant",
    "source_shipping_method", "channel_shipping_method", "shipping_policy", "routing_group", "routing_decision",
    "webhook", "shipment", "shipment_item", "source_invoice", "source_invoice_item",
)  # fmt: skip
