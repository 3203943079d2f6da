"""What would be generated, and why an order's items go where they go, on the wire (native).

Both may be megabytes: they are rendered in slices (`domain.slices`), a request, a round and an item at a time.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from waypost.app.ports import NewRequest
from waypost.app.ports.routing import DecisionRow
from waypost.app.routing_orders import Preview
from waypost.domain.holds import MISSES, trouble_words
from waypost.domain.routing import Candidate, Decision, Miss, Round, Unplaced
from waypost.domain.routing_rules import Bid, RuleName, Step
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.scalars import format_datetime, money

Raw = msgspec.Raw
T = TypeVar("T")

_STEPS_OF_A_PART = 3


def render_preview(preview: Preview) -> Pieces:
    """`POST /orders/{id}/fulfillment-requests/preview`."""
    return document(
        {
            "fulfillmentRequests": array(preview.requests, _planned),
            "holdReasons": [reason._asdict() for reason in preview.reasons],
            "decision": document(_told(preview.decision)),
        }
    )


def render_decision(row: DecisionRow, decision: Decision) -> Pieces:
    """`GET /fulfillment-requests/{id}/routing`; `decision` is that of the row, read."""
    return document({"orderId": row.order_id, "decidedAt": format_datetime(row.at)} | _told(decision))


def _planned(request: NewRequest) -> dict[str, Any]:
    """A request as it would be generated: it has no id yet."""
    state, what, lines = request.state, request.particulars, request.lines
    shipping, fee = what.estimated_shipping_cost, what.estimated_dropship_fee
    return {
        "sourceId": state.source_id,
        "fulfillmentRequestNumber": what.number,
        "fulfillmentRequestStatus": {"name": STATUSES[Status(state.status)].name, "handle": state.status},
        "shippingAddress": Raw(what.shipping_address.encode()),
        "sourceShippingMethodId": what.source_shipping_method_id,
        "totalItems": what.total_items,
        "totalQuantity": what.total_quantity,
        "totalCost": money(what.total_cost),
        "estimatedShippingCost": None if shipping is None else money(shipping),
        "estimatedDropshipFee": None if fee is None else money(fee),
        "fulfillmentRequestItems": [
            {
                "orderItemId": line.order_item_id,
                "sku": line.sku,
                "title": line.title,
                "inventoryVariantId": line.inventory_variant_id,
                "quantity": line.quantity,
                "cost": money(line.cost),
            }
            for line in lines
        ],
    }


def _told(decision: Decision) -> dict[str, Any]:
    """The members of a decision; those that may be long are in pieces."""
    names = {one.source_id: one.name for one in decision.candidates}
    return {
        "routingGroupId": decision.group_id,
        "routingGroupName": decision.group,
        "rules": [{"rule": rule.name, "mode": rule.mode} for rule in decision.rules],
        "candidates": [_candidate(one) for one in decision.candidates],
        "rounds": array(decision.rounds, lambda one: _round(one, names)),
        "unplaced": array(decision.unplaced, lambda one: _unplaced(one, names)),
    }


def _parts_of(one: Round) -> int:
    return 2 * len(one.bids) + len(one.idle) + len(one.item_ids) // 20


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "sourceId": one.source_id,
        "name": one.name,
        "priority": one.priority,
        "eligible": one.eligible,
        "dropshipFee": money(one.dropship_fee),
        "shippingEstimate": money(one.shipping_estimate),
        "sourceShippingMethodId": one.method_id,
    }


def _round(one: Round, names: dict[int, str]) -> dict[str, Any]:
    bids = {bid.source_id: bid for bid in one.bids}
    idle = dict(one.idle)
    return {
        "shippingAddress": None if one.ship_to is None else Raw(one.ship_to.encode()),
        "orderItemIds": list(one.item_ids),
        "backorder": one.backorder,
        "bids": [
            {"sourceId": bid.source_id, "quantity": bid.quantity, "cost": None if bid.cost is None else money(bid.cost)}
            for bid in one.bids
        ],
        "steps": [
            {
                "rule": step.rule,
                "keptSourceIds": list(step.kept),
                "lost": [
                    {
                        "sourceId": id_,
                        "reason": _sentence(MISSES[idle[id_]] if id_ in idle else _lost(step, bids[id_], bids, names)),
                    }
                    for id_ in step.lost
                ],
            }
            for step in one.steps
        ],
        "chosenSourceId": one.chosen,
        "quantity": one.quantity,
    }


def _lost(step: Step, bid: Bid, bids: dict[int, Bid], names: dict[int, str]) -> str:
    """Why a bid lost by this rule."""
    kept = [bids[id_] for id_ in step.kept]
    if step.rule == RuleName.SINGLE_REQUEST:
        if not kept:
            return f"could send {bid.quantity} pieces, and everything must go in one request"
        return f"could send {bid.quantity} pieces, another {kept[0].quantity}"
    if step.rule == RuleName.LOWEST_COST:
        if bid.cost is None:
            return "its cost is not known"
        return f"{_apiece(bid)} a piece, fees included; the least is {_apiece(kept[0])}"
    if step.rule == RuleName.SOURCE_PRIORITY:
        return f"priority {bid.priority}; the best is {kept[0].priority}"
    if step.rule == RuleName.SHIPPING_MAPPED:
        return MISSES[Miss.NOT_MAPPED]
    return f"equal to {names[kept[0].source_id]}, which comes first by priority and id"


def _apiece(bid: Bid) -> str:
    return "an unknown cost" if bid.cost is None else f"{bid.cost / bid.quantity / 10_000:.4f}".rstrip("0").rstrip(".")


def _unplaced(one: Unplaced, names: dict[int, str]) -> dict[str, Any]:
    return {
        "orderItemId": one.item_id,
        "sku": one.sku,
        "quantity": one.quantity,
        "code": one.trouble,
        "message": trouble_words(one),
        "sources": _misses(one.misses, names),
    }


def _misses(misses: Sequence[tuple[int, Miss]], names: dict[int, str]) -> list[dict[str, Any]]:
    return [
        {"sourceId": id_, "name": names.get(id_), "code": miss, "message": _sentence(MISSES[miss])}
        for id_, miss in misses
    ]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
