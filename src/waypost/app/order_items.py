"""What the items of an order are: found by SKU, product variant, listing variant, or the channel's own listing id.

A SKU that was given stands; an item that names a thing nobody knows stays without one, and its order is not managed.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from waypost.app.ports import Tx
from waypost.app.ports.orders import Listed, Sold
from waypost.app.slices import Pace, parts
from waypost.domain.orders import Order, OrderItem

_AT_ONCE = 500  # items that are looked for by one query
_STEPS_OF_AN_ITEM = 5


class ItemDraft(NamedTuple):
    """An item as posted. Price in ten-thousandths."""

    sku: str | None
    title: str | None
    quantity: int
    price: int
    external_listing_id: str | None
    listing_variant_id: int | None
    product_variant_id: int | None
    custom_fields: str
    ship_to: str | None = None  # JSON; None: where the order goes


class Naming(NamedTuple):
    """By what an item of a channel's order names the thing."""

    channel_id: int
    sku: str | None
    product_variant_id: int | None
    listing_variant_id: int | None
    external_listing_id: str | None


class Known(NamedTuple):
    """What is known of the thing. `price` in ten-thousandths, where a listing tells it."""

    sku: str | None
    product_variant_id: int | None
    listing_variant_id: int | None
    title: str | None = None
    price: int | None = None


def naming(channel_id: int, item: ItemDraft) -> Naming:
    """By what a posted item names its thing."""
    return Naming(channel_id, item.sku, item.product_variant_id, item.listing_variant_id, item.external_listing_id)


def item_record(item: ItemDraft, order_id: int, id_: int, number: int, known: Known | None) -> OrderItem:
    """The row of a posted item. What nobody knows stays as it was named."""
    thing = known or Known(None, item.product_variant_id, item.listing_variant_id)
    return OrderItem(
        id_, order_id, number, thing.sku, item.title or thing.title, item.quantity, item.price,
        item.external_listing_id, thing.listing_variant_id, thing.product_variant_id, item.custom_fields, 0, 0, 0, 0,
        item.ship_to,
    )  # fmt: skip


async def identify(tx: Tx, account: int, namings: Sequence[Naming]) -> list[Known | None]:
    """What each names; None: a thing that nobody knows. Two queries at most, however many there are."""
    open_ = [one for one in namings if one.sku is None]
    listings = await _listings(tx, account, open_)
    skus = {one.sku for one in namings if one.sku is not None}
    ids = {one.product_variant_id for one in open_ if one.product_variant_id is not None}
    ids |= {listed.product_variant_id for listed in listings if listed.product_variant_id is not None}
    sold = await tx.sold(account, sorted(ids), sorted(skus)) if ids or skus else []
    by_listing = {listed.id: listed for listed in listings}
    by_external = {(listed.channel_id, listed.external_id): listed for listed in listings}
    catalog = _Catalog({one.id: one for one in sold}, {one.sku: one for one in sold}, by_listing, by_external)
    return [catalog.known(one) for one in namings]


async def identified_again(tx: Tx, account: int, items: Iterable[tuple[Order, OrderItem]]) -> dict[int, OrderItem]:
    """Those of these items that were not managed and are known now, by id, as they become."""
    found: dict[int, OrderItem] = {}
    pace = Pace()
    open_ = ((order, item) for order, item in items if item.sku is None or item.product_variant_id is None)
    for some in parts(open_, _AT_ONCE):
        namings = [
            Naming(order.channel_id, one.sku, one.product_variant_id, one.listing_variant_id, one.external_listing_id)
            for order, one in some
        ]
        for (_, item), known in zip(some, await identify(tx, account, namings), strict=True):
            if known is not None:
                found[item.id] = item._replace(
                    sku=known.sku, product_variant_id=known.product_variant_id,
                    listing_variant_id=known.listing_variant_id, title=item.title or known.title,
                )  # fmt: skip
        await pace.spend(_STEPS_OF_AN_ITEM * len(some))
    return found


async def _listings(tx: Tx, account: int, namings: Sequence[Naming]) -> list[Listed]:
    ids = {one.listing_variant_id for one in namings if one.listing_variant_id is not None}
    externals = {
        (one.channel_id, one.external_listing_id) for one in namings if one.external_listing_id is not None
    }  # fmt: skip
    return await tx.listed(account, sorted(ids), sorted(externals)) if ids or externals else []


class _Catalog(NamedTuple):
    """What was found in the account's catalog."""

    products: dict[int, Sold]
    by_sku: dict[str, Sold]
    listings: dict[int, Listed]
    by_external: dict[tuple[int, str | None], Listed]

    def known(self, one: Naming) -> Known | None:
        """The thing, by the best of its names."""
        if one.sku is not None:
            product = self.by_sku.get(one.sku)
            product_id = one.product_variant_id if product is None else product.id
            return Known(one.sku, product_id, one.listing_variant_id, product.title if product else None)
        listed = self._listing(one)
        product_id = one.product_variant_id or (listed.product_variant_id if listed else None)
        product = None if product_id is None else self.products.get(product_id)
        if product is None and (listed is None or one.product_variant_id is not None):
            return None
        sku = product.sku if product else listed.sku if listed else None
        title = (listed.title if listed else None) or (product.title if product else None)
        return Known(
            sku, product.id if product else None, listed.id if listed else None, title, listed.price if listed else None
        )

    def _listing(self, one: Naming) -> Listed | None:
        if one.listing_variant_id is not None:
            listed = self.listings.get(one.listing_variant_id)
            return listed if listed is not None and listed.channel_id == one.channel_id else None
        return self.by_external.get((one.channel_id, one.external_listing_id)) if one.external_listing_id else None
