"""Inventory changed: quantities, costs, new variants with their parents and products (contract section 6).

A batch of calls in one transaction; each happens as a whole or is refused with everything that is wrong. Where the
source says so, a quantity that it tells gives back the stock of what has shipped (`domain.stock`).
"""

from collections.abc import Sequence

from waypost.app.commands import Command, QuantityUpdate
from waypost.app.desk import Desk
from waypost.app.goods import InventoryCall, InventoryDone, VariantChange
from waypost.app.ports import Tx
from waypost.app.ports.inventory import Named
from waypost.app.shelf import Overlay, Shelf, source_id_of
from waypost.app.slices import Pace, in_slices
from waypost.app.transitions import ask_for
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Refusal
from waypost.domain.slices import Sliced
from waypost.domain.stock import Release

_STEPS_OF_A_NAME = 5  # to look it up
_STEPS_OF_A_RELEASE = 100  # of what a request holds


async def change_inventory(tx: Tx, calls: Sequence[InventoryCall], now: int) -> list[InventoryDone | Refusal]:
    """Settle a batch of calls; one outcome a call. `now` in microseconds."""
    shelf, pace = Shelf(), Pace()
    for call in calls:
        await _look(tx, shelf, call)
        await pace.spend(_STEPS_OF_A_NAME * len(call.variants))
    releases = await _releases(tx, shelf, calls)
    asks = [ask_for(command) for _, command in releases]
    accounts = sorted({call.actor.scope.account_id for call in calls})
    loaded = await tx.load(asks, accounts, sorted(shelf.variants))
    shelf.clear()  # a statement that waited for a lock still saw the old rows: look again
    for call in calls:
        await _look(tx, shelf, call)
        await _look_around(tx, shelf, call)
        await pace.spend(_STEPS_OF_A_NAME * len(call.variants))
    await _number(tx, shelf, calls)
    bench = _Bench(shelf, Desk(loaded, now), releases)
    outcomes: list[InventoryDone | Refusal] = []
    for place, call in enumerate(calls):
        try:
            outcomes.append(await in_slices(bench.settle(place, call)))
        except Refusal as refusal:
            outcomes.append(refusal)
    await bench.write(tx)
    return outcomes


async def _look(tx: Tx, shelf: Shelf, call: InventoryCall) -> None:
    """Find the sources and the variants that a call names, as far as its actor may see them."""
    scope = call.actor.scope
    given = {one.source_id for one in call.variants} | {one.source_id for one in call.parents}
    sources = {source_id_of(call.actor, id_) for id_ in given}
    wanted = [id_ for id_ in sources if id_ is not None and (scope.account_id, id_) not in shelf.sources]
    if wanted:
        rows = await tx.source_rows(scope, sorted(wanted))
        shelf.sources |= {(scope.account_id, id_): row for id_, row in rows.items()}
    ids = [one.variant_id for one in call.variants if one.variant_id is not None]
    names = [name for one in call.variants if one.variant_id is None and (name := _name(call, one)) is not None]
    shelf.put(await tx.variants_named(scope, ids, names))
    own = {one.source_id for one in shelf.variants.values() if one.account_id == scope.account_id}
    others = sorted(id_ for id_ in own if (scope.account_id, id_) not in shelf.sources)
    if others:
        rows = await tx.source_rows(scope, others)
        shelf.sources |= {(scope.account_id, id_): row for id_, row in rows.items()}


def _name(call: InventoryCall, one: VariantChange) -> Named | None:
    source_id = source_id_of(call.actor, one.source_id)
    return None if source_id is None or one.sku is None else (source_id, one.sku)


def _needs(shelf: Shelf, call: InventoryCall) -> tuple[set[Named], set[str]]:
    """The parents and the products that a call names, or that what it makes will need."""
    parents = {(id_, one.sku) for one in call.parents if (id_ := source_id_of(call.actor, one.source_id)) is not None}
    products: set[str] = set()
    for one in call.variants:
        name = _name(call, one)
        is_new = call.creates and name is not None and name not in shelf.by_name
        if name is not None and (is_new or one.parent_sku is not None):
            parents.add((name[0], one.parent_sku or name[1]))
        if one.product_sku is not None:
            products.add(one.product_sku)
        elif is_new and name is not None:
            products.add(name[1])
    return parents, products


async def _look_around(tx: Tx, shelf: Shelf, call: InventoryCall) -> None:
    scope = call.actor.scope
    parents, products = _needs(shelf, call)
    if parents:
        shelf.parents |= await tx.parents_named(scope, sorted(parents))
    if products:
        found = await tx.products_named(scope.account_id, sorted(products))
        shelf.products |= {(scope.account_id, sku): row for sku, row in found.items()}


