"""Fill an empty database: orders posted, requests generated, and their histories lived through, in order of time.

Everything goes through `create_orders`, `generate` and `perform`, in batches, under a clock that runs through the
past 30 days. The same seed gives the same merchant on the same day; the tokens are always new.
"""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from waypost.app.accounts import create_account, create_channel, create_source
from waypost.app.actor import Actor, Scope
from waypost.app.generation import Generated, LineDraft, RequestDraft, generate
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.orders import ItemDraft, OrderDraft, OrderPosted, create_orders
from waypost.app.ports import OrderView, RequestQuery, Store, Tx
from waypost.app.shipment_drafts import PieceDraft, ShipmentDraft
from waypost.app.shipments import Shipped, create_shipments
from waypost.app.tokens import TokenDraft, create_token
from waypost.app.transitions import perform
from waypost.demo import catalog
from waypost.demo.plans import Plan, command, plan_for, targets
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.orders import PaymentStatus
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.addresses import store_address
from waypost.wire.requests import custom_fields

DAY_US = 24 * 60 * 60 * 1_000_000
DAYS = 30
MINUTE_US = 60 * 1_000_000

Randomness = Callable[[int], bytes]
Progress = Callable[[int], None]


class DatabaseInUse(Exception):
    """The database holds data already."""


class BoundToken(NamedTuple):
    """A token of one source or channel."""

    id: int
    name: str
    token: str


class Demo(NamedTuple):
    """What was made. The tokens are shown here, and never again."""

    account_token: str
    source_tokens: tuple[BoundToken, ...]
    channel_tokens: tuple[BoundToken, ...]
    orders: int
    requests: dict[str, int]


class _Cast(NamedTuple):
    """Who takes part."""

    account: int
    sources: tuple[int, ...]
    channels: tuple[int, ...]
    by_source: dict[int, Actor]
    people: tuple[Actor, ...]
    shop: tuple[Actor, ...]


