"""Listings on the wire (contract section 6)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from waypost.app.actor import Actor
from waypost.app.goods import ListingChange, ListingsDone
from waypost.app.listings import listings_change
from waypost.app.records import RecordChange
from waypost.domain.fields import FieldMode
from waypost.domain.inventory import ListingFamily, ListingVariant
from waypost.wire.bodies import CustomFields, Id, Name, Note, Short, bad
from waypost.wire.bodies import money as read_money
from waypost.wire.faults import Fault
from waypost.wire.inventory import Title, field_change, read_variant_id
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.scalars import Amount, format_datetime, money

LISTINGS_AT_MOST = 50


class AttributeIn(Struct, rename="camel"):
    """An attribute of a listing's parent."""

    name: Name
    value: Note | None = None


class ListingIn(Struct, rename="camel"):
    """One element of `PUT /listing/variants`; what is absent stays, what is null is cleared."""

    listing_variant_id: Id | Annotated[str, Meta(max_length=40)] | None = None
    sku: Name | None = None
    channel_id: Id | None = None
    title: Title | UnsetType | None = UNSET
    external_id: Short | UnsetType | None = UNSET
    price: Amount | UnsetType | None = UNSET
    product_variant_id: Id | UnsetType | None = UNSET
    product_sku: Short | UnsetType | None = UNSET
    parent_sku: Name | None = None
    parent_title: Title | UnsetType | None = UNSET
    attributes: Annotated[list[AttributeIn], Meta(max_length=100)] | UnsetType | None = UNSET
    custom_fields: CustomFields | None = None


Listings = Annotated[list[ListingIn], Meta(min_length=1, max_length=LISTINGS_AT_MOST)]


def listings_call(
    body: Listings, params: Mapping[str, Any], actor: Actor, faults: list[Fault]
) -> RecordChange[ListingsDone]:
    """The change that `PUT /listing/variants` asks for."""
    mode = params.get("modifyCustomFields", FieldMode.MERGE)
    changes = []
    for place, one in enumerate(body):
        values: dict[str, Any] = {}
        for column, value in (("title", one.title), ("external_id", one.external_id)):
            if value is not UNSET:
                values[column] = value or None
        if one.price is not UNSET:
            values["price"] = None if one.price is None else read_money(one.price, f"/{place}/price", faults)
        id_ = read_variant_id(one.listing_variant_id, f"/{place}/listingVariantId", faults)
        product_id = None if one.product_variant_id is UNSET else one.product_variant_id
        product_sku = None if one.product_sku is UNSET else one.product_sku or None
        named = one.product_variant_id is not UNSET or one.product_sku is not UNSET
        changes.append(
            ListingChange(
                f"/{place}", one.channel_id, id_, one.sku, values, field_change(one.custom_fields, mode), product_id,
                product_sku, named and product_id is None and product_sku is None, one.parent_sku,
                _of_parent(one, place, faults),
            )
        )  # fmt: skip
    return listings_change(actor, changes)


def _of_parent(one: ListingIn, place: int, faults: list[Fault]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if one.parent_title is not UNSET:
        values["title"] = one.parent_title or None
    if one.attributes is not UNSET:
        values["attributes"] = msgspec.json.encode(one.attributes or []).decode()
    if values and one.parent_sku is None:
        bad(faults, f"/{place}/parentSku", "required", "A title or attributes of the parent need its parentSku.")
    return values


def listing_out(one: ListingVariant) -> dict[str, Any]:
    """A listing variant as it is shown."""
    return {
        "id": one.id,
        "accountId": one.account_id,
        "channelId": one.channel_id,
        "listingParentId": one.parent_id,
        "productVariantId": one.product_variant_id,
        "sku": one.sku,
        "title": one.title,
        "externalId": one.external_id,
        "price": None if one.price is None else money(one.price),
        "customFields": Raw(one.custom_fields.encode()),
        "insertedAt": format_datetime(one.inserted_at),
        "updatedAt": format_datetime(one.updated_at),
    }


def render_listings(listings: Sequence[ListingVariant]) -> Pieces:
    """A bare array."""
    return array(listings, listing_out)


def render_done(done: ListingsDone) -> bytes:
    """What a change came to."""
    return b"".join(render_listings(done.listings))


def render_parents(families: Sequence[ListingFamily], with_attributes: bool) -> Pieces:
    """A bare array of parents; attributes only where they are asked for."""

    def shown(family: ListingFamily) -> Pieces:
        parent, variants = family
        return document(
            {
                "id": parent.id,
                "accountId": parent.account_id,
                "channelId": parent.channel_id,
                "sku": parent.sku,
                "title": parent.title,
                "attributes": Raw(parent.attributes.encode()) if with_attributes else [],
                "customFields": Raw(parent.custom_fields.encode()),
                "insertedAt": format_datetime(parent.inserted_at),
                "updatedAt": format_datetime(parent.updated_at),
                "variants": array(variants, listing_out),
            }
        )

    return array(families, shown)
