"""The shapes of the contract, as typed dictionaries with the wire's own names.

Made by `make generate` from the contract. Do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Account",
    "AccountInput",
    "AccountingSyncInput",
    "AccountingSyncInputItemsItem",
    "Action",
    "Actor",
    "AddOrderItemInput",
    "Address",
    "AddressInput",
    "AdjustInput",
    "AdjustInputItemsItem",
    "Attention",
    "AttentionGroup",
    "AttentionItem",
    "AttentionRequest",
    "AttentionSubject",
    "BulkInput",
    "BulkInputItemsItem",
    "BulkResult",
    "BulkResultResultsItem",
    "Channel",
    "ChannelInput",
    "ChannelShippingMethod",
    "ChannelShippingMethodInput",
    "CountFulfillmentRequestsReply",
    "CountPurchaseOrdersReply",
    "CreateChannelShippingMethodInput",
    "CreateFulfillmentRequestInput",
    "CreateFulfillmentRequestInputItemsItem",
    "CreateOrderInput",
    "CreateOrderInputOrderItemsItem",
    "CreateShipmentInput",
    "CreateSourceInvoiceInput",
    "CreateWebhookInput",
    "CustomField",
    "CustomFieldInput",
    "DateTime",
    "DecisionRule",
    "DeleteShipmentCustomFieldsBody",
    "DeleteShipmentItemsBody",
    "DeliveryPolicy",
    "DeliveryTrial",
    "DeliveryTrialResult2",
    "DryRunResult",
    "EditFulfillmentRequestInput",
    "EditFulfillmentRequestInputItemsItem",
    "ErrorCode",
    "Event",
    "EventType",
    "Failure",
    "FailureCode",
    "FailureCodeInfo",
    "FeedEvent",
    "FeedEventSubject",
    "FeedEventType",
    "FeedPage",
    "FlagShipmentsWithErrorsBodyItem",
    "FulfillmentRequest",
    "FulfillmentRequestItem",
    "FulfillmentRequestStatus",
    "FulfillmentStatus",
    "GenerationPreview",
    "GetHealthReply",
    "GetReadinessReply",
    "Handle",
    "HandoverAttempt",
    "HandoverOutcome",
    "HoldReason",
    "Id",
    "InventoryParent",
    "InventoryParentInput",
    "InventoryVariant",
    "InventoryVariantInput",
    "LinkOrdersInput",
    "ListingAttribute",
    "ListingParent",
    "ListingVariant",
    "ListingVariantInput",
    "ListingVariantInputAttributesItem",
    "Money",
    "NumberStrategyId",
    "Order",
    "OrderAccountingSyncInput",
    "OrderEvent",
    "OrderEventType",
    "OrderFulfillmentRequestsItem",
    "OrderItem",
    "OrderNotStoppedItem",
    "OrderStatus",
    "PlannedFulfillmentRequest",
    "PlannedFulfillmentRequestFulfillmentRequestItemsItem",
    "Policy",
    "PolicyInput",
    "Problem",
    "ProblemDiffersItem",
    "ProblemErrorsItem",
    "ProductVariant",
    "Progress",
    "PurchaseOrder",
    "PurchaseOrderStrategy",
    "PurchaseOrderStrategyInput",
    "QueuedMessages",
    "ReleaseStockInput",
    "ReplayInput",
    "RetryEventsInput",
    "RotateSecretInput",
    "RoutingCandidate",
    "RoutingDecision",
    "RoutingGroup",
    "RoutingGroupInput",
    "RoutingGroupInputRulesItem",
    "RoutingGroupInputSourcesItem",
    "RoutingGroupRulesItem",
    "RoutingGroupSourcesItem",
    "RoutingPlan",
    "RoutingRound",
    "RoutingRoundBidsItem",
    "RoutingRoundStepsItem",
    "RoutingRoundStepsItemLostItem",
    "RoutingRuleName",
    "SentRequest",
    "SettleAttentionInput",
    "SettleAttentionInputItemsItem",
    "SettleAttentionInputItemsItemSubject",
    "SettleAttentionResult",
    "SettleAttentionResultResultsItem",
    "Shipment",
    "ShipmentInput",
    "ShipmentItem",
    "ShipmentItemInput",
    "ShippingPolicy",
    "ShippingPolicyInput",
    "ShippingPolicyInputMethodsItem",
    "ShippingPolicyMethodsItem",
    "Source",
    "SourceAnswer",
    "SourceDelivery",
    "SourceDeliveryInput",
    "SourceInput",
    "SourceInvoice",
    "SourceInvoiceInvoiceStatus",
    "SourceInvoiceItem",
    "SourceInvoiceItemInput",
    "SourceInvoiceItemInvoiceItemType",
    "SourceSettings",
    "SourceShippingMethod",
    "SourceShippingMethodInput",
    "Status",
    "StockExplanation",
    "StockLine",
    "TagsInput",
    "TestSourceDeliveryBody",
    "UnitInput",
    "UnplacedItem",
    "UnplacedItemSourcesItem",
    "UpdateShipmentInput",
    "UpdateShipmentInputCustomFieldsItem",
    "UpdateSourceInvoiceInput",
    "UpdateSourceInvoiceInputItemsItem",
    "UpdateWebhookInput",
    "WebhookConfiguration",
    "WebhookConfigurationWithSecret",
    "WebhookDelivery",
    "WebhookDeliveryLogItem",
]

Action = Literal['process', 'processed', 'fail', 'acknowledge', 'adjust', 'cancel', 'void', 'ship']


DateTime = str


DryRunResult = TypedDict("DryRunResult", {"dryRun": "Literal[True]", "from": "str | None", "to": "str | None", "change": "Literal['move', 'none']", "wouldReplyStatus": "int"})
"""`DryRunResult` of the contract."""


ErrorCode = Literal['invalid_input', 'not_allowed_from_status', 'still_blocked', 'needs_confirmation', 'handover_in_progress', 'already_shipped', 'unauthorized', 'wrong_token_type', 'not_found', 'method_not_allowed', 'request_timeout', 'already_exists', 'idempotency_key_in_progress', 'precondition_failed', 'content_too_large', 'url_too_long', 'unsupported_media_type', 'idempotency_key_reused', 'too_many_requests', 'headers_too_large', 'internal', 'not_implemented', 'unavailable', 'secret_key_missing']


EventType = Literal['fulfillment_request.generated', 'fulfillment_request.processing', 'fulfillment_request.processed', 'fulfillment_request.failed', 'fulfillment_request.acknowledged', 'fulfillment_request.adjusted', 'fulfillment_request.canceled', 'fulfillment_request.voided', 'fulfillment_request.shipped', 'fulfillment_request.accounting_synced', 'fulfillment_request.invoiced', 'fulfillment_request.edited', 'fulfillment_request.attended', 'fulfillment_request.shipment_corrected', 'fulfillment_request.stock_reconciled', 'fulfillment_request.stock_released', 'fulfillment_request.handover_started', 'fulfillment_request.handover_deferred', 'fulfillment_request.handover_settled', 'fulfillment_request.handover_late']


FailureCode = str


FeedEventType = str


HandoverOutcome = Literal['delivered', 'acknowledged', 'rejected', 'deferred', 'unknown', 'withdrawn']


Id = int


Money = float


NumberStrategyId = Literal[1, 2, 3]


OrderEventType = Literal['order.created', 'order.updated', 'order.opened', 'order.held', 'order.failed', 'order.closed', 'order.canceled', 'order.drafted']


OrderStatus = Literal['Open', 'Closed', 'On Hold', 'Failed', 'No Shipping Method', 'Canceled', 'Not Managed', 'Draft']


Progress = Literal['Not Started', 'Partially Completed', 'Completed']


RoutingRuleName = Literal['single_request', 'lowest_cost', 'source_priority', 'shipping_mapped']


SourceSettings = dict[str, Any]


Status = Literal['Unprocessed', 'Processing', 'Processed', 'Acknowledged', 'Processing Error', 'Canceled', 'Voided', 'Additional Info Required', 'PO/FR # Exceeds Max Length', 'Duplicate PO/FR #', 'Cross Docked']


Event = TypedDict("Event", {"seq": "int", "at": "DateTime", "type": "EventType", "from": "Status | None", "to": "Status | None", "actor": "Actor", "code": "str | None", "reason": "str | None", "requestId": "str | None", "data": "dict[str, Any] | None"})
"""`Event` of the contract."""


FeedEvent = TypedDict("FeedEvent", {"seq": "int", "at": "DateTime", "type": "FeedEventType", "subject": "FeedEventSubject", "from": "str | None", "to": "str | None", "actor": "Actor", "code": "str | None", "reason": "str | None", "requestId": "str | None", "data": "dict[str, Any] | None"})
"""`FeedEvent` of the contract."""


OrderEvent = TypedDict("OrderEvent", {"seq": "int", "at": "DateTime", "type": "OrderEventType", "from": "OrderStatus | None", "to": "OrderStatus | None", "actor": "Actor", "code": "str | None", "reason": "str | None", "requestId": "str | None", "data": "dict[str, Any] | None"})
"""`OrderEvent` of the contract."""


class Account(TypedDict):
    """`Account` of the contract."""

    id: Id
    companyName: str
    brandName: str | None
    subdomain: str | None
    defaultOrderRoutingGroupId: int | None
    orderRoutingWorkflowEventId: int | None
    productPriceWorkflowEventId: int | None
    purchaseOrderNumberStrategyId: NumberStrategyId
    version: int


class AccountInput(TypedDict):
    """`AccountInput` of the contract."""

    companyName: NotRequired[str | None]
    brandName: NotRequired[str | None]
    subdomain: NotRequired[str | None]
    defaultOrderRoutingGroupId: NotRequired[int | None]
    purchaseOrderNumberStrategyId: NotRequired[NumberStrategyId | None]


class AccountingSyncInput(TypedDict):
    """`AccountingSyncInput` of the contract."""

    accountingSynced: NotRequired[bool | None]
    externalAccountingId: NotRequired[str | None]
    accountingError: NotRequired[str | None]
    items: NotRequired[list[AccountingSyncInputItemsItem] | None]


class AccountingSyncInputItemsItem(TypedDict):
    """`AccountingSyncInputItemsItem` of the contract."""

    id: int
    externalAccountingItemId: NotRequired[str | None]


class Actor(TypedDict):
    """Who did it. Source and channel tokens see the type only."""

    type: Literal['account', 'source', 'channel', 'user', 'worker', 'system']
    id: int | None
    name: str | None


class AddOrderItemInput(TypedDict):
    """`AddOrderItemInput` of the contract."""

    quantity: int
    productVariantId: NotRequired[int | None]
    listingVariantId: NotRequired[int | None]
    sku: NotRequired[str | None]
    externalListingId: NotRequired[str | None]
    title: NotRequired[str | None]
    price: NotRequired[float | None]
    shippingAddress: NotRequired[AddressInput | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class Address(TypedDict):
    """`Address` of the contract."""

    id: int | None
    name: str | None
    firstName: str | None
    lastName: str | None
    companyName: str | None
    addressLine1: str | None
    addressLine2: str | None
    city: str | None
    state: str | None
    stateCode: str | None
    postal: str | None
    country: str | None
    countryCode: str | None
    email: str | None
    phone: str | None
    redacted: bool
    hash: str


class AddressInput(TypedDict):
    """`name` is split if first and last name are omitted. State and code (US), country and code (ISO 3166) complete each other."""

    name: NotRequired[str | None]
    firstName: NotRequired[str | None]
    lastName: NotRequired[str | None]
    companyName: NotRequired[str | None]
    addressLine1: NotRequired[str | None]
    addressLine2: NotRequired[str | None]
    city: NotRequired[str | None]
    state: NotRequired[str | None]
    stateCode: NotRequired[str | None]
    postal: NotRequired[str | None]
    country: NotRequired[str | None]
    countryCode: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]


class AdjustInput(TypedDict):
    """Quantities are added to earlier ones. Without items and cancellation, everything open is acknowledged."""

    items: NotRequired[list[AdjustInputItemsItem] | None]
    cancelUnacknowledgedItemQuantity: NotRequired[bool | None]


class AdjustInputItemsItem(TypedDict):
    """`AdjustInputItemsItem` of the contract."""

    id: NotRequired[int | None]
    sku: NotRequired[str | None]
    acknowledgedQuantity: NotRequired[int | None]
    secondaryAcknowledgedQuantity: NotRequired[int | None]
    cancelledQuantity: NotRequired[int | None]
    killOrFillType: NotRequired[Literal['fill', 'kill', None]]


class Attention(TypedDict):
    """`Attention` of the contract."""

    total: int
    moreGroups: bool
    groups: list[AttentionGroup]


class AttentionGroup(TypedDict):
    """`AttentionGroup` of the contract."""

    sourceId: int | None
    sourceName: str | None
    code: str
    title: str
    hint: str
    total: int
    oldestAt: DateTime
    oldestAgeSeconds: int
    items: list[AttentionItem]
    next: str | None


class AttentionItem(TypedDict):
    """`AttentionItem` of the contract."""

    subject: AttentionSubject
    since: DateTime
    ageSeconds: int
    message: str | None
    settleable: bool
    fulfillmentRequest: AttentionRequest | None


class AttentionRequest(TypedDict):
    """`AttentionRequest` of the contract."""

    id: Id
    fulfillmentRequestNumber: str
    orderId: Id
    fulfillmentRequestStatus: FulfillmentRequestStatus
    retryable: bool | None
    assignee: str | None
    attemptCount: int
    version: int
    allowedActions: list[Action]


class AttentionSubject(TypedDict):
    """`AttentionSubject` of the contract."""

    type: Literal['fulfillment_request', 'source', 'webhook']
    id: Id


class BulkInput(TypedDict):
    """`BulkInput` of the contract."""

    action: Literal['process', 'processed', 'fail', 'acknowledge', 'cancel', 'void', 'edit']
    items: list[BulkInputItemsItem]


class BulkInputItemsItem(TypedDict):
    """`BulkInputItemsItem` of the contract."""

    id: Id
    error: NotRequired[str | None]
    reason: NotRequired[str | None]
    code: NotRequired[FailureCode | None]
    version: NotRequired[int | None]
    confirm: NotRequired[Literal['resend', None]]
    changes: NotRequired[EditFulfillmentRequestInput | None]


class BulkResult(TypedDict):
    """`BulkResult` of the contract."""

    results: list[BulkResultResultsItem]


class BulkResultResultsItem(TypedDict):
    """`BulkResultResultsItem` of the contract."""

    id: int
    status: int
    code: ErrorCode | None
    version: int | None


class Channel(TypedDict):
    """`Channel` of the contract."""

    id: Id
    accountId: Id
    name: str
    autoGeneratePoOnImport: bool
    allowBackorders: bool
    rerouteOnFill: bool
    requireShippingMapping: bool
    routingGroupId: int | None
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class ChannelInput(TypedDict):
    """`ChannelInput` of the contract."""

    name: NotRequired[str | None]
    autoGeneratePoOnImport: NotRequired[bool | None]
    allowBackorders: NotRequired[bool | None]
    rerouteOnFill: NotRequired[bool | None]
    requireShippingMapping: NotRequired[bool | None]
    routingGroupId: NotRequired[int | None]


class ChannelShippingMethod(TypedDict):
    """`ChannelShippingMethod` of the contract."""

    id: Id
    accountId: Id
    channelId: Id
    name: str
    shippingPolicyId: int | None
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class ChannelShippingMethodInput(TypedDict):
    """`ChannelShippingMethodInput` of the contract."""

    shippingPolicyId: NotRequired[int | None]


class CountFulfillmentRequestsReply(TypedDict):
    """`CountFulfillmentRequestsReply` of the contract."""

    count: int


class CountPurchaseOrdersReply(TypedDict):
    """`CountPurchaseOrdersReply` of the contract."""

    count: int


class CreateChannelShippingMethodInput(TypedDict):
    """`CreateChannelShippingMethodInput` of the contract."""

    channelId: int
    name: str
    shippingPolicyId: NotRequired[int | None]


class CreateFulfillmentRequestInput(TypedDict):
    """`CreateFulfillmentRequestInput` of the contract."""

    orderId: Id
    sourceId: Id
    items: NotRequired[list[CreateFulfillmentRequestInputItemsItem] | None]
    fulfillmentRequestNumber: NotRequired[str | None]
    fulfillmentRequestStatus: NotRequired[str | None]
    note: NotRequired[str | None]
    shippingAddress: NotRequired[AddressInput | None]
    sourceShippingMethodId: NotRequired[int | None]
    customFields: NotRequired[list[CustomFieldInput] | None]
    purchaseOrderNumber: NotRequired[str | None]
    purchaseOrderStatus: NotRequired[str | None]
    purchaseOrderType: NotRequired[Literal['PO', 'FR', 'TO', 'SPO', 'FO', None]]


class CreateFulfillmentRequestInputItemsItem(TypedDict):
    """`CreateFulfillmentRequestInputItemsItem` of the contract."""

    orderItemId: Id
    quantity: NotRequired[int | None]
    sku: NotRequired[str | None]
    inventoryVariantId: NotRequired[int | None]
    cost: NotRequired[float | None]


class CreateOrderInput(TypedDict):
    """`CreateOrderInput` of the contract."""

    channelId: NotRequired[int | None]
    orderNumber: str
    referenceNumber: NotRequired[str | None]
    orderedAt: NotRequired[str | None]
    note: NotRequired[str | None]
    shippingText: NotRequired[str | None]
    shippingAddress: NotRequired[AddressInput | None]
    billingAddress: NotRequired[AddressInput | None]
    paymentStatus: NotRequired[Literal['Not Authorized', 'Authorized', 'Paid', 'Deferred', 'Refunded', 'Credited', 'Awaiting Clearance', 'Declined', 'Refund Pending', 'Refund Failed', None]]
    tags: NotRequired[list[str] | None]
    customFields: NotRequired[list[CustomFieldInput] | None]
    orderItems: list[CreateOrderInputOrderItemsItem]


class CreateOrderInputOrderItemsItem(TypedDict):
    """`CreateOrderInputOrderItemsItem` of the contract."""

    sku: NotRequired[str | None]
    title: NotRequired[str | None]
    quantity: int
    price: NotRequired[float | None]
    externalListingId: NotRequired[str | None]
    listingVariantId: NotRequired[int | None]
    productVariantId: NotRequired[int | None]
    shippingAddress: NotRequired[AddressInput | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class CreateShipmentInput(TypedDict):
    """`CreateShipmentInput` of the contract."""

    fulfillmentRequestId: NotRequired[int | None]
    purchaseOrderId: NotRequired[int | None]
    purchaseOrderNumber: NotRequired[str | None]
    sourceId: NotRequired[int | None]
    allowDuplicateTrackingNumbers: NotRequired[bool | None]
    shipment: ShipmentInput


class CreateSourceInvoiceInput(TypedDict):
    """`CreateSourceInvoiceInput` of the contract."""

    fulfillmentRequestId: NotRequired[int | None]
    purchaseOrderId: NotRequired[int | None]
    invoiceNumber: NotRequired[str | None]
    invoiceStatus: NotRequired[Literal['unpaid', 'paid', 'credited', 'refunded', None]]
    invoiceDate: NotRequired[str | None]
    customFields: NotRequired[list[CustomFieldInput] | None]
    invoiceItems: list[SourceInvoiceItemInput]


class CreateWebhookInput(TypedDict):
    """`CreateWebhookInput` of the contract."""

    configurationName: str
    webhookUrl: str
    subscribedEvents: list[str]
    sourceId: NotRequired[Id | None]
    channelId: NotRequired[Id | None]
    notificationEmail: NotRequired[str | None]
    strictOrder: NotRequired[bool | None]
    timeoutSeconds: NotRequired[int | None]
    status: NotRequired[Literal['active', 'disabled', None]]


class CustomField(TypedDict):
    """`CustomField` of the contract."""

    id: int
    name: str
    value: str | None


class CustomFieldInput(TypedDict):
    """`CustomFieldInput` of the contract."""

    name: str
    value: NotRequired[str | None]


class DecisionRule(TypedDict):
    """`DecisionRule` of the contract."""

    rule: Literal['single_request', 'lowest_cost', 'source_priority', 'shipping_mapped']
    mode: Literal['required', 'preferred', None]


class DeleteShipmentCustomFieldsBody(TypedDict):
    """`DeleteShipmentCustomFieldsBody` of the contract."""

    customFieldIds: list[Id]


class DeleteShipmentItemsBody(TypedDict):
    """`DeleteShipmentItemsBody` of the contract."""

    shipmentItemIds: list[Id]


class DeliveryPolicy(TypedDict):
    """`DeliveryPolicy` of the contract."""

    attempts: NotRequired[int]
    firstDelayS: NotRequired[float]
    longestDelayS: NotRequired[float]
    concurrency: NotRequired[int]
    ratePerS: NotRequired[float | None]
    failures: NotRequired[int]
    pauseS: NotRequired[float]
    longestPauseS: NotRequired[float]


class DeliveryTrial(TypedDict):
    """`DeliveryTrial` of the contract."""

    request: SentRequest | None
    result: DeliveryTrialResult2 | None


class DeliveryTrialResult2(TypedDict):
    """`DeliveryTrialResult2` of the contract."""

    outcome: HandoverOutcome
    code: str | None
    message: str | None
    retryable: bool
    confirmationNumber: str | None
    durationMs: float | None
    response: SourceAnswer | None


class EditFulfillmentRequestInput(TypedDict):
    """What changes. Omitted fields keep their value; null clears a field."""

    fulfillmentRequestNumber: NotRequired[str]
    shippingAddress: NotRequired[AddressInput]
    billingAddress: NotRequired[AddressInput | None]
    shippingText: NotRequired[str | None]
    sourceShippingMethodId: NotRequired[Id | None]
    carrier: NotRequired[str | None]
    method: NotRequired[str | None]
    note: NotRequired[str | None]
    confirmationNumber: NotRequired[str | None]
    holdUntil: NotRequired[DateTime | None]
    customFields: NotRequired[list[CustomFieldInput]]
    items: NotRequired[list[EditFulfillmentRequestInputItemsItem]]
    assignee: NotRequired[str | None]
    snoozedUntil: NotRequired[DateTime | None]


class EditFulfillmentRequestInputItemsItem(TypedDict):
    """`EditFulfillmentRequestInputItemsItem` of the contract."""

    id: Id
    quantity: NotRequired[int | None]
    cost: NotRequired[float | None]
    sku: NotRequired[str | None]
    title: NotRequired[str | None]


class Failure(TypedDict):
    """`Failure` of the contract."""

    code: FailureCode
    message: str
    retryable: bool
    failedAt: DateTime
    failedBy: Actor
    attempt: int
    itemIds: list[Id]


class FailureCodeInfo(TypedDict):
    """`FailureCodeInfo` of the contract."""

    code: str
    title: str
    retryable: bool
    hint: str


class FeedEventSubject(TypedDict):
    """`FeedEventSubject` of the contract."""

    type: str
    id: Id


class FeedPage(TypedDict):
    """`FeedPage` of the contract."""

    events: list[FeedEvent]
    next: str


class FlagShipmentsWithErrorsBodyItem(TypedDict):
    """`FlagShipmentsWithErrorsBodyItem` of the contract."""

    id: Id
    syncError: str


class FulfillmentRequest(TypedDict):
    """`FulfillmentRequest` of the contract."""

    id: Id
    fulfillmentRequestNumber: str
    orderId: Id
    accountId: Id
    channelId: Id
    sourceId: Id
    fulfillmentRequestStatus: FulfillmentRequestStatus
    fulfillmentStatus: FulfillmentStatus
    generatedAt: DateTime
    sentAt: DateTime | None
    acknowledgedAt: DateTime | None
    secondaryAcknowledgedAt: DateTime | None
    canceledAt: DateTime | None
    voidedAt: DateTime | None
    lastModifiedAt: DateTime
    holdUntil: DateTime | None
    shippingAddress: Address
    billingAddress: Address | None
    shippingText: str | None
    sourceShippingMethodId: int | None
    carrier: str | None
    method: str | None
    note: str | None
    confirmationNumber: str | None
    totalItems: int
    totalQuantity: int
    shippedQuantity: int
    totalCost: Money
    estimatedShippingCost: float | None
    estimatedDropshipFee: float | None
    suppressTracking: bool
    packageLength: float | None
    packageWidth: float | None
    packageHeight: float | None
    packageWeight: float | None
    packageDimensionUnit: Handle
    packageWeightUnit: Handle
    processingErrorReason: str | None
    cancelReason: str | None
    voidedReason: str | None
    accountingSynced: bool | None
    externalAccountingId: str | None
    accountingError: str | None
    attachmentLinks: list[str]
    customFields: list[CustomField]
    fulfillmentRequestItems: list[FulfillmentRequestItem]
    failure: Failure | None
    attemptCount: int
    assignee: str | None
    snoozedUntil: DateTime | None
    allowedActions: list[Action]
    version: int


class FulfillmentRequestItem(TypedDict):
    """`FulfillmentRequestItem` of the contract."""

    id: Id
    lineItemNumber: int
    sku: str
    title: str | None
    quantity: int
    cost: float
    orderItemId: int | None
    inventoryVariantId: int | None
    itemReferenceId: str | None
    referenceId: str | None
    acknowledgedQuantity: int
    secondaryAcknowledgedQuantity: int
    shippedQuantity: int
    canceledQuantity: int
    voidedQuantity: int
    upc: str | None
    mpn: str | None
    weight: float | None
    weightUnit: Handle
    length: float | None
    width: float | None
    height: float | None
    dimensionUnit: Handle
    customFields: list[CustomField]


class FulfillmentRequestStatus(TypedDict):
    """`FulfillmentRequestStatus` of the contract."""

    name: Status
    handle: Literal['unprocessed', 'processing', 'processed', 'acknowledged', 'processing_error', 'canceled', 'voided', 'additional_info_required', 'number_exceeds_max_length', 'duplicate_number', 'cross_docked']


class FulfillmentStatus(TypedDict):
    """`FulfillmentStatus` of the contract."""

    name: Literal['Awaiting Shipment', 'Partially Shipped', 'Shipped', 'Canceled']
    handle: Literal['awaiting_shipment', 'partially_shipped', 'shipped', 'canceled']


class GenerationPreview(TypedDict):
    """`GenerationPreview` of the contract."""

    fulfillmentRequests: list[PlannedFulfillmentRequest]
    holdReasons: list[HoldReason]
    decision: RoutingPlan


class GetHealthReply(TypedDict):
    """`GetHealthReply` of the contract."""

    status: Literal['ok']
    version: str


class GetReadinessReply(TypedDict):
    """`GetReadinessReply` of the contract."""

    status: Literal['ready']
    database: Literal['ok']
    schema: str


class Handle(TypedDict):
    """`Handle` of the contract."""

    handle: str | None


class HandoverAttempt(TypedDict):
    """`HandoverAttempt` of the contract."""

    id: Id
    number: int
    group: int
    idempotencyKey: str
    state: Literal['claimed', 'sending', 'settled']
    worker: str
    claimedAt: DateTime
    sendingAt: DateTime | None
    settledAt: DateTime | None
    durationMs: float | None
    outcome: HandoverOutcome | None
    code: str | None
    message: str | None
    retryable: bool | None
    confirmationNumber: str | None
    nextAttemptAt: DateTime | None
    request: SentRequest | None
    response: SourceAnswer | None
    lateOutcome: HandoverOutcome | None
    lateAt: DateTime | None


class HoldReason(TypedDict):
    """`HoldReason` of the contract."""

    code: Literal['unknown_sku', 'shipping_text_unmapped', 'no_eligible_source', 'no_available_quantity', 'possible_duplicate']
    message: str


class InventoryParent(TypedDict):
    """`InventoryParent` of the contract."""

    id: Id
    accountId: Id
    sourceId: Id
    sku: str
    title: str | None
    description: str | None
    archived: bool
    referenceIdentifier: str | None
    customFields: list[CustomField]
    insertedAt: DateTime
    updatedAt: DateTime
    variants: list[InventoryVariant]


class InventoryParentInput(TypedDict):
    """`InventoryParentInput` of the contract."""

    sku: str
    sourceId: NotRequired[int | None]
    title: NotRequired[str | None]
    description: NotRequired[str | None]
    archived: NotRequired[bool | None]
    referenceIdentifier: NotRequired[str | None]
    customFields: NotRequired[list[CustomFieldInput] | None]
    variants: list[InventoryVariantInput]


class InventoryVariant(TypedDict):
    """`InventoryVariant` of the contract."""

    id: Id
    accountId: Id
    sourceId: Id
    inventoryParentId: int | None
    productVariantId: int | None
    sku: str
    title: str | None
    quantity: int
    totalQuantity: int
    committedQuantity: int
    availableQuantity: int
    cost: float | None
    map: float | None
    msrp: float | None
    shippingCost: float | None
    dropshipFee: float | None
    archived: bool
    allowBackorders: bool | None
    upc: str | None
    mpn: str | None
    weight: float | None
    weightUnit: Handle
    length: float | None
    width: float | None
    height: float | None
    dimensionUnit: Handle
    referenceIdentifier: str | None
    customFields: list[CustomField]
    insertedAt: DateTime | None
    updatedAt: DateTime


class InventoryVariantInput(TypedDict):
    """A variant, named by `inventoryVariantId`, or by `sku` and source. Omitted fields keep their value."""

    inventoryVariantId: NotRequired[int | str | None]
    sku: NotRequired[str | None]
    sourceId: NotRequired[int | None]
    quantity: NotRequired[int | None]
    title: NotRequired[str | None]
    cost: NotRequired[float | None]
    map: NotRequired[float | None]
    msrp: NotRequired[float | None]
    shippingCost: NotRequired[float | None]
    dropshipFee: NotRequired[float | None]
    archived: NotRequired[bool | None]
    allowBackorders: NotRequired[bool | None]
    upc: NotRequired[str | None]
    mpn: NotRequired[str | None]
    weight: NotRequired[float | None]
    weightUnit: NotRequired[UnitInput | str | None]
    length: NotRequired[float | None]
    width: NotRequired[float | None]
    height: NotRequired[float | None]
    dimensionUnit: NotRequired[UnitInput | str | None]
    referenceIdentifier: NotRequired[str | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class LinkOrdersInput(TypedDict):
    """Exactly one of the three."""

    orderIds: NotRequired[list[Id] | None]
    skus: NotRequired[list[str] | None]
    channelId: NotRequired[int | None]


class ListingAttribute(TypedDict):
    """`ListingAttribute` of the contract."""

    name: str
    value: str | None


class ListingParent(TypedDict):
    """`ListingParent` of the contract."""

    id: Id
    accountId: Id
    channelId: Id
    sku: str
    title: str | None
    attributes: list[ListingAttribute]
    customFields: list[CustomField]
    insertedAt: DateTime
    updatedAt: DateTime
    variants: list[ListingVariant]


class ListingVariant(TypedDict):
    """`ListingVariant` of the contract."""

    id: Id
    accountId: Id
    channelId: Id
    listingParentId: int | None
    productVariantId: int | None
    sku: str
    title: str | None
    externalId: str | None
    price: float | None
    customFields: list[CustomField]
    insertedAt: DateTime
    updatedAt: DateTime


class ListingVariantInput(TypedDict):
    """A listing, named by `listingVariantId`, or by `sku` and channel."""

    listingVariantId: NotRequired[int | str | None]
    sku: NotRequired[str | None]
    channelId: NotRequired[int | None]
    title: NotRequired[str | None]
    externalId: NotRequired[str | None]
    price: NotRequired[float | None]
    productVariantId: NotRequired[int | None]
    productSku: NotRequired[str | None]
    parentSku: NotRequired[str | None]
    parentTitle: NotRequired[str | None]
    attributes: NotRequired[list[ListingVariantInputAttributesItem] | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class ListingVariantInputAttributesItem(TypedDict):
    """`ListingVariantInputAttributesItem` of the contract."""

    name: str
    value: NotRequired[str | None]


class Order(TypedDict):
    """`Order` of the contract."""

    id: Id
    orderNumber: str
    referenceNumber: str | None
    channelId: Id
    importedFrom: str | None
    orderTotal: Money
    note: str | None
    orderedAt: DateTime
    insertedAt: DateTime
    updatedAt: DateTime
    shippingText: str | None
    acknowledgedStatus: Progress
    shippedStatus: Progress
    orderStatus: OrderStatus
    paymentStatus: Literal['Not Authorized', 'Authorized', 'Paid', 'Deferred', 'Refunded', 'Credited', 'Awaiting Clearance', 'Declined', 'Refund Pending', 'Refund Failed', None]
    shippingAddress: Address
    billingAddress: Address | None
    tags: list[str]
    customFields: list[CustomField]
    orderItems: list[OrderItem]
    fulfillmentRequests: list[OrderFulfillmentRequestsItem]
    holdReasons: list[HoldReason]
    accountingSynced: bool | None
    externalAccountingId: str | None
    accountingError: str | None
    notStopped: NotRequired[list[OrderNotStoppedItem]]


class OrderAccountingSyncInput(TypedDict):
    """`OrderAccountingSyncInput` of the contract."""

    accountingSynced: NotRequired[bool | None]
    externalAccountingId: NotRequired[str | None]
    accountingError: NotRequired[str | None]


class OrderFulfillmentRequestsItem(TypedDict):
    """`OrderFulfillmentRequestsItem` of the contract."""

    id: Id
    fulfillmentRequestNumber: str
    sourceId: Id
    fulfillmentRequestStatus: FulfillmentRequestStatus


class OrderItem(TypedDict):
    """`OrderItem` of the contract."""

    id: Id
    sku: str | None
    title: str | None
    price: Money
    quantity: int
    productVariantId: int | None
    listingVariantId: int | None
    allocatedQuantity: int
    allocatedStatus: Progress
    acknowledgedQuantity: int
    acknowledgedStatus: Progress
    shippedQuantity: int
    shippedStatus: Progress
    canceledQuantity: int
    shippingAddress: Address | None


class OrderNotStoppedItem(TypedDict):
    """`OrderNotStoppedItem` of the contract."""

    id: Id
    fulfillmentRequestNumber: str
    sourceId: Id
    fulfillmentRequestStatus: FulfillmentRequestStatus
    code: ErrorCode
    message: str


class PlannedFulfillmentRequest(TypedDict):
    """`PlannedFulfillmentRequest` of the contract."""

    sourceId: Id
    fulfillmentRequestNumber: str
    fulfillmentRequestStatus: FulfillmentRequestStatus
    shippingAddress: Address
    sourceShippingMethodId: Id | None
    totalItems: int
    totalQuantity: int
    totalCost: float
    estimatedShippingCost: float | None
    estimatedDropshipFee: float | None
    fulfillmentRequestItems: list[PlannedFulfillmentRequestFulfillmentRequestItemsItem]


class PlannedFulfillmentRequestFulfillmentRequestItemsItem(TypedDict):
    """`PlannedFulfillmentRequestFulfillmentRequestItemsItem` of the contract."""

    orderItemId: Id
    sku: str
    title: str | None
    inventoryVariantId: Id | None
    quantity: int
    cost: float


class Policy(TypedDict):
    """A clock rule."""

    sourceId: int | None
    condition: Literal['unsent', 'unacknowledged', 'unshipped', 'unrepaired']
    afterMinutes: int
    action: Literal['alert', 'fail', 'reroute', 'cancel']
    enabled: bool
    createdAt: DateTime
    updatedAt: DateTime


class PolicyInput(TypedDict):
    """A clock rule: what happens when a request stays in a status too long."""

    condition: Literal['unsent', 'unacknowledged', 'unshipped', 'unrepaired']
    afterMinutes: int
    action: NotRequired[Literal['alert', 'fail', 'reroute', 'cancel']]
    sourceId: NotRequired[Id | None]
    enabled: NotRequired[bool]


class Problem(TypedDict):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: ErrorCode
    message: str
    requestId: str
    errors: NotRequired[list[ProblemErrorsItem]]
    currentStatus: NotRequired[Status | OrderStatus]
    allowedActions: NotRequired[list[Action]]
    allowedStatuses: NotRequired[list[OrderStatus]]
    differs: NotRequired[list[ProblemDiffersItem]]
    tokenTypes: NotRequired[list[Literal['account', 'source', 'channel']]]
    applied: NotRequired[Literal['no', 'unknown']]


class ProblemDiffersItem(TypedDict):
    """`ProblemDiffersItem` of the contract."""

    pointer: str


class ProblemErrorsItem(TypedDict):
    """`ProblemErrorsItem` of the contract."""

    parameter: NotRequired[str]
    pointer: NotRequired[str]
    header: NotRequired[str]
    code: str
    message: str


class ProductVariant(TypedDict):
    """`ProductVariant` of the contract."""

    id: Id
    accountId: Id
    sku: str
    title: str | None
    upc: str | None
    mpn: str | None
    customFields: list[CustomField]
    insertedAt: DateTime
    updatedAt: DateTime
    inventoryLinks: list[Id]
    listingLinks: list[Id]


class PurchaseOrder(TypedDict):
    """A fulfillment request in its older names."""

    id: Id
    purchaseOrderNumber: str
    purchaseOrderType: Literal['FR']
    orderId: Id
    accountId: Id
    channelId: Id
    sourceId: Id
    purchaseOrderStatus: FulfillmentRequestStatus
    fulfillmentStatus: FulfillmentStatus
    generatedAt: DateTime
    sentAt: DateTime | None
    acknowledgedAt: DateTime | None
    secondaryAcknowledgedAt: DateTime | None
    canceledAt: DateTime | None
    voidedAt: DateTime | None
    lastModifiedAt: DateTime
    holdUntil: DateTime | None
    shippingAddress: Address
    billingAddress: Address | None
    shippingText: str | None
    sourceShippingMethodId: int | None
    carrier: str | None
    method: str | None
    note: str | None
    confirmationNumber: str | None
    totalItems: int
    totalQuantity: int
    shippedQuantity: int
    totalCost: Money
    estimatedShippingCost: float | None
    estimatedDropshipFee: float | None
    suppressTracking: bool
    packageLength: float | None
    packageWidth: float | None
    packageHeight: float | None
    packageWeight: float | None
    packageDimensionUnit: Handle
    packageWeightUnit: Handle
    processingErrorReason: str | None
    cancelReason: str | None
    voidedReason: str | None
    accountingSynced: bool | None
    externalAccountingId: str | None
    accountingError: str | None
    attachmentLinks: list[str]
    customFields: list[CustomField]
    purchaseOrderItems: list[FulfillmentRequestItem]
    failure: Failure | None
    attemptCount: int
    assignee: str | None
    snoozedUntil: DateTime | None
    allowedActions: list[Action]
    version: int


class PurchaseOrderStrategy(TypedDict):
    """`PurchaseOrderStrategy` of the contract."""

    autoProcess: bool
    maxPoNumberCharacters: int | None
    overridePurchaseOrderNumberStrategyId: NumberStrategyId | None
    exceedOverridePurchaseOrderNumberStrategyId: NumberStrategyId | None
    passOrderCustomFieldsToPo: bool
    passOrderItemCustomFieldsToPo: bool
    refusedCharacters: str
    requiredCustomFields: list[str]


class PurchaseOrderStrategyInput(TypedDict):
    """`PurchaseOrderStrategyInput` of the contract."""

    autoProcess: NotRequired[bool | None]
    maxPoNumberCharacters: NotRequired[int | None]
    overridePurchaseOrderNumberStrategyId: NotRequired[NumberStrategyId | None]
    exceedOverridePurchaseOrderNumberStrategyId: NotRequired[NumberStrategyId | None]
    passOrderCustomFieldsToPo: NotRequired[bool | None]
    passOrderItemCustomFieldsToPo: NotRequired[bool | None]
    refusedCharacters: NotRequired[str | None]
    requiredCustomFields: NotRequired[list[str] | None]


class QueuedMessages(TypedDict):
    """`QueuedMessages` of the contract."""

    queued: int


class ReleaseStockInput(TypedDict):
    """Names the items whose stock is released. Without any: all items."""

    onlyReleaseFulfillmentRequestItemIds: NotRequired[list[Id] | None]
    onlyReleaseFulfillmentRequestItemSkus: NotRequired[list[str] | None]


class ReplayInput(TypedDict):
    """`ReplayInput` of the contract."""

    eventId: NotRequired[Id | None]
    fromEventId: NotRequired[Id | None]
    toEventId: NotRequired[Id | None]


class RetryEventsInput(TypedDict):
    """`RetryEventsInput` of the contract."""

    eventIds: list[Id]
    isAutomatedRetry: NotRequired[bool | None]


class RotateSecretInput(TypedDict):
    """`RotateSecretInput` of the contract."""

    overlapSeconds: NotRequired[int | None]


class RoutingCandidate(TypedDict):
    """`RoutingCandidate` of the contract."""

    sourceId: Id
    name: str
    priority: int
    eligible: bool
    dropshipFee: float
    shippingEstimate: float
    sourceShippingMethodId: Id | None


class RoutingDecision(TypedDict):
    """`RoutingDecision` of the contract."""

    orderId: Id
    decidedAt: str
    routingGroupId: Id | None
    routingGroupName: str | None
    rules: list[DecisionRule]
    candidates: list[RoutingCandidate]
    rounds: list[RoutingRound]
    unplaced: list[UnplacedItem]


class RoutingGroup(TypedDict):
    """`RoutingGroup` of the contract."""

    id: Id
    accountId: Id
    name: str
    rules: list[RoutingGroupRulesItem]
    sources: list[RoutingGroupSourcesItem]
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class RoutingGroupInput(TypedDict):
    """`RoutingGroupInput` of the contract."""

    name: NotRequired[str | None]
    rules: NotRequired[list[RoutingGroupInputRulesItem] | None]
    sources: NotRequired[list[RoutingGroupInputSourcesItem] | None]


class RoutingGroupInputRulesItem(TypedDict):
    """`RoutingGroupInputRulesItem` of the contract."""

    rule: RoutingRuleName
    mode: NotRequired[Literal['required', 'preferred', None]]


class RoutingGroupInputSourcesItem(TypedDict):
    """`RoutingGroupInputSourcesItem` of the contract."""

    sourceId: Id
    priority: NotRequired[int | None]
    eligible: NotRequired[bool | None]


class RoutingGroupRulesItem(TypedDict):
    """`RoutingGroupRulesItem` of the contract."""

    rule: RoutingRuleName
    mode: Literal['required', 'preferred', None]


class RoutingGroupSourcesItem(TypedDict):
    """`RoutingGroupSourcesItem` of the contract."""

    sourceId: Id
    priority: int
    eligible: bool


class RoutingPlan(TypedDict):
    """`RoutingPlan` of the contract."""

    routingGroupId: Id | None
    routingGroupName: str | None
    rules: list[DecisionRule]
    candidates: list[RoutingCandidate]
    rounds: list[RoutingRound]
    unplaced: list[UnplacedItem]


class RoutingRound(TypedDict):
    """`RoutingRound` of the contract."""

    shippingAddress: Address | None
    orderItemIds: list[Id]
    backorder: bool
    bids: list[RoutingRoundBidsItem]
    steps: list[RoutingRoundStepsItem]
    chosenSourceId: Id | None
    quantity: int


class RoutingRoundBidsItem(TypedDict):
    """`RoutingRoundBidsItem` of the contract."""

    sourceId: Id
    quantity: int
    cost: float | None


class RoutingRoundStepsItem(TypedDict):
    """`RoutingRoundStepsItem` of the contract."""

    rule: Literal['can_take', 'single_request', 'lowest_cost', 'source_priority', 'shipping_mapped', 'first']
    keptSourceIds: list[Id]
    lost: list[RoutingRoundStepsItemLostItem]


class RoutingRoundStepsItemLostItem(TypedDict):
    """`RoutingRoundStepsItemLostItem` of the contract."""

    sourceId: Id
    reason: str


class SentRequest(TypedDict):
    """The call as it was or would be sent, without secrets."""

    method: str
    url: str
    headers: dict[str, Any]
    body: str


class SettleAttentionInput(TypedDict):
    """`SettleAttentionInput` of the contract."""

    note: str
    items: list[SettleAttentionInputItemsItem]


class SettleAttentionInputItemsItem(TypedDict):
    """`SettleAttentionInputItemsItem` of the contract."""

    subject: SettleAttentionInputItemsItemSubject
    code: str


class SettleAttentionInputItemsItemSubject(TypedDict):
    """The `subject` of the item on the attention list."""

    type: Literal['fulfillment_request', 'source', 'webhook']
    id: Id


class SettleAttentionResult(TypedDict):
    """`SettleAttentionResult` of the contract."""

    results: list[SettleAttentionResultResultsItem]


class SettleAttentionResultResultsItem(TypedDict):
    """`SettleAttentionResultResultsItem` of the contract."""

    subject: AttentionSubject
    code: str
    status: Literal[200, 400, 404]
    refusal: str | None


class Shipment(TypedDict):
    """`Shipment` of the contract."""

    id: Id
    note: str | None
    trackingUrl: str | None
    trackingNumber: str
    carrier: str | None
    method: str | None
    shippedAt: DateTime
    insertedAt: DateTime
    updatedAt: DateTime
    shippingCost: float | None
    orderId: Id
    purchaseOrderId: Id
    fulfillmentRequestId: Id
    rmaId: int | None
    sourceId: Id
    accountId: Id
    partial: bool
    suppressed: bool
    syncedToChannel: bool | None
    syncError: str | None
    crossDockPurchaseOrderId: int | None
    shipmentItems: list[ShipmentItem]
    customFields: list[CustomField]
    accountingSynced: bool | None


class ShipmentInput(TypedDict):
    """`ShipmentInput` of the contract."""

    trackingNumber: str
    trackingUrl: NotRequired[str | None]
    carrier: NotRequired[str | None]
    method: NotRequired[str | None]
    note: NotRequired[str | None]
    shippedAt: NotRequired[str | None]
    shippingCost: NotRequired[float | None]
    suppressed: NotRequired[bool | None]
    customFields: NotRequired[list[CustomFieldInput] | None]
    shipmentItems: list[ShipmentItemInput]


class ShipmentItem(TypedDict):
    """`ShipmentItem` of the contract."""

    id: Id
    sku: str
    quantity: int
    shipmentId: Id
    inventoryVariantId: int | None
    partial: bool
    orderItemId: int | None
    purchaseOrderItemId: Id
    fulfillmentRequestItemId: Id
    committedStockReleasedQuantity: int
    rmaItemId: int | None
    customFields: list[CustomField]


class ShipmentItemInput(TypedDict):
    """One item of a shipment. It names its line by `sku` or by one of its ids."""

    id: NotRequired[Id]
    quantity: NotRequired[int]
    sku: NotRequired[str | None]
    inventoryVariantId: NotRequired[int | None]
    sourceVariantId: NotRequired[int | None]
    orderItemId: NotRequired[int | None]
    purchaseOrderItemId: NotRequired[int | None]
    fulfillmentRequestItemId: NotRequired[int | None]
    rmaItemId: NotRequired[int | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class ShippingPolicy(TypedDict):
    """`ShippingPolicy` of the contract."""

    id: Id
    accountId: Id
    name: str
    methods: list[ShippingPolicyMethodsItem]
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class ShippingPolicyInput(TypedDict):
    """`ShippingPolicyInput` of the contract."""

    name: NotRequired[str | None]
    methods: NotRequired[list[ShippingPolicyInputMethodsItem] | None]


class ShippingPolicyInputMethodsItem(TypedDict):
    """`ShippingPolicyInputMethodsItem` of the contract."""

    sourceShippingMethodId: Id
    sourceId: NotRequired[int | None]


class ShippingPolicyMethodsItem(TypedDict):
    """`ShippingPolicyMethodsItem` of the contract."""

    sourceId: Id
    sourceShippingMethodId: Id


class Source(TypedDict):
    """`Source` of the contract."""

    id: Id
    accountId: Id
    name: str
    reference: str | None
    stockRelease: Literal['shipment', 'quantity_update']
    allowBackorders: bool
    dropshipFee: Money
    shippingEstimate: Money
    archived: bool
    settings: dict[str, Any] | None
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class SourceAnswer(TypedDict):
    """What the source answered."""

    status: int
    body: str | None


class SourceDelivery(TypedDict):
    """`SourceDelivery` of the contract."""

    sourceId: Id
    kind: str
    settings: dict[str, Any]
    secretsSet: list[str]
    policy: DeliveryPolicy
    paused: bool
    version: int
    updatedAt: DateTime | None


class SourceDeliveryInput(TypedDict):
    """`SourceDeliveryInput` of the contract."""

    kind: str
    settings: NotRequired[dict[str, Any]]
    secrets: NotRequired[dict[str, Any]]
    policy: NotRequired[DeliveryPolicy | None]
    paused: NotRequired[bool]


class SourceInput(TypedDict):
    """`SourceInput` of the contract."""

    name: NotRequired[str | None]
    reference: NotRequired[str | None]
    stockRelease: NotRequired[Literal['shipment', 'quantity_update', None]]
    allowBackorders: NotRequired[bool | None]
    dropshipFee: NotRequired[float | None]
    shippingEstimate: NotRequired[float | None]
    archived: NotRequired[bool | None]


class SourceInvoice(TypedDict):
    """`SourceInvoice` of the contract."""

    id: Id
    invoiceStatus: SourceInvoiceInvoiceStatus
    insertedAt: DateTime
    updatedAt: DateTime
    purchaseOrderId: Id
    fulfillmentRequestId: Id
    rmaId: int | None
    sourceId: Id
    purchaseOrderNumber: str
    fulfillmentRequestNumber: str
    invoiceNumber: str
    invoiceDate: DateTime
    totalCost: Money
    totalProductCost: Money
    totalShippingCost: Money
    totalFeeCost: Money
    totalTaxCost: Money
    totalOtherCost: Money
    totalCreditCost: Money
    totalQuantity: int
    accountingSynced: bool | None
    accountingSyncError: str | None
    externalAccountingId: str | None
    invoiceItems: list[SourceInvoiceItem]
    customFields: list[CustomField]
    commission: float | None
    vendorPayoutId: int | None


class SourceInvoiceInvoiceStatus(TypedDict):
    """`SourceInvoiceInvoiceStatus` of the contract."""

    name: Literal['Unpaid', 'Paid', 'Credited', 'Refunded']
    handle: Literal['unpaid', 'paid', 'credited', 'refunded']


class SourceInvoiceItem(TypedDict):
    """`SourceInvoiceItem` of the contract."""

    id: Id
    invoiceId: Id
    invoiceItemType: SourceInvoiceItemInvoiceItemType
    sourceVariantId: int | None
    sku: str | None
    title: str | None
    quantity: int
    perUnitCost: Money
    cost: Money
    externalAccountingItemId: str | None
    customFields: list[CustomField]


class SourceInvoiceItemInput(TypedDict):
    """`SourceInvoiceItemInput` of the contract."""

    invoiceItemType: Literal['product', 'shipping', 'fee', 'tax', 'other']
    sku: NotRequired[str | None]
    inventoryVariantId: NotRequired[int | None]
    title: NotRequired[str | None]
    quantity: NotRequired[int | None]
    perUnitCost: NotRequired[float | None]
    cost: NotRequired[float | None]
    customFields: NotRequired[list[CustomFieldInput] | None]


class SourceInvoiceItemInvoiceItemType(TypedDict):
    """`SourceInvoiceItemInvoiceItemType` of the contract."""

    name: Literal['Product', 'Shipping', 'Fee', 'Tax', 'Other']
    handle: Literal['product', 'shipping', 'fee', 'tax', 'other']


class SourceShippingMethod(TypedDict):
    """`SourceShippingMethod` of the contract."""

    id: Id
    accountId: Id
    sourceId: Id
    name: str
    carrier: str | None
    method: str | None
    estimatedCost: float | None
    active: bool
    createdAt: DateTime
    updatedAt: DateTime
    version: int


class SourceShippingMethodInput(TypedDict):
    """`SourceShippingMethodInput` of the contract."""

    sourceId: NotRequired[int | None]
    name: NotRequired[str | None]
    carrier: NotRequired[str | None]
    method: NotRequired[str | None]
    estimatedCost: NotRequired[float | None]
    active: NotRequired[bool | None]


class StockExplanation(TypedDict):
    """`StockExplanation` of the contract."""

    inventoryVariantId: Id
    sourceId: Id
    sku: str
    quantity: int
    committedQuantity: int
    availableQuantity: int
    updatedAt: DateTime
    lines: list[StockLine]


class StockLine(TypedDict):
    """`StockLine` of the contract."""

    fulfillmentRequestId: int | None
    fulfillmentRequestNumber: str | None
    fulfillmentRequestStatus: FulfillmentRequestStatus | None
    fulfillmentRequestItemId: int | None
    orderId: int | None
    committedQuantity: int
    releasedQuantity: int
    heldQuantity: int
    shippedQuantity: int
    reason: str
    at: DateTime


class TagsInput(TypedDict):
    """`TagsInput` of the contract."""

    add: NotRequired[list[str] | None]
    remove: NotRequired[list[str] | None]


class TestSourceDeliveryBody(TypedDict):
    """`TestSourceDeliveryBody` of the contract."""

    fulfillmentRequestId: NotRequired[Id | None]
    send: NotRequired[bool]


class UnitInput(TypedDict):
    """A unit by its handle, such as `pound`, `gram` or `inch`. The handle alone, as text, works too."""

    handle: NotRequired[str | None]


class UnplacedItem(TypedDict):
    """`UnplacedItem` of the contract."""

    orderItemId: Id
    sku: str
    quantity: int
    code: Literal['unknown_sku', 'no_available_quantity', 'no_eligible_source']
    message: str
    sources: list[UnplacedItemSourcesItem]


class UnplacedItemSourcesItem(TypedDict):
    """`UnplacedItemSourcesItem` of the contract."""

    sourceId: Id
    name: str | None
    code: Literal['not_a_candidate', 'not_eligible', 'not_offered', 'refused_before', 'shipping_not_mapped', 'not_enough', 'not_in_one_request']
    message: str


class UpdateShipmentInput(TypedDict):
    """What changes of a shipment. Fields that are null or missing keep their value."""

    id: Id
    fulfillmentRequestId: NotRequired[int | None]
    purchaseOrderId: NotRequired[int | None]
    trackingNumber: NotRequired[str | None]
    trackingUrl: NotRequired[str | None]
    carrier: NotRequired[str | None]
    method: NotRequired[str | None]
    note: NotRequired[str | None]
    shippedAt: NotRequired[str | None]
    shippingCost: NotRequired[float | None]
    suppressed: NotRequired[bool | None]
    syncedToChannel: NotRequired[bool | None]
    syncError: NotRequired[str | None]
    accountingSynced: NotRequired[bool | None]
    allowDuplicateTrackingNumbers: NotRequired[bool | None]
    shipmentItems: NotRequired[list[ShipmentItemInput] | None]
    customFields: NotRequired[list[UpdateShipmentInputCustomFieldsItem] | None]


class UpdateShipmentInputCustomFieldsItem(TypedDict):
    """`UpdateShipmentInputCustomFieldsItem` of the contract."""

    id: NotRequired[int | None]
    name: str
    value: NotRequired[str | None]


class UpdateSourceInvoiceInput(TypedDict):
    """What changes of an invoice. Fields that are null or missing keep their value."""

    accountingSynced: NotRequired[bool | None]
    externalAccountingId: NotRequired[str | None]
    accountingSyncError: NotRequired[str | None]
    status: NotRequired[Literal['unpaid', 'paid', 'credited', 'refunded', None]]
    vendorPayoutId: NotRequired[int | None]
    totalCreditCost: NotRequired[float | None]
    items: NotRequired[list[UpdateSourceInvoiceInputItemsItem] | None]


class UpdateSourceInvoiceInputItemsItem(TypedDict):
    """`UpdateSourceInvoiceInputItemsItem` of the contract."""

    invoiceItemId: NotRequired[int | None]
    externalAccountingItemId: str


class UpdateWebhookInput(TypedDict):
    """`UpdateWebhookInput` of the contract."""

    configurationName: NotRequired[str | None]
    webhookUrl: NotRequired[str | None]
    subscribedEvents: NotRequired[list[str] | None]
    sourceId: NotRequired[Id | None]
    channelId: NotRequired[Id | None]
    notificationEmail: NotRequired[str | None]
    strictOrder: NotRequired[bool | None]
    timeoutSeconds: NotRequired[int | None]
    status: NotRequired[Literal['active', 'disabled', 'deleted', None]]
    skipBacklog: NotRequired[bool | None]


class WebhookConfiguration(TypedDict):
    """`WebhookConfiguration` of the contract."""

    id: Id
    configurationName: str
    sourceId: int | None
    channelId: int | None
    webhookUrl: str
    notificationEmail: str | None
    status: Literal['active', 'disabled', 'deleted']
    subscribedEvents: list[str]
    createdAt: DateTime
    updatedAt: DateTime
    strictOrder: bool
    timeoutSeconds: int
    disabledReason: str | None
    lastEventId: int
    failingSince: str | None
    previousSecretUntil: str | None
    version: int


class WebhookConfigurationWithSecret(TypedDict):
    """`WebhookConfigurationWithSecret` of the contract."""

    id: Id
    configurationName: str
    sourceId: int | None
    channelId: int | None
    webhookUrl: str
    notificationEmail: str | None
    status: Literal['active', 'disabled', 'deleted']
    subscribedEvents: list[str]
    createdAt: DateTime
    updatedAt: DateTime
    strictOrder: bool
    timeoutSeconds: int
    disabledReason: str | None
    lastEventId: int
    failingSince: str | None
    previousSecretUntil: str | None
    version: int
    secret: str | None


class WebhookDelivery(TypedDict):
    """`WebhookDelivery` of the contract."""

    id: Id
    messageId: str
    eventId: int | None
    eventType: str
    status: Literal['pending', 'delivered', 'failed']
    attempts: int
    nextAttemptAt: str | None
    createdAt: DateTime
    updatedAt: DateTime
    deliveredAt: str | None
    log: list[WebhookDeliveryLogItem]


class WebhookDeliveryLogItem(TypedDict):
    """`WebhookDeliveryLogItem` of the contract."""

    at: DateTime
    status: int | None
    ms: int
    error: str | None
    response: str | None