async def _releases(tx: Tx, shelf: Shelf, calls: Sequence[InventoryCall]) -> list[tuple[int, Command]]:
    """The requests that a told quantity lets go of what has shipped: the place of the call, and the command."""
    commands: list[tuple[int, Command]] = []
    for place, call in enumerate(calls):
        account = call.actor.scope.account_id
        counted = [] if call.dry_run else [id_ for one in call.variants if (id_ := _counted(shelf, call, one))]
        if not counted:
            continue
        held: dict[int, set[int]] = {}
        for request_id, variant_id in await tx.shipped_and_held(account, sorted(counted)):
            held.setdefault(request_id, set()).add(variant_id)
        # Whoever tells the quantity, what is held is held of the account.
        actor = call.actor._replace(scope=call.actor.scope._replace(source_id=None))
        commands += [
            (place, Command(Action.RELEASE_STOCK, id_, actor, call.call_id, QuantityUpdate(frozenset(variants)),
                            wants_image=False, outcome=Release.QUANTITY_UPDATE.value))
            for id_, variants in held.items()
        ]  # fmt: skip
    return commands


def _counted(shelf: Shelf, call: InventoryCall, one: VariantChange) -> int | None:
    """The variant's id, where its new quantity leaves out what has shipped."""
    name = _name(call, one)
    id_ = one.variant_id if one.variant_id is not None else shelf.by_name.get(name) if name else None
    variant = None if id_ is None else shelf.variants.get(id_)
    if variant is None or "quantity" not in one.values:
        return None
    source = shelf.sources.get((variant.account_id, variant.source_id))
    return id_ if source is not None and source.stock_release == Release.QUANTITY_UPDATE else None


async def _number(tx: Tx, shelf: Shelf, calls: Sequence[InventoryCall]) -> None:
    """Ids for everything that the calls could make; each call counts for itself, as another may be refused."""
    counts = dict.fromkeys(("inventory_variant", "inventory_parent", "product_variant"), 0)
    for call in calls:
        parents, products = _needs(shelf, call)
        names = {_name(call, one) for one in call.variants if call.creates}
        counts["inventory_variant"] += len(names - shelf.by_name.keys())
        counts["inventory_parent"] += len(parents - shelf.parents.keys())
        account = call.actor.scope.account_id
        counts["product_variant"] += sum((account, sku) not in shelf.products for sku in products)
    for kind, count in counts.items():
        shelf.ids[kind] = iter(await tx.new_ids(kind, count) if count else [])


class _Bench:
    """One batch at work."""

    def __init__(self, shelf: Shelf, desk: Desk, releases: Sequence[tuple[int, Command]]) -> None:
        self._shelf = shelf
        self._desk = desk
        self._releases = releases

    def settle(self, place: int, call: InventoryCall) -> Sliced[InventoryDone]:
        """One call, whole; raises the refusal with everything that is wrong."""
        overlay = Overlay(self._shelf, call.actor, self._desk.at)
        yield from overlay.apply(call)
        if not call.dry_run:
            yield from self._release(place, overlay)
            for event in (yield from overlay.merge(call.call_id)):
                self._desk.tell(event)
                yield 3
        return InventoryDone(
            tuple(overlay.variants[id_] for id_ in overlay.order), tuple(overlay.families), len(overlay.changed),
            overlay.words(), dry_run=call.dry_run,
        )  # fmt: skip

    def _release(self, place: int, overlay: Overlay) -> Sliced[None]:
        """Let go of what has shipped; the variants show it."""
        for number, (of, command) in enumerate(self._releases):
            if of != place:
                continue
            before = self._desk.holding_of(command.request_id).entries
            settled = self._desk.settle(number, command)
            if isinstance(settled, Refusal):
                raise AssertionError(f"stock cannot be given back: {settled}")
            for line_id, entry in self._desk.holding_of(command.request_id).entries.items():
                given = before[line_id].open - entry.open
                if given:
                    overlay.give_back(entry.variant_id, given)
            yield _STEPS_OF_A_RELEASE + len(before)

    async def write(self, tx: Tx) -> None:
        """Write what has become of everything."""
        changes = await in_slices(self._desk.changes())
        if changes is not None:
            await tx.write(changes)
        new, changed = self._shelf.new, self._shelf.changed
        if new.any():
            await tx.insert_inventory(new.parents, new.products, new.variants)
        if changed.any():
            await tx.update_inventory(changed.parents, changed.variants)
