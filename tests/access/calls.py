"""The calls of the access matrix: for each operation, every place where an id or a number of a subject may stand.

Path ids and the parameters of lists come from the contract. What a change is asked with, and where its body carries ids, is
written here: `<thing>` stands for the subject's, `<own thing>` for that of the own subject. A body is valid, so
that nothing but access decides.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.support.contract import CONTRACT
from waypost.domain.fulfillment import FULFILLMENT_STATUS_NAMES
from waypost.domain.statuses import STATUSES
from waypost.wire.orders import ORDER_STATUS_NAMES

PATH_THINGS = {
    "FulfillmentRequestId": "request", "PurchaseOrderId": "request", "OrderId": "order", "OrderIdOfItems": "order",
    "ShipmentId": "shipment", "SourceInvoiceId": "invoice", "SourceId": "source", "SourceIdOfSettings": "source",
    "ChannelId": "channel", "InventoryVariantId": "variant", "ShippingMethodId": "method", "ShippingPolicyId": "policy",
    "RoutingGroupId": "group", "WebhookId": "webhook",
}  # fmt: skip
# Parameters of lists that carry ids, numbers or texts of a subject.
QUERY_THINGS = {
    "findOrderId": "order", "frNumbers": "number", "poNumbers": "number", "fulfillmentRequestNumbers": "number",
    "filterSourceId": "source", "sourceId": "source", "channelId": "channel", "orderNumbers": "order_number",
    "referenceNumbers": "reference", "skus": "sku", "upcs": "upc", "findByOrderId": "shipped_order",
    "findByPurchaseOrderId": "shipped_request", "findByFulfillmentRequestId": "shipped_request",
    "filterPurchaseOrderId": "invoiced_request", "includeTags": "tag", "after": "cursor",
}  # fmt: skip
# Where the same name carries something else.
OTHER_THINGS = {
    ("update_channel_shipping_method", "id"): "text", ("get_routing_decision", "id"): "routed_request",
    ("list_source_invoices", "ids"): "invoice", ("list_inventory_variants", "ids"): "variant",
    ("list_inventory_parents", "ids"): "parent", ("list_inventory_parents", "skus"): "parent_sku",
    ("list_product_variants", "ids"): "product", ("list_listing_parents", "skus"): "listing_parent_sku",
    ("list_listing_variants", "ids"): "listing", ("list_listing_variants", "skus"): "listing_sku",
    ("list_listing_parents", "ids"): "listing", ("list_attention", "after"): "place",
}  # fmt: skip
# Parameters that carry nothing of a subject and narrow nothing down.
NEUTRAL = {
    "dryRun", "peek", "page", "pageSize", "filterPageNumber", "filterPageSize", "limit", "wait", "includeAttributes",
    "sinceId", "assignee",
}  # fmt: skip
_STATUSES = [quote(facts.name, safe="") for facts in STATUSES.values()]
# What parameters may be whose values the contract does not list.
VALUES = {
    "filterFailureCode": ["other"], "codes": ["other"], "types": ["*", "fulfillment_request.*", "order.*"],
    "filterStatus": _STATUSES, "filterFulfilmentStatus": [quote(name) for name in FULFILLMENT_STATUS_NAMES.values()],
    "status": [quote(name) for name in ORDER_STATUS_NAMES.values()],
}  # fmt: skip
OTHER_VALUES = {
    ("list_webhook_deliveries", "filterStatus"): ["pending", "delivered", "failed"],
    **{(f"{verb}_{face}", "status"): ["NEW"]
       for verb in ("list", "count") for face in ("fulfillment_requests", "purchase_orders")},
}  # fmt: skip
LONG_AGO = "2001-01-01"

_REQUEST = "/fulfillment-requests/<own request>"
_OLDER = "/purchase-orders/<own request>"
_SHIPMENT = {"trackingNumber": "NEW", "shipmentItems": [{"sku": "<sku>", "quantity": 1}]}
_OWN_SHIPMENT = {"trackingNumber": "NEW", "shipmentItems": [{"sku": "<own sku>", "quantity": 1}]}
_FEE = [{"invoiceItemType": "fee", "cost": 1}]
_LINE = {"sku": "NEW", "quantity": 1, "price": 1}
_HOOK = {"configurationName": "new", "webhookUrl": "https://hooks.invalid/new", "subscribedEvents": ["*"]}


def _piece(**names: Any) -> dict[str, Any]:
    return {"trackingNumber": "NEW", "shipmentItems": [{"quantity": 1, **names}]}


def _new_request(line: bool) -> dict[str, tuple[str, Any]]:
    """The places of the two operations that generate a request by hand."""
    path = "/purchase-orders" if line else "/fulfillment-requests"
    base = {"orderId": "<own order>", "sourceId": "<own source>"}
    lines = {"orderItemId": "<own order_item>", "quantity": 1}
    return {
        "/orderId": (path, {**base, "orderId": "<order>"}),
        "/sourceId": (path, {**base, "sourceId": "<source>"}),
        "/items/*/orderItemId": (path, {**base, "items": [{**lines, "orderItemId": "<order_item>"}]}),
        "/items/*/sku": (path, {**base, "items": [{**lines, "sku": "<sku>"}]}),
        "/items/*/inventoryVariantId": (
            path, {**base, "items": [{**lines, "sku": "<own sku>", "inventoryVariantId": "<variant>"}]}
        ),
        "/sourceShippingMethodId": (path, {**base, "sourceShippingMethodId": "<method>"}),
        "/fulfillmentRequestNumber": (path, {**base, "fulfillmentRequestNumber": "<number>"}),
        "/purchaseOrderNumber": (path, {**base, "purchaseOrderNumber": "<number>"}),
    }  # fmt: skip


def _adjust(path: str) -> dict[str, tuple[str, Any]]:
    return {
        "id": (f"{path}/<request>/adjust", {}),
        "/items/*/id": (f"{path}/<own request>/adjust", {"items": [{"id": "<item>", "acknowledgedQuantity": 1}]}),
        "/items/*/sku": (f"{path}/<own request>/adjust", {"items": [{"sku": "<sku>", "acknowledgedQuantity": 1}]}),
    }  # fmt: skip


def _fail(path: str) -> dict[str, tuple[str, Any]]:
    return {
        "id": (f"{path}/<request>/processing-failed?error=x", None),
        "itemIds": (f"{path}/<own request>/processing-failed?error=x&itemIds=<item>", None),
    }  # fmt: skip


def _release(path: str) -> dict[str, tuple[str, Any]]:
    return {
        "id": (f"{path}/<request>/committed-stock", {}),
        "/onlyReleaseFulfillmentRequestItemIds/*": (
            f"{path}/<own request>/committed-stock", {"onlyReleaseFulfillmentRequestItemIds": ["<item>"]}),
        "/onlyReleaseFulfillmentRequestItemSkus/*": (
            f"{path}/<own request>/committed-stock", {"onlyReleaseFulfillmentRequestItemSkus": ["<sku>"]}),
    }  # fmt: skip


def _hook(path: str) -> dict[str, tuple[str, Any]]:
    return {
        "id": (f"{path}/<webhook>", {"status": "disabled"}),
        "/sourceId": (f"{path}/<own webhook>", {"sourceId": "<source>"}),
        "/channelId": (f"{path}/<own webhook>", {"channelId": "<channel>"}),
    }


def _new_hook(path: str) -> dict[str, tuple[str, Any]]:
    return {
        "/sourceId": (path, {**_HOOK, "sourceId": "<source>"}), "/channelId": (path, {**_HOOK, "channelId": "<channel>"})
    }  # fmt: skip


_INVENTORY, _PARENTS, _LISTINGS = "/inventory/variants", "/inventory/parents", "/listing/variants"
_VARIANTS = [{"sku": "NEW", "quantity": 1}]
_OF_OWN = {"sku": "NEW", "channelId": "<own channel>", "productSku": "<own sku>"}
_ROUTES = {"name": "new", "rules": [{"rule": "lowest_cost"}]}

# By operation: place -> (target, body). Where only the path carries an id, and there is no body, nothing is to be said.
CHANGES: dict[str, dict[str, tuple[str, Any]]] = {
    "create_fulfillment_request": _new_request(False),
    "create_purchase_order": _new_request(True),
    "bulk_fulfillment_requests": {
        "/items/*/id": ("/fulfillment-requests/bulk", {"action": "acknowledge", "items": [{"id": "<request>"}]}),
        "/items/*/changes/items/*/id": ("/fulfillment-requests/bulk", {"action": "edit", "items": [
            {"id": "<own failed_request>", "changes": {"items": [{"id": "<edit_item>", "quantity": 2}]}}]}),
        "/items/*/changes/items/*/sku": ("/fulfillment-requests/bulk", {"action": "edit", "items": [
            {"id": "<own failed_request>", "changes": {"items": [{"id": "<own edit_item>", "sku": "<sku>"}]}}]}),
        "/items/*/changes/sourceShippingMethodId": ("/fulfillment-requests/bulk", {"action": "edit", "items": [
            {"id": "<own failed_request>", "changes": {"sourceShippingMethodId": "<method>"}}]}),
        "/items/*/changes/fulfillmentRequestNumber": ("/fulfillment-requests/bulk", {"action": "edit", "items": [
            {"id": "<own failed_request>", "changes": {"fulfillmentRequestNumber": "<number>"}}]}),
    },
    "edit_fulfillment_request": {
        "id": ("/fulfillment-requests/<request>", {"assignee": "Mei"}),
        "/items/*/id": ("/fulfillment-requests/<own failed_request>", {"items": [{"id": "<edit_item>", "quantity": 2}]}),
        "/items/*/sku": ("/fulfillment-requests/<own failed_request>",
                         {"items": [{"id": "<own edit_item>", "sku": "<sku>"}]}),
        "/sourceShippingMethodId": ("/fulfillment-requests/<own failed_request>",
                                    {"sourceShippingMethodId": "<method>"}),
        "/fulfillmentRequestNumber": ("/fulfillment-requests/<own failed_request>",
                                      {"fulfillmentRequestNumber": "<number>"}),
    },
    "fail_fulfillment_request": _fail("/fulfillment-requests"),
    "fail_purchase_order": _fail("/purchase-orders"),
    "adjust_fulfillment_request": _adjust("/fulfillment-requests"),
    "adjust_purchase_order": _adjust("/purchase-orders"),
    "release_committed_stock": _release("/fulfillment-requests"),
    "release_purchase_order_stock": _release("/purchase-orders"),
    "sync_fulfillment_request_accounting": {
        "id": ("/fulfillment-requests/<request>/accounting-sync", {"accountingSynced": True}),
        "/items/*/id": (f"{_REQUEST}/accounting-sync", {"items": [{"id": "<item>", "externalAccountingItemId": "7"}]}),
    },
    "reroute_fulfillment_request": {
        "id": ("/fulfillment-requests/<request>/reroute?sourceId=<sibling source>", None),
        "sourceId": (f"{_REQUEST}/reroute?sourceId=<source>", None),
    },
    "settle_attention": {
        "/items/*/subject/id": ("/attention/settle", {"note": "x", "items": [
            {"subject": {"type": "fulfillment_request", "id": "<request>"}, "code": "late_delivery"}]}),
    },
    "replace_policies": {"/*/sourceId": ("/policies", [{"condition": "unsent", "afterMinutes": 9, "sourceId": "<source>"}])},
    "create_order": {
        "/channelId": ("/orders", {"orderNumber": "NEW", "channelId": "<channel>", "orderItems": [_LINE]}),
        "/orderNumber": ("/orders", {"orderNumber": "<order_number>", "channelId": "<own channel>", "orderItems": [_LINE]}),
        "/orderItems/*/productVariantId": ("/orders", {"orderNumber": "NEW", "channelId": "<own channel>",
                                                       "orderItems": [{**_LINE, "productVariantId": "<product>"}]}),
        "/orderItems/*/listingVariantId": ("/orders", {"orderNumber": "NEW", "channelId": "<own channel>",
                                                       "orderItems": [{**_LINE, "listingVariantId": "<listing>"}]}),
        "/orderItems/*/sku": ("/orders", {"orderNumber": "NEW", "channelId": "<own channel>",
                                          "orderItems": [{**_LINE, "sku": "<sku>"}]}),
    },
    "add_order_items": {
        "id": ("/orders/<order>/items", _LINE),
        "/productVariantId": ("/orders/<own order>/items", {"productVariantId": "<product>", "quantity": 1}),
        "/listingVariantId": ("/orders/<own order>/items", {"listingVariantId": "<listing>", "quantity": 1}),
        "/sku": ("/orders/<own order>/items", {"sku": "<sku>", "quantity": 1}),
    },
    "set_order_status": {"id": ("/orders/<order>/status?status=On%20Hold", None)},
    "set_order_payment": {"id": ("/orders/<order>/payment?status=Paid", None)},
    "change_order_tags": {"id": ("/orders/<order>/tags", {"add": ["new"]})},
    "sync_order_accounting": {"id": ("/orders/<order>/accounting-sync", {"accountingSynced": True})},
    "link_orders": {
        "/orderIds/*": ("/orders/link", {"orderIds": ["<order>"]}), "/skus/*": ("/orders/link", {"skus": ["<sku>"]}),
        "/channelId": ("/orders/link", {"channelId": "<channel>"}), "orderIds": ("/orders/link?orderIds=<order>", None),
        "skus": ("/orders/link?skus=<sku>", None), "channelId": ("/orders/link?channelId=<channel>", None),
    },
    "create_shipment": {
        "/fulfillmentRequestId": ("/shipments", {"fulfillmentRequestId": "<request>", "shipment": _SHIPMENT}),
        "/purchaseOrderId": ("/shipments", {"purchaseOrderId": "<request>", "shipment": _SHIPMENT}),
        "/purchaseOrderNumber": ("/shipments", {"purchaseOrderNumber": "<number>", "sourceId": "<own source>",
                                                "shipment": _SHIPMENT}),
        "/sourceId": ("/shipments", {"fulfillmentRequestId": "<own request>", "sourceId": "<source>",
                                     "shipment": _OWN_SHIPMENT}),
        **{f"/shipment/shipmentItems/*/{name}": (
            "/shipments", {"fulfillmentRequestId": "<own request>", "shipment": _piece(**{name: f"<{thing}>"})})
           for name, thing in (("sku", "sku"), ("orderItemId", "order_item"), ("fulfillmentRequestItemId", "item"),
                               ("purchaseOrderItemId", "item"), ("inventoryVariantId", "variant"),
                               ("sourceVariantId", "variant"))},
        "/shipment/trackingNumber": ("/shipments", {"fulfillmentRequestId": "<own shipped_request>", "shipment":
                                                    {**_OWN_SHIPMENT, "trackingNumber": "<tracking>"}}),
    },
    "update_shipment": {
        "/id": ("/shipments", {"id": "<shipment>", "note": "new"}),
        "/fulfillmentRequestId": ("/shipments", {"id": "<own shipment>", "fulfillmentRequestId": "<request>"}),
        "/purchaseOrderId": ("/shipments", {"id": "<own shipment>", "purchaseOrderId": "<request>"}),
        "/shipmentItems/*/id": ("/shipments", {"id": "<own shipment>", "shipmentItems":
                                               [{"id": "<shipment_item>", "quantity": 1}]}),
        "/customFields/*/id": ("/shipments", {"id": "<own shipment>", "customFields":
                                              [{"id": "<shipment_field>", "name": "lot", "value": "8"}]}),
        "/trackingNumber": ("/shipments", {"id": "<own shipment>", "trackingNumber": "<tracking>"}),
        **{f"/shipmentItems/*/{name}": ("/shipments", {"id": "<own shipment>", "shipmentItems":
                                                       [{name: f"<{thing}>", "quantity": 1}]})
           for name, thing in (("sku", "sku"), ("orderItemId", "shipped_order_item"),
                               ("fulfillmentRequestItemId", "shipped_item"), ("purchaseOrderItemId", "shipped_item"),
                               ("inventoryVariantId", "variant"), ("sourceVariantId", "variant"))},
    },
    "flag_shipments_with_errors": {"/*/id": ("/shipments/flag-with-errors", [{"id": "<shipment>", "syncError": "x"}])},
    "delete_shipment_items": {
        "id": ("/shipment/<shipment>/shipment-item", {"shipmentItemIds": ["<shipment_item>"]}),
        "/shipmentItemIds/*": ("/shipment/<own shipment>/shipment-item", {"shipmentItemIds": ["<shipment_item>"]}),
    },
    "delete_shipment_custom_fields": {
        "id": ("/shipment/<shipment>/custom-fields", {"customFieldIds": ["<shipment_field>"]}),
        "/customFieldIds/*": ("/shipment/<own shipment>/custom-fields", {"customFieldIds": ["<shipment_field>"]}),
    },
    "create_source_invoice": {
        "/fulfillmentRequestId": ("/source-invoices", {"fulfillmentRequestId": "<request>", "invoiceItems": _FEE}),
        "/purchaseOrderId": ("/source-invoices", {"purchaseOrderId": "<request>", "invoiceItems": _FEE}),
        "/invoiceItems/*/sku": ("/source-invoices", {"fulfillmentRequestId": "<own request>", "invoiceItems":
                                [{"invoiceItemType": "product", "sku": "<sku>", "quantity": 1, "perUnitCost": 1}]}),
        "/invoiceItems/*/inventoryVariantId": ("/source-invoices", {
            "fulfillmentRequestId": "<own request>", "invoiceItems":
            [{"invoiceItemType": "product", "sku": "<own sku>", "inventoryVariantId": "<variant>", "quantity": 1,
              "perUnitCost": 1}]}),
        "/invoiceNumber": ("/source-invoices", {"fulfillmentRequestId": "<own shipped_request>",
                                                "invoiceNumber": "<invoice_number>", "invoiceItems": _FEE}),
    },
    "update_source_invoice": {
        "id": ("/source-invoices/<invoice>", {"status": "paid", "accountingSynced": True}),
        "/items/*/invoiceItemId": ("/source-invoices/<own invoice>", {"items": [
            {"invoiceItemId": "<invoice_item>", "externalAccountingItemId": "7"}]}),
    },
    "update_account": {"/defaultOrderRoutingGroupId": ("/account", {"defaultOrderRoutingGroupId": "<group>"})},
    "create_source": {"-": ("/sources", {"name": "new"})},
    "update_source": {"id": ("/source/<source>", {"allowBackorders": True})},
    "set_source_settings": {"id": ("/source/<source>/settings", {"warehouse": "new"})},
    "set_source_delivery": {"id": ("/source/<source>/delivery", {"kind": "poll"})},
    "test_source_delivery": {
        "id": ("/source/<source>/delivery/test", {"send": False}),
        "/fulfillmentRequestId": ("/source/<own source>/delivery/test", {"fulfillmentRequestId": "<request>"}),
    },
    "set_purchase_order_strategy": {"id": ("/sources/<source>/purchase-order-strategy", {"autoProcess": False})},
    "create_channel": {"/routingGroupId": ("/channel", {"name": "new", "routingGroupId": "<group>"})},
    "update_channel": {
        "id": ("/channel/<channel>", {"allowBackorders": True}),
        "/routingGroupId": ("/channel/<own channel>", {"routingGroupId": "<group>"}),
    },
    "update_inventory_variants": {
        "/*/inventoryVariantId": (_INVENTORY, [{"inventoryVariantId": "<variant>", "quantity": 7}]),
        "/*/sku": (_INVENTORY, [{"sku": "<sku>", "sourceId": "<own source>", "quantity": 7}]),
        "/*/sourceId": (_INVENTORY, [{"sku": "<sku>", "sourceId": "<source>", "quantity": 7}]),
    },
    "create_inventory_parents": {
        "/*/sku": (_PARENTS, [{"sku": "<parent_sku>", "sourceId": "<own source>", "variants": _VARIANTS}]),
        "/*/sourceId": (_PARENTS, [{"sku": "NEW", "sourceId": "<source>", "variants": _VARIANTS}]),
        "/*/variants/*/sku": (_PARENTS, [{"sku": "NEW", "sourceId": "<own source>", "variants": [{"sku": "<sku>"}]}]),
        "/*/variants/*/inventoryVariantId": (_PARENTS, [{"sku": "<own parent_sku>", "sourceId": "<own source>", "variants":
                                             [{"sku": "<own sku>", "inventoryVariantId": "<variant>"}]}]),
        "/*/variants/*/sourceId": (_PARENTS, [{"sku": "NEW", "variants": [{"sku": "NEW", "sourceId": "<source>"}]}]),
        "/*/variants/*/masterSku": (_PARENTS, [{"sku": "NEW", "sourceId": "<own source>", "variants":
                                                [{"sku": "NEW", "masterSku": "<sku>"}]}]),
    },
    "update_listing_variants": {
        "/*/listingVariantId": (_LISTINGS, [{"listingVariantId": "<listing>", "price": 7}]),
        "/*/sku": (_LISTINGS, [{**_OF_OWN, "sku": "<listing_sku>"}]),
        "/*/channelId": (_LISTINGS, [{**_OF_OWN, "channelId": "<channel>"}]),
        "/*/productSku": (_LISTINGS, [{**_OF_OWN, "productSku": "<sku>"}]),
        "/*/productVariantId": (_LISTINGS, [{"sku": "NEW", "channelId": "<own channel>", "productVariantId": "<product>"}]),
        "/*/parentSku": (_LISTINGS, [{**_OF_OWN, "parentSku": "<listing_parent_sku>"}]),
    },
    "create_source_shipping_method": {"/sourceId": ("/shipping/source-shipping-methods",
                                                    {"sourceId": "<source>", "name": "new"})},
    "update_source_shipping_method": {
        "id": ("/shipping/source-shipping-methods/<method>", {"estimatedCost": 7}),
        "/sourceId": ("/shipping/source-shipping-methods/<own method>", {"sourceId": "<source>"}),
    },
    "create_channel_shipping_method": {
        "/channelId": ("/shipping/channel-shipping-methods", {"channelId": "<channel>", "name": "new"}),
        "/shippingPolicyId": ("/shipping/channel-shipping-methods",
                              {"channelId": "<own channel>", "name": "new", "shippingPolicyId": "<policy>"}),
    },
    "update_channel_shipping_method": {
        "id": ("/shipping/channel-shipping-methods/<text>", {"shippingPolicyId": None}),
        "/shippingPolicyId": ("/shipping/channel-shipping-methods/<own text>", {"shippingPolicyId": "<policy>"}),
    },
    "update_shipping_policy": {
        "id": ("/shipping/shipping-policy/<policy>", {"name": "new"}),
        "/methods/*/sourceId": ("/shipping/shipping-policy/<own policy>", {"methods": [
            {"sourceId": "<source>", "sourceShippingMethodId": "<method>"}]}),
        "/methods/*/sourceShippingMethodId": ("/shipping/shipping-policy/<own policy>", {"methods": [
            {"sourceShippingMethodId": "<method>"}]}),
    },
    "create_shipping_policy": {
        "/methods/*/sourceId": ("/shipping/shipping-policies", {"name": "new", "methods": [
            {"sourceId": "<source>", "sourceShippingMethodId": "<method>"}]}),
        "/methods/*/sourceShippingMethodId": ("/shipping/shipping-policies", {"name": "new", "methods": [
            {"sourceShippingMethodId": "<method>"}]}),
    },
    "create_routing_group": {"/sources/*/sourceId": ("/routing-groups", {**_ROUTES, "sources":
                                                     [{"sourceId": "<source>", "priority": 1}]})},
    "update_routing_group": {
        "id": ("/routing-groups/<group>", {"name": "new"}),
        "/sources/*/sourceId": ("/routing-groups/<own group>", {"sources": [{"sourceId": "<source>", "priority": 1}]}),
    },
    "create_webhook_configuration": _new_hook("/webhhok/configurations"),
    "create_webhook_configuration_right_spelling": _new_hook("/webhook/configurations"),
    "update_webhook_configuration": _hook("/webhhok/configurations"),
    "update_webhook_configuration_right_spelling": _hook("/webhook/configurations"),
    "rotate_webhook_secret": {"id": ("/webhook/configurations/<webhook>/rotate-secret", {"overlapSeconds": 60})},
    "replay_webhook_events": {
        "id": ("/webhook/configurations/<webhook>/replay", {"fromEventId": 1, "toEventId": 2}),
        "/eventId": ("/webhook/configurations/<own webhook>/replay", {"eventId": "<event>"}),
        "/fromEventId": ("/webhook/configurations/<own webhook>/replay", {"fromEventId": "<event>", "toEventId": 9}),
        "/toEventId": ("/webhook/configurations/<own webhook>/replay", {"fromEventId": 1, "toEventId": "<event>"}),
    },
    "retry_webhook_events": {"/eventIds/*": ("/webhook/event/retry", {"eventIds": ["<event>"]})},
}  # fmt: skip

# Members of bodies that look like ids or numbers and are no reference to anything in the hub.
NO_REFERENCE = {
    "externalAccountingId", "externalAccountingItemId", "externalListingId", "externalId", "vendorPayoutId", "rmaItemId",
    "confirmationNumber", "referenceNumber", "purchaseOrderNumberStrategyId", "overridePurchaseOrderNumberStrategyId",
    "exceedOverridePurchaseOrderNumberStrategyId", "allowDuplicateTrackingNumbers",
}  # fmt: skip
# Places that are left out, each with the reason.
LEFT_OUT = {
    ("create_shipment", "/shipment/shipmentItems/*/id"): "a new piece has no id; what is given is ignored",
}
HOLE = re.compile(r"<(?:(\w+) )?(\w+)>")
REFERENCE = re.compile(r"([iI]ds?|[nN]umbers?|[sS]kus?)(/\*)?$")


class Place(NamedTuple):
    """One line of the matrix but for the token: where the subject's id stands, and the call."""

    operation: str
    place: str
    method: str
    targets: tuple[str, ...]
    body: Any = None

    @property
    def things(self) -> set[str]:
        """What of the subject the call names."""
        return {hole[2] for hole in HOLE.finditer(f"{self.targets} {self.body}") if hole[1] is None}

    @property
    def is_list(self) -> bool:
        """Whether it is asked what a list shows."""
        return self.method == "GET" and self.place != "id"


