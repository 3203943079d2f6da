"""Shipments coming back: posted once, counted on the lines, the request and the order in the same transaction."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from waypost.app.actor import Scope
from waypost.app.commands import Command, Shipping
from waypost.app.desk import Desk
from waypost.app.drafts import Holding
from waypost.app.ports import Tx
from waypost.app.shipment_drafts import PieceDraft, ShipmentDraft
from waypost.app.slices import in_slices
from waypost.app.transitions import ask_for
from waypost.domain.fulfillment import Line
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotFound, Problem, Refusal
from waypost.domain.shipments import Shipment, ShipmentItem, ShipmentView, ShippedLine
from waypost.domain.statuses import Status


class Shipped(NamedTuple):
    """A success: the shipment, and what it did to the status of its request."""

    view: ShipmentView
    from_status: Status
    to_status: Status
    replayed: bool = False
    dry_run: bool = False


async def create_shipments(tx: Tx, drafts: Sequence[ShipmentDraft], now: int) -> list[Shipped | Refusal]:
    """Post a batch; one outcome a draft. Two shipments of one request count one after the other."""
    sources = await _sources_of(tx, drafts)
    requests = [await _request_of(tx, draft, sources) for draft in drafts]
    commands: list[Command] = []
    places: dict[int, int] = {}  # of a draft's command at the desk
    for place, (draft, id_) in enumerate(zip(drafts, requests, strict=True)):
        if isinstance(id_, int):
            places[place] = len(commands)
            commands.append(Command(Action.SHIP, id_, draft.actor, draft.call_id, Shipping(())))
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    loaded = await tx.load([ask_for(command) for command in commands], accounts)
    asked = {(commands[at].request_id, drafts[place].tracking_number) for place, at in places.items()}
    trackings = await tx.tracking_numbers(asked)
    item_ids = await tx.new_ids("shipment_item", sum(len(draft.pieces) for draft in drafts))
    bench = _Bench(Desk(loaded, now), trackings, iter(item_ids))
    outcomes: list[Shipped | Refusal] = []
    for place, (draft, id_) in enumerate(zip(drafts, await tx.new_ids("shipment", len(drafts)), strict=True)):
        try:
            request = requests[place]
            if isinstance(request, Refusal):
                raise request
            outcomes.append(bench.ship(places[place], commands[places[place]], draft, id_))
        except Refusal as refusal:
            outcomes.append(refusal)
    await bench.write(tx)
    return outcomes


async def _sources_of(tx: Tx, drafts: Sequence[ShipmentDraft]) -> set[tuple[int, int]]:
    """The sources that merchants named, as far as they are there: (account, source)."""
    named: dict[Scope, list[int]] = {}
    for draft in drafts:
        if draft.source_id is not None:
            named.setdefault(Scope(draft.actor.scope.account_id), []).append(draft.source_id)
    return {(scope.account_id, id_) for scope, ids in named.items() for id_ in await tx.source_rows(scope, ids)}


async def _request_of(tx: Tx, draft: ShipmentDraft, sources: set[tuple[int, int]]) -> int | Refusal:
    scope = draft.actor.scope
    if draft.source_id is not None and (scope.account_id, draft.source_id) not in sources:
        return NotFound("source")
    if draft.request_id is not None:
        return draft.request_id
    found = await tx.requests_by_number(scope, draft.source_id, draft.number or "")
    if len(found) > 1:
        words = "Several requests have this number: give the id."
        return Invalid([Problem("number", "ambiguous_number", words)])
    return found[0] if found else NotFound()


class _Bench:
    """One batch of shipments at work."""

    def __init__(self, desk: Desk, trackings: dict[int, set[str]], item_ids: Iterator[int]) -> None:
        self.desk = desk
        self.trackings = trackings
        self._item_ids = item_ids
        self.made: list[ShipmentView] = []

    def ship(self, place: int, command: Command, draft: ShipmentDraft, shipment_id: int) -> Shipped:
        """Count one shipment, or raise why not."""
        state = self.desk.state_at(place)
        if state is None:
            raise NotFound
        if draft.source_id not in (None, state.source_id):
            raise Invalid([Problem("source_id", "foreign_source", "The request is with another source.")])
        known = self.trackings.setdefault(state.id, set())
        problems = []
        if draft.tracking_number in known and not draft.allow_duplicate:
            problems.append(duplicate("/shipment/tracking_number", draft.tracking_number))
        asked = [Asked(piece, f"/shipment/pieces/{index}") for index, piece in enumerate(draft.pieces)]
        found = resolve(self.desk.lines_of(state.id), asked, problems)
        if problems:
            raise Invalid(problems)
        before = self.desk.holding_of(state.id)
        pieces = tuple((line.id, one.piece.quantity, one.field("quantity")) for line, one in found)
        command = command._replace(details=Shipping(pieces, shipment_id), dry_run=draft.dry_run)
        settled = self.desk.settle(place, command)
        if isinstance(settled, Refusal):
            raise settled
        left = sum(line.unshipped for line in self.desk.lines_of(state.id))
        shipment = Shipment(
            shipment_id, state.account_id, state.source_id, state.order_id, state.id, draft.tracking_number,
            draft.tracking_url, draft.carrier, draft.method, draft.note,
            self.desk.at if draft.shipped_at is None else draft.shipped_at, draft.shipping_cost, draft.suppressed,
            left > 0, None, None, None, draft.custom_fields, self.desk.at, self.desk.at, 1,
        )  # fmt: skip
        items = [item_of(next(self._item_ids), shipment_id, line.id, one.piece) for line, one in found]
        shares = share_out(items, given_back(before, self.desk.holding_of(state.id)))
        view = ShipmentView(shipment, tuple((i, line_told(line)) for i, (line, _) in zip(shares, found, strict=True)))
        if not draft.dry_run:
            known.add(draft.tracking_number)
            self.made.append(view)
        return Shipped(view, settled.from_status, settled.to_status, dry_run=draft.dry_run)

    async def write(self, tx: Tx) -> None:
        """Write what became of the requests, and the shipments."""
        changes = await in_slices(self.desk.changes())
        if changes is not None:
            await tx.write(changes)
        items = [item for view in self.made for item, _ in view.items]
        if self.made:
            await tx.insert_shipments([view.shipment for view in self.made], items)


def duplicate(field: str, tracking_number: str) -> Problem:
    """The same tracking number twice on one request."""
    words = f"This request has a shipment with the tracking number {tracking_number} already."
    return Problem(field, "duplicate_tracking_number", words)


class Asked(NamedTuple):
    """A piece, and the place of the input that speaks of it. `implied`: that place does not spell it out."""

    piece: PieceDraft
    at: str
    implied: bool = False

    def field(self, name: str) -> str:
        """The field that a problem with this part of it is about."""
        return self.at if self.implied else f"{self.at}/{name}"


def resolve(lines: Sequence[Line], asked: Sequence[Asked], problems: list[Problem]) -> list[tuple[Line, Asked]]:
    """The line that each piece is about; where several fit, the first that still has as much to ship."""
    found: list[tuple[Line, Asked]] = []
    taken: dict[int, int] = {}
    by_name = _by_name(lines)
    for one in asked:
        piece = one.piece
        named = next((name for name in _names_of(piece) if name[1] is not None), None)
        likely = lines if named is None else by_name.get(named, ())
        fitting = [line for line in likely if _fits(line, piece)]
        if not fitting:
            words = f"The fulfillment request has no such item{f': {piece.sku}' if piece.sku else ''}."
            problems.append(Problem(one.field(_named_by(piece)), "unknown_item", words))
            continue
        enough = [line for line in fitting if line.unshipped - taken.get(line.id, 0) >= piece.quantity]
        line = (enough or fitting)[0]
        taken[line.id] = taken.get(line.id, 0) + piece.quantity
        found.append((line, one))
    return found


_Name = tuple[str, str | int | None]  # what a piece names its line by, and its value


def _names_of(piece: PieceDraft) -> tuple[_Name, ...]:
    """The most telling first."""
    return (
        ("line_id", piece.line_id), ("order_item_id", piece.order_item_id), ("variant_id", piece.variant_id),
        ("sku", piece.sku),
    )  # fmt: skip


def _by_name(lines: Sequence[Line]) -> dict[_Name, list[Line]]:
    """The lines by each of their names, in their order: a long request's lines are not gone through for each piece."""
    found: dict[_Name, list[Line]] = {}
    for line in lines:
        for name in (("line_id", line.id), ("order_item_id", line.order_item_id),
                     ("variant_id", line.inventory_variant_id), ("sku", line.sku)):  # fmt: skip
            found.setdefault(name, []).append(line)
    return found


