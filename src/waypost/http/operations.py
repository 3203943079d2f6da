"""The operations that this server implements: operationId, who may call, and the parameters it knows.

A test holds this list against `contract/openapi.yaml`.
"""

from waypost.domain.fulfillment import FULFILLMENT_STATUS_NAMES
from waypost.domain.order_lifecycle import SETTABLE
from waypost.domain.orders import OrderStatus, PaymentStatus
from waypost.domain.statuses import STATUSES, Status
from waypost.http.call import ACCOUNT, ACCOUNT_CHANNEL, ACCOUNT_SOURCE, EVERY_TOKEN, Operation
from waypost.http.paging import BY_FILTER_PAGE, BY_PAGE, ORDERS_BY_PAGE, WHOLE
from waypost.wire import attention, feed, inventory
from waypost.wire import query as q
from waypost.wire.orders import ORDER_STATUSES, PAYMENT_STATUSES

REASON = 2000  # characters
NUMBER = 200

_STATUSES = (
    {facts.name: status for status, facts in STATUSES.items()}
    | {status.value: status for status in Status}
    | {"Failed": Status.PROCESSING_ERROR, "NEW": Status.PROCESSING}
)
_SHIPPED = {name: status for status, name in FULFILLMENT_STATUS_NAMES.items()} | {
    status.value: status for status in FULFILLMENT_STATUS_NAMES
}

_ORDER_STATUSES = ORDER_STATUSES | {status.value: status for status in OrderStatus}

DRY_RUN = q.boolean("dryRun")
_DELIVERED = {status: status for status in ("pending", "delivered", "failed")}

_FILTERS = (
    q.id_("findOrderId"), q.integer("sinceId", 0), q.texts("frNumbers", NUMBER), q.texts("poNumbers", NUMBER),
    q.id_("filterSourceId"), q.named("filterFulfilmentStatus", _SHIPPED, many=True), q.boolean("filterInvoiced"),
    q.named("filterStatus", _STATUSES, many=True), q.only("status", {"NEW": Status.PROCESSING}),
    q.boolean("filterIsAcknowledged"), q.moment("filterAcknowledgedAfter"), q.boolean("filterIsSent"),
    q.moment("filterSentAfter"), q.moment("filterGeneratedAfter"), q.boolean("filterIsCanceled"),
    q.moment("filterCanceledAfter"), q.boolean("filterEligibleForProcessing"), q.moment("filterUpdatedAfter"),
    q.failure_codes("filterFailureCode", many=True), q.boolean("filterNeedsAttention"),
)  # fmt: skip

