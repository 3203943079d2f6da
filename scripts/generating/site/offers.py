"""Where the tester finds ids of the reader's own, by the beginning of a path."""

import json
from collections.abc import Collection
from typing import NamedTuple

from generating.site.refusing import Facts
from waypost.domain.lifecycle import ALLOWED_ACTIONS

_CAN = {
    "process": "be released", "processed": "be marked as handed over", "acknowledge": "be acknowledged", "adjust": "be adjusted",
    "cancel": "be canceled", "void": "be voided", "edit": "be edited",
}  # fmt: skip
_REQUESTS = ("/fulfillment-requests?filterPageSize=50", "", "Request", "", "id", ("fulfillmentRequestNumber", "fulfillmentRequestStatus.name"))
_ORDERS = ("/orders?pageSize=50&status=Open", "", "Order", "that is open", "id", ("orderNumber", "orderStatus"))
# Where an example's body names a thing: its member, the offer, and what else of the thing stands in the body.
_NAMED: tuple[tuple[str, tuple[str, str, str, str, str, tuple[str, ...]], dict[str, str]], ...] = (
    ("fulfillmentRequestId", _REQUESTS, {"invoiceItems.0.sku": "fulfillmentRequestItems.0.sku"}),
    ("orderId", _ORDERS, {}),
)
_IN_BODY = {
    "ship": json.dumps({"fulfillmentRequestId": "id", "shipment.shipmentItems.0.sku": "fulfillmentRequestItems.0.sku",
                        "shipment.shipmentItems.0.quantity": "fulfillmentRequestItems.0.quantity"}),
    "adjust": json.dumps({"items.0.id": "fulfillmentRequestItems.0.id"}),
}


class Offer(NamedTuple):
    """Where the tester finds ids of the caller's own."""

    url: str
    field: str
    label: str
    noun: str
    id_key: str
    show: tuple[str, ...]
    action: str = ""  # what `allowedActions` of an offered thing must name
    body: str = ""  # JSON: paths in the body, and where their values stand in what is offered


OFFERS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("/fulfillment-requests/{", "/fulfillment-requests?filterPageSize=50", "Request", "id",
     ("fulfillmentRequestNumber", "fulfillmentRequestStatus.name")),
    ("/purchase-orders/{", "/fulfillment-requests?filterPageSize=50", "Purchase order", "id",
     ("fulfillmentRequestNumber", "fulfillmentRequestStatus.name")),
    ("/orders/{", "/orders?pageSize=50", "Order", "id", ("orderNumber", "orderStatus")),
    ("/shipments/{", "/shipments?filterPageSize=50", "Shipment", "id", ("trackingNumber",)),
    ("/shipment/{", "/shipments?filterPageSize=50", "Shipment", "id", ("trackingNumber",)),
    ("/source-invoices/{", "/source-invoices?filterPageSize=50", "Source invoice", "id", ("invoiceNumber",)),
    ("/source/{", "/sources", "Source", "id", ("name",)),
    ("/sources/{", "/sources", "Source", "id", ("name",)),
    ("/channel/{", "/channel", "Channel", "id", ("name",)),
    ("/inventory/variants/{", "/inventory/variants?pageSize=50", "Inventory variant", "id", ("sku", "title")),
    ("/shipping/source-shipping-methods/{", "/shipping/source-shipping-methods", "Shipping method", "id", ("name",)),
    ("/shipping/channel-shipping-methods/{", "/shipping/channel-shipping-methods", "Shipping text", "id", ("name",)),
    ("/shipping/shipping-policy/{", "/shipping/shipping-policies", "Shipping policy", "id", ("name",)),
    ("/routing-groups/{", "/routing-groups", "Routing group", "id", ("name",)),
    ("/webhhok/configurations/{", "/webhhok/configurations", "Webhook", "id", ("configurationName",)),
    ("/webhook/configurations/{", "/webhhok/configurations", "Webhook", "id", ("configurationName",)),
)  # fmt: skip


def label(path: str) -> str:
    """What an id in this path is the id of."""
    return next((label for beginning, _, label, *_ in OFFERS if path.startswith(beginning)), "")


def offer(path: str, facts: Facts | None, members: Collection[str] = ()) -> Offer | None:
    """The offer for a path; with `facts`, of requests in a status from which the action is allowed. `members`: of the body."""
    for beginning, url, name, key, show in OFFERS:
        if path.startswith(beginning):
            field = path[len(beginning) :].partition("}")[0]
            return _of_action(Offer(url, field, name, "", key, show), facts) if facts and facts.refused else Offer(url, field, name, "", key, show)
    if facts and facts.action == "ship":  # what ships a request names it in its body
        return _of_action(Offer(*_REQUESTS), facts)
    return next((Offer(*found)._replace(body=json.dumps({name: "id", **more})) for name, found, more in _NAMED if name in members), None)


def _of_action(found: Offer, facts: Facts) -> Offer:
    """Only requests that allow the action; and what of them stands in the body."""
    statuses = ",".join(one.handle for one in facts.sources)
    action = facts.action if facts.action in ALLOWED_ACTIONS else ""
    noun = f"that can {_CAN.get(facts.action, facts.action)} now"
    return found._replace(url=f"{found.url}&filterStatus={statuses}", noun=noun, action=action, body=_IN_BODY.get(facts.action, ""))
