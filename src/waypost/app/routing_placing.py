"""Routes an order, and says of what is left who else has it: sources that may not be asked."""

from collections.abc import Sequence

from waypost.app.ports import Tx
from waypost.app.routing_supply import Supply, Wanted
from waypost.domain.orders import Order
from waypost.domain.routing import Miss, Routed, Trouble, Unplaced

OTHERS_AT_MOST = 20  # of each item that is left


async def placed(
    tx: Tx, supply: Supply, order: Order, wanted: Sequence[Wanted], only: int | None = None
) -> Routed:
    """Where these items of an order go; nothing is taken yet. `only`: to this source, whatever group and rules say."""
    routed = await supply.pace.run(supply.routing(order, wanted, only))
    if not routed.unplaced or not supply.is_of_candidates:
        return routed
    items = {one.item.id: one.item for one in wanted}
    left = [items[one.item_id] for one in routed.unplaced]
    skus = sorted({item.sku for item in left if item.sku})
    products = sorted({item.product_variant_id for item in left if item.product_variant_id})
    asked = sorted({one.source_id for one in routed.decision.candidates})
    by_sku, by_product = await tx.others_with(order.account_id, skus, products, asked, OTHERS_AT_MOST)
    unplaced = []
    for one, item in zip(routed.unplaced, left, strict=True):
        others = by_sku.get(item.sku or "", set()) | by_product.get(item.product_variant_id or 0, set())
        unplaced.append(_with_others(one, others))
        await supply.pace.spend(1 + len(others))
    return routed._replace(decision=routed.decision._replace(unplaced=tuple(unplaced)))


def _with_others(one: Unplaced, others: set[int]) -> Unplaced:
    """`others` may name sources that the routing has met already, for another order of the batch."""
    asked = [(id_, miss) for id_, miss in one.misses if miss is not Miss.NOT_A_CANDIDATE]
    others = others.union(id_ for id_, miss in one.misses if miss is Miss.NOT_A_CANDIDATE)
    named = [(id_, Miss.NOT_A_CANDIDATE) for id_ in sorted(others)[:OTHERS_AT_MOST]]
    trouble = Trouble.NO_ELIGIBLE_SOURCE if named and not asked else one.trouble
    return one._replace(trouble=trouble, misses=tuple(sorted([*asked, *named])))
