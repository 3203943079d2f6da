"""Bodies that come in: their shapes and limits, and the domain input that they become.

The structs are lenient where the contract is (unknown members are ignored, null means absent); what is wrong is
collected as faults with JSON pointers, all of them at once.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from waypost.app.actor import Actor
from waypost.app.commands import Accounting, Adjustment, Command, FailureReport
from waypost.app.generation import LineDraft, RequestDraft
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.domain.adjust import LineChange
from waypost.domain.failures import is_known_code
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.addresses import AddressIn, store_address
from waypost.wire.faults import Fault
from waypost.wire.orders import PAYMENT_STATUSES
from waypost.wire.requests import custom_fields
from waypost.wire.scalars import Amount, parse_datetime, parse_money

MAX_ID = 2**63 - 1
MAX_QUANTITY = 1_000_000_000
BULK_AT_MOST = 500
LINES_AT_MOST = 1000
REASON_AT_MOST = 2000

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


CustomFields = Annotated[list[CustomFieldIn], Meta(max_length=100)]


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


class BulkItem(Struct, rename="camel"):
    """One item of a bulk call."""

    id: Id
    error: str | None = None
    reason: str | None = None
    code: str | None = None
    version: Id | None = None
    confirm: str | None = None


class BulkIn(Struct, rename="camel"):
    """Body of bulk."""

    action: str
    items: Annotated[list[BulkItem], Meta(min_length=1, max_length=BULK_AT_MOST)]


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


class OrderItemIn(Struct, rename="camel"):
    """One item of an order to be created."""

    quantity: Quantity
    sku: Short | None = None
    title: Annotated[str, Meta(max_length=500)] | None = None
    price: Amount | None = None
    external_listing_id: Short | None = None
    listing_variant_id: Id | None = None
    product_variant_id: Id | None = None
    custom_fields: CustomFields | None = None


class CreateOrder(Struct, rename="camel"):
    """Body of `POST /orders`."""

    order_number: Name
    order_items: Annotated[list[OrderItemIn], Meta(min_length=1, max_length=LINES_AT_MOST)]
    channel_id: Id | None = None
    reference_number: Short | None = None
    ordered_at: str | None = None
    note: Note | None = None
    shipping_text: Annotated[str, Meta(max_length=500)] | None = None
    shipping_address: AddressIn | None = None
    billing_address: AddressIn | None = None
    payment_status: str | None = None
    tags: Tags | None = None
    custom_fields: CustomFields | None = None


def _bad(faults: list[Fault], pointer: str, code: str, message: str) -> None:
    faults.append(Fault("pointer", pointer, code, message))


def _fields(given: list[CustomFieldIn] | None) -> str:
    return custom_fields([(field.name, field.value) for field in given or ()])


def _kill(value: str | None, pointer: str, faults: list[Fault]) -> bool:
    if value not in (None, "", "fill", "kill"):
        _bad(faults, pointer, "unknown_value", "killOrFillType is fill or kill.")
    return value == "kill"


def adjustment(body: Adjust, faults: list[Fault]) -> Adjustment:
    """The input of adjust."""
    changes = []
    for place, item in enumerate(body.items or ()):
        at = f"/items/{place}"
        if item.id is None and not item.sku:
            _bad(faults, f"{at}/id", "required", "Give the id or the sku of the item.")
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


_IN_BULK = (Action.PROCESS, Action.PROCESSED, Action.FAIL, Action.ACKNOWLEDGE, Action.CANCEL, Action.VOID)
BULK_ACTIONS = {action.value: action for action in _IN_BULK}


def bulk_commands(body: BulkIn, actor: Actor, call_id: str, faults: list[Fault]) -> tuple[Command, ...]:
    """The commands of a bulk call."""
    action = BULK_ACTIONS.get(body.action)
    if action is None:
        _bad(faults, "/action", "unknown_value", f"action is one of {', '.join(BULK_ACTIONS)}.")
        return ()
    seen: set[int] = set()
    commands = []
    for place, item in enumerate(body.items):
        at = f"/items/{place}"
        if item.id in seen:
            _bad(faults, f"{at}/id", "repeated_id", f"{item.id} is given twice.")
        seen.add(item.id)
        if item.confirm not in (None, "resend"):
            _bad(faults, f"{at}/confirm", "unknown_value", "confirm is resend, or absent.")
        reason = _text(item.reason, f"{at}/reason", faults)
        report = _report(item, at, faults) if action is Action.FAIL else None
        commands.append(
            Command(action, item.id, actor, call_id, report, reason, False, item.confirm == "resend",
                    None if item.version is None else frozenset({item.version}), wants_image=False)
        )  # fmt: skip
    return tuple(commands)


def _text(value: str | None, pointer: str, faults: list[Fault]) -> str | None:
    stripped = (value or "").strip()
    if len(stripped) > REASON_AT_MOST:
        _bad(faults, pointer, "too_long", f"At most {REASON_AT_MOST} characters.")
    return stripped or None


def _report(item: BulkItem, at: str, faults: list[Fault]) -> FailureReport:
    given = item.error if item.error is not None else item.reason
    reason = _text(given, f"{at}/error", faults)
    if reason is None:
        code = "required" if given is None else "blank"
        _bad(faults, f"{at}/error", code, "A failure needs its reason.")
    if item.code is not None and not is_known_code(item.code):
        _bad(faults, f"{at}/code", "unknown_value", "No such failure code: see GET /failure-codes, or use x_….")
    return FailureReport(reason or "", item.code or "other")


_FIRST = {facts.name: status for status, facts in STATUSES.items()} | {s.value: s for s in Status}


def _money(value: Amount | None, pointer: str, faults: list[Fault]) -> int:
    if value is None:
        return 0
    try:
        amount = parse_money(value)
    except ValueError as error:
        _bad(faults, pointer, "bad_amount", str(error))
        return 0
    if amount < 0:
        _bad(faults, pointer, "negative", "An amount is not negative.")
    return amount


def _address(value: AddressIn | None) -> str | None:
    return None if value is None else store_address(value)


TYPES = ("PO", "FR", "TO", "SPO", "FO")


def request_draft(body: CreateRequest, actor: Actor, call_id: str, faults: list[Fault]) -> RequestDraft:
    """A request to be generated by hand."""
    name = body.fulfillment_request_status or body.purchase_order_status
    status = None if name is None else _FIRST.get(name)
    if name is not None and status is None:
        _bad(faults, "/fulfillmentRequestStatus", "unknown_value", f"No such status: {name}.")
    if body.purchase_order_type not in (None, *TYPES):
        _bad(faults, "/purchaseOrderType", "unknown_value", f"purchaseOrderType is one of {', '.join(TYPES)}.")
    lines = tuple(
        LineDraft(item.order_item_id, item.quantity, item.sku, item.inventory_variant_id,
                  _money(item.cost, f"/items/{place}/cost", faults))
        for place, item in enumerate(body.items or ())
    )  # fmt: skip
    return RequestDraft(
        actor, body.order_id, body.source_id, lines, body.fulfillment_request_number or body.purchase_order_number,
        status, body.note, _address(body.shipping_address), body.source_shipping_method_id,
        _fields(body.custom_fields), call_id,
    )  # fmt: skip


def order_draft(body: CreateOrder, actor: Actor, call_id: str, faults: list[Fault]) -> OrderDraft:
    """An order to be created."""
    channel_id = actor.scope.channel_id
    if channel_id is None:
        channel_id = body.channel_id
        if channel_id is None:
            _bad(faults, "/channelId", "required", "An account token says which channel the order belongs to.")
    elif body.channel_id not in (None, channel_id):
        _bad(faults, "/channelId", "foreign_channel", "A channel token posts orders of its own channel only.")
    payment = None if body.payment_status is None else PAYMENT_STATUSES.get(body.payment_status)
    if body.payment_status is not None and payment is None:
        _bad(faults, "/paymentStatus", "unknown_value", f"paymentStatus is one of {', '.join(PAYMENT_STATUSES)}.")
    items = tuple(_item(item, place, faults) for place, item in enumerate(body.order_items))
    return OrderDraft(
        actor, channel_id or 0, body.order_number, body.reference_number, _moment(body.ordered_at, faults), body.note,
        body.shipping_text, store_address(body.shipping_address or AddressIn()), _address(body.billing_address),
        payment, _json(body.tags or []), _fields(body.custom_fields), items, call_id=call_id,
    )  # fmt: skip


def _moment(value: str | None, faults: list[Fault]) -> int | None:
    if not value:
        return None
    try:
        return parse_datetime(value)
    except ValueError as error:
        _bad(faults, "/orderedAt", "bad_date", str(error))
        return None


def _item(item: OrderItemIn, place: int, faults: list[Fault]) -> ItemDraft:
    at = f"/orderItems/{place}"
    if not (item.sku or item.listing_variant_id or item.product_variant_id or item.external_listing_id):
        _bad(faults, f"{at}/sku", "required", "Name the item by sku, listing or product variant.")
    return ItemDraft(
        item.sku or None, item.title, item.quantity, _money(item.price, f"{at}/price", faults),
        item.external_listing_id, item.listing_variant_id, item.product_variant_id, _fields(item.custom_fields),
    )  # fmt: skip


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
