"""Tokens that end while a call of theirs is under way: nothing is stored, nothing is shown (contract section 1.3)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.asgi import Client, Reply
from tests.support.database import contents, rows
from tests.support.process import ServerProcess
from tests.support.world import World
from waypost.app import access, turns
from waypost.app.tokens import rotate_token
from waypost.domain.statuses import Status
from waypost.http import late_answers

FELT_WITHIN_S = 1.0
RATES = ("--rate-limit", "1000/s", "--burst", "100000")  # limits are on, and never met
Ending = Callable[[World, int], Awaitable[object]]


async def revoked(world: World, token_id: int) -> None:
    """By an administrator."""
    await world.hub.store.write(lambda tx: tx.revoke_token(token_id, world.hub.clock()))


async def expired(world: World, token_id: int) -> None:
    """Its time has come."""
    await world.hub.store.write(lambda tx: tx.expire_token(token_id, world.hub.clock()))


async def rotated(world: World, token_id: int) -> None:
    """A new one took its place, without an overlap."""
    await rotate_token(world.hub.store, token_id, world.hub.clock(), lambda size: b"n" * size, overlap_s=0)


async def id_of(world: World, token: str) -> int:
    """The id of one of our tokens."""
    return next(row.id for row in await world.hub.reads.tokens(world.ours.account) if row.name == f"ours {token}")


class Server:
    """A real server on the world's database, and one of the world's tokens."""

    def __init__(self, process: ServerProcess, world: World, token: str) -> None:
        self._process = process
        self._world = world
        self._name = token
        self.token = world.ours.tokens[token]

    async def refused(self) -> httpx.Response:
        """The reply of the gate to the token, once it refuses it."""
        async with httpx.AsyncClient(headers={"X-API-TOKEN": self.token}, verify=False) as client:
            while (reply := await client.get(f"{self._process.url}/failure-codes")).status_code == 200:
                await asyncio.sleep(0.02)
        return reply

    async def lets_in(self) -> None:
        """Wait until a new call of the token was let in, and so each call that was sent before it."""
        async with httpx.AsyncClient(headers={"X-API-TOKEN": self.token}, verify=False) as client:
            assert (await client.get(f"{self._process.url}/failure-codes")).status_code == 200

    async def end_token(self, ends: Ending) -> httpx.Response:
        """Let the token end in another process, and wait until the server refuses new calls of it."""
        await ends(self._world, await id_of(self._world, self._name))
        async with asyncio.timeout(FELT_WITHIN_S + 2):  # the machine may be slow
            return await self.refused()

    async def begin(self, head: str, body: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A call of which only this much is sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._process.port)
        writer.write(f"{head}\r\nHost: hub\r\nX-API-TOKEN: {self.token}\r\n\r\n".encode() + body)
        await writer.drain()
        return reader, writer


async def answer_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], Any]:
    """Status, headers and document of the answer."""
    async with asyncio.timeout(20):
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
    writer.close()
    return int(lines[0].split()[1]), headers, json.loads(body)


def assert_same_as_at_the_gate(found: tuple[int, dict[str, str], Any], gate: httpx.Response) -> None:
    """Nothing tells a token that has ended meanwhile from one that was never good, but the call's own path and id."""
    status, headers, document = found
    assert (status, gate.status_code) == (401, 401)
    own = {"instance", "requestId"}
    assert {k: v for k, v in document.items() if k not in own} == {k: v for k, v in gate.json().items() if k not in own}
    own = {"x-request-id", "content-length", "date"}
    assert {k: v for k, v in headers.items() if k not in own} == {
        k: v for k, v in gate.headers.items() if k not in own
    }


