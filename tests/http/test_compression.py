"""Long replies come compressed to callers that take gzip (contract section 1.1), but for those that must not."""

import asyncio
import gzip
from typing import Any

import msgspec
import pytest

from tests.support.asgi import Reply
from tests.support.contract import CONTRACT
from tests.support.world import World
from waypost.app.large_work import SLICE as RENDERED_SLICE
from waypost.domain.statuses import Status
from waypost.http import compression
from waypost.http.compression import LONG, SLICE, Compressor
from waypost.http.operations import ALL

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
LIST = "/fulfillment-requests?filterPageSize=100"


async def both(world: World, target: str, **more: Any) -> tuple[Reply, Reply]:
    """The reply as it is, and for a caller that takes gzip."""
    client = world.client()
    return await client.get(target, **more), await client.get(target, headers=GZIP, **more)


@pytest.fixture
async def filled(world: World) -> World:
    """With a list that is long."""
    await world.requests(8)
    return world


async def test_a_long_list(filled: World) -> None:
    plain, packed = await both(filled, LIST)
    assert len(plain.body) > LONG
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert gzip.decompress(packed.body) == plain.body
    for reply in (plain, packed):
        assert int(reply.headers["content-length"]) == len(reply.body)
        assert reply.headers["vary"] == "Accept-Encoding"
        assert reply.headers["cache-control"] == "no-store"


async def test_a_list_that_is_sent_in_parts(world: World) -> None:
    """Beyond SLICE bytes it was rendered in slices; it says its length all the same, to HEAD, too."""
    ids = [await world.request(Status.PROCESSING_ERROR) for _ in range(4)]
    note = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. " * 30
    fields = [{"name": f"F{number}", "value": note} for number in range(40)]
    for id_ in ids:
        reply = await world.client().patch(f"/fulfillment-requests/{id_}", json={"customFields": fields})
        assert reply.status == 200, reply.body
    plain, packed = await both(world, LIST)
    assert len(plain.body) > RENDERED_SLICE
    assert len(plain.json()) == 4
    assert int(plain.headers["content-length"]) == len(plain.body)
    assert gzip.decompress(packed.body) == plain.body
    head = await world.client().call("HEAD", LIST)
    assert (head.headers["content-length"], head.body) == (plain.headers["content-length"], b"")


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True), ("x-gzip", True), ("GZIP;Q=0.5", True), ("*", True), ("identity;q=0, gzip", True),
        ("gzip;q=0.4, identity;q=0.5", False), ("gzip;q=0", False), ("*;q=0", False), ("gzip;q=0, *", False),
        ("identity", False), ("br", False), ("", False), ("gzip;q=nonsense", False),
        ("identity;q=0", False),  # nothing else is possible: better that than nothing
    ],
)  # fmt: skip
async def test_what_the_caller_says_is_read_right(accepted: str, is_packed: bool, filled: World) -> None:
    reply = await filled.client().get(LIST, headers={"Accept-Encoding": accepted})
    assert reply.status == 200
    assert ("content-encoding" in reply.headers) == is_packed
    assert reply.headers["vary"] == "Accept-Encoding"


async def test_several_lines_are_one_list(filled: World) -> None:
    reply = await filled.client().get(LIST, headers=[("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")])
    assert reply.headers["content-encoding"] == "gzip"


async def test_a_short_reply_is_as_it_is(world: World) -> None:
    _, packed = await both(world, LIST)
    assert packed.body == b"[]"
    assert {"content-encoding", "vary"}.isdisjoint(packed.headers)


async def test_what_has_an_etag_is_as_it_is(world: World) -> None:
    id_ = await world.request(Status.PROCESSING_ERROR)
    fields = [{"name": f"F{number}", "value": "x" * 1000} for number in range(10)]
    await world.client().patch(f"/fulfillment-requests/{id_}", json={"customFields": fields})
    plain, packed = await both(world, f"/fulfillment-requests/{id_}")
    assert len(plain.body) > LONG
    assert plain.body == packed.body
    for reply in (plain, packed):
        assert "etag" in reply.headers
        assert {"content-encoding", "vary"}.isdisjoint(reply.headers)


async def test_head_names_no_length_that_a_get_would_not_have(filled: World) -> None:
    head = await filled.client().call("HEAD", LIST, headers=GZIP)
    assert (head.status, head.body, head.headers["vary"]) == (200, b"", "Accept-Encoding")
    assert {"content-length", "content-encoding"}.isdisjoint(head.headers)
    plain = await filled.client().call("HEAD", LIST)
    assert int(plain.headers["content-length"]) == len((await filled.client().get(LIST)).body)


