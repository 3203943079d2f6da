"""In which statuses a request can stand, by what else is known of it; from the life cycle.

A search for requests looks only there: history is long, and what is open is little.
"""

from collections.abc import Collection

from waypost.domain.fulfillment import FulfillmentStatus
from waypost.domain.lifecycle import standing_after
from waypost.domain.statuses import ANY, BLOCKED, FINAL, LIVE, RELEASED, Status

ENDS = (Status.ACKNOWLEDGED, *FINAL)
"""Where requests come to rest, and so where nearly all of them stand."""

RELEASED_ONCE = standing_after(*RELEASED)
ACKNOWLEDGED_ONCE = standing_after(Status.ACKNOWLEDGED)
CANCELED_ONCE = standing_after(Status.CANCELED)
UNACKNOWLEDGED = frozenset(ANY) - {Status.ACKNOWLEDGED}
FAILED = frozenset({Status.PROCESSING_ERROR})  # only they have a failure code
NEEDS_ATTENTION = (Status.PROCESSING_ERROR, *BLOCKED)

_SHIPPED_SOME = frozenset({Status.ACKNOWLEDGED})  # a shipment acknowledges, and what has shipped cannot be canceled
_SHIPPED = {
    FulfillmentStatus.AWAITING_SHIPMENT: frozenset(LIVE),
    FulfillmentStatus.PARTIALLY_SHIPPED: _SHIPPED_SOME,
    FulfillmentStatus.SHIPPED: _SHIPPED_SOME,
    FulfillmentStatus.CANCELED: frozenset(ANY),
}
UNSHIPPED = (FulfillmentStatus.AWAITING_SHIPMENT, FulfillmentStatus.PARTIALLY_SHIPPED)


def by_shipped(statuses: Collection[str]) -> frozenset[Status]:
    """Where a request can stand whose shipped status is one of these."""
    return frozenset[Status]().union(*(_SHIPPED[FulfillmentStatus(one)] for one in statuses))
