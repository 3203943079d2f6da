"""Orders coming in: created once per channel and number, however often they are posted (contract section 5)."""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import IdempotencyKey
from waypost.app.idempotency import FORMAT, same_call
from waypost.app.ports import KeptOutcome, OrderView, Tx
from waypost.domain.events import ORDER_CREATED, Event
from waypost.domain.orders import Order, OrderItem, OrderStatus, PaymentStatus, Progress
from waypost.domain.refusals import Conflict, Invalid, KeyInProgress, Problem, Refusal


class ItemDraft(NamedTuple):
    """An item as posted. Price in ten-thousandths."""

    sku: str | None
    title: str | None
    quantity: int
    price: int
    external_listing_id: str | None
    listing_variant_id: int | None
    product_variant_id: int | None
    custom_fields: str


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
    key: IdempotencyKey | None = None
    dry_run: bool = False

    def content_hash(self) -> str:
        """Of everything that was posted: tells a repeat from a conflict."""
        content = self[1:-3]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


class OrderPosted(NamedTuple):
    """A success: the order, and whether this call created it."""

    view: OrderView
    created: bool
    replayed: bool = False
    dry_run: bool = False


async def create_orders(tx: Tx, drafts: Sequence[OrderDraft], now: int) -> list[OrderPosted | Refusal]:
    """Create a batch of orders; one outcome a draft. The same number with the same content is no error."""
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    keyed = [draft.key for draft in drafts if draft.key is not None and not draft.dry_run]
    loaded = await tx.load([], keyed, accounts)
    kept = iter(loaded.keys)
    at = max([now, *(counter.last_at + 1 for counter in loaded.counters.values())])
    outcomes: list[OrderPosted | Refusal | None] = []
    for draft in drafts:
        record = next(kept) if draft.key is not None and not draft.dry_run else None
        outcomes.append(_known_already(draft, record))
    await _insert_open(tx, drafts, outcomes, at)
    posted = [outcome for outcome in outcomes if outcome is not None]
    await _log(tx, drafts, posted, {a: c.last_seq for a, c in loaded.counters.items()}, at)
    return posted


def _known_already(draft: OrderDraft, record: object) -> OrderPosted | Refusal | None:
    if record is None or draft.key is None:
        return None
    if record is False:
        return KeyInProgress()
    try:
        kept = same_call(record, draft.key)  # type: ignore[arg-type]  # a record, once it is not False
    except Refusal as refusal:
        return refusal
    _, created, order, items = json.loads(kept.outcome)
    view = OrderView(Order._make(order), tuple(OrderItem._make(item) for item in items), ())
    return OrderPosted(view, created, replayed=True)


async def _insert_open(
    tx: Tx, drafts: Sequence[OrderDraft], outcomes: list[OrderPosted | Refusal | None], at: int
) -> None:
    """Settle the drafts that are still open, in order: find, create, or refuse."""
    channels: set[tuple[int, int]] = set()
    for draft in drafts:
        rows = await tx.channel_rows(draft.actor.scope, [draft.channel_id]) if _is_new(draft, channels) else {}
        channels.update((row.account_id, row.id) for row in rows.values())
    places = [place for place, outcome in enumerate(outcomes) if outcome is None]
    existing = await tx.orders_by_number([(drafts[p].channel_id, drafts[p].order_number) for p in places])
    fresh: dict[tuple[int, str], int] = {}
    for place in places:
        draft = drafts[place]
        if (draft.actor.scope.account_id, draft.channel_id) not in channels:
            outcomes[place] = Invalid([Problem("channel_id", "unknown_channel", "There is no such channel.")])
        elif (draft.channel_id, draft.order_number) not in existing:
            fresh.setdefault((draft.channel_id, draft.order_number), place)
    created = await _insert(tx, [(place, drafts[place]) for place in fresh.values()], at)
    existing.update({(v.order.channel_id, v.order.order_number): v.order for v in created.values()})
    for place in places:
        if outcomes[place] is None:
            outcomes[place] = await _outcome(tx, drafts[place], created.get(place), existing, at)


def _is_new(draft: OrderDraft, channels: set[tuple[int, int]]) -> bool:
    return (draft.actor.scope.account_id, draft.channel_id) not in channels