LIST = Operation("list_fulfillment_requests", EVERY_TOKEN, q.Params(*_FILTERS, *BY_FILTER_PAGE.params))
COUNT = Operation(
    "count_fulfillment_requests", EVERY_TOKEN, q.Params(*_FILTERS, q.texts("fulfillmentRequestNumbers", NUMBER))
)
GET = Operation("get_fulfillment_request", EVERY_TOKEN, q.Params())
CREATE = Operation("create_fulfillment_request", ACCOUNT, q.Params(DRY_RUN))
PULL = Operation(
    "pull_processing_fulfillment_requests", ACCOUNT_SOURCE,
    q.Params(q.id_("filterSourceId"), q.boolean("peek"), DRY_RUN),
)  # fmt: skip
PROCESSED = Operation("mark_fulfillment_request_processed", EVERY_TOKEN, q.Params(DRY_RUN))
FAIL = Operation(
    "fail_fulfillment_request", EVERY_TOKEN,
    q.Params(q.text("error", REASON, required=True), q.failure_codes("code", many=False), q.boolean("retryable"),
             q.ids("itemIds"), DRY_RUN),
)  # fmt: skip
ACKNOWLEDGE = Operation("acknowledge_fulfillment_request", EVERY_TOKEN, q.Params(DRY_RUN))
ACKNOWLEDGE_POST = Operation("acknowledge_fulfillment_request_post", EVERY_TOKEN, q.Params(DRY_RUN))
CANCEL = Operation(
    "cancel_fulfillment_request", ACCOUNT_SOURCE,
    q.Params(q.text("reason", REASON), q.choice("killOrFillType", ("fill", "kill")), DRY_RUN),
)  # fmt: skip
ADJUST = Operation("adjust_fulfillment_request", ACCOUNT_SOURCE, q.Params(DRY_RUN))
SYNC_ACCOUNTING = Operation("sync_fulfillment_request_accounting", ACCOUNT, q.Params(DRY_RUN))
PROCESS = Operation("process_fulfillment_request", ACCOUNT, q.Params(q.choice("confirm", ("resend",)), DRY_RUN))
VOID = Operation("void_fulfillment_request", ACCOUNT, q.Params(q.text("reason", REASON), DRY_RUN))
EDIT = Operation("edit_fulfillment_request", ACCOUNT, q.Params(q.text("reason", REASON), DRY_RUN))
ATTENTION = Operation(
    "list_attention", ACCOUNT,
    q.Params(q.id_("sourceId"), attention.REASONS, q.text("assignee", NUMBER), q.boolean("unassigned"),
             q.boolean("snoozed"), q.integer("limit", 0, attention.SHOWN_AT_MOST, capped=True), attention.AFTER),
)  # fmt: skip
SETTLE_ATTENTION = Operation("settle_attention", ACCOUNT, q.Params(DRY_RUN))
GET_POLICIES = Operation("list_policies", ACCOUNT, q.Params())
PUT_POLICIES = Operation("replace_policies", ACCOUNT, q.Params(DRY_RUN))
TIMELINE = Operation("list_fulfillment_request_events", EVERY_TOKEN, q.Params())
BULK = Operation("bulk_fulfillment_requests", ACCOUNT, q.Params(DRY_RUN))
FAILURE_CODES = Operation("list_failure_codes", EVERY_TOKEN, q.Params())
CREATE_ORDER = Operation("create_order", ACCOUNT_CHANNEL, q.Params(DRY_RUN))
_SETTABLE = {name: status for name, status in _ORDER_STATUSES.items() if status in SETTABLE}
_PAYMENTS = PAYMENT_STATUSES | {status.value: status for status in PaymentStatus}
_UPDATE_NOTE = q.text("updateNote", REASON)
SET_ORDER_STATUS = Operation(
    "set_order_status", ACCOUNT,
    q.Params(q.named("status", _SETTABLE)._replace(required=True), _UPDATE_NOTE, DRY_RUN),
)  # fmt: skip
SET_ORDER_PAYMENT = Operation(
    "set_order_payment", ACCOUNT,
    q.Params(q.named("status", _PAYMENTS)._replace(required=True), _UPDATE_NOTE, DRY_RUN),
)  # fmt: skip
ADD_ORDER_ITEMS = Operation("add_order_items", ACCOUNT_CHANNEL, q.Params(DRY_RUN))
CHANGE_ORDER_TAGS = Operation("change_order_tags", ACCOUNT, q.Params(DRY_RUN))
SYNC_ORDER_ACCOUNTING = Operation("sync_order_accounting", ACCOUNT, q.Params(DRY_RUN))
LINK_ORDERS = Operation(
    "link_orders", ACCOUNT, q.Params(q.ids("orderIds"), q.texts("skus", NUMBER), q.id_("channelId"), DRY_RUN)
)
ORDER_TIMELINE = Operation("list_order_events", ACCOUNT_CHANNEL, q.Params())
GET_ORDER = Operation("get_order", ACCOUNT_CHANNEL, q.Params())
LIST_ORDERS = Operation(
    "list_orders", ACCOUNT_CHANNEL,
    q.Params(q.moment("orderedAfter"), q.named("status", _ORDER_STATUSES, many=True), q.texts("includeTags", NUMBER),
             q.moment("orderUpdatedAt"), q.moment("fulfillmentRequestsUpdatedAt"), q.moment("shipmentsUpdatedAt"),
             q.texts("orderNumbers", NUMBER), q.texts("referenceNumbers", NUMBER), q.id_("channelId"),
             *ORDERS_BY_PAGE.params),
)  # fmt: skip
PREVIEW_GENERATION = Operation("preview_order_generation", ACCOUNT, q.Params())
GENERATE_FOR_ORDER = Operation("generate_for_order", ACCOUNT, q.Params(q.boolean("partial"), DRY_RUN))
REROUTE = Operation(
    "reroute_fulfillment_request", ACCOUNT, q.Params(q.id_("sourceId"), q.text("reason", REASON), DRY_RUN)
)
ROUTING = Operation("get_routing_decision", ACCOUNT, q.Params())
ORDERS = (
    LIST_ORDERS, ORDER_TIMELINE, SET_ORDER_STATUS, SET_ORDER_PAYMENT, ADD_ORDER_ITEMS, CHANGE_ORDER_TAGS,
    SYNC_ORDER_ACCOUNTING, LINK_ORDERS,
)  # fmt: skip
GET_ACCOUNT = Operation("get_account", ACCOUNT, q.Params())

