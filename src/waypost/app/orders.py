"""Orders coming in: created once per channel and number, however often they are posted (contract section 5)."""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.desk import Desk
from waypost.app.order_holds import standing_reasons, unknown_things
from waypost.app.order_items import ItemDraft, Known, identify, item_record, naming
from waypost.app.ports import ChannelRow, OrderView, Tx
from waypost.app.routing import PAID_ENOUGH, may_be_fulfilled
from waypost.app.routing_intake import Newcomer, take_in
from waypost.app.routing_supply import Supply, gather, need_of
from waypost.domain.orders import HoldReason, Order, OrderItem, OrderStatus, PaymentStatus, Progress
from waypost.domain.refusals import Conflict, Invalid, Problem, Refusal, Unavailable

__all__ = ["ItemDraft", "OrderDraft", "OrderPosted", "create_orders", "records"]


class OrderDraft(NamedTuple):
    """An order as posted; JSON texts are already checked."""

    actor: Actor
    channel_id: int
    order_number: str
    reference_number: str | None
    ordered_at: int | None  # None: now
    note: str | None
    shipping_text: str | None
    shipping_address: str
    billing_address: str | None
    payment_status: PaymentStatus | None
    tags: str
    custom_fields: str
    items: tuple[ItemDraft, ...]
    imported_from: str | None = None
    call_id: str | None = None
    dry_run: bool = False

    def content_hash(self) -> str:
        """Of everything that was posted: tells a repeat from a conflict."""
        return hashlib.sha256(_told(self[1:-2]).encode()).hexdigest()

    def likeness(self) -> str:
        """Of what was posted but for its numbers and its time: tells a possible duplicate."""
        content = (self.channel_id, "", None, None, *self[5:-3], None)  # as `content_hash` has it, but for those
        return hashlib.blake2b(_told(content).encode(), digest_size=16).hexdigest()


_told = json.JSONEncoder(ensure_ascii=False).encode  # one for all: to make it costs as much as to use it


class OrderPosted(NamedTuple):
    """A success: the order, and whether this call created it."""

    view: OrderView
    created: bool
    replayed: bool = False
    dry_run: bool = False


Number = tuple[int, str]  # channel id, order number


class _Bench:
    """One batch at work: the channels it may post to, the orders that were there already, and those it makes."""

    def __init__(
        self, channels: dict[tuple[int, int], ChannelRow], existing: dict[Number, OrderView], desk: Desk,
        supply: Supply | None,
    ) -> None:  # fmt: skip
        self.channels = channels
        self.existing = existing
        self.desk = desk
        self.supply = supply

    def channel(self, draft: OrderDraft) -> ChannelRow | None:
        """The draft's channel, if its account has it."""
        return self.channels.get((draft.actor.scope.account_id, draft.channel_id))


async def create_orders(tx: Tx, drafts: Sequence[OrderDraft], now: int) -> list[OrderPosted | Refusal]:
    """Create a batch of orders; one outcome a draft. The same number with the same content is no error.

    Those whose channel says so are routed in the same transaction, and generated for or held. Locks: stock, counters.
    """
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    channels = await _channels(tx, drafts)
    supply = await _supply(tx, channels, drafts)
    desk = Desk(await tx.load([], accounts), now)
    bench = _Bench(channels, await _existing(tx, drafts), desk, supply)
    outcomes = await _settle(tx, bench, list(enumerate(drafts)))
    changes = desk.changes()
    if changes is not None:
        # The orders are there as they stand: nothing of them is left to be rolled up.
        await tx.write(changes._replace(orders=[], items=[]))
    return [outcomes[place] for place in range(len(drafts))]


