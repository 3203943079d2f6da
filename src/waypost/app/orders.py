"""Orders coming in: created once per channel and number, however often they are posted (contract section 5)."""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from waypost.app.desk import Desk
from waypost.app.order_holds import standing_reasons, unknown_things
from waypost.app.order_items import ItemDraft, Known, identify, item_record, naming
from waypost.app.order_repeats import Deferred, KnownOrder, lock_repeats, settle_repeat
from waypost.app.ports import ChannelRow, OrderParts, OrderView, PostedOrder, Tx
from waypost.app.posted import OrderDraft, likeness, write_posted
from waypost.app.routing import PAID_ENOUGH, may_be_fulfilled
from waypost.app.routing_intake import Newcomer, take_in
from waypost.app.routing_supply import More, Supply, gather, need_of
from waypost.app.slices import in_slices
from waypost.domain.orders import HoldReason, Order, OrderItem, OrderStatus, Progress
from waypost.domain.refusals import Conflict, Invalid, Problem, Refusal, Unavailable

__all__ = ["ItemDraft", "OrderDraft", "OrderPosted", "create_orders", "records"]


class OrderPosted(NamedTuple):
    """A success: the order, and whether this call created it."""

    view: OrderView
    created: bool
    replayed: bool = False
    dry_run: bool = False
    updated_from: OrderStatus | None = None  # the status before an update of a repeat; None: nothing was updated


Number = tuple[int, str]  # channel id, order number

UPDATES_AT_ONCE = 16  # of orders that are posted again, in one transaction


class _Bench:
    """One batch at work: the channels it may post to, the orders that were there already, and those it makes."""

    def __init__(
        self, channels: dict[tuple[int, int], ChannelRow], existing: dict[Number, KnownOrder], desk: Desk,
        supply: Supply | None,
    ) -> None:  # fmt: skip
        self.channels = channels
        self.existing = existing
        self.desk = desk
        self.supply = supply

    def channel(self, draft: OrderDraft) -> ChannelRow | None:
        """The draft's channel, if its account has it."""
        return self.channels.get((draft.actor.scope.account_id, draft.channel_id))


async def create_orders(
    tx: Tx, drafts: Sequence[OrderDraft], now: int, updates: int = UPDATES_AT_ONCE
) -> list[OrderPosted | Refusal]:
    """Create a batch of orders; one outcome a draft. A repeat finds its order, or updates its payment, tags and note.

    An update takes milliseconds, in which other processes wait for the account: beyond so many, drafts are `Deferred`.
    Those whose channel says so are routed in the same transaction, and generated for or held. Locks: the orders that
    are updated, stock, counters.
    """
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    channels = await _channels(tx, drafts)
    locked = await lock_repeats(tx, drafts, updates)
    supply = await _supply(tx, channels, drafts, locked.values())
    desk = Desk(await tx.load([], accounts), now)
    bench = _Bench(channels, await _existing(tx, drafts), desk, supply)
    outcomes = await _settle(tx, bench, list(enumerate(drafts)), locked, updates)
    return [outcomes[place] for place in range(len(drafts))]


async def _supply(
    tx: Tx, channels: dict[tuple[int, int], ChannelRow], drafts: Sequence[OrderDraft], updated: Iterable[OrderParts]
) -> Supply | None:
    """What orders that are fulfilled at once, or updated, may draw upon; None: nothing is fulfilled at once."""
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
    needs = [need_of(order, items) for order, items, _ in updated]
    for draft in at_once:
        order, items = records(draft, 0, [0] * len(draft.items), 0, [next(known) for _ in draft.items])
        needs.append(need_of(order, items))
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    return await gather(tx, accounts, needs, More(channels=tuple(channel.id for channel in channels.values())))


Places = Sequence[tuple[int, OrderDraft]]


async def _settle(
    tx: Tx, bench: _Bench, drafts: Places, locked: Iterable[int], updates: int
) -> dict[int, OrderPosted | Refusal]:
    """Settle these drafts, by place: create what is new, with all that comes of it, then find or update the others."""
    outcomes: dict[int, OrderPosted | Refusal] = {}
    fresh: dict[Number, tuple[int, OrderDraft]] = {}
    for place, draft in drafts:
        number = (draft.channel_id, draft.order_number)
        if bench.channel(draft) is None:
            outcomes[place] = Invalid([
                Problem("channel_id", "unknown_channel", f"There is no channel {draft.channel_id}.")
            ])  # fmt: skip
        elif number not in bench.existing and not draft.dry_run:
            fresh.setdefault(number, (place, draft))
    rehearsed = [(place, draft) for place, draft in drafts if draft.dry_run and place not in outcomes]
    views = await _build(tx, bench, [*fresh.values(), *rehearsed])
    made = await _insert(tx, [(draft, views[place]) for place, draft in fresh.values()])
    changes = await in_slices(bench.desk.changes())
    if changes is not None:
        # The orders are there as they stand: nothing of them is left to be rolled up.
        await tx.write(changes._replace(orders=[], items=[]))
    outcomes |= {place: OrderPosted(views[place], created=True) for place, _ in fresh.values()}
    known = bench.existing | made
    ours = {one.view.order.id for one in made.values()}.union(locked)
    for place, draft in drafts:
        if place not in outcomes:
            was = known.get((draft.channel_id, draft.order_number))
            outcomes[place] = await _repeat(tx, bench, draft, views.get(place), known, ours if updates > 0 else ())
            updates -= known.get((draft.channel_id, draft.order_number)) is not was
    return outcomes


