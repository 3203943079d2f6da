"""Linking: unmanaged items looked for once more in the catalog; orders that are managed thereby go on (section 5)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.app.batch_size import ITEMS_AT_MOST
from waypost.app.desk import Desk
from waypost.app.order_holds import unknown_things
from waypost.app.order_items import identified_again
from waypost.app.ports import OrderParts, Tx
from waypost.app.records import Made, RecordChange
from waypost.app.routing import Fulfilment, fulfil_each
from waypost.app.routing_supply import More, Supply, gather, need_of
from waypost.app.slices import Pace, in_slices
from waypost.domain.events import ORDER_CHANGED, ORDER_EVENTS, Event
from waypost.domain.order_lifecycle import OrderAction, OrderMove, decide_order
from waypost.domain.orders import Order, OrderItem, OrderStatus, held
from waypost.domain.refusals import Invalid, Problem

ORDERS_AT_MOST = 1000  # of one call
_STEPS_OF_AN_ITEM = 2


class LinkAsk(NamedTuple):
    """Which orders' unmanaged items are to be linked; `skus`: only items with one of these."""

    actor: Actor
    order_ids: tuple[int, ...]
    skus: tuple[str, ...] = ()
    channel_id: int | None = None
    call_id: str | None = None


Linked = tuple[int, ...]
"""The ids of the orders that have changed."""


class _Ahead(NamedTuple):
    """What was looked up before the counter was locked."""

    orders: Mapping[int, OrderParts]
    found: Mapping[int, OrderItem]  # items as they become, by id
    supply: Supply | None  # None: nobody generates for any of these orders by itself


def link_orders(ask: LinkAsk) -> RecordChange[Linked]:
    """Link what can be linked of these orders, set-based and in one transaction."""

    async def lock(tx: Tx) -> None:
        await _check_size(tx, ask)
        await _load(tx, ask)

    async def work(tx: Tx, at: int) -> Made[Linked]:
        ahead, desk = await _load(tx, ask, at)
        problems = [
            Problem(f"/order_ids/{place}", "unknown_order", f"There is no order {id_}.")
            for place, id_ in enumerate(ask.order_ids)
            if id_ not in ahead.orders
        ]
        if ask.channel_id is not None and not await tx.channel_rows(ask.actor.scope, [ask.channel_id]):
            problems.append(Problem("channel_id", "unknown_channel", f"There is no channel {ask.channel_id}."))
        if problems:
            raise Invalid(problems)
        return Made(await _link(tx, desk, ask, ahead))

    return RecordChange(ask.actor, work, Linked, lock)


async def _check_size(tx: Tx, ask: LinkAsk) -> None:
    """Raises `Invalid` where the orders have more items than one call may link."""
    items = sum((await tx.item_counts(ask.actor.scope, ask.order_ids)).values())
    if items > ITEMS_AT_MOST:
        words = (
            f"These {len(ask.order_ids)} orders have {items} items together; one call links at most {ITEMS_AT_MOST}."
            " Name fewer orders in each call."
        )
        raise Invalid([Problem("/order_ids", "too_many", words)])


async def _load(tx: Tx, ask: LinkAsk, at: int = 0) -> tuple[_Ahead, Desk]:
    """Lock the orders, then what those that are linked may draw upon, then the counter."""
    account = ask.actor.scope.account_id
    parts = await tx.order_parts(ask.actor.scope, ask.order_ids)
    open_ = [one for one in parts.values() if _may_link(one.order)]
    skus = frozenset(ask.skus)
    wanted = ((one.order, item) for one in open_ for item in one.items if not skus or item.sku in skus)
    found = await identified_again(tx, account, wanted)
    channels = await tx.channel_rows(ask.actor.scope, sorted({one.order.channel_id for one in open_}))
    needs, pace = [], Pace()
    for one in open_:
        if channels[one.order.channel_id].auto_generate:
            needs.append(need_of(one.order, [found.get(item.id, item) for item in one.items]))
            await pace.spend(len(one.items))
    supply = await gather(tx, [account], needs, More(channels=tuple(channels))) if needs else None
    loaded = await tx.load([], [account])
    loaded.orders.update(parts)
    return _Ahead(parts, found, supply), Desk(loaded, at)


async def _link(tx: Tx, desk: Desk, ask: LinkAsk, ahead: _Ahead) -> Linked:
    changed: list[int] = []
    linked: list[OrderItem] = []
    pace = Pace()
    for id_, one in ahead.orders.items():
        items = [ahead.found.get(item.id, item) for item in one.items]
        mine = [item for item, was in zip(items, one.items, strict=True) if item != was]
        if mine:
            _tell(desk, ask, one.order, items, [item.id for item in mine])
            changed.append(id_)
            linked += mine
        await pace.spend(_STEPS_OF_AN_ITEM * len(items))
    if not changed:
        return ()
    if ahead.supply is not None:
        asks = [Fulfilment(id_, ask.actor, ask.call_id) for id_ in changed]
        await fulfil_each(tx, desk, asks, ahead.supply)
    await tx.update_item_links(linked)
    changes = await in_slices(desk.changes())
    if changes is not None:
        await tx.write(changes)
    return tuple(changed)


def _may_link(order: Order) -> bool:
    return isinstance(decide_order(OrderStatus(order.status), OrderAction.LINK), OrderMove)


def _tell(desk: Desk, ask: LinkAsk, was: Order, items: Sequence[OrderItem], linked: list[int]) -> None:
    """What becomes of one order: one that waited for this is open again."""
    now = was
    if was.status == OrderStatus.NOT_MANAGED:
        now = held(was._replace(status=OrderStatus.OPEN, hold_reasons="[]"), unknown_things(items))
    desk.amend(now, items)
    moved = now.status != was.status
    data: dict[str, Any] = {"changed": ["orderItems"], "linked": linked}
    desk.tell(_event(ask, was, ORDER_EVENTS[OrderStatus(now.status)] if moved else ORDER_CHANGED, now, data))


def _event(ask: LinkAsk, was: Order, type_: str, now: Order, data: Mapping[str, Any]) -> Event:
    actor, told = ask.actor, json.dumps(data, separators=(",", ":"))
    return Event(was.account_id, 0, 0, "order", was.id, type_, was.status, now.status, actor.type, actor.id,
                 actor.name, None, None, ask.call_id, told)  # fmt: skip
