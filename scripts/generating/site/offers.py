"""Where the tester finds ids of the reader's own, by the beginning of a path."""

from typing import NamedTuple

from generating.site.refusing import Facts


class Offer(NamedTuple):
    """Where the tester finds ids of the caller's own."""

    url: str
    field: str
    label: str
    noun: str
    id_key: str
    show: tuple[str, ...]


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


def offer(path: str, facts: Facts | None) -> Offer | None:
    """The offer for a path; with `facts`, of requests in a status from which the action is allowed."""
    for beginning, url, name, key, show in OFFERS:
        if path.startswith(beginning):
            noun = ""
            if facts and facts.refused:
                url += "&filterStatus=" + ",".join(one.handle for one in facts.sources)
                noun = "in Processing" if facts.action == "processed" else f"that can {facts.action} now"
            return Offer(url, path[len(beginning) :].partition("}")[0], name, noun, key, show)
    return None
