"""Requests under their older names (contract section 2.4): `fulfillmentRequest…` is `purchaseOrder…` here.

A mechanical renaming of `wire.requests`: a field that a request gains is shown here, too.
"""

from typing import Any

import msgspec

from waypost.domain.fulfillment import FulfillmentRequest
from waypost.wire.requests import RequestOut, encode, request_out

TYPE = "FR"  # of the older types, the one that every request here is

_NAMES = {
    field.name: field.encode_name.replace("fulfillmentRequest", "purchaseOrder", 1)
    for field in msgspec.structs.fields(RequestOut)
}


def purchase_order_out(image: FulfillmentRequest, who: str) -> dict[str, Any]:
    """The request as `who` (the type of the caller) is shown it, in the older words."""
    shown = request_out(image, who)
    return {told: getattr(shown, name) for name, told in _NAMES.items()} | {"purchaseOrderType": TYPE}


def render_purchase_order(image: FulfillmentRequest, who: str) -> bytes:
    """One as JSON."""
    return encode(purchase_order_out(image, who))
