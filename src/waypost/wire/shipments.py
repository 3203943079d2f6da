"""Shipments on the wire (contract section 3)."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from waypost.app.actor import Actor
from waypost.app.shipment_drafts import ItemPatch, PieceDraft, ShipmentDraft, ShipmentPatch
from waypost.domain.shipments import Shipment, ShipmentItem, ShipmentView, ShippedLine
from waypost.wire.bodies import LINES_AT_MOST, CustomFields, Id, Long, Name, Note, Quantity, Short, bad, fields, moment
from waypost.wire.bodies import money as read_money
from waypost.wire.faults import Fault
from waypost.wire.links import judge_link
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import Amount, format_datetime, money

SHIPMENTS_AT_MOST = 50  # in one call of flag-with-errors
Url = Annotated[str, Meta(max_length=2000)]


class ShipmentItemIn(Struct, rename="camel"):
    """What one item of a shipment carries; named by one of five ids, or its SKU."""

    quantity: Quantity | None = None
    id: Id | None = None
    sku: Short | None = None
    inventory_variant_id: Id | None = None
    source_variant_id: Id | None = None
    order_item_id: Id | None = None
    purchase_order_item_id: Id | None = None
    fulfillment_request_item_id: Id | None = None
    rma_item_id: Id | None = None
    custom_fields: CustomFields | None = None


Items = Annotated[list[ShipmentItemIn], Meta(max_length=LINES_AT_MOST)]


class ShipmentIn(Struct, rename="camel"):
    """The shipment itself, when it is posted."""

    tracking_number: Name
    shipment_items: Annotated[list[ShipmentItemIn], Meta(min_length=1, max_length=LINES_AT_MOST)]
    tracking_url: Url | None = None
    carrier: Short | None = None
    method: Short | None = None
    note: Note | None = None
    shipped_at: str | None = None
    shipping_cost: Amount | None = None
    suppressed: bool | None = None
    custom_fields: CustomFields | None = None


class CreateShipment(Struct, rename="camel"):
    """Body of `POST /shipments`. `shipments` is what clients of another version send; it is refused by name."""

    shipment: ShipmentIn | None = None
    shipments: Any = None
    fulfillment_request_id: Id | None = None
    purchase_order_id: Id | None = None
    purchase_order_number: Short | None = None
    source_id: Id | None = None
    allow_duplicate_tracking_numbers: bool | None = None


class CustomFieldChange(Struct, rename="camel"):
    """A custom field: another value (by id), or a new one."""

    name: Name
    id: Id | None = None
    value: Note | None = None


class UpdateShipment(Struct, rename="camel"):
    """Body of `PATCH /shipments`: what is null stays."""

    id: Id
    fulfillment_request_id: Id | None = None
    purchase_order_id: Id | None = None
    tracking_number: Name | None = None
    tracking_url: Url | None = None
    carrier: Short | None = None
    method: Short | None = None
    note: Note | None = None
    shipped_at: str | None = None
    shipping_cost: Amount | None = None
    suppressed: bool | None = None
    synced_to_channel: bool | None = None
    sync_error: Long | None = None
    accounting_synced: bool | None = None
    allow_duplicate_tracking_numbers: bool | None = None
    shipment_items: Items | None = None
    custom_fields: Annotated[list[CustomFieldChange], Meta(max_length=100)] | None = None


class FlaggedShipment(Struct, rename="camel"):
    """One shipment that could not be told to its channel."""

    id: Id
    sync_error: Annotated[str, Meta(min_length=1, max_length=2000)]


Flagged = Annotated[list[FlaggedShipment], Meta(min_length=1, max_length=SHIPMENTS_AT_MOST)]


class DeleteItems(Struct, rename="camel"):
    """Body of `DELETE /shipment/{id}/shipment-item`."""

    shipment_item_ids: Annotated[list[Id], Meta(min_length=1, max_length=LINES_AT_MOST)]


class DeleteFields(Struct, rename="camel"):
    """Body of `DELETE /shipment/{id}/custom-fields`."""

    custom_field_ids: Annotated[list[Id], Meta(min_length=1, max_length=100)]


def shipment_draft(body: CreateShipment, actor: Actor, call_id: str, faults: list[Fault]) -> ShipmentDraft | None:
    """A shipment to be posted; None when its shape is wrong already."""
    given, own = body.shipment, actor.scope.source_id
    if body.shipments is not None:
        bad(faults, "/shipments", "unknown_member", "One shipment at a time, as shipment.")
    if given is None:
        bad(faults, "/shipment", "required", "/shipment is required.")
        return None
    request_id = _same(faults, body, "fulfillment_request_id", "purchase_order_id", "")
    if request_id is None and not body.purchase_order_number:
        bad(faults, "/fulfillmentRequestId", "required", "Say which fulfillment request it is for.")
    if own is not None and body.source_id not in (None, own):
        bad(faults, "/sourceId", "foreign_source", "A source token posts its own source's shipments only.")
    if own is None and request_id is None and body.purchase_order_number and body.source_id is None:
        bad(faults, "/sourceId", "required", "A number alone does not say which source's: give the sourceId, too.")
    pieces = tuple(
        _piece(item, f"/shipment/shipmentItems/{place}", faults) for place, item in enumerate(given.shipment_items)
    )
    judge_link(given.tracking_url, "/shipment/trackingUrl", faults)
    shipped_at = moment(given.shipped_at, "/shipment/shippedAt", faults)
    cost = None if given.shipping_cost is None else read_money(given.shipping_cost, "/shipment/shippingCost", faults)
    return ShipmentDraft(
        actor, request_id, body.purchase_order_number, body.source_id, given.tracking_number, pieces,
        given.tracking_url or None, given.carrier or None, given.method or None, given.note or None, shipped_at, cost,
        bool(given.suppressed), fields(given.custom_fields), bool(body.allow_duplicate_tracking_numbers), call_id,
    )  # fmt: skip


def _same(faults: list[Fault], body: Struct, name: str, older: str, at: str) -> int | None:
    """An id that has two names."""
    id_, again = getattr(body, name), getattr(body, older)
    if id_ is not None and again not in (None, id_):
        names = [field.encode_name for field in msgspec.structs.fields(body) if field.name in (name, older)]
        bad(faults, f"{at}/{names[-1]}", "contradiction", f"{names[0]} and {names[-1]} are two names of one id.")
    found: int | None = id_ if id_ is not None else again
    return found


def _piece(item: ShipmentItemIn, at: str, faults: list[Fault]) -> PieceDraft:
    piece = _named(item, at, faults)
    if piece is None:
        bad(faults, f"{at}/sku", "required", "Name the item: by sku, or by one of its ids.")
    if item.quantity is None:
        bad(faults, f"{at}/quantity", "required", "Say how many pieces.")
    if item.id is not None:
        bad(faults, f"{at}/id", "unknown_item", "A new item gets its id from here.")
    return piece or PieceDraft(1)


def _named(item: ShipmentItemIn, at: str, faults: list[Fault]) -> PieceDraft | None:
    """What the item is about, as far as it says so."""
    line_id = _same(faults, item, "fulfillment_request_item_id", "purchase_order_item_id", at)
    variant_id = _same(faults, item, "inventory_variant_id", "source_variant_id", at)
    if not (line_id or item.sku or variant_id or item.order_item_id):
        return None
    return PieceDraft(
        item.quantity or 1, line_id, item.sku or None, variant_id, item.order_item_id, item.rma_item_id,
        fields(item.custom_fields),
    )  # fmt: skip


_TEXTS = ("tracking_number", "tracking_url", "carrier", "method", "note", "sync_error")
_FLAGS = ("suppressed", "synced_to_channel", "accounting_synced")


def shipment_patch(body: UpdateShipment, actor: Actor, call_id: str, faults: list[Fault]) -> ShipmentPatch:
    """A shipment to be corrected. An empty text takes the text away."""
    judge_link(body.tracking_url, "/trackingUrl", faults)
    written: dict[str, Any] = {name: text or None for name in _TEXTS if (text := getattr(body, name)) is not None}
    written |= {name: flag for name in _FLAGS if (flag := getattr(body, name)) is not None}
    if body.synced_to_channel:
        written.setdefault("sync_error", None)
    if body.shipped_at:
        written["shipped_at"] = moment(body.shipped_at, "/shippedAt", faults)
    if body.shipping_cost is not None:
        written["shipping_cost"] = read_money(body.shipping_cost, "/shippingCost", faults)
    items, more = _split(body.shipment_items or (), faults)
    changed = tuple((field.id, field.name, field.value) for field in body.custom_fields or ())
    request_id = _same(faults, body, "fulfillment_request_id", "purchase_order_id", "")
    return ShipmentPatch(
        actor, body.id, written, request_id, items, more, (), changed, (), call_id,
        bool(body.allow_duplicate_tracking_numbers),
    )  # fmt: skip


def _split(
    given: Sequence[ShipmentItemIn], faults: list[Fault]
) -> tuple[tuple[ItemPatch, ...], tuple[tuple[str, PieceDraft], ...]]:
    """Items that there are, by id, and new ones."""
    items: list[ItemPatch] = []
    more: list[tuple[str, PieceDraft]] = []
    seen: set[int] = set()
    for place, item in enumerate(given):
        at = f"/shipmentItems/{place}"
        if item.id is None:
            more.append((f"/pieces/{place}", _piece(item, at, faults)))
            continue
        if item.id in seen:
            bad(faults, f"{at}/id", "repeated_id", f"{item.id} is given twice.")
        seen.add(item.id)
        custom = None if item.custom_fields is None else fields(item.custom_fields)
        named = _named(item, at, faults)
        items.append(ItemPatch(item.id, f"/pieces/{place}", item.quantity, custom, item.rma_item_id, named))
    return tuple(items), tuple(more)


def flagged_patches(
    body: Sequence[FlaggedShipment], actor: Actor, call_id: str, faults: list[Fault]
) -> list[ShipmentPatch]:
    """Shipments that could not be told to their channel."""
    patches: dict[int, ShipmentPatch] = {}
    for place, one in enumerate(body):
        if one.id in patches:
            bad(faults, f"/{place}/id", "repeated_id", f"{one.id} is given twice.")
        written = {"sync_error": one.sync_error, "synced_to_channel": False}
        patches[one.id] = ShipmentPatch(actor, one.id, written, call_id=call_id)
    return list(patches.values())


def _item(item: ShipmentItem, line: ShippedLine) -> dict[str, Any]:
    return {
        "id": item.id,
        "sku": line.sku,
        "quantity": item.quantity,
        "shipmentId": item.shipment_id,
        "inventoryVariantId": line.inventory_variant_id,
        "partial": item.quantity < line.quantity,
        "orderItemId": line.order_item_id,
        "purchaseOrderItemId": item.line_id,
        "fulfillmentRequestItemId": item.line_id,
        "committedStockReleasedQuantity": item.stock_released,
        "rmaItemId": item.rma_item_id,
        "customFields": Raw(item.custom_fields.encode()),
    }


def _flag(value: bool | None) -> bool | None:
    return None if value is None else bool(value)  # SQLite keeps 0 and 1


def shipment_out(view: ShipmentView) -> dict[str, Any]:
    """A shipment as it is shown."""
    one: Shipment = view.shipment
    return {
        "id": one.id,
        "note": one.note,
        "trackingUrl": one.tracking_url,
        "trackingNumber": one.tracking_number,
        "carrier": one.carrier,
        "method": one.method,
        "shippedAt": format_datetime(one.shipped_at),
        "insertedAt": format_datetime(one.inserted_at),
        "updatedAt": format_datetime(one.updated_at),
        "shippingCost": None if one.shipping_cost is None else money(one.shipping_cost),
        "orderId": one.order_id,
        "purchaseOrderId": one.request_id,
        "fulfillmentRequestId": one.request_id,
        "rmaId": None,
        "sourceId": one.source_id,
        "accountId": one.account_id,
        "partial": bool(one.partial),
        "suppressed": bool(one.suppressed),
        "syncedToChannel": _flag(one.synced_to_channel),
        "syncError": one.sync_error,
        "crossDockPurchaseOrderId": None,
        "shipmentItems": [_item(item, line) for item, line in view.items],
        "customFields": Raw(one.custom_fields.encode()),
        "accountingSynced": _flag(one.accounting_synced),
    }


def render_shipment(view: ShipmentView) -> bytes:
    """One."""
    return encode(shipment_out(view))


def render_shipments(views: Sequence[ShipmentView]) -> Pieces:
    """A bare array."""
    return array(views, shipment_out)
