"""The catalogue of events: every type that is ever written, what it says, and who sees it.

Timelines, feed and webhooks show events by this table (`wire.events`); its reference page is made from it.

A type that is missing here fails the tests that wrote it (`tests/http/conftest.py`).
"""

from typing import NamedTuple

from waypost.domain.events import SOURCE_DELIVERY_CHANGED, SOURCE_DOWN, SOURCE_UP


class Kind(NamedTuple):
    """A type of event: what it says, and what of it the tokens of sources and channels see.

    An account token sees every event whole. `source` and `channel` name the members of `data` that such a token sees of
    an event about what is its own; None: it does not see the event at all. Of the actor they see the type, `requestId`
    of their own calls only, `code` and `reason` where `why` says so: nothing that the record itself hides from them.
    """

    says: str
    source: tuple[str, ...] | None = None
    channel: tuple[str, ...] | None = None
    why: bool = False

    def members(self, who: str) -> tuple[str, ...] | None:
        """The members of `data` that a token of the type `who` sees; None: it does not see the event."""
        return self.source if who == "source" else self.channel


FAILURE = ("retryable", "itemIds")
ATTEMPT = ("attempt", "outcome", "reference")  # of a hand-over
SHIPPED = ("shipmentId", "items")
CHANGED = ("fulfillmentRequestId", "changed")

