"""Bodies that come in: their shapes and limits, and the domain input that they become.

The structs are lenient where the contract is (unknown members are ignored, null means absent); what is wrong is
collected as faults with JSON pointers, all of them at once.
"""

from typing import Annotated

from msgspec import Meta, Struct

from waypost.app.actor import Actor
from waypost.app.commands import Accounting, Adjustment, StockRelease
from waypost.app.generation import LineDraft, RequestDraft
from waypost.domain.adjust import LineChange
from waypost.domain.fields import FIELDS_AT_MOST
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.addresses import AddressIn, store_address
from waypost.wire.faults import Fault
from waypost.wire.requests import custom_fields
from waypost.wire.scalars import Amount, parse_datetime, parse_money

MAX_ID = 2**63 - 1
MAX_QUANTITY = 1_000_000_000
LINES_AT_MOST = 1000

Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Count = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Short = Annotated[str, Meta(max_length=200)]
Long = Annotated[str, Meta(max_length=2000)]
Note = Annotated[str, Meta(max_length=10_000)]
Tags = Annotated[list[Short], Meta(max_length=100)]


class CustomFieldIn(Struct, rename="camel"):
    """A custom field: name and value."""

    name: Name
    value: Note | None = None


CustomFields = Annotated[list[CustomFieldIn], Meta(max_length=FIELDS_AT_MOST)]


class AdjustItem(Struct, rename="camel"):
    """One item of an adjustment; quantities are increments."""

    id: Id | None = None
    sku: Short | None = None
    acknowledged_quantity: Count | None = None
    secondary_acknowledged_quantity: Count | None = None
    cancelled_quantity: Count | None = None
    kill_or_fill_type: str | None = None


class Adjust(Struct, rename="camel"):
    """Body of adjust; nothing in it: acknowledge all that is open."""

    items: Annotated[list[AdjustItem], Meta(max_length=LINES_AT_MOST)] | None = None
    cancel_unacknowledged_item_quantity: bool | None = None


class AccountingItem(Struct, rename="camel"):
    """One item of an accounting-sync."""

    id: Id
    external_accounting_item_id: Short | None = None


class SyncAccounting(Struct, rename="camel"):
    """Body of accounting-sync; only what is not null changes."""

    accounting_synced: bool | None = None
    external_accounting_id: Short | None = None
    accounting_error: Long | None = None
    items: Annotated[list[AccountingItem], Meta(max_length=LINES_AT_MOST)] | None = None


class ReleaseStock(Struct, rename="camel"):
    """Body of `DELETE …/committed-stock`; nothing named: all items'."""

    only_release_fulfillment_request_item_ids: Annotated[list[Id], Meta(max_length=LINES_AT_MOST)] | None = None
    only_release_fulfillment_request_item_skus: Annotated[list[Short], Meta(max_length=LINES_AT_MOST)] | None = None


class CreateRequestItem(Struct, rename="camel"):
    """One line of a fulfillment request to be generated."""

    order_item_id: Id
    quantity: Quantity | None = None
    sku: Short | None = None
    inventory_variant_id: Id | None = None
    cost: Amount | None = None


class CreateRequest(Struct, rename="camel"):
    """Body of `POST /fulfillment-requests`, with the older names of its fields."""

    order_id: Id
    source_id: Id
    items: Annotated[list[CreateRequestItem], Meta(min_length=1, max_length=LINES_AT_MOST)] | None = None
    fulfillment_request_number: Name | None = None
    purchase_order_number: Name | None = None
    fulfillment_request_status: str | None = None
    purchase_order_status: str | None = None
    purchase_order_type: str | None = None
    note: Note | None = None
    shipping_address: AddressIn | None = None
    source_shipping_method_id: Id | None = None
    custom_fields: CustomFields | None = None


def bad(faults: list[Fault], pointer: str, code: str, message: str) -> None:
    """Remember a fault of the body."""
    faults.append(Fault("pointer", pointer, code, message))