LIST_SHIPMENTS = Operation(
    "list_shipments", EVERY_TOKEN,
    q.Params(q.id_("findByOrderId"), q.id_("findByPurchaseOrderId"), q.id_("findByFulfillmentRequestId"),
             q.moment("filterCreatedAfter"), q.moment("filterUpdatedAfter"),
             *BY_FILTER_PAGE.params),
)  # fmt: skip
GET_SHIPMENT = Operation("get_shipment", EVERY_TOKEN, q.Params())
CREATE_SHIPMENT = Operation("create_shipment", ACCOUNT_SOURCE, q.Params(DRY_RUN))
UPDATE_SHIPMENT = Operation("update_shipment", ACCOUNT_SOURCE, q.Params(DRY_RUN))
FLAG_SHIPMENTS = Operation("flag_shipments_with_errors", ACCOUNT_SOURCE, q.Params(DRY_RUN))
DELETE_SHIPMENT_ITEMS = Operation("delete_shipment_items", ACCOUNT_SOURCE, q.Params(DRY_RUN))
DELETE_SHIPMENT_FIELDS = Operation("delete_shipment_custom_fields", ACCOUNT_SOURCE, q.Params(DRY_RUN))
RECONCILE_STOCK = Operation("reconcile_committed_stock", ACCOUNT, q.Params(DRY_RUN))
RELEASE_STOCK = Operation("release_committed_stock", ACCOUNT, q.Params(DRY_RUN))

LIST_INVOICES = Operation(
    "list_source_invoices", ACCOUNT_SOURCE,
    q.Params(q.id_("filterPurchaseOrderId"), q.moment("filterCreatedAfter"), q.id_("filterSourceId"),
             q.boolean("isAccountingSynced"), q.boolean("isForSyncedAccountingPurchaseOrder"),
             q.boolean("hasAccountingSyncError"), q.ids("ids"), *BY_FILTER_PAGE.params),
)  # fmt: skip
GET_INVOICE = Operation("get_source_invoice", ACCOUNT_SOURCE, q.Params())
CREATE_INVOICE = Operation("create_source_invoice", ACCOUNT_SOURCE, q.Params(DRY_RUN))
UPDATE_INVOICE = Operation("update_source_invoice", ACCOUNT_SOURCE, q.Params(DRY_RUN))

