"""Bodies, methods, paths and documents at the edges (contract section 1.1)."""

import asyncio
import gc
import io

import pytest

from tests.support.asgi import Client
from tests.support.world import World
from waypost.http.faults import HEADERS_AT_MOST, URL_AT_MOST

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"), (b"[" * 100_000, 400, "too_deep"), (b'{"a":' * 100_000, 400, "too_deep"),
        (b'{"action":"fail","action":"void","items":[]}', 400, "duplicate_key"), (b'{"items":[{"id":1e400}]}', 400, None),
        (b'{"items":[{"id":123456789012345678901234567890}]}', 400, None), (b"\xff", 400, "bad_encoding"),
        (b'"\\ud800"', 400, "bad_characters"), (b'"\\u0000"', 400, "bad_characters"), (b"NaN", 400, "malformed_json"),
        (b"null", 400, None), (b"[]", 400, None), (b"", 400, "required"), (b"{} {}", 400, "malformed_json"),
        (b" " * (8 * 1024 * 1024 + 1), 413, None),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
async def test_bad_bodies(world: World, body: bytes, status: int, code: str | None) -> None:
    reply = await world.client().post("/fulfillment-requests/bulk", headers=JSON, body=body)
    assert reply.status == status
    if code:
        assert code in {error["code"] for error in reply.json()["errors"]}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_what_is_not_json_is_refused(world: World, kind: str) -> None:
    reply = await world.client().post("/orders", headers={"Content-Type": kind}, body=b"{}")
    assert (reply.status, reply.json()["code"]) == (415, "unsupported_media_type")


async def test_methods(world: World) -> None:
    reply = await world.client().call("DELETE", "/fulfillment-requests")
    assert reply.status == 405
    assert {"GET", "HEAD", "POST", "OPTIONS"} <= set(reply.headers["allow"].split(", "))
    reply = await world.client().call("OPTIONS", "/fulfillment-requests/")
    assert (reply.status, set(reply.headers["allow"].split(", "))) == (204, {"GET", "HEAD", "POST", "OPTIONS"})
    assert (await world.client().get("/nowhere")).json()["code"] == "not_found"


async def test_long_urls_and_headers(world: World) -> None:
    url = await world.client().get("/account?x=" + "a" * URL_AT_MOST)
    headers = await world.client().get("/account", headers={"X-Long": "a" * HEADERS_AT_MOST})
    assert (url.status, headers.status) == (414, 431)
    assert str(URL_AT_MOST) in url.json()["detail"]
    assert str(HEADERS_AT_MOST) in headers.json()["detail"]


async def test_request_ids(world: World) -> None:
    assert (await world.client().get("/account", headers={"X-Request-Id": "a.b-c_1"})).headers[
        "x-request-id"
    ] == "a.b-c_1"
    made = [(await world.client().get("/account", headers={"X-Request-Id": bad})).headers["x-request-id"]
            for bad in ("", "a b", "x" * 129, "ä")]  # fmt: skip
    assert len(set(made)) == 4


async def test_a_defect_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*args: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(world.hub.reads, "account", broken)
    reply = await world.client().get("/account")
    assert (reply.status, reply.json()["code"]) == (500, "internal")
    assert b"hunter2" not in reply.body
    assert "hunter2" in capsys.readouterr().err


async def test_a_defect_outside_the_routes_is_answered_like_any_other(
    world: World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(token: str) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(world.hub.tokens, "holder", broken)
    reply = await world.client().get("/account")
    assert (reply.status, reply.json()["code"]) == (500, "internal")
    assert reply.headers["x-request-id"] == reply.json()["requestId"]
    assert b"hunter2" not in reply.body
    assert "hunter2" in capsys.readouterr().err
    await asyncio.sleep(0)  # a line is written in the next round of the loop
    assert '"status":500' in log.getvalue()


async def test_the_documents_are_served(world: World) -> None:
    stranger = Client(world.app)
    document = (await stranger.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert (await stranger.get("/openapi.yaml")).body.startswith(b"openapi:")
    assert (await stranger.get("/docs/")).headers["content-type"].startswith("text/html")


async def test_a_call_leaves_nothing_for_the_collector(world: World) -> None:
    id_ = await world.request()
    client = world.client()

    async def call_often() -> None:
        for _ in range(50):
            await client.get(f"/fulfillment-requests/{id_}")
            await client.patch(f"/fulfillment-requests/{id_}/processing-failed?error=none+left&dryRun=true")

    await call_often()  # what is made once is made
    gc.collect()
    gc.disable()
    try:
        await call_often()
        assert gc.collect() < 100  # objects; a cycle in each call would leave several hundred
    finally:
        gc.enable()
