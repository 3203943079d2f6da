"""Calls, and work in the background, about the things of `one_thing`, to which much has happened."""

from collections.abc import Iterator
from typing import Any

from tests.growth.background import ACCOUNT, LEASE, Work, undone
from tests.growth.one_thing import CHANNEL, SKU, SOURCE
from tests.growth.reads import PAGE, Call, Target
from waypost.app.actor import Scope
from waypost.app.ports.attention import Attention
from waypost.app.ports.webhooks import Settlement


def calls(target: Target) -> Iterator[Call]:
    """About each of them; the same in the same order at every size."""
    busy, order, shipment, invoice = (
        target.base(f"busy{word}") for word in ("", " order", " shipment", " invoice")
    )  # fmt: skip
    hook = target.base("strict webhook")
    for word, path in (("request", f"/fulfillment-requests/{busy}"), ("order", f"/orders/{order}")):
        yield _call(f"get {word}", "GET", path)
    yield _call("fail", "PATCH", f"/fulfillment-requests/{busy}/processing-failed?error=None+left")
    yield _call("process", "PATCH", f"/fulfillment-requests/{busy}/process")
    yield _call("edit", "PATCH", f"/fulfillment-requests/{busy}", {"assignee": "Mei"})
    yield _call("tags", "PATCH", f"/orders/{order}/tags", {"add": ["fragile"]})
    yield _call("shipment", "PATCH", "/shipments", {"id": shipment, "trackingNumber": "OTHER-ONE"})
    yield _call("invoice", "PATCH", f"/source-invoices/{invoice}", {"status": "paid"})
    yield _call("webhook", "PATCH", f"/webhook/configurations/{hook}", {"configurationName": "Renamed"})
    yield _call("cancel", "PATCH", f"/fulfillment-requests/{busy}/cancel?reason=No+longer+made")
    yield from _of_the_sku(target)


def _of_the_sku(target: Target) -> Iterator[Call]:
    ids = [target.id("sold most", "fulfillment_request", place) for place in range(5)]
    order = target.id("sold most order", "orders")
    items = [{"sku": SKU, "quantity": 1}]
    yield _call("quantity", "PUT", "/inventory/variants", [{"sku": SKU, "sourceId": SOURCE, "quantity": 9_000_000}])
    yield _call("inventory", "GET", f"/inventory/variants?skus={SKU}")
    yield _call("new order", "POST", "/orders", {"orderNumber": "MOST-1", "channelId": CHANNEL, "orderItems": items})
    yield _call("order by external id", "POST", "/orders", {
        "orderNumber": "MOST-2", "channelId": CHANNEL, "orderItems": [{"externalListingId": SKU, "quantity": 1}]})  # fmt: skip
    yield _call("link", "PATCH", "/orders/link", {"skus": [SKU]})
    yield _call("preview", "POST", f"/orders/{order}/fulfillment-requests/preview")
    yield _call("generate", "POST", f"/orders/{order}/fulfillment-requests/generate")
    yield _call("fail one", "PATCH", f"/fulfillment-requests/{ids[0]}/processing-failed?error=None+left&code=out_of_stock")
    yield _call("cancel one", "PATCH", f"/fulfillment-requests/{ids[1]}/cancel?reason=No+longer+made")
    yield _call("void one", "PATCH", f"/fulfillment-requests/{ids[2]}/void?reason=Ordered+twice")
    shipment = {"trackingNumber": "MOST", "shipmentItems": items}
    yield _call("ship one", "POST", "/shipments", {"fulfillmentRequestId": ids[3], "shipment": shipment})
    charge = [{"invoiceItemType": "product", "sku": SKU, "quantity": 1, "cost": 1}]
    yield _call("charge for one", "POST", "/source-invoices", {"fulfillmentRequestId": ids[3], "invoiceItems": charge})
    new = {"orderId": target.id("sold most order", "orders", 1), "sourceId": SOURCE}
    yield _call("generate by hand", "POST", "/fulfillment-requests", new)
    yield _call("process one", "PATCH", f"/fulfillment-requests/{ids[4]}/process")
    yield _call("stock", "PATCH", f"/fulfillment-requests/{ids[4]}/committed-stock", {})


def _call(word: str, method: str, target: str, body: Any = None) -> Call:
    return Call(f"one_thing {word}", "account", method, target, body)


def works(target: Target) -> Iterator[Work]:
    """The same about what runs by itself."""
    busy, hook, now = target.base("busy"), target.base("strict webhook"), target.last_at + 1
    yield Work("one_thing attempts", lambda hub: hub.reads.attempts(Scope(ACCOUNT), busy, PAGE))
    yield Work("one_thing papers", lambda hub: hub.reads.papers([busy]))
    yield Work("one_thing told down", lambda hub: hub.reads.told_down([SOURCE]))
    yield Work("one_thing due deliveries", lambda hub: hub.reads.due_deliveries(hook, 0, now, PAGE))
    down = Attention(ACCOUNT, SOURCE, "source", SOURCE, "source_down", "Look.", now)

    async def alert(tx: Any) -> Any:
        await tx.raise_attention([down])
        return await tx.settle_attention(ACCOUNT, "source", SOURCE, ["source_down"], now)

    async def step(tx: Any) -> Any:
        assert await tx.claim_webhook(hook, "w", now, now + LEASE) is not None
        return await tx.settle_webhooks([Settlement(hook, "w", target.last_seq, 0, None, 0, 0, ())])

    yield undone("one_thing alert", alert)
    yield undone("one_thing webhook's step", step)
