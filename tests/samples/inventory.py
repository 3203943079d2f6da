"""Inventory, products and listings."""

from tests.samples import Preparer, Real
from tests.support.world import World


async def on_the_shelf(world: World) -> Real:
    """A variant of the first source."""
    body = [{"sku": "MUG", "sourceId": world.ours.sources[0], "variants": [{"sku": "MUG-BLUE", "quantity": 5}]}]
    reply = await world.client().call("POST", "/inventory/parents", json=body)
    assert reply.status == 200, reply.body
    source = f'"sourceId": {world.ours.sources[0]}'
    return {"6001": reply.json()[0]["variants"][0]["id"], '"sourceId": 11': source}


_ON_A_VARIANT = ("list_inventory_variants", "update_inventory_variants", "explain_inventory_stock",
                 "list_inventory_parents", "create_inventory_parents", "list_product_variants",
                 "list_listing_parents", "list_listing_variants", "update_listing_variants")  # fmt: skip
PREPARES: dict[str, Preparer] = dict.fromkeys(_ON_A_VARIANT, on_the_shelf)
