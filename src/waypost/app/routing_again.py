"""Routed again: what a source gives back goes to another one, by itself where the channel says so, or by hand.

Never to a source that gave the same items back before (`refused_sources` of the order's items).
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, Done
from waypost.app.desk import Desk
from waypost.app.generation_bench import Bench, check_not_over
from waypost.app.generation_making import image_of
from waypost.app.ports import Ask, Tx
from waypost.app.records import Made, RecordChange
from waypost.app.routing import Judged, may_generate, plans_of, supply_of, tell_held
from waypost.app.routing_placing import placed
from waypost.app.routing_supply import Supply, Wanted
from waypost.domain.fulfillment import FulfillmentRequest, Line, State
from waypost.domain.guards import allowed_actions, is_doubtful
from waypost.domain.holds import routing_reasons, trouble_words
from waypost.domain.lifecycle import Action, Guard
from waypost.domain.orders import held
from waypost.domain.refusals import Invalid, NotAllowed, NotFound, Problem, Refusal, refuse_from_status
from waypost.domain.statuses import Status


async def route_again(tx: Tx, desk: Desk, calls: Mapping[int, str | None]) -> None:
    """Generate for what was given back in this batch, as far as others have it; an order of which they have not
    everything is held, so that it stands in front of somebody. `calls`: the call that did it, by order."""
    given_back = desk.to_reroute()
    open_ones = {id_: pieces for id_, pieces in given_back.items() if may_generate(desk.order(id_)[0])}
    if not open_ones:
        return
    supply = await _supply(tx, desk, open_ones)
    bench = Bench(desk, supply)
    for id_, pieces in sorted(open_ones.items()):
        wanted = _wanted(bench, id_, pieces)
        if not wanted:
            continue
        order, items = desk.order(id_)
        routed = await placed(tx, supply, order, wanted)
        reasons = tuple(routing_reasons(routed.unplaced))
        hub = Actor("system", Scope(order.account_id), None, "waypost")
        judged = Judged(order, wanted, routed, reasons)
        await bench.plan(await plans_of(supply, judged, hub, calls.get(id_)))
        if reasons:
            now = held(order, reasons)
            desk.amend(now, items)
            tell_held(desk.journal, order, now, reasons, hub, calls.get(id_))
    await bench.make(tx)


async def _supply(
    tx: Tx, desk: Desk, wanted: Mapping[int, Collection[int]], named: Sequence[int] = ()
) -> Supply:
    """What these items (by order id) may draw upon, with what this batch has let go of; locked with their requests."""
    found = []
    for id_, item_ids in wanted.items():
        order, items = desk.order(id_)
        found.append((order, [item for item in items if item.id in item_ids]))
    supply = await supply_of(tx, found, named)
    for variant_id, by in desk.stock_moves().items():
        supply.take(variant_id, by)
    return supply


def _wanted(bench: Bench, order_id: int, pieces: dict[int, int]) -> tuple[Wanted, ...]:
    """So much of each item, as far as it is open."""
    return tuple(
        Wanted(one.item, min(one.quantity, pieces[one.item.id]))
        for one in bench.wanted(order_id)
        if one.item.id in pieces
    )


class RerouteAsk(NamedTuple):
    """The withdrawal of a request, and the source that is to have it instead; None: as the routing says."""

    command: Command
    source_id: int | None


class Rerouted(NamedTuple):
    """The requests that were generated instead, and where the one before stood."""

    images: tuple[FulfillmentRequest, ...]
    from_status: Status


def reroute_request(ask: RerouteAsk) -> RecordChange[Rerouted]:
    """Void a request and generate for what it held at another source, all of it or nothing at all."""
    command = ask.command

    async def work(tx: Tx, at: int) -> Made[Rerouted]:
        loaded = await tx.load([_ask(command)], [command.actor.scope.account_id])
        desk = Desk(loaded, at)
        done, lines = _void(desk, command)
        state = desk.state_at(0)
        if state is None:
            raise AssertionError("a request that was voided is there")
        named = () if ask.source_id is None else (ask.source_id,)
        bench = Bench(desk, await _supply(tx, desk, {state.order_id: lines}, named))
        await _replace(tx, bench, ask, state, lines)
        images = tuple(map(image_of, await bench.make(tx)))
        await bench.write(tx)
        return Made(Rerouted(images, done.from_status))

    return RecordChange(command.actor, work, Rerouted, partial(_lock, command=command), command.call_id)


def _ask(command: Command) -> Ask:
    return Ask(
        command.request_id, command.actor.scope, whole=True, with_order=True, elsewhere=True, elsewhere_anyway=True
    )


async def _lock(tx: Tx, command: Command) -> None:
    await tx.load([_ask(command)], [command.actor.scope.account_id])


def _void(desk: Desk, command: Command) -> tuple[Done, dict[int, tuple[int, int]]]:
    """Withdraw it; by order item, how many pieces that gave back, and the place of the line."""
    before = desk.state_at(0)
    if before is None:
        raise NotFound
    if command.actor.type == "system" and before.status == Status.PROCESSING_ERROR and is_doubtful(before):
        words = "The source may have it, so another one might get it as well: somebody must decide."
        raise NotAllowed(words, before.status, allowed_actions(before, "account"), Guard.RESEND_CONFIRMED)
    had = {line.id: line for line in desk.lines_of(before.id)}
    settled = desk.settle(0, command)
    if isinstance(settled, Refusal):
        raise settled
    if not settled.moved:
        raise refuse_from_status(before.status, Action.VOID, allowed_actions(before, command.actor.type))
    pieces: dict[int, tuple[int, int]] = {}
    for place, line in enumerate(desk.lines_of(before.id)):
        if line.order_item_id is not None:
            count, first = pieces.get(line.order_item_id, (0, place))
            pieces[line.order_item_id] = count + _voided(had[line.id], line), first
            desk.refuse(line.order_item_id, before.source_id)
    return settled, pieces


def _voided(before: Line, after: Line) -> int:
    return after.voided - before.voided


async def _replace(tx: Tx, bench: Bench, ask: RerouteAsk, state: State, lines: dict[int, tuple[int, int]]) -> None:
    """Plan what takes the place of a request that was voided; raises every reason why not."""
    order, _ = bench.desk.order(state.order_id)
    check_not_over(order)
    supply, actor = bench.supply, ask.command.actor
    if ask.source_id is not None:
        _check_source(supply, state, ask.source_id)
    wanted = _wanted(bench, order.id, {item: pieces for item, (pieces, _) in lines.items()})
    if not wanted:
        raise Invalid([Problem("request_items", "nothing_open", "There is nothing of it to be routed.")])
    routed = await placed(tx, supply, order, wanted, only=ask.source_id)
    if routed.unplaced:
        raise Invalid(
            [
                Problem(f"/request_items/{lines[one.item_id][1]}", one.trouble.value, trouble_words(one))
                for one in routed.unplaced
            ]
        )
    judged = Judged(order, wanted, routed, ())
    await bench.plan(await plans_of(supply, judged, actor, ask.command.call_id))


def _check_source(supply: Supply, state: State, source_id: int) -> None:
    source = supply.source(state.account_id, source_id)
    if source is None:
        raise Invalid([Problem("to_source_id", "unknown_source", f"There is no source {source_id}.")])
    if source_id == state.source_id:
        raise Invalid([Problem("to_source_id", "same_source", "It is with this source already.")])
