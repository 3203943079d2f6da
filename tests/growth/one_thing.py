"""One thing to which something happens in each block of the past: what it gathers makes calls about it no dearer.

Two SKUs that everybody orders, a request that fails again and again, its order, a source that is down every day, a webhook in
strict order. They belong to the account itself, so all copies of a block are about the same ones.
"""

from typing import TYPE_CHECKING

from waypost.app.commands import Command, FailureReport
from waypost.app.ports.attention import Attention
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status

if TYPE_CHECKING:
    from tests.growth.template import Maker

SOURCE, CHANNEL = 46, 1
SKUS = ("SOLD-MOST-S", "SOLD-MOST-L")
SKU = SKUS[0]
EACH = 3
_HOOK = {"configurationName": "Strict", "webhookUrl": "https://example.com/", "subscribedEvents": ["order.*"], "strictOrder": True}
_FAILED = FailureReport("None left", "out_of_stock")


# Of the same request, from which everything was taken out again.
_ANOTHER_BOX = """INSERT INTO shipment (account_id, source_id, channel_id, order_id, request_id, tracking_number, shipped_at,
    suppressed, partial, custom_fields, inserted_at, updated_at, version)
  SELECT account_id, source_id, channel_id, order_id, request_id, ?, shipped_at, suppressed, partial, custom_fields,
    inserted_at, updated_at, version FROM shipment WHERE id = ?"""


async def lay_out(maker: "Maker") -> None:
    """The things themselves."""
    variants = [{"sku": sku, "quantity": 10_000_000, "cost": 5} for sku in SKUS]
    await maker.ok("POST", "/inventory/parents", [{"sku": "SOLD-MOST", "sourceId": SOURCE, "variants": variants}])
    await maker.ok("PUT", "/listing/variants", [{"sku": SKU, "channelId": CHANNEL, "productSku": SKU, "externalId": SKU}])
    maker.note("strict webhook", (await maker.ok("POST", "/webhook/configurations", _HOOK))["id"])
    busy = await maker.request(SOURCE, CHANNEL, SKU, Status.PROCESSING)
    maker.note("busy", busy["id"])
    maker.note("busy order", busy["orderId"])
    shipped = await maker.request(SOURCE, CHANNEL, SKU, Status.ACKNOWLEDGED)
    maker.note("busy shipment", (await maker.ship(shipped))["id"])
    maker.note("busy invoice", await maker.invoice(shipped["id"]))


async def gather(maker: "Maker") -> None:
    """What happens to them in one block of the past."""
    [busy], [order], [shipment], [invoice], [hook] = (
        maker.names[name] for name in ("busy", "busy order", "busy shipment", "busy invoice", "strict webhook")
    )
    for number in range(EACH):
        request = await maker.request(SOURCE, CHANNEL, SKU, Status.ACKNOWLEDGED)
        await maker.ship(request)
        await maker.invoice(request["id"])
        await maker.request(SOURCE, CHANNEL, SKU, Status.CANCELED)
        for action in (Action.FAIL, Action.PROCESS):
            details = _FAILED if action is Action.FAIL else None
            await maker.hub.changes.change(Command(action, busy, maker.actor, details=details))
        maker.attempt(SOURCE, busy, maker.number(), maker.hub.clock(), outcome="rejected")
        await maker.ok("PATCH", f"/orders/{order}/tags", {"add": [f"gift {number}"], "remove": [f"gift {number - 1}"]})
        await maker.ok("PATCH", "/shipments", {"id": shipment, "note": f"Box {maker.number()}"})
        await maker.ok("PATCH", f"/source-invoices/{invoice}", {"externalAccountingId": f"INV-{maker.number()}"})
        await maker.ok("PUT", "/inventory/variants", [{"sku": SKU, "sourceId": SOURCE, "quantity": 10_000_000 + maker.number()}])
        maker.message(hook, "delivered", None)
        maker.execute(_ANOTHER_BOX, [f"T-{maker.number()}", shipment])
        await _alert(maker, busy)
        run = {"account_id": 1, "kind": "orders", "digest": f"d-{maker.number()}", "rows_done": 1, "rows_refused": 0}
        maker.insert("import_run", {**run, "created_at": 1, "updated_at": 1, "finished_at": 1})


async def _alert(maker: "Maker", busy: int) -> None:
    """The source is down, and answers again; something needs somebody, who sees to it."""
    for subject, id_, code in (("source", SOURCE, "source_down"), ("fulfillment_request", busy, "late_delivery")):
        now = maker.hub.clock()
        row = Attention(1, SOURCE, subject, id_, code, "Look.", now)
        await maker.hub.store.write(lambda tx, row=row: tx.raise_attention([row]))
        await maker.hub.store.write(lambda tx, of=(subject, id_, [code], now): tx.settle_attention(1, *of))


async def leave_open(maker: "Maker") -> None:
    """What is on its way of the SKU that everybody orders."""
    for status in (Status.PROCESSING, Status.PROCESSING, Status.PROCESSING, Status.ACKNOWLEDGED, Status.UNPROCESSED):
        request = await maker.request(SOURCE, CHANNEL, SKU, status)
        maker.note("sold most", request["id"])
    for _ in range(2):
        maker.note("sold most order", await maker.order(CHANNEL, SKU))
