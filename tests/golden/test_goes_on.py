"""After the upgrade work goes on: what the old release left under way is repaired, handed over, shipped, and told to webhooks."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from tests.golden.upgraded import Place, Program, found_by_check, running
from tests.support.audit import audit
from tests.support.receiver import Receiver
from tests.support.supplier import RULES, Supplier

Request = dict[str, Any]


class Desk:
    """Somebody at work: every change has a key and is asked twice, so that new records are kept beside the old ones."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._changes = 0

    async def read(self, target: str) -> Any:
        """What there is."""
        reply = await self.program.ask("GET", target)
        assert reply.status == 200, reply.body
        return reply.json()

    async def change(self, method: str, target: str, body: Any = None, token: str = "account") -> Any:
        """Change something; what was answered."""
        self._changes += 1
        key = {"Idempotency-Key": f"after-{self._changes}"}
        text = None if body is None else json.dumps(body)
        reply = await self.program.ask(method, target, token, text, key)
        assert reply.status < 300, f"{method} {target} {text}: {reply.status} {reply.body!r}"
        again = await self.program.ask(method, target, token, text, key)
        assert (again.status, again.headers["idempotent-replayed"]) == (reply.status, "true")
        return reply.json() if reply.body else None

    async def in_status(self, name: str) -> list[Request]:
        """The requests of the first account in a status, the oldest first."""
        found = await self.read(f"/fulfillment-requests?filterStatus={name}&filterPageSize=250")
        return [one for one in found if one["fulfillmentRequestStatus"]["name"].replace(" ", "%20") == name]


def lines_of(request: Request) -> list[dict[str, Any]]:
    """All of it, as a shipment takes it."""
    return [{"fulfillmentRequestItemId": line["id"], "quantity": line["quantity"]} for line in request["fulfillmentRequestItems"]]


async def _requests_go_on(desk: Desk) -> None:
    """Requests of each status are repaired, shipped and ended."""
    path = "/fulfillment-requests"
    fresh, second, *_ = await desk.in_status("Processing")
    await desk.change("PATCH", f"{path}/{fresh['id']}/processing-failed?error=None%20left&code=out_of_stock")
    await desk.change("PATCH", f"{path}/{fresh['id']}?reason=x", {"assignee": "Mei", "note": "Look again"})
    await desk.change("PATCH", f"{path}/{fresh['id']}/process")
    await desk.change("PATCH", f"{path}/{second['id']}/processed")
    (failed, *_), (processed, other, *_), (held, *_), (acknowledged, *_) = [
        await desk.in_status(name) for name in ("Processing%20Error", "Processed", "Unprocessed", "Acknowledged")
    ]
    await desk.change("PATCH", f"{path}/{failed['id']}/process?confirm=resend")
    await desk.change("PATCH", f"{path}/{processed['id']}/acknowledge", token="north again")
    await desk.change("PATCH", f"{path}/{other['id']}/cancel?reason=gone")
    await desk.change("PATCH", f"{path}/{held['id']}/void?reason=x")
    shipment = {"trackingNumber": "NEW-1", "shipmentItems": lines_of(acknowledged)}
    await desk.change("POST", "/shipments", {"fulfillmentRequestId": acknowledged["id"], "shipment": shipment})
    fee = [{"invoiceItemType": "fee", "cost": 3}]
    await desk.change("POST", "/source-invoices", {"fulfillmentRequestId": acknowledged["id"], "invoiceItems": fee})
    shown = await desk.read(f"{path}/{acknowledged['id']}")
    assert shown["fulfillmentStatus"]["name"] == "Shipped"
    for request in (fresh, failed, processed, acknowledged):
        assert len(await desk.read(f"{path}/{request['id']}/events")) >= 2


