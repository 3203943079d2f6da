"""Two processes of the hub on one PostgreSQL database, over HTTP: what both write at once, neither loses."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fault.test_stock_race import TOKEN, merchant
from tests.support.audit import audit
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.process import ServerProcess
from tests.support.stock import change, held

FR = "/fulfillment-requests"
LANES = 8
ORDERS = 10  # of each lane
TOLD = 50  # quantities, and as many costs
REQUESTS = 48
STOCK = 100_000

Call = Callable[..., Awaitable[Any]]


class Hub:
    """Processes, and a caller of each."""

    def __init__(self, stack: AsyncExitStack, migrated_url: str, folder: Path, processes: int) -> None:
        self._stack, self._database_url, self._folder, self._processes = stack, migrated_url, folder, processes
        self.callers: list[Call] = []

    async def start(self) -> None:
        """All of them."""
        for place in range(self._processes):
            server = ServerProcess(self._database_url, self._folder / f"{place}.log")
            url = (await self._stack.enter_async_context(server)).url
            client = httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": TOKEN}, timeout=30)
            self.callers.append(_caller(await self._stack.enter_async_context(client)))

    def of(self, number: int) -> Call:
        """The caller of one of them."""
        return self.callers[number % len(self.callers)]


def _caller(client: httpx.AsyncClient) -> Call:
    async def call(method: str, target: str, body: Any = None, statuses: Sequence[int] = (200, 201, 204)) -> Any:
        reply = await client.request(method, target, json=body)
        assert reply.status_code in statuses, f"{method} {target}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    return call


async def clean(migrated_url: str) -> None:
    """The audit and `waypost check` find nothing."""
    await audit(migrated_url)
    assert await findings(migrated_url) == []


@pytest.mark.parametrize("release", ["shipment", "quantity_update"])
@pytest.mark.parametrize(
    ("engine", "processes"), [("sqlite", 1), ("postgresql", 1), ("postgresql", 2)], indirect=["engine"]
)
async def test_quantities_told_while_orders_are_generated_are_not_lost(
    migrated_url: str, tmp_path: Path, processes: int, release: str
) -> None:
    channel, known = await merchant(migrated_url)
    await change(migrated_url, "source", 1, stock_release=release)
    async with AsyncExitStack() as stack:
        hub = Hub(stack, migrated_url, tmp_path, processes)
        await hub.start()
        shipped = 0

        async def order(lane: int) -> None:
            """Orders of two pieces, of which each second one ships."""
            nonlocal shipped
            for turn in range(ORDERS):
                call = hub.of(lane + turn)
                made = await call("POST", "/orders", {
                    "channelId": channel, "orderNumber": f"Q-{lane}-{turn}", "paymentStatus": "Paid",
                    "note": f"{lane} {turn}", "orderItems": [{"sku": "A", "quantity": 2}],
                })  # fmt: skip
                assert made["orderStatus"] == "Open", made
                if turn % 2:
                    (request,) = await call("GET", f"{FR}?findOrderId={made['id']}")
                    shipment = {"trackingNumber": f"T-{lane}-{turn}", "shipmentItems": [{"sku": "A", "quantity": 2}]}
                    body = {"fulfillmentRequestId": request["id"], "shipment": shipment}
                    await hub.of(lane + turn + 1)("POST", "/shipments", body)
                    shipped += 2

        async def tell(**first: int) -> None:
            """One figure, ever larger; another caller tells the other one."""
            for turn in range(1, TOLD + 1):
                (name, start), *_ = first.items()
                body = [{"inventoryVariantId": known, name: start + turn}]
                told = await hub.of(turn)("PUT", "/inventory/variants", body)
                assert told[0][name] == start + turn

        await asyncio.gather(*(order(lane) for lane in range(LANES)), tell(quantity=STOCK), tell(cost=0))
        if release == "quantity_update":  # what shipped after the last quantity was told waits for the next one
            await hub.of(0)("PUT", "/inventory/variants", [{"inventoryVariantId": known, "quantity": STOCK + TOLD}])
    (variant,) = await rows(migrated_url, "SELECT quantity, cost FROM inventory_variant")
    assert (variant["quantity"], variant["cost"]) == (STOCK + TOLD, TOLD * 10_000)
    promised = 2 * LANES * ORDERS
    (lines,) = await rows(migrated_url, "SELECT sum(quantity) AS ordered, sum(shipped) AS shipped FROM fulfillment_request_line")
    assert (lines["ordered"], lines["shipped"]) == (promised, shipped)
    assert await held(migrated_url) == {known: (promised - shipped, promised - shipped)}
    await clean(migrated_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_two_processes_at_work_on_requests_of_one_order_lose_no_roll_up(
    migrated_url: str, tmp_path: Path
) -> None:
    channel, known = await merchant(migrated_url)
    await change(migrated_url, "inventory_variant", known, quantity=STOCK)
    async with AsyncExitStack() as stack:
        hub = Hub(stack, migrated_url, tmp_path, 2)
        await hub.start()
        order = await hub.of(0)("POST", "/orders", {
            "channelId": channel, "orderNumber": "ONE", "orderItems": [{"sku": "A", "quantity": 3 * REQUESTS}],
        })  # fmt: skip
        item = order["orderItems"][0]["id"]

        async def live(number: int) -> None:
            """A request's whole life, in one process: one piece is killed, two ship, one after the other."""
            call = hub.of(number)
            asked = {"orderId": order["id"], "sourceId": 1, "items": [{"orderItemId": item, "quantity": 3}]}
            request = await call("POST", FR, asked)
            line = request["fulfillmentRequestItems"][0]["id"]
            adjusted = {"id": line, "acknowledgedQuantity": 2, "cancelledQuantity": 1, "killOrFillType": "kill"}
            await call("POST", f"{FR}/{request['id']}/adjust", {"items": [adjusted]})
            for parcel in (1, 2):
                shipment = {"trackingNumber": f"{number}-{parcel}", "shipmentItems": [{"sku": "A", "quantity": 1}]}
                await call("POST", "/shipments", {"fulfillmentRequestId": request["id"], "shipment": shipment})

        await asyncio.gather(*(live(number) for number in range(REQUESTS)))
        told = await hub.of(1)("GET", f"/orders/{order['id']}")
    (rolled,) = told["orderItems"]
    figures = ("acknowledgedQuantity", "shippedQuantity", "canceledQuantity")
    assert [rolled[name] for name in figures] == [2 * REQUESTS, 2 * REQUESTS, REQUESTS]
    assert (told["orderStatus"], told["shippedStatus"], told["acknowledgedStatus"]) == ("Closed", "Completed", "Completed")
    closings = await rows(migrated_url, "SELECT seq FROM event WHERE type = 'order.closed'")
    assert len(closings) == 1
    await clean(migrated_url)
