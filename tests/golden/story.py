"""What a hub lives through before its database is kept: everything that its release can do, each change with a key.

Chapters that a commit does not serve are left out; what it does serve and the story never calls is an error of `making`.
Names are made up. One wait is real: a clock rule counts minutes, so the story takes a good minute.
"""

from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from tests.golden.old_hub import OldHub
from tests.support.receiver import Received, Receiver
from tests.support.supplier import RULES, Supplier

COMPANY, OTHER = "Lantern & Loom", "Quiet Harbor"
NORTH, SOUTH, STRICT, HELD = "North Dock", "South Dock", "Strict Dock", "Held Dock"
SHOP, MARKET = "Web shop", "Market"
TOKEN_OF_SUPPLIER = "south-dock-bearer-of-the-golden-files"
ADDRESS = {
    "name": "Zoë Müller", "addressLine1": "Gasse 1", "addressLine2": "Hof", "city": "Zürich", "postal": "8001",
    "countryCode": "CH", "phone": "+41 00 000 00 00",
}  # fmt: skip
BILLING = {"name": "Ana Costa", "addressLine1": "Rua Nova 7", "city": "Porto", "postal": "4050-001", "countryCode": "PT"}
ORDER_FILE = """orderNumber,sku,quantity,price,paymentStatus,note
I-1,LAMP,2,12.90,Paid,from a file
I-1,WICK,1,1.50,,
I-2,LOOM,1,240,Authorized,
"""
STOCK_FILE = "sku,quantity,title\nBEAM,40,Beam\nLOOM,75,\n"


class Told(NamedTuple):
    """What the tests need beside the calls."""

    imported: list[dict[str, Any]]
    hooks: list[dict[str, Any]]
    supplier: dict[str, Any] | None


class Ids(NamedTuple):
    """By name."""

    sources: dict[str, int]
    channels: dict[str, int]


async def live(hub: OldHub, folder: Path) -> Told:
    """Everything, from an empty place to the end; the server has stopped then."""
    ids = _set_up(hub)
    imported: list[dict[str, Any]] = []
    hooks: list[dict[str, Any]] = []
    supplier_of = None
    async with Supplier(_mood) as supplier, Receiver() as receiver:
        receiver.behave = _picky
        async with hub:
            if hub.knows("create_webhook_configuration"):
                hooks = await _webhooks(hub, ids, receiver)
            if hub.knows("create_inventory_parents"):
                await _catalog(hub, ids)
            await _orders(hub, ids)
            await _requests(hub, ids)
            await _lists(hub, ids)
            if hub.knows("create_shipment"):
                await _shipments(hub, ids)
                await _stock(hub, ids)
                await _older_names(hub, ids)
                await _routing(hub, ids)
                await _order_changes(hub, ids)
                imported = _imports(hub, folder)
                supplier_of = await _hand_over(hub, ids, supplier)
                await _attention(hub, ids)
                await _after_events(hub, hooks, receiver)
            await _left_open(hub, ids)
    return Told(imported, hooks, supplier_of)


def _set_up(hub: OldHub) -> Ids:
    """Accounts, sources, channels and tokens of each type, by the command line."""
    hub.command("account", "create", COMPANY, "--brand-name", "Lantern", "--subdomain", "lantern")
    hub.command("account", "create", OTHER)
    ours, theirs = ("--account", COMPANY), ("--account", OTHER)
    options = {NORTH: (), SOUTH: (), STRICT: ("--max-number-length", "12", "--required-field", "lot"), HELD: ("--hold",)}
    sources = {name: hub.told("source", "create", name, *more, *ours)["id"] for name, more in options.items()}
    channels = {name: hub.told("channel", "create", name, *ours)["id"] for name in (SHOP, MARKET)}
    sources["Foreign Dock"] = hub.told("source", "create", "Foreign Dock", *theirs)["id"]
    channels["Foreign shop"] = hub.told("channel", "create", "Foreign shop", *theirs)["id"]
    wanted = {
        "account": ours, "north": ("--source", NORTH, *ours), "south": ("--source", SOUTH, *ours),
        "shop": ("--channel", SHOP, *ours), "market": ("--channel", MARKET, *ours), "foreign": theirs,
    }  # fmt: skip
    issued = {name: hub.told("token", "create", "--name", f"Token {name}", *more) for name, more in wanted.items()}
    hub.tokens.update({name: one["token"] for name, one in issued.items()})
    # A token that was rotated belongs to the family of its successor, whose calls it may repeat; another was revoked.
    rotated = hub.told("token", "rotate", str(issued["north"]["id"]), "--overlap", "90d")
    hub.tokens["north again"] = rotated["token"]
    spare = hub.told("token", "create", "--name", "Token spare", "--expires", "30d", *ours)
    hub.command("token", "revoke", str(spare["id"]))
    hub.tokens["revoked"] = spare["token"]
    return Ids(sources, channels)


