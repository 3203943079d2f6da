"""Shipments corrected after the fact: other quantities, another request, notes (contract section 3).

What a shipment counted is counted again in the same transaction: on the lines, the request, the order, the stock.
A call that changes several shipments changes all of them or none.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from waypost.app.batch_size import check_size
from waypost.app.commands import Command, Shipping
from waypost.app.desk import Desk
from waypost.app.ports import Loaded, Tx
from waypost.app.shipment_drafts import PatchCall, ShipmentPatch
from waypost.app.shipment_recount import recount
from waypost.app.shipments import duplicate
from waypost.app.slices import Pace, in_slices
from waypost.app.transitions import ask_for
from waypost.domain.events import SHIPMENT_UPDATED, Event
from waypost.domain.fields import too_many
from waypost.domain.fulfillment import State
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotFound, Problem, Refusal, Stale, Unavailable
from waypost.domain.shipments import Shipment, ShipmentView
from waypost.domain.statuses import Status

_STEPS_OF_AN_ITEM = 8


class Patched(NamedTuple):
    """A success: the shipments as they are now, and the status of the first one's request before and after."""

    views: tuple[ShipmentView, ...]
    changed: bool
    from_status: Status
    to_status: Status
    replayed: bool = False
    dry_run: bool = False


async def patch_shipments(tx: Tx, calls: Sequence[PatchCall], now: int) -> list[Patched | Refusal]:
    """Settle calls. Give one at a time: a refusal leaves its traces on the desk, and the desk is thrown away."""
    outcomes: list[Patched | Refusal] = []
    for call in calls:
        try:
            outcomes.append(await _patch_all(tx, call, now))
        except Refusal as refusal:
            outcomes.append(refusal)
    return outcomes


async def _patch_all(tx: Tx, call: PatchCall, now: int) -> Patched:
    patches, actor = call.patches, call.patches[0].actor
    ids = [patch.shipment_id for patch in patches]
    looked_up = await tx.shipment_views(actor.scope, ids)
    requests = {view.shipment.request_id for view in looked_up.values()}
    requests |= {patch.request_id for patch in patches if patch.request_id is not None}
    await check_size(tx, actor.scope, sorted(requests), "")
    asks = [ask_for(Command(Action.SHIP, id_, actor, details=Shipping(()))) for id_ in sorted(requests)]
    loaded = await tx.load(asks, [actor.scope.account_id])
    before = await tx.shipment_views(actor.scope, ids)  # as they are under the locks
    if any(id_ not in before for id_ in ids):
        raise NotFound("shipment")
    if any(view.shipment.request_id not in requests for view in before.values()):
        raise Unavailable("The shipment has just been moved: ask again.", retry_after_s=1)
    for view in before.values():
        if call.expected not in (None, "*") and view.shipment.version not in (call.expected or ()):
            raise Stale(view.shipment.version)
    fresh = iter(await tx.new_ids("shipment_item", sum(len(patch.more) for patch in patches)))
    bench = _Bench(Desk(loaded, now), _places(loaded), await _trackings(tx, patches, before), fresh)
    return await _settled(tx, call, bench, before)


async def _settled(tx: Tx, call: PatchCall, bench: "_Bench", before: Mapping[int, ShipmentView]) -> Patched:
    """Patch them all on the desk, and write what has changed."""
    desk = bench.desk
    first = call.patches[0].request_id or before[call.patches[0].shipment_id].shipment.request_id
    was = bench.request(first)
    done, pace = [], Pace()
    for patch in call.patches:
        done.append(bench.patch(patch, before[patch.shipment_id]))
        await pace.spend(_STEPS_OF_AN_ITEM * len(done[-1].items))
    now = bench.request(first)
    changed = [one for one in done if one != before[one.shipment.id]]
    if call.dry_run:
        unchanged = tuple(before[one.shipment.id] for one in done)
        return Patched(unchanged, bool(changed), was.status, now.status, dry_run=True)
    shown = tuple(one._replace(items=tuple(pair for pair in one.items if pair[0].quantity > 0)) for one in done)
    outcome = Patched(shown, bool(changed), was.status, now.status)
    changes = await in_slices(desk.changes())
    if changes is not None:
        await tx.write(changes)
    if changed:
        known = {item.id: item for view in before.values() for item, _ in view.items}
        items = [item for one in changed for item, _ in one.items if item != known.get(item.id)]
        await tx.insert_shipments([], [item for item in items if item.id not in known])
        await tx.update_shipments([one.shipment for one in changed], [item for item in items if item.id in known])
    return outcome