async def _supply(
    tx: Tx, channels: dict[tuple[int, int], ChannelRow], drafts: Sequence[OrderDraft]
) -> Supply | None:
    """What the orders that are fulfilled at once may draw upon; None where there are none."""
    at_once = [
        draft
        for draft in drafts
        if draft.payment_status in PAID_ENOUGH
        and (channel := channels.get((draft.actor.scope.account_id, draft.channel_id))) is not None
        and channel.auto_generate
    ]
    if not at_once:
        return None
    known = iter(await _identified(tx, at_once))
    needs = []
    for draft in at_once:
        order, items = records(draft, 0, [0] * len(draft.items), 0, [next(known) for _ in draft.items])
        needs.append(need_of(order, items))
    return await gather(tx, sorted({draft.actor.scope.account_id for draft in drafts}), needs)


Places = Sequence[tuple[int, OrderDraft]]


async def _settle(tx: Tx, bench: _Bench, drafts: Places) -> dict[int, OrderPosted | Refusal]:
    """Settle these drafts, by place, in order: find, create, or refuse."""
    outcomes: dict[int, OrderPosted | Refusal] = {}
    fresh: dict[Number, tuple[int, OrderDraft]] = {}
    for place, draft in drafts:
        number = (draft.channel_id, draft.order_number)
        if bench.channel(draft) is None:
            outcomes[place] = Invalid([Problem("channel_id", "unknown_channel", "There is no such channel.")])
        elif number not in bench.existing and not draft.dry_run:
            fresh.setdefault(number, (place, draft))
    rehearsed = [(place, draft) for place, draft in drafts if draft.dry_run and place not in outcomes]
    views = await _build(tx, bench, [*fresh.values(), *rehearsed])
    made = await _insert(tx, {place: views[place] for place, _ in fresh.values()})
    known = bench.existing | {(v.order.channel_id, v.order.order_number): v for v in made.values()}
    for place, draft in drafts:
        if place in made:
            outcomes[place] = OrderPosted(made[place], created=True)
        elif place not in outcomes:
            outcomes[place] = _repeated(draft, views.get(place), known.get((draft.channel_id, draft.order_number)))
    return outcomes


def _repeated(draft: OrderDraft, rehearsed: OrderView | None, known: OrderView | None) -> OrderPosted | Refusal:
    """What a draft comes to that creates nothing: a dry run, or a number that is taken."""
    if known is None:
        if rehearsed is None:
            raise AssertionError("an order that is neither there nor made was not asked for")
        return OrderPosted(rehearsed, created=True, dry_run=True)
    order = known.order
    if order.content_hash != draft.content_hash():
        return Conflict(f"Order {draft.order_number} exists in this channel with other content (id {order.id}).")
    return OrderPosted(known, created=False, dry_run=draft.dry_run)


async def _channels(tx: Tx, drafts: Sequence[OrderDraft]) -> dict[tuple[int, int], ChannelRow]:
    by_scope: dict[object, list[OrderDraft]] = {}
    for draft in drafts:
        by_scope.setdefault(draft.actor.scope, []).append(draft)
    found: dict[tuple[int, int], ChannelRow] = {}
    for asked in by_scope.values():
        rows = await tx.channel_rows(asked[0].actor.scope, sorted({draft.channel_id for draft in asked}))
        found |= {(row.account_id, row.id): row for row in rows.values()}
    return found


async def _existing(tx: Tx, drafts: Sequence[OrderDraft]) -> dict[Number, OrderView]:
    """The orders that have these numbers already, seen as they are now; nothing is locked."""
    numbers = [(draft.channel_id, draft.order_number) for draft in drafts]
    found = await tx.orders_by_number(numbers)
    wanted = {number: found[number] for number in set(numbers) & found.keys()}
    views = await tx.order_views(list(wanted.values()))
    return {(view.order.channel_id, view.order.order_number): view for view in views}


