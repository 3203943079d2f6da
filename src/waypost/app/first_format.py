"""The first format of stored records, up to schema 0009: lists. This table tells the field at each position.

Frozen: what a list of that time says does not change with today's records. Fields were only ever added at the end, so
a shorter list is an older one. It can go once no database of those releases is migrated any more.
"""

import json
from typing import Any

FIRST = 1  # the first element of an outcome that was kept under an idempotency key

_RECORDS = """\
State id account_id source_id channel_id order_id status fulfillment_status version modified_at sent_at
    acknowledged_at secondary_acknowledged_at canceled_at voided_at attempt_count handover failure_code failure_reason
    failure_retryable failed_at failed_by failed_lines cancel_reason voided_reason shipped_quantity invoiced
    accounting_synced external_accounting_id accounting_error status_since released_seq
Particulars id number generated_at hold_until shipping_address billing_address shipping_text source_shipping_method_id
    carrier method note confirmation_number total_items total_quantity total_cost estimated_shipping_cost
    estimated_dropship_fee suppress_tracking package_length package_width package_height package_weight
    package_dimension_unit package_weight_unit attachment_links custom_fields routing_decision_id assignee
    snoozed_until
Line id request_id line_number sku title quantity cost order_item_id inventory_variant_id item_reference_id
    reference_id acknowledged secondary_acknowledged shipped canceled killed voided upc mpn weight weight_unit length
    width height dimension_unit custom_fields external_accounting_id
FulfillmentRequest state particulars lines
Order id account_id channel_id order_number reference_number imported_from status payment_status acknowledged_status
    shipped_status order_total note shipping_text ordered_at inserted_at updated_at shipping_address billing_address
    tags custom_fields content_hash hold_reasons accounting_synced external_accounting_id accounting_error likeness
OrderItem id order_id line_number sku title quantity price external_listing_id listing_variant_id product_variant_id
    custom_fields allocated acknowledged shipped canceled ship_to refused_sources dropped
OrderRequest id number source_id status
OrderView order items requests
Shipment id account_id source_id order_id request_id tracking_number tracking_url carrier method note shipped_at
    shipping_cost suppressed partial synced_to_channel sync_error accounting_synced custom_fields inserted_at
    updated_at version
ShipmentItem id shipment_id line_id quantity stock_released rma_item_id custom_fields
ShippedLine id sku quantity order_item_id inventory_variant_id
ShipmentView shipment items
Invoice id account_id source_id request_id status invoice_number invoice_date total_credit_cost commission
    vendor_payout_id accounting_synced external_accounting_id accounting_error custom_fields inserted_at updated_at
    version
InvoiceItem id invoice_id type inventory_variant_id sku title quantity unit_cost cost external_accounting_item_id
    custom_fields
InvoiceView invoice request_number items
InventoryVariant id account_id source_id sku quantity committed title cost map msrp shipping_cost dropship_fee
    archived allow_backorders upc mpn weight weight_unit length width height dimension_unit custom_fields parent_id
    product_variant_id reference_id inserted_at updated_at
InventoryParent id account_id source_id sku title description reference_id custom_fields archived inserted_at
    updated_at
ListingVariant id account_id channel_id parent_id product_variant_id sku title external_id price custom_fields
    inserted_at updated_at
AccountRow id company_name brand_name subdomain created_at default_routing_group_id number_strategy version
SourceRow id account_id name max_number_length required_fields auto_process created_at reference number_strategy
    exceed_strategy refused_characters pass_order_fields pass_item_fields stock_release allow_backorders dropship_fee
    shipping_estimate archived settings updated_at version
ChannelRow id account_id name created_at auto_generate allow_backorders reroute_on_fill require_shipping_mapping
    routing_group_id updated_at version
GroupMember source_id priority eligible
RoutingGroup id account_id name rules created_at updated_at version sources
SourceMethodRow id account_id source_id name carrier method estimated_cost active created_at updated_at version
ChannelMethodRow id account_id channel_id name policy_id created_at updated_at version
PolicyMethod source_id method_id
ShippingPolicy id account_id name created_at updated_at version methods
ClockRule id account_id source_id condition after_minutes response enabled created_at updated_at
Webhook id account_id source_id channel_id name url notification_email status disabled_reason subscribed strict_order
    timeout_s secret previous_secret previous_until cursor failures failing_since paused_until lease_owner lease_until
    created_at updated_at version
Delivery id webhook_id message_id seq name status attempts next_at log created_at updated_at delivered_at
DeliveryView source_id kind settings secret_names policy paused version updated_at
Spot subject subject_id code
Unstopped request_id number source_id status code message
BulkResult request_id version code dry_run
BulkDone results
Done action moved from_status to_status version image
Generated image
InventoryDone changed variants parents
Invoiced view status
ListingsDone listings
OrderDone view changed from_status unstopped
OrderPosted created view
Patched views changed from_status to_status
Pulled done
Queued queued
Recorded changed record
Rerouted images from_status
Shipped view from_status to_status
SpotResult spot refusal
Decision group_id group rules candidates rounds unplaced
Rule name mode
Candidate source_id name priority eligible dropship_fee shipping_estimate method_id
Round ship_to item_ids backorder bids idle steps chosen quantity
Bid source_id priority quantity cost mapped
Step rule kept lost
Unplaced item_id sku quantity trouble misses
"""


def _positions() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in _RECORDS.replace("\n    ", " ").splitlines():
        name, *fields = line.split()
        found[name] = tuple(fields)
    return found


POSITIONS = _positions()
"""By the name of a record's type: its fields in the order of the list."""


def outcome_of(record: list[Any]) -> list[Any]:
    """The outcome that was kept as `record`: without the number of the format, and as the releases after the first
    one laid it out."""
    if record[0] != FIRST:
        raise ValueError(record[0])
    rest = record[1:]
    if len(rest) == 3 and isinstance(rest[0], bool) and isinstance(rest[2], list) and len(rest[1]) == _FIRST_ORDER:
        created, order, items = rest  # schema 0001 kept an order so
        return [created, [order, items, []]]
    if len(rest) == 1 and rest[0] and isinstance(rest[0][0], str):
        return [[json.loads(done)[1:] for done in rest[0]]]  # what a source pulled: each a record of its own, as text
    return rest


_FIRST_ORDER = 21  # fields of an order at schema 0001
