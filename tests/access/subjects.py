"""What the access matrix asks for: one subject for each way in which a thing may be somebody's, or nobody's.

Each has a word of its own, planted in everything that belongs to it: a reply that shows the word shows the subject.
"""

from typing import Any

from tests.support.asgi import Client
from tests.support.world import Merchant, World
from waypost.app.ports.attention import Place
from waypost.domain.handover import LATE_DELIVERY
from waypost.wire.attention import write_place
from waypost.wire.feed import write_cursor

Values = dict[str, Any]
NAMES = (
    "own", "sibling", "foreign", "unknown", "unprocessed", "info", "length", "duplicate", "crossed", "voided",
    "canceled", "rerouted", "dropped",
)  # fmt: skip
# The status that a request of this subject is generated in; all of them are at the first source of the merchant.
UNRELEASED = {
    "unprocessed": "Unprocessed", "info": "Additional Info Required", "length": "PO/FR # Exceeds Max Length",
    "duplicate": "Duplicate PO/FR #", "crossed": "Cross Docked", "voided": "Unprocessed", "canceled": "Unprocessed",
    "rerouted": "Unprocessed", "dropped": "Unprocessed",
}  # fmt: skip
NO_ID = 4_000_000_000
QUANTITY = 3
DELIVERY = {"kind": "http", "settings": {"url": "https://orders.example.com/v1/orders"}}


def word_of(name: str) -> str:
    """The word of a subject: in no other word, and in nothing else."""
    return f"zq{name}qz"


def hidden_from(token: str) -> set[str]:
    """The subjects of which a token must see nothing (contract section 1.3)."""
    others = {"foreign", "unknown"}
    return {"acc": others, "chn": {"sibling", *others}, "src": set(NAMES) - {"own"}}[token]


class Builder:
    """Makes what belongs to one merchant, over HTTP."""

    def __init__(self, world: World, merchant: Merchant, place: int = 0) -> None:
        self.world = world
        self.merchant = merchant
        self._is_first = merchant is world.ours and place == 0
        self.source = merchant.sources[place]
        self.channel = merchant.channels[place]
        self.client: Client = world.client("acc", merchant)

    async def _call(self, method: str, target: str, body: Any = None) -> Any:
        reply = await self.client.call(method, target, json=body)
        assert reply.status < 300, f"{method} {target}: {reply.status} {reply.body!r}"
        return reply.json() if reply.body else None

    async def order(self, word: str, more: str = "") -> Values:
        """An order of one item, five pieces."""
        placed = await self._call("POST", "/orders", {
            "channelId": self.channel, "orderNumber": f"O-{word}{more}", "referenceNumber": f"R-{word}{more}",
            "tags": [f"T-{word}"], "note": f"note {word}", "shippingText": "Ground",
            "shippingAddress": {"name": f"Ms {word}", "phone": f"+1 {word}", "city": "Oslo", "countryCode": "NO"},
            "orderItems": [{"sku": f"SKU-{word}", "quantity": 5, "price": 10}],
        })  # fmt: skip
        return {
            "order": placed["id"], "order_item": placed["orderItems"][0]["id"], "order_number": placed["orderNumber"],
            "reference": placed["referenceNumber"], "sku": f"SKU-{word}", "tag": f"T-{word}",
        }  # fmt: skip

    async def request(self, word: str, status: str, more: str = "") -> Values:
        """An order, and a request for three of its pieces; two are left."""
        values = await self.order(word, more)
        made = await self._call("POST", "/fulfillment-requests", {
            "orderId": values["order"], "sourceId": self.source, "fulfillmentRequestNumber": f"N-{word}{more}",
            "fulfillmentRequestStatus": status, "note": f"note {word}",
            "items": [{"orderItemId": values["order_item"], "quantity": QUANTITY, "sku": values["sku"]}],
        })  # fmt: skip
        item = made["fulfillmentRequestItems"][0]["id"]
        return {**values, "request": made["id"], "item": item, "edit_item": item, "routed_request": made["id"],
                "number": made["fulfillmentRequestNumber"]}  # fmt: skip

    async def end(self, name: str, values: Values, other_source: int) -> None:
        """Let a request end before it was released."""
        word, path = word_of(name), f"/fulfillment-requests/{values['request']}"
        if name in ("voided", "canceled"):
            await self._call("PATCH", f"{path}/{'void' if name == 'voided' else 'cancel'}?reason={word}")
        elif name == "dropped":
            target = f"/orders/{values['order']}/status?status=Canceled&updateNote={word}"
            await self._call("PATCH", target)
        elif name == "rerouted":
            await self.stock(word, other_source)
            await self._call("PATCH", f"{path}/reroute?sourceId={other_source}&reason={word}")

    async def stock(self, word: str, source: int) -> Values:
        """Inventory of one variant."""
        body = {"sku": f"P-{word}", "sourceId": source, "title": word,
                "variants": [{"sku": f"SKU-{word}", "title": word, "upc": f"U-{word}", "quantity": 1000}]}  # fmt: skip
        parent = (await self._call("POST", "/inventory/parents", [body]))[0]
        return {"variant": parent["variants"][0]["id"], "parent": parent["id"], "parent_sku": f"P-{word}",
                "upc": f"U-{word}"}  # fmt: skip

    async def shipped(self, word: str) -> Values:
        """A request that has a shipment and an invoice."""
        values = await self.request(word, "Processing", "-2")
        pieces = [{"fulfillmentRequestItemId": values["item"], "quantity": 1}]
        # Custom fields are numbered by shipment: only the own one has no second.
        fields = [{"name": f"lot {place}", "value": word} for place in range(1 if self._is_first else 2)]
        shipment = await self._call("POST", "/shipments", {
            "fulfillmentRequestId": values["request"],
            "shipment": {"trackingNumber": f"T-{word}", "note": word, "shipmentItems": pieces, "customFields": fields},
        })  # fmt: skip
        return {
            "shipped_request": values["request"], "shipped_item": values["item"], "shipped_order": values["order"],
            "shipped_order_item": values["order_item"], "shipped_number": values["number"],
            "shipment": shipment["id"], "shipment_item": shipment["shipmentItems"][0]["id"],
            "shipment_field": shipment["customFields"][-1]["id"], "tracking": shipment["trackingNumber"],
            **await self.invoiced(word, values["request"]),
        }  # fmt: skip

    async def invoiced(self, word: str, request: int) -> Values:
        """An invoice of a request."""
        items = [{"invoiceItemType": "fee", "cost": 3, "title": word}]
        made = await self._call("POST", "/source-invoices", {
            "fulfillmentRequestId": request, "invoiceNumber": f"I-{word}", "invoiceItems": items,
        })  # fmt: skip
        return {"invoice": made["id"], "invoice_item": made["invoiceItems"][0]["id"],
                "invoice_number": made["invoiceNumber"], "invoiced_request": request}  # fmt: skip

    async def records(self, word: str) -> Values:
        """The source and the channel, and how they ship."""
        await self._call("PATCH", f"/source/{self.source}", {"name": f"S {word}"})
        await self._call("PATCH", f"/channel/{self.channel}", {"name": f"C {word}"})
        await self._call("PUT", f"/source/{self.source}/delivery", DELIVERY)
        method = await self._call(
            "POST", "/shipping/source-shipping-methods", {"sourceId": self.source, "name": f"M {word}"}
        )
        text = await self._call(
            "POST", "/shipping/channel-shipping-methods", {"channelId": self.channel, "name": f"X {word}"}
        )
        stocked = await self.stock(word, self.source)
        listing = await self._call("PUT", "/listing/variants", [
            {"sku": f"L-{word}", "channelId": self.channel, "productSku": f"SKU-{word}", "parentSku": f"LP-{word}",
             "title": word, "price": 5}
        ])  # fmt: skip
        products = await self._call("GET", f"/product/variants?skus=SKU-{word}")
        return {
            "source": self.source, "channel": self.channel, "method": method["id"], "text": text["id"], **stocked,
            "listing": listing[0]["id"], "listing_sku": f"L-{word}", "listing_parent_sku": f"LP-{word}",
            "product": products[0]["id"],
        }  # fmt: skip

    async def of_the_account(self, word: str) -> Values:
        """What belongs to the account as a whole."""
        await self._call("PATCH", "/account", {"brandName": f"B {word}"})
        policy = await self._call("POST", "/shipping/shipping-policies", {"name": f"Y {word}"})
        group = await self._call("POST", "/routing-groups", {"name": f"G {word}"})
        hook = await self._call("POST", "/webhook/configurations", {
            "configurationName": f"W {word}", "webhookUrl": "https://hooks.invalid/x", "subscribedEvents": ["*"],
        })  # fmt: skip
        page = await self._call("GET", "/events?limit=1")
        place = write_place(Place(self.source, LATE_DELIVERY, 0, 0))
        return {
            "policy": policy["id"], "group": group["id"], "webhook": hook["id"], "cursor": page["next"], "place": place,
        }  # fmt: skip


