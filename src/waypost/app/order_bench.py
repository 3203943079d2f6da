"""One order at work in an open transaction: locked and loaded, changed on the desk, written with all that follows.

Its requests are changed by the desk's own road; its status, items and fields by `amend`. What is derived from the
lines stays derived.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command
from waypost.app.desk import Desk
from waypost.app.large_work import OUT_OF_TURN
from waypost.app.order_holds import standing_reasons, unknown_things
from waypost.app.order_items import Known, Naming, identified_again, identify
from waypost.app.ports import ChannelRow, OrderParts, OrderView, Tx
from waypost.app.ports.orders import OrderRequest, OrderRequests
from waypost.app.routing import Fulfilment, fulfil_each, hold
from waypost.app.routing_supply import Supply, gather, need_of
from waypost.app.slices import in_slices
from waypost.app.transitions import ask_for
from waypost.domain.events import Event
from waypost.domain.lifecycle import Action
from waypost.domain.order_lifecycle import settable
from waypost.domain.orders import HoldReason, Order, OrderItem, OrderStatus
from waypost.domain.refusals import NotFound, OrderNotAllowed, Refusal


class OrderAsk(NamedTuple):
    """Who asks for something to be done to which order. `note`: why, for the timeline."""

    actor: Actor
    order_id: int
    call_id: str | None = None
    note: str | None = None


class Unstopped(NamedTuple):
    """A request of a canceled order that is on its way all the same, and why."""

    request_id: int
    number: str
    source_id: int
    status: str
    code: str
    message: str


class Aim(NamedTuple):
    """What a change may do beyond the order's own row, so that it is locked and looked up in time."""

    stops: bool = False  # cancel its requests
    goes_on: bool = False  # look for what it is of once more, and generate for it where the hub does so by itself
    adds: tuple[Naming, ...] = ()  # items to be added


class Ahead(NamedTuple):
    """What was looked up before the counters were locked, for an order that may go on."""

    channel: ChannelRow
    again: dict[int, OrderItem]  # items that are managed now, by id
    added: list[Known | None]  # what the items to be added are
    mapped: bool  # its shipping text means a policy
    supply: Supply | None  # None: its channel does not generate by itself


REQUEST_BYTES = 500  # of one request of an order, roughly
FIELDS = (
    "order_total", "payment_status", "tags", "note", "accounting_synced", "external_accounting_id", "accounting_error",
)  # fmt: skip
LINKS = ("sku", "title", "product_variant_id", "listing_variant_id")


async def lock_order(tx: Tx, ask: OrderAsk, aim: Aim) -> None:
    """Lock an order, its requests, and the stock that it may draw upon, as far as the aim goes; then the counter."""
    await OrderBench.open(tx, ask, 0, aim)


