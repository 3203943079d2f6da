"""Fulfillment requests, as Waypost adds to them."""

from tests.samples import Preparer
from tests.samples.fulfillment_requests import in_status
from waypost.domain.statuses import Status

PREPARES: dict[str, Preparer] = {
    "edit_fulfillment_request": lambda world: in_status(world, Status.PROCESSING_ERROR),
}
