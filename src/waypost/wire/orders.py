"""The order on the wire (contract section 5)."""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from waypost.app.order_changes import OrderDone
from waypost.app.ports import OrderView
from waypost.domain.orders import Order, OrderItem, OrderStatus, PaymentStatus, Progress, progress
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime, money


def title(handle: str) -> str:
    """`partially_completed` as the contract writes it: `Partially Completed`."""
    return handle.replace("_", " ").title()


ORDER_STATUS_NAMES = {status.value: title(status) for status in OrderStatus}
PAYMENT_STATUS_NAMES = {status.value: title(status) for status in PaymentStatus}
PROGRESS_NAMES = {status.value: title(status) for status in Progress}
ORDER_STATUSES = {name: OrderStatus(handle) for handle, name in ORDER_STATUS_NAMES.items()}
PAYMENT_STATUSES = {name: PaymentStatus(handle) for handle, name in PAYMENT_STATUS_NAMES.items()}


def _item(item: OrderItem) -> dict[str, Any]:
    wanted = item.quantity - item.canceled
    return {
        "id": item.id,
        "sku": item.sku,
        "title": item.title,
        "price": money(item.price),
        "quantity": item.quantity,
        "productVariantId": item.product_variant_id,
        "listingVariantId": item.listing_variant_id,
        "allocatedQuantity": item.allocated,
        "allocatedStatus": PROGRESS_NAMES[progress(item.allocated, wanted)],
        "acknowledgedQuantity": item.acknowledged,
        "acknowledgedStatus": PROGRESS_NAMES[progress(item.acknowledged, wanted)],
        "shippedQuantity": item.shipped,
        "shippedStatus": PROGRESS_NAMES[progress(item.shipped, wanted)],
        "canceledQuantity": item.canceled,
        "shippingAddress": None if item.ship_to is None else Raw(item.ship_to.encode()),
    }


def _order(order: Order) -> dict[str, Any]:
    payment = order.payment_status
    return {
        "id": order.id,
        "orderNumber": order.order_number,
        "referenceNumber": order.reference_number,
        "channelId": order.channel_id,
        "importedFrom": order.imported_from,
        "orderTotal": money(order.order_total),
        "note": order.note,
        "orderedAt": format_datetime(order.ordered_at),
        "insertedAt": format_datetime(order.inserted_at),
        "updatedAt": format_datetime(order.updated_at),
        "shippingText": order.shipping_text,
        "acknowledgedStatus": PROGRESS_NAMES[order.acknowledged_status],
        "shippedStatus": PROGRESS_NAMES[order.shipped_status],
        "orderStatus": ORDER_STATUS_NAMES[order.status],
        "paymentStatus": None if payment is None else PAYMENT_STATUS_NAMES[payment],
        "shippingAddress": Raw(order.shipping_address.encode()),
        "billingAddress": None if order.billing_address is None else Raw(order.billing_address.encode()),
        "tags": Raw(order.tags.encode()),
        "customFields": Raw(order.custom_fields.encode()),
    }


def order_out(view: OrderView) -> dict[str, Any]:
    """An order with its items and its fulfillment requests, as it is shown."""
    order = view.order
    made = [
        {
            "id": id_,
            "fulfillmentRequestNumber": number,
            "sourceId": source_id,
            "fulfillmentRequestStatus": {"name": STATUSES[Status(status)].name, "handle": status},
        }
        for id_, number, source_id, status in view.requests
    ]
    items = [_item(item) for item in view.items]
    synced = order.accounting_synced
    native = {
        "holdReasons": Raw(order.hold_reasons.encode()),
        "accountingSynced": None if synced is None else bool(synced),  # SQLite keeps 0 and 1
        "externalAccountingId": order.external_accounting_id,
        "accountingError": order.accounting_error,
    }
    return _order(order) | {"orderItems": items, "fulfillmentRequests": made} | native


def render_order(view: OrderView) -> bytes:
    """One."""
    return encode(order_out(view))


def render_done(done: OrderDone) -> bytes:
    """An order after a change; of a cancellation also what it could not stop."""
    shown = order_out(done.view)
    if done.unstopped is not None:
        shown["notStopped"] = [
            {
                "id": one.request_id,
                "fulfillmentRequestNumber": one.number,
                "sourceId": one.source_id,
                "fulfillmentRequestStatus": {"name": STATUSES[Status(one.status)].name, "handle": one.status},
                "code": one.code,
                "message": one.message,
            }
            for one in done.unstopped
        ]
    return encode(shown)


def render_tags(done: OrderDone) -> bytes:
    """The tags of an order."""
    return done.view.order.tags.encode()


def render_orders(views: Sequence[OrderView]) -> Pieces:
    """A bare array."""
    return array(views, order_out)