class OrderBench:
    """See the module. `order` and `items` are as they stand now."""

    def __init__(
        self, tx: Tx, desk: Desk, ask: OrderAsk, before: OrderParts, requests: OrderRequests, ahead: Ahead | None
    ) -> None:
        self._tx = tx
        self._desk = desk
        self._ask = ask
        self._before = before
        self._requests = requests
        self._ahead = ahead

    @classmethod
    async def open(cls, tx: Tx, ask: OrderAsk, at: int, aim: Aim) -> "OrderBench":
        """Lock and load; raises `NotFound`."""
        scope = ask.actor.scope
        parts = (await tx.order_parts(scope, [ask.order_id])).get(ask.order_id)
        if parts is None:
            raise NotFound("order")
        requests = (await tx.order_requests([ask.order_id])).get(ask.order_id, ())
        ahead = await _look_ahead(tx, parts, aim.adds) if aim.goes_on else None
        asks = [ask_for(cls._stop(ask, request[0])) for request in requests] if aim.stops else []
        loaded = await tx.load(asks, [scope.account_id])
        loaded.orders.setdefault(ask.order_id, parts)
        return cls(tx, Desk(loaded, at), ask, parts, requests, ahead)

    @staticmethod
    def _stop(ask: OrderAsk, request_id: int) -> Command:
        return Command(
            Action.CANCEL, request_id, ask.actor, ask.call_id, reason=ask.note, kill=True, wants_image=False
        )  # fmt: skip

    @property
    def at(self) -> int:
        """The time of the change."""
        return self._desk.at

    @property
    def order(self) -> Order:
        """The order."""
        return self._desk.order(self._ask.order_id)[0]

    @property
    def items(self) -> list[OrderItem]:
        """Its items, rolled up."""
        return self._desk.order(self._ask.order_id)[1]

    @property
    def ahead(self) -> Ahead:
        """What was looked up for an order that may go on."""
        if self._ahead is None:
            raise AssertionError("the aim of this change does not go on")
        return self._ahead

    def refuse(self, words: str) -> OrderNotAllowed:
        """The refusal of the order's status."""
        status = OrderStatus(self.order.status)
        return OrderNotAllowed(words, status, settable(status))

    def stop_requests(self) -> tuple[list[int], list[Unstopped]]:
        """Cancel every request that can still be stopped, and kill what it had; which were, and which were not."""
        stopped, unstopped = [], []
        for place, (id_, number, source_id, _) in enumerate(self._requests):
            settled = self._desk.settle(place, self._stop(self._ask, id_))
            if not isinstance(settled, Refusal):
                stopped += [id_] if settled.moved else []
            elif any(line.unshipped > 0 for line in self._desk.lines_of(id_)):
                state = self._desk.state_at(place)
                status = state.status if state else ""
                unstopped.append(Unstopped(id_, number, source_id, status, settled.code, settled.message))
        return stopped, unstopped

    def amend(self, order: Order, items: Sequence[OrderItem] | None = None) -> None:
        """What becomes of the order, and of its items."""
        self._desk.amend(order, self.items if items is None else items)

    def tell(self, type_: str, was: str | None, now: str | None, data: Mapping[str, Any] | None = None) -> None:
        """Write an event of the order."""
        actor, told = self._ask.actor, None if data is None else json.dumps(data, separators=(",", ":"))
        self._desk.tell(
            Event(self._before.order.account_id, 0, 0, "order", self._ask.order_id, type_, was, now, actor.type,
                  actor.id, actor.name, None, self._ask.note, self._ask.call_id, told)
        )  # fmt: skip

    def standing(self) -> list[HoldReason]:
        """What is in the order's way before it is routed; routing finds what its channel wants mapped by itself."""
        order, items, ahead = self.order, self.items, self.ahead
        if ahead.supply is not None:
            return unknown_things(items)
        mapped = [(order.channel_id, order.shipping_text or "")] if ahead.mapped else []
        return standing_reasons(order, items, ahead.channel, mapped)

    async def go_on(self, reasons: Sequence[HoldReason] = ()) -> None:
        """Generate for the order where the hub does so by itself, or hold it for all that is in its way."""
        ask = Fulfilment(self._ask.order_id, self._ask.actor, self._ask.call_id, tuple(reasons))
        if self.ahead.supply is None:
            hold(self._desk, ask.order_id, ask.known, ask.actor, ask.call_id)
            return
        made = await fulfil_each(self._tx, self._desk, [ask], self.ahead.supply)
        rows = [OrderRequest.of(one) for one in made]
        self._requests = (*self._requests, *rows)

    async def close(self) -> OrderView:
        """Write all that has changed; the order as it stands."""
        changes = await in_slices(self._desk.changes())
        order, items = self._desk.order(self._ask.order_id)
        if changes is not None:
            order = order._replace(updated_at=self.at)
            await self._write_apart(order, items)
            await self._tx.write(changes)
        return OrderView(order, tuple(items), await self._requests_now())

    async def _write_apart(self, order: Order, items: Sequence[OrderItem]) -> None:
        """What no roll-up writes; requests may be of items that are new."""
        was, had = self._before.order, {item.id: item for item in self._before.items}
        if any(getattr(order, name) != getattr(was, name) for name in FIELDS):
            await self._tx.update_order_fields([order])
        new = [item for item in items if item.id not in had]
        if new:
            await self._tx.insert_order_items(new)
        linked = [
            item
            for item in items
            if item.id in had and any(getattr(item, name) != getattr(had[item.id], name) for name in LINKS)
        ]
        if linked:
            await self._tx.update_item_links(linked)

    async def _requests_now(self) -> OrderRequests:
        moved = {state.id: state.status for state in self._desk.states()}
        if not moved:
            return self._requests
        now = (one._replace(status=moved.get(one.id, one.status)) for one in self._requests)
        return tuple(await OUT_OF_TURN.collected(now, lambda _: REQUEST_BYTES))


async def _look_ahead(tx: Tx, parts: OrderParts, adds: Sequence[Naming]) -> Ahead:
    """What the order may need to go on; stock is locked: orders before, counters after."""
    order, account = parts.order, parts.order.account_id
    channel = (await tx.channel_rows(Scope(account), [order.channel_id]))[order.channel_id]
    again = await identified_again(tx, account, [(order, item) for item in parts.items])
    added = await identify(tx, account, [one._replace(channel_id=order.channel_id) for one in adds])
    supply = None
    if channel.auto_generate:
        need = need_of(order, [again.get(item.id, item) for item in parts.items])
        skus = tuple(thing.sku for thing in added if thing is not None and thing.sku)
        products = tuple(thing.product_variant_id for thing in added if thing is not None and thing.product_variant_id)
        need = need._replace(skus=(*need.skus, *skus), products=(*need.products, *products))
        supply = await gather(tx, [account], [need])
    text = order.shipping_text
    wary = channel.require_shipping_mapping and supply is None and text is not None
    mapped = bool(await tx.mapped_methods([(order.channel_id, text or "")])) if wary else False
    return Ahead(channel, again, added, mapped, supply)
