"""How sources take their requests."""

from tests.samples import Preparer, Real
from tests.support.world import World

SETTINGS = {"kind": "http", "settings": {"url": "https://orders.example.com/v1/orders"}}


async def source(world: World) -> Real:
    """A source."""
    return {"/source/11/": f"/source/{world.ours.sources[0]}/"}


async def pushed_to(world: World) -> Real:
    """A source that takes its requests over HTTP."""
    id_ = world.ours.sources[1]
    reply = await world.client().call("PUT", f"/source/{id_}/delivery", json=SETTINGS)
    assert reply.status == 200, reply.body
    return {"/source/11/": f"/source/{id_}/"}


PREPARES: dict[str, Preparer] = {
    "get_source_delivery": source,
    "set_source_delivery": source,
    "test_source_delivery": pushed_to,
}
