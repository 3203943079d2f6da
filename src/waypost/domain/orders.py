"""An order and its items: records, and the roll-ups that are derived from its fulfillment requests."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class OrderStatus(StrEnum):
    """Order status (contract section 5)."""

    OPEN = "open"
    CLOSED = "closed"
    ON_HOLD = "on_hold"
    FAILED = "failed"
    NO_SHIPPING_METHOD = "no_shipping_method"
    CANCELED = "canceled"
    NOT_MANAGED = "not_managed"
    DRAFT = "draft"


ELIGIBLE_FOR_PROCESSING = (OrderStatus.OPEN, OrderStatus.NOT_MANAGED)


class PaymentStatus(StrEnum):
    """Payment status (contract section 5)."""

    NOT_AUTHORIZED = "not_authorized"
    AUTHORIZED = "authorized"
    PAID = "paid"
    DEFERRED = "deferred"
    REFUNDED = "refunded"
    CREDITED = "credited"
    AWAITING_CLEARANCE = "awaiting_clearance"
    DECLINED = "declined"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILED = "refund_failed"


class Progress(StrEnum):
    """How far the items of an order are allocated, acknowledged or shipped."""

    NOT_STARTED = "not_started"
    PARTIALLY_COMPLETED = "partially_completed"
    COMPLETED = "completed"


class Order(NamedTuple):
    """One order. Money in ten-thousandths, times in microseconds UTC, JSON where it says so."""

    id: int
    account_id: int
    channel_id: int
    order_number: str
    reference_number: str | None
    imported_from: str | None
    status: OrderStatus
    payment_status: PaymentStatus | None
    acknowledged_status: Progress
    shipped_status: Progress
    order_total: int
    note: str | None
    shipping_text: str | None
    ordered_at: int
    inserted_at: int
    updated_at: int
    shipping_address: str  # JSON
    billing_address: str | None  # JSON
    tags: str  # JSON array of strings
    custom_fields: str  # JSON array of {id, name, value}
    content_hash: str  # of what was posted: tells a repeat from a conflict


class OrderItem(NamedTuple):
    """One item of an order, with the quantities that its requests' lines add up to."""

    id: int
    order_id: int
    line_number: int
    sku: str | None
    title: str | None
    quantity: int
    price: int
    external_listing_id: str | None
    listing_variant_id: int | None
    product_variant_id: int | None
    custom_fields: str
    allocated: int
    acknowledged: int
    shipped: int
    canceled: int


class LineSums(NamedTuple):
    """What the lines of all live requests of one order item add up to."""

    allocated: int = 0
    acknowledged: int = 0
    shipped: int = 0
    killed: int = 0


def progress(done: int, wanted: int) -> Progress:
    """How much of `wanted` is `done`; nothing wanted and nothing done has not started."""
    if done <= 0:
        return Progress.NOT_STARTED
    return Progress.COMPLETED if done >= wanted else Progress.PARTIALLY_COMPLETED


def roll_up_item(item: OrderItem, sums: LineSums) -> OrderItem:
    """The item with its derived quantities."""
    return item._replace(
        allocated=sums.allocated, acknowledged=sums.acknowledged, shipped=sums.shipped, canceled=sums.killed
    )


def roll_up(order: Order, items: Sequence[OrderItem]) -> Order:
    """The order with its derived statuses, from items that are rolled up already."""
    wanted = sum(item.quantity - item.canceled for item in items)
    return order._replace(
        acknowledged_status=progress(sum(item.acknowledged for item in items), wanted),
        shipped_status=progress(sum(item.shipped for item in items), wanted),
    )