@pytest.mark.parametrize("ends", [revoked, expired, rotated])
async def test_a_body_still_coming_in_is_not_stored(
    world: World, migrated_url: str, tmp_path: Path, ends: Ending
) -> None:
    id_ = await world.request()
    shipment = {"trackingNumber": "T-late", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    body = json.dumps({"fulfillmentRequestId": id_, "shipment": shipment}).encode()
    head = (f"POST /shipments HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue")  # fmt: skip
    # With its rates: what a reply says of its token's pool must be gone, too.
    async with ServerProcess(migrated_url, tmp_path / "log", *RATES, default_rates=True) as process:
        server = Server(process, world, "src")
        reader, writer = await server.begin(head)
        async with asyncio.timeout(20):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n", "the token is good"
        writer.write(body[:20])
        gate = await server.end_token(ends)
        before = await contents(migrated_url)
        writer.write(body[20:])
        found = await answer_of(reader, writer)
        assert_same_as_at_the_gate(found, gate)
        assert await contents(migrated_url) == before
    events = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    assert [event["type"] for event in events] == ["fulfillment_request.generated"]


@pytest.mark.parametrize("ends", [revoked, expired, rotated])
async def test_a_long_poll_under_way_shows_nothing(
    world: World, migrated_url: str, tmp_path: Path, ends: Ending
) -> None:
    async with ServerProcess(migrated_url, tmp_path / "log", *RATES, default_rates=True) as process:
        server = Server(process, world, "src")
        call = await server.begin("GET /events?wait=30 HTTP/1.1")
        await server.lets_in()
        gate = await server.end_token(ends)
        await world.request()
        assert_same_as_at_the_gate(await answer_of(*call), gate)


async def test_a_body_of_a_good_token_may_be_slow(world: World, migrated_url: str, tmp_path: Path) -> None:
    """The new token of a rotation and the old one within its overlap go on."""
    id_ = await world.request()
    body = json.dumps({"cancelUnacknowledgedItemQuantity": False}).encode()
    head = (f"POST /fulfillment-requests/{id_}/adjust HTTP/1.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}")  # fmt: skip
    async with ServerProcess(migrated_url, tmp_path / "log") as process:
        server = Server(process, world, "src")
        reader, writer = await server.begin(head, body[:5])
        token_id = await id_of(world, "src")
        await rotate_token(world.hub.store, token_id, world.hub.clock(), lambda size: b"n" * size)
        await asyncio.sleep(FELT_WITHIN_S)
        writer.write(body[5:])
        status, _, shown = await answer_of(reader, writer)
    assert (status, shown["fulfillmentRequestStatus"]["name"]) == (200, "Acknowledged")


# In this process, where the token ends at the very moment that a test wants.


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered, and every answer and every turn is late."""
    monkeypatch.setattr(access, "REMEMBERED_S", -1.0)
    monkeypatch.setattr(late_answers, "LASTED_S", -1.0)
    monkeypatch.setattr(turns, "WAITED_S", -1.0)


async def end_by_hand(url: str, token_id: int) -> None:
    """Revoke a token around the hub, which may be busy."""
    await rows(url, "UPDATE token SET revoked_at = 1 WHERE id = $1", token_id)


async def test_a_token_that_ends_while_a_body_comes_in_changes_nothing(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However quickly the change then has its turn."""
    monkeypatch.setattr(access, "REMEMBERED_S", -1.0)
    monkeypatch.setattr(turns, "WAITED_S", 3600.0)
    id_ = await world.request()
    token_id = await id_of(world, "src")

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        async def slowly() -> Any:
            message = await receive()
            await end_by_hand(migrated_url, token_id)
            return message

        await world.app(scope, slowly, send)

    shipment = {"trackingNumber": "T-late", "shipmentItems": [{"sku": "SKU-A", "quantity": 1}]}
    before = await contents(migrated_url, but=["token"])
    reply = await Client(app, world.ours.tokens["src"]).post(
        "/shipments", json={"fulfillmentRequestId": id_, "shipment": shipment}
    )
    assert (reply.status, reply.json()["code"]) == (401, "unauthorized")
    assert await contents(migrated_url, but=["token"]) == before


READS = [
    ("acc", "GET", "/fulfillment-requests", "versions"),
    ("src", "GET", "/fulfillment-requests/{id}", "version"),
    ("src", "HEAD", "/fulfillment-requests/{id}", "version"),
    ("chn", "GET", "/fulfillment-requests/count", "count_requests"),
    ("src", "GET", "/fulfillment-requests/{id}/events", "timeline"),
    ("src", "GET", "/fulfillment-requests/processing?peek=true", "requests"),
    ("acc", "GET", "/orders", "orders"),
    ("acc", "POST", "/source/{source}/delivery/test", "delivery"),
]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(("token", "method", "path", "at"), READS, ids=[f"{m} {p}" for _, m, p, _ in READS])
async def test_a_slow_read_shows_nothing(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch, token: str, method: str, path: str, at: str
) -> None:
    id_ = await world.request()
    source = world.ours.sources[0]
    delivery = {"kind": "http", "settings": {"url": "https://orders.example.com/v1/orders"}}
    assert (await world.client().call("PUT", f"/source/{source}/delivery", json=delivery)).status == 200
    token_id = await id_of(world, token)
    read = getattr(world.hub.reads, at)

    async def slow(*given: Any, **named: Any) -> Any:
        found = await read(*given, **named)
        await end_by_hand(migrated_url, token_id)
        return found

    target = path.format(id=id_, source=source)
    before = await world.client(token).call(method, target)
    assert before.status == 200
    with monkeypatch.context() as patched:
        patched.setattr(world.hub.reads, at, slow)
        reply = await world.client(token).call(method, target)
    assert reply.status == 401
    gate = await world.client(token).call(method, target)
    if method != "HEAD":
        assert reply.json() == gate.json() | {"requestId": reply.json()["requestId"]}


def _waiting_calls(world: World, ids: list[int], shipment: int, order: int) -> list[tuple[str, str, Any]]:
    """A call for each of the ways in which changes queue."""
    source, channel = world.ours.sources[0], world.ours.channels[0]
    pieces = [{"sku": "SKU-A", "quantity": 1}]
    return [
        ("PATCH", f"/fulfillment-requests/{ids[0]}/processing-failed?error=x", None),
        ("POST", "/fulfillment-requests/bulk", {"action": "cancel", "items": [{"id": ids[1]}]}),
        ("GET", f"/fulfillment-requests/processing?filterSourceId={source}", None),
        ("POST", "/orders", {"channelId": channel, "orderNumber": "LATE", "orderItems": [{"sku": "A", "quantity": 1}]}),
        ("POST", "/fulfillment-requests", {"orderId": order, "sourceId": source}),
        ("POST", "/shipments", {"fulfillmentRequestId": ids[2],
                                "shipment": {"trackingNumber": "LATE", "shipmentItems": pieces}}),
        ("PATCH", "/shipments", {"id": shipment, "note": "late"}),
        ("POST", "/source-invoices", {"fulfillmentRequestId": ids[2],
                                      "invoiceItems": [{"invoiceItemType": "fee", "cost": 3}]}),
        ("PATCH", f"/source/{source}", {"name": "Late"}),
        ("POST", "/inventory/parents", [{"sku": "LATE", "sourceId": source, "variants": [{"sku": "LATE"}]}]),
    ]  # fmt: skip


@pytest.mark.usefixtures("at_once")
async def test_a_change_that_waits_for_its_turn_is_not_made(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await world.requests(3)
    order = await world.order()
    shipment = {"trackingNumber": "T", "shipmentItems": [{"sku": "SKU-B", "quantity": 1}]}
    shipped = await world.client().post("/shipments", json={"fulfillmentRequestId": ids[2], "shipment": shipment})
    calls = _waiting_calls(world, ids, shipped.json()["id"], order)
    before = await contents(migrated_url)
    replies = await _held(world, migrated_url, monkeypatch, calls)
    assert {(reply.status, reply.json()["code"]) for reply in replies} == {(401, "unauthorized")}
    after = await contents(migrated_url)
    assert [row for row in after.pop("token") if row not in before["token"]]  # the revocation itself
    del before["token"]
    assert after == before
    # The same calls are good ones.
    await rows(migrated_url, "UPDATE token SET revoked_at = NULL")
    replies = [await world.client().call(method, target, json=body) for method, target, body in calls]
    assert {reply.status for reply in replies} <= {200, 201, 204}, [reply.body for reply in replies]


async def _held(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch, calls: list[tuple[str, str, Any]]
) -> list[Reply]:
    """The replies to calls that queue until their token has ended."""
    store: Any = world.hub.store
    go_on = asyncio.Event()
    write = store.write

    async def held(work: Any, quick: bool = False) -> Any:
        await go_on.wait()
        return await write(work)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", held)
        client: Client = world.client()
        asked = [asyncio.create_task(client.call(method, target, json=body)) for method, target, body in calls]
        async with asyncio.timeout(20):
            while world.hub.changes._writer.depth < len(calls) - 1:  # the first one is taken already
                await asyncio.sleep(0.01)
        await end_by_hand(url, await id_of(world, "acc"))
        go_on.set()
        return list(await asyncio.gather(*asked))


@pytest.mark.usefixtures("at_once")
async def test_who_changed_something_learns_it_although_the_token_has_ended(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await world.request()
    token_id = await id_of(world, "src")
    store: Any = world.hub.store
    write = store.write

    async def ends(work: Any, quick: bool = False) -> Any:
        found = await write(work)
        await end_by_hand(migrated_url, token_id)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", ends)
        reply = await world.client("src").get("/fulfillment-requests/processing")
    assert (reply.status, [one["id"] for one in reply.json()]) == (200, [id_])
    shown = (await world.client().get(f"/fulfillment-requests/{id_}")).json()
    assert shown["fulfillmentRequestStatus"]["handle"] == Status.PROCESSED.value
