"""A fulfillment request and its lines: immutable records, and the arithmetic of quantities.

Money is integer ten-thousandths of the account's currency, time integer microseconds since 1970 in UTC, ids
64-bit integers. What never changes (`Particulars`) lies apart from what does (`State`), as in storage.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.statuses import RELEASED, Status


class FulfillmentStatus(StrEnum):
    """Shipped status; derived from the lines, never set (contract section 2.2)."""

    AWAITING_SHIPMENT = "awaiting_shipment"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"


FULFILLMENT_STATUS_NAMES = {
    FulfillmentStatus.AWAITING_SHIPMENT: "Awaiting Shipment",
    FulfillmentStatus.PARTIALLY_SHIPPED: "Partially Shipped",
    FulfillmentStatus.SHIPPED: "Shipped",
    FulfillmentStatus.CANCELED: "Canceled",
}


class State(NamedTuple):
    """The part of a request that changes. `version` starts at 1 and is raised by every change."""

    id: int
    account_id: int
    source_id: int
    channel_id: int
    order_id: int
    status: Status
    fulfillment_status: FulfillmentStatus
    version: int
    modified_at: int
    sent_at: int | None
    acknowledged_at: int | None
    secondary_acknowledged_at: int | None
    canceled_at: int | None
    voided_at: int | None
    attempt_count: int
    handover: str | None  # outcome of the last hand-over attempt: sending, delivered, rejected, unknown
    failure_code: str | None
    failure_reason: str | None
    failure_retryable: bool | None
    failed_at: int | None
    failed_by: str | None  # actor as `type:id:name`
    failed_lines: str | None  # JSON array of line ids
    cancel_reason: str | None
    voided_reason: str | None
    shipped_quantity: int
    invoiced: bool
    accounting_synced: bool | None
    external_accounting_id: str | None
    accounting_error: str | None
    status_since: int = 0  # when it came into its status
    released_seq: int | None = None  # the event that released it; its source sees nothing before that
    alerted: bool = False  # a clock rule has raised an alert about it since it came into its status
    cared: bool = False  # it has an assignee or a snooze
    waits_until: int = 0  # in Processing: held, or put off by its source, until then; 0: nothing keeps it
    held_until: int = 0  # the hold of its particulars; 0: none, or one before 1970
    snoozed_until: int = 0  # the snooze of its particulars; 0: none


class Particulars(NamedTuple):
    """The part of a request that is fixed when it is generated, but for repairs by hand (`app.editing`)."""

    id: int
    number: str
    generated_at: int
    hold_until: int | None
    shipping_address: str  # JSON, an `Address` of wire/addresses
    billing_address: str | None
    shipping_text: str | None
    source_shipping_method_id: int | None
    carrier: str | None
    method: str | None
    note: str | None
    confirmation_number: str | None
    total_items: int
    total_quantity: int
    total_cost: int
    estimated_shipping_cost: int | None
    estimated_dropship_fee: int | None
    suppress_tracking: bool
    package_length: int | None
    package_width: int | None
    package_height: int | None
    package_weight: int | None
    package_dimension_unit: str | None
    package_weight_unit: str | None
    attachment_links: str  # JSON array of strings
    custom_fields: str  # JSON array of {id, name, value}
    routing_decision_id: int | None = None  # why it came to this source; None: by hand
    assignee: str | None = None  # who cares for it
    snoozed_until: int | None = None  # until then it asks for nobody's attention


class Line(NamedTuple):
    """One line of a request. `killed` is the part of `canceled` that is canceled on the order, too."""

    id: int
    request_id: int
    line_number: int
    sku: str
    title: str | None
    quantity: int
    cost: int
    order_item_id: int | None
    inventory_variant_id: int | None
    item_reference_id: str | None
    reference_id: str | None
    acknowledged: int
    secondary_acknowledged: int
    shipped: int
    canceled: int
    killed: int
    voided: int
    upc: str | None
    mpn: str | None
    weight: int | None
    weight_unit: str | None
    length: int | None
    width: int | None
    height: int | None
    dimension_unit: str | None
    custom_fields: str
    external_accounting_id: str | None

    @property
    def effective(self) -> int:
        """What is still to be had from this line: ordered, less canceled and voided."""
        return self.quantity - self.canceled - self.voided

    @property
    def unacknowledged(self) -> int:
        """Neither acknowledged nor canceled."""
        return self.effective - max(self.acknowledged, self.shipped)

    @property
    def unshipped(self) -> int:
        """What can still be canceled or shipped."""
        return self.effective - self.shipped


class FulfillmentRequest(NamedTuple):
    """A whole request as it stands, for replies: the after-image of a change."""

    state: State
    particulars: Particulars
    lines: Sequence[Line]


def released(state: State, seq: int) -> State:
    """`state` as the event `seq` leaves it: released by it, if it was not before and stands at its source now."""
    if state.released_seq is not None or state.status not in RELEASED:
        return state
    return state._replace(released_seq=seq)


def fulfillment_status(lines: Iterable[Line]) -> FulfillmentStatus:
    """Shipped status of these lines (contract section 2.2)."""
    effective = shipped = 0
    for line in lines:
        effective += line.effective
        shipped += line.shipped
    if effective <= 0:
        return FulfillmentStatus.CANCELED
    if shipped <= 0:
        return FulfillmentStatus.AWAITING_SHIPMENT
    return FulfillmentStatus.SHIPPED if shipped >= effective else FulfillmentStatus.PARTIALLY_SHIPPED
