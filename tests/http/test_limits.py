"""Limits of the application on its callers: bodies, calls under way, and what the log keeps of refusals."""

import asyncio
import io
import ipaddress
import json
import re
import threading
from typing import Any

import pytest

from tests.support.asgi import Client, Reply
from tests.support.contract import ROOT
from tests.support.world import World
from waypost.domain.refusals import Unavailable
from waypost.http import bodies, door
from waypost.http.app import create_app
from waypost.http.bodies import Room
from waypost.http.call import _READER
from waypost.http.gate import Gate, Refused
from waypost.http.log import LineLog
from waypost.http.rates import Rate
from waypost.http.refusals import KINDS, Refusals
from waypost.http.unfinished import Unfinished
from waypost.wire.faults import BadInput

PROXY = ipaddress.ip_network("127.0.0.1/32")
ORDER = {"orderNumber": "L-1", "channelId": 1, "orderItems": [{"sku": "A", "quantity": 1, "price": 1}]}


@pytest.fixture
def engine() -> str:
    """Nothing here asks the database anything special."""
    return "sqlite"


def lines_of(log: io.StringIO) -> list[dict[str, Any]]:
    """The request log so far."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def send_body(world: World, *messages: dict[str, Any] | None, within_s: float = 30.0) -> Reply:
    """A post whose body comes in these pieces; None: nothing comes any more."""
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()), body_within_s=within_s)
    left = list(messages)
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        message = left.pop(0)
        if message is None:
            await asyncio.Event().wait()
        assert message is not None
        return message

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    client = Client(app, world.ours.tokens["acc"])
    headers = [("X-API-TOKEN", world.ours.tokens["acc"]), ("Content-Type", "application/json")]
    await app(client._scope("POST", b"/orders", b"", headers, "127.0.0.1"), receive, send)
    assert app._room._left == bodies.BODIES_AT_MOST  # all of it is free again
    found = {name.decode(): value.decode() for name, value in answered[0]["headers"]}
    return Reply(answered[0]["status"], found, answered[1]["body"])


def piece(body: bytes, more: bool = True) -> dict[str, Any]:
    """A part of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_that_does_not_come_in_time_is_408(world: World) -> None:
    reply = await send_body(world, piece(b'{"a": '), None, within_s=0.05)
    assert (reply.status, reply.json()["code"]) == (408, "request_timeout")
    assert "0.05 s" in reply.json()["detail"]


async def test_a_body_that_has_not_come_when_the_server_stops_was_not_stored(world: World) -> None:
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()))
    waits = asyncio.Event()
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    headers = [("X-API-TOKEN", world.ours.tokens["acc"]), ("Content-Type", "application/json")]
    call = asyncio.create_task(app(Client(app)._scope("POST", b"/orders", b"", headers, "127.0.0.1"), receive, send))
    await waits.wait()
    app.is_stopping = True
    call.cancel()
    await call
    told = json.loads(answered[1]["body"])
    assert (told["status"], told["applied"]) == (503, "no")
    assert "the body was not read" in told["detail"]


@pytest.mark.parametrize("ends", ["stops", "is revoked"])
async def test_a_long_body_that_waits_for_others_changes_nothing_once_it_is_too_late(ends: str, world: World) -> None:
    """Bodies of more than 64 KiB are read one after the other, beside other calls."""
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()))
    before = (await world.client().get("/orders?pageSize=1000")).json()
    begun, blocked = threading.Event(), threading.Event()
    _READER.submit(lambda: (begun.set(), blocked.wait()))
    await asyncio.to_thread(begun.wait)
    try:
        order = ORDER | {"note": "a" * 70_000} | {"orderItems": ORDER["orderItems"] * 700}
        client = Client(app, world.ours.tokens["acc"])
        call = asyncio.create_task(client.post("/orders", json=order))
        async with asyncio.timeout(10):
            while _READER._work_queue.qsize() == 0:
                await asyncio.sleep(0.01)
        if ends == "stops":
            app.is_stopping = True
            call.cancel()
            reply = await call
        else:
            rows = await world.hub.reads.tokens(world.ours.account)
            token_id = next(row.id for row in rows if row.name == "ours acc")
            await world.hub.store.write(lambda tx: tx.revoke_token(token_id, world.hub.clock()))
            world.hub.tokens._known.clear()
            blocked.set()
            reply = await call
    finally:
        blocked.set()
    if ends == "stops":
        assert (reply.status, reply.json()["applied"]) == (503, "no")
        assert (await world.client().get("/orders?pageSize=1000")).json() == before
    else:
        assert reply.status == 401


