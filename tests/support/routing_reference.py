"""The method of routing as it was first written: each round computes everything again. `routing_rounds` must equal it.

What is placed together: with a rule about a single request, all items that go to one address; else each item by
itself. First from what is in stock, then, what is left, as backorder where that is allowed. In each round every
candidate bids all that it can take of what is left, with what that costs (pieces, and the fees of a request that
it does not send yet); the rules narrow the bids, and the one that is left takes all it bid. This goes on until
nothing is left, or nobody bids.

A candidate that was chosen has nothing more to give to the same items, so that n items and s sources take at most
s rounds of s · n steps for each of the two passes: O(s² · n), and no search. With `single_request` preferred it is
the greedy set cover: at most 1 + ln(pieces) times as many requests as the fewest possible.
"""

from collections.abc import Mapping, Sequence

from waypost.domain.routing import (
    Allocation,
    Candidate,
    Decision,
    Demand,
    Miss,
    Offer,
    Round,
    Routed,
    Take,
    Trouble,
    Unplaced,
)
from waypost.domain.routing_rules import Bid, Rule, is_bundle, narrow, wants_mapped, wants_one


def route(
    demands: Sequence[Demand],
    candidates: Sequence[Candidate],
    available: Mapping[int, int],
    rules: Sequence[Rule],
    group: tuple[int, str] | None = None,
) -> Routed:
    """Place `demands` (in this order) with `candidates`; `available` is what each variant has left to give."""
    table = _Table(sorted(candidates, key=lambda one: (one.priority, one.source_id)), dict(available), tuple(rules))
    left = {demand.item_id: demand.quantity for demand in demands}
    for backorder in (False, True):
        for lot in _lots([demand for demand in demands if left[demand.item_id] > 0], rules):
            table.place(lot, left, backorder)
    unplaced = tuple(table.explain(demand, left[demand.item_id]) for demand in demands if left[demand.item_id] > 0)
    decision = Decision(
        group[0] if group else None, group[1] if group else None, tuple(rules), tuple(table.candidates),
        tuple(table.rounds), unplaced,
    )  # fmt: skip
    return Routed(table.allocations(demands), decision)


def _lots(demands: Sequence[Demand], rules: Sequence[Rule]) -> list[list[Demand]]:
    """What is placed together."""
    if not is_bundle(rules):
        return [[demand] for demand in demands]
    lots: dict[str | None, list[Demand]] = {}
    for demand in demands:
        lots.setdefault(demand.ship_to, []).append(demand)
    return list(lots.values())


Share = list[tuple[Demand, int, int]]  # an item, how much of it, and how much of that is backordered


