"""The order on the wire (contract section 5)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Raw

from waypost.app.large_work import let_go
from waypost.app.order_bench import Unstopped
from waypost.app.order_changes import OrderDone
from waypost.app.ports import OrderView
from waypost.app.ports.orders import OrderRequest
from waypost.domain.orders import Order, OrderItem, OrderStatus, PaymentStatus, Progress, progress
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.scalars import format_datetime, money

T = TypeVar("T")

FEW = 20  # items or requests of one order


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


def _request(made: OrderRequest) -> dict[str, Any]:
    return {
        "id": made.id,
        "fulfillmentRequestNumber": made.number,
        "sourceId": made.source_id,
        "fulfillmentRequestStatus": {"name": STATUSES[Status(made.status)].name, "handle": made.status},
    }


def _list(things: Sequence[T], show: Callable[[T], Any]) -> list[Any] | Pieces:
    """In pieces where there are many; a few are rendered with the rest, in half the time."""
    return list(map(show, things)) if len(things) <= FEW else array(things, show)


def _shown(view: OrderView) -> dict[str, Any]:
    """An order with its items and its fulfillment requests."""
    order = view.order
    synced = order.accounting_synced
    lists = {"orderItems": _list(view.items, _item), "fulfillmentRequests": _list(view.requests, _request)}
    native = {
        "holdReasons": Raw(order.hold_reasons.encode()),
        "accountingSynced": None if synced is None else bool(synced),  # SQLite keeps 0 and 1
        "externalAccountingId": order.external_accounting_id,
        "accountingError": order.accounting_error,
    }
    return _order(order) | lists | native


def render_order(view: OrderView) -> Pieces:
    """One."""
    return document(_shown(view))


def render_done(done: OrderDone) -> Pieces:
    """An order after a change; of a cancellation also what it could not stop."""
    shown = _shown(done.view)
    if done.unstopped is not None:
        shown["notStopped"] = _list(done.unstopped, _unstopped)
    return document(shown)


def _unstopped(one: Unstopped) -> dict[str, Any]:
    made = OrderRequest(one.request_id, one.number, one.source_id, one.status)
    return {**_request(made), "code": one.code, "message": one.message}


def render_tags(done: OrderDone) -> Pieces:
    """The tags of an order."""
    return iter((done.view.order.tags.encode(),))


def render_orders(views: list[OrderView]) -> Pieces:
    """A bare array."""
    return array(let_go(views), render_order)
