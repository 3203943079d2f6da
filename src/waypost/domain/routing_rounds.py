"""The method of routing: rounds of a greedy cover, each decided by the rules of the group. Pure, in slices.

What is placed together: with a rule about a single request, all items that go to one address; else each item by
itself. First from stock, then what is left as backorder. In each round every candidate bids all that it can take, with
what that costs (pieces, and the fees of a request that it does not send yet); the rules narrow the bids, and the one
that is left takes all it bid, until nothing is left or nobody bids. A candidate that was chosen has nothing more to
give to the same items: n items and s sources take at most s rounds in each pass. What each can take is computed once,
n · s steps, and a round computes what it has changed (`routing_lots`), n · s steps at most. With `single_request`
preferred it is the greedy set cover: at most 1 + ln(pieces) times as many requests as the fewest possible.
"""

from collections.abc import Mapping, Sequence

from waypost.domain.routing import (
    Allocation,
    Candidate,
    Decision,
    Demand,
    Miss,
    Round,
    Routed,
    Take,
    Trouble,
    Unplaced,
)
from waypost.domain.routing_lots import Lot
from waypost.domain.routing_rules import Bid, Rule, is_bundle, narrow, wants_mapped, wants_one
from waypost.domain.slices import Sliced, at_once

BIDS_AT_MOST = 20_000  # that a decision keeps; later rounds keep what was chosen
_STEPS_OF_A_BID = 5  # to make it, and to narrow it down


def route(
    demands: Sequence[Demand],
    candidates: Sequence[Candidate],
    available: Mapping[int, int],
    rules: Sequence[Rule],
    group: tuple[int, str] | None = None,
) -> Routed:
    """As `routing`, without a pause."""
    return at_once(routing(demands, candidates, available, rules, group))


def routing(
    demands: Sequence[Demand],
    candidates: Sequence[Candidate],
    available: Mapping[int, int],
    rules: Sequence[Rule],
    group: tuple[int, str] | None = None,
) -> Sliced[Routed]:
    """Place `demands` (in this order) with `candidates`; `available` is what each variant has left to give."""
    table = _Table(sorted(candidates, key=lambda one: (one.priority, one.source_id)), dict(available), tuple(rules))
    left = {demand.item_id: demand.quantity for demand in demands}
    for backorder in (False, True):
        for lot in _lots([demand for demand in demands if left[demand.item_id] > 0], rules):
            yield from table.place(lot, left, backorder)
    unplaced = []
    for demand in demands:
        if left[demand.item_id] > 0:
            unplaced.append(table.explain(demand, left[demand.item_id]))
            yield 2 * len(demand.offers)
    decision = Decision(
        group[0] if group else None, group[1] if group else None, tuple(rules), tuple(table.candidates),
        tuple(table.rounds), tuple(unplaced),
    )  # fmt: skip
    allocations = yield from table.allocations(demands)
    return Routed(allocations, decision)


def _lots(demands: Sequence[Demand], rules: Sequence[Rule]) -> list[list[Demand]]:
    """What is placed together."""
    if not is_bundle(rules):
        return [[demand] for demand in demands]
    lots: dict[str | None, list[Demand]] = {}
    for demand in demands:
        lots.setdefault(demand.ship_to, []).append(demand)
    return list(lots.values())


