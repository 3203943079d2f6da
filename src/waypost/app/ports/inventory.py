"""Inventory, products and listings: how they are read and written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.inventory import (
    Family,
    Held,
    InventoryParent,
    InventoryVariant,
    ListingFamily,
    ListingParent,
    ListingVariant,
    ProductVariant,
)

Named = tuple[int, str]  # the id of a source or channel, and a SKU of its


class GoodsQuery(NamedTuple):
    """Filters of every list here; None or empty means no filter. `updated_after` in microseconds, exclusive."""

    scope: Scope
    skus: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    upcs: tuple[str, ...] = ()
    source_id: int | None = None
    channel_id: int | None = None
    updated_after: int | None = None
    limit: int = 20
    offset: int = 0


class StockView(NamedTuple):
    """A variant with every open entry of its ledger, as of one moment."""

    variant: InventoryVariant
    held: tuple[Held, ...]


class InventoryReads(Protocol):
    """The part of `Reads` that is about goods. Lists are one page, by id ascending."""

    async def inventory_variants(self, query: GoodsQuery) -> list[InventoryVariant]: ...

    async def inventory_families(self, query: GoodsQuery) -> list[Family]: ...

    async def product_variants(self, query: GoodsQuery) -> list[ProductVariant]: ...

    async def product_links(self, account_id: int, ids: Sequence[int]) -> tuple[dict[int, list[int]], ...]:
        """The ids of the inventory variants, and of the listing variants, that point to each product variant."""
        ...

    async def listing_families(self, query: GoodsQuery) -> list[ListingFamily]: ...

    async def listing_variants(self, query: GoodsQuery) -> list[ListingVariant]: ...

    async def stock_of(self, scope: Scope, variant_id: int) -> StockView | None: ...


class InventoryTx(Protocol):
    """The part of `Tx` that is about goods. What `load` has locked is read afterwards."""

    async def variants_named(
        self, scope: Scope, ids: Sequence[int], names: Sequence[Named]
    ) -> dict[int, InventoryVariant]:
        """Those with one of these ids, and those with one of these SKUs at their source; by id."""
        ...

    async def parents_named(self, scope: Scope, names: Sequence[Named]) -> dict[Named, InventoryParent]: ...

    async def products_named(self, account_id: int, skus: Sequence[str]) -> dict[str, ProductVariant]: ...

    async def shipped_and_held(self, account_id: int, variant_ids: Sequence[int]) -> list[tuple[int, int]]:
        """(request id, variant id) wherever a request holds stock of a variant for pieces that have shipped."""
        ...

    async def insert_inventory(
        self,
        parents: Sequence[InventoryParent],
        products: Sequence[ProductVariant],
        variants: Sequence[InventoryVariant],
    ) -> None: ...

    async def update_inventory(self, parents: Sequence[InventoryParent], variants: Sequence[InventoryVariant]) -> None:
        """Write these as they become, but for what is committed: the ledger moves that."""
        ...

    async def listings_named(
        self, scope: Scope, ids: Sequence[int], names: Sequence[Named]
    ) -> dict[int, ListingVariant]: ...

    async def listing_parents_named(self, scope: Scope, names: Sequence[Named]) -> dict[Named, ListingParent]: ...

    async def products_by_id(self, account_id: int, ids: Sequence[int]) -> dict[int, ProductVariant]: ...

    async def write_listings(
        self,
        new: tuple[Sequence[ListingParent], Sequence[ListingVariant]],
        changed: tuple[Sequence[ListingParent], Sequence[ListingVariant]],
    ) -> None:
        """Insert and update parents and variants."""
        ...