def _order(number: str, *skus: str, **more: Any) -> dict[str, Any]:
    """An order's body: three of each."""
    items = [{"sku": sku, "title": f"A {sku.lower()}", "quantity": 3, "price": 12.9} for sku in skus or ("LAMP", "WICK")]
    return {"orderNumber": number, "shippingText": "Ground", "shippingAddress": ADDRESS, "orderItems": items, **more}


async def _post(hub: OldHub, ids: Ids, number: str, *skus: str, **more: Any) -> Any:
    return await hub.call("create_order", body=_order(number, *skus, channelId=ids.channels[SHOP], **more))


async def _request(hub: OldHub, ids: Ids, number: str, source: str = NORTH, **more: Any) -> Any:
    """An order, and a request for all of it, made by hand."""
    order = await _post(hub, ids, number)
    return await hub.call("create_fulfillment_request", body={"orderId": order["id"], "sourceId": ids.sources[source], **more})


async def _orders(hub: OldHub, ids: Ids) -> None:
    """Orders in every form in which they may be posted."""
    fields = [{"name": "gift", "value": "yes"}, {"name": "empty", "value": None}]
    items = [
        {"sku": "LAMP", "quantity": 2, "price": 12.9, "title": "Lampe mit Öl", "customFields": fields},
        {"externalListingId": "x-77", "quantity": 1, "price": 0, "title": "By the channel's id"},
    ]
    if hub.knows("create_inventory_parents"):
        items.append({"sku": "WICK", "quantity": 1, "price": 1.5, "shippingAddress": BILLING})
    full = {
        "orderNumber": "O-full", "channelId": ids.channels[SHOP], "referenceNumber": "R-1", "orderedAt": "2026-04-18T10:00:00Z",
        "note": "Ring twice — “now”", "shippingText": "Express", "shippingAddress": ADDRESS, "billingAddress": BILLING,
        "paymentStatus": "Authorized", "tags": ["gift", "größe"], "customFields": fields, "orderItems": items,
    }  # fmt: skip
    await hub.call("create_order", body=full)
    await hub.call("create_order", body=_order("O-plain", "LAMP"), token="shop")
    await hub.call("create_order", body={"orderNumber": "O-least", "orderItems": [{"sku": "LOOM", "quantity": 1}]}, token="market")
    # Found again under another key: this call has made nothing, and that is what its record says.
    await hub.call("create_order", body=full)
    hub.orders.pop()
    await hub.call("create_order", body=_order("O-no-key", "WICK", paymentStatus="Refunded"), token="shop", key=False)
    theirs = await hub.call("create_order", body=_order("O-plain", channelId=ids.channels["Foreign shop"]), token="foreign")
    body = {"orderId": theirs["id"], "sourceId": ids.sources["Foreign Dock"]}
    await hub.call("create_fulfillment_request", body=body, token="foreign")


