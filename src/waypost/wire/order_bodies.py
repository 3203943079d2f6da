"""Bodies about orders: their shapes and limits, and the domain input that they become (contract section 5)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from waypost.app.actor import Actor
from waypost.app.order_changes import TOTAL_BELOW, Accounting
from waypost.app.order_items import ItemDraft
from waypost.app.orders import OrderDraft
from waypost.wire.addresses import AddressIn, store_address
from waypost.wire.bodies import (
    LINES_AT_MOST,
    CustomFields,
    Id,
    Long,
    Name,
    Note,
    Quantity,
    Short,
    Tags,
    bad,
    fields,
    moment,
    money,
)
from waypost.wire.faults import Fault
from waypost.wire.orders import PAYMENT_STATUSES
from waypost.wire.scalars import MONEY_BELOW, Amount

ORDERS_AT_MOST = 1000  # of one link
SKUS_AT_MOST = 1000

Title = Annotated[str, Meta(max_length=500)]


class OrderItemIn(Struct, rename="camel"):
    """One item of an order to be created."""

    quantity: Quantity
    sku: Short | None = None
    title: Title | None = None
    price: Amount | None = None
    external_listing_id: Short | None = None
    listing_variant_id: Id | None = None
    product_variant_id: Id | None = None
    shipping_address: AddressIn | None = None
    custom_fields: CustomFields | None = None


class CreateOrder(Struct, rename="camel"):
    """Body of `POST /orders`."""

    order_number: Name
    order_items: Annotated[list[OrderItemIn], Meta(min_length=1, max_length=LINES_AT_MOST)]
    channel_id: Id | None = None
    reference_number: Short | None = None
    ordered_at: str | None = None
    note: Note | None = None
    shipping_text: Annotated[str, Meta(max_length=500)] | None = None
    shipping_address: AddressIn | None = None
    billing_address: AddressIn | None = None
    payment_status: str | None = None
    tags: Tags | None = None
    custom_fields: CustomFields | None = None


class AddItem(OrderItemIn):
    """Body of `POST /orders/{id}/items`: one item."""


class TagChanges(Struct):
    """Body of `PATCH /orders/{id}/tags`."""

    add: Annotated[list[Name], Meta(max_length=100)] | None = None
    remove: Annotated[list[Short], Meta(max_length=100)] | None = None


class SyncOrderAccounting(Struct, rename="camel"):
    """Body of an order's accounting-sync; only what is not null changes."""

    accounting_synced: bool | None = None
    external_accounting_id: Short | None = None
    accounting_error: Long | None = None


class LinkIn(Struct, rename="camel"):
    """Body of `PATCH /orders/link`: exactly one of these, here or as parameters."""

    order_ids: Annotated[list[Id], Meta(min_length=1, max_length=ORDERS_AT_MOST)] | None = None
    skus: Annotated[list[Name], Meta(min_length=1, max_length=SKUS_AT_MOST)] | None = None
    channel_id: Id | None = None


def order_draft(body: CreateOrder, actor: Actor, call_id: str, faults: list[Fault]) -> OrderDraft:
    """An order to be created."""
    channel_id = actor.scope.channel_id
    if channel_id is None:
        channel_id = body.channel_id
        if channel_id is None:
            bad(faults, "/channelId", "required", "An account token says which channel the order belongs to.")
    elif body.channel_id not in (None, channel_id):
        bad(faults, "/channelId", "foreign_channel", "A channel token posts orders of its own channel only.")
    payment = None if body.payment_status is None else PAYMENT_STATUSES.get(body.payment_status)
    if body.payment_status is not None and payment is None:
        bad(faults, "/paymentStatus", "unknown_value", f"paymentStatus is one of {', '.join(PAYMENT_STATUSES)}.")
    items = tuple(_item(item, f"/orderItems/{place}", faults) for place, item in enumerate(body.order_items))
    if sum(item.price * item.quantity for item in items) >= TOTAL_BELOW:
        bad(faults, "/orderItems", "out_of_range", f"What the items come to is below {MONEY_BELOW}.")
    return OrderDraft(
        actor, channel_id or 0, body.order_number, body.reference_number or None,
        moment(body.ordered_at, "/orderedAt", faults), body.note or None, body.shipping_text or None,
        store_address(body.shipping_address or AddressIn()), _address(body.billing_address),
        payment, _json(dict.fromkeys(tag for tag in body.tags or () if tag)), fields(body.custom_fields), items,
        call_id=call_id,
    )  # fmt: skip


def _address(value: AddressIn | None) -> str | None:
    return None if value is None else store_address(value)


def _item(item: OrderItemIn, at: str, faults: list[Fault]) -> ItemDraft:
    if not (item.sku or item.listing_variant_id or item.product_variant_id or item.external_listing_id):
        bad(faults, f"{at}/sku", "required", "Name the item by sku, listing or product variant.")
    return ItemDraft(
        item.sku or None, item.title or None, item.quantity, money(item.price, f"{at}/price", faults),
        item.external_listing_id or None, item.listing_variant_id, item.product_variant_id,
        fields(item.custom_fields), _address(item.shipping_address),
    )  # fmt: skip


def item_draft(body: OrderItemIn, faults: list[Fault]) -> ItemDraft:
    """An item to be added: named by exactly one of its names."""
    given = [name for name in ("sku", "listing_variant_id", "product_variant_id") if getattr(body, name)]
    if len(given) > 1:
        bad(faults, "", "contradiction", "Name the item by one of sku, listingVariantId and productVariantId.")
    return _item(body, "", faults)


def tag_changes(body: TagChanges, faults: list[Fault]) -> tuple[list[str], list[str]]:
    """Tags to add, and tags to take away."""
    add, remove = body.add or [], set(body.remove or [])
    for place, tag in enumerate(add):
        if tag in remove:
            bad(faults, f"/add/{place}", "contradiction", f"{tag!r} is to be added and removed.")
    return add, body.remove or []


def accounting(body: SyncOrderAccounting) -> Accounting:
    """What an accounting system says."""
    return Accounting(body.accounting_synced, body.external_accounting_id, body.accounting_error)


def link_choice(body: LinkIn, params: dict[str, Any], faults: list[Fault]) -> LinkIn:
    """What is to be linked: exactly one of three, in the body or as parameters."""
    order_ids = [*(body.order_ids or ()), *params.get("orderIds", ())]
    skus = [*(body.skus or ()), *params.get("skus", ())]
    channels = {one for one in (body.channel_id, params.get("channelId")) if one is not None}
    if (bool(order_ids) + bool(skus) + len(channels)) != 1:
        bad(faults, "", "exactly_one", "Say whose items are to be linked: exactly one of orderIds, skus, channelId.")
    return LinkIn(list(dict.fromkeys(order_ids)), list(dict.fromkeys(skus)), next(iter(channels), None))


def _json(value: Any) -> str:
    return msgspec.json.encode(list(value)).decode()
