"""Shipments: what a source has sent, of which lines, under which tracking number (contract section 3)."""

from typing import NamedTuple


class Shipment(NamedTuple):
    """One shipment. Money in ten-thousandths, times in microseconds UTC."""

    id: int
    account_id: int
    source_id: int
    order_id: int
    request_id: int
    tracking_number: str
    tracking_url: str | None
    carrier: str | None
    method: str | None
    note: str | None
    shipped_at: int
    shipping_cost: int | None
    suppressed: bool
    partial: bool  # the request had more to ship than this
    synced_to_channel: bool | None
    sync_error: str | None
    accounting_synced: bool | None
    custom_fields: str  # JSON array of {id, name, value}
    inserted_at: int
    updated_at: int
    version: int  # from 1, raised by every change of it or its items


class ShipmentItem(NamedTuple):
    """How many pieces of one line it carries, and how much committed stock that gave back."""

    id: int
    shipment_id: int
    line_id: int
    quantity: int
    stock_released: int
    rma_item_id: int | None
    custom_fields: str


class ShippedLine(NamedTuple):
    """What a reply tells of the line that an item is about."""

    id: int
    sku: str
    quantity: int
    order_item_id: int | None
    inventory_variant_id: int | None


class ShipmentView(NamedTuple):
    """A shipment with its items, each with its line."""

    shipment: Shipment
    items: tuple[tuple[ShipmentItem, ShippedLine], ...]
