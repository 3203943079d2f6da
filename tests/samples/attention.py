"""What needs somebody, and the clock rules."""

from tests.samples import Preparer, Real
from tests.support.world import World
from waypost.domain.statuses import Status


async def failed(world: World) -> Real:
    """A request that failed, and a source to have rules for."""
    await world.request(Status.PROCESSING_ERROR)
    return {'"sourceId": 11': f'"sourceId": {world.ours.sources[0]}'}


async def delivered_late(world: World) -> Real:
    """A request that its source has after all."""
    id_ = await world.request(Status.PROCESSING_ERROR)
    await world.raised("fulfillment_request", id_, "late_delivery")
    return {"1001": id_}


PREPARES: dict[str, Preparer] = {
    "list_attention": failed,
    "replace_policies": failed,
    "settle_attention": delivered_late,
}
