"""What is asked of inventory and listings, and what comes back: words of `app.inventory` and `app.listings`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.domain.fields import FieldChange
from waypost.domain.inventory import InventoryParent, InventoryVariant, ListingVariant


class VariantChange(NamedTuple):
    """One variant, named by its id or by its SKU and source. `values`: columns that are simply written."""

    field: str  # where it stands in the input, as `/3` or `/0/variants/1`
    source_id: int | None
    variant_id: int | None
    sku: str | None
    values: Mapping[str, Any]
    fields: FieldChange | None = None
    product_sku: str | None = None  # None: the SKU itself, for a new one; else what it is
    parent_sku: str | None = None  # None: as it is; a new one gets a parent of its own SKU


class ParentChange(NamedTuple):
    """One parent, named by its SKU and source."""

    field: str
    source_id: int | None
    sku: str
    values: Mapping[str, Any]
    fields: FieldChange | None = None


class InventoryCall(NamedTuple):
    """One call: all of it happens, or nothing. `creates`: what is not there is made, and not refused."""

    actor: Actor
    variants: tuple[VariantChange, ...]
    parents: tuple[ParentChange, ...] = ()
    creates: bool = False
    call_id: str | None = None
    dry_run: bool = False


class InventoryDone(NamedTuple):
    """A success: what the call named, as it stands now, in the order of the call."""

    variants: tuple[InventoryVariant, ...]
    parents: tuple[InventoryParent, ...]
    changed: int  # how many of them are new or different
    variant_words: tuple[str, ...] = ()  # created, changed or unchanged, by variant; not of a replay
    replayed: bool = False
    dry_run: bool = False


class ListingChange(NamedTuple):
    """One listing variant, named by its id or by its SKU and channel, with what it is mapped to."""

    field: str
    channel_id: int | None
    listing_id: int | None
    sku: str | None
    values: Mapping[str, Any]
    fields: FieldChange | None = None
    product_id: int | None = None
    product_sku: str | None = None
    unmaps: bool = False  # the product was given as null
    parent_sku: str | None = None  # None: as it is; a new one gets a parent of its own SKU
    parent_values: Mapping[str, Any] = {}  # of the parent that `parent_sku` names


class ListingsDone(NamedTuple):
    """The listings as they stand now, in the order of the call."""

    listings: tuple[ListingVariant, ...]