async def _requests(hub: OldHub, ids: Ids) -> None:
    """A request in every status that a call leads to, and every call that leads there."""
    await _request(hub, ids, "R-processing", note="Mind the glass", customFields=[{"name": "dock", "value": "7"}])
    processed = await _request(hub, ids, "R-processed")
    await hub.call("mark_fulfillment_request_processed", processed["id"])
    failed = await _request(hub, ids, "R-failed")
    await hub.call("fail_fulfillment_request", failed["id"], token="north", error="None left", code="out_of_stock")
    again = await _request(hub, ids, "R-again")
    await hub.call("fail_fulfillment_request", again["id"], error="No such street")
    await hub.call("process_fulfillment_request", again["id"])
    mended = await _request(hub, ids, "R-acknowledged")
    await hub.call("acknowledge_fulfillment_request", mended["id"], token="north again")
    other = await _request(hub, ids, "R-acknowledged-by-post")
    await hub.call("acknowledge_fulfillment_request_post", other["id"])
    canceled = await _request(hub, ids, "R-canceled")
    await hub.call("cancel_fulfillment_request", canceled["id"], reason="No longer made", killOrFillType="kill")
    given_back = await _request(hub, ids, "R-given-back")
    await hub.call("cancel_fulfillment_request", given_back["id"], token="north", reason="Too far")
    voided = await _request(hub, ids, "R-voided")
    await hub.call("void_fulfillment_request", voided["id"], reason="The customer changed the order")
    adjusted = await _request(hub, ids, "R-adjusted")
    items = [{"id": line["id"], "acknowledgedQuantity": 2, "cancelledQuantity": 1} for line in adjusted["fulfillmentRequestItems"]]
    await hub.call("adjust_fulfillment_request", adjusted["id"], body={"items": items}, token="north")
    synced = {"accountingSynced": True, "externalAccountingId": "BILL-7"}
    await hub.call("sync_fulfillment_request_accounting", adjusted["id"], body=synced)
    await hub.call("sync_fulfillment_request_accounting", failed["id"], body={"accountingError": "No such supplier"})
    for number, source in (("R-held", HELD), ("R-info", STRICT), ("R-with-a-long-number", STRICT)):
        await _request(hub, ids, number, source)
    forced = {"crossed": "Cross Docked", "duplicate": "Duplicate PO/FR #", "unprocessed": "Unprocessed"}
    for name, status in forced.items():
        await _request(hub, ids, f"R-{name}", fulfillmentRequestStatus=status, fulfillmentRequestNumber=f"N-{name}")


async def _lists(hub: OldHub, ids: Ids) -> None:
    """Calls about many requests at once."""
    made = [await _request(hub, ids, f"L-{place}") for place in range(5)]
    for one in made[:2]:
        await hub.call("fail_fulfillment_request", one["id"], error="None left")
    items = [{"id": one["id"]} for one in made[:3]]  # the third is refused: it is in Processing
    await hub.call("bulk_fulfillment_requests", body={"action": "process", "items": items})
    await hub.call("bulk_fulfillment_requests", body={"action": "acknowledge", "items": [{"id": one["id"]} for one in made[3:]]})
    await hub.call("pull_processing_fulfillment_requests", token="north")
    if hub.knows("edit_fulfillment_request"):
        edited = await _request(hub, ids, "L-edited")
        await hub.call("fail_fulfillment_request", edited["id"], error="No such street", code="address_invalid")
        body = {"shippingAddress": BILLING, "assignee": "Mei", "note": "Corrected"}
        await hub.call("edit_fulfillment_request", edited["id"], body=body, reason="Corrected with the customer")


async def _shipments(hub: OldHub, ids: Ids) -> None:
    """Shipments and invoices."""
    whole = await _request(hub, ids, "S-whole")
    fields = [{"name": "lot", "value": "8"}, {"name": "seal", "value": "red"}]
    pieces = [{"sku": "LAMP", "quantity": 3}, {"sku": "WICK", "quantity": 3}]
    shipment = {"trackingNumber": "1Z-1", "carrier": "Pigeon", "method": "Ground", "shippingCost": 4.5, "note": "Two boxes",
                "trackingUrl": "https://carrier.example/1Z-1", "shipmentItems": pieces, "customFields": fields}  # fmt: skip
    made = await hub.call("create_shipment", body={"fulfillmentRequestId": whole["id"], "shipment": shipment}, token="north")
    field = made["customFields"][0]["id"]
    await hub.call("delete_shipment_custom_fields", made["id"], body={"customFieldIds": [field]})
    part = await _request(hub, ids, "S-part")
    body = {"trackingNumber": "1Z-2", "shipmentItems": [{"sku": "LAMP", "quantity": 2}, {"sku": "WICK", "quantity": 1}]}
    second = await hub.call("create_shipment", body={"fulfillmentRequestId": part["id"], "shipment": body})
    await hub.call("update_shipment", body={"id": second["id"], "syncedToChannel": True, "carrier": "Raven", "note": "Late"})
    await hub.call("delete_shipment_items", second["id"], body={"shipmentItemIds": [second["shipmentItems"][1]["id"]]})
    await hub.call("flag_shipments_with_errors", body=[{"id": second["id"], "syncError": "The channel does not know it."}])
    bill = [{"invoiceItemType": "product", "sku": "LAMP", "quantity": 3, "perUnitCost": 7.25},
            {"invoiceItemType": "shipping", "title": "Ground", "cost": 4.9}]  # fmt: skip
    invoice = await hub.call("create_source_invoice", token="north", body={
        "fulfillmentRequestId": whole["id"], "invoiceNumber": "INV-1", "invoiceStatus": "unpaid", "invoiceItems": bill,
    })  # fmt: skip
    paid = {"status": "paid", "accountingSynced": True, "externalAccountingId": "BILL-9",
            "items": [{"invoiceItemId": invoice["invoiceItems"][0]["id"], "externalAccountingItemId": "BILL-9-1"}]}  # fmt: skip
    await hub.call("update_source_invoice", invoice["id"], body=paid)


