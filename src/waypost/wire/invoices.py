"""Source invoices on the wire (contract section 4)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from waypost.app.actor import Actor
from waypost.app.invoices import ITEMS_AT_MOST, ChargeDraft, InvoiceDraft, InvoicePatch
from waypost.domain.invoices import InvoiceItem, InvoiceStatus, InvoiceView, ItemType, totals, unit_cost
from waypost.wire.bodies import CustomFields, Id, Long, Name, Quantity, Short, bad, fields, moment
from waypost.wire.bodies import money as read_money
from waypost.wire.faults import Fault
from waypost.wire.pieces import Pieces, array
from waypost.wire.requests import encode
from waypost.wire.scalars import MONEY_BELOW, Amount, format_datetime, money

Title = Annotated[str, Meta(max_length=500)]
_STATUS = Literal["unpaid", "paid", "credited", "refunded"]
_TYPE = Literal["product", "shipping", "fee", "tax", "other"]
_TOO_MUCH = MONEY_BELOW * 10_000  # ten-thousandths


class ChargeIn(Struct, rename="camel"):
    """One item of an invoice that is posted."""

    invoice_item_type: _TYPE
    sku: Short | None = None
    inventory_variant_id: Id | None = None
    title: Title | None = None
    quantity: Quantity | None = None
    per_unit_cost: Amount | None = None
    cost: Amount | None = None
    custom_fields: CustomFields | None = None


class CreateInvoice(Struct, rename="camel"):
    """Body of `POST /source-invoices`."""

    invoice_items: Annotated[list[ChargeIn], Meta(min_length=1, max_length=ITEMS_AT_MOST)]
    fulfillment_request_id: Id | None = None
    purchase_order_id: Id | None = None
    invoice_number: Short | None = None
    invoice_status: _STATUS | None = None
    invoice_date: str | None = None
    custom_fields: CustomFields | None = None


class ItemNamed(Struct, rename="camel"):
    """What accounting calls an item; without an id it is a new one."""

    external_accounting_item_id: Name
    invoice_item_id: Id | None = None


class UpdateInvoice(Struct, rename="camel"):
    """Body of `PATCH /source-invoices/{id}`: what is null stays."""

    accounting_synced: bool | None = None
    external_accounting_id: Short | None = None
    accounting_sync_error: Long | None = None
    status: _STATUS | None = None
    vendor_payout_id: Id | None = None
    total_credit_cost: Amount | None = None
    items: Annotated[list[ItemNamed], Meta(max_length=ITEMS_AT_MOST)] | None = None


def invoice_draft(body: CreateInvoice, actor: Actor, call_id: str, faults: list[Fault]) -> InvoiceDraft:
    """An invoice to be posted."""
    request_id = body.fulfillment_request_id or body.purchase_order_id
    if request_id is None:
        bad(faults, "/fulfillmentRequestId", "required", "Say which fulfillment request it is for.")
    if body.fulfillment_request_id is not None and body.purchase_order_id not in (None, request_id):
        bad(faults, "/purchaseOrderId", "contradiction", "fulfillmentRequestId and purchaseOrderId are the same id.")
    charges = tuple(_charge(item, f"/invoiceItems/{place}", faults) for place, item in enumerate(body.invoice_items))
    if sum(charge.cost for charge in charges) >= _TOO_MUCH:
        bad(faults, "/invoiceItems", "bad_amount", f"An invoice comes to less than {MONEY_BELOW}.")
    date = moment(body.invoice_date, "/invoiceDate", faults)
    status = InvoiceStatus(body.invoice_status or "paid")
    return InvoiceDraft(
        actor, request_id or 0, charges, body.invoice_number or None, status, date, fields(body.custom_fields), call_id
    )


def _charge(item: ChargeIn, at: str, faults: list[Fault]) -> ChargeDraft:
    """One item. Of the cost of a piece and that of all, one is enough; where both are given, each stands."""
    quantity = item.quantity or 1
    if item.invoice_item_type == "product" and not (item.sku or item.inventory_variant_id):
        bad(faults, f"{at}/sku", "required", "A product has its sku.")
    if item.per_unit_cost is None and item.cost is None:
        bad(faults, f"{at}/cost", "required", "Say what it costs: perUnitCost, or cost.")
    each = read_money(item.per_unit_cost, f"{at}/perUnitCost", faults)
    whole = read_money(item.cost, f"{at}/cost", faults)
    if item.cost is None:
        whole = each * quantity
    elif item.per_unit_cost is None:
        each = unit_cost(whole, quantity)
    if whole >= _TOO_MUCH:
        bad(faults, f"{at}/perUnitCost", "bad_amount", f"An item comes to less than {MONEY_BELOW}.")
    return ChargeDraft(
        ItemType(item.invoice_item_type), quantity, each, whole, item.sku or None, item.inventory_variant_id,
        item.title or None, fields(item.custom_fields),
    )  # fmt: skip


def invoice_patch(
    body: UpdateInvoice, invoice_id: int, expected: frozenset[int] | str | None, faults: list[Fault]
) -> InvoicePatch:
    """What changes of an invoice. An empty text takes the text away."""
    written: dict[str, Any] = {
        column: value
        for column, value in (
            ("accounting_synced", body.accounting_synced), ("vendor_payout_id", body.vendor_payout_id),
            ("status", None if body.status is None else InvoiceStatus(body.status)),
        )
        if value is not None
    }  # fmt: skip
    for column, text in (
        ("external_accounting_id", body.external_accounting_id),
        ("accounting_error", body.accounting_sync_error),
    ):
        if text is not None:
            written[column] = text or None
    if body.accounting_synced:
        written.setdefault("accounting_error", None)
    if body.total_credit_cost is not None:
        written["total_credit_cost"] = read_money(body.total_credit_cost, "/totalCreditCost", faults)
    items = tuple((item.invoice_item_id, item.external_accounting_item_id) for item in body.items or ())
    seen: set[int | None] = set()
    for place, (id_, _) in enumerate(items):
        if id_ in seen:
            bad(faults, f"/items/{place}/invoiceItemId", "repeated_id", f"{id_} is given twice.")
        seen |= {id_} - {None}
    return InvoicePatch(invoice_id, written, items, expected)


def _named(handle: str) -> dict[str, str]:
    return {"name": handle.capitalize(), "handle": handle}


def _item(item: InvoiceItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "invoiceId": item.invoice_id,
        "invoiceItemType": _named(item.type),
        "sourceVariantId": item.inventory_variant_id,
        "sku": item.sku,
        "title": item.title,
        "quantity": item.quantity,
        "perUnitCost": money(item.unit_cost),
        "cost": money(item.cost),
        "externalAccountingItemId": item.external_accounting_item_id,
        "customFields": Raw(item.custom_fields.encode()),
    }


def invoice_out(view: InvoiceView) -> dict[str, Any]:
    """An invoice as it is shown."""
    one, total = view.invoice, totals(view.items)
    return {
        "id": one.id,
        "invoiceStatus": _named(one.status),
        "insertedAt": format_datetime(one.inserted_at),
        "updatedAt": format_datetime(one.updated_at),
        "purchaseOrderId": one.request_id,
        "fulfillmentRequestId": one.request_id,
        "rmaId": None,
        "sourceId": one.source_id,
        "purchaseOrderNumber": view.request_number,
        "fulfillmentRequestNumber": view.request_number,
        "invoiceNumber": one.invoice_number,
        "invoiceDate": format_datetime(one.invoice_date),
        "totalCost": money(total.cost),
        "totalProductCost": money(total.product),
        "totalShippingCost": money(total.shipping),
        "totalFeeCost": money(total.fee),
        "totalTaxCost": money(total.tax),
        "totalOtherCost": money(total.other),
        "totalCreditCost": money(one.total_credit_cost),
        "totalQuantity": total.quantity,
        "accountingSynced": None if one.accounting_synced is None else bool(one.accounting_synced),
        "accountingSyncError": one.accounting_error,
        "externalAccountingId": one.external_accounting_id,
        "invoiceItems": [_item(item) for item in view.items],
        "customFields": Raw(one.custom_fields.encode()),
        "commission": None if one.commission is None else money(one.commission),
        "vendorPayoutId": one.vendor_payout_id,
    }


def render_invoice(view: InvoiceView) -> bytes:
    """One."""
    return encode(invoice_out(view))


def render_invoices(views: Sequence[InvoiceView]) -> Pieces:
    """A bare array."""
    return array(views, invoice_out)
