"""Fulfillment requests."""

from tests.samples import Preparer, Real
from tests.support.world import World
from waypost.domain.statuses import Status


async def in_status(world: World, status: Status) -> Real:
    """A request in `status`, its first item, and its order."""
    id_ = await world.request(status)
    shown = (await world.client().get(f"/fulfillment-requests/{id_}")).json()
    return {"1001": id_, "9001": shown["fulfillmentRequestItems"][0]["id"], "501": shown["orderId"]}


async def open_order(world: World) -> Real:
    """An order without requests."""
    return {"501": await world.order()}


PREPARES: dict[str, Preparer] = {
    "process_fulfillment_request": lambda world: in_status(world, Status.UNPROCESSED),
    "create_fulfillment_request": open_order,
}
