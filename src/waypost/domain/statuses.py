"""The processing statuses of a fulfillment request, and the groups that the rules speak of.

The facts are those of contract section 2.1; what leads from one to another stands in `domain.lifecycle`.
"""

from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Processing status; the value is the handle (contract section 2.1)."""

    UNPROCESSED = "unprocessed"
    PROCESSING = "processing"
    PROCESSED = "processed"
    ACKNOWLEDGED = "acknowledged"
    PROCESSING_ERROR = "processing_error"
    CANCELED = "canceled"
    VOIDED = "voided"
    ADDITIONAL_INFO_REQUIRED = "additional_info_required"
    NUMBER_EXCEEDS_MAX_LENGTH = "number_exceeds_max_length"
    DUPLICATE_NUMBER = "duplicate_number"
    CROSS_DOCKED = "cross_docked"


class StatusFacts(NamedTuple):
    """What people are told about a status."""

    name: str
    meaning: str
    final: bool = False


STATUSES: dict[Status, StatusFacts] = {
    Status.UNPROCESSED: StatusFacts("Unprocessed", "Generated, not yet released to its source."),
    Status.PROCESSING: StatusFacts("Processing", "Released: to be sent, or to be picked up by a source that polls."),
    Status.PROCESSED: StatusFacts("Processed", "Handed over, not yet acknowledged."),
    Status.ACKNOWLEDGED: StatusFacts("Acknowledged", "The source has confirmed it."),
    Status.PROCESSING_ERROR: StatusFacts(
        "Processing Error", "The hand-over failed, or the source reported failure; it has a reason."
    ),
    Status.CANCELED: StatusFacts("Canceled", "The source will not ship it.", final=True),
    Status.VOIDED: StatusFacts("Voided", "The merchant withdrew it.", final=True),
    Status.ADDITIONAL_INFO_REQUIRED: StatusFacts(
        "Additional Info Required", "Data that the source requires is missing."
    ),
    Status.NUMBER_EXCEEDS_MAX_LENGTH: StatusFacts(
        "PO/FR # Exceeds Max Length", "Its number is longer than the source allows; it is never cut."
    ),
    Status.DUPLICATE_NUMBER: StatusFacts("Duplicate PO/FR #", "Its number is already used for this source."),
    Status.CROSS_DOCKED: StatusFacts("Cross Docked", "Routed through an intermediate warehouse."),
}


S = Status

# Written out, never "all except": a status added later is allowed nowhere until somebody decides.
LIVE = (
    S.UNPROCESSED,
    S.PROCESSING,
    S.PROCESSED,
    S.ACKNOWLEDGED,
    S.PROCESSING_ERROR,
    S.ADDITIONAL_INFO_REQUIRED,
    S.NUMBER_EXCEEDS_MAX_LENGTH,
    S.DUPLICATE_NUMBER,
    S.CROSS_DOCKED,
)
ANY = (*LIVE, S.CANCELED, S.VOIDED)
BLOCKED = (S.ADDITIONAL_INFO_REQUIRED, S.NUMBER_EXCEEDS_MAX_LENGTH, S.DUPLICATE_NUMBER, S.CROSS_DOCKED)
# A request that reached one of these was released to its source, and stays visible to it (contract section 1.3). One
# that ends without having been in any of them was never released.
RELEASED = (S.PROCESSING, S.PROCESSED, S.ACKNOWLEDGED, S.PROCESSING_ERROR)
FIRST = (S.UNPROCESSED, S.PROCESSING, *BLOCKED)  # where a generated request may begin
FINAL = tuple(status for status, facts in STATUSES.items() if facts.final)
AT_SOURCE = (S.PROCESSING, S.PROCESSED, S.PROCESSING_ERROR)
# Where a request can stand that was in Processing when its hand-over began.
MOVED_MEANWHILE = (S.PROCESSED, S.ACKNOWLEDGED, S.PROCESSING_ERROR, S.CANCELED, S.VOIDED)
