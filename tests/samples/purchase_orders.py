"""Fulfillment requests under their older names."""

from tests.samples import Preparer
from tests.samples.fulfillment_requests import open_order

PREPARES: dict[str, Preparer] = {"create_purchase_order": open_order}