def _fits(line: Line, piece: PieceDraft) -> bool:
    return (
        piece.line_id in (None, line.id)
        and piece.sku in (None, line.sku)
        and piece.variant_id in (None, line.inventory_variant_id)
        and piece.order_item_id in (None, line.order_item_id)
    )


def _named_by(piece: PieceDraft) -> str:
    if piece.line_id is not None:
        return "line_id"
    if piece.sku is not None:
        return "sku"
    return "variant_id" if piece.variant_id is not None else "order_item_id"


def item_of(id_: int, shipment_id: int, line_id: int, piece: PieceDraft) -> ShipmentItem:
    """The item that carries a piece; what stock it gave back is found out by `share_out`."""
    return ShipmentItem(id_, shipment_id, line_id, piece.quantity, 0, piece.rma_item_id, piece.custom_fields)


def given_back(before: Holding, after: Holding) -> dict[int, int]:
    """How much stock each line gave back between the two; negative: took again. By line id."""
    was = before.entries
    return {id_: entry.released - was[id_].released for id_, entry in after.entries.items() if id_ in was}


def share_out(items: Sequence[ShipmentItem], given: Mapping[int, int]) -> list[ShipmentItem]:
    """The items with the stock that their lines gave back for them: the first items of a line have it first."""
    left = dict(given)
    shared = []
    for item in items:
        released = max(0, min(item.quantity, left.get(item.line_id, 0)))
        left[item.line_id] = left.get(item.line_id, 0) - released
        shared.append(item._replace(stock_released=released))
    return shared


def line_told(line: Line) -> ShippedLine:
    """What a reply tells of a line."""
    return ShippedLine(line.id, line.sku, line.quantity, line.order_item_id, line.inventory_variant_id)