def _places(loaded: Loaded) -> dict[int, int]:
    """Where the desk has each request, as far as the scope sees it."""
    return {state.id: place for place, state in enumerate(loaded.states) if state is not None}


async def _trackings(
    tx: Tx, patches: Sequence[ShipmentPatch], before: Mapping[int, ShipmentView]
) -> dict[int, set[str]]:
    """Of the tracking numbers that may come to be at a request, those that are there already."""
    wanted = set()
    for patch in patches:
        if not patch.allow_duplicate and (patch.request_id is not None or "tracking_number" in patch.fields):
            was = before[patch.shipment_id].shipment
            number = patch.fields.get("tracking_number", was.tracking_number)
            wanted.add((patch.request_id or was.request_id, number))
    return await tx.tracking_numbers(wanted) if wanted else {}


class _Bench(NamedTuple):
    """One call at work."""

    desk: Desk
    places: Mapping[int, int]  # at the desk, by request id
    trackings: Mapping[int, set[str]]
    fresh: Iterator[int]  # ids of new items

    def request(self, id_: int) -> State:
        """A request as it stands now, if the caller may see it."""
        state = self.desk.state_at(self.places[id_]) if id_ in self.places else None
        if state is None:
            raise NotFound
        return state

    def patch(self, patch: ShipmentPatch, view: ShipmentView) -> ShipmentView:
        """One shipment as it becomes, items of quantity 0 included; raises the refusal that stops it."""
        was, problems = view.shipment, list[Problem]()
        target = self.request(patch.request_id or was.request_id)
        if target.source_id != was.source_id:
            raise Invalid([Problem("request_id", "foreign_source", "The other request is with another source.")])
        now = was._replace(
            **patch.fields, custom_fields=_custom_fields(was.custom_fields, patch, problems), request_id=target.id,
            order_id=target.order_id,
        )  # fmt: skip
        is_new = (now.request_id, now.tracking_number) != (was.request_id, was.tracking_number)
        if is_new and now.tracking_number in self.trackings.get(now.request_id, ()):
            problems.append(duplicate("/tracking_number", now.tracking_number))
        items = recount(self.desk, self.places, patch, view, target.id, self.fresh, problems)
        if [(i.line_id, i.quantity) for i, _ in items] != [(i.line_id, i.quantity) for i, _ in view.items]:
            now = now._replace(partial=any(line.unshipped > 0 for line in self.desk.lines_of(target.id)))
        after = ShipmentView(now, items)
        if after == view:
            return view
        self.desk.tell(_event(patch, was, now, items != view.items, self.desk.at))
        return after._replace(shipment=now._replace(updated_at=self.desk.at, version=was.version + 1))


def _custom_fields(kept: str, patch: ShipmentPatch, problems: list[Problem]) -> str:
    """Fields replaced by id, added, taken away."""
    if not patch.custom_fields and not patch.custom_fields_gone:
        return kept
    words = "The shipment has no such custom field."
    fields = {field["id"]: field for field in json.loads(kept)}
    highest = max(fields, default=0)
    for place, id_ in enumerate(patch.custom_fields_gone):
        if fields.pop(id_, None) is None:
            problems.append(Problem(f"/custom_field_ids/{place}", "unknown_custom_field", words))
    for place, (given, name, value) in enumerate(patch.custom_fields):
        if given is not None and given not in fields:
            problems.append(Problem(f"/custom_fields/{place}/id", "unknown_custom_field", words))
            continue
        highest += given is None
        id_ = highest if given is None else given
        fields[id_] = {"id": id_, "name": name, "value": value}
    now = json.dumps(list(fields.values()), ensure_ascii=False, separators=(",", ":"))
    if reason := too_many(kept, now):
        problems.append(Problem("/custom_fields", "too_many_items", reason))
    return now


def _event(patch: ShipmentPatch, was: Shipment, now: Shipment, items: bool, at: int) -> Event:
    actor = patch.actor
    changed = [name for name in Shipment._fields if getattr(was, name) != getattr(now, name)]
    told = {"fulfillmentRequestId": now.request_id, "changed": [*map(_told, changed), *(["shipmentItems"] * items)]}
    return Event(was.account_id, 0, at, "shipment", was.id, SHIPMENT_UPDATED, None, None, actor.type, actor.id,
                 actor.name, None, None, patch.call_id, json.dumps(told, separators=(",", ":")))  # fmt: skip


def _told(name: str) -> str:
    first, *rest = ("fulfillment_" + name if name == "request_id" else name).split("_")
    return first + "".join(map(str.capitalize, rest))
