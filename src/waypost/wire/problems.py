"""Errors on the wire: every refusal as `application/problem+json` (RFC 9457; contract section 1.1).

One table translates the domain's refusals; a test proves that it knows every one of them.
"""

from typing import Any

import msgspec

from waypost.domain import refusals
from waypost.domain.statuses import STATUSES
from waypost.wire.codes import PROBLEMS, type_of
from waypost.wire.faults import BadInput, Fault
from waypost.wire.orders import ORDER_STATUS_NAMES
from waypost.wire.scalars import camel

CONTENT_TYPE = "application/problem+json"

STATUS_OF: dict[type[refusals.Refusal], int] = {
    refusals.NotFound: 404,
    refusals.NotAllowed: 400,
    refusals.OrderNotAllowed: 400,
    refusals.NotPermitted: 401,
    refusals.TokenEnded: 401,
    refusals.Stale: 412,
    refusals.Invalid: 400,
    refusals.Conflict: 409,
    refusals.KeyInProgress: 409,
    refusals.KeyReused: 422,
    refusals.Unavailable: 503,
    refusals.Defect: 500,
}

TITLES = {
    400: "Bad request",
    401: "Not authorized",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Content too large",
    414: "URL too long",
    415: "Unsupported media type",
    422: "Idempotency key reused",
    429: "Too many requests",
    431: "Headers too large",
    500: "Internal error",
    501: "Not implemented",
    503: "Unavailable",
}

CODES: dict[str, int] = {one.code: one.status for one in PROBLEMS}
"""The status that each code of an error reply comes with."""

# The domain's field names, where the wire spells them otherwise, by the kind of place they stand in.
_PARAMETERS = {"line_ids": "itemIds", "to_source_id": "sourceId", "after": "after", "webhook_id": "id"}
_MEMBERS = {
    "channel_id": "channelId",
    "configuration": "configurationName",
    "event_ids": "eventIds",
    "to_event_id": "toEventId",
    "order_id": "orderId",
    "source_id": "sourceId",
    "order_items": "orderItems",
    "request_items": "fulfillmentRequestItems",
    "shipping_text": "shippingText",
    "status": "fulfillmentRequestStatus",
    "order_item_id": "orderItemId",
    "inventory_variant_id": "inventoryVariantId",
    "acknowledge": "acknowledgedQuantity",
    "secondary_acknowledge": "secondaryAcknowledgedQuantity",
    "cancel": "cancelledQuantity",
    "pieces": "shipmentItems",
    "line_id": "fulfillmentRequestItemId",
    "variant_id": "inventoryVariantId",
    "tracking_number": "trackingNumber",
    "invoice_items": "invoiceItems",
    "invoice_item_id": "invoiceItemId",
    "edited_number": "fulfillmentRequestNumber",
    "shipment_item_ids": "shipmentItemIds",
    "custom_field_ids": "customFieldIds",
    "custom_fields": "customFields",
    "number": "purchaseOrderNumber",
    "request_id": "fulfillmentRequestId",
    "product_variant_id": "productVariantId",
    "listing_variant_id": "listingVariantId",
    "order_ids": "orderIds",
    "line_ids": "onlyReleaseFulfillmentRequestItemIds",
    "skus": "onlyReleaseFulfillmentRequestItemSkus",
    "product_sku": "productSku",
    "product_id": "productVariantId",
    "listing_id": "listingVariantId",
    "policy_id": "shippingPolicyId",
    "method_id": "sourceShippingMethodId",
    "estimated_cost": "estimatedCost",
    "company_name": "companyName",
    "brand_name": "brandName",
    "default_routing_group_id": "defaultOrderRoutingGroupId",
    "routing_group_id": "routingGroupId",
    "max_number_length": "maxPoNumberCharacters",
    "required_fields": "requiredCustomFields",
    "refused_characters": "refusedCharacters",
}

_encode = msgspec.json.Encoder().encode


# The names of an order as it is posted, where the wire spells them otherwise than in camel case.
_POSTED = {"items": "orderItems", "ship_to": "shippingAddress"}


def posted_pointer(field: str) -> str:
    """A field of a posted order (`/items/0/ship_to`) as a pointer into the body (`/orderItems/0/shippingAddress`)."""
    return "/".join(_POSTED.get(part) or camel(part) for part in field.split("/"))


def _fault(problem: refusals.Problem) -> dict[str, str]:
    if problem.field in _PARAMETERS:
        return {"parameter": _PARAMETERS[problem.field], "code": problem.code, "message": problem.message}
    parts = problem.field.lstrip("/").split("/")
    pointer = "/" + "/".join(_MEMBERS.get(part, part) for part in parts)
    return {"pointer": pointer, "code": problem.code, "message": problem.message}


def _input_fault(fault: Fault) -> dict[str, str]:
    return {fault.where: fault.name, "code": fault.code, "message": fault.message}


def problem(
    status: int, code: str, detail: str, instance: str, call_id: str, extra: dict[str, Any] | None = None
) -> bytes:
    """One problem document."""
    document = {
        "type": type_of(code),
        "title": TITLES[status],
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "message": detail,
        "requestId": call_id,
    }
    return _encode(document | (extra or {}))


def of_refusal(refusal: refusals.Refusal, instance: str, call_id: str) -> tuple[int, bytes]:
    """Status and document of a refusal."""
    status = next(STATUS_OF[kind] for kind in type(refusal).__mro__ if kind in STATUS_OF)
    extra: dict[str, Any] = {}
    if isinstance(refusal, refusals.NotAllowed):
        extra = {"currentStatus": STATUSES[refusal.status].name, "allowedActions": list(refusal.allowed)}
    elif isinstance(refusal, refusals.OrderNotAllowed):
        names = [ORDER_STATUS_NAMES[status] for status in refusal.settable]
        extra = {"currentStatus": ORDER_STATUS_NAMES[refusal.status], "allowedStatuses": names}
    elif isinstance(refusal, refusals.NotPermitted):
        extra = {"tokenTypes": list(refusal.token_types)}
    elif isinstance(refusal, refusals.Invalid):
        extra = {"errors": [_fault(one) for one in refusal.problems]}
    elif isinstance(refusal, refusals.OtherContent):
        extra = {"differs": [{"pointer": posted_pointer(field)} for field in refusal.fields]} if refusal.fields else {}
    elif isinstance(refusal, refusals.Unavailable):
        extra = {"applied": refusal.applied}
    return status, problem(status, refusal.code, refusal.message, instance, call_id, extra)


def of_bad_input(error: BadInput, instance: str, call_id: str) -> tuple[int, bytes]:
    """Status and document of input that cannot be read, with all its faults."""
    extra = {"errors": [_input_fault(fault) for fault in error.faults]}
    return error.status, problem(error.status, error.code, str(error), instance, call_id, extra)


def bulk_status(code: str | None) -> int:
    """The HTTP status that a single call with this outcome would have had."""
    return 200 if code is None else CODES[code]
