"""The fulfillment request on the wire (contract section 2.5): fields in the contract's order, nulls spelled out."""

import json
from functools import cache, lru_cache
from typing import Any

import msgspec

from waypost.domain.catalogue import BOUND
from waypost.domain.fulfillment import FULFILLMENT_STATUS_NAMES, FulfillmentRequest, Line, State
from waypost.domain.guards import allowed_actions
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import STATUSES
from waypost.wire.pieces import Pieces, array
from waypost.wire.scalars import format_datetime, money

Raw = msgspec.Raw


class ItemOut(msgspec.Struct, rename="camel", frozen=True):
    """One line of a request."""

    id: int
    line_item_number: int
    sku: str
    title: str | None
    quantity: int
    cost: float
    order_item_id: int | None
    inventory_variant_id: int | None
    item_reference_id: str | None
    reference_id: str | None
    acknowledged_quantity: int
    secondary_acknowledged_quantity: int
    shipped_quantity: int
    canceled_quantity: int
    voided_quantity: int
    upc: str | None
    mpn: str | None
    weight: float | None
    weight_unit: Raw
    length: float | None
    width: float | None
    height: float | None
    dimension_unit: Raw
    custom_fields: Raw


class RequestOut(msgspec.Struct, rename="camel", frozen=True):
    """A whole request. Addresses, custom fields and links are stored as they stand on the wire."""

    id: int
    fulfillment_request_number: str
    order_id: int
    account_id: int
    channel_id: int
    source_id: int
    fulfillment_request_status: Raw
    fulfillment_status: Raw
    generated_at: str
    sent_at: str | None
    acknowledged_at: str | None
    secondary_acknowledged_at: str | None
    canceled_at: str | None
    voided_at: str | None
    last_modified_at: str
    hold_until: str | None
    shipping_address: Raw
    billing_address: Raw | None
    shipping_text: str | None
    source_shipping_method_id: int | None
    carrier: str | None
    method: str | None
    note: str | None
    confirmation_number: str | None
    total_items: int
    total_quantity: int
    shipped_quantity: int
    total_cost: float
    estimated_shipping_cost: float | None
    estimated_dropship_fee: float | None
    suppress_tracking: bool
    package_length: float | None
    package_width: float | None
    package_height: float | None
    package_weight: float | None
    package_dimension_unit: Raw
    package_weight_unit: Raw
    processing_error_reason: str | None
    cancel_reason: str | None
    voided_reason: str | None
    accounting_synced: bool | None
    external_accounting_id: str | None
    accounting_error: str | None
    attachment_links: Raw
    custom_fields: Raw
    fulfillment_request_items: list[ItemOut]
    failure: "FailureOut | None"
    attempt_count: int
    assignee: str | None
    snoozed_until: str | None
    allowed_actions: Raw
    version: int


class FailureOut(msgspec.Struct, rename="camel", frozen=True):
    """Why it stands in Processing Error."""

    code: str
    message: str
    retryable: bool
    failed_at: str
    failed_by: dict[str, Any]
    attempt: int
    item_ids: Raw


_encoder = msgspec.json.Encoder()
encode = _encoder.encode


def _named(name: str, handle: str) -> Raw:
    return Raw(encode({"name": name, "handle": handle}))


_STATUS = {status.value: _named(facts.name, status.value) for status, facts in STATUSES.items()}
_SHIPPED = {status.value: _named(name, status.value) for status, name in FULFILLMENT_STATUS_NAMES.items()}


@lru_cache(maxsize=256)  # bounded: units are whatever callers call them
def _unit(handle: str | None) -> Raw:
    return Raw(encode({"handle": handle}))


@cache
def _actions(actions: tuple[Action, ...]) -> Raw:
    return Raw(encode(list(actions)))


def _when(moment: int | None) -> str | None:
    return None if moment is None else format_datetime(moment)


def _maybe_money(amount: int | None) -> float | None:
    return None if amount is None else money(amount)


