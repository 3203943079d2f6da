"""What is placed together in one pass of routing: what each candidate can take of it, kept up to date. Pure.

Each part of it is computed when the lot is opened; after a choice, only what that choice has changed. A candidate's
part of an item changes only where it is larger than what is left of the item, or where two items share a variant.
"""

from collections.abc import Sequence

from waypost.domain.routing import Demand, Miss, Offer
from waypost.domain.slices import Sliced

Share = tuple[Demand, int, int]  # an item, how much of it, and how much of that is backordered
_Able = tuple[Demand, Offer]


class _Part:
    """What one candidate can take."""

    __slots__ = ("by_variant", "cost", "offered", "quantity", "refused", "shares", "unpriced")

    def __init__(self) -> None:
        self.by_variant: dict[int, list[_Able]] = {}
        self.shares: dict[int, Share] = {}  # by item, of those that it can take something of
        self.quantity = 0
        self.cost = 0  # of the pieces whose cost is known
        self.unpriced = 0  # items whose cost is not known
        self.offered = self.refused = 0  # open items that it has: those it may be asked for, and the others


class Lot:
    """Items that are placed together. `left` and `available` are the order's own, and change with what is taken."""

    def __init__(
        self, demands: Sequence[Demand], left: dict[int, int], available: dict[int, int], backorder: bool
    ) -> None:
        self.wanted = 0  # pieces that are left of all items
        self._demands = demands
        self._left = left
        self._available = available
        self._backorder = backorder
        self._parts: dict[int, _Part] = {}  # by source
        self._most: dict[int, int] = {}  # of each item: no candidate can take more of it

    def open(self, source_ids: Sequence[int]) -> Sliced[None]:
        """Compute what each of these sources can take."""
        self._parts = {id_: _Part() for id_ in source_ids}
        for demand in self._demands:
            self.wanted += self._left[demand.item_id]
            self._most[demand.item_id] = 0
            for source_id, offer in demand.offers.items():
                part = self._parts.get(source_id)
                if part is None:
                    continue
                if source_id in demand.refused:
                    part.refused += 1
                    continue
                part.offered += 1
                if self._available.get(offer.variant_id, 0) > 0 or (self._backorder and offer.backorder):
                    part.by_variant.setdefault(offer.variant_id, []).append((demand, offer))
            yield len(demand.offers)
        for part in self._parts.values():
            for able in part.by_variant.values():
                self._refresh(part, able)
            yield 2 * len(part.shares)

    def bid(self, source_id: int) -> tuple[int, int | None]:
        """How many pieces a source can take, and what they cost without fees; None: that is not known."""
        part = self._parts[source_id]
        return part.quantity, None if part.unpriced else part.cost

    def why_idle(self, source_id: int) -> Miss:
        """Why a source can take nothing of all this."""
        part = self._parts[source_id]
        if part.offered:
            return Miss.NOT_ENOUGH
        return Miss.REFUSED_BEFORE if part.refused else Miss.NOT_OFFERED

    def take(self, source_id: int) -> Sliced[list[Share]]:
        """Give a source all that it can take; what that is."""
        chosen = self._parts[source_id]
        taken = list(chosen.shares.values())
        for demand, quantity, _ in taken:
            variant_id = demand.offers[source_id].variant_id
            self._left[demand.item_id] -= quantity
            self._available[variant_id] = self._available.get(variant_id, 0) - quantity
            self.wanted -= quantity
        for variant_id in {demand.offers[source_id].variant_id: None for demand, _, _ in taken}:
            self._refresh(chosen, chosen.by_variant[variant_id])
        yield 4 * len(taken)
        for demand, _, _ in taken:
            yield self._update(demand)
        return taken

    def _update(self, demand: Demand) -> int:
        """After some of the item was taken: what others can take of it now. Returns the steps."""
        left, item_id = self._left[demand.item_id], demand.item_id
        if self._most[item_id] <= left:
            return 1
        self._most[item_id] = 0
        for source_id, offer in demand.offers.items():
            part = self._parts.get(source_id)
            if part is None:
                continue
            if not left:
                if source_id in demand.refused:
                    part.refused -= 1
                else:
                    part.offered -= 1
            share = part.shares.get(item_id)
            if share is None:
                continue
            if share[1] > left:
                self._refresh(part, part.by_variant[offer.variant_id])
            else:
                self._most[item_id] = max(self._most[item_id], share[1])
        return 2 * len(demand.offers)

    def _refresh(self, part: _Part, able: Sequence[_Able]) -> None:
        """Compute what a candidate can take of one variant, which several items may share."""
        stock = max(0, self._available.get(able[0][1].variant_id, 0))
        for demand, offer in able:
            item_id = demand.item_id
            wanted = self._left[item_id]
            quantity = wanted if self._backorder and offer.backorder else min(wanted, stock)
            in_stock = min(quantity, stock)
            stock -= in_stock
            was = part.shares.pop(item_id, None)
            if was is not None:
                self._count(part, was[1], offer.cost, -1)
            if quantity:
                part.shares[item_id] = demand, quantity, quantity - in_stock
                self._count(part, quantity, offer.cost, 1)
                self._most[item_id] = max(self._most[item_id], quantity)

    @staticmethod
    def _count(part: _Part, quantity: int, cost: int | None, sign: int) -> None:
        part.quantity += sign * quantity
        if cost is None:
            part.unpriced += sign
        else:
            part.cost += sign * quantity * cost