async def _catalog(hub: OldHub, ids: Ids) -> None:
    """Sources, channels, inventory, listings, ways of shipping and of routing."""
    for source, count in ((NORTH, 500), (SOUTH, 90)):
        variants = [{"sku": sku, "title": sku.title(), "quantity": count, "cost": 7.25} for sku in ("LAMP", "WICK", "LOOM")]
        parent = {"sku": "GOODS", "sourceId": ids.sources[source], "title": "Goods", "variants": variants}
        await hub.call("create_inventory_parents", body=[parent])
    await hub.call("update_inventory_variants", body=[{"sku": "WICK", "sourceId": ids.sources[NORTH], "quantity": 450, "cost": 1}])
    listing = {"sku": "MKT-LAMP", "channelId": ids.channels[MARKET], "productSku": "LAMP", "title": "Lamp", "price": 19.5,
               "externalId": "7714", "parentSku": "MKT", "parentTitle": "Light", "attributes": [{"name": "color", "value": "red"}]}  # fmt: skip
    await hub.call("update_listing_variants", body=[listing])
    made = await hub.call("create_source", body={"name": "Alpine Depot", "reference": "ALP", "dropshipFee": 2.5})
    await hub.call("update_source", made["id"], body={"allowBackorders": True, "shippingEstimate": 6.9})
    await hub.call("set_source_settings", made["id"], body={"warehouse": "A-1", "cutOff": "14:00"})
    await hub.call("set_purchase_order_strategy", made["id"], body={"autoProcess": True, "maxPoNumberCharacters": 20})
    methods = [
        await hub.call("create_source_shipping_method", body={"sourceId": ids.sources[name], "name": "Express", "carrier": "Raven"})
        for name in (NORTH, SOUTH)
    ]
    await hub.call("update_source_shipping_method", methods[0]["id"], body={"estimatedCost": 13.9})
    policy = await hub.call("create_shipping_policy", body={"name": "Express", "methods": [{"sourceShippingMethodId": methods[0]["id"]}]})
    both = [{"sourceShippingMethodId": one["id"]} for one in methods]
    await hub.call("update_shipping_policy", policy["id"], body={"name": "Two days", "methods": both})
    text = await hub.call("create_channel_shipping_method", body={"channelId": ids.channels[SHOP], "name": "Express"})
    await hub.call("update_channel_shipping_method", text["id"], body={"shippingPolicyId": policy["id"]})
    rules = [{"rule": "single_request", "mode": "preferred"}, {"rule": "lowest_cost"}, {"rule": "source_priority"}]
    listed = [{"sourceId": ids.sources[NORTH], "priority": 1}]
    group = await hub.call("create_routing_group", body={"name": "Domestic", "rules": rules, "sources": listed})
    listed.append({"sourceId": ids.sources[SOUTH], "priority": 2})
    await hub.call("update_routing_group", group["id"], body={"sources": listed})
    await hub.call("update_account", body={"brandName": "Lantern & Loom", "defaultOrderRoutingGroupId": group["id"]})
    await hub.call("create_channel", body={"name": "Wholesale"})
    body = {"autoGeneratePoOnImport": True, "rerouteOnFill": True, "routingGroupId": group["id"]}
    await hub.call("update_channel", ids.channels[MARKET], body=body)


async def _stock(hub: OldHub, ids: Ids) -> None:
    """Stock that is given back by hand, and counted again."""
    held = await _request(hub, ids, "C-stock")
    path = held["id"]
    await hub.call("release_committed_stock", path, body={"onlyReleaseFulfillmentRequestItemSkus": ["LAMP"]})
    await hub.call("reconcile_committed_stock", path)