async def _outcome(
    tx: Tx, draft: OrderDraft, mine: OrderView | None, existing: dict[tuple[int, str], Order], at: int
) -> OrderPosted | Refusal:
    if mine is not None:
        return OrderPosted(mine, created=True)
    if draft.dry_run and (draft.channel_id, draft.order_number) not in existing:
        order, items = records(draft, 0, [0] * len(draft.items), at)
        return OrderPosted(OrderView(order, tuple(items), ()), created=True, dry_run=True)
    order = existing[draft.channel_id, draft.order_number]
    if order.content_hash != draft.content_hash():
        return Conflict(
            f"Order {draft.order_number} exists in this channel with other content (id {order.id})."
        )
    parts = (await tx.order_parts(draft.actor.scope, [order.id]))[order.id]
    return OrderPosted(OrderView(parts.order, parts.items, ()), created=False, dry_run=draft.dry_run)


async def _insert(tx: Tx, drafts: Sequence[tuple[int, OrderDraft]], at: int) -> dict[int, OrderView]:
    """Insert those that are not dry runs; the views of what was created, by place."""
    real = [(place, draft) for place, draft in drafts if not draft.dry_run]
    if not real:
        return {}
    ids = await tx.new_ids("orders", len(real))
    item_ids = iter(await tx.new_ids("order_item", sum(len(draft.items) for _, draft in real)))
    views: dict[int, OrderView] = {}
    for order_id, (place, draft) in zip(ids, real, strict=True):
        order, items = records(draft, order_id, [next(item_ids) for _ in draft.items], at)
        views[place] = OrderView(order, tuple(items), ())
    inserted = await tx.insert_orders(
        [view.order for view in views.values()], [item for view in views.values() for item in view.items]
    )
    # One that another process inserted meanwhile is found again by its number on the next look.
    return {place: view for place, view in views.items() if view.order.id in inserted}


def records(
    draft: OrderDraft, order_id: int, item_ids: Sequence[int], at: int
) -> tuple[Order, list[OrderItem]]:
    """The rows of a draft. The total is what the items come to."""
    total = sum(item.price * item.quantity for item in draft.items)
    order = Order(
        order_id, draft.actor.scope.account_id, draft.channel_id, draft.order_number, draft.reference_number,
        draft.imported_from, OrderStatus.OPEN, draft.payment_status, Progress.NOT_STARTED, Progress.NOT_STARTED,
        total, draft.note, draft.shipping_text, at if draft.ordered_at is None else draft.ordered_at, at, at,
        draft.shipping_address, draft.billing_address, draft.tags, draft.custom_fields, draft.content_hash(),
    )  # fmt: skip
    items = [
        OrderItem(id_, order_id, number, item.sku, item.title, item.quantity, item.price, item.external_listing_id,
                  item.listing_variant_id, item.product_variant_id, item.custom_fields, 0, 0, 0, 0)
        for number, (id_, item) in enumerate(zip(item_ids, draft.items, strict=True), 1)
    ]  # fmt: skip
    return order, items


async def _log(
    tx: Tx, drafts: Sequence[OrderDraft], outcomes: Sequence[OrderPosted | Refusal], seqs: dict[int, int], at: int
) -> None:
    """One event per created order, and the idempotency records."""
    events: list[Event] = []
    keys: list[KeptOutcome] = []
    for draft, outcome in zip(drafts, outcomes, strict=True):
        if not isinstance(outcome, OrderPosted) or outcome.replayed or outcome.dry_run:
            continue
        account, actor, order = draft.actor.scope.account_id, draft.actor, outcome.view.order
        if outcome.created:
            seqs[account] += 1
            events.append(
                Event(account, seqs[account], at, "order", order.id, ORDER_CREATED, None, order.status, actor.type,
                      actor.id, actor.name, None, None, draft.call_id, None)
            )  # fmt: skip
        if draft.key is not None:
            record = [FORMAT, outcome.created, order, list(outcome.view.items)]
            keys.append(KeptOutcome(draft.key, account, json.dumps(record, ensure_ascii=False)))
    if events:
        await tx.write_events(events, at)
    await tx.keep(keys, at)
