"""The bench: a batch of orders at work, from locking and loading to what is generated for them.

It works on a desk, which holds the orders as they stand and writes what becomes of them. Locks are taken in the one
order: orders, stock variants, counters. What is planned for one order of the batch is gone, in quantities, numbers
and stock, for the next.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.desk import Desk
from waypost.app.generation_making import Plan, make, tell_generated
from waypost.app.ports import NewRequest, OrderParts, Tx
from waypost.app.routing_supply import NOTHING_MORE, More, Supply, Wanted, gather, need_of
from waypost.app.slices import in_slices
from waypost.domain.order_lifecycle import OrderAction, OrderMove, decide_order, settable
from waypost.domain.orders import Order, OrderItem, OrderStatus
from waypost.domain.refusals import OrderNotAllowed


class OrderAsk(NamedTuple):
    """An order to work on, as far as `scope` may see it."""

    scope: Scope
    order_id: int


class Bench:
    """A desk with orders, and what they may draw upon."""

    def __init__(self, desk: Desk, supply: Supply) -> None:
        self.desk = desk
        self.supply = supply
        self._plans: list[Plan] = []
        self._planned: dict[int, int] = {}  # pieces, by order item

    def order(self, order_id: int) -> Order:
        """An order, as it stands now."""
        return self.desk.order(order_id)[0]

    def wanted(self, order_id: int) -> list[Wanted]:
        """What is open of each item."""
        found = [Wanted(item, self._open(item)) for item in self.desk.order(order_id)[1]]
        return [one for one in found if one.quantity > 0]

    def _open(self, item: OrderItem) -> int:
        return item.quantity - item.canceled - item.allocated - self._planned.get(item.id, 0)

    async def plan(self, plans: Iterable[Plan]) -> None:
        """Generate these; what they take is gone for the next, unless they are dry runs."""
        for plan in plans:
            self._plans.append(plan)
            await self.supply.pace.spend(len(plan.pieces))
            if plan.dry_run:
                continue
            for item, quantity, variant, *_ in plan.pieces:
                self._planned[item.id] = self._planned.get(item.id, 0) + quantity
                if variant is not None:
                    self.supply.take(variant.id, quantity)

    async def make(self, tx: Tx) -> list[NewRequest]:
        """The rows of the plans, in their order, dry runs too; those in earnest go to the desk with their events."""
        plans, self._plans = self._plans, []
        made = await make(tx, self.supply, plans, self.desk.at)
        requests = [
            request if plan.dry_run else tell_generated(self.desk.journal, request, plan.actor, plan.call_id)
            for plan, request in zip(plans, made.requests, strict=True)
        ]
        real = [request for plan, request in zip(plans, requests, strict=True) if not plan.dry_run]
        await in_slices(self.desk.take_on(real, made.decisions))
        self._planned.clear()
        return requests

    async def write(self, tx: Tx) -> None:
        """Write what became of it all."""
        changes = await in_slices(self.desk.changes())
        if changes is not None:
            await tx.write(changes)


async def open_bench(
    tx: Tx, asks: Sequence[OrderAsk], now: int, more: More = NOTHING_MORE
) -> tuple[Bench, dict[int, OrderParts]]:
    """Lock and load orders, with all that they may draw upon; only those that their scopes see."""
    accounts = sorted({ask.scope.account_id for ask in asks})
    orders = await tx.lock_orders(accounts, [ask.order_id for ask in asks])
    supply = await gather(tx, accounts, [need_of(parts.order, parts.items) for parts in orders.values()], more)
    loaded = await tx.load([], accounts)
    loaded.orders.update(orders)
    return Bench(Desk(loaded, now), supply), orders


def sees(scope: Scope, order: Order) -> bool:
    """Whether the order lies within the scope."""
    ours = order.account_id == scope.account_id and scope.source_id is None
    return ours and scope.channel_id in (None, order.channel_id)


def check_not_over(order: Order) -> None:
    """Refuse to generate by hand for an order that is closed or canceled."""
    status = OrderStatus(order.status)
    if not isinstance(decide_order(status, OrderAction.GENERATE_BY_HAND), OrderMove):
        words = f"Nothing is generated for an order that is {status.replace('_', ' ')}."
        raise OrderNotAllowed(words, status, settable(status))


def by_hub(actor: Actor) -> Actor:
    """The hub itself, acting because of this one."""
    return Actor("system", Scope(actor.scope.account_id), None, "waypost")
