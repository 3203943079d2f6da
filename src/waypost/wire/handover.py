"""A request as it is told to its source: the document that templates pick from. Its members are a promise.

Money is a number with at most four decimals, times are ISO 8601 in UTC; what has no value is null.
"""

from typing import Any

import msgspec

from waypost.app.ports.delivery import Claimed, Papers
from waypost.domain.fulfillment import Line
from waypost.wire.scalars import format_datetime, money

_decode = msgspec.json.Decoder().decode

SAMPLE: dict[str, Any] = {
    "idempotencyKey": "fr-test-1-1",
    "attempt": 1,
    "test": True,
    "id": 1,
    "number": "TEST-1",
    "orderId": 1,
    "orderNumber": "TEST",
    "orderReference": None,
    "orderedAt": "2026-01-31T12:00:00.000000Z",
    "paymentStatus": None,
    "generatedAt": "2026-01-31T12:00:00.000000Z",
    "channel": "Test channel",
    "source": "Test source",
    "sourceReference": None,
    "note": "This is a test. Please do not ship anything.",
    "shippingText": "Ground",
    "carrier": None,
    "method": None,
    "shippingAddress": {
        "name": "Test Person",
        "firstName": "Test",
        "lastName": "Person",
        "companyName": None,
        "addressLine1": "1 Test Street",
        "addressLine2": None,
        "city": "Testville",
        "state": "New York",
        "stateCode": "NY",
        "postal": "10001",
        "country": "United States",
        "countryCode": "US",
        "email": "test@example.com",
        "phone": "+12025550123",
    },
    "billingAddress": None,
    "totalQuantity": 1,
    "totalCost": 1.0,
    "customFields": {},
    "orderCustomFields": {},
    "items": [
        {
            "id": 1,
            "lineNumber": 1,
            "sku": "TEST-SKU",
            "title": "A test item",
            "quantity": 1,
            "cost": 1.0,
            "referenceId": None,
            "upc": None,
            "mpn": None,
            "customFields": {},
        }
    ],
}
"""A document of a request that does not exist, for trying settings out."""


def document(papers: Papers, attempt: Claimed) -> dict[str, Any]:
    """The document of a request. Quantities are what is still to be had; lines without any are left out."""
    state, particulars, every = papers.image
    lines = [line for line in every if line.effective > 0]
    return {
        "idempotencyKey": attempt.idempotency_key,
        "attempt": attempt.number,
        "test": False,
        "id": state.id,
        "number": particulars.number,
        "orderId": state.order_id,
        "orderNumber": papers.order_number,
        "orderReference": papers.order_reference,
        "orderedAt": format_datetime(papers.ordered_at),
        "paymentStatus": papers.payment_status,
        "generatedAt": format_datetime(particulars.generated_at),
        "channel": papers.channel_name,
        "source": papers.source_name,
        "sourceReference": papers.source_reference,
        "note": particulars.note,
        "shippingText": particulars.shipping_text,
        "carrier": particulars.carrier,
        "method": particulars.method,
        "shippingAddress": _decode(particulars.shipping_address),
        "billingAddress": None if particulars.billing_address is None else _decode(particulars.billing_address),
        "totalQuantity": sum(line.effective for line in lines),
        "totalCost": money(sum(line.effective * line.cost for line in lines)),
        "customFields": _fields(particulars.custom_fields),
        "orderCustomFields": _fields(papers.order_fields),
        "items": [_item(line) for line in lines],
    }


def _item(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "lineNumber": line.line_number,
        "sku": line.sku,
        "title": line.title,
        "quantity": line.effective,
        "cost": money(line.cost),
        "referenceId": line.reference_id,
        "upc": line.upc,
        "mpn": line.mpn,
        "customFields": _fields(line.custom_fields),
    }


def _fields(stored: str) -> dict[str, str | None]:
    if stored == "[]":
        return {}
    return {field["name"]: field["value"] for field in _decode(stored)}