def places_of(name: str) -> list[Place]:
    """Every place of an operation."""
    method, path, operation = CONTRACT.operations[name]
    if name in CHANGES:
        return [Place(name, place, method, (target,), body) for place, (target, body) in CHANGES[name].items()]
    thing = next((thing for thing in map(path_thing, operation.get("parameters", ())) if thing), None)
    thing = OTHER_THINGS.get((name, "id"), thing)
    if thing is not None:
        found = [Place(name, "id", method, (with_id(path, f"<{thing}>"),))]
    else:
        found = [Place(name, "-", method, (path,))]
    if method == "GET":
        found += _filters(name, with_id(path, f"<own {thing}>"), operation)
    return found


def with_id(path: str, id_: str) -> str:
    """The path of a call, from a path of the contract."""
    return re.sub(r"\{\w+\}", id_, path)


def path_thing(parameter: dict[str, Any]) -> str | None:
    """What a path parameter names; None: it is not in the path."""
    name = str(parameter.get("$ref", "")).rsplit("/", 1)[-1]
    is_in_path = CONTRACT.resolve(parameter)["in"] == "path"
    assert name in PATH_THINGS or not is_in_path, f"{name or parameter}: say in PATH_THINGS what it names"
    return PATH_THINGS.get(name)


def query_parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The declared parameters of the query."""
    found = [CONTRACT.resolve(one) for one in operation.get("parameters", ())]
    return [one for one in found if one["in"] == "query"]


def _filters(name: str, path: str, operation: dict[str, Any]) -> list[Place]:
    found = []
    for parameter in query_parameters(operation):
        filter_ = parameter["name"]
        thing = OTHER_THINGS.get((name, filter_), QUERY_THINGS.get(filter_))
        if thing is not None:
            found.append(Place(name, filter_, "GET", (f"{path}?{filter_}=<{thing}>",)))
        elif filter_ not in NEUTRAL:
            schema = CONTRACT.resolve(parameter["schema"])
            values = OTHER_VALUES.get((name, filter_)) or _declared(schema) or VALUES.get(filter_)
            assert values, f"{name} {filter_}: say in QUERY_THINGS what it names, or in VALUES what it may be"
            found.append(Place(name, f"{filter_}=*", "GET", tuple(f"{path}?{filter_}={value}" for value in values)))
    return found


def _declared(schema: dict[str, Any]) -> list[str]:
    """What a parameter may be that carries nothing of a subject, as far as the contract says."""
    schema = CONTRACT.resolve(schema.get("items", schema))
    if "enum" in schema:
        return [quote(str(value), safe="") for value in schema["enum"]]
    if "const" in schema:
        return [schema["const"]]
    if schema.get("type") == "boolean":
        return ["true", "false"]
    if schema.get("format") in ("date-time", "date"):
        return [LONG_AGO]
    return []


def references(name: str) -> set[str]:
    """The places that the contract declares for an operation: parameters and members that carry ids or numbers."""
    method, _, operation = CONTRACT.operations[name]
    found = {"id"} if any(path_thing(one) for one in operation.get("parameters", ())) else set()
    if method != "GET":
        found |= {one["name"] for one in query_parameters(operation) if REFERENCE.search(one["name"])}
    else:
        found |= {one["name"] for one in query_parameters(operation)} & {*QUERY_THINGS, "ids"}
    if "requestBody" in operation:
        for content in CONTRACT.resolve(operation["requestBody"])["content"].values():
            found |= {at for at in _members(content["schema"], "", ()) if _is_reference(at)}
    return {place for place in found if (name, place) not in LEFT_OUT}


def _is_reference(at: str) -> bool:
    return REFERENCE.search(at) is not None and not {*at.split("/")} & NO_REFERENCE


def _members(schema: dict[str, Any], at: str, above: tuple[int, ...]) -> set[str]:
    """JSON pointers of all scalar members; `*` stands for an element of an array."""
    schema = CONTRACT.resolve(schema)
    if id(schema) in above:
        return set()
    above = (*above, id(schema))
    inner = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    found = set().union(*(_members(one, at, above) for one in inner)) if inner else set()
    for name, member in schema.get("properties", {}).items():
        found |= _members(member, f"{at}/{name}", above)
    if "items" in schema:
        found |= _members(schema["items"], f"{at}/*", above)
    return found or {at}