async def test_a_body_in_pieces_is_limited_as_a_whole(world: World) -> None:
    """And what comes after the limit is not taken in."""
    part = b" " * 600_000
    reply = await send_body(world, piece(part), piece(part), piece(json.dumps(ORDER).encode(), more=False))
    assert (reply.status, reply.json()["code"]) == (413, "content_too_large")
    left = [piece(b"a" * 600), piece(b"a" * 600), piece(b"a" * 600), piece(b"", more=False)]

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    body = bodies.Body(receive, Room())
    with pytest.raises(BadInput) as refused:
        await body.read(1, None, 1000)
    assert (refused.value.status, body.received, len(left)) == (413, 600, 2)


async def test_a_byte_now_and_then_buys_a_body_no_time(world: World) -> None:
    """Each byte comes well within the time of a body, and all of them do not."""
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()), body_within_s=0.1)
    left = list(json.dumps(ORDER).encode())

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return piece(bytes([left.pop(0)]), more=bool(left))

    answered: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    headers = [("X-API-TOKEN", world.ours.tokens["acc"]), ("Content-Type", "application/json")]
    await app(Client(app)._scope("POST", b"/orders", b"", headers, "127.0.0.1"), receive, send)
    assert answered[0]["status"] == 408
    assert left


async def test_bytes_buy_a_slow_body_more_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten pieces each is worth the whole time again."""
    monkeypatch.setattr(bodies, "BODY_RATE", 100)
    clock = asyncio.get_running_loop()
    began = clock.time()
    app = create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO()), body_within_s=0.05)
    body = json.dumps(ORDER).encode()
    count = 0

    async def receive() -> dict[str, Any]:
        nonlocal count
        count += 1
        await asyncio.sleep(0.03)
        return piece(b" " * 100) if count <= 5 else piece(body, more=False)

    answered: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    headers = [("X-API-TOKEN", world.ours.tokens["acc"]), ("Content-Type", "application/json")]
    await app(Client(app)._scope("POST", b"/orders", b"", headers, "127.0.0.1"), receive, send)
    assert clock.time() - began > 0.1
    assert answered[0]["status"] in (200, 201, 400)  # judged, and not 408


@pytest.mark.parametrize("begun", [b"", json.dumps(ORDER).encode()])
async def test_a_body_that_ends_before_it_is_complete_changes_nothing(world: World, begun: bytes) -> None:
    """What has come may be a good order by itself."""
    before = (await world.client().get("/orders?pageSize=1000")).json()
    reply = await send_body(world, piece(begun), {"type": "http.disconnect"})
    assert (reply.status, reply.json()["code"]) == (400, "invalid_input")
    assert "before it was complete" in reply.json()["detail"]
    assert (await world.client().get("/orders?pageSize=1000")).json() == before


async def test_all_bodies_together_have_only_so_much_room(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies.Room.__init__, "__defaults__", (100,))
    monkeypatch.setattr(bodies, "BODIES_AT_MOST", 100)
    reply = await send_body(world, piece(b" " * 20), piece(b" " * 6, more=False))
    assert (reply.status, reply.headers["retry-after"]) == (429, "1")
    assert "25 bytes together" in reply.json()["detail"]
    assert (await send_body(world, piece(b" " * 20), piece(b" " * 5, more=False))).status == 400


async def test_an_empty_body_leaves_nothing_behind() -> None:
    room = Room()

    async def receive() -> dict[str, Any]:
        return piece(b"", more=False)

    body = bodies.Body(receive, room)
    assert await body.read(7, None, 100) == b""
    body.end()
    assert room._of_token == {}


@pytest.mark.parametrize(("declared", "field"), [("9", "Content-Length"), (None, "Transfer-Encoding")])
async def test_a_body_that_is_too_large_names_the_header_that_the_caller_sent(declared: str | None, field: str) -> None:
    async def receive() -> dict[str, Any]:
        return piece(b"123456789", more=False)

    with pytest.raises(BadInput) as caught:
        await bodies.Body(receive, Room()).read(7, declared, 8)
    assert (caught.value.status, [(one.where, one.name) for one in caught.value.faults]) == (413, [("header", field)])


def test_a_token_has_a_share_of_the_room_and_gives_it_back() -> None:
    room = Room(100)
    for token in range(4):
        room.take(25, token)
        with pytest.raises(Refused, match="too large bodies"):
            room.take(1, token)
    with pytest.raises(Unavailable):
        room.take(1, 4)
    room.give_back(25, 3)
    room.take(25, 4)
    for token in (0, 1, 2, 4):
        room.give_back(25, token)
    assert room._of_token == {}


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br, identity", 415), ("", 415), ("identity", 400), (" Identity", 400)])
async def test_an_encoded_body_is_415(world: World, encoding: str, status: int) -> None:
    headers = {"Content-Encoding": encoding.strip(), "Content-Type": "application/json"}
    reply = await world.client().post("/orders", headers=headers, body=b"{}")
    assert reply.status == status
    if status == 415:
        (fault,) = reply.json()["errors"]
        assert (fault["header"], fault["code"]) == ("Content-Encoding", "unsupported_media_type")


async def many(world: World, unfinished: Unfinished, count: int, token: str = "acc", **more: Any) -> list[Reply]:
    """So many calls at once that wait for events, and are answered when something happens."""
    app = create_app(world.hub, Gate(world.hub.tokens, None, (PROXY,)), LineLog(io.StringIO()), unfinished=unfinished)
    client = Client(app, world.ours.tokens[token])
    last = (await client.get("/events?limit=500")).json()["next"]
    calls = [asyncio.create_task(client.get(f"/events?after={last}&wait=30", **more)) for _ in range(count)]
    for _ in range(50):
        await asyncio.sleep(0)
    other = await Client(app, world.ours.tokens["src"]).get("/sources")
    assert other.status != 429
    await world.request()
    return await asyncio.gather(*calls)


async def test_a_token_may_have_only_so_many_calls_under_way(world: World) -> None:
    unfinished = Unfinished(of_token=3)
    for _ in range(2):  # afterwards they are free again
        replies = await many(world, unfinished, 5)
        assert sorted(reply.status for reply in replies) == [200, 200, 200, 429, 429]
        refused = next(reply for reply in replies if reply.status == 429)
        assert refused.headers["retry-after"] == "1"
        assert "at most 3 calls under way" in refused.json()["detail"]
    assert unfinished._of == {}


async def test_behind_a_proxy_a_client_may_have_only_so_many_calls_under_way(world: World) -> None:
    unfinished = Unfinished((PROXY,), of_client=2)
    replies = await many(world, unfinished, 4, headers={"X-Forwarded-For": "192.0.2.7"})
    assert sorted(reply.status for reply in replies) == [200, 200, 429, 429]
    replies = await many(world, unfinished, 4)  # the proxy itself
    assert {reply.status for reply in replies} == {200}
    replies = await many(world, unfinished, 4, headers={"X-Forwarded-For": "192.0.2.7"}, peer="192.0.2.1")
    assert {reply.status for reply in replies} == {200}  # it is no proxy of ours: its connections are counted
    assert unfinished._of == {}


async def test_only_so_much_is_read_of_the_hops(world: World) -> None:
    """Each costs time, before anybody is known."""
    log = io.StringIO()
    stranger = Client(create_app(world.hub, Gate(world.hub.tokens, None, (PROXY,)), LineLog(log)))
    for count in (100, 1000):
        await stranger.get("/account", headers={"X-Forwarded-For": "192.0.2.7" + ",127.0.0.1" * count})
    await asyncio.sleep(0)
    assert [line["from"] for line in lines_of(log)] == ["192.0.2.7", "127.0.0.1"]


async def test_what_costs_a_stranger_nothing_is_counted_and_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    log = io.StringIO()
    refusals = Refusals()
    gate = Gate(world.hub.tokens, Rate(40, 2.0), (PROXY,), lambda: 100.0)
    stranger = Client(create_app(world.hub, gate, LineLog(log), refusals))
    for _ in range(500):
        await stranger.get("/account", headers={"X-Forwarded-For": "192.0.2.7"})
    await stranger.get("/account?x=" + "a" * 50_000)
    await stranger.get("/account", headers={"X-Long": "a" * 40_000})
    assert refusals.totals == {"rate_of_address": 490, "long_head": 2}
    refusals.tell()
    refusals.tell()
    await asyncio.sleep(0)
    lines = lines_of(log)
    assert [line["from"] for line in lines] == ["192.0.2.7"] * 10  # those before the limit of their address
    counted = [record.counted for record in caplog.records]  # type: ignore[attr-defined]  # by its formatter
    told = {line["refused"]: (line["count"], line["last_from"]) for line in counted}
    assert told == {"rate_of_address": (490, "192.0.2.7"), "long_head": (2, "127.0.0.1")}


def test_every_kind_of_refusal_is_explained() -> None:
    """In the log, and in the manual."""
    manual = (ROOT / "docs" / "operations.md").read_text()
    for kind, told in KINDS.items():
        assert f"| `{kind}` | {told} |" in manual
    sources = "".join(path.read_text() for path in (ROOT / "src" / "waypost" / "server").glob("*.py"))
    counted = set(re.findall(r'count\("([a-z_]+)"', sources)) | set(re.findall(r'kind: str = "([a-z_]+)"', sources))
    counted |= set(re.findall(r'", "([a-z_]+)",?\s*\)', sources)) | {"connections_of_address"} | {"silent", "rest", "held_bytes"} | set(door._COUNTED.values())
    assert counted - {"head", "linger", "close"} == set(KINDS) - {"calls_of_client"}  # those three are no refusals