# The older names of the same (contract section 2.4).
LIST_PURCHASE_ORDERS = LIST._replace(id="list_purchase_orders")
COUNT_PURCHASE_ORDERS = COUNT._replace(id="count_purchase_orders")
CREATE_PURCHASE_ORDER = CREATE._replace(id="create_purchase_order")
PURCHASE_ORDER_PROCESSED = PROCESSED._replace(id="mark_purchase_order_processed")
FAIL_PURCHASE_ORDER = FAIL._replace(id="fail_purchase_order")
ADJUST_PURCHASE_ORDER = ADJUST._replace(id="adjust_purchase_order")
RECONCILE_PURCHASE_ORDER_STOCK = RECONCILE_STOCK._replace(id="reconcile_purchase_order_stock")
RELEASE_PURCHASE_ORDER_STOCK = RELEASE_STOCK._replace(id="release_purchase_order_stock")

FEED = Operation(
    "list_events", EVERY_TOKEN,
    q.Params(feed.AFTER, feed.TYPES, q.integer("limit", 1, feed.PAGE_AT_MOST, capped=True), q.integer("wait", 0, 30)),
)  # fmt: skip

LIST_WEBHOOKS = Operation("list_webhook_configurations", ACCOUNT, q.Params())
CREATE_WEBHOOK = Operation("create_webhook_configuration", ACCOUNT, q.Params(DRY_RUN), shows_secret=True)
GET_WEBHOOK = Operation("get_webhook_configuration", ACCOUNT, q.Params())
UPDATE_WEBHOOK = Operation("update_webhook_configuration", ACCOUNT, q.Params(DRY_RUN))
LIST_WEBHOOKS_RIGHT = Operation("list_webhook_configurations_right_spelling", ACCOUNT, q.Params())
CREATE_WEBHOOK_RIGHT = CREATE_WEBHOOK._replace(id="create_webhook_configuration_right_spelling")
GET_WEBHOOK_RIGHT = Operation("get_webhook_configuration_right_spelling", ACCOUNT, q.Params())
UPDATE_WEBHOOK_RIGHT = Operation("update_webhook_configuration_right_spelling", ACCOUNT, q.Params(DRY_RUN))
ROTATE_SECRET = Operation("rotate_webhook_secret", ACCOUNT, q.Params(DRY_RUN), shows_secret=True)
TEST_WEBHOOK = Operation("send_test_webhook", ACCOUNT, q.Params(DRY_RUN))
REPLAY_WEBHOOK = Operation("replay_webhook_events", ACCOUNT, q.Params(DRY_RUN))
RETRY_EVENTS = Operation("retry_webhook_events", ACCOUNT, q.Params(DRY_RUN))
LIST_DELIVERIES = Operation(
    "list_webhook_deliveries", ACCOUNT,
    q.Params(q.integer("sinceId", 0), q.named("filterStatus", _DELIVERED, many=True), *BY_FILTER_PAGE.params),
)  # fmt: skip
_GOODS_PAGE = (q.texts("skus", NUMBER), q.ids("ids"), q.moment("updatedAfter"), *BY_PAGE.params)
LIST_INVENTORY_VARIANTS = Operation(
    "list_inventory_variants", ACCOUNT_SOURCE, q.Params(q.texts("upcs", NUMBER), q.id_("sourceId"), *_GOODS_PAGE)
)
UPDATE_INVENTORY_VARIANTS = Operation(
    "update_inventory_variants", ACCOUNT_SOURCE,
    q.Params(*(q.named(name, inventory.MODES) for name in inventory.MODIFY.values()),
             q.named("modifyCustomFields", inventory.FIELD_MODES), DRY_RUN),
)  # fmt: skip
EXPLAIN_STOCK = Operation("explain_inventory_stock", ACCOUNT_SOURCE, q.Params())
LIST_INVENTORY_PARENTS = Operation("list_inventory_parents", ACCOUNT_SOURCE, q.Params(q.id_("sourceId"), *_GOODS_PAGE))
CREATE_INVENTORY_PARENTS = Operation(
    "create_inventory_parents", ACCOUNT_SOURCE,
    q.Params(q.named("modifyParentCustomFields", inventory.FIELD_MODES),
             q.named("modifyVariantCustomFields", inventory.FIELD_MODES), DRY_RUN),
)  # fmt: skip
LIST_PRODUCT_VARIANTS = Operation("list_product_variants", ACCOUNT, q.Params(q.texts("upcs", NUMBER), *_GOODS_PAGE))
LIST_LISTING_PARENTS = Operation(
    "list_listing_parents", ACCOUNT_CHANNEL, q.Params(q.id_("channelId"), q.boolean("includeAttributes"), *_GOODS_PAGE)
)
LIST_LISTING_VARIANTS = Operation("list_listing_variants", ACCOUNT_CHANNEL, q.Params(q.id_("channelId"), *_GOODS_PAGE))
UPDATE_LISTING_VARIANTS = Operation(
    "update_listing_variants", ACCOUNT_CHANNEL,
    q.Params(q.named("modifyCustomFields", inventory.FIELD_MODES), DRY_RUN),
)  # fmt: skip