def actor(signature: str, who: str) -> dict[str, Any]:
    """An actor kept as `type:id:name`; source and channel tokens see the type only (contract section 2.7)."""
    kind, id_, name = signature.split(":", 2)
    if who in BOUND:
        return {"type": kind, "id": None, "name": None}
    return {"type": kind, "id": int(id_) if id_ else None, "name": name or None}


def _failure(state: State, who: str) -> FailureOut | None:
    if state.failure_reason is None or state.failed_at is None:
        return None
    return FailureOut(
        state.failure_code or "other",
        state.failure_reason,
        bool(state.failure_retryable),
        format_datetime(state.failed_at),
        actor(state.failed_by or "system::", who),
        state.attempt_count,
        Raw((state.failed_lines or "[]").encode()),
    )


def _item(line: Line) -> ItemOut:
    return ItemOut(
        line.id, line.line_number, line.sku, line.title, line.quantity, money(line.cost), line.order_item_id,
        line.inventory_variant_id, line.item_reference_id, line.reference_id, line.acknowledged,
        line.secondary_acknowledged, line.shipped, line.canceled, line.voided, line.upc, line.mpn,
        _maybe_money(line.weight), _unit(line.weight_unit), _maybe_money(line.length), _maybe_money(line.width),
        _maybe_money(line.height), _unit(line.dimension_unit), Raw(line.custom_fields.encode()),
    )  # fmt: skip


def _accounting(state: State) -> tuple[bool | None, str | None, str | None]:
    """What the merchant's accounting says of it."""
    flag = state.accounting_synced
    return None if flag is None else bool(flag), state.external_accounting_id, state.accounting_error


def request_out(image: FulfillmentRequest, who: str) -> RequestOut:
    """The request as `who` (the type of the caller) is shown it."""
    s, p, lines = image
    return RequestOut(
        s.id, p.number, s.order_id, s.account_id, s.channel_id, s.source_id, _STATUS[s.status],
        _SHIPPED[s.fulfillment_status], format_datetime(p.generated_at), _when(s.sent_at), _when(s.acknowledged_at),
        _when(s.secondary_acknowledged_at), _when(s.canceled_at), _when(s.voided_at), format_datetime(s.modified_at),
        _when(p.hold_until), Raw(p.shipping_address.encode()),
        None if p.billing_address is None else Raw(p.billing_address.encode()), p.shipping_text,
        p.source_shipping_method_id, p.carrier, p.method, p.note, p.confirmation_number, p.total_items,
        p.total_quantity, s.shipped_quantity, money(p.total_cost), _maybe_money(p.estimated_shipping_cost),
        _maybe_money(p.estimated_dropship_fee), bool(p.suppress_tracking), _maybe_money(p.package_length),
        _maybe_money(p.package_width), _maybe_money(p.package_height), _maybe_money(p.package_weight),
        _unit(p.package_dimension_unit), _unit(p.package_weight_unit), s.failure_reason, s.cancel_reason,
        s.voided_reason, *((None, None, None) if who in BOUND else _accounting(s)),
        Raw(p.attachment_links.encode()), Raw(p.custom_fields.encode()), [_item(line) for line in lines],
        _failure(s, who), s.attempt_count, None if who in BOUND else p.assignee,
        None if who in BOUND else _when(p.snoozed_until), _actions(allowed_actions(s, who)), s.version,
    )  # fmt: skip


def render(image: FulfillmentRequest, who: str) -> bytes:
    """One request as JSON."""
    return encode(request_out(image, who))


def render_list(images: list[FulfillmentRequest], who: str) -> Pieces:
    """A bare array, as the contract has it."""
    return array(images, lambda image: request_out(image, who))


def dry_run(from_name: str | None, to_name: str | None, moved: bool, status: int) -> bytes:
    """What a dry run answers (contract section 1.4)."""
    change = "move" if moved else "none"
    return encode({"dryRun": True, "from": from_name, "to": to_name, "change": change, "wouldReplyStatus": status})


def custom_fields(fields: list[tuple[str, str | None]]) -> str:
    """Custom fields as they are stored and rendered; ids count from 1 within their thing."""
    listed = [{"id": place, "name": name, "value": value} for place, (name, value) in enumerate(fields, 1)]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