def fields(given: list[CustomFieldIn] | None) -> str:
    """Custom fields as they are stored."""
    return custom_fields([(field.name, field.value) for field in given]) if given else "[]"


def _kill(value: str | None, pointer: str, faults: list[Fault]) -> bool:
    if value not in (None, "", "fill", "kill"):
        bad(faults, pointer, "unknown_value", "killOrFillType is fill or kill.")
    return value == "kill"


def adjustment(body: Adjust, faults: list[Fault]) -> Adjustment:
    """The input of adjust."""
    changes = []
    for place, item in enumerate(body.items or ()):
        at = f"/items/{place}"
        if item.id is None and not item.sku:
            bad(faults, f"{at}/id", "required", "Give the id or the sku of the item.")
        kill = _kill(item.kill_or_fill_type, f"{at}/killOrFillType", faults)
        changes.append(
            LineChange(item.id, item.sku, item.acknowledged_quantity or 0, item.secondary_acknowledged_quantity or 0,
                       item.cancelled_quantity or 0, kill)
        )  # fmt: skip
    return Adjustment(tuple(changes), bool(body.cancel_unacknowledged_item_quantity))


def accounting(body: SyncAccounting, faults: list[Fault]) -> Accounting:
    """The input of accounting-sync."""
    items = [(item.id, item.external_accounting_item_id) for item in body.items or ()]
    return Accounting(body.accounting_synced, body.external_accounting_id, body.accounting_error, tuple(items))


def stock_release(body: ReleaseStock) -> StockRelease:
    """Whose stock is given back."""
    ids, skus = body.only_release_fulfillment_request_item_ids, body.only_release_fulfillment_request_item_skus
    return StockRelease(tuple(ids or ()), tuple(skus or ()))


_FIRST = {facts.name: status for status, facts in STATUSES.items()} | {s.value: s for s in Status}


def money(value: Amount | None, pointer: str, faults: list[Fault]) -> int:
    """An amount that is not negative, in ten-thousandths; absent: nothing."""
    if value is None:
        return 0
    try:
        amount = parse_money(value)
    except ValueError as error:
        bad(faults, pointer, "bad_amount", str(error))
        return 0
    if amount < 0:
        bad(faults, pointer, "negative", "An amount is not negative.")
    return amount


def _address(value: AddressIn | None) -> str | None:
    return None if value is None else store_address(value)


TYPES = ("PO", "FR", "TO", "SPO", "FO")


def request_draft(body: CreateRequest, actor: Actor, call_id: str, faults: list[Fault]) -> RequestDraft:
    """A request to be generated by hand."""
    name = body.fulfillment_request_status or body.purchase_order_status
    status = None if name is None else _FIRST.get(name)
    if name is not None and status is None:
        bad(faults, "/fulfillmentRequestStatus", "unknown_value", f"No such status: {name}.")
    if body.purchase_order_type not in (None, *TYPES):
        bad(faults, "/purchaseOrderType", "unknown_value", f"purchaseOrderType is one of {', '.join(TYPES)}.")
    lines = tuple(
        LineDraft(item.order_item_id, item.quantity, item.sku or None, item.inventory_variant_id,
                  None if item.cost is None else money(item.cost, f"/items/{place}/cost", faults))
        for place, item in enumerate(body.items or ())
    )  # fmt: skip
    return RequestDraft(
        actor, body.order_id, body.source_id, lines, body.fulfillment_request_number or body.purchase_order_number,
        status, body.note, _address(body.shipping_address), body.source_shipping_method_id,
        fields(body.custom_fields), call_id,
    )  # fmt: skip


def moment(value: str | None, pointer: str, faults: list[Fault]) -> int | None:
    """A date-time in microseconds; absent or empty: None."""
    if not value:
        return None
    try:
        return parse_datetime(value)
    except ValueError as error:
        bad(faults, pointer, "bad_date", str(error))
        return None