UPDATE_ACCOUNT = Operation("update_account", ACCOUNT, q.Params(DRY_RUN))
LIST_SOURCES = Operation("list_sources", ACCOUNT, q.Params(*WHOLE.params))
CREATE_SOURCE = Operation("create_source", ACCOUNT, q.Params(DRY_RUN))
GET_SOURCE = Operation("get_source", ACCOUNT_SOURCE, q.Params())
UPDATE_SOURCE = Operation("update_source", ACCOUNT, q.Params(DRY_RUN))
SET_SOURCE_SETTINGS = Operation("set_source_settings", ACCOUNT, q.Params(DRY_RUN))
GET_STRATEGY = Operation("get_purchase_order_strategy", ACCOUNT, q.Params())
SET_STRATEGY = Operation("set_purchase_order_strategy", ACCOUNT, q.Params(DRY_RUN))
LIST_CHANNELS = Operation("list_channels", ACCOUNT, q.Params(*WHOLE.params))
CREATE_CHANNEL = Operation("create_channel", ACCOUNT, q.Params(DRY_RUN))
GET_CHANNEL = Operation("get_channel", ACCOUNT_CHANNEL, q.Params())
UPDATE_CHANNEL = Operation("update_channel", ACCOUNT, q.Params(DRY_RUN))
LIST_SOURCE_METHODS = Operation(
    "list_source_shipping_methods", ACCOUNT_SOURCE, q.Params(q.id_("sourceId"), *WHOLE.params)
)
CREATE_SOURCE_METHOD = Operation("create_source_shipping_method", ACCOUNT_SOURCE, q.Params(DRY_RUN))
UPDATE_SOURCE_METHOD = Operation("update_source_shipping_method", ACCOUNT_SOURCE, q.Params(DRY_RUN))
LIST_CHANNEL_METHODS = Operation(
    "list_channel_shipping_methods", ACCOUNT, q.Params(q.id_("channelId"), q.boolean("mapped"), *WHOLE.params)
)
CREATE_CHANNEL_METHOD = Operation("create_channel_shipping_method", ACCOUNT, q.Params(DRY_RUN))
UPDATE_CHANNEL_METHOD = Operation("update_channel_shipping_method", ACCOUNT, q.Params(DRY_RUN))
LIST_POLICIES = Operation("list_shipping_policies", ACCOUNT, q.Params(*WHOLE.params))
CREATE_POLICY = Operation("create_shipping_policy", ACCOUNT, q.Params(DRY_RUN))
UPDATE_POLICY = Operation("update_shipping_policy", ACCOUNT, q.Params(DRY_RUN))
LIST_GROUPS = Operation("list_routing_groups", ACCOUNT, q.Params(*WHOLE.params))
CREATE_GROUP = Operation("create_routing_group", ACCOUNT, q.Params(DRY_RUN))
GET_GROUP = Operation("get_routing_group", ACCOUNT, q.Params())
UPDATE_GROUP = Operation("update_routing_group", ACCOUNT, q.Params(DRY_RUN))
CATALOG = (
    UPDATE_ACCOUNT, LIST_SOURCES, CREATE_SOURCE, GET_SOURCE, UPDATE_SOURCE, SET_SOURCE_SETTINGS, GET_STRATEGY,
    SET_STRATEGY, LIST_CHANNELS, CREATE_CHANNEL, GET_CHANNEL, UPDATE_CHANNEL,
    LIST_SOURCE_METHODS, CREATE_SOURCE_METHOD, UPDATE_SOURCE_METHOD, LIST_CHANNEL_METHODS, CREATE_CHANNEL_METHOD,
    UPDATE_CHANNEL_METHOD, LIST_POLICIES, CREATE_POLICY, UPDATE_POLICY, LIST_GROUPS, CREATE_GROUP, GET_GROUP,
    UPDATE_GROUP,
)  # fmt: skip
GET_DELIVERY = Operation("get_source_delivery", ACCOUNT, q.Params())
SET_DELIVERY = Operation("set_source_delivery", ACCOUNT, q.Params(DRY_RUN))
TRY_DELIVERY = Operation("test_source_delivery", ACCOUNT, q.Params())
LIST_ATTEMPTS = Operation("list_handover_attempts", ACCOUNT, q.Params())