async def test_a_long_refusal_is_compressed_too(world: World) -> None:
    items = [{"sku": "A", "quantity": -1}] * 200
    reply = await world.client().post("/orders", json={"channelId": 1, "orderItems": items}, headers=GZIP)
    assert reply.status == 400
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.decoded().json()["errors"]) == 100


async def test_a_repeat_is_the_same_reply(world: World) -> None:
    ids = await world.requests(8)
    pull = {"Idempotency-Key": "again"}
    first = await world.client().get("/fulfillment-requests/processing", headers=pull | GZIP)
    again = await world.client().get("/fulfillment-requests/processing", headers=pull)
    assert first.headers["content-encoding"] == "gzip"
    assert first.decoded().body == again.body
    assert [one["id"] for one in again.json()] == ids


async def test_strangers_have_nothing_compressed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def compressed(self: Compressor, parts: list[bytes]) -> None:
        asked.append(parts)

    monkeypatch.setattr(Compressor, "compressed", compressed)
    stranger = world.client().with_token(None)
    for target in ("/openapi.json", "/docs/", "/no/such", LIST, "/healthz", f"/fulfillment-requests/{'9' * 9000}"):
        await stranger.get(target, headers=GZIP)
        if not target.startswith("/fulfillment-requests"):
            await world.client().get(target, headers=GZIP)
    assert asked == []


def shows_secret(operation: dict[str, Any]) -> bool:
    """Whether a reply of this operation may have a member `secret`, by the contract."""
    shown = [CONTRACT.resolve(reply) for status, reply in operation["responses"].items() if status.startswith("2")]
    text = msgspec.json.encode([reply.get("content") for reply in shown])
    return b"WithSecret" in text or b'"secret"' in text


def test_replies_that_show_a_secret_are_marked() -> None:
    secret = {name for name, (_, _, operation) in CONTRACT.operations.items() if shows_secret(operation)}
    assert "rotate_webhook_secret" in secret
    assert secret == {operation.id for operation in ALL if operation.shows_secret}


async def test_a_secret_is_never_compressed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "LONG", 10)
    body = {"webhookUrl": "https://example.com/", "configurationName": "n", "subscribedEvents": ["order.*"]}
    made = await world.client().post("/webhook/configurations", json=body, headers=GZIP)
    assert made.status == 201, made.body
    assert made.json()["secret"]
    rotate = f"/webhook/configurations/{made.json()['id']}/rotate-secret"
    rotated = await world.client().post(rotate, json={}, headers=GZIP)
    dry = await world.client().post(f"{rotate}?dryRun=true", json={}, headers=GZIP)  # which has no ETag
    listed = await world.client().get("/webhook/configurations", headers=GZIP)
    assert [rotated.status, dry.status, listed.status] == [200, 200, 200]
    assert ["content-encoding" in reply.headers for reply in (made, rotated, dry, listed)] == [False] * 3 + [True]


async def test_only_so_much_is_compressed_at_once() -> None:
    compressor = Compressor(under_way=1000)
    first = asyncio.create_task(compressor.compressed([b"x" * 800]))
    await asyncio.sleep(0)
    assert await compressor.compressed([b"y" * 300]) is None
    assert gzip.decompress(b"".join(await compressor.compressed([b"z" * 200]) or ())) == b"z" * 200
    assert gzip.decompress(b"".join(await first or ())) == b"x" * 800
    large = [b"v" * (SLICE // 2 + 1)] * 5
    assert gzip.decompress(b"".join(await compressor.compressed(large) or ())) == b"".join(large)  # alone, of any size
    assert compressor._under_way == 0


async def test_who_has_left_gives_its_share_back() -> None:
    compressor = Compressor(under_way=1000)
    gone = asyncio.create_task(compressor.compressed([b"x" * SLICE] * 50))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert compressor._under_way == 0


async def test_who_comes_while_too_much_is_compressed_gets_it_as_it_is(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(self: Compressor, parts: list[bytes]) -> None:
        return None

    monkeypatch.setattr(Compressor, "compressed", full)
    plain, reply = await both(filled, LIST)
    assert reply.body == plain.body
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert reply.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in reply.headers