async def _build(tx: Tx, bench: _Bench, drafts: Places) -> dict[int, OrderView]:
    """The orders that these drafts would make, by place: items identified, held for all that is in the way."""
    if not drafts:
        return {}
    real = [draft for _, draft in drafts if not draft.dry_run]
    ids = iter(await tx.new_ids("orders", len(real)))
    item_ids = iter(await tx.new_ids("order_item", sum(len(draft.items) for draft in real)))
    known = iter(await _identified(tx, [draft for _, draft in drafts]))
    mapped = await _mapped(tx, bench, [draft for _, draft in drafts])
    newcomers = []
    for _, draft in drafts:
        id_, its_ids = (
            (0, [0] * len(draft.items)) if draft.dry_run else (next(ids), [next(item_ids) for _ in draft.items])
        )
        order, items = records(draft, id_, its_ids, bench.desk.at, [next(known) for _ in draft.items])
        reasons = tuple(_reasons(bench, draft, order, items, mapped))
        newcomers.append(Newcomer(order, tuple(items), reasons, draft.actor, draft.call_id, draft.dry_run))
    texts = {(draft.channel_id, draft.shipping_text) for draft in real if draft.shipping_text}
    await tx.note_shipping_texts(sorted(texts), bench.desk.at)
    views = await take_in(tx, bench.desk, bench.supply, newcomers)
    return {place: view for (place, _), view in zip(drafts, views, strict=True)}


async def _mapped(tx: Tx, bench: _Bench, drafts: Sequence[OrderDraft]) -> set[tuple[int, str]]:
    """Those of their shipping texts that mean a policy, where it matters."""
    texts = {
        (draft.channel_id, draft.shipping_text)
        for draft in drafts
        if draft.shipping_text and (channel := bench.channel(draft)) and channel.require_shipping_mapping
    }
    return {(one.channel_id, one.text) for one in await tx.mapped_methods(sorted(texts))} if texts else set()


def _reasons(
    bench: _Bench, draft: OrderDraft, order: Order, items: Sequence[OrderItem], mapped: set[tuple[int, str]]
) -> list[HoldReason]:
    """What is in the way of the order before it is routed; routing looks at its shipping text by itself."""
    channel = bench.channel(draft)
    if channel is None or (bench.supply is not None and may_be_fulfilled(bench.supply, order)):
        return unknown_things(items)
    return standing_reasons(order, items, channel, mapped)


async def _identified(tx: Tx, drafts: Sequence[OrderDraft]) -> list[Known | None]:
    """What the items of all these drafts are, one after the other."""
    found: dict[int, Known | None] = {}
    namings = [(draft, naming(draft.channel_id, item)) for draft in drafts for item in draft.items]
    for account in sorted({draft.actor.scope.account_id for draft in drafts}):
        places = [n for n, (draft, _) in enumerate(namings) if draft.actor.scope.account_id == account]
        known = await identify(tx, account, [namings[n][1] for n in places])
        found |= dict(zip(places, known, strict=True))
    return [found[n] for n in range(len(namings))]


async def _insert(tx: Tx, views: dict[int, OrderView]) -> dict[int, OrderView]:
    """Insert these, by place. Their account's counter is locked: nobody else can have taken their numbers meanwhile."""
    if views:
        orders = [view.order for view in views.values()]
        items = [item for view in views.values() for item in view.items]
        if len(await tx.insert_orders(orders, items)) != len(orders):
            raise Unavailable("An order with this number is just being posted: ask again.", retry_after_s=1)
    return views


def records(
    draft: OrderDraft, order_id: int, item_ids: Sequence[int], at: int, known: Sequence[Known | None]
) -> tuple[Order, list[OrderItem]]:
    """The rows of a draft. The total is what the items come to."""
    total = sum(item.price * item.quantity for item in draft.items)
    order = Order(
        order_id, draft.actor.scope.account_id, draft.channel_id, draft.order_number, draft.reference_number,
        draft.imported_from, OrderStatus.OPEN, draft.payment_status, Progress.NOT_STARTED, Progress.NOT_STARTED,
        total, draft.note, draft.shipping_text, at if draft.ordered_at is None else draft.ordered_at, at, at,
        draft.shipping_address, draft.billing_address, draft.tags, draft.custom_fields, draft.content_hash(),
        likeness=draft.likeness(),
    )  # fmt: skip
    items = [
        item_record(item, order_id, id_, number, thing)
        for number, (id_, item, thing) in enumerate(zip(item_ids, draft.items, known, strict=True), 1)
    ]
    return order, items
