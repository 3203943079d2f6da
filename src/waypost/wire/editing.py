"""Repair by hand on the wire: `PATCH /fulfillment-requests/{id}` (native)."""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from waypost.app.commands import Edit, LineEdit
from waypost.wire.addresses import AddressIn, store_address
from waypost.wire.bodies import LINES_AT_MOST, CustomFields, Id, Name, Note, Short, bad, fields, moment
from waypost.wire.bodies import money as read_money
from waypost.wire.faults import Fault
from waypost.wire.scalars import Amount

Text = Annotated[str, Meta(max_length=500)]
Left = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class EditItem(Struct, rename="camel"):
    """One item; what is absent stays."""

    id: Id
    quantity: Left | None = None
    cost: Amount | None = None
    sku: Short | None = None
    title: Text | None = None


class EditRequest(Struct, rename="camel"):
    """What changes: absent members stay, null takes a value away where there need be none."""

    fulfillment_request_number: Name | UnsetType = UNSET
    shipping_address: AddressIn | UnsetType = UNSET
    billing_address: AddressIn | UnsetType | None = UNSET
    shipping_text: Text | UnsetType | None = UNSET
    source_shipping_method_id: Id | UnsetType | None = UNSET
    carrier: Short | UnsetType | None = UNSET
    method: Short | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET
    confirmation_number: Short | UnsetType | None = UNSET
    hold_until: str | UnsetType | None = UNSET
    custom_fields: CustomFields | UnsetType = UNSET
    items: Annotated[list[EditItem], Meta(max_length=LINES_AT_MOST)] | UnsetType = UNSET
    assignee: Short | UnsetType | None = UNSET
    snoozed_until: str | UnsetType | None = UNSET


def _address(value: Any) -> Any:
    return None if value is None else store_address(value)


# Columns of the request by member; how a value is stored.
_CONTENT: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "fulfillment_request_number": ("number", str),
    "shipping_address": ("shipping_address", _address),
    "billing_address": ("billing_address", _address),
    "custom_fields": ("custom_fields", fields),
    "source_shipping_method_id": ("source_shipping_method_id", lambda value: value),
    **{
        name: (name, lambda value: value or None)
        for name in ("shipping_text", "carrier", "method", "note", "confirmation_number")
    },
}


def edit_of(body: EditRequest, faults: list[Fault], at: str = "") -> Edit:
    """The edit; `at` is where the body stands in a larger one."""
    content = {
        column: stored(value)
        for name, (column, stored) in _CONTENT.items()
        if (value := getattr(body, name)) is not UNSET
    }
    if body.hold_until is not UNSET:
        content["hold_until"] = moment(body.hold_until, f"{at}/holdUntil", faults)
    care: dict[str, Any] = {}
    if body.assignee is not UNSET:
        care["assignee"] = body.assignee or None
    if body.snoozed_until is not UNSET:
        care["snoozed_until"] = moment(body.snoozed_until, f"{at}/snoozedUntil", faults)
    items = [] if body.items is UNSET else body.items
    seen: set[int] = set()
    for place, item in enumerate(items):
        if item.id in seen:
            bad(faults, f"{at}/items/{place}/id", "repeated_id", f"{item.id} is given twice.")
        seen.add(item.id)
    lines = tuple(
        LineEdit(
            item.id, item.quantity,
            None if item.cost is None else read_money(item.cost, f"{at}/items/{place}/cost", faults),
            item.sku or None, item.title,
        )
        for place, item in enumerate(items)
    )  # fmt: skip
    if not (content or care or lines):
        bad(faults, at, "nothing_to_change", "Nothing is to be changed: give at least one member.")
    return Edit(content, care, lines)
