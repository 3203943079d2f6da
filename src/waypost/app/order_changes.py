"""What can be done to an order: its status, payment, tags, accounting, more items (contract section 5).

Each is a change of a record: made with its key, its dry run and its events in one transaction.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from waypost.app import order_fields as fields
from waypost.app.order_bench import Aim, OrderAsk, OrderBench, Unstopped, lock_order
from waypost.app.order_items import ItemDraft, item_record, naming
from waypost.app.ports import OrderView, Tx
from waypost.app.records import Made, RecordChange
from waypost.app.routing import PAID_ENOUGH
from waypost.domain.events import ORDER_CHANGED, ORDER_EVENTS
from waypost.domain.order_lifecycle import SETTABLE, OrderAction, OrderMove, decide_order
from waypost.domain.orders import OrderStatus, PaymentStatus, roll_up
from waypost.domain.refusals import Invalid, NotPermitted, Problem

ITEMS_AT_MOST = 1000  # of one order
NO_AIM = Aim()
TOTAL_BELOW = 10**15  # ten-thousandths, of an order


class OrderDone(NamedTuple):
    """A success: the order as it stands, whether anything changed, and what a cancellation could not stop."""

    view: OrderView
    changed: bool
    from_status: str
    unstopped: tuple[Unstopped, ...] | None = None  # None: nothing was to be stopped


OrderChange = RecordChange[OrderDone]
Settle = Callable[[Tx, OrderBench], Awaitable[tuple[bool, tuple[Unstopped, ...] | None]]]


def _change(ask: OrderAsk, settle: Settle, aim: Aim = NO_AIM, is_shown: bool = True) -> OrderChange:
    """`is_shown`: the reply shows the whole order. If not, its items and requests are not kept for a repeat."""

    async def work(tx: Tx, at: int) -> Made[OrderDone]:
        bench = await OrderBench.open(tx, ask, at, aim)
        was = bench.order.status
        changed, unstopped = await settle(tx, bench)
        view = await bench.close()
        return Made(OrderDone(view if is_shown else view._replace(items=(), requests=()), changed, was, unstopped))

    return RecordChange(ask.actor, work, OrderDone, partial(lock_order, ask=ask, aim=aim))


def _decided(bench: OrderBench, ask: OrderAsk, action: OrderAction, words: str) -> bool:
    """Whether the action moves the order; raises where its status does not allow it."""
    decision = decide_order(OrderStatus(bench.order.status), action)
    if decision is None:
        raise bench.refuse(words)
    if ask.actor.type not in decision.row.who:
        raise NotPermitted(decision.row.who, ask.actor.type)
    return isinstance(decision, OrderMove)


def set_status(ask: OrderAsk, to: OrderStatus) -> OrderChange:
    """Hold, release, close, cancel, or set it aside."""
    action = SETTABLE[to]

    async def settle(tx: Tx, bench: OrderBench) -> tuple[bool, tuple[Unstopped, ...] | None]:
        was = bench.order
        words = f"An order that is {_words(was.status)} cannot be set to {_words(to)}."
        if not _decided(bench, ask, action, words):
            return False, None
        if action is OrderAction.CANCEL:
            return _cancel(bench)
        if action is OrderAction.RELEASE:
            return await _release(bench), None
        bench.amend(was._replace(status=to))
        bench.tell(ORDER_EVENTS[to], was.status, to)
        return True, None

    return _change(ask, settle, Aim(stops=action is OrderAction.CANCEL, goes_on=action is OrderAction.RELEASE))


def _words(status: str) -> str:
    return status.replace("_", " ")


def _cancel(bench: OrderBench) -> tuple[bool, tuple[Unstopped, ...]]:
    """Stop what can be stopped, and cancel on the order what is with no source."""
    was = bench.order
    stopped, unstopped = bench.stop_requests()
    left = [item.quantity - item.canceled - item.allocated for item in bench.items]
    dropped = [
        {"id": item.id, "quantity": quantity} for item, quantity in zip(bench.items, left, strict=True) if quantity > 0
    ]
    if was.status == OrderStatus.CANCELED and not stopped and not dropped:
        return False, tuple(unstopped)
    items = [item._replace(dropped=item.dropped + max(0, more)) for item, more in zip(bench.items, left, strict=True)]
    data = {"stopped": stopped, "notStopped": [one.request_id for one in unstopped], "dropped": dropped}
    bench.amend(bench.order._replace(status=OrderStatus.CANCELED), items)
    bench.tell(ORDER_EVENTS[OrderStatus.CANCELED], was.status, OrderStatus.CANCELED, data)
    return True, tuple(unstopped)


async def _release(bench: OrderBench) -> bool:
    """Open again; it is held once more, or fulfilled, as it comes."""
    was = bench.order
    if roll_up(was._replace(status=OrderStatus.OPEN), bench.items).status != OrderStatus.OPEN:
        raise bench.refuse("There is nothing left to open: all of it has shipped or is canceled.")
    items = [bench.ahead.again.get(item.id, item) for item in bench.items]
    bench.amend(was._replace(status=OrderStatus.OPEN, hold_reasons="[]"), items)
    bench.tell(ORDER_EVENTS[OrderStatus.OPEN], was.status, OrderStatus.OPEN)
    await bench.go_on(bench.standing())
    return True


def set_payment(ask: OrderAsk, to: PaymentStatus) -> OrderChange:
    """What is known of its payment (native)."""

    async def settle(tx: Tx, bench: OrderBench) -> tuple[bool, None]:
        return await fields.change_payment(bench, to), None

    return _change(ask, settle, Aim(goes_on=to in PAID_ENOUGH))


def change_tags(ask: OrderAsk, add: Sequence[str], remove: Sequence[str]) -> OrderChange:
    """Tags taken away, then tags added; each once, in their order."""

    async def settle(tx: Tx, bench: OrderBench) -> tuple[bool, None]:
        return fields.change_tags(bench, add, remove, "/add"), None

    return _change(ask, settle, is_shown=False)


class Accounting(NamedTuple):
    """What an accounting system says; None leaves a field as it is."""

    synced: bool | None = None
    external_id: str | None = None
    error: str | None = None


def sync_accounting(ask: OrderAsk, asked: Accounting) -> OrderChange:
    """Keep what an accounting system says; always as new input."""

    async def settle(tx: Tx, bench: OrderBench) -> tuple[bool, None]:
        order = bench.order
        bench.amend(
            order._replace(
                accounting_synced=order.accounting_synced if asked.synced is None else asked.synced,
                external_accounting_id=asked.external_id or order.external_accounting_id,
                accounting_error=asked.error or (None if asked.synced else order.accounting_error),
            )
        )
        bench.tell(ORDER_CHANGED, order.status, order.status, {"changed": ["accounting"]})
        return True, None

    return _change(ask, settle, is_shown=False)


def add_item(ask: OrderAsk, draft: ItemDraft, priced: bool) -> OrderChange:
    """One more item, while the order is open; its price, if it has none, is that of its listing."""

    async def settle(tx: Tx, bench: OrderBench) -> tuple[bool, None]:
        order, items = bench.order, bench.items
        words = f"Items are added to open orders; this one is {_words(order.status)}."
        _decided(bench, ask, OrderAction.ADD_ITEMS, words)
        if len(items) >= ITEMS_AT_MOST:
            raise Invalid([Problem("/quantity", "too_many_items", f"An order has at most {ITEMS_AT_MOST} items.")])
        (thing,) = bench.ahead.added
        if thing is None:
            raise Invalid([_unknown(draft)])
        price = draft.price if priced else thing.price or 0
        (id_,) = await tx.new_ids("order_item", 1)
        number = max(item.line_number for item in items) + 1
        item = item_record(draft._replace(price=price), order.id, id_, number, thing)
        total = order.order_total + price * draft.quantity
        if total >= TOTAL_BELOW:
            raise Invalid([Problem("/price", "out_of_range", "The order would come to more than an amount can say.")])
        bench.amend(order._replace(order_total=total), [*items, item])
        data = {"changed": ["orderItems"], "added": [{"id": item.id, "quantity": item.quantity}]}
        bench.tell(ORDER_CHANGED, order.status, order.status, data)
        await bench.go_on()
        return True, None

    return _change(ask, settle, Aim(goes_on=True, adds=(naming(0, draft),)))


def _unknown(draft: ItemDraft) -> Problem:
    """Which of its names nobody knows."""
    for name, what in (("product_variant_id", "product variant"), ("listing_variant_id", "listing variant")):
        id_ = getattr(draft, name)
        if id_ is not None:
            return Problem(f"/{name}", "unknown_variant", f"There is no {what} {id_}.")
    return Problem("/externalListingId", "unknown_listing", "The channel has no such listing.")
