"""An order and its items: records, and the roll-ups that are derived from its fulfillment requests."""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.fulfillment import Line


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


HELD = (OrderStatus.ON_HOLD, OrderStatus.FAILED, OrderStatus.NO_SHIPPING_METHOD, OrderStatus.NOT_MANAGED)
"""Somebody must act before the order goes on; `holdReasons` says why, where the hub found it."""

HOLD_CODES = {
    "unknown_sku": OrderStatus.NOT_MANAGED,
    "shipping_text_unmapped": OrderStatus.NO_SHIPPING_METHOD,
    "no_eligible_source": OrderStatus.ON_HOLD,
    "no_available_quantity": OrderStatus.ON_HOLD,
    "possible_duplicate": OrderStatus.ON_HOLD,
}
"""What the hub itself finds in the way of an order, and where it stands for that; the first one found decides."""

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


class HoldReason(NamedTuple):
    """One thing in an order's way: a code of `HOLD_CODES`, and words for a person."""

    code: str
    message: str


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
    content_hash: str  # of what was posted, where the content itself was not kept yet (before schema 0010); else empty
    hold_reasons: str = "[]"  # JSON array of {code, message}
    accounting_synced: bool | None = None
    external_accounting_id: str | None = None
    accounting_error: str | None = None
    likeness: str | None = None  # of what was posted but for number and time: tells a possible duplicate


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
    ship_to: str | None = None  # JSON; None: the order's shipping address
    refused_sources: str = "[]"  # JSON array of ids: sources that gave it back
    dropped: int = 0  # canceled on the order itself, beyond what its requests' lines have killed


class LineSums(NamedTuple):
    """What the lines of all live requests of one order item add up to."""

    allocated: int = 0
    acknowledged: int = 0
    shipped: int = 0
    killed: int = 0

    def plus(self, more: "LineSums") -> "LineSums":
        """These and more lines."""
        return LineSums(
            self.allocated + more.allocated, self.acknowledged + more.acknowledged, self.shipped + more.shipped,
            self.killed + more.killed,
        )  # fmt: skip


def held(order: Order, reasons: Sequence[HoldReason]) -> Order:
    """The order, held for all of these; for none: as it is."""
    if not reasons:
        return order
    found = {reason.code for reason in reasons}
    status = next(status for code, status in HOLD_CODES.items() if code in found)
    told = [reason._asdict() for reason in reasons]
    return order._replace(status=status, hold_reasons=json.dumps(told, ensure_ascii=False, separators=(",", ":")))


def progress(done: int, wanted: int) -> Progress:
    """How much of `wanted` is `done`; nothing wanted and nothing done has not started."""
    if done <= 0:
        return Progress.NOT_STARTED
    return Progress.COMPLETED if done >= wanted else Progress.PARTIALLY_COMPLETED


def add_up(sums: dict[int, LineSums], lines: Iterable[Line]) -> None:
    """Add these lines to the sums of the order items that they fill."""
    for line in lines:
        if line.order_item_id is not None:
            was = sums.get(line.order_item_id, LineSums())
            sums[line.order_item_id] = was.plus(
                LineSums(line.effective, line.acknowledged, line.shipped, line.killed)
            )


def roll_up_item(item: OrderItem, sums: LineSums) -> OrderItem:
    """The item with its derived quantities."""
    return item._replace(
        allocated=sums.allocated,
        acknowledged=sums.acknowledged,
        shipped=sums.shipped,
        canceled=sums.killed + item.dropped,
    )


def roll_up(order: Order, items: Sequence[OrderItem]) -> Order:
    """The order with its derived statuses, from items that are rolled up already."""
    wanted = sum(item.quantity - item.canceled for item in items)
    shipped = progress(sum(item.shipped for item in items), wanted)
    status = _status(order, shipped, wanted)
    return order._replace(
        status=status,
        acknowledged_status=progress(sum(item.acknowledged for item in items), wanted),
        shipped_status=shipped,
        hold_reasons=order.hold_reasons if status in HELD else "[]",
    )


def _status(order: Order, shipped: Progress, wanted: int) -> OrderStatus:
    """All shipped closes an order, all canceled cancels it; a closed one of which less has shipped is open again."""
    if wanted <= 0:
        return OrderStatus.CANCELED
    if shipped is Progress.COMPLETED:
        return OrderStatus.CLOSED
    # One that a person has closed before it had all shipped stays closed.
    was_shipped = order.status == OrderStatus.CLOSED and order.shipped_status == Progress.COMPLETED
    return OrderStatus.OPEN if was_shipped else order.status
