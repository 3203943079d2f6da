"""Inventory, products, listings: what sources have, what the merchant sells, what channels show (contract section 6).

A product variant is one thing by its SKU; the variants of sources' inventory and of channels' listings point to it.
Money, weights and lengths are integer ten-thousandths, times microseconds UTC.
"""

from typing import NamedTuple


class InventoryParent(NamedTuple):
    """What a source offers in several variants."""

    id: int
    account_id: int
    source_id: int
    sku: str
    title: str | None
    description: str | None
    reference_id: str | None
    custom_fields: str  # JSON array of {id, name, value}
    archived: bool
    inserted_at: int
    updated_at: int


class InventoryVariant(NamedTuple):
    """How much of one SKU a source has. `quantity` is the source's own figure, `committed` what our requests hold."""

    id: int
    account_id: int
    source_id: int
    sku: str
    quantity: int
    committed: int
    title: str | None
    cost: int | None
    map: int | None
    msrp: int | None
    shipping_cost: int | None
    dropship_fee: int | None
    archived: bool
    allow_backorders: bool | None  # None: as the source and the channel say
    upc: str | None
    mpn: str | None
    weight: int | None
    weight_unit: str | None
    length: int | None
    width: int | None
    height: int | None
    dimension_unit: str | None
    custom_fields: str
    parent_id: int | None
    product_variant_id: int | None
    reference_id: str | None
    inserted_at: int | None
    updated_at: int

    @property
    def available(self) -> int:
        """What can still be promised; below zero where more is held than the source has."""
        return self.quantity - self.committed


class ProductVariant(NamedTuple):
    """A thing the merchant sells, by SKU; made when a source first offers it."""

    id: int
    account_id: int
    sku: str
    title: str | None
    upc: str | None
    mpn: str | None
    custom_fields: str
    inserted_at: int
    updated_at: int


class ListingParent(NamedTuple):
    """What a channel shows in several variants."""

    id: int
    account_id: int
    channel_id: int
    sku: str
    title: str | None
    attributes: str  # JSON array of {name, value}
    custom_fields: str
    inserted_at: int
    updated_at: int


class ListingVariant(NamedTuple):
    """One SKU as a channel sells it; `product_variant_id` None: not mapped to what the merchant sells."""

    id: int
    account_id: int
    channel_id: int
    parent_id: int | None
    product_variant_id: int | None
    sku: str
    title: str | None
    external_id: str | None
    price: int | None
    custom_fields: str
    inserted_at: int
    updated_at: int


class Held(NamedTuple):
    """One open entry of the ledger, with the line and the request that hold it."""

    entry_id: int
    request_id: int
    request_number: str
    request_status: str
    order_id: int
    line_id: int
    committed: int
    released: int
    shipped: int
    reason: str
    at: int
    released_seq: int | None  # of the request: None while its source does not see it

    @property
    def open(self) -> int:
        """What is still held."""
        return self.committed - self.released


class Family(NamedTuple):
    """A parent with its variants."""

    parent: InventoryParent
    variants: tuple[InventoryVariant, ...]


class ListingFamily(NamedTuple):
    """A listing with its variants."""

    parent: ListingParent
    variants: tuple[ListingVariant, ...]
