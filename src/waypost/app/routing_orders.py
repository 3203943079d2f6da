"""An order's open items routed because somebody asks: told in advance, or generated (native, contract section 5)."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.generation_bench import Bench, OrderAsk, open_bench, sees
from waypost.app.generation_making import image_of
from waypost.app.ports import NewRequest, Tx
from waypost.app.records import Made, RecordChange
from waypost.app.routing import Judged, judge, may_generate, plans_of
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.holds import trouble_words
from waypost.domain.order_lifecycle import settable
from waypost.domain.orders import HoldReason, OrderStatus
from waypost.domain.refusals import Invalid, NotFound, OrderNotAllowed, Problem
from waypost.domain.routing import Decision


class GenerationAsk(NamedTuple):
    """Who asks for which order. `partial`: generate what can be placed, and leave the rest open."""

    actor: Actor
    order_id: int
    partial: bool = False
    call_id: str | None = None


class Preview(NamedTuple):
    """What would be generated now, why, and what is in its way."""

    requests: tuple[NewRequest, ...]
    reasons: tuple[HoldReason, ...]
    decision: Decision


Images = tuple[FulfillmentRequest, ...]


def generate_order(ask: GenerationAsk) -> RecordChange[Images]:
    """Generate requests for everything that is open: all of it or, unless `partial`, nothing. Refusals say why."""

    async def work(tx: Tx, at: int) -> Made[Images]:
        bench = await _open(tx, ask, at)
        judged = await _judged(tx, bench, ask)
        if judged.reasons and not (ask.partial and _has_part(judged)):
            raise Invalid(_problems(bench, judged))
        await bench.plan(await plans_of(bench.supply, judged, ask.actor, ask.call_id))
        made = await bench.make(tx)
        await bench.write(tx)
        return Made(tuple(map(image_of, made)))

    return RecordChange(ask.actor, work, Images, partial(_lock, ask=ask), ask.call_id)


def preview_order(ask: GenerationAsk) -> RecordChange[Preview]:
    """What `generate_order` would do now; nothing is written."""

    async def work(tx: Tx, at: int) -> Made[Preview]:
        bench = await _open(tx, ask, at)
        judged = await _judged(tx, bench, ask)
        await bench.plan(await plans_of(bench.supply, judged, ask.actor, ask.call_id, dry_run=True))
        return Made(Preview(tuple(await bench.make(tx)), judged.reasons, judged.routed.decision))

    return RecordChange(ask.actor, work, Preview, partial(_lock, ask=ask), ask.call_id, dry_run=True)


async def _lock(tx: Tx, ask: GenerationAsk) -> None:
    """The order and the stock, before the counter."""
    await open_bench(tx, [OrderAsk(ask.actor.scope, ask.order_id)], 0)


async def _open(tx: Tx, ask: GenerationAsk, at: int) -> Bench:
    bench, orders = await open_bench(tx, [OrderAsk(ask.actor.scope, ask.order_id)], at)
    parts = orders.get(ask.order_id)
    if parts is None or not sees(ask.actor.scope, parts.order):
        raise NotFound("order")
    return bench


async def _judged(tx: Tx, bench: Bench, ask: GenerationAsk) -> Judged:
    """Raises where there is nothing to route, or the order may not be."""
    order = bench.order(ask.order_id)
    if not may_generate(order):
        status = OrderStatus(order.status)
        words = f"Requests are generated for open orders; this one is {status.replace('_', ' ')}."
        raise OrderNotAllowed(words, status, settable(status))
    wanted = bench.wanted(ask.order_id)
    if not wanted:
        words = "Everything on this order is with a source already."
        raise Invalid([Problem("order_items", "nothing_open", words)])
    return await judge(tx, bench.supply, order, wanted)


def _has_part(judged: Judged) -> bool:
    """Whether something can be placed, and nothing but items that cannot is in the way."""
    of_items = {one.trouble.value for one in judged.routed.unplaced}
    return bool(judged.routed.allocations) and all(reason.code in of_items for reason in judged.reasons)


def _problems(bench: Bench, judged: Judged) -> Sequence[Problem]:
    """What is in the way: item by item, and of the order as a whole."""
    places = {item.id: place for place, item in enumerate(bench.desk.order(judged.order.id)[1])}
    problems = [
        Problem(f"/order_items/{places[one.item_id]}", one.trouble.value, trouble_words(one))
        for one in judged.routed.unplaced
    ]
    of_items = {problem.code for problem in problems}
    return problems + [
        Problem("shipping_text", reason.code, reason.message)
        for reason in judged.reasons
        if reason.code not in of_items
    ]
