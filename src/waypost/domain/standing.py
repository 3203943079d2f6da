"""In which statuses a request can stand, by what else is known of it; from the life cycle.

A search for requests looks only there: history is long, and what is open is little. `waypost
check` looks at all rows.
"""

from collections.abc import Collection, Iterator

from waypost.domain.fulfillment import FulfillmentStatus, State
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


def contradictions(state: State) -> Iterator[str]:
    """What does not fit the status of a request, as ends of a sentence about it; `waypost check` reports them.

    A search reads only the statuses that fit its filters (see the sets above). It would miss a request that, say,
    has a failure code in a status without failures.
    """
    status = state.status
    if (state.acknowledged_at is None) != (status in UNACKNOWLEDGED) and status not in FINAL:
        yield "its time of acknowledgement says otherwise"
    if state.canceled_at is not None and status not in CANCELED_ONCE:
        yield "was canceled"
    if state.canceled_at is None and status in CANCELED_ONCE:
        yield "has no time of its cancellation"
    if state.failure_code is not None and status not in FAILED:
        yield "has a failure code"
    if state.released_seq is not None and status not in RELEASED_ONCE:
        yield "was released"
    if state.released_seq is None and (state.sent_at is not None or state.acknowledged_at is not None):
        yield "was sent or acknowledged, and never released"
    if status not in by_shipped((state.fulfillment_status,)):
        yield f"is {state.fulfillment_status}"
    moments = (state.sent_at, state.acknowledged_at, state.canceled_at)
    if any(moment is not None and moment > state.modified_at for moment in moments):
        yield "something happened to it after it was modified last"
