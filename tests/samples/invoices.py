"""Source invoices."""

from tests.samples import Preparer, Real
from tests.support.world import World


async def invoiced(world: World) -> Real:
    """An invoice of a request."""
    id_ = await world.request()
    body = {"fulfillmentRequestId": id_, "invoiceItems": [{"invoiceItemType": "fee", "cost": 3}]}
    reply = await world.client().post("/source-invoices", json=body)
    assert reply.status == 200, reply.body
    return {"8001": reply.json()["id"]}


PREPARES: dict[str, Preparer] = {"get_source_invoice": invoiced, "update_source_invoice": invoiced}
