"""Real servers: one key at both of two on PostgreSQL at once, twice at the only one on SQLite; and after a kill."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from tests.idempotency.calls import KEY, sample
from tests.idempotency.cases import differences
from tests.idempotency.databases import Databases
from tests.support.asgi import Reply
from tests.support.process import ServerProcess

# One call for each way in which changes are made; no two of them are about the same thing.
CALLS = (
    "create_order", "generate_for_order", "edit_fulfillment_request", "create_shipment:twice", "create_source_invoice",
    "process_fulfillment_request", "void_fulfillment_request", "bulk_fulfillment_requests", "set_order_status",
    "change_order_tags", "replace_policies", "create_source", "set_source_settings", "create_channel",
    "update_inventory_variants", "create_inventory_parents", "update_listing_variants", "create_routing_group",
)  # fmt: skip
SERVERS = {"sqlite": 1, "postgresql": 2}
SERVER_SAYS = {"date", "x-request-id"}  # another one with each reply


async def _call(client: httpx.AsyncClient, call: str) -> Reply:
    one = sample(call)
    body = {} if one.body is None else {"json": one.body}
    reply = await client.request(one.method, one.target, headers={KEY: f"key of {call}".replace(" ", "-")}, **body)
    headers = {name: value for name, value in reply.headers.items() if name not in SERVER_SAYS}
    return Reply(reply.status_code, headers, reply.content)


def _is_replay(reply: Reply) -> bool:
    return reply.headers.get("idempotent-replayed") == "true"


async def test_what_two_servers_were_asked_at_once_is_made_once_and_survives_a_kill(
    engine: str, prepared: Databases, tmp_path: Path
) -> None:
    url = await prepared.fresh_for(sample("create_order"))
    token = prepared.holder("account").another  # the others have expired by this machine's clock
    made: dict[str, Reply] = {}
    async with AsyncExitStack() as stack:
        servers, clients = [], []
        for place in range(SERVERS[engine]):
            server = ServerProcess(url, tmp_path / f"{place}.log", "--no-worker")
            servers.append(await stack.enter_async_context(server))
            client = httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30)
            clients.append(await stack.enter_async_context(client))
        for call in CALLS:
            first, second = await asyncio.gather(_call(clients[0], call), _call(clients[-1], call))
            one, other = (second, first) if _is_replay(first) or first.status == 409 else (first, second)
            assert one.status < 300, f"{call}: {one}"
            assert not _is_replay(one), call
            assert other.status == 409 or (_is_replay(other) and not differences(other, one)), f"{call}: {other}"
            made[call] = one
        for server in servers:
            await server.kill()
        await servers[0].start()
        for call, one in made.items():
            again = await _call(clients[0], call)
            assert _is_replay(again), f"{call}: {again}"
            assert differences(again, one) == [], call