class _Table:
    """One order at work: what is available, what was taken by whom, and the rounds so far."""

    def __init__(self, candidates: Sequence[Candidate], available: dict[int, int], rules: tuple[Rule, ...]) -> None:
        self.candidates = candidates
        self.rounds: list[Round] = []
        self._eligible = [one for one in candidates if one.eligible]
        self._available = available
        self._rules = rules
        self._taken: dict[tuple[int, str | None], dict[int, Take]] = {}  # by item, of each request to be

    def place(self, lot: Sequence[Demand], left: dict[int, int], backorder: bool) -> None:
        """Rounds over this lot, until nothing is left of it or nobody takes any more."""
        able = [(one, self._able(one, lot, backorder)) for one in self._eligible]
        while wanted := sum(left[demand.item_id] for demand in lot):
            open_now = [demand for demand in lot if left[demand.item_id] > 0]
            shares = [(one, self._share(what, left, backorder)) for one, what in able]
            bids = tuple(self._bid(one, share, lot[0].ship_to) for one, share in shares)
            if backorder and not any(bid.quantity for bid in bids):
                return  # the pass over the stock has told already why nobody can
            chosen, steps = narrow(self._rules, bids, wanted)
            share = next((share for one, share in shares if one.source_id == chosen), [])
            taken = sum(quantity for _, quantity, _ in share)
            items = tuple(demand.item_id for demand in open_now)
            made = tuple(bid for bid in bids if bid.quantity > 0)
            idle = tuple((one.source_id, self._why_idle(one.source_id, open_now)) for one, share in shares if not share)
            self.rounds.append(Round(lot[0].ship_to, items, backorder, made, idle, steps, chosen, taken))
            if chosen is None:
                return
            self._take(chosen, share, left)

    def _why_idle(self, source_id: int, lot: Sequence[Demand]) -> Miss:
        """Why a candidate can take nothing of all this."""
        miss = Miss.NOT_OFFERED
        for demand in lot:
            if source_id in demand.offers:
                if source_id not in demand.refused:
                    return Miss.NOT_ENOUGH
                miss = Miss.REFUSED_BEFORE
        return miss

    def _able(self, one: Candidate, lot: Sequence[Demand], backorder: bool) -> list[tuple[Demand, Offer]]:
        """What a candidate can take something of. There is never more of it while the lot is placed."""
        source_id, available = one.source_id, self._available
        return [
            (demand, offer)
            for demand in lot
            if (offer := demand.offers.get(source_id)) is not None
            and source_id not in demand.refused
            and (available.get(offer.variant_id, 0) > 0 or (backorder and offer.backorder))
        ]

    def _share(self, able: Sequence[tuple[Demand, Offer]], left: Mapping[int, int], backorder: bool) -> Share:
        """All that a candidate can take of what is left."""
        share: Share = []
        given: dict[int, int] = {}  # items may share a variant
        for demand, offer in able:
            wanted = left[demand.item_id]
            if not wanted:
                continue
            stock = max(0, self._available.get(offer.variant_id, 0) - given.get(offer.variant_id, 0))
            quantity = wanted if backorder and offer.backorder else min(wanted, stock)
            if quantity > 0:
                in_stock = min(quantity, stock)
                given[offer.variant_id] = given.get(offer.variant_id, 0) + in_stock
                share.append((demand, quantity, quantity - in_stock))
        return share

    def _bid(self, one: Candidate, share: Share, ship_to: str | None) -> Bid:
        cost: int | None = 0 if (one.source_id, ship_to) in self._taken else one.dropship_fee + one.shipping_estimate
        for demand, quantity, _ in share:
            piece = demand.offers[one.source_id].cost
            cost = None if cost is None or piece is None else cost + quantity * piece
        total = sum(quantity for _, quantity, _ in share)
        return Bid(one.source_id, one.priority, total, cost, one.method_id is not None)

    def _take(self, source_id: int, share: Share, left: dict[int, int]) -> None:
        for demand, quantity, backordered in share:
            variant_id, cost, _ = demand.offers[source_id]
            left[demand.item_id] -= quantity
            self._available[variant_id] = self._available.get(variant_id, 0) - quantity
            takes = self._taken.setdefault((source_id, demand.ship_to), {})
            was = takes.get(demand.item_id, Take(demand.item_id, 0, variant_id, cost))
            takes[demand.item_id] = was._replace(
                quantity=was.quantity + quantity, backordered=was.backordered + backordered
            )

    def allocations(self, demands: Sequence[Demand]) -> tuple[Allocation, ...]:
        """By address as the items name them, then by candidate; the items of each in their own order."""
        addresses = list(dict.fromkeys(demand.ship_to for demand in demands))
        places = {demand.item_id: place for place, demand in enumerate(demands)}
        return tuple(
            Allocation(one.source_id, ship_to, tuple(sorted(takes.values(), key=lambda take: places[take.item_id])))
            for ship_to in addresses
            for one in self.candidates
            if (takes := self._taken.get((one.source_id, ship_to)))
        )

    def explain(self, demand: Demand, left: int) -> Unplaced:
        """Why so much of an item is left."""
        known = {one.source_id: one for one in self.candidates}
        misses = tuple((id_, self._miss(demand, known.get(id_), left)) for id_ in sorted(demand.offers))
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
        if one.method_id is None and wants_mapped(self._rules):
            return Miss.NOT_MAPPED
        offer = demand.offers[one.source_id]
        has_enough = offer.backorder or self._available.get(offer.variant_id, 0) >= left
        return Miss.NOT_IN_ONE if wants_one(self._rules) and has_enough else Miss.NOT_ENOUGH