async def _orders_go_on(desk: Desk) -> None:
    """An old order changes, and a new one comes in."""
    posted = next(one for one in desk.program.story.orders if one["token"] == "shop")
    path = f"/orders/{posted['id']}"
    await desk.change("POST", f"{path}/items", {"sku": "LATER", "quantity": 1, "price": 1})
    await desk.change("PATCH", f"{path}/tags", {"add": ["later"]})
    await desk.change("PATCH", f"{path}/payment?status=Paid")
    order = await desk.read(path)
    assert (order["tags"], len(order["orderItems"])) == (["later"], 2)
    source = (await desk.read("/sources"))[0]["id"]
    made = await desk.change("POST", "/fulfillment-requests", {"orderId": order["id"], "sourceId": source})
    assert made["fulfillmentRequestStatus"]["name"] == "Processing"
    body = {**json.loads(posted["body"]), "orderNumber": "after the upgrade"}
    assert (await desk.change("POST", "/orders", body, "shop"))["id"] > posted["id"]


async def _hooked(desk: Desk, receiver: Receiver) -> tuple[int, str]:
    """An endpoint at the receiver, and its secret: the old release's, which must still sign; else a new one."""
    if desk.program.story.hooks:
        hook = desk.program.story.hooks[0]
        await desk.change("PATCH", f"/webhook/configurations/{hook['id']}", {"webhookUrl": receiver.url})
        return hook["id"], hook["secret"]
    body = {"configurationName": "new", "webhookUrl": receiver.url, "subscribedEvents": ["*"]}
    made = await desk.change("POST", "/webhook/configurations", body)
    return made["id"], made["secret"]


async def _supplied(desk: Desk, supplier: Supplier) -> tuple[int, str]:
    """A source that hands over to the supplier, and the credential it shows: the old release's; else a new one."""
    known = desk.program.story.supplier
    source, token = (known["source"], known["token"]) if known else ((await desk.read("/sources"))[1]["id"], "a-new-bearer")
    settings = {"url": supplier.url, "auth": {"type": "bearer"}, "rules": RULES}
    body = {"kind": "http", "settings": settings, **({} if known else {"secrets": {"token": token}})}
    await desk.change("PUT", f"/source/{source}/delivery", body)
    return source, token


def _at(timestamp: str) -> datetime:
    """By the clock of the hub, which is not today's."""
    return datetime.fromtimestamp(int(timestamp), UTC)


async def _outside_calls_go_on(desk: Desk) -> None:
    """A request is handed over with the old credential, and its event is signed with the old secret."""
    async with Supplier() as supplier, Receiver() as receiver:
        hook, secret = await _hooked(desk, receiver)
        source, token = await _supplied(desk, supplier)
        body = {"orderNumber": "to hand over", "orderItems": [{"sku": "LATER", "quantity": 1, "price": 1}]}
        order = await desk.change("POST", "/orders", body, "shop")
        made = await desk.change("POST", "/fulfillment-requests", {"orderId": order["id"], "sourceId": source})
        async with desk.program.working():
            while not any(one.json()["type"] == "fulfillment_request.processed" and one.json()["subject"]["id"] == made["id"]
                          for one in receiver.received):  # fmt: skip
                await receiver.until(len(receiver.received) + 1)
        assert supplier.book[made["fulfillmentRequestNumber"]] == 1
        assert {one["Authorization"] for one in supplier.headers} == {f"Bearer {token}"}
        for one in receiver.received:
            signed = Webhook(secret).sign(one.id, _at(one.headers["webhook-timestamp"]), one.body.decode())
            assert signed in one.headers["webhook-signature"].split(" ")
    log = f"/webhook/configurations/{hook}/deliveries?filterPageSize=100&sinceId="
    told, last = {}, 0
    while page := await desk.read(f"{log}{last}"):
        told |= {one["messageId"]: one["status"] for one in page}
        last = page[-1]["id"]
    assert {told[one.id] for one in receiver.received} == {"delivered"}  # others may not have been sent yet


async def test_work_goes_on(upgraded: Place) -> None:
    async with running(upgraded) as program:
        desk = Desk(program)
        await _requests_go_on(desk)
        await _orders_go_on(desk)
        await _outside_calls_go_on(desk)
    assert await asyncio.to_thread(found_by_check, upgraded) == set()
    await audit(upgraded.url)
