"""From a plan to the rows of a request: its number, its first status, its lines, and the stock that they hold."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.journal import Journal, Told
from waypost.app.ports import NewRequest, SourceRow, Tx
from waypost.app.ports.routing import DecisionRow, StockVariant
from waypost.app.routing_supply import Supply
from waypost.app.slices import Pace
from waypost.app.stored_records import encoded
from waypost.domain import stock
from waypost.domain.fulfillment import FulfillmentRequest, FulfillmentStatus, Line, Particulars, State, released
from waypost.domain.lifecycle import Action, row_of
from waypost.domain.numbering import first_status, next_number
from waypost.domain.orders import Order, OrderItem
from waypost.domain.routing import Decision
from waypost.domain.statuses import Status

_STEPS_OF_A_LINE = 8  # to make it, and what it holds


class Piece(NamedTuple):
    """So much of an item, of this variant of the source (None: the source's inventory does not know it)."""

    item: OrderItem
    quantity: int
    variant: StockVariant | None
    cost: int  # a piece, ten-thousandths
    sku: str | None = None  # None: the variant's, else the item's


class Plan(NamedTuple):
    """A request that can be generated. `number` and `status` are made by the source's rules where not given."""

    order: Order
    source: SourceRow
    pieces: tuple[Piece, ...]
    actor: Actor
    call_id: str | None
    number: str | None = None
    status: Status | None = None
    note: str | None = None
    ship_to: str | None = None  # JSON; None: the order's shipping address
    method_id: int | None = None  # None: as the order's shipping text is mapped
    custom_fields: str = "[]"
    decision: Decision | None = None
    dry_run: bool = False


class Made(NamedTuple):
    """The rows of plans, in their order, dry runs included; and the decisions that they name."""

    requests: list[NewRequest]
    decisions: list[DecisionRow]


def image_of(request: NewRequest) -> FulfillmentRequest:
    """The request as a reply shows it."""
    return FulfillmentRequest(request.state, request.particulars, request.lines)


async def make(tx: Tx, supply: Supply, plans: Sequence[Plan], at: int) -> Made:
    """Number every plan and make its rows; nothing is written. The counter of the account is locked."""
    if not plans:
        return Made([], [])
    used = await tx.request_numbers(sorted({plan.order.id for plan in plans}))
    numbers = [_number(supply, plan, used[plan.order.id]) for plan in plans]
    owners = await tx.number_owners([(plan.source.id, number) for plan, number in zip(plans, numbers, strict=True)])
    ids = await tx.new_ids("fulfillment_request", len(plans))
    line_ids = iter(await tx.new_ids("fulfillment_request_line", sum(len(plan.pieces) for plan in plans)))
    decisions = await _decisions(tx, plans, at, supply.pace)
    made = []
    for id_, plan, number in zip(ids, plans, numbers, strict=True):
        owner = owners.get((plan.source.id, number))
        decision = None if plan.decision is None or plan.dry_run else decisions[id(plan.decision)].id
        lines = _lines(plan, id_, [next(line_ids) for _ in plan.pieces])
        fields = passed_fields(plan)
        status = plan.status or _status(plan, number, owner is not None, fields)
        particulars = _particulars(supply, plan, id_, number, lines, fields, at)._replace(routing_decision_id=decision)
        entries = tuple(
            stock.commit(piece.variant.id, line.id, piece.quantity, at)
            for piece, line in zip(plan.pieces, lines, strict=True)
            if piece.variant is not None
        )
        await supply.pace.spend(_STEPS_OF_A_LINE * len(lines))
        made.append(NewRequest(_state(plan, id_, status, at), particulars, lines, owner is None, entries))
        if owner is None and not plan.dry_run:
            owners[plan.source.id, number] = id_
    return Made(made, list(decisions.values()))


def _number(supply: Supply, plan: Plan, used: list[str]) -> str:
    number = plan.number or next_number(plan.order, supply.number_rules(plan.source), used)
    if not plan.dry_run:
        used.append(number)
    return number


async def _decisions(tx: Tx, plans: Sequence[Plan], at: int, pace: Pace) -> dict[int, DecisionRow]:
    """A row for each decision, by the decision's identity: the requests of one order share theirs."""
    fresh = {id(plan.decision): plan for plan in plans if plan.decision is not None and not plan.dry_run}
    if not fresh:
        return {}
    ids = await tx.new_ids("routing_decision", len(fresh))
    return {
        which: DecisionRow(id_, plan.order.account_id, plan.order.id, at, await pace.run(encoded(plan.decision)))
        for id_, (which, plan) in zip(ids, fresh.items(), strict=True)
    }


def passed_fields(plan: Plan) -> list[dict[str, object]]:
    """The request's custom fields: the order's, where the source wants them, and its own, which win."""
    own = json.loads(plan.custom_fields)
    if not plan.source.pass_order_fields:
        return list(own)
    named = {field["name"]: field for field in [*json.loads(plan.order.custom_fields), *own]}
    return [{**field, "id": place} for place, field in enumerate(named.values(), 1)]


def _status(plan: Plan, number: str, is_duplicate: bool, fields: Sequence[dict[str, object]]) -> Status:
    source = plan.source
    given = {str(field["name"]): str(field["value"] or "") for field in fields}
    required = json.loads(source.required_fields)
    return first_status(
        number, source.max_number_length, is_duplicate, required, given, bool(source.auto_process)
    )  # fmt: skip


def _lines(plan: Plan, request_id: int, ids: Sequence[int]) -> tuple[Line, ...]:
    return tuple(
        _line(plan, piece, request_id, id_, place)
        for place, (id_, piece) in enumerate(zip(ids, plan.pieces, strict=True), 1)
    )


def _line(plan: Plan, piece: Piece, request_id: int, id_: int, place: int) -> Line:
    item, v = piece.item, piece.variant
    sku = piece.sku or (v.sku if v else None) or item.sku or f"item-{item.id}"
    fields = item.custom_fields if plan.source.pass_item_fields else "[]"
    blank = Line(
        id_, request_id, place, sku, item.title, piece.quantity, piece.cost, item.id, None, None,
        item.external_listing_id, 0, 0, 0, 0, 0, 0, None, None, None, None, None, None, None, None, fields, None,
    )  # fmt: skip
    if v is None:
        return blank
    return blank._replace(
        title=item.title or v.title, inventory_variant_id=v.id, item_reference_id=v.reference_id, upc=v.upc, mpn=v.mpn,
        weight=v.weight, weight_unit=v.weight_unit, length=v.length, width=v.width, height=v.height,
        dimension_unit=v.dimension_unit,
    )  # fmt: skip


def _state(plan: Plan, id_: int, status: Status, at: int) -> State:
    order = plan.order
    return State(
        id_, order.account_id, plan.source.id, order.channel_id, order.id, status,
        FulfillmentStatus.AWAITING_SHIPMENT, 1, at, None, None, None, None, None,
        1 if status == Status.PROCESSING else 0, None, None, None, None, None, None, None, None, None, 0, False,
        None, None, None, at,
    )  # fmt: skip


def _particulars(
    supply: Supply, plan: Plan, id_: int, number: str, lines: Sequence[Line], fields: Sequence[object], at: int
) -> Particulars:
    order, source = plan.order, plan.source
    mapped = supply.method(order, source.id)
    method_id = plan.method_id or (mapped.method_id if mapped else None)
    if mapped is not None and mapped.method_id != method_id:
        mapped = None  # another one was given
    shipping = source.shipping_estimate
    if mapped is not None and mapped.estimated_cost is not None:
        shipping = mapped.estimated_cost
    variants = [(piece.variant, piece.quantity) for piece in plan.pieces if piece.variant is not None]
    shipping += sum((variant.shipping_cost or 0) * quantity for variant, quantity in variants)
    fee = source.dropship_fee + sum((variant.dropship_fee or 0) * quantity for variant, quantity in variants)
    return Particulars(
        id_, number, at, None, plan.ship_to or order.shipping_address, order.billing_address, order.shipping_text,
        method_id, mapped.carrier if mapped else None, mapped.method if mapped else None, plan.note, None, len(lines),
        sum(line.quantity for line in lines), sum(line.quantity * line.cost for line in lines), shipping or None,
        fee or None, False, None, None, None, None, None, None, "[]",
        json.dumps(fields, ensure_ascii=False, separators=(",", ":")),
    )  # fmt: skip


def tell_generated(journal: Journal, request: NewRequest, actor: Actor, call_id: str | None) -> NewRequest:
    """Write the event that every request begins with. Returns the request; it may be released by that event."""
    state = request.state
    row = row_of(Action.GENERATE, state.status)
    if row is None:
        raise AssertionError("a request begins where the life cycle says")
    told = Told(row.event, None, state.status)
    seq = journal.tell(state.account_id, "fulfillment_request", state.id, told, actor, call_id)
    return request._replace(state=released(state, seq))
