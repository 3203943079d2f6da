"""Generating fulfillment requests for an order, by hand: source, items and number given or by default.

Lines take from what the order's items still have open, and from the source's stock where its inventory knows them;
the number's length, its uniqueness and the fields the source requires decide where the request begins (contract
sections 2.3 and 2.4).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.generation_bench import Bench, OrderAsk, check_not_over, open_bench, sees
from waypost.app.generation_making import Piece, Plan, image_of
from waypost.app.ports import OrderParts, SourceRow, Tx
from waypost.app.ports.routing import StockVariant
from waypost.app.routing_supply import More
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.lifecycle import Action, Move, decide
from waypost.domain.orders import Order, OrderItem
from waypost.domain.refusals import Invalid, Problem, Refusal
from waypost.domain.statuses import Status


class LineDraft(NamedTuple):
    """A line as asked for. Cost in ten-thousandths a piece; None: the variant's, where it is known."""

    order_item_id: int
    quantity: int | None  # None: all that is open
    sku: str | None = None
    inventory_variant_id: int | None = None
    cost: int | None = None


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
    dry_run: bool = False


class Generated(NamedTuple):
    """A success: the request as it stands."""

    image: FulfillmentRequest
    replayed: bool = False
    dry_run: bool = False


async def generate(tx: Tx, drafts: Sequence[RequestDraft], now: int) -> list[Generated | Refusal]:
    """Generate a batch; one outcome a draft. As many statements for one as for many."""
    asks = [OrderAsk(draft.actor.scope, draft.order_id) for draft in drafts]
    bench, orders = await open_bench(tx, asks, now, _named(drafts))
    refusals = [await _refusal(bench, orders, draft) for draft in drafts]
    images = map(image_of, await bench.make(tx))
    await bench.write(tx)
    return [
        Generated(next(images), dry_run=draft.dry_run) if refusal is None else refusal
        for draft, refusal in zip(drafts, refusals, strict=True)
    ]


def _named(drafts: Sequence[RequestDraft]) -> More:
    """The variants that the drafts may mean."""
    lines = [line for draft in drafts for line in draft.lines]
    ids = tuple(line.inventory_variant_id for line in lines if line.inventory_variant_id is not None)
    skus = tuple(line.sku for line in lines if line.sku)
    return More(ids, skus, sources=tuple(draft.source_id for draft in drafts))


Orders = Mapping[int, OrderParts]


async def _refusal(bench: Bench, orders: Orders, draft: RequestDraft) -> Refusal | None:
    """Why nothing is generated; None: it is planned."""
    try:
        await bench.plan([_plan(bench, orders, draft)])
    except Refusal as refusal:
        return refusal
    return None


def _plan(bench: Bench, orders: Orders, draft: RequestDraft) -> Plan:
    scope, parts = draft.actor.scope, orders.get(draft.order_id)
    order = parts.order if parts is not None and sees(scope, parts.order) else None
    source = bench.supply.source(scope.account_id, draft.source_id)
    problems = []
    if order is None:
        problems.append(Problem("order_id", "unknown_order", f"There is no order {draft.order_id}."))
    if source is None:
        problems.append(Problem("source_id", "unknown_source", f"There is no source {draft.source_id}."))
    if order is not None:
        check_not_over(order)
    if draft.status is not None and not isinstance(decide(None, Action.GENERATE, draft.status), Move):
        problems.append(Problem("status", "not_a_first_status", "A fulfillment request cannot begin in this status."))
    pieces = _Choice(bench, order, source, problems).pieces(draft.lines) if order else ()
    if order is None or source is None or problems:
        raise Invalid(problems)
    return Plan(
        order, source, pieces, draft.actor, draft.call_id, draft.number, draft.status, draft.note,
        draft.shipping_address, draft.source_shipping_method_id, draft.custom_fields, None, draft.dry_run,
    )  # fmt: skip


class _Choice:
    """The lines of one draft: what each takes of its item, and of the source's stock."""

    def __init__(self, bench: Bench, order: Order, source: SourceRow | None, problems: list[Problem]) -> None:
        self._supply = bench.supply
        self._order = order
        self._source = source
        self._problems = problems
        self._items = {item.id: item for item in bench.desk.order(order.id)[1]}
        self._open = {one.item.id: one.quantity for one in bench.wanted(order.id)}
        self._stock: dict[int, int] = {}  # what earlier lines take, by variant

    def pieces(self, asked: Sequence[LineDraft]) -> tuple[Piece, ...]:
        """What the lines take; whatever is wrong goes to the problems."""
        asked = asked or tuple(LineDraft(id_, None) for id_ in self._items if id_ in self._open)
        if not asked:
            words = "Everything on this order is with a source already."
            self._problems.append(Problem("/items", "nothing_open", words))
        taken = [self._piece(f"/items/{place}", line) for place, line in enumerate(asked)]
        return tuple(piece for piece in taken if piece is not None)

    def _piece(self, field: str, line: LineDraft) -> Piece | None:
        item = self._items.get(line.order_item_id)
        if item is None:
            self._problems.append(Problem(f"{field}/order_item_id", "unknown_item", "The order has no such item."))
            return None
        left = self._open.get(item.id, 0)
        quantity = left if line.quantity is None else line.quantity
        if quantity > left or quantity < 1:
            words = f"{left} of this item can still be ordered, not {quantity}."
            self._problems.append(Problem(f"{field}/quantity", "more_than_open", words))
            return None
        self._open[item.id] = left - quantity
        variant = self._variant(field, line, item)
        if variant is not None:
            self._check_stock(field, variant, quantity)
        cost = line.cost if line.cost is not None else (variant.cost or 0 if variant else 0)
        return Piece(item, quantity, variant, cost, line.sku)

    def _variant(self, field: str, line: LineDraft, item: OrderItem) -> StockVariant | None:
        """The variant that is named, else the one that the source has under the SKU or the item's product."""
        if self._source is None:
            return None
        if line.inventory_variant_id is not None:
            variant = self._supply.variants.get(line.inventory_variant_id)
            if variant is not None and variant.source_id == self._source.id:
                return variant
            words = "The source has no such inventory variant."
            self._problems.append(Problem(f"{field}/inventory_variant_id", "unknown_variant", words))
            return None
        product = None if line.sku else item.product_variant_id
        found = self._supply.offers(self._source.account_id, line.sku or item.sku, product)
        return found.get(self._source.id)

    def _check_stock(self, field: str, variant: StockVariant, quantity: int) -> None:
        taken = self._stock.get(variant.id, 0)
        self._stock[variant.id] = taken + quantity
        left = self._supply.available[variant.id] - taken
        if quantity > left and not self._supply.may_backorder(variant, self._order.channel_id):
            words = f"{variant.sku}: {max(0, left)} are available, not {quantity}, and it is not backordered."
            self._problems.append(Problem(f"{field}/quantity", "quantity_unavailable", words))
