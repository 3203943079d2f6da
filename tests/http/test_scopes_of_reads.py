"""Reads are bound to their scope by themselves, also where the operations before them let nobody else through."""

from tests.http.test_delivery import TOKEN, put
from tests.http.test_invoices import post
from tests.support.database import rows
from tests.support.stocked import stocked
from tests.support.world import World
from waypost.app.actor import Scope
from waypost.app.ports.invoices import InvoiceQuery
from waypost.app.ports.webhooks import DeliveryQuery


async def test_invoices_are_the_merchants_and_their_sources(world: World, migrated_url: str) -> None:
    request = await stocked(world, migrated_url)
    id_, ours, reads = (await post(world, request["id"])).json()["id"], world.ours, world.hub.reads
    for scope, sees in (
        (Scope(ours.account), True), (Scope(ours.account, ours.sources[0]), True),
        (Scope(ours.account, ours.sources[1]), False), (Scope(ours.account, None, ours.channels[0]), False),
        (Scope(world.theirs.account), False),
    ):  # fmt: skip
        assert ((await reads.invoice(scope, id_)) is not None) is sees, scope
        assert [view.invoice.id for view in await reads.invoices(InvoiceQuery(scope))] == [id_] * sees, scope


async def test_how_a_source_is_handed_its_requests_is_its_accounts(world: World) -> None:
    await put(world, TOKEN)
    source, reads = world.ours.sources[0], world.hub.reads
    assert await reads.delivery(Scope(world.ours.account), source) is not None
    assert await reads.delivery(Scope(world.theirs.account), source) is None


async def test_the_log_of_a_webhook_is_its_accounts(world: World, migrated_url: str) -> None:
    body = {"configurationName": "desk", "webhookUrl": "https://example.com/hook", "subscribedEvents": ["*"]}
    hook = (await world.client().post("/webhook/configurations", json=body)).json()["id"]
    sql = """INSERT INTO webhook_delivery (webhook_id, message_id, name, status, attempts, log, created_at, updated_at)
      VALUES ($1, 'm', 'order.created', 'pending', 1, '[]', 1, 1)"""
    await rows(migrated_url, sql, hook)
    for account, sees in ((world.ours.account, 1), (world.theirs.account, 0)):
        assert len(await world.hub.reads.webhook_deliveries(DeliveryQuery(account, hook))) == sees
