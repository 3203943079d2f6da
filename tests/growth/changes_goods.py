"""What changes inventory, products, listings, shipments, invoices, webhooks and the account's own settings.

Each call is aimed at rows of its own of the target copy. `covered` says which operations and types of token must be here.
"""

from collections.abc import Iterator
from typing import Any

from tests.growth.reads import Call, Target
from tests.growth.template import LARGE_CHANNEL, LARGE_SOURCES, RARE_CHANNEL, RARE_SOURCE, TOKENS
from tests.support.contract import CONTRACT

_PATHS = (
    "/shipment", "/source", "/inventory", "/listing", "/webh", "/channel", "/shipping", "/routing-groups",
)  # fmt: skip
_SOURCES = {"account": ("large", LARGE_SOURCES[0]), "source": ("large", None), "rare source": ("rare", None)}
_CHANNELS = {"account": ("large", LARGE_CHANNEL), "channel": ("large", None), "rare channel": ("rare", None)}
_FEE = [{"invoiceItemType": "fee", "cost": 1}]
_HOOK = {"configurationName": "New", "webhookUrl": "https://example.com/", "subscribedEvents": ["order.*"]}


def changes(target: Target) -> Iterator[Call]:
    """Every call; the same in the same order at every size."""
    for part in (_inventory, _listings, _shipments, _invoices, _stock, _webhooks, _sources, _settings):
        yield from part(target)


def covered() -> set[tuple[str, str]]:
    """Each served operation that changes one of these, with each type of token that may call it."""
    return {
        (name, kind) for name, (method, path, operation) in CONTRACT.operations.items()
        if method != "GET" and name not in CONTRACT.not_yet and name == operation["operationId"]
        and (path.startswith(_PATHS) or path.endswith("/committed-stock"))
        for kind in operation.get("x-token-types") or ["account"]
    }  # fmt: skip


def missing(target: Target) -> set[tuple[str, str]]:
    """What must be here and is not."""
    return covered() - {(call.name.split()[0], TOKENS[call.token][0]) for call in changes(target)}


def _call(name: str, token: str, body: Any = None, word: str = "", **ids: int) -> Call:
    method, path, _ = CONTRACT.operations[name]
    return Call(f"{name} {word} as {token}".replace("  ", " "), token, method, path.format(**ids), body)


def _of(source: int | None) -> dict[str, int]:
    return {} if source is None else {"sourceId": source}


def _inventory(target: Target) -> Iterator[Call]:
    for token, (block, source) in _SOURCES.items():
        place = 1 if token == "source" else 0
        known = target.text(f"{block} variant sku", place)
        by_id = target.id(f"{block} variant", "inventory_variant", place)
        parent = target.text(f"{block} parent sku", 0)
        family = {"sku": parent, "title": f"Of {token}", **_of(source), "variants": [{"sku": f"{parent}-M", "quantity": 1}]}
        new = {"sku": f"NEW {token}", **_of(source), "variants": [{"sku": f"NEW {token} S", "quantity": 5, "upc": "1"}]}
        name = "update_inventory_variants"
        yield _call(name, token, [{"sku": known, "quantity": 900, **_of(source)}], "sku")
        yield _call(name, token, [{"inventoryVariantId": by_id, "quantity": 901}], "id")
        yield _call("create_inventory_parents", token, [new], "new")
        yield _call("create_inventory_parents", token, [family], "known")
    for source in (LARGE_SOURCES[0], RARE_SOURCE):
        yield _call("update_source", "account", {"stockRelease": "quantity_update"}, f"stockRelease of {source}", id=source)
    for token, (block, source) in _SOURCES.items():
        told = [{"sku": target.text(f"{block} variant sku", place), "quantity": 800, **_of(source)} for place in (2, 3)]
        yield _call("update_inventory_variants", token, told, "of a source that counts what it has")


def _listings(target: Target) -> Iterator[Call]:
    for token, (block, channel) in _CHANNELS.items():
        place = 1 if token == "channel" else 0
        of = {} if channel is None else {"channelId": channel}
        known, parent = target.text(f"{block} listing sku", place), target.text(f"{block} listing parent sku")
        product, by_id = (target.id(f"{block} {kind}", table, place)
                          for kind, table in (("product", "product_variant"), ("listing", "listing_variant")))  # fmt: skip
        sku = target.text(f"{block} variant sku", place)
        name = "update_listing_variants"
        yield _call(name, token, [{"sku": known, "price": 7, **of}], "sku")
        yield _call(name, token, [{"listingVariantId": by_id, "title": f"Of {token}"}], "id")
        yield _call(name, token, [{"sku": f"NEW {token}", "productSku": sku, "parentSku": parent, **of}], "new")
        yield _call(name, token, [{"sku": f"NEW 2 {token}", "productVariantId": product, **of}], "new of a product by id")


