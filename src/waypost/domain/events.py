"""The event: one row per change, which is audit trail, change feed, webhook source and statistics at once."""

from typing import NamedTuple

from waypost.domain.orders import OrderStatus
from waypost.domain.statuses import Status


class Event(NamedTuple):
    """What happened to `subject_id`. `seq` is dense per account and in commit order; `at` is microseconds."""

    account_id: int
    seq: int
    at: int
    subject: str  # fulfillment_request, order, shipment …
    subject_id: int
    type: str
    from_status: Status | str | None
    to_status: Status | str | None
    actor_type: str
    actor_id: int | None
    actor_name: str | None
    code: str | None
    reason: str | None
    request_id: str | None
    data: str | None  # JSON object


ORDER_CREATED = "order.created"
ORDER_CHANGED = "order.updated"
INVOICE_UPDATED = "source_invoice.updated"  # that it came: fulfillment_request.invoiced
SHIPMENT_UPDATED = "shipment.updated"  # that it came is an event of its request: fulfillment_request.shipped
ORDER_EVENTS = {
    OrderStatus.OPEN: "order.opened",
    OrderStatus.CLOSED: "order.closed",
    OrderStatus.ON_HOLD: "order.held",
    OrderStatus.FAILED: "order.failed",
    OrderStatus.NO_SHIPPING_METHOD: "order.held",
    OrderStatus.CANCELED: "order.canceled",
    OrderStatus.NOT_MANAGED: "order.held",
    OrderStatus.DRAFT: "order.drafted",
}
"""What the change of an order's status to this one is called."""

ORDER_EVENT_TYPES = tuple(dict.fromkeys((ORDER_CREATED, ORDER_CHANGED, *ORDER_EVENTS.values())))

SOURCE_DOWN = "source.down"
SOURCE_UP = "source.up"
SOURCE_DELIVERY_CHANGED = "source.delivery_changed"