CATALOGUE: dict[str, Kind] = {
    "fulfillment_request.generated": Kind("The request was generated.", source=(), channel=()),
    "fulfillment_request.processing": Kind("The request was released to its source.", source=(), channel=()),
    "fulfillment_request.processed": Kind(
        "The source has received the request: it was sent, or fetched.", source=ATTEMPT, channel=()
    ),
    "fulfillment_request.failed": Kind(
        "The request failed, with code and reason.", source=(*FAILURE, *ATTEMPT), channel=FAILURE, why=True
    ),
    "fulfillment_request.acknowledged": Kind(
        "The source confirmed the request.", source=("items", *ATTEMPT), channel=("items",)
    ),
    "fulfillment_request.adjusted": Kind(
        "The source confirmed or canceled items of the request.", source=("items",), channel=("items",)
    ),
    "fulfillment_request.canceled": Kind(
        "The request was canceled: its source will not ship it.", source=("items",), channel=("items",), why=True
    ),
    "fulfillment_request.voided": Kind(
        "The merchant withdrew the request.", source=("items",), channel=("items",), why=True
    ),
    "fulfillment_request.shipped": Kind("Items of the request were shipped.", source=SHIPPED, channel=SHIPPED),
    "fulfillment_request.shipment_corrected": Kind(
        "The quantities of a shipment of the request were corrected.", source=SHIPPED, channel=SHIPPED
    ),
    "fulfillment_request.stock_reconciled": Kind(
        "The stock that the request holds was counted again.", source=("stock",)
    ),
    "fulfillment_request.stock_released": Kind("Stock that the request held was given back.", source=("stock",)),
    "fulfillment_request.accounting_synced": Kind("The accounting result of the request was recorded."),
    "fulfillment_request.invoiced": Kind("The source has invoiced the request.", source=("sourceInvoiceId",)),
    "fulfillment_request.handover_started": Kind("The hub is sending the request to its source.", source=ATTEMPT),
    "fulfillment_request.handover_deferred": Kind(
        "The source does not take the request now; the hub tries again.", source=ATTEMPT
    ),
    "fulfillment_request.handover_settled": Kind(
        "A hand-over ended after the request had already changed its status.", source=ATTEMPT
    ),
    "fulfillment_request.handover_late": Kind(
        "The source answered a hand-over that the hub had given up.", source=ATTEMPT
    ),
    "fulfillment_request.edited": Kind(
        "The request was corrected by hand: `data.changed` says how.", source=(), channel=()
    ),
    "fulfillment_request.attended": Kind("The assignee of the request, or its snooze, was changed."),
    "order.created": Kind("An order was created.", channel=("holdReasons",)),
    "order.updated": Kind(
        "The order was changed; its status stays.",
        channel=("changed", "was", "paymentStatus", "tags", "added", "linked"),
    ),
    "order.opened": Kind("The order is open, or open again.", channel=("changed", "linked")),
    "order.closed": Kind(
        "The order is closed: all of it has shipped or is canceled, or somebody closed it.", channel=()
    ),
    "order.held": Kind("The order waits: `data.holdReasons` says for what.", channel=("holdReasons",)),
    "order.failed": Kind("The order was marked as failed.", channel=()),
    "order.canceled": Kind("The order was canceled.", channel=("stopped", "notStopped", "dropped")),
    "order.drafted": Kind("The order was set aside as a draft.", channel=()),
    "source_invoice.updated": Kind("A source invoice was changed.", source=CHANGED),
    "shipment.updated": Kind(
        "A shipment was changed. If its quantities changed, its request has an event of its own.",
        source=CHANGED,
        channel=CHANGED,
    ),
    # What follows is for the account alone.
    "inventory_parent.created": Kind("An inventory parent was created: a source offers something new."),
    "inventory_parent.updated": Kind("An inventory parent was changed."),
    "inventory_variant.created": Kind("An inventory variant was created: a source has a new SKU."),
    "inventory_variant.updated": Kind("An inventory variant was changed: its quantity, its cost or other data."),
    "listing_parent.created": Kind("A listing parent was created: a channel sells something new."),
    "listing_parent.updated": Kind("A listing parent was changed."),
    "listing_variant.created": Kind("A listing variant was created: a channel has a new SKU."),
    "listing_variant.updated": Kind("A listing variant was changed, or mapped to another product."),
    "product_variant.created": Kind("A product variant was created: a SKU was offered for the first time."),
    "webhook.created": Kind("A webhook configuration was created."),
    "webhook.updated": Kind("A webhook configuration was changed."),
    "webhook.secret_rotated": Kind("A webhook got a new secret."),
    "webhook.disabled": Kind("The hub disabled a webhook, with code and reason: somebody must look at it."),
    "webhook.tested": Kind("A test message to a webhook was requested."),
    "webhook.replayed": Kind("Webhook messages were queued to be delivered again."),
    "account.updated": Kind("Names, default routing group or numbering of the account were changed."),
    "source.created": Kind("A source was added."),
    "source.updated": Kind("A source was changed: `data.changed` names what."),
    "channel.created": Kind("A channel was added."),
    "channel.updated": Kind("A channel was changed: `data.changed` names what."),
    SOURCE_DOWN: Kind("A source does not take requests now; its requests wait."),
    SOURCE_UP: Kind("The source takes requests again."),
    SOURCE_DELIVERY_CHANGED: Kind("The delivery settings of a source were changed."),
    "source_shipping_method.created": Kind("A shipping method of a source was added."),
    "source_shipping_method.updated": Kind("A shipping method of a source was changed."),
    "channel_shipping_method.created": Kind(
        "A shipping text of a channel was added before an order used it.",
    ),
    "channel_shipping_method.updated": Kind("The policy of a channel's shipping text was changed."),
    "shipping_policy.created": Kind("A shipping policy was added."),
    "shipping_policy.updated": Kind("A shipping policy, or its methods, was changed."),
    "attention.settled": Kind(
        "An attention item was settled: `data.subject` and `code` say which, `reason` what was done.",
    ),
    "policies.updated": Kind("The clock rules of the account were replaced."),
    "routing_group.created": Kind("A routing group was added."),
    "routing_group.updated": Kind("The name, the rules or the sources of a routing group were changed."),
}
"""Every type, with what each says and who sees what of it."""

BOUND = ("source", "channel")  # types of tokens that see a part of the account


def seen_by(who: str) -> tuple[str, ...]:
    """The types that a token of the type `who` may see."""
    return tuple(type_ for type_, kind in CATALOGUE.items() if who not in BOUND or kind.members(who) is not None)


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
