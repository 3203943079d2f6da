"""What is asked of shipments: to be posted, to be corrected."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from waypost.app.actor import Actor


class PieceDraft(NamedTuple):
    """How many pieces of which line: named by one of its own id, its SKU, its variant, or its order item."""

    quantity: int
    line_id: int | None = None
    sku: str | None = None
    variant_id: int | None = None
    order_item_id: int | None = None
    rma_item_id: int | None = None
    custom_fields: str = "[]"


class ShipmentDraft(NamedTuple):
    """A shipment as posted. The request by its id, or by its number (with its source, where that is needed)."""

    actor: Actor
    request_id: int | None
    number: str | None
    source_id: int | None
    tracking_number: str
    pieces: tuple[PieceDraft, ...]
    tracking_url: str | None = None
    carrier: str | None = None
    method: str | None = None
    note: str | None = None
    shipped_at: int | None = None  # None: now
    shipping_cost: int | None = None
    suppressed: bool = False
    custom_fields: str = "[]"
    allow_duplicate: bool = False
    call_id: str | None = None
    dry_run: bool = False


class ItemPatch(NamedTuple):
    """An item that there is (by id), with what changes of it; None leaves a field as it is."""

    id: int
    at: str  # where the input speaks of it
    quantity: int | None = None
    custom_fields: str | None = None
    rma_item_id: int | None = None
    named: PieceDraft | None = None  # the line that it is about, where that is told again; its quantity says nothing


class ShipmentPatch(NamedTuple):
    """What changes of a shipment. `fields`: columns that are simply written."""

    actor: Actor
    shipment_id: int
    fields: Mapping[str, Any] = {}
    request_id: int | None = None  # another one: the shipment moves there
    items: tuple[ItemPatch, ...] = ()
    more: tuple[tuple[str, PieceDraft], ...] = ()  # new items, each with where the input speaks of it
    gone: tuple[int, ...] = ()  # ids of items that it does not carry
    custom_fields: tuple[tuple[int | None, str, str | None], ...] = ()  # (id to replace, name, value)
    custom_fields_gone: tuple[int, ...] = ()
    call_id: str | None = None
    allow_duplicate: bool = False


class PatchCall(NamedTuple):
    """One call: all its shipments change, or none. At least one patch, of one actor, each shipment once."""

    patches: tuple[ShipmentPatch, ...]
    expected: frozenset[int] | str | None = None  # If-Match: versions, or "*"
    dry_run: bool = False