async def _repeat(
    tx: Tx, bench: _Bench, draft: OrderDraft, rehearsed: OrderView | None, known: dict[Number, KnownOrder],
    ours: Container[int],
) -> OrderPosted | Refusal:  # fmt: skip
    """What a draft comes to that creates nothing: a dry run, or a number that is taken. `known` is kept up to date."""
    number = (draft.channel_id, draft.order_number)
    if number not in known:
        if rehearsed is None:
            raise AssertionError("an order that is neither there nor made was not asked for")
        return OrderPosted(rehearsed, created=True, dry_run=True)
    is_ours = known[number].view.order.id in ours
    try:
        now, updated_from = await settle_repeat(tx, known[number], draft, is_ours, bench.desk.at)
    except (Conflict, Deferred, Invalid) as refusal:
        return refusal
    if not draft.dry_run:
        known[number] = now
    return OrderPosted(now.view, created=False, dry_run=draft.dry_run, updated_from=updated_from)


async def _channels(tx: Tx, drafts: Sequence[OrderDraft]) -> dict[tuple[int, int], ChannelRow]:
    by_scope: dict[object, list[OrderDraft]] = {}
    for draft in drafts:
        by_scope.setdefault(draft.actor.scope, []).append(draft)
    found: dict[tuple[int, int], ChannelRow] = {}
    for asked in by_scope.values():
        rows = await tx.channel_rows(asked[0].actor.scope, sorted({draft.channel_id for draft in asked}))
        found |= {(row.account_id, row.id): row for row in rows.values()}
    return found


async def _existing(tx: Tx, drafts: Sequence[OrderDraft]) -> dict[Number, KnownOrder]:
    """The orders that have these numbers already, seen as they are now."""
    numbers = [(draft.channel_id, draft.order_number) for draft in drafts]
    found = await tx.orders_by_number(numbers)
    wanted = {number: found[number] for number in set(numbers) & found.keys()}
    views = await tx.order_views([one.order for one in wanted.values()])
    return {number: KnownOrder(view, one.posted) for (number, one), view in zip(wanted.items(), views, strict=True)}


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


async def _insert(tx: Tx, new: Sequence[tuple[OrderDraft, OrderView]]) -> dict[Number, KnownOrder]:
    """Insert these. Their account's counter is locked: nobody else can have taken their numbers meanwhile."""
    if not new:
        return {}
    made = [KnownOrder(view, write_posted(draft)) for draft, view in new]
    rows = [PostedOrder(one.view.order, one.posted) for one in made]
    items = [item for one in made for item in one.view.items]
    if len(await tx.insert_orders(rows, items)) != len(rows):
        raise Unavailable("An order with this number is just being posted: ask again.", retry_after_s=1)
    return {(one.view.order.channel_id, one.view.order.order_number): one for one in made}


def records(
    draft: OrderDraft, order_id: int, item_ids: Sequence[int], at: int, known: Sequence[Known | None]
) -> tuple[Order, list[OrderItem]]:
    """The rows of a draft. The total is what the items come to."""
    total = sum(item.price * item.quantity for item in draft.items)
    order = Order(
        order_id, draft.actor.scope.account_id, draft.channel_id, draft.order_number, draft.reference_number,
        draft.imported_from, OrderStatus.OPEN, draft.payment_status, Progress.NOT_STARTED, Progress.NOT_STARTED,
        total, draft.note, draft.shipping_text, at if draft.ordered_at is None else draft.ordered_at, at, at,
        draft.shipping_address, draft.billing_address, draft.tags, draft.custom_fields, content_hash="",
        likeness=likeness(draft),
    )  # fmt: skip
    items = [
        item_record(item, order_id, id_, number, thing)
        for number, (id_, item, thing) in enumerate(zip(item_ids, draft.items, known, strict=True), 1)
    ]
    return order, items
