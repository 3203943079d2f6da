"""Orders and variants as the bodies that would make them: what an export writes, and an import reads."""

import json
from typing import Any

from waypost.app.ports.imports import VariantRow
from waypost.app.ports.orders import OrderView
from waypost.domain.orders import OrderItem
from waypost.importing.columns import ADDRESS
from waypost.wire.orders import PAYMENT_STATUS_NAMES
from waypost.wire.scalars import format_datetime, money


def _said(members: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing."""
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _address(stored: str | None) -> dict[str, Any]:
    if stored is None:
        return {}
    kept = json.loads(stored)
    # The whole name is made of its parts again.
    return _said({part: kept[part] for part in ADDRESS if part != "name"})


def _fields(stored: str) -> list[dict[str, Any]]:
    return [{"name": field["name"], "value": field["value"]} for field in json.loads(stored)]


def _item(item: OrderItem) -> dict[str, Any]:
    return _said(
        {
            "sku": item.sku,
            "title": item.title,
            "quantity": item.quantity,
            "price": money(item.price),
            "externalListingId": item.external_listing_id,
            "listingVariantId": item.listing_variant_id,
            "productVariantId": item.product_variant_id,
            "shippingAddress": _address(item.ship_to),
            "customFields": _fields(item.custom_fields),
        }
    )


def order_body(view: OrderView) -> dict[str, Any]:
    """The body of `POST /orders` that makes this order."""
    order = view.order
    payment = order.payment_status
    return _said(
        {
            "orderNumber": order.order_number,
            "channelId": order.channel_id,
            "referenceNumber": order.reference_number,
            "orderedAt": format_datetime(order.ordered_at),
            "note": order.note,
            "shippingText": order.shipping_text,
            "paymentStatus": None if payment is None else PAYMENT_STATUS_NAMES[payment],
            "tags": json.loads(order.tags),
            "shippingAddress": _address(order.shipping_address),
            "billingAddress": _address(order.billing_address),
            "customFields": _fields(order.custom_fields),
            "orderItems": [_item(item) for item in view.items],
        }
    )


def _amount(amount: int | None) -> float | None:
    return None if amount is None else money(amount)


def variant_body(row: VariantRow) -> dict[str, Any]:
    """The row of an inventory file that makes this variant."""
    one = row.variant
    flag = one.allow_backorders
    return _said(
        {
            "sku": one.sku,
            "sourceId": one.source_id,
            "parentSku": row.parent_sku,
            "masterSku": row.product_sku,
            "title": one.title,
            "quantity": one.quantity,
            "cost": _amount(one.cost),
            "map": _amount(one.map),
            "msrp": _amount(one.msrp),
            "shippingCost": _amount(one.shipping_cost),
            "dropshipFee": _amount(one.dropship_fee),
            "archived": bool(one.archived),
            "allowBackorders": None if flag is None else bool(flag),
            "upc": one.upc,
            "mpn": one.mpn,
            "weight": _amount(one.weight),
            "weightUnit": one.weight_unit,
            "length": _amount(one.length),
            "width": _amount(one.width),
            "height": _amount(one.height),
            "dimensionUnit": one.dimension_unit,
            "referenceIdentifier": one.reference_id,
            "customFields": _fields(one.custom_fields),
        }
    )