def _shipments(target: Target) -> Iterator[Call]:
    piece = {"trackingNumber": "NEW", "shipmentItems": [{"sku": target.text("large variant sku", 3), "quantity": 1}]}
    small = {"trackingNumber": "NEW", "shipmentItems": [{"sku": target.text("rare variant sku", 1), "quantity": 1}]}
    open_ = [target.id("open", "fulfillment_request", place) for place in (7, 6)]
    rare = target.id("rare acknowledged", "fulfillment_request", 1)
    for token, request, shipment in (("account", open_[0], piece), ("source", open_[1], piece), ("rare source", rare, small)):
        yield _call("create_shipment", token, {"fulfillmentRequestId": request, "shipment": shipment})
    for token, block, place in (("account", "large", 0), ("source", "large", 1), ("rare source", "rare", 0)):
        id_ = target.id(f"{block} shipment", "shipment", place)
        [item] = target.of(f"{block} shipment", place, "shipment_item", "shipment_id")[:1]
        yield _call("update_shipment", token, {"id": id_, "note": "Two boxes.", "trackingNumber": "OTHER"})
        yield _call("flag_shipments_with_errors", token, [{"id": id_, "syncError": "Not known."}])
        yield _call("delete_shipment_custom_fields", token, {"customFieldIds": [1]}, id=id_)
        yield _call("delete_shipment_items", token, {"shipmentItemIds": [item]}, id=id_)


def _invoices(target: Target) -> Iterator[Call]:
    charged = [{"invoiceItemType": "product", "quantity": 1, "cost": 1}]
    for token, block, place in (("account", "large", 0), ("source", "large", 1), ("rare source", "rare", 0)):
        request = target.id(f"{block} shipped", "fulfillment_request", place)
        sku, variant = target.text(f"{block} variant sku", 2), target.id(f"{block} variant", "inventory_variant", 2)
        for word, item in (("sku", {"sku": sku}), ("variant", {"inventoryVariantId": variant})):
            body = {"fulfillmentRequestId": request, "invoiceItems": [{**charged[0], **item}]}
            yield _call("create_source_invoice", token, body, word)
        yield _call("create_source_invoice", token, {"fulfillmentRequestId": request, "invoiceItems": _FEE}, "fee")
        id_ = target.id(f"{block} invoice", "source_invoice", place)
        yield _call("update_source_invoice", token, {"accountingSynced": True, "status": "paid"}, id=id_)


def _stock(target: Target) -> Iterator[Call]:
    names = ("reconcile_committed_stock", "release_committed_stock", "reconcile_purchase_order_stock", "release_purchase_order_stock")
    for place, name in enumerate(names):
        id_ = target.id("backlog", "fulfillment_request", 13 - place)
        yield _call(name, "account", {}, fulfillmentRequestId=id_, purchaseOrderId=id_)


def _webhooks(target: Target) -> Iterator[Call]:
    id_, last = target.base("webhook", 1), target.last_seq
    yield _call("create_webhook_configuration", "account", _HOOK)
    yield _call("update_webhook_configuration", "account", {"configurationName": "Renamed"}, id=id_)
    yield _call("rotate_webhook_secret", "account", {"overlapSeconds": 60}, id=id_)
    yield _call("send_test_webhook", "account", id=id_)
    yield _call("replay_webhook_events", "account", {"fromEventId": last - 20, "toEventId": last}, id=id_)
    yield _call("retry_webhook_events", "account", {"eventIds": [last - 3, last - 30]})


def _sources(target: Target) -> Iterator[Call]:
    request = target.id("large processing", "fulfillment_request")
    yield _call("create_source", "account", {"name": "New"})
    yield _call("update_source", "account", {"shippingEstimate": 6}, id=3)
    yield _call("set_source_settings", "account", {"cutOff": "14:00"}, sourceId=3)
    yield _call("set_purchase_order_strategy", "account", {"autoProcess": True}, sourceId=3)
    settings = {"kind": "http", "settings": {"url": "https://example.com/"}, "paused": True}
    yield _call("set_source_delivery", "account", settings, id=1)
    yield _call("test_source_delivery", "account", {"fulfillmentRequestId": request}, id=1)


def _settings(target: Target) -> Iterator[Call]:
    method, policy, text = target.base("method"), target.base("policy"), target.base("mapping")
    yield _call("create_channel", "account", {"name": "New"})
    yield _call("update_channel", "account", {"rerouteOnFill": False}, id=RARE_CHANNEL)
    for token, source in (("account", 1), ("source", None), ("rare source", None)):
        yield _call("create_source_shipping_method", token, {"name": f"New {token}", "carrier": "UPS", **_of(source)})
    for token in ("account", "source"):
        yield _call("update_source_shipping_method", token, {"estimatedCost": len(token)}, id=method)
    yield _call("create_shipping_policy", "account", {"name": "New", "methods": [{"sourceShippingMethodId": method}]})
    yield _call("update_shipping_policy", "account", {"name": "Renamed"}, id=policy)
    yield _call("create_channel_shipping_method", "account", {"channelId": 1, "name": "New", "shippingPolicyId": policy})
    yield _call("update_channel_shipping_method", "account", {"shippingPolicyId": None}, id=text)
    yield _call("create_routing_group", "account", {"name": "New", "rules": [{"rule": "lowest_cost"}]})
    yield _call("update_routing_group", "account", {"name": "Renamed"}, id=target.base("group"))
