"""Every operation of the contract as a method, blocking.

Made by `make generate` from the contract. Do not edit.
"""


from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

from waypost_client import models as m
from waypost_client.core import Operation
from waypost_client.operations import OPERATIONS


class Operations:
    """The operations; `_call` comes from the client."""

    def _call(self, operation: Operation, ids: tuple[int, ...], query: Mapping[str, Any], body: Any, key: str | None, if_match: int | str | None) -> Any:
        raise NotImplementedError

    def list_fulfillment_requests(self, *, find_order_id: m.Id | None = None, since_id: int | None = None, fr_numbers: Sequence[str] | None = None, po_numbers: Sequence[str] | None = None, filter_source_id: m.Id | None = None, filter_fulfilment_status: Sequence[str] | None = None, filter_invoiced: bool | None = None, filter_status: Sequence[str] | None = None, status: str | None = None, filter_is_acknowledged: bool | None = None, filter_acknowledged_after: str | datetime | None = None, filter_is_sent: bool | None = None, filter_sent_after: str | datetime | None = None, filter_generated_after: str | datetime | None = None, filter_is_canceled: bool | None = None, filter_canceled_after: str | datetime | None = None, filter_eligible_for_processing: bool | None = None, filter_updated_after: str | datetime | None = None, filter_failure_code: Sequence[m.FailureCode] | None = None, filter_needs_attention: bool | None = None, filter_page_number: int | None = None, filter_page_size: int | None = None) -> list[m.FulfillmentRequest]:
        """Get Fulfillment Requests."""
        return cast("list[m.FulfillmentRequest]", self._call(OPERATIONS["list_fulfillment_requests"], (), {"findOrderId": find_order_id, "sinceId": since_id, "frNumbers": fr_numbers, "poNumbers": po_numbers, "filterSourceId": filter_source_id, "filterFulfilmentStatus": filter_fulfilment_status, "filterInvoiced": filter_invoiced, "filterStatus": filter_status, "status": status, "filterIsAcknowledged": filter_is_acknowledged, "filterAcknowledgedAfter": filter_acknowledged_after, "filterIsSent": filter_is_sent, "filterSentAfter": filter_sent_after, "filterGeneratedAfter": filter_generated_after, "filterIsCanceled": filter_is_canceled, "filterCanceledAfter": filter_canceled_after, "filterEligibleForProcessing": filter_eligible_for_processing, "filterUpdatedAfter": filter_updated_after, "filterFailureCode": filter_failure_code, "filterNeedsAttention": filter_needs_attention, "filterPageNumber": filter_page_number, "filterPageSize": filter_page_size}, None, None, None))

    def create_fulfillment_request(self, body: m.CreateFulfillmentRequestInput, *, idempotency_key: str | None = None) -> m.FulfillmentRequest:
        """Create Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["create_fulfillment_request"], (), {}, body, idempotency_key, None))

    def count_fulfillment_requests(self, *, find_order_id: m.Id | None = None, since_id: int | None = None, fr_numbers: Sequence[str] | None = None, po_numbers: Sequence[str] | None = None, filter_source_id: m.Id | None = None, filter_fulfilment_status: Sequence[str] | None = None, filter_invoiced: bool | None = None, filter_status: Sequence[str] | None = None, status: str | None = None, filter_is_acknowledged: bool | None = None, filter_acknowledged_after: str | datetime | None = None, filter_is_sent: bool | None = None, filter_sent_after: str | datetime | None = None, filter_generated_after: str | datetime | None = None, filter_is_canceled: bool | None = None, filter_canceled_after: str | datetime | None = None, filter_eligible_for_processing: bool | None = None, filter_updated_after: str | datetime | None = None, filter_failure_code: Sequence[m.FailureCode] | None = None, filter_needs_attention: bool | None = None, fulfillment_request_numbers: Sequence[str] | None = None) -> m.CountFulfillmentRequestsReply:
        """Get Count of Fulfillment Requests."""
        return cast("m.CountFulfillmentRequestsReply", self._call(OPERATIONS["count_fulfillment_requests"], (), {"findOrderId": find_order_id, "sinceId": since_id, "frNumbers": fr_numbers, "poNumbers": po_numbers, "filterSourceId": filter_source_id, "filterFulfilmentStatus": filter_fulfilment_status, "filterInvoiced": filter_invoiced, "filterStatus": filter_status, "status": status, "filterIsAcknowledged": filter_is_acknowledged, "filterAcknowledgedAfter": filter_acknowledged_after, "filterIsSent": filter_is_sent, "filterSentAfter": filter_sent_after, "filterGeneratedAfter": filter_generated_after, "filterIsCanceled": filter_is_canceled, "filterCanceledAfter": filter_canceled_after, "filterEligibleForProcessing": filter_eligible_for_processing, "filterUpdatedAfter": filter_updated_after, "filterFailureCode": filter_failure_code, "filterNeedsAttention": filter_needs_attention, "fulfillmentRequestNumbers": fulfillment_request_numbers}, None, None, None))

    def pull_processing_fulfillment_requests(self, *, filter_source_id: m.Id | None = None, peek: bool | None = None, idempotency_key: str | None = None) -> list[m.FulfillmentRequest]:
        """Get Fulfillment Request In Processing."""
        return cast("list[m.FulfillmentRequest]", self._call(OPERATIONS["pull_processing_fulfillment_requests"], (), {"filterSourceId": filter_source_id, "peek": peek}, None, idempotency_key, None))

    def bulk_fulfillment_requests(self, body: m.BulkInput, *, idempotency_key: str | None = None) -> m.BulkResult:
        """Change Fulfillment Requests in Bulk."""
        return cast("m.BulkResult", self._call(OPERATIONS["bulk_fulfillment_requests"], (), {}, body, idempotency_key, None))

    def get_fulfillment_request(self, id: int) -> m.FulfillmentRequest:
        """Get Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["get_fulfillment_request"], (id, ), {}, None, None, None))

    def edit_fulfillment_request(self, id: int, body: m.EditFulfillmentRequestInput, *, reason: str | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Edit Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["edit_fulfillment_request"], (id, ), {"reason": reason}, body, idempotency_key, if_match))

    def list_fulfillment_request_events(self, id: int) -> list[m.Event]:
        """Get Fulfillment Request Timeline."""
        return cast("list[m.Event]", self._call(OPERATIONS["list_fulfillment_request_events"], (id, ), {}, None, None, None))

    def list_handover_attempts(self, id: int) -> list[m.HandoverAttempt]:
        """Get Hand-over Attempts."""
        return cast("list[m.HandoverAttempt]", self._call(OPERATIONS["list_handover_attempts"], (id, ), {}, None, None, None))

    def process_fulfillment_request(self, id: int, *, confirm: Literal['resend'] | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Release Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["process_fulfillment_request"], (id, ), {"confirm": confirm}, None, idempotency_key, if_match))

    def mark_fulfillment_request_processed(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Process Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["mark_fulfillment_request_processed"], (id, ), {}, None, idempotency_key, if_match))

    def fail_fulfillment_request(self, id: int, *, error: str, code: m.FailureCode | None = None, retryable: bool | None = None, item_ids: Sequence[m.Id] | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> None:
        """Fail Fulfillment Request."""
        self._call(OPERATIONS["fail_fulfillment_request"], (id, ), {"error": error, "code": code, "retryable": retryable, "itemIds": item_ids}, None, idempotency_key, if_match)

    def acknowledge_fulfillment_request(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Acknowledge Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["acknowledge_fulfillment_request"], (id, ), {}, None, idempotency_key, if_match))

    def acknowledge_fulfillment_request_post(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Alias of `acknowledge_fulfillment_request`."""
        return self.acknowledge_fulfillment_request(id, idempotency_key=idempotency_key, if_match=if_match)

    def cancel_fulfillment_request(self, id: int, *, reason: str | None = None, kill_or_fill_type: Literal['fill', 'kill'] | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Cancel Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["cancel_fulfillment_request"], (id, ), {"reason": reason, "killOrFillType": kill_or_fill_type}, None, idempotency_key, if_match))

    def void_fulfillment_request(self, id: int, *, reason: str | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Void Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["void_fulfillment_request"], (id, ), {"reason": reason}, None, idempotency_key, if_match))

    def adjust_fulfillment_request(self, id: int, body: m.AdjustInput | None = None, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest:
        """Adjust Fulfillment Request."""
        return cast("m.FulfillmentRequest", self._call(OPERATIONS["adjust_fulfillment_request"], (id, ), {}, body, idempotency_key, if_match))

    def sync_fulfillment_request_accounting(self, id: int, body: m.AccountingSyncInput | None = None, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> None:
        """Sync Accounting."""
        self._call(OPERATIONS["sync_fulfillment_request_accounting"], (id, ), {}, body, idempotency_key, if_match)

    def list_attention(self, *, source_id: m.Id | None = None, codes: Sequence[str] | None = None, assignee: str | None = None, unassigned: bool | None = None, snoozed: bool | None = None, limit: int | None = None, after: str | None = None) -> m.Attention:
        """Get Attention List."""
        return cast("m.Attention", self._call(OPERATIONS["list_attention"], (), {"sourceId": source_id, "codes": codes, "assignee": assignee, "unassigned": unassigned, "snoozed": snoozed, "limit": limit, "after": after}, None, None, None))

    def settle_attention(self, body: m.SettleAttentionInput, *, idempotency_key: str | None = None) -> m.SettleAttentionResult:
        """Settle Attention Items."""
        return cast("m.SettleAttentionResult", self._call(OPERATIONS["settle_attention"], (), {}, body, idempotency_key, None))

    def list_policies(self) -> list[m.Policy]:
        """Get Clock Rules."""
        return cast("list[m.Policy]", self._call(OPERATIONS["list_policies"], (), {}, None, None, None))

    def replace_policies(self, body: list[m.PolicyInput], *, idempotency_key: str | None = None) -> list[m.Policy]:
        """Set Clock Rules."""
        return cast("list[m.Policy]", self._call(OPERATIONS["replace_policies"], (), {}, body, idempotency_key, None))

    def list_failure_codes(self) -> list[m.FailureCodeInfo]:
        """Get Failure Codes."""
        return cast("list[m.FailureCodeInfo]", self._call(OPERATIONS["list_failure_codes"], (), {}, None, None, None))

    def list_orders(self, *, page: int | None = None, page_size: int | None = None, ordered_after: str | datetime | None = None, status: Sequence[str] | None = None, include_tags: Sequence[str] | None = None, order_updated_at: str | datetime | None = None, fulfillment_requests_updated_at: str | datetime | None = None, shipments_updated_at: str | datetime | None = None, order_numbers: Sequence[str] | None = None, reference_numbers: Sequence[str] | None = None, channel_id: m.Id | None = None) -> list[m.Order]:
        """Get Orders."""
        return cast("list[m.Order]", self._call(OPERATIONS["list_orders"], (), {"page": page, "pageSize": page_size, "orderedAfter": ordered_after, "status": status, "includeTags": include_tags, "orderUpdatedAt": order_updated_at, "fulfillmentRequestsUpdatedAt": fulfillment_requests_updated_at, "shipmentsUpdatedAt": shipments_updated_at, "orderNumbers": order_numbers, "referenceNumbers": reference_numbers, "channelId": channel_id}, None, None, None))

    def create_order(self, body: m.CreateOrderInput, *, idempotency_key: str | None = None) -> m.Order:
        """Create Order."""
        return cast("m.Order", self._call(OPERATIONS["create_order"], (), {}, body, idempotency_key, None))

    def get_order(self, id: int) -> m.Order:
        """Get Order."""
        return cast("m.Order", self._call(OPERATIONS["get_order"], (id, ), {}, None, None, None))

    def list_order_events(self, id: int) -> list[m.OrderEvent]:
        """Get Order Timeline."""
        return cast("list[m.OrderEvent]", self._call(OPERATIONS["list_order_events"], (id, ), {}, None, None, None))

    def preview_order_generation(self, id: int) -> m.GenerationPreview:
        """Preview Generation."""
        return cast("m.GenerationPreview", self._call(OPERATIONS["preview_order_generation"], (id, ), {}, None, None, None))

    def generate_for_order(self, id: int, *, partial: bool | None = None, idempotency_key: str | None = None) -> list[m.FulfillmentRequest]:
        """Generate Fulfillment Requests."""
        return cast("list[m.FulfillmentRequest]", self._call(OPERATIONS["generate_for_order"], (id, ), {"partial": partial}, None, idempotency_key, None))

    def get_routing_decision(self, id: int) -> m.RoutingDecision:
        """Get Routing Decision."""
        return cast("m.RoutingDecision", self._call(OPERATIONS["get_routing_decision"], (id, ), {}, None, None, None))

    def reroute_fulfillment_request(self, id: int, *, source_id: m.Id | None = None, reason: str | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> list[m.FulfillmentRequest]:
        """Reroute Fulfillment Request."""
        return cast("list[m.FulfillmentRequest]", self._call(OPERATIONS["reroute_fulfillment_request"], (id, ), {"sourceId": source_id, "reason": reason}, None, idempotency_key, if_match))

    def get_account(self) -> m.Account:
        """Get Account."""
        return cast("m.Account", self._call(OPERATIONS["get_account"], (), {}, None, None, None))

    def update_account(self, body: m.AccountInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Account:
        """Update Account."""
        return cast("m.Account", self._call(OPERATIONS["update_account"], (), {}, body, idempotency_key, if_match))

    def get_health(self) -> m.GetHealthReply:
        """Check Health."""
        return cast("m.GetHealthReply", self._call(OPERATIONS["get_health"], (), {}, None, None, None))

    def get_readiness(self) -> m.GetReadinessReply:
        """Check Readiness."""
        return cast("m.GetReadinessReply", self._call(OPERATIONS["get_readiness"], (), {}, None, None, None))

    def get_openapi_json(self) -> dict[str, Any]:
        """Get OpenAPI Document as JSON."""
        return cast("dict[str, Any]", self._call(OPERATIONS["get_openapi_json"], (), {}, None, None, None))

    def reconcile_committed_stock(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest | None:
        """Adjust Applicable Committed Stock."""
        return cast("m.FulfillmentRequest | None", self._call(OPERATIONS["reconcile_committed_stock"], (id, ), {}, None, idempotency_key, if_match))

    def release_committed_stock(self, id: int, body: m.ReleaseStockInput | None = None, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.FulfillmentRequest | None:
        """Release All Committed Stock For Fulfillment Request."""
        return cast("m.FulfillmentRequest | None", self._call(OPERATIONS["release_committed_stock"], (id, ), {}, body, idempotency_key, if_match))

    def list_purchase_orders(self, *, find_order_id: m.Id | None = None, since_id: int | None = None, fr_numbers: Sequence[str] | None = None, po_numbers: Sequence[str] | None = None, filter_source_id: m.Id | None = None, filter_fulfilment_status: Sequence[str] | None = None, filter_invoiced: bool | None = None, filter_status: Sequence[str] | None = None, status: str | None = None, filter_is_acknowledged: bool | None = None, filter_acknowledged_after: str | datetime | None = None, filter_is_sent: bool | None = None, filter_sent_after: str | datetime | None = None, filter_generated_after: str | datetime | None = None, filter_is_canceled: bool | None = None, filter_canceled_after: str | datetime | None = None, filter_eligible_for_processing: bool | None = None, filter_updated_after: str | datetime | None = None, filter_failure_code: Sequence[m.FailureCode] | None = None, filter_needs_attention: bool | None = None, filter_page_number: int | None = None, filter_page_size: int | None = None) -> list[m.PurchaseOrder]:
        """Get Purchase Orders."""
        return cast("list[m.PurchaseOrder]", self._call(OPERATIONS["list_purchase_orders"], (), {"findOrderId": find_order_id, "sinceId": since_id, "frNumbers": fr_numbers, "poNumbers": po_numbers, "filterSourceId": filter_source_id, "filterFulfilmentStatus": filter_fulfilment_status, "filterInvoiced": filter_invoiced, "filterStatus": filter_status, "status": status, "filterIsAcknowledged": filter_is_acknowledged, "filterAcknowledgedAfter": filter_acknowledged_after, "filterIsSent": filter_is_sent, "filterSentAfter": filter_sent_after, "filterGeneratedAfter": filter_generated_after, "filterIsCanceled": filter_is_canceled, "filterCanceledAfter": filter_canceled_after, "filterEligibleForProcessing": filter_eligible_for_processing, "filterUpdatedAfter": filter_updated_after, "filterFailureCode": filter_failure_code, "filterNeedsAttention": filter_needs_attention, "filterPageNumber": filter_page_number, "filterPageSize": filter_page_size}, None, None, None))

    def create_purchase_order(self, body: m.CreateFulfillmentRequestInput, *, idempotency_key: str | None = None) -> m.PurchaseOrder:
        """Create Purchase Order."""
        return cast("m.PurchaseOrder", self._call(OPERATIONS["create_purchase_order"], (), {}, body, idempotency_key, None))

    def count_purchase_orders(self, *, find_order_id: m.Id | None = None, since_id: int | None = None, fr_numbers: Sequence[str] | None = None, po_numbers: Sequence[str] | None = None, filter_source_id: m.Id | None = None, filter_fulfilment_status: Sequence[str] | None = None, filter_invoiced: bool | None = None, filter_status: Sequence[str] | None = None, status: str | None = None, filter_is_acknowledged: bool | None = None, filter_acknowledged_after: str | datetime | None = None, filter_is_sent: bool | None = None, filter_sent_after: str | datetime | None = None, filter_generated_after: str | datetime | None = None, filter_is_canceled: bool | None = None, filter_canceled_after: str | datetime | None = None, filter_eligible_for_processing: bool | None = None, filter_updated_after: str | datetime | None = None, filter_failure_code: Sequence[m.FailureCode] | None = None, filter_needs_attention: bool | None = None, fulfillment_request_numbers: Sequence[str] | None = None) -> m.CountPurchaseOrdersReply:
        """Get Count of Purchase Orders."""
        return cast("m.CountPurchaseOrdersReply", self._call(OPERATIONS["count_purchase_orders"], (), {"findOrderId": find_order_id, "sinceId": since_id, "frNumbers": fr_numbers, "poNumbers": po_numbers, "filterSourceId": filter_source_id, "filterFulfilmentStatus": filter_fulfilment_status, "filterInvoiced": filter_invoiced, "filterStatus": filter_status, "status": status, "filterIsAcknowledged": filter_is_acknowledged, "filterAcknowledgedAfter": filter_acknowledged_after, "filterIsSent": filter_is_sent, "filterSentAfter": filter_sent_after, "filterGeneratedAfter": filter_generated_after, "filterIsCanceled": filter_is_canceled, "filterCanceledAfter": filter_canceled_after, "filterEligibleForProcessing": filter_eligible_for_processing, "filterUpdatedAfter": filter_updated_after, "filterFailureCode": filter_failure_code, "filterNeedsAttention": filter_needs_attention, "fulfillmentRequestNumbers": fulfillment_request_numbers}, None, None, None))

    def mark_purchase_order_processed(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.PurchaseOrder:
        """Process Purchase Order."""
        return cast("m.PurchaseOrder", self._call(OPERATIONS["mark_purchase_order_processed"], (id, ), {}, None, idempotency_key, if_match))

    def fail_purchase_order(self, id: int, *, error: str, code: m.FailureCode | None = None, retryable: bool | None = None, item_ids: Sequence[m.Id] | None = None, idempotency_key: str | None = None, if_match: int | str | None = None) -> None:
        """Fail Purchase Order."""
        self._call(OPERATIONS["fail_purchase_order"], (id, ), {"error": error, "code": code, "retryable": retryable, "itemIds": item_ids}, None, idempotency_key, if_match)

    def adjust_purchase_order(self, id: int, body: m.AdjustInput | None = None, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.PurchaseOrder:
        """Adjust Purchase Order."""
        return cast("m.PurchaseOrder", self._call(OPERATIONS["adjust_purchase_order"], (id, ), {}, body, idempotency_key, if_match))

    def reconcile_purchase_order_stock(self, id: int, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.PurchaseOrder | None:
        """Adjust Applicable Committed Stock for Purchase Order."""
        return cast("m.PurchaseOrder | None", self._call(OPERATIONS["reconcile_purchase_order_stock"], (id, ), {}, None, idempotency_key, if_match))

    def release_purchase_order_stock(self, id: int, body: m.ReleaseStockInput | None = None, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.PurchaseOrder | None:
        """Release All Committed Stock For Purchase Order."""
        return cast("m.PurchaseOrder | None", self._call(OPERATIONS["release_purchase_order_stock"], (id, ), {}, body, idempotency_key, if_match))

    def add_order_items(self, id: int, body: m.AddOrderItemInput, *, idempotency_key: str | None = None) -> m.Order:
        """Create Order Item."""
        return cast("m.Order", self._call(OPERATIONS["add_order_items"], (id, ), {}, body, idempotency_key, None))

    def set_order_status(self, id: int, *, status: Literal['Open', 'Closed', 'Canceled', 'On Hold', 'Failed', 'No Shipping Method', 'Not Managed'], update_note: str | None = None, idempotency_key: str | None = None) -> m.Order:
        """Update Order Status."""
        return cast("m.Order", self._call(OPERATIONS["set_order_status"], (id, ), {"status": status, "updateNote": update_note}, None, idempotency_key, None))

    def set_order_payment(self, id: int, *, status: Literal['Not Authorized', 'Authorized', 'Paid', 'Deferred', 'Refunded', 'Credited', 'Awaiting Clearance', 'Declined', 'Refund Pending', 'Refund Failed'], update_note: str | None = None, idempotency_key: str | None = None) -> m.Order:
        """Update Order Payment."""
        return cast("m.Order", self._call(OPERATIONS["set_order_payment"], (id, ), {"status": status, "updateNote": update_note}, None, idempotency_key, None))

    def change_order_tags(self, id: int, body: m.TagsInput, *, idempotency_key: str | None = None) -> list[str]:
        """Update Order Tags."""
        return cast("list[str]", self._call(OPERATIONS["change_order_tags"], (id, ), {}, body, idempotency_key, None))

    def sync_order_accounting(self, id: int, body: m.OrderAccountingSyncInput, *, idempotency_key: str | None = None) -> None:
        """Sync Order Accounting."""
        self._call(OPERATIONS["sync_order_accounting"], (id, ), {}, body, idempotency_key, None)

    def link_orders(self, body: m.LinkOrdersInput, *, order_ids: Sequence[m.Id] | None = None, skus: Sequence[str] | None = None, channel_id: m.Id | None = None, idempotency_key: str | None = None) -> list[m.Id]:
        """Link Unmanaged Orders/Items."""
        return cast("list[m.Id]", self._call(OPERATIONS["link_orders"], (), {"orderIds": order_ids, "skus": skus, "channelId": channel_id}, body, idempotency_key, None))

    def list_shipments(self, *, find_by_order_id: int | None = None, find_by_purchase_order_id: int | None = None, find_by_fulfillment_request_id: int | None = None, filter_created_after: str | datetime | None = None, filter_updated_after: str | datetime | None = None, filter_page_number: int | None = None, filter_page_size: int | None = None) -> list[m.Shipment]:
        """Get Shipments."""
        return cast("list[m.Shipment]", self._call(OPERATIONS["list_shipments"], (), {"findByOrderId": find_by_order_id, "findByPurchaseOrderId": find_by_purchase_order_id, "findByFulfillmentRequestId": find_by_fulfillment_request_id, "filterCreatedAfter": filter_created_after, "filterUpdatedAfter": filter_updated_after, "filterPageNumber": filter_page_number, "filterPageSize": filter_page_size}, None, None, None))

    def create_shipment(self, body: m.CreateShipmentInput, *, idempotency_key: str | None = None) -> m.Shipment:
        """Create Shipment."""
        return cast("m.Shipment", self._call(OPERATIONS["create_shipment"], (), {}, body, idempotency_key, None))

    def update_shipment(self, body: m.UpdateShipmentInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Shipment:
        """Patch Shipment."""
        return cast("m.Shipment", self._call(OPERATIONS["update_shipment"], (), {}, body, idempotency_key, if_match))

    def get_shipment(self, id: int) -> m.Shipment:
        """Get Shipment."""
        return cast("m.Shipment", self._call(OPERATIONS["get_shipment"], (id, ), {}, None, None, None))

    def flag_shipments_with_errors(self, body: list[m.FlagShipmentsWithErrorsBodyItem], *, idempotency_key: str | None = None, if_match: int | str | None = None) -> list[m.Shipment]:
        """Flag Shipments with Sync Errors."""
        return cast("list[m.Shipment]", self._call(OPERATIONS["flag_shipments_with_errors"], (), {}, body, idempotency_key, if_match))

    def delete_shipment_items(self, id: int, body: m.DeleteShipmentItemsBody, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Shipment:
        """Delete Shipment Item."""
        return cast("m.Shipment", self._call(OPERATIONS["delete_shipment_items"], (id, ), {}, body, idempotency_key, if_match))

    def delete_shipment_custom_fields(self, id: int, body: m.DeleteShipmentCustomFieldsBody, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Shipment:
        """Delete Shipment Custom Fields."""
        return cast("m.Shipment", self._call(OPERATIONS["delete_shipment_custom_fields"], (id, ), {}, body, idempotency_key, if_match))

    def list_source_invoices(self, *, filter_purchase_order_id: int | None = None, filter_created_after: str | datetime | None = None, filter_source_id: int | None = None, is_accounting_synced: bool | None = None, is_for_synced_accounting_purchase_order: bool | None = None, has_accounting_sync_error: bool | None = None, ids: Sequence[m.Id] | None = None, filter_page_number: int | None = None, filter_page_size: int | None = None) -> list[m.SourceInvoice]:
        """Get Source Invoices."""
        return cast("list[m.SourceInvoice]", self._call(OPERATIONS["list_source_invoices"], (), {"filterPurchaseOrderId": filter_purchase_order_id, "filterCreatedAfter": filter_created_after, "filterSourceId": filter_source_id, "isAccountingSynced": is_accounting_synced, "isForSyncedAccountingPurchaseOrder": is_for_synced_accounting_purchase_order, "hasAccountingSyncError": has_accounting_sync_error, "ids": ids, "filterPageNumber": filter_page_number, "filterPageSize": filter_page_size}, None, None, None))

    def create_source_invoice(self, body: m.CreateSourceInvoiceInput, *, idempotency_key: str | None = None) -> m.SourceInvoice:
        """Create Source Invoice."""
        return cast("m.SourceInvoice", self._call(OPERATIONS["create_source_invoice"], (), {}, body, idempotency_key, None))

    def get_source_invoice(self, id: int) -> m.SourceInvoice:
        """Get Source Invoice."""
        return cast("m.SourceInvoice", self._call(OPERATIONS["get_source_invoice"], (id, ), {}, None, None, None))

    def update_source_invoice(self, id: int, body: m.UpdateSourceInvoiceInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.SourceInvoice:
        """Patch Source Invoice."""
        return cast("m.SourceInvoice", self._call(OPERATIONS["update_source_invoice"], (id, ), {}, body, idempotency_key, if_match))

    def list_sources(self, *, page: int | None = None, page_size: int | None = None) -> list[m.Source]:
        """Get Sources."""
        return cast("list[m.Source]", self._call(OPERATIONS["list_sources"], (), {"page": page, "pageSize": page_size}, None, None, None))

    def create_source(self, body: m.SourceInput, *, idempotency_key: str | None = None) -> m.Source:
        """Create Source."""
        return cast("m.Source", self._call(OPERATIONS["create_source"], (), {}, body, idempotency_key, None))

    def get_source(self, id: int) -> m.Source:
        """Get Source."""
        return cast("m.Source", self._call(OPERATIONS["get_source"], (id, ), {}, None, None, None))

    def update_source(self, id: int, body: m.SourceInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Source:
        """Update Source."""
        return cast("m.Source", self._call(OPERATIONS["update_source"], (id, ), {}, body, idempotency_key, if_match))

    def set_source_settings(self, id: int, body: m.SourceSettings, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Source:
        """Set Source Settings."""
        return cast("m.Source", self._call(OPERATIONS["set_source_settings"], (id, ), {}, body, idempotency_key, if_match))

    def get_source_delivery(self, id: int) -> m.SourceDelivery:
        """Get Source Delivery."""
        return cast("m.SourceDelivery", self._call(OPERATIONS["get_source_delivery"], (id, ), {}, None, None, None))

    def set_source_delivery(self, id: int, body: m.SourceDeliveryInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.SourceDelivery:
        """Set Source Delivery."""
        return cast("m.SourceDelivery", self._call(OPERATIONS["set_source_delivery"], (id, ), {}, body, idempotency_key, if_match))

    def test_source_delivery(self, id: int, body: m.TestSourceDeliveryBody | None = None) -> m.DeliveryTrial:
        """Test Source Delivery."""
        return cast("m.DeliveryTrial", self._call(OPERATIONS["test_source_delivery"], (id, ), {}, body, None, None))

    def get_purchase_order_strategy(self, id: int) -> m.PurchaseOrderStrategy:
        """Get Purchase Order Strategy."""
        return cast("m.PurchaseOrderStrategy", self._call(OPERATIONS["get_purchase_order_strategy"], (id, ), {}, None, None, None))

    def set_purchase_order_strategy(self, id: int, body: m.PurchaseOrderStrategyInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.PurchaseOrderStrategy:
        """Set Purchase Order Strategy."""
        return cast("m.PurchaseOrderStrategy", self._call(OPERATIONS["set_purchase_order_strategy"], (id, ), {}, body, idempotency_key, if_match))

    def list_channels(self, *, page: int | None = None, page_size: int | None = None) -> list[m.Channel]:
        """Get Channels."""
        return cast("list[m.Channel]", self._call(OPERATIONS["list_channels"], (), {"page": page, "pageSize": page_size}, None, None, None))

    def create_channel(self, body: m.ChannelInput, *, idempotency_key: str | None = None) -> m.Channel:
        """Create Channel."""
        return cast("m.Channel", self._call(OPERATIONS["create_channel"], (), {}, body, idempotency_key, None))

    def get_channel(self, id: int) -> m.Channel:
        """Get Channel."""
        return cast("m.Channel", self._call(OPERATIONS["get_channel"], (id, ), {}, None, None, None))

    def update_channel(self, id: int, body: m.ChannelInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.Channel:
        """Update Channel."""
        return cast("m.Channel", self._call(OPERATIONS["update_channel"], (id, ), {}, body, idempotency_key, if_match))

    def list_inventory_variants(self, *, skus: Sequence[str] | None = None, ids: Sequence[int] | None = None, upcs: Sequence[str] | None = None, source_id: int | None = None, updated_after: str | datetime | None = None, page: int | None = None, page_size: int | None = None) -> list[m.InventoryVariant]:
        """Get Inventory Variants."""
        return cast("list[m.InventoryVariant]", self._call(OPERATIONS["list_inventory_variants"], (), {"skus": skus, "ids": ids, "upcs": upcs, "sourceId": source_id, "updatedAfter": updated_after, "page": page, "pageSize": page_size}, None, None, None))

    def update_inventory_variants(self, body: list[m.InventoryVariantInput], *, modify_quantity: Literal['none', 'update', 'updateNonNull'] | None = None, modify_cost: Literal['none', 'update', 'updateNonNull'] | None = None, modify_map: Literal['none', 'update', 'updateNonNull'] | None = None, modify_msrp: Literal['none', 'update', 'updateNonNull'] | None = None, modify_shipping_cost: Literal['none', 'update', 'updateNonNull'] | None = None, modify_drop_ship_fee: Literal['none', 'update', 'updateNonNull'] | None = None, modify_allow_backorders: Literal['none', 'update', 'updateNonNull'] | None = None, modify_weight: Literal['none', 'update', 'updateNonNull'] | None = None, modify_weight_unit: Literal['none', 'update', 'updateNonNull'] | None = None, modify_length: Literal['none', 'update', 'updateNonNull'] | None = None, modify_width: Literal['none', 'update', 'updateNonNull'] | None = None, modify_height: Literal['none', 'update', 'updateNonNull'] | None = None, modify_dimension_unit: Literal['none', 'update', 'updateNonNull'] | None = None, modify_custom_fields: Literal['none', 'replace', 'update', 'merge', 'deleteIncluded', 'deleteAll'] | None = None, idempotency_key: str | None = None) -> list[m.InventoryVariant]:
        """Update Inventory Variants."""
        return cast("list[m.InventoryVariant]", self._call(OPERATIONS["update_inventory_variants"], (), {"modifyQuantity": modify_quantity, "modifyCost": modify_cost, "modifyMap": modify_map, "modifyMsrp": modify_msrp, "modifyShippingCost": modify_shipping_cost, "modifyDropShipFee": modify_drop_ship_fee, "modifyAllowBackorders": modify_allow_backorders, "modifyWeight": modify_weight, "modifyWeightUnit": modify_weight_unit, "modifyLength": modify_length, "modifyWidth": modify_width, "modifyHeight": modify_height, "modifyDimensionUnit": modify_dimension_unit, "modifyCustomFields": modify_custom_fields}, body, idempotency_key, None))

    def explain_inventory_stock(self, id: int) -> m.StockExplanation:
        """Explain Stock."""
        return cast("m.StockExplanation", self._call(OPERATIONS["explain_inventory_stock"], (id, ), {}, None, None, None))

    def list_inventory_parents(self, *, skus: Sequence[str] | None = None, ids: Sequence[int] | None = None, source_id: int | None = None, updated_after: str | datetime | None = None, page: int | None = None, page_size: int | None = None) -> list[m.InventoryParent]:
        """Get Inventory Parents."""
        return cast("list[m.InventoryParent]", self._call(OPERATIONS["list_inventory_parents"], (), {"skus": skus, "ids": ids, "sourceId": source_id, "updatedAfter": updated_after, "page": page, "pageSize": page_size}, None, None, None))

    def create_inventory_parents(self, body: list[m.InventoryParentInput], *, modify_parent_custom_fields: Literal['none', 'replace', 'update', 'merge', 'deleteIncluded', 'deleteAll'] | None = None, modify_variant_custom_fields: Literal['none', 'replace', 'update', 'merge', 'deleteIncluded', 'deleteAll'] | None = None, idempotency_key: str | None = None) -> list[m.InventoryParent]:
        """Create/Update Inventory."""
        return cast("list[m.InventoryParent]", self._call(OPERATIONS["create_inventory_parents"], (), {"modifyParentCustomFields": modify_parent_custom_fields, "modifyVariantCustomFields": modify_variant_custom_fields}, body, idempotency_key, None))

    def list_product_variants(self, *, skus: Sequence[str] | None = None, ids: Sequence[int] | None = None, upcs: Sequence[str] | None = None, updated_after: str | datetime | None = None, page: int | None = None, page_size: int | None = None) -> list[m.ProductVariant]:
        """Get Product Variants."""
        return cast("list[m.ProductVariant]", self._call(OPERATIONS["list_product_variants"], (), {"skus": skus, "ids": ids, "upcs": upcs, "updatedAfter": updated_after, "page": page, "pageSize": page_size}, None, None, None))

    def list_listing_parents(self, *, skus: Sequence[str] | None = None, ids: Sequence[int] | None = None, channel_id: int | None = None, include_attributes: bool | None = None, updated_after: str | datetime | None = None, page: int | None = None, page_size: int | None = None) -> list[m.ListingParent]:
        """Get Listing Parents."""
        return cast("list[m.ListingParent]", self._call(OPERATIONS["list_listing_parents"], (), {"skus": skus, "ids": ids, "channelId": channel_id, "includeAttributes": include_attributes, "updatedAfter": updated_after, "page": page, "pageSize": page_size}, None, None, None))

    def list_listing_variants(self, *, skus: Sequence[str] | None = None, ids: Sequence[int] | None = None, channel_id: int | None = None, updated_after: str | datetime | None = None, page: int | None = None, page_size: int | None = None) -> list[m.ListingVariant]:
        """Get Listing Variants."""
        return cast("list[m.ListingVariant]", self._call(OPERATIONS["list_listing_variants"], (), {"skus": skus, "ids": ids, "channelId": channel_id, "updatedAfter": updated_after, "page": page, "pageSize": page_size}, None, None, None))

    def update_listing_variants(self, body: list[m.ListingVariantInput], *, modify_custom_fields: Literal['none', 'replace', 'update', 'merge', 'deleteIncluded', 'deleteAll'] | None = None, idempotency_key: str | None = None) -> list[m.ListingVariant]:
        """Create/Update Listing Variants."""
        return cast("list[m.ListingVariant]", self._call(OPERATIONS["update_listing_variants"], (), {"modifyCustomFields": modify_custom_fields}, body, idempotency_key, None))

    def list_source_shipping_methods(self, *, source_id: m.Id | None = None, page: int | None = None, page_size: int | None = None) -> list[m.SourceShippingMethod]:
        """List Source Shipping Methods."""
        return cast("list[m.SourceShippingMethod]", self._call(OPERATIONS["list_source_shipping_methods"], (), {"sourceId": source_id, "page": page, "pageSize": page_size}, None, None, None))

    def create_source_shipping_method(self, body: m.SourceShippingMethodInput, *, idempotency_key: str | None = None) -> m.SourceShippingMethod:
        """Add Source Shipping Method."""
        return cast("m.SourceShippingMethod", self._call(OPERATIONS["create_source_shipping_method"], (), {}, body, idempotency_key, None))

    def update_source_shipping_method(self, id: int, body: m.SourceShippingMethodInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.SourceShippingMethod:
        """Update Source Shipping Method."""
        return cast("m.SourceShippingMethod", self._call(OPERATIONS["update_source_shipping_method"], (id, ), {}, body, idempotency_key, if_match))

    def list_channel_shipping_methods(self, *, channel_id: m.Id | None = None, mapped: bool | None = None, page: int | None = None, page_size: int | None = None) -> list[m.ChannelShippingMethod]:
        """List Channel Shipping Methods."""
        return cast("list[m.ChannelShippingMethod]", self._call(OPERATIONS["list_channel_shipping_methods"], (), {"channelId": channel_id, "mapped": mapped, "page": page, "pageSize": page_size}, None, None, None))

    def create_channel_shipping_method(self, body: m.CreateChannelShippingMethodInput, *, idempotency_key: str | None = None) -> m.ChannelShippingMethod:
        """Create Channel Shipping Method."""
        return cast("m.ChannelShippingMethod", self._call(OPERATIONS["create_channel_shipping_method"], (), {}, body, idempotency_key, None))

    def update_channel_shipping_method(self, id: int, body: m.ChannelShippingMethodInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.ChannelShippingMethod:
        """Update Channel Shipping Method."""
        return cast("m.ChannelShippingMethod", self._call(OPERATIONS["update_channel_shipping_method"], (id, ), {}, body, idempotency_key, if_match))

    def update_shipping_policy(self, id: int, body: m.ShippingPolicyInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.ShippingPolicy:
        """Update Shipping Policy."""
        return cast("m.ShippingPolicy", self._call(OPERATIONS["update_shipping_policy"], (id, ), {}, body, idempotency_key, if_match))

    def list_shipping_policies(self, *, page: int | None = None, page_size: int | None = None) -> list[m.ShippingPolicy]:
        """Get Shipping Policies."""
        return cast("list[m.ShippingPolicy]", self._call(OPERATIONS["list_shipping_policies"], (), {"page": page, "pageSize": page_size}, None, None, None))

    def create_shipping_policy(self, body: m.ShippingPolicyInput, *, idempotency_key: str | None = None) -> m.ShippingPolicy:
        """Create Shipping Policy."""
        return cast("m.ShippingPolicy", self._call(OPERATIONS["create_shipping_policy"], (), {}, body, idempotency_key, None))

    def list_routing_groups(self, *, page: int | None = None, page_size: int | None = None) -> list[m.RoutingGroup]:
        """Get Routing Groups."""
        return cast("list[m.RoutingGroup]", self._call(OPERATIONS["list_routing_groups"], (), {"page": page, "pageSize": page_size}, None, None, None))

    def create_routing_group(self, body: m.RoutingGroupInput, *, idempotency_key: str | None = None) -> m.RoutingGroup:
        """Create Routing Group."""
        return cast("m.RoutingGroup", self._call(OPERATIONS["create_routing_group"], (), {}, body, idempotency_key, None))

    def get_routing_group(self, id: int) -> m.RoutingGroup:
        """Get Routing Group."""
        return cast("m.RoutingGroup", self._call(OPERATIONS["get_routing_group"], (id, ), {}, None, None, None))

    def update_routing_group(self, id: int, body: m.RoutingGroupInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.RoutingGroup:
        """Update Routing Group."""
        return cast("m.RoutingGroup", self._call(OPERATIONS["update_routing_group"], (id, ), {}, body, idempotency_key, if_match))

    def list_events(self, *, after: str | None = None, types: Sequence[str] | None = None, limit: int | None = None, wait: int | None = None) -> m.FeedPage:
        """Get Events."""
        return cast("m.FeedPage", self._call(OPERATIONS["list_events"], (), {"after": after, "types": types, "limit": limit, "wait": wait}, None, None, None))

    def list_webhook_configurations(self) -> list[m.WebhookConfiguration]:
        """Get Webhook Configurations."""
        return cast("list[m.WebhookConfiguration]", self._call(OPERATIONS["list_webhook_configurations"], (), {}, None, None, None))

    def list_webhook_configurations_right_spelling(self) -> list[m.WebhookConfiguration]:
        """Alias of `list_webhook_configurations`."""
        return self.list_webhook_configurations()

    def create_webhook_configuration(self, body: m.CreateWebhookInput, *, idempotency_key: str | None = None) -> m.WebhookConfigurationWithSecret:
        """Create Webhook Configuration."""
        return cast("m.WebhookConfigurationWithSecret", self._call(OPERATIONS["create_webhook_configuration"], (), {}, body, idempotency_key, None))

    def create_webhook_configuration_right_spelling(self, body: m.CreateWebhookInput, *, idempotency_key: str | None = None) -> m.WebhookConfigurationWithSecret:
        """Alias of `create_webhook_configuration`."""
        return self.create_webhook_configuration(body, idempotency_key=idempotency_key)

    def get_webhook_configuration(self, id: int) -> m.WebhookConfiguration:
        """Get Webhook Configuration."""
        return cast("m.WebhookConfiguration", self._call(OPERATIONS["get_webhook_configuration"], (id, ), {}, None, None, None))

    def get_webhook_configuration_right_spelling(self, id: int) -> m.WebhookConfiguration:
        """Alias of `get_webhook_configuration`."""
        return self.get_webhook_configuration(id)

    def update_webhook_configuration(self, id: int, body: m.UpdateWebhookInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.WebhookConfiguration:
        """Update Webhook Configuration."""
        return cast("m.WebhookConfiguration", self._call(OPERATIONS["update_webhook_configuration"], (id, ), {}, body, idempotency_key, if_match))

    def update_webhook_configuration_right_spelling(self, id: int, body: m.UpdateWebhookInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.WebhookConfiguration:
        """Alias of `update_webhook_configuration`."""
        return self.update_webhook_configuration(id, body, idempotency_key=idempotency_key, if_match=if_match)

    def rotate_webhook_secret(self, id: int, body: m.RotateSecretInput, *, idempotency_key: str | None = None, if_match: int | str | None = None) -> m.WebhookConfigurationWithSecret:
        """Rotate Webhook Secret."""
        return cast("m.WebhookConfigurationWithSecret", self._call(OPERATIONS["rotate_webhook_secret"], (id, ), {}, body, idempotency_key, if_match))

    def send_test_webhook(self, id: int, *, idempotency_key: str | None = None) -> m.WebhookDelivery:
        """Send Test Webhook."""
        return cast("m.WebhookDelivery", self._call(OPERATIONS["send_test_webhook"], (id, ), {}, None, idempotency_key, None))

    def replay_webhook_events(self, id: int, body: m.ReplayInput, *, idempotency_key: str | None = None) -> m.QueuedMessages:
        """Replay Webhook Events."""
        return cast("m.QueuedMessages", self._call(OPERATIONS["replay_webhook_events"], (id, ), {}, body, idempotency_key, None))

    def list_webhook_deliveries(self, id: int, *, since_id: int | None = None, filter_status: Sequence[str] | None = None, filter_page_number: int | None = None, filter_page_size: int | None = None) -> list[m.WebhookDelivery]:
        """Get Webhook Deliveries."""
        return cast("list[m.WebhookDelivery]", self._call(OPERATIONS["list_webhook_deliveries"], (id, ), {"sinceId": since_id, "filterStatus": filter_status, "filterPageNumber": filter_page_number, "filterPageSize": filter_page_size}, None, None, None))

    def retry_webhook_events(self, body: m.RetryEventsInput, *, idempotency_key: str | None = None) -> m.QueuedMessages:
        """Retry Webhook Events."""
        return cast("m.QueuedMessages", self._call(OPERATIONS["retry_webhook_events"], (), {}, body, idempotency_key, None))