class _Table:
    """One order at work: what is available, what was taken by whom, and the rounds so far."""

    def __init__(self, candidates: Sequence[Candidate], available: dict[int, int], rules: tuple[Rule, ...]) -> None:
        self.candidates = candidates
        self.rounds: list[Round] = []
        self._known = {one.source_id: one for one in candidates}
        self._eligible = [one for one in candidates if one.eligible]
        self._available = available
        self._rules = rules
        self._wants_mapped, self._wants_one = wants_mapped(rules), wants_one(rules)
        self._taken: dict[tuple[int, str | None], dict[int, Take]] = {}  # by item, of each request to be
        self._bids = 0  # that the rounds keep

    def place(self, demands: Sequence[Demand], left: dict[int, int], backorder: bool) -> Sliced[None]:
        """Rounds over these, until nothing is left of them or nobody takes any more."""
        lot = Lot(demands, left, self._available, backorder)
        yield from lot.open([one.source_id for one in self._eligible])
        ship_to = demands[0].ship_to
        while lot.wanted:
            bids = [self._bid(one, lot, ship_to) for one in self._eligible]
            if backorder and not any(bid.quantity for bid in bids):
                return  # the pass over the stock has told already why nobody can
            chosen, steps = narrow(self._rules, bids, lot.wanted)
            items = tuple(demand.item_id for demand in demands if left[demand.item_id] > 0)
            yield len(demands) // 4 + _STEPS_OF_A_BID * len(bids)
            self._keep(Round(
                ship_to, items, backorder, tuple(bid for bid in bids if bid.quantity > 0),
                tuple((bid.source_id, lot.why_idle(bid.source_id)) for bid in bids if not bid.quantity),
                steps, chosen, next((bid.quantity for bid in bids if bid.source_id == chosen), 0),
            ))  # fmt: skip
            if chosen is None:
                return
            yield from self._take(chosen, lot)

    def _keep(self, one: Round) -> None:
        """Remember the round; why it went so only as long as there is room for that."""
        self._bids += len(one.bids)
        self.rounds.append(one if self._bids <= BIDS_AT_MOST else one._replace(bids=(), idle=(), steps=()))

    def _bid(self, one: Candidate, lot: Lot, ship_to: str | None) -> Bid:
        quantity, cost = lot.bid(one.source_id)
        if cost is not None and (one.source_id, ship_to) not in self._taken:
            cost += one.dropship_fee + one.shipping_estimate
        return Bid(one.source_id, one.priority, quantity, cost, one.method_id is not None)

    def _take(self, source_id: int, lot: Lot) -> Sliced[None]:
        for demand, quantity, backordered in (yield from lot.take(source_id)):
            variant_id, cost, _ = demand.offers[source_id]
            takes = self._taken.setdefault((source_id, demand.ship_to), {})
            was = takes.get(demand.item_id, Take(demand.item_id, 0, variant_id, cost))
            takes[demand.item_id] = was._replace(
                quantity=was.quantity + quantity, backordered=was.backordered + backordered
            )
            yield 2

    def allocations(self, demands: Sequence[Demand]) -> Sliced[tuple[Allocation, ...]]:
        """By address as the items name them, then by candidate; the items of each in their own order."""
        places = {demand.item_id: place for place, demand in enumerate(demands)}
        found = []
        for ship_to in dict.fromkeys(demand.ship_to for demand in demands):
            for one in self.candidates:
                takes = self._taken.get((one.source_id, ship_to), {})
                yield 1 + len(takes)
                if takes:
                    ordered = tuple(sorted(takes.values(), key=lambda take: places[take.item_id]))
                    found.append(Allocation(one.source_id, ship_to, ordered))
        return tuple(found)

    def explain(self, demand: Demand, left: int) -> Unplaced:
        """Why so much of an item is left."""
        misses = tuple((id_, self._miss(demand, self._known.get(id_), left)) for id_ in sorted(demand.offers))
        told = {miss for _, miss in misses}
        if not misses:
            trouble = Trouble.UNKNOWN_SKU
        elif Miss.NOT_ENOUGH in told and Miss.NOT_IN_ONE not in told:
            trouble = Trouble.NO_AVAILABLE_QUANTITY
        else:
            trouble = Trouble.NO_ELIGIBLE_SOURCE
        return Unplaced(demand.item_id, demand.sku, left, trouble, misses)

    def _miss(self, demand: Demand, one: Candidate | None, left: int) -> Miss:
        if one is None:
            return Miss.NOT_A_CANDIDATE
        if not one.eligible:
            return Miss.NOT_ELIGIBLE
        if one.source_id in demand.refused:
            return Miss.REFUSED_BEFORE
        if one.method_id is None and self._wants_mapped:
            return Miss.NOT_MAPPED
        offer = demand.offers[one.source_id]
        has_enough = offer.backorder or self._available.get(offer.variant_id, 0) >= left
        return Miss.NOT_IN_ONE if self._wants_one and has_enough else Miss.NOT_ENOUGH