async def build(world: World) -> dict[str, Values]:
    """Every subject's ids and numbers, by the subject's name."""
    own = Builder(world, world.ours)
    builders = {"own": own, "sibling": Builder(world, world.ours, 1), "foreign": Builder(world, world.theirs)}
    found: dict[str, Values] = {}
    for name, builder in builders.items():
        word = word_of(name)
        found[name] = {
            **await builder.records(word), **await builder.request(word, "Processing"), **await builder.shipped(word),
        }  # fmt: skip
    for name in ("own", "foreign"):
        found[name] |= await builders[name].of_the_account(word_of(name))
    found["own"] |= {**await _in_repair(own), **await _routed(own)}
    for name in ("own", "foreign"):
        await world.raised("fulfillment_request", found[name]["request"], LATE_DELIVERY, builders[name].merchant)
    await own.stock(word_of("own"), world.ours.sources[1])  # so that it can be rerouted
    found["unknown"] = {
        name: NO_ID if isinstance(value, int) else value.replace(word_of("own"), word_of("unknown"))
        for name, value in found["own"].items()
    } | {"cursor": write_cursor(NO_ID, 1), "place": write_place(Place(NO_ID, LATE_DELIVERY, 0, 0))}  # fmt: skip
    for name, status in UNRELEASED.items():
        found[name] = await own.request(word_of(name), status)
        found[name] |= await own.invoiced(word_of(name), found[name]["request"])
        await own.end(name, found[name], world.ours.sources[1])
    return found


async def _in_repair(own: Builder) -> Values:
    """A request in Processing Error, which may be edited; and an event that can be sent again."""
    values = await own.request(word_of("own"), "Processing", "-3")
    reply = await own.client.patch(f"/fulfillment-requests/{values['request']}/processing-failed?error=none")
    assert reply.status == 204, reply.body
    return {"failed_request": values["request"], "edit_item": values["item"], "event": 1}


async def _routed(own: Builder) -> Values:
    """A request that was generated by routing: its decision is kept."""
    order = (await own.order(word_of("own"), "-4"))["order"]
    made = await own.client.post(f"/orders/{order}/fulfillment-requests/generate")
    assert made.status == 201, made.body
    return {"routed_request": made.json()[0]["id"]}
