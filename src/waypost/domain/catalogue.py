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
    "fulfillment_request.generated": Kind("It was generated.", source=(), channel=()),
    "fulfillment_request.processing": Kind("It was released to its source.", source=(), channel=()),
    "fulfillment_request.processed": Kind("It was handed over, or picked up.", source=ATTEMPT, channel=()),
    "fulfillment_request.failed": Kind(
        "It failed, with code and reason.", source=(*FAILURE, *ATTEMPT), channel=FAILURE, why=True
    ),
    "fulfillment_request.acknowledged": Kind(
        "The source confirmed it.", source=("items", *ATTEMPT), channel=("items",)
    ),
    "fulfillment_request.adjusted": Kind(
        "The source confirmed or canceled some of its items.", source=("items",), channel=("items",)
    ),
    "fulfillment_request.canceled": Kind(
        "The source will not ship it.", source=("items",), channel=("items",), why=True
    ),
    "fulfillment_request.voided": Kind("The merchant withdrew it.", source=("items",), channel=("items",), why=True),
    "fulfillment_request.shipped": Kind("Some or all of it was shipped.", source=SHIPPED, channel=SHIPPED),
    "fulfillment_request.shipment_corrected": Kind(
        "What a shipment of it counts was corrected.", source=SHIPPED, channel=SHIPPED
    ),
    "fulfillment_request.stock_reconciled": Kind("The stock that it holds was counted again.", source=("stock",)),
    "fulfillment_request.stock_released": Kind("Stock that it held was given back.", source=("stock",)),
    "fulfillment_request.accounting_synced": Kind("What accounting says of it was recorded."),
    "fulfillment_request.invoiced": Kind("Its source has invoiced it.", source=("sourceInvoiceId",)),
    "fulfillment_request.handover_started": Kind("It is being sent to its source.", source=ATTEMPT),
    "fulfillment_request.handover_deferred": Kind(
        "Its source does not take it now; it is tried again.", source=ATTEMPT
    ),
    "fulfillment_request.handover_settled": Kind(
        "It had moved already when its hand-over came to an end.", source=ATTEMPT
    ),
    "fulfillment_request.handover_late": Kind("The answer to a hand-over that was given up has come.", source=ATTEMPT),
    "fulfillment_request.edited": Kind("It was corrected by hand: `data.changed` says how.", source=(), channel=()),
    "fulfillment_request.attended": Kind("Somebody took care of it, or put it off."),
    "order.created": Kind("An order came in.", channel=("holdReasons",)),
    "order.updated": Kind(
        "An order was changed; its status stays.",
        channel=("changed", "was", "paymentStatus", "tags", "added", "linked"),
    ),
    "order.opened": Kind("It is open.", channel=("changed", "linked")),
    "order.closed": Kind("All of it has shipped or is canceled.", channel=()),
    "order.held": Kind("It waits: `data.holdReasons` says for what.", channel=("holdReasons",)),
    "order.failed": Kind("It was marked as failed.", channel=()),
    "order.canceled": Kind("It was canceled.", channel=("stopped", "notStopped", "dropped")),
    "order.drafted": Kind("It was set aside as a draft.", channel=()),
    "source_invoice.updated": Kind("A source invoice was changed.", source=CHANGED),
    "shipment.updated": Kind(
        "A shipment was corrected; what that did to its request is an event of its own.",
        source=CHANGED, channel=CHANGED,
    ),
    # What follows is for the account alone.
    "inventory_parent.created": Kind("A source offers something new."),
    "inventory_parent.updated": Kind("What a source says of something it offers was changed."),
    "inventory_variant.created": Kind("A source has a new SKU."),
    "inventory_variant.updated": Kind("A source's figures of a SKU were changed: quantity, cost, and the like."),
    "listing_parent.created": Kind("A channel shows something new."),
    "listing_parent.updated": Kind("What a channel shows was changed."),
    "listing_variant.created": Kind("A channel has a new SKU."),
    "listing_variant.updated": Kind("A SKU of a channel was changed, or mapped to something else."),
    "product_variant.created": Kind("A SKU was offered for the first time."),
    "webhook.created": Kind("A webhook configuration was created."),
    "webhook.updated": Kind("A webhook configuration was changed."),
    "webhook.secret_rotated": Kind("A webhook got a new secret."),
    "webhook.disabled": Kind("The hub gave a webhook up, with code and reason: somebody must look at it."),
    "webhook.tested": Kind("A test message was asked for."),
    "webhook.replayed": Kind("Messages were put up for delivery again."),
    "account.updated": Kind("Names, default routing group or numbering of the account were changed."),
    "source.created": Kind("A source was added."),
    "source.updated": Kind("A source was changed: `data.changed` names what."),
    "channel.created": Kind("A channel was added."),
    "channel.updated": Kind("A channel was changed: `data.changed` names what."),
    SOURCE_DOWN: Kind("A source does not take requests; they wait."),
    SOURCE_UP: Kind("It takes requests again."),
    SOURCE_DELIVERY_CHANGED: Kind("How a source is handed its requests was changed."),
    "source_shipping_method.created": Kind("A shipping method of a source was added."),
    "source_shipping_method.updated": Kind("A shipping method of a source was changed."),
    "channel_shipping_method.created": Kind(
        "What a channel's shipping text means was said before an order brought it.",
    ),
    "channel_shipping_method.updated": Kind("What a channel's shipping text means was changed."),
    "shipping_policy.created": Kind("A shipping policy was added."),
    "shipping_policy.updated": Kind("A shipping policy, or by which methods sources keep it, was changed."),
    "attention.settled": Kind(
        "Somebody has seen to it: `data.subject` and `code` say to what, `reason` what was done.",
    ),
    "policies.updated": Kind("The clock rules of the account were replaced."),
    "routing_group.created": Kind("A routing group was added."),
    "routing_group.updated": Kind("Name, rules or sources of a routing group were changed."),
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
