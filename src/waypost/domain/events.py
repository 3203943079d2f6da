"""The event: one row per change, which is audit trail, change feed, webhook source and statistics at once."""

from typing import NamedTuple

from waypost.domain.statuses import Status


class Event(NamedTuple):
    """What happened to `subject_id`. `seq` is dense per account and in commit order; `at` is microseconds."""

    account_id: int
    seq: int
    at: int
    subject: str  # fulfillment_request or order
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
