"""One order's story, as the people in it live it: the shop, two suppliers, and the merchant's order desk.

Everything happens over HTTP, each with a token of its own, on both engines.
"""

import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.asgi import Client
from tests.support.audit import audit
from tests.support.database import several
from tests.support.world import World, merchant
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.app.ports import Store
from waypost.http.app import LineLog, create_app
from waypost.http.gate import Gate
from waypost.main import build_hub
from waypost.storage.checking import evidence_of
from waypost.storage.location import parse_url

FR = "/fulfillment-requests"
HOME = {"name": "Ana Ruiz", "addressLine1": "Calle Sol 1", "city": "Sevilla", "postal": "41001", "country": "Spain"}


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    """A merchant with two suppliers and two shops."""
    hub, writer = build_hub(store)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    yield World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    await writer.close()


async def told(client: Client, method: str, target: str, json: Any = None, status: int = 200) -> Any:
    """What the hub answers."""
    reply = await client.call(method, target, json=json)
    assert reply.status == status, f"{method} {target}: {reply.status} {reply.body!r}"
    return reply.json() if reply.body else None


def status_of(request: Any) -> str:
    """The name of a request's status."""
    name: str = request["fulfillmentRequestStatus"]["name"]
    return name


async def test_an_order_finds_its_way_through_trouble(world: World, migrated_url: str) -> None:
    desk, shop, northwind, harbour = (world.client(token) for token in ("acc", "chn", "src", "src2"))
    first, second = world.ours.sources

    # The shop wants its orders handled by themselves, and what one supplier gives back to go to another.
    settings = {"autoGeneratePoOnImport": True, "rerouteOnFill": True}
    await told(desk, "PATCH", f"/channel/{world.ours.channels[0]}", settings)

    # Northwind has mugs. Harbour has plates and bowls, and is out of mugs.
    await told(northwind, "POST", "/inventory/parents",
               [{"sku": "CUPS", "variants": [{"sku": "MUG", "quantity": 5, "cost": 4}]}])  # fmt: skip
    await told(harbour, "POST", "/inventory/parents", [{"sku": "TABLE", "variants": [
        {"sku": "PLATE", "quantity": 5, "cost": 3}, {"sku": "BOWL", "quantity": 5, "cost": 2},
        {"sku": "MUG", "quantity": 0, "cost": 5},
    ]}])  # fmt: skip

    # A customer pays for four mugs, a plate and two bowls.
    order = await told(shop, "POST", "/orders", {
        "orderNumber": "WEB-1", "paymentStatus": "Paid", "shippingText": "Ground", "shippingAddress": HOME,
        "orderItems": [{"sku": "MUG", "quantity": 4, "price": 12.9}, {"sku": "PLATE", "quantity": 1, "price": 9},
                       {"sku": "BOWL", "quantity": 2, "price": 7}],
    }, 201)  # fmt: skip
    requests = {one["sourceId"]: one for one in (await told(desk, "GET", f"{FR}?findOrderId={order['id']}"))}
    assert set(requests) == {first, second}
    mugs, table = requests[first], requests[second]
    assert [(i["sku"], i["quantity"]) for i in mugs["fulfillmentRequestItems"]] == [("MUG", 4)]
    assert [(i["sku"], i["quantity"]) for i in table["fulfillmentRequestItems"]] == [("PLATE", 1), ("BOWL", 2)]
    assert (status_of(mugs), status_of(table)) == ("Processing", "Processing")
    assert await committed(desk) == {"MUG": 4, "PLATE": 1, "BOWL": 2}

    # New mugs arrive at Harbour.
    await told(harbour, "PUT", "/inventory/variants", [{"sku": "MUG", "quantity": 2}])

    # Northwind picks its request up, and finds one mug broken: three are confirmed, one is given back.
    picked = await told(northwind, "GET", f"{FR}/processing")
    assert [one["id"] for one in picked] == [mugs["id"]]
    line = mugs["fulfillmentRequestItems"][0]["id"]
    items = [{"id": line, "acknowledgedQuantity": 3, "cancelledQuantity": 1, "killOrFillType": "fill"}]
    mugs = await told(northwind, "POST", f"{FR}/{mugs['id']}/adjust", {"items": items})
    assert status_of(mugs) == "Acknowledged"

    # The fourth mug goes to Harbour by itself, as a request of its own.
    everything = await told(desk, "GET", f"{FR}?findOrderId={order['id']}")
    assert len(everything) == 3
    fourth = everything[-1]
    assert fourth["sourceId"] == second
    assert [(i["sku"], i["quantity"]) for i in fourth["fulfillmentRequestItems"]] == [("MUG", 1)]

    # Harbour cannot read the address of the other one, and says so.
    failed = f"{FR}/{table['id']}/processing-failed?error=House+number+missing&code=address_invalid"
    await told(harbour, "PATCH", failed, status=204)
    table = await told(desk, "GET", f"{FR}/{table['id']}")
    assert (status_of(table), table["failure"]["code"]) == ("Processing Error", "address_invalid")
    assert await committed(desk) == {"MUG": 4, "PLATE": 1, "BOWL": 2}  # a failed request keeps what it holds

    # The order desk asks the customer, corrects the address, and releases it again.
    mended = {"shippingAddress": {**HOME, "addressLine1": "Calle Sol 1, 3B"}, "assignee": "Mei"}
    await told(desk, "PATCH", f"{FR}/{table['id']}", mended)
    table = await told(desk, "PATCH", f"{FR}/{table['id']}/process")
    assert (status_of(table), table["failure"], table["attemptCount"]) == ("Processing", None, 2)
    await told(harbour, "PATCH", f"{FR}/{table['id']}/processed")

    # Parcels leave: two mugs today, one tomorrow; plates and bowls together; the fourth mug last.
    await ship(northwind, mugs["id"], "NW-1", {"MUG": 2})
    assert (await told(desk, "GET", f"/orders/{order['id']}"))["shippedStatus"] == "Partially Completed"
    await ship(northwind, mugs["id"], "NW-2", {"MUG": 1})
    await ship(harbour, table["id"], "HB-1", {"PLATE": 1, "BOWL": 2})
    assert (await told(shop, "GET", f"/orders/{order['id']}"))["orderStatus"] == "Open"
    await ship(harbour, fourth["id"], "HB-2", {"MUG": 1})

    # All is shipped: the order closes, nothing is held any more, and every step can be told.
    order = await told(shop, "GET", f"/orders/{order['id']}")
    assert (order["orderStatus"], order["shippedStatus"], order["acknowledgedStatus"]) == ("Closed", "Completed", "Completed")
    assert [(i["shippedQuantity"], i["canceledQuantity"]) for i in order["orderItems"]] == [(4, 0), (1, 0), (2, 0)]
    assert await committed(desk) == {}
    (entries,) = await several(migrated_url, ["SELECT sum(committed - released) AS held FROM stock_ledger"])
    assert entries[0]["held"] == 0
    for request, steps in {
        mugs["id"]: ["system generated", "source processed", "source adjusted", "source shipped", "source shipped"],
        table["id"]: ["system generated", "source failed", "account edited", "account processing", "source processed",
                      "source shipped"],
        fourth["id"]: ["system generated", "source shipped"],
    }.items():  # fmt: skip
        assert await timeline(desk, f"{FR}/{request}") == steps
    assert await timeline(desk, f"/orders/{order['id']}") == ["channel created", "system closed"]

    # And the books agree.
    await audit(migrated_url)
    findings: list[Finding] = []
    async with evidence_of(parse_url(migrated_url)) as evidence:
        await check(evidence, findings.append)
    assert findings == []


async def committed(desk: Client) -> dict[str, int]:
    """What is held, by SKU, over both suppliers."""
    held: dict[str, int] = {}
    for variant in await told(desk, "GET", "/inventory/variants"):
        if variant["committedQuantity"]:
            held[variant["sku"]] = held.get(variant["sku"], 0) + variant["committedQuantity"]
    return held


async def timeline(desk: Client, target: str) -> list[str]:
    """Who did what, from the first event to the last."""
    events = await told(desk, "GET", f"{target}/events")
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    return [f"{event['actor']['type']} {event['type'].partition('.')[2]}" for event in events]


async def ship(source: Client, request_id: int, tracking: str, pieces: dict[str, int]) -> None:
    """A parcel leaves."""
    items = [{"sku": sku, "quantity": quantity} for sku, quantity in pieces.items()]
    shipment = {"trackingNumber": tracking, "carrier": "DHL", "shipmentItems": items}
    await told(source, "POST", "/shipments", {"fulfillmentRequestId": request_id, "shipment": shipment})