ALL = (
    LIST, COUNT, GET, CREATE, PULL, PROCESSED, FAIL, ACKNOWLEDGE, ACKNOWLEDGE_POST, CANCEL, ADJUST, SYNC_ACCOUNTING,
    PROCESS, VOID, EDIT, ATTENTION, SETTLE_ATTENTION, GET_POLICIES, PUT_POLICIES,
    TIMELINE, BULK, FAILURE_CODES, CREATE_ORDER, GET_ORDER, GET_ACCOUNT,
    *ORDERS, LIST_SHIPMENTS, GET_SHIPMENT, CREATE_SHIPMENT, UPDATE_SHIPMENT, FLAG_SHIPMENTS,
    DELETE_SHIPMENT_ITEMS, DELETE_SHIPMENT_FIELDS, RECONCILE_STOCK, RELEASE_STOCK, FEED,
    LIST_INVOICES, GET_INVOICE, CREATE_INVOICE, UPDATE_INVOICE,
    LIST_PURCHASE_ORDERS, COUNT_PURCHASE_ORDERS, CREATE_PURCHASE_ORDER, PURCHASE_ORDER_PROCESSED, FAIL_PURCHASE_ORDER,
    ADJUST_PURCHASE_ORDER, RECONCILE_PURCHASE_ORDER_STOCK, RELEASE_PURCHASE_ORDER_STOCK,
    LIST_INVENTORY_VARIANTS, UPDATE_INVENTORY_VARIANTS, EXPLAIN_STOCK, LIST_INVENTORY_PARENTS,
    CREATE_INVENTORY_PARENTS, LIST_PRODUCT_VARIANTS, LIST_LISTING_PARENTS, LIST_LISTING_VARIANTS,
    UPDATE_LISTING_VARIANTS, PREVIEW_GENERATION, GENERATE_FOR_ORDER, REROUTE, ROUTING,
    *CATALOG,
    GET_DELIVERY, SET_DELIVERY, TRY_DELIVERY, LIST_ATTEMPTS,
    LIST_WEBHOOKS, CREATE_WEBHOOK, GET_WEBHOOK, UPDATE_WEBHOOK, LIST_WEBHOOKS_RIGHT, CREATE_WEBHOOK_RIGHT,
    GET_WEBHOOK_RIGHT, UPDATE_WEBHOOK_RIGHT, ROTATE_SECRET, TEST_WEBHOOK, REPLAY_WEBHOOK, RETRY_EVENTS, LIST_DELIVERIES,
)  # fmt: skip
