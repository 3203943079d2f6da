"""What a corrected shipment carries, counted again: on the same request, or on the one that it moves to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from waypost.app.commands import Command, Correction, Shipping
from waypost.app.desk import Desk
from waypost.app.shipment_drafts import ItemPatch, PieceDraft, ShipmentPatch
from waypost.app.shipments import Asked, given_back, item_of, line_told, resolve, share_out
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, Problem, Refusal
from waypost.domain.shipments import ShipmentItem, ShipmentView, ShippedLine

Items = tuple[tuple[ShipmentItem, ShippedLine], ...]
Pieces = list[tuple[int, int, str]]  # line id, by how much, field of the input


class _Wanted(NamedTuple):
    """An item as it is to be, and how its line is found."""

    item: ShipmentItem
    asked: Asked


def recount(
    desk: Desk, places: Mapping[int, int], patch: ShipmentPatch, view: ShipmentView, target: int,
    fresh: Iterator[int], problems: list[Problem],
) -> Items:  # fmt: skip
    """The items as they become, those of quantity 0 included; requests and stock are counted on the desk.

    `target` is the request that the shipment is to be of. Raises `Invalid` with these and all further problems.
    """
    was = {item.id: item for item, _ in view.items}
    moves = target != view.shipment.request_id
    wanted = _wanted(patch, view, moves, problems)
    wanted += [_Wanted(item_of(next(fresh), patch.shipment_id, 0, piece), Asked(piece, at)) for at, piece in patch.more]
    # What the shipment itself has counted does not stand in its own way.
    own: dict[int, int] = {}
    for item in was.values():
        own[item.line_id] = own.get(item.line_id, 0) + item.quantity
    lines = [line._replace(shipped=line.shipped - own.get(line.id, 0)) for line in desk.lines_of(target)]
    found = iter(resolve(lines, [one.asked for one in wanted if one.item.quantity], problems))
    if problems:
        raise Invalid(problems)
    told = {line.line_id: shown for line, shown in view.items}
    settled: list[tuple[_Wanted, ShippedLine]] = []
    for one in wanted:
        if one.item.quantity:
            line, _ = next(found)
            told[line.id] = line_told(line)
            one = one._replace(item=one.item._replace(line_id=line.id))
        settled.append((one, told[one.item.line_id]))
    back, forth = _pieces(was, [one for one, _ in settled], moves)
    given: dict[int, int] = {}
    if moves:
        _settle(desk, places[view.shipment.request_id], patch, Action.CORRECT_SHIPMENT, back)
        given = _settle(desk, places[target], patch, Action.SHIP, forth)
    else:
        given = _settle(desk, places[target], patch, Action.CORRECT_SHIPMENT, back + forth)
        for item in was.values():
            given[item.line_id] = given.get(item.line_id, 0) + item.stock_released
    items = [one.item for one, _ in settled]
    if back or forth:
        items = share_out(items, given)
    return tuple(zip(items, (shown for _, shown in settled), strict=True))


def _wanted(patch: ShipmentPatch, view: ShipmentView, moves: bool, problems: list[Problem]) -> list[_Wanted]:
    """The items that there are, each as it is to be."""
    changes = {change.id: change for change in patch.items}
    words = "The shipment has no such item."
    known = {item.id for item, _ in view.items}
    problems += [Problem(f"{one.at}/id", "unknown_item", words) for one in patch.items if one.id not in known]
    problems += [
        Problem(f"/shipment_item_ids/{place}", "unknown_item", words)
        for place, id_ in enumerate(patch.gone)
        if id_ not in known
    ]
    wanted = []
    for item, line in view.items:
        change = changes.get(item.id, ItemPatch(item.id, "/request_id"))
        now = item._replace(
            quantity=0 if item.id in patch.gone else item.quantity if change.quantity is None else change.quantity,
            custom_fields=item.custom_fields if change.custom_fields is None else change.custom_fields,
            rma_item_id=item.rma_item_id if change.rma_item_id is None else change.rma_item_id,
        )
        # On another request, the line of the same SKU; on its own, the line it has.
        usual = PieceDraft(now.quantity, sku=line.sku) if moves else PieceDraft(now.quantity, line_id=item.line_id)
        named = change.named._replace(quantity=now.quantity) if change.named else usual
        wanted.append(_Wanted(now, Asked(named, change.at, implied=item.id not in changes)))
    return wanted


def _pieces(was: Mapping[int, ShipmentItem], now: Sequence[_Wanted], moves: bool) -> tuple[Pieces, Pieces]:
    """What is taken back (negative) and what is counted anew."""
    back: Pieces = []
    forth: Pieces = []
    for item, asked in now:
        field = asked.field("quantity")
        before = was.get(item.id)
        if before is None or moves or before.line_id != item.line_id:
            back += [(before.line_id, -before.quantity, field)] if before else []
            forth += [(item.line_id, item.quantity, field)] if item.quantity else []
        elif item.quantity != before.quantity:
            by = item.quantity - before.quantity
            (forth if by > 0 else back).append((item.line_id, by, field))
    return back, forth


def _settle(desk: Desk, place: int, patch: ShipmentPatch, action: Action, pieces: Pieces) -> dict[int, int]:
    """Ask for it; how much stock each line gave back (negative: took again)."""
    state = desk.state_at(place)
    if state is None:
        raise AssertionError("only requests that are seen are counted")
    if not pieces:
        return {}
    before = desk.holding_of(state.id)
    shape = Shipping if action is Action.SHIP else Correction
    details = shape(tuple(pieces), patch.shipment_id)
    settled = desk.settle(place, Command(action, state.id, patch.actor, patch.call_id, details))
    if isinstance(settled, Refusal):
        raise settled
    return given_back(before, desk.holding_of(state.id))
