"""Shipments."""

from tests.samples import Preparer, Real
from tests.support.world import World


async def shipped(world: World) -> Real:
    """A shipment of one piece, its item, and a custom field."""
    id_ = await world.request()
    shipment = {
        "trackingNumber": f"T-{id_}",
        "shipmentItems": [{"sku": "SKU-A", "quantity": 1}],
        "customFields": [{"name": "lot", "value": "7"}],
    }
    reply = await world.client().post("/shipments", json={"fulfillmentRequestId": id_, "shipment": shipment})
    assert reply.status == 200, reply.body
    made = reply.json()
    return {"7001": made["id"], "7101": made["shipmentItems"][0]["id"], "1001": id_}


_ON_A_SHIPMENT = ("get_shipment", "update_shipment", "flag_shipments_with_errors", "delete_shipment_items",
                  "delete_shipment_custom_fields")  # fmt: skip
PREPARES: dict[str, Preparer] = dict.fromkeys(_ON_A_SHIPMENT, shipped)