async def _older_names(hub: OldHub, ids: Ids) -> None:
    """The same by the names that older clients use."""
    made = []
    for place in range(4):
        order = await _post(hub, ids, f"P-{place}")
        body = {"purchaseOrderType": "PO", "orderId": order["id"], "sourceId": ids.sources[NORTH], "purchaseOrderNumber": f"PO-{place}"}
        made.append(await hub.call("create_purchase_order", body=body))
    await hub.call("mark_purchase_order_processed", made[0]["id"])
    await hub.call("fail_purchase_order", made[1]["id"], error="Out of stock")
    item = (made[2].get("purchaseOrderItems") or made[2]["fulfillmentRequestItems"])[0]["id"]
    body = {"items": [{"id": item, "acknowledgedQuantity": 1, "cancelledQuantity": 1}]}
    await hub.call("adjust_purchase_order", made[2]["id"], body=body)
    await hub.call("release_purchase_order_stock", made[3]["id"], body={})
    await hub.call("reconcile_purchase_order_stock", made[3]["id"])


async def _routing(hub: OldHub, ids: Ids) -> None:
    """Requests that routing makes: with the order, for an order, and once more elsewhere."""
    await hub.call("create_order", body=_order("G-posted", "LAMP", "LOOM", paymentStatus="Paid"), token="market")
    await hub.call("create_order", body=_order("G-held", "NO-SUCH-THING", paymentStatus="Paid"), token="market")
    order = await _post(hub, ids, "G-by-hand", paymentStatus="Paid")
    (made, *_) = await hub.call("generate_for_order", order["id"])
    await hub.call("reroute_fulfillment_request", made["id"], sourceId=ids.sources[SOUTH], reason="Closed today")


async def _order_changes(hub: OldHub, ids: Ids) -> None:
    """What happens to an order after it was posted."""
    order = await _post(hub, ids, "O-changed")
    path = order["id"]
    await hub.call("add_order_items", path, body={"sku": "LOOM", "quantity": 1, "price": 240})
    await hub.call("set_order_payment", path, status="Paid", updateNote="Paid in the shop")
    await hub.call("change_order_tags", path, body={"add": ["fragile", "gift"]})
    await hub.call("sync_order_accounting", path, body={"accountingSynced": True, "externalAccountingId": "SO-1"})
    await hub.call("link_orders", body={"orderIds": [path]})
    await hub.call("set_order_status", path, status="On Hold", updateNote="The customer checks the address.")
    gone = await _request(hub, ids, "O-canceled")
    await hub.call("set_order_status", gone["orderId"], status="Canceled")


def _imports(hub: OldHub, folder: Path) -> list[dict[str, Any]]:
    """Orders and inventory from files."""
    orders, stock = folder / "orders.csv", folder / "stock.csv"
    orders.write_text(ORDER_FILE)
    stock.write_text(STOCK_FILE)
    hub.command("import", "orders", str(orders), "--channel", SHOP, "--account", COMPANY)
    hub.command("import", "inventory", str(stock), "--source", SOUTH, "--account", COMPANY)
    return [{"file": ORDER_FILE, "channel": SHOP, "account": COMPANY}]


def _mood(order: dict[str, Any], time: int) -> str:
    """By the number of the request: what its name says."""
    number = str(order["number"])
    for word in ("acknowledge", "reject", "die", "down"):
        if number.startswith(f"H-{word}"):
            return word
    return "accept"


async def _hand_over(hub: OldHub, ids: Ids, supplier: Supplier) -> dict[str, Any]:
    """Attempts to hand requests to a source, with every outcome: delivered, acknowledged, rejected, unknown, to be tried again."""
    settings = {"url": supplier.url, "auth": {"type": "bearer"}, "rules": RULES}
    body = {"kind": "http", "settings": settings, "secrets": {"token": TOKEN_OF_SUPPLIER},
            "policy": {"attempts": 3, "firstDelayS": 3600, "longestDelayS": 7200}}  # fmt: skip
    await hub.call("set_source_delivery", ids.sources[SOUTH], body=body)
    await hub.call("test_source_delivery", ids.sources[SOUTH], body={"send": False})
    for word in ("accept", "acknowledge", "reject", "die", "down"):
        made = await _request(hub, ids, f"H-{word}", SOUTH)
        await hub.until(f"an attempt of {word} that is over", _is_over, "list_handover_attempts", made["id"])
    return {"source": ids.sources[SOUTH], "token": TOKEN_OF_SUPPLIER, "settings": settings}


