"""Committed stock: what each line of a request holds of its source's inventory, and when it lets go of it.

The ledger is the truth; a variant's total is what its open entries add up to. Stock is committed when a request
is generated. Canceled and voided pieces are given back at once; shipped ones with the shipment, or, where the
source's own figure already leaves them out, with its next quantity update (`Release`). A failed request keeps
what it holds (contract section 2.4).
"""

from enum import StrEnum
from typing import NamedTuple

from waypost.domain.fulfillment import Line


class Release(StrEnum):
    """What gives back the stock of shipped pieces, by source."""

    SHIPMENT = "shipment"
    QUANTITY_UPDATE = "quantity_update"


class Entry(NamedTuple):
    """What one line committed of one variant, and how much of that was released. `id` 0: not written yet."""

    id: int
    variant_id: int
    line_id: int
    committed: int
    released: int
    reason: str  # of the last change
    at: int

    @property
    def open(self) -> int:
        """What is still held."""
        return self.committed - self.released


def commit(variant_id: int, line_id: int, quantity: int, at: int) -> Entry:
    """A new line holds this much."""
    return Entry(0, variant_id, line_id, quantity, 0, "generated", at)


def release(entry: Entry, quantity: int, reason: str, at: int) -> Entry:
    """Give `quantity` back (negative: take it again), as far as there is something to give or to take."""
    released = min(entry.committed, max(0, entry.released + quantity))
    return entry if released == entry.released else entry._replace(released=released, reason=reason, at=at)


def due(before: Line, after: Line, mode: Release) -> int:
    """How much a change of the line's quantities gives back."""
    shipped = after.shipped - before.shipped if mode is Release.SHIPMENT else 0
    return before.effective - after.effective + shipped


def let_go_of_shipped(entry: Entry, line: Line, at: int) -> Entry:
    """The source's new figure leaves out what has shipped: the line holds what is still to ship, and no more."""
    return release(entry, max(0, entry.open - line.unshipped), "quantity update", at)


def reconcile(entry: Entry | None, line: Line, mode: Release, at: int) -> Entry | None:
    """What the ledger should say of this line: it holds what has not shipped, never more than is left of it.

    Where shipments do not release, what has shipped may still be held. None: the line holds nothing of any variant.
    """
    if entry is None:
        if line.inventory_variant_id is None or line.unshipped <= 0:
            return None
        return commit(line.inventory_variant_id, line.id, line.unshipped, at)._replace(reason="reconciled")
    most = line.effective if mode is Release.QUANTITY_UPDATE else line.unshipped
    wanted = min(max(entry.open, line.unshipped), most)
    if wanted == entry.open:
        return entry
    if wanted < entry.open:
        return release(entry, entry.open - wanted, "reconciled", at)
    again = min(entry.released, wanted - entry.open)
    more = wanted - entry.open - again
    return entry._replace(committed=entry.committed + more, released=entry.released - again, reason="reconciled", at=at)