async def fill(
    store: Store, orders: int, seed: int, now: int, randomness: Randomness, progress: Progress = lambda done: None
) -> Demo:
    """Fill an empty database with so many orders. `now` in microseconds; raises `DatabaseInUse`."""
    if await store.reads.accounts():
        raise DatabaseInUse("The database holds data already: the demo fills an empty one only.")
    today = now // DAY_US * DAY_US
    begin = today - DAYS * DAY_US
    cast, demo = await _cast(store, begin, randomness)
    await store.write(lambda tx: change_inventory(tx, [_stock(cast, orders)], begin))
    story = _Story(random.Random(seed), cast, begin)
    size = max(4, min(250, orders // 120))
    span = DAYS * DAY_US // max(1, -(-orders // size))
    for place, first in enumerate(range(0, orders, size)):
        count = min(size, orders - first)
        await store.write(lambda tx, n=count, at=begin + place * span: story.chapter(tx, n, at, span))  # type: ignore[misc]
        progress(first + count)
    scope = Scope(cast.account)
    counts = {facts.name: await store.reads.count_requests(RequestQuery(scope, statuses=(status,)))
              for status, facts in STATUSES.items()}  # fmt: skip
    return demo._replace(orders=orders, requests=counts)


async def _cast(store: Store, at: int, randomness: Randomness) -> tuple[_Cast, Demo]:
    account = (await create_account(store, catalog.COMPANY, at)).id
    sources = [await create_source(store, draft, at) for draft in catalog.sources(account)]
    channels = [await create_channel(store, account, name, at) for name in catalog.CHANNELS]

    async def token(kind: str, name: str, source: int | None = None, channel: int | None = None) -> tuple[Actor, str]:
        issued = await create_token(store, TokenDraft(account, kind, name, source, channel), at, randomness)
        scope = Scope(account, source, channel)
        return Actor(kind, scope, issued.row.id, name, issued.row.family), issued.secret

    _, account_token = await token("account", "Operations")
    of_sources = [await token("source", row.name, source=row.id) for row in sources]
    of_channels = [await token("channel", row.name, channel=row.id) for row in channels]
    cast = _Cast(
        account, tuple(row.id for row in sources), tuple(row.id for row in channels),
        {row.id: actor for row, (actor, _) in zip(sources, of_sources, strict=True)},
        tuple(Actor("user", Scope(account), place, name) for place, name in enumerate(catalog.PEOPLE, 1)),
        tuple(actor for actor, _ in of_channels),
    )  # fmt: skip
    source_tokens = tuple(
        BoundToken(row.id, row.name, secret) for row, (_, secret) in zip(sources, of_sources, strict=True)
    )
    channel_tokens = tuple(
        BoundToken(row.id, row.name, secret) for row, (_, secret) in zip(channels, of_channels, strict=True)
    )
    return cast, Demo(account_token, source_tokens, channel_tokens, 0, {})


def _stock(cast: _Cast, orders: int) -> InventoryCall:
    """Every source has every product, enough for the month."""
    changes = [
        VariantChange(
            f"/{place}", source, None, product.sku,
            {"title": product.title, "quantity": 60 + 4 * orders, "cost": product.price * (55 + 5 * nth) // 100},
        )
        for nth, source in enumerate(cast.sources)
        for place, product in enumerate(catalog.PRODUCTS)
    ]  # fmt: skip
    return InventoryCall(cast.people[0], tuple(changes), creates=True)


class _Story:
    """The merchant's month, told chapter by chapter; a chapter is some orders and all that becomes of them."""

    def __init__(self, chance: random.Random, cast: _Cast, begin: int) -> None:
        self._chance = chance
        self._cast = cast
        self._targets = targets(chance)
        self._number = 1000
        self._used: dict[int, deque[str]] = {source: deque(maxlen=50) for source in cast.sources}

    async def chapter(self, tx: Tx, count: int, at: int, span: int) -> None:
        """Post orders, generate their requests, then let each step of every request happen, round by round."""
        rounds_us = span // 12
        drafts = [self._order(at) for _ in range(count)]
        posted = [one.view for one in await create_orders(tx, drafts, at) if isinstance(one, OrderPosted)]
        asked: list[tuple[RequestDraft, Plan]] = [pair for view in posted for pair in self._requests(view)]
        made = await generate(tx, [draft for draft, _ in asked], at + rounds_us)
        living: list[tuple[int, Plan]] = []
        for (draft, plan), one in zip(asked, made, strict=True):
            if not isinstance(one, Generated):
                raise AssertionError(f"the demo's own request was refused: {one}")
            self._used[draft.source_id].append(one.image.particulars.number)
            living.append((one.image.state.id, plan))
        for number in range(max((len(plan.steps) for _, plan in living), default=0)):
            due = [(id_, plan) for id_, plan in living if len(plan.steps) > number]
            commands = [command(plan.steps[number], id_, self._actor(plan, number)) for id_, plan in due]
            await perform(tx, commands, at + (number + 2) * rounds_us)
        requests = {one.image.state.id: one.image for one in made if isinstance(one, Generated)}
        parcels = [parcel for id_, plan in living if (parcel := self._parcel(requests[id_], plan)) is not None]
        for outcome in await create_shipments(tx, parcels, at + span - rounds_us) if parcels else ():
            if not isinstance(outcome, Shipped):
                raise AssertionError(f"the demo's own shipment was refused: {outcome}")

    def _parcel(self, request: FulfillmentRequest, plan: Plan) -> ShipmentDraft | None:
        """What a source ships of a request that it has confirmed: all of it, its first line, or nothing yet."""
        chance = self._chance
        if plan.target != Status.ACKNOWLEDGED or chance.random() < 0.35:
            return None
        lines = request.lines if chance.random() < 0.8 else request.lines[:1]
        carrier, method = chance.choice(catalog.CARRIERS)
        return ShipmentDraft(
            self._cast.by_source[request.state.source_id], request.state.id, None, None,
            f"{carrier[:2].upper()}{chance.randrange(10**10):010d}",
            tuple(PieceDraft(line.quantity, line_id=line.id) for line in lines), carrier=carrier, method=method,
        )  # fmt: skip

    def _actor(self, plan: Plan, number: int) -> Actor:
        if plan.steps[number].by == "source":
            return self._cast.by_source[self._cast.sources[plan.source]]
        return self._chance.choice(self._cast.people)

    def _order(self, at: int) -> OrderDraft:
        chance = self._chance
        self._number += 1
        place = chance.randrange(len(self._cast.channels))
        items = tuple(
            ItemDraft(product.sku, product.title, chance.choice((1, 1, 1, 2, 3)), product.price, None, None, None, "[]")
            for product in chance.sample(catalog.PRODUCTS, chance.choice((1, 2, 2, 3, 3, 4)))
        )
        address = store_address(chance.choice(catalog.ADDRESSES))
        return OrderDraft(
            self._cast.shop[place], self._cast.channels[place], f"{'WM'[place]}{self._number}",
            f"REF-{chance.randrange(16**8):08x}", at - chance.randrange(1, 20) * MINUTE_US, None,
            chance.choice(catalog.SHIPPING_TEXTS), address, None, PaymentStatus.PAID, "[]", "[]", items,
            imported_from=catalog.CHANNELS[place],
        )  # fmt: skip

    def _requests(self, view: OrderView) -> list[tuple[RequestDraft, Plan]]:
        """One to three requests for an order, each with some of its items."""
        chance = self._chance
        wanted = min(len(view.items), chance.choice((1, 2, 2, 3)))
        shares: list[list[LineDraft]] = [[] for _ in range(wanted)]
        for place, item in enumerate(view.items):
            shares[place % wanted].append(LineDraft(item.id, item.quantity, cost=item.price * 6 // 10))
        return [self._request(view, tuple(lines)) for lines in shares]

    def _request(self, view: OrderView, lines: Sequence[LineDraft]) -> tuple[RequestDraft, Plan]:
        chance = self._chance
        plan = plan_for(next(self._targets), chance)
        source = self._cast.sources[plan.source]
        number = None
        if plan.target == Status.DUPLICATE_NUMBER:
            number = chance.choice(list(self._used[source]) or [None])
            if number is None:  # nothing to repeat yet: the first requests of a source are ordinary
                plan = Plan(plan.source, Status.UNPROCESSED, ())
        if plan.target == Status.NUMBER_EXCEEDS_MAX_LENGTH:
            number = f"PO-2026-{view.order.order_number}-LEEDS"
        demanded = plan.source == catalog.DEMANDING and plan.target != Status.ADDITIONAL_INFO_REQUIRED
        fields = [("customs value", f"{chance.randrange(20, 400)}.00")] if demanded else []
        forced = Status.CROSS_DOCKED if plan.target == Status.CROSS_DOCKED else None
        draft = RequestDraft(
            chance.choice(self._cast.people), view.order.id, source, tuple(lines), number, forced,
            custom_fields=custom_fields(list(fields)),
        )  # fmt: skip
        return draft, plan
