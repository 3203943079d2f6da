"""The catalogue of events: every type that is ever written, and what it says. Feed and webhooks filter by it.

A type that is missing here fails the tests that wrote it (`tests/http/conftest.py`).
"""

from waypost.domain.events import ORDER_EVENT_TYPES, SOURCE_DELIVERY_CHANGED, SOURCE_DOWN, SOURCE_UP
from waypost.domain.lifecycle import EVENT_TYPES

_WORDS = {
    "fulfillment_request.generated": "It was generated.",
    "fulfillment_request.processing": "It was released to its source.",
    "fulfillment_request.processed": "It was handed over, or picked up.",
    "fulfillment_request.failed": "It failed, with code and reason.",
    "fulfillment_request.acknowledged": "The source confirmed it.",
    "fulfillment_request.adjusted": "The source confirmed or canceled some of its items.",
    "fulfillment_request.canceled": "The source will not ship it.",
    "fulfillment_request.voided": "The merchant withdrew it.",
    "fulfillment_request.shipped": "Some or all of it was shipped.",
    "fulfillment_request.shipment_corrected": "What a shipment of it counts was corrected.",
    "fulfillment_request.stock_reconciled": "The stock that it holds was counted again.",
    "fulfillment_request.stock_released": "Stock that it held was given back.",
    "fulfillment_request.accounting_synced": "Accounting has told something about it.",
    "fulfillment_request.invoiced": "Its source has invoiced it.",
    "fulfillment_request.handover_started": "It is being sent to its source.",
    "fulfillment_request.handover_deferred": "Its source does not take it now; it is tried again.",
    "fulfillment_request.handover_settled": "It had moved already when its hand-over came to an end.",
    "fulfillment_request.handover_late": "The answer to a hand-over that was given up has come.",
    "order.created": "An order came in.",
    "order.updated": "An order was changed; its status stays.",
    "inventory_parent.created": "A source offers something new.",
    "inventory_parent.updated": "What a source says of something it offers was changed.",
    "inventory_variant.created": "A source has a new SKU.",
    "inventory_variant.updated": "A source's figures of a SKU were changed: quantity, cost, and the like.",
    "listing_parent.created": "A channel shows something new.",
    "listing_parent.updated": "What a channel shows was changed.",
    "listing_variant.created": "A channel has a new SKU.",
    "listing_variant.updated": "A SKU of a channel was changed, or mapped to something else.",
    "product_variant.created": "A SKU was offered for the first time.",
    "source_invoice.updated": "A source invoice was changed.",
    "webhook.created": "A webhook configuration was created.",
    "webhook.updated": "A webhook configuration was changed.",
    "webhook.secret_rotated": "A webhook got a new secret.",
    "webhook.disabled": "The hub gave a webhook up, with code and reason: somebody must look at it.",
    "webhook.tested": "A test message was asked for.",
    "webhook.replayed": "Messages were put up for delivery again.",
    "shipment.updated": "A shipment was corrected; what that did to its request is an event of its own.",
    "account.updated": "Names, default routing group or numbering of the account were changed.",
    "source.created": "A source was added.",
    "source.updated": "A source was changed: `data.changed` names what.",
    "channel.created": "A channel was added.",
    "channel.updated": "A channel was changed: `data.changed` names what.",
    SOURCE_DOWN: "A source does not take requests; they wait.",
    SOURCE_UP: "It takes requests again.",
    SOURCE_DELIVERY_CHANGED: "How a source is handed its requests was changed.",
    "source_shipping_method.created": "A shipping method of a source was added.",
    "source_shipping_method.updated": "A shipping method of a source was changed.",
    "channel_shipping_method.created": "What a channel's shipping text means was said before an order brought it.",
    "channel_shipping_method.updated": "What a channel's shipping text means was changed.",
    "shipping_policy.created": "A shipping policy was added.",
    "shipping_policy.updated": "A shipping policy, or by which methods sources keep it, was changed.",
    "attention.settled": "Somebody has seen to it: `data.subject` and `code` say to what, `reason` what was done.",
    "policies.updated": "The clock rules of the account were replaced.",
    "fulfillment_request.edited": "It was corrected by hand: `data.changed` says how.",
    "fulfillment_request.attended": "Somebody took care of it, or put it off.",
    "routing_group.created": "A routing group was added.",
    "routing_group.updated": "Name, rules or sources of a routing group were changed.",
}

CATALOGUE: dict[str, str] = {
    **dict.fromkeys(EVENT_TYPES, "It changed."),
    **dict.fromkeys(ORDER_EVENT_TYPES, "An order's status changed."),
    **_WORDS,
}
"""What each type says, by type."""

EVERYTHING = "*"


def is_pattern(text: str) -> bool:
    """Whether this is a type of the catalogue, `*`, or a beginning such as `order.*` that some type has."""
    if text == EVERYTHING or text in CATALOGUE:
        return True
    return text.endswith(".*") and any(type_.startswith(text[:-1]) for type_ in CATALOGUE)


def matches(type_: str, pattern: str) -> bool:
    """Whether an event of this type is meant by `pattern`."""
    if pattern.endswith(EVERYTHING):
        return type_.startswith(pattern[:-1])
    return type_ == pattern
