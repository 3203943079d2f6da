"""How much one transaction loads: the lines of its requests, and the items of their orders.

All of that is freed in one go when the transaction ends, and nobody is answered meanwhile: slices do not help there.
"""

from collections.abc import Iterator, Sequence

from waypost.app.actor import Scope
from waypost.app.ports import Tx
from waypost.domain.refusals import Invalid, Problem

LINES_AT_MOST = 40_000  # of the requests and of their orders: up to 20 ms to free
ALWAYS_FIT = LINES_AT_MOST // 2_000  # requests of the most lines, each with an order of the most items
ITEMS_AT_MOST = 10_000  # of the orders of one link, which may be routed, too


async def check_size(tx: Tx, scope: Scope, request_ids: Sequence[int], field: str) -> None:
    """Raises `Invalid` at `field` where the requests and their orders have more lines than one call may change."""
    if len(request_ids) <= ALWAYS_FIT:
        return
    sizes = await tx.request_sizes(scope, request_ids)
    orders = {one.order_id: one.items for one in sizes}
    lines = sum(one.lines for one in sizes) + sum(orders.values())
    if lines > LINES_AT_MOST:
        words = (
            f"These {len(sizes)} requests and their orders have {lines} lines together; one call changes at most"
            f" {LINES_AT_MOST}. Name fewer of them in each call."
        )
        raise Invalid([Problem(field, "too_many", words)])


def fitting(sizes: Sequence[tuple[int, int]], at_most: int) -> Iterator[int]:
    """The first of these ids, as many as have sizes that add up to no more than this. No single one has more."""
    total = 0
    for id_, size in sizes:
        total += size
        if total > at_most:
            return
        yield id_
