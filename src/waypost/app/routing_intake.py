"""Orders fulfilled as they come in: routed, generated or held in the transaction that stores them.

A possible duplicate is an order that says the same as another one of its channel, not canceled and received within a
day before: everything that was posted but its numbers and its time. Only orders that would be fulfilled by themselves
are looked at; whoever releases one that is held for this has looked at it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.desk import Desk
from waypost.app.generation_bench import Bench, by_hub
from waypost.app.journal import Told
from waypost.app.ports import NewRequest, OrderParts, OrderView, Tx
from waypost.app.ports.orders import OrderRequest
from waypost.app.routing import judge, may_be_fulfilled, plans_of
from waypost.app.routing_supply import Supply, Wanted
from waypost.domain.events import ORDER_CREATED
from waypost.domain.holds import duplicate_reason
from waypost.domain.orders import HoldReason, Order, OrderItem, held

ALIKE_WITHIN_US = 24 * 60 * 60 * 1_000_000


class Newcomer(NamedTuple):
    """An order that is to be stored, open, and what is in its way as far as that is known."""

    order: Order
    items: tuple[OrderItem, ...]
    reasons: tuple[HoldReason, ...]
    actor: Actor
    call_id: str | None
    dry_run: bool


async def take_in(tx: Tx, desk: Desk, supply: Supply | None, newcomers: Sequence[Newcomer]) -> list[OrderView]:
    """What becomes of each: its event is told, requests of those that can be fulfilled stand on the desk.

    `supply`: None, where none of them is fulfilled by itself. The orders are still to be inserted, as returned.
    """
    intake = _Intake(desk, supply, await _alike(tx, desk, supply, newcomers))
    taken = [await intake.take(tx, one) for one in newcomers]
    made = await intake.bench.make(tx) if intake.bench else []
    by_order: dict[int, list[NewRequest]] = {}
    for request in made:
        by_order.setdefault(request.state.order_id, []).append(request)
    return [_view(desk, order, one, by_order.get(order.id, ())) for order, one in zip(taken, newcomers, strict=True)]


Likeness = tuple[int, str]  # of a channel


async def _alike(
    tx: Tx, desk: Desk, supply: Supply | None, newcomers: Sequence[Newcomer]
) -> dict[Likeness, str]:
    """The numbers of orders that these may be duplicates of."""
    asked = [one.order for one in newcomers if supply is not None and may_be_fulfilled(supply, one.order)]
    found = {(order.channel_id, order.likeness) for order in asked if order.likeness}
    if not found:
        return {}
    rows = await tx.twins(sorted(found), desk.at - ALIKE_WITHIN_US)
    return {(channel_id, likeness): number for channel_id, likeness, number in rows}


class _Intake:
    """One batch coming in."""

    def __init__(self, desk: Desk, supply: Supply | None, alike: dict[Likeness, str]) -> None:
        self.bench = Bench(desk, supply) if supply is not None else None
        self._desk = desk
        self._alike = alike

    async def take(self, tx: Tx, one: Newcomer) -> Order:
        """The order, open or held; its requests are planned."""
        order, reasons = one.order, one.reasons
        bench = self.bench
        if bench is not None and may_be_fulfilled(bench.supply, order):
            wanted = [Wanted(item, item.quantity) for item in one.items]
            judged = await judge(tx, bench.supply, order, wanted, [*reasons, *self._duplicate(order, one.dry_run)])
            reasons = judged.reasons
            if not reasons and not one.dry_run:
                await bench.plan(await plans_of(bench.supply, judged, by_hub(one.actor), one.call_id))
        order = held(order, reasons)
        if not one.dry_run:
            self._desk.take_in(OrderParts(order, one.items, {}))
            data = None if order.hold_reasons == "[]" else f'{{"holdReasons":{order.hold_reasons}}}'
            told = Told(ORDER_CREATED, None, order.status, data=data)
            self._desk.journal.tell(order.account_id, "order", order.id, told, one.actor, one.call_id)
        return order

    def _duplicate(self, order: Order, dry_run: bool) -> list[HoldReason]:
        key = (order.channel_id, order.likeness or "")
        number = self._alike.get(key)
        if number is None:
            if not dry_run:
                self._alike[key] = order.order_number  # the next of the batch may say the same
            return []
        return [duplicate_reason(number)]


def _view(desk: Desk, order: Order, one: Newcomer, made: Sequence[NewRequest]) -> OrderView:
    if not made:
        return OrderView(order, one.items, ())
    now, items = desk.order(order.id)
    return OrderView(now, tuple(items), tuple(map(OrderRequest.of, made)))
