"""A merchant whose fulfillment requests stand in any status, each with a history that led there.

The rows go in through the store's own inserts, in bulk, and not down the road under test; `tests.support.audit`
holds that they are consistent.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.ports import NewRequest, PostedOrder, Store, Tx
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State, fulfillment_status
from waypost.domain.orders import Order, OrderItem, OrderStatus, Progress
from waypost.domain.statuses import RELEASED, Status

S = Status
ADDRESS = json.dumps({"firstName": "Zoë", "lastName": "Müller", "city": "Zürich", "countryCode": "CH"})

# The way of a request to each status: (event, status) from its generation on.
WAYS: dict[Status, tuple[tuple[str, Status], ...]] = {
    S.UNPROCESSED: (("generated", S.UNPROCESSED),),
    S.PROCESSING: (("generated", S.UNPROCESSED), ("processing", S.PROCESSING)),
    S.PROCESSED: (("generated", S.PROCESSING), ("processed", S.PROCESSED)),
    S.ACKNOWLEDGED: (("generated", S.PROCESSING), ("processed", S.PROCESSED), ("acknowledged", S.ACKNOWLEDGED)),
    S.PROCESSING_ERROR: (("generated", S.PROCESSING), ("failed", S.PROCESSING_ERROR)),
    S.CANCELED: (("generated", S.UNPROCESSED), ("processing", S.PROCESSING), ("canceled", S.CANCELED)),
    S.VOIDED: (("generated", S.UNPROCESSED), ("processing", S.PROCESSING), ("voided", S.VOIDED)),
    S.ADDITIONAL_INFO_REQUIRED: (("generated", S.ADDITIONAL_INFO_REQUIRED),),
    S.NUMBER_EXCEEDS_MAX_LENGTH: (("generated", S.NUMBER_EXCEEDS_MAX_LENGTH),),
    S.DUPLICATE_NUMBER: (("generated", S.DUPLICATE_NUMBER),),
    S.CROSS_DOCKED: (("generated", S.CROSS_DOCKED),),
}


def same(state: State) -> State:
    """No change."""
    return state


@dataclass(frozen=True)
class Wanted:
    """A request to be made. `lines`: (SKU, quantity) each; `order` names its order, alone in one if None."""

    status: Status = S.PROCESSING
    lines: tuple[tuple[str, int], ...] = (("SKU-A", 3), ("SKU-B", 2))
    source: int = 0
    channel: int = 0
    order: str | None = None
    number: str | None = None
    shipped: int = 0  # of the first line
    tweak: Callable[[State], State] = same
    generated_at: int | None = None
    custom_fields: str = "[]"
    order_status: OrderStatus = OrderStatus.OPEN
    order_quantity: int = 0  # beyond what the lines take
    released: bool = True  # before it was canceled or voided


class _Made(NamedTuple):
    state: State
    particulars: Particulars
    lines: tuple[Line, ...]
    events: list[tuple[str, Status | None, Status]]


@dataclass
class Merchant:
    """An account with its sources and channels. `at` is the time of the last row made.

    All actors hold the one `token`: a change that has waited for its turn is made only if its token is still good.
    """

    store: Store
    account: int
    sources: list[int]
    channels: list[int]
    at: int
    token: int
    _orders: int = field(default=0)

    def actor(
        self, type_: str = "account", source: int | None = None, channel: int | None = None, family: int = 7
    ) -> Actor:
        """The holder of a token of this kind, bound to the n-th source or channel where it must be."""
        source_id = self.sources[source or 0] if type_ == "source" else None
        channel_id = self.channels[channel or 0] if type_ == "channel" else None
        return Actor(type_, Scope(self.account, source_id, channel_id), self.token, f"{type_} token", family)

    async def requests(self, *wanted: Wanted | Status) -> list[int]:
        """Make these, in one transaction; their ids."""
        asked = [Wanted(one) if isinstance(one, Status) else one for one in wanted]

        async def make(tx: Tx) -> list[int]:
            return await _make(tx, self, asked)

        return await self.store.write(make)

    async def request(self, status: Status = S.PROCESSING, **given: object) -> int:
        """One."""
        return (await self.requests(Wanted(status, **given)))[0]  # type: ignore[arg-type]  # by name

    def order_name(self) -> str:
        """An order number that is still free."""
        self._orders += 1
        return f"{self.account}-{1000 + self._orders}"


async def open_merchant(
    store: Store, name: str = "Ours", sources: int = 2, channels: int = 2, at: int = 1_000_000
) -> Merchant:
    """A merchant without orders. Sources require nothing and release at once."""

    async def make(tx: Tx) -> Merchant:
        account = await tx.insert_row("account", {"company_name": name, "created_at": at})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        row = {"account_id": account, "required_fields": "[]", "auto_process": True, "created_at": at}
        places = [await tx.insert_row("source", {**row, "name": f"{name} {n}"}) for n in range(sources)]
        row = {"account_id": account, "created_at": at}
        shops = [await tx.insert_row("channel", {**row, "name": f"{name} {n}"}) for n in range(channels)]
        token = await tx.insert_row("token", {
            "account_id": account, "type": "account", "name": f"{name} token", "family": 7, "created_at": at,
            "digest": hashlib.sha256(f"{name} {account}".encode()).digest(), "hint": "none",
        })  # fmt: skip
        return Merchant(store, account, places, shops, at, token)

    return await store.write(make)


async def _make(tx: Tx, merchant: Merchant, wanted: Sequence[Wanted]) -> list[int]:
    counter = (await tx.load([], [merchant.account])).counters[merchant.account]
    at = merchant.at = max(merchant.at, counter.last_at) + 1
    named = [(one.order or merchant.order_name(), one) for one in wanted]
    groups: dict[str, list[Wanted]] = {}
    for name, one in named:
        groups.setdefault(name, []).append(one)
    request_ids = await tx.new_ids("fulfillment_request", len(wanted))
    line_ids = iter(await tx.new_ids("fulfillment_request_line", sum(len(one.lines) for one in wanted)))
    order_ids = dict(zip(groups, await tx.new_ids("orders", len(groups)), strict=True))
    # The requests of one order share its items, by SKU.
    skus = list(dict.fromkeys((name, sku) for name, one in named for sku, _ in one.lines))
    item_ids = dict(zip(skus, await tx.new_ids("order_item", len(skus)), strict=True))
    made: list[_Made] = []
    for id_, (name, one) in zip(request_ids, named, strict=True):
        lines = _lines(id_, one, [(next(line_ids), item_ids[name, sku]) for sku, _ in one.lines])
        made.append(_history(merchant, one, id_, order_ids[name], name, lines, at))
    every = [line for one in made for line in one.lines]
    items = [
        _item(place, sku, item_ids[name, sku], order_ids[name], every, groups[name][0].order_quantity)
        for place, (name, sku) in enumerate(skus, 1)
    ]
    orders = [_order(merchant, groups[name][0], order_ids[name], name, items, at) for name in groups]
    inserted = await tx.insert_orders([PostedOrder(order, None) for order in orders], items)
    assert inserted == {order.id for order in orders}, "an order number was taken already"
    events = [(one.state.id, *event) for one in made for event in one.events]
    releases: dict[int, int] = {}  # the event that released each, by request
    for place, (id_, _, _, now) in enumerate(events, 1):
        if now in RELEASED:
            releases.setdefault(id_, counter.last_seq + place)
    taken: set[tuple[int, str]] = set()
    new = []
    for one in made:
        claim = (one.state.source_id, one.particulars.number)
        state = one.state._replace(released_seq=releases.get(one.state.id))
        new.append(NewRequest(state, one.particulars, one.lines, claim not in taken))
        taken.add(claim)
    await tx.insert_requests(new)
    await tx.write_events(
        [
            Event(merchant.account, counter.last_seq + place, at, "fulfillment_request", id_,
                  f"fulfillment_request.{type_}", was, now, "system", None, "test", None, None, None, None)
            for place, (id_, type_, was, now) in enumerate(events, 1)
        ],
        at,
    )  # fmt: skip
    return request_ids


def _lines(request_id: int, wanted: Wanted, ids: Sequence[tuple[int, int]]) -> tuple[Line, ...]:
    blank = dict.fromkeys(Line._fields)
    lines = []
    for place, ((id_, item_id), (sku, quantity)) in enumerate(zip(ids, wanted.lines, strict=True), 1):
        shipped = wanted.shipped if place == 1 else 0
        acknowledged = quantity if wanted.status == S.ACKNOWLEDGED else shipped
        given = {
            "id": id_, "request_id": request_id, "line_number": place, "sku": sku, "quantity": quantity,
            "cost": 12_500, "order_item_id": item_id, "acknowledged": acknowledged, "secondary_acknowledged": 0,
            "shipped": shipped, "canceled": quantity if wanted.status == S.CANCELED else 0, "killed": 0,
            "voided": quantity if wanted.status == S.VOIDED else 0, "custom_fields": "[]",
        }  # fmt: skip
        lines.append(Line(**{**blank, **given}))  # type: ignore[arg-type]  # by name
    return tuple(lines)


def _item(place: int, sku: str, id_: int, order_id: int, every: Sequence[Line], more: int) -> OrderItem:
    lines = [line for line in every if line.order_item_id == id_]
    return OrderItem(
        id_, order_id, place, sku, None, sum(line.quantity for line in lines) + more, 20_000, None, None, None, "[]",
        sum(line.effective for line in lines), sum(line.acknowledged for line in lines),
        sum(line.shipped for line in lines), sum(line.killed for line in lines),
    )  # fmt: skip


def _progress(done: int, wanted: int) -> Progress:
    if not done:
        return Progress.NOT_STARTED
    return Progress.COMPLETED if done >= wanted else Progress.PARTIALLY_COMPLETED


def _order(merchant: Merchant, wanted: Wanted, id_: int, name: str, items: Sequence[OrderItem], at: int) -> Order:
    own = [item for item in items if item.order_id == id_]
    whole = sum(item.quantity - item.canceled for item in own)
    return Order(
        id_, merchant.account, merchant.channels[wanted.channel], name, None, None, wanted.order_status, None,
        _progress(sum(i.acknowledged for i in own), whole), _progress(sum(i.shipped for i in own), whole),
        sum(i.quantity * i.price for i in own), None, "Ground", at, at, at, ADDRESS, None, "[]", "[]", "",
    )  # fmt: skip


def _history(
    merchant: Merchant, wanted: Wanted, id_: int, order_id: int, name: str, lines: tuple[Line, ...], at: int
) -> _Made:
    way = tuple(step for step in WAYS[wanted.status] if wanted.released or step[1] is not S.PROCESSING)
    events: list[tuple[str, Status | None, Status]] = []
    was: Status | None = None
    for type_, now in way:
        events.append((type_, was, now))
        was = now
    if wanted.shipped:
        events.append(("shipped", wanted.status, wanted.status))
    reached = [now for _, now in way]
    failed = wanted.status == S.PROCESSING_ERROR
    blank = dict.fromkeys(State._fields)
    given: dict[str, object] = {
        "id": id_, "account_id": merchant.account, "source_id": merchant.sources[wanted.source],
        "channel_id": merchant.channels[wanted.channel], "order_id": order_id, "status": wanted.status,
        "fulfillment_status": fulfillment_status(lines), "version": len(events), "modified_at": at,
        "sent_at": at if S.PROCESSED in reached else None,
        "acknowledged_at": at if S.ACKNOWLEDGED in reached else None,
        "canceled_at": at if S.CANCELED in reached else None,
        "voided_at": at if S.VOIDED in reached else None,
        "attempt_count": reached.count(S.PROCESSING),
        "failure_code": "out_of_stock" if failed else None, "failure_reason": "None left" if failed else None,
        "failure_retryable": False if failed else None, "failed_at": at if failed else None,
        "failed_by": "source:1:test" if failed else None,
        "shipped_quantity": sum(line.shipped for line in lines), "invoiced": False, "status_since": at, "alerted": False,
        "cared": False, "waits_until": 0, "held_until": 0, "snoozed_until": 0,
    }  # fmt: skip
    state = wanted.tweak(State(**{**blank, **given}))  # type: ignore[arg-type]  # by name
    blank = dict.fromkeys(Particulars._fields)
    given = {
        "id": id_, "number": wanted.number or f"{name}-{id_}", "shipping_address": ADDRESS,
        "generated_at": wanted.generated_at or at,
        "total_items": len(lines), "total_quantity": sum(line.quantity for line in lines),
        "total_cost": sum(line.quantity * line.cost for line in lines), "suppress_tracking": False,
        "attachment_links": "[]", "custom_fields": wanted.custom_fields,
    }  # fmt: skip
    return _Made(state, Particulars(**{**blank, **given}), lines, events)  # type: ignore[arg-type]  # by name
