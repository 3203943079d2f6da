"""Orders routed and fulfilled: what holds an order, what would be generated for it, and what is.

An order is routed as a whole: unless everything that is open can be placed, nothing is generated, and the order
waits for somebody with all the reasons (contract section 5).
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.desk import Desk
from waypost.app.generation_bench import Bench, by_hub
from waypost.app.generation_making import Piece, Plan
from waypost.app.journal import Journal, Told
from waypost.app.ports import NewRequest, Tx
from waypost.app.routing_placing import placed
from waypost.app.routing_supply import More, Supply, Wanted, gather, need_of
from waypost.domain.events import ORDER_EVENTS
from waypost.domain.holds import in_order, routing_reasons, unmapped_reason
from waypost.domain.order_lifecycle import OrderAction, OrderMove, decide_order
from waypost.domain.orders import HoldReason, Order, OrderItem, OrderStatus, PaymentStatus, held
from waypost.domain.routing import Allocation, Decision, Routed

_STEPS_OF_AN_ITEM = 20  # to roll its order up, several times
PAID_ENOUGH = (PaymentStatus.PAID, PaymentStatus.DEFERRED)


class Judged(NamedTuple):
    """An order routed: what would be generated, why, and what is in its way."""

    order: Order
    wanted: tuple[Wanted, ...]
    routed: Routed
    reasons: tuple[HoldReason, ...]


async def judge(
    tx: Tx, supply: Supply, order: Order, wanted: Sequence[Wanted], known: Iterable[HoldReason] = ()
) -> Judged:
    """Route an order; nothing is taken yet. All reasons are found at once; `known` ones are listed with them."""
    routed = await placed(tx, supply, order, wanted)
    known = tuple(known)
    nameless = {one.item.id for one in wanted if one.item.sku is None} if known else set()
    reasons = [*known, *routing_reasons([one for one in routed.unplaced if one.item_id not in nameless])]
    if supply.channel(order).require_shipping_mapping and not supply.has_policy(order):
        reasons.append(unmapped_reason(order.shipping_text))
    return Judged(order, tuple(wanted), routed, tuple(in_order(reasons)))


async def plans_of(
    supply: Supply, judged: Judged, actor: Actor, call_id: str | None, dry_run: bool = False
) -> list[Plan]:
    """The requests that a routed order comes to, in the order of its addresses and of its candidates."""
    items = {one.item.id: one.item for one in judged.wanted}
    plans = []
    for allocation in judged.routed.allocations:
        plans.append(_plan(supply, judged, items, allocation, actor, call_id, dry_run))
        await supply.pace.spend(len(allocation.takes))
    return plans


def _plan(
    supply: Supply, judged: Judged, items: dict[int, OrderItem], allocation: Allocation, actor: Actor,
    call_id: str | None, dry_run: bool,
) -> Plan:  # fmt: skip
    pieces = []
    for take in allocation.takes:
        variant = supply.variants[take.variant_id]
        pieces.append(Piece(items[take.item_id], take.quantity, variant, variant.cost or 0))
    decision: Decision = judged.routed.decision
    return Plan(
        judged.order, supply.catalog.sources[allocation.source_id], tuple(pieces), actor, call_id,
        ship_to=allocation.ship_to, decision=decision, dry_run=dry_run,
    )  # fmt: skip


def may_generate(order: Order) -> bool:
    """Whether its status allows that requests are generated for it."""
    return isinstance(decide_order(OrderStatus(order.status), OrderAction.GENERATE), OrderMove)


def may_be_fulfilled(supply: Supply, order: Order) -> bool:
    """Whether the hub generates for this order by itself: its channel says so, it is open, and paid or deferred."""
    return bool(supply.channel(order).auto_generate) and order.payment_status in PAID_ENOUGH and may_generate(order)


async def fulfil(
    tx: Tx, desk: Desk, order_ids: Sequence[int], actor: Actor, call_id: str | None, supply: Supply | None = None
) -> list[NewRequest]:
    """Generate, by itself, for the orders on the desk that may be fulfilled, or hold them; what was generated.

    An order that may not, or has nothing open, is left alone. `supply` is best gathered before the counters are locked
    (`supply_of`). Nothing is written: that is for the desk's `changes()`.
    """
    if supply is None:
        orders = [desk.order(id_) for id_ in order_ids]
        supply = await supply_of(tx, orders)
    return await fulfil_each(tx, desk, [Fulfilment(id_, actor, call_id) for id_ in order_ids], supply)


class Fulfilment(NamedTuple):
    """An order to be fulfilled, for whom, and what is in its way already."""

    order_id: int
    actor: Actor
    call_id: str | None
    known: tuple[HoldReason, ...] = ()


async def fulfil_each(tx: Tx, desk: Desk, asks: Sequence[Fulfilment], supply: Supply) -> list[NewRequest]:
    """As `fulfil`, for a batch of calls; an order that may not be fulfilled is held for what is known all the same."""
    bench = Bench(desk, supply)
    for id_, actor, call_id, known in asks:
        wanted = bench.wanted(id_)
        order = bench.order(id_)
        reasons: Sequence[HoldReason] = known
        if wanted and may_be_fulfilled(supply, order):
            judged = await judge(tx, supply, order, wanted, known)
            reasons = judged.reasons
            if not reasons:
                await bench.plan(await plans_of(supply, judged, by_hub(actor), call_id))
        hold(desk, id_, reasons, actor, call_id)
        await supply.pace.spend(_STEPS_OF_AN_ITEM * len(wanted))
    return await bench.make(tx)


def hold(desk: Desk, order_id: int, reasons: Sequence[HoldReason], actor: Actor, call_id: str | None) -> None:
    """Hold an open order on the desk for all of these; without any it is left alone."""
    order, items = desk.order(order_id)
    if reasons and may_generate(order):
        now = held(order, reasons)
        desk.amend(now, items)
        tell_held(desk.journal, order, now, reasons, by_hub(actor), call_id)


async def supply_of(
    tx: Tx, orders: Sequence[tuple[Order, Sequence[OrderItem]]], named: Sequence[int] = ()
) -> Supply:
    """What these orders may draw upon, and the `named` sources: locked, and loaded. Counters are locked after."""
    accounts = sorted({order.account_id for order, _ in orders})
    return await gather(tx, accounts, [need_of(order, items) for order, items in orders], More(named=tuple(named)))


def tell_held(
    journal: Journal, was: Order, now: Order, reasons: Sequence[HoldReason], actor: Actor, call_id: str | None
) -> None:
    """The event of an order that the hub holds, with all the reasons."""
    data = json.dumps({"holdReasons": [reason._asdict() for reason in reasons]}, ensure_ascii=False)
    told = Told(
        ORDER_EVENTS[OrderStatus(now.status)], was.status, now.status, reasons[0].code, reasons[0].message, data
    )
    journal.tell(now.account_id, "order", now.id, told, actor, call_id)
