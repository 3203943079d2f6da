"""Generating fulfillment requests for an order, by hand: source, items and number given or by default.

Lines take from what the order's items still have open; the number's length, its uniqueness and the fields the
source requires decide where the request begins (contract sections 2.3 and 2.4).
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import IdempotencyKey, KeyRow
from waypost.app.desk import add_up
from waypost.app.idempotency import FORMAT, restored, same_call
from waypost.app.ports import KeptOutcome, NewRequest, OrderParts, SourceRow, Tx
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, FulfillmentStatus, Line, Particulars, State
from waypost.domain.lifecycle import Action, Move, decide
from waypost.domain.numbering import default_number, first_status
from waypost.domain.orders import LineSums, Order, OrderItem, roll_up, roll_up_item
from waypost.domain.refusals import Invalid, KeyInProgress, Problem, Refusal
from waypost.domain.statuses import Status


class LineDraft(NamedTuple):
    """A line as asked for. Cost in ten-thousandths a piece."""

    order_item_id: int
    quantity: int | None  # None: all that is open
    sku: str | None = None
    inventory_variant_id: int | None = None
    cost: int = 0


class RequestDraft(NamedTuple):
    """A request as asked for; no lines: everything of the order that is open."""

    actor: Actor
    order_id: int
    source_id: int
    lines: tuple[LineDraft, ...] = ()
    number: str | None = None
    status: Status | None = None  # given: forced
    note: str | None = None
    shipping_address: str | None = None
    source_shipping_method_id: int | None = None
    custom_fields: str = "[]"
    call_id: str | None = None
    key: IdempotencyKey | None = None
    dry_run: bool = False


class Generated(NamedTuple):
    """A success: the request as it stands."""

    image: FulfillmentRequest
    replayed: bool = False
    dry_run: bool = False


class _Plan(NamedTuple):
    """A draft that can be generated: its order, source, number, and what each line takes."""

    draft: RequestDraft
    parts: OrderParts
    source: SourceRow
    number: str
    chosen: Sequence[tuple[OrderItem, LineDraft, int]]


class _Bench:
    """One batch at work: orders with their running sums, sources, and how many requests each order has."""

    def __init__(self, orders: dict[int, OrderParts], counts: dict[int, int], at: int) -> None:
        self.orders = orders
        self.counts = counts
        self.sums = {order_id: dict(parts.other_sums) for order_id, parts in orders.items()}
        self.sources: dict[tuple[int, int], SourceRow] = {}
        self.at = at


async def generate(tx: Tx, drafts: Sequence[RequestDraft], now: int) -> list[Generated | Refusal]:
    """Generate a batch; one outcome a draft. Locks orders, then counters, as every batch does."""
    scopes = {draft.actor.scope for draft in drafts}
    orders: dict[int, OrderParts] = {}
    for scope in scopes:
        orders |= await tx.order_parts(scope, [d.order_id for d in drafts if d.actor.scope == scope])
    keyed = [draft.key for draft in drafts if draft.key is not None and not draft.dry_run]
    loaded = await tx.load([], keyed, sorted({scope.account_id for scope in scopes}))
    at = max([now, *(counter.last_at + 1 for counter in loaded.counters.values())])
    bench = _Bench(orders, await tx.request_counts(list(orders)), at)
    for scope in scopes:
        rows = await tx.source_rows(scope, [d.source_id for d in drafts if d.actor.scope == scope])
        bench.sources.update({(scope.account_id, id_): row for id_, row in rows.items()})
    kept = iter(loaded.keys)
    settled: list[_Plan | Generated | Refusal] = []
    for draft in drafts:
        record = next(kept) if draft.key is not None and not draft.dry_run else None
        settled.append(_settle(bench, draft, record))
    made = await _make(tx, bench, [plan for plan in settled if isinstance(plan, _Plan)])
    outcomes = [next(made) if isinstance(one, _Plan) else one for one in settled]
    await _log(tx, bench.at, drafts, outcomes, {a: c.last_seq for a, c in loaded.counters.items()})
    return outcomes


def _settle(bench: _Bench, draft: RequestDraft, record: KeyRow | bool | None) -> _Plan | Generated | Refusal:
    """A plan, or the outcome that needs none: a replay or a refusal."""
    try:
        if record is False:
            raise KeyInProgress
        if isinstance(record, KeyRow) and draft.key is not None:
            image = restored(json.loads(same_call(record, draft.key).outcome)[1])
            if image is None:
                raise AssertionError("a kept generation has its image")
            return Generated(image, replayed=True)
        return _plan(bench, draft)
    except Refusal as refusal:
        return refusal


def _plan(bench: _Bench, draft: RequestDraft) -> _Plan:
    account = draft.actor.scope.account_id
    parts = bench.orders.get(draft.order_id)
    source = bench.sources.get((account, draft.source_id))
    problems = []
    if parts is None or parts.order.account_id != account:
        parts = None
        problems.append(Problem("order_id", "unknown_order", "There is no such order."))
    if source is None:
        problems.append(Problem("source_id", "unknown_source", "There is no such source."))
    if draft.status is not None and not isinstance(decide(None, Action.GENERATE, draft.status), Move):
        problems.append(
            Problem("status", "not_a_first_status", "A fulfillment request cannot begin in this status.")
        )
    chosen = _choose(parts, bench, draft, problems) if parts else []
    if parts is None or source is None or problems:
        raise Invalid(problems)
    number = draft.number or default_number(parts.order.order_number, bench.counts.get(draft.order_id, 0))
    if not draft.dry_run:
        bench.counts[draft.order_id] = bench.counts.get(draft.order_id, 0) + 1
        # What this one takes is taken for the next of the batch.
        add_up(bench.sums[draft.order_id], _lines(0, [0] * len(chosen), chosen))
    return _Plan(draft, parts, source, number, chosen)


async def _make(tx: Tx, bench: _Bench, plans: Sequence[_Plan]) -> Iterator[Generated]:
    """Number, insert and roll up every plan that is no dry run."""
    if not plans:
        return iter(())
    owners = await tx.number_owners([(plan.source.id, plan.number) for plan in plans])
    ids = await tx.new_ids("fulfillment_request", len(plans))
    line_ids = iter(await tx.new_ids("fulfillment_request_line", sum(len(plan.chosen) for plan in plans)))
    new: list[NewRequest] = []
    for id_, plan in zip(ids, plans, strict=True):
        owner = owners.get((plan.source.id, plan.number))
        new.append(_records(plan, id_, [next(line_ids) for _ in plan.chosen], owner is None, bench.at))
        if owner is None and not plan.draft.dry_run:
            owners[plan.source.id, plan.number] = id_
    real = [request for plan, request in zip(plans, new, strict=True) if not plan.draft.dry_run]
    if real:
        await tx.insert_requests(real)
        await _roll_up(tx, bench, sorted({request.state.order_id for request in real}))
    return iter(
        Generated(FulfillmentRequest(made.state, made.particulars, made.lines), dry_run=plan.draft.dry_run)
        for plan, made in zip(plans, new, strict=True)
    )


def _choose(
    parts: OrderParts, bench: _Bench, draft: RequestDraft, problems: list[Problem]
) -> list[tuple[OrderItem, LineDraft, int]]:
    """The order items with the quantity that each line takes; whatever is wrong goes to `problems`."""
    sums = bench.sums[draft.order_id]
    items = {item.id: item for item in parts.items}
    open_now = {id_: item.quantity - sums.get(id_, LineSums()).killed - sums.get(id_, LineSums()).allocated
                for id_, item in items.items()}  # fmt: skip
    asked = draft.lines or tuple(LineDraft(id_, None) for id_ in items if open_now[id_] > 0)
    if not asked:
        problems.append(Problem("/items", "nothing_open", "Everything on this order is with a source already."))
    chosen = []
    for index, line in enumerate(asked):
        item = items.get(line.order_item_id)
        if item is None:
            problems.append(Problem(f"/items/{index}/order_item_id", "unknown_item", "The order has no such item."))
            continue
        quantity = open_now[item.id] if line.quantity is None else line.quantity
        if quantity > open_now[item.id] or quantity < 1:
            words = f"{open_now[item.id]} of this item can still be ordered, not {quantity}."
            problems.append(Problem(f"/items/{index}/quantity", "more_than_open", words))
            continue
        open_now[item.id] -= quantity
        chosen.append((item, line, quantity))
    return chosen


def _lines(
    request_id: int, ids: Sequence[int], chosen: Sequence[tuple[OrderItem, LineDraft, int]]
) -> tuple[Line, ...]:
    return tuple(
        Line(
            id_, request_id, place, line.sku or item.sku or f"item-{item.id}", item.title, quantity, line.cost,
            item.id, line.inventory_variant_id, None, item.external_listing_id, 0, 0, 0, 0, 0, 0, None, None, None,
            None, None, None, None, None, item.custom_fields, None,
        )
        for place, (id_, (item, line, quantity)) in enumerate(zip(ids, chosen, strict=True), 1)
    )  # fmt: skip


def _records(plan: _Plan, request_id: int, line_ids: Sequence[int], owns_number: bool, at: int) -> NewRequest:
    draft, order, source = plan.draft, plan.parts.order, plan.source
    given = {field["name"]: field["value"] or "" for field in json.loads(draft.custom_fields)}
    status = draft.status or first_status(
        plan.number, source.max_number_length, not owns_number, json.loads(source.required_fields), given,
        source.auto_process,
    )  # fmt: skip
    lines = _lines(request_id, line_ids, plan.chosen)
    state = State(
        request_id, order.account_id, source.id, order.channel_id, order.id, status,
        FulfillmentStatus.AWAITING_SHIPMENT, 1, at, None, None, None, None, None,
        1 if status == Status.PROCESSING else 0, None, None, None, None, None, None, None, None, None, 0, False,
        None, None, None,
    )  # fmt: skip
    particulars = Particulars(
        request_id, plan.number, at, None, draft.shipping_address or order.shipping_address, order.billing_address,
        order.shipping_text, draft.source_shipping_method_id, None, None, draft.note, None, len(lines),
        sum(line.quantity for line in lines), sum(line.quantity * line.cost for line in lines), None, None, False,
        None, None, None, None, None, None, "[]", draft.custom_fields,
    )  # fmt: skip
    return NewRequest(state, particulars, lines, claims_number=owns_number)


async def _log(
    tx: Tx, at: int, drafts: Sequence[RequestDraft], outcomes: Sequence[Generated | Refusal], seqs: dict[int, int]
) -> None:
    """One event per generated request, and the idempotency records."""
    events: list[Event] = []
    keys: list[KeptOutcome] = []
    for draft, outcome in zip(drafts, outcomes, strict=True):
        if not isinstance(outcome, Generated) or outcome.replayed or outcome.dry_run:
            continue
        account, actor, image = draft.actor.scope.account_id, draft.actor, outcome.image
        seqs[account] += 1
        events.append(
            Event(account, seqs[account], at, "fulfillment_request", image.state.id,
                  "fulfillment_request.generated", None, image.state.status, actor.type, actor.id, actor.name, None,
                  None, draft.call_id, None)
        )  # fmt: skip
        if draft.key is not None:
            record = [FORMAT, [image.state, image.particulars, list(image.lines)]]
            keys.append(KeptOutcome(draft.key, account, json.dumps(record, ensure_ascii=False)))
    if events:
        await tx.write_events(events, at)
    await tx.keep(keys, at)


async def _roll_up(tx: Tx, bench: _Bench, order_ids: Sequence[int]) -> None:
    changed: list[OrderItem] = []
    orders: list[Order] = []
    for order_id in order_ids:
        parts = bench.orders[order_id]
        rolled = [roll_up_item(item, bench.sums[order_id].get(item.id, LineSums())) for item in parts.items]
        changed += [now for now, was in zip(rolled, parts.items, strict=True) if now != was]
        orders.append(roll_up(parts.order, rolled)._replace(updated_at=bench.at))
    await tx.update_order_rollups(orders, changed)