def _is_over(attempts: Any) -> bool:
    return bool(attempts) and all(one.get("outcome") is not None for one in attempts)


async def _picky(request: web.Request, received: Received) -> web.StreamResponse:
    """Takes everything, but at one address nothing."""
    return web.Response(status=500 if request.path.endswith("/broken") else 204)


async def _webhooks(hub: OldHub, ids: Ids, receiver: Receiver) -> list[dict[str, Any]]:
    """Endpoints: of everything, of one source, of one channel by its older spelling, and one that takes nothing."""
    base = receiver.url.removesuffix("/hook")
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("create_webhook_configuration", "hook", {"subscribedEvents": ["*"]}),
        ("create_webhook_configuration_right_spelling", "north", {"subscribedEvents": ["*"], "sourceId": ids.sources[NORTH]}),
        ("create_webhook_configuration", "shop", {"subscribedEvents": ["order.*"], "channelId": ids.channels[SHOP]}),
        ("create_webhook_configuration", "broken", {"subscribedEvents": ["fulfillment_request.failed"]}),
    ]
    hooks = []
    for name, place, more in kinds:
        body = {"configurationName": place, "webhookUrl": f"{base}/{place}", **more}
        made = await hub.call(name, body=body)
        hooks.append({"id": made["id"], "secret": made["secret"], "url": body["webhookUrl"]})
    first = hooks[0]["id"]
    rotated = await hub.call("rotate_webhook_secret", first, body={"overlapSeconds": 3600})
    hooks[0]["secret"] = rotated["secret"]
    await hub.call("update_webhook_configuration", hooks[1]["id"], body={"configurationName": "Dock"})
    await hub.call("update_webhook_configuration_right_spelling", hooks[2]["id"], body={"status": "disabled"})
    await hub.call("send_test_webhook", first)
    return hooks


async def _after_events(hub: OldHub, hooks: list[dict[str, Any]], receiver: Receiver) -> None:
    """Deliveries that are asked for once more."""
    first = hooks[0]["id"]
    found = await hub.until("deliveries", lambda log: len(log) > 3, "list_webhook_deliveries", first)
    await receiver.until(20)
    numbers = sorted({one["eventId"] for one in found if one["eventId"]})
    await hub.call("replay_webhook_events", first, body={"fromEventId": numbers[0], "toEventId": numbers[-1]})
    await hub.call("retry_webhook_events", body={"eventIds": numbers[:2]})
    broken = hooks[3]["id"]
    await hub.until("a delivery that failed", lambda log: any(one["attempts"] for one in log), "list_webhook_deliveries", broken)


async def _attention(hub: OldHub, ids: Ids) -> None:
    """Clock rules: one that has found something, one that fails what waits too long, one that is for later."""
    waiting = await _request(hub, ids, "A-waiting", HELD, fulfillmentRequestStatus="Processing")
    late = await _request(hub, ids, "A-late", STRICT, fulfillmentRequestStatus="Processing")
    rules = [{"condition": "unsent", "afterMinutes": 1, "sourceId": ids.sources[HELD]}, {"condition": "unacknowledged", "afterMinutes": 2880},
             {"condition": "unsent", "afterMinutes": 1, "action": "fail", "sourceId": ids.sources[STRICT]}]  # fmt: skip
    await hub.call("replace_policies", body=rules)

    def settleable(answer: Any) -> list[dict[str, Any]]:
        return [{"subject": item["subject"], "code": group["code"]} for group in answer["groups"] for item in group["items"]
                if item["settleable"] and item["subject"]["id"] == waiting["id"]]  # fmt: skip

    found = await hub.until("an alert of a clock rule", lambda answer: bool(settleable(answer)), "list_attention")
    await hub.call("settle_attention", body={"note": "They work on it.", "items": settleable(found)})
    await hub.until("a request that a clock rule fails", lambda one: one["failure"] is not None, "get_fulfillment_request", late["id"])


async def _left_open(hub: OldHub, ids: Ids) -> None:
    """What is under way when the program is replaced."""
    for number in ("E-1", "E-2"):
        await _request(hub, ids, number)
    await hub.call("create_order", body=_order("E-open", "WICK"), token="shop")
