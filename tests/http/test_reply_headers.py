"""What every reply says of being kept and being guessed at: also errors, and what never reaches a route.

The judge of the contract (`tests/support/contract.py`) looks at it in every reply of the suite; here are the kinds.
"""

import re
from pathlib import Path

import httpx
import pytest

from tests.support.asgi import Client
from tests.support.process import ServerProcess
from tests.support.world import World


def keeping(headers: object) -> tuple[str | None, str | None]:
    """Both headers."""
    found: dict[str, str] = dict(headers)  # type: ignore[call-overload]
    return found.get("cache-control"), found.get("x-content-type-options")


async def test_reads_changes_and_refusals(world: World) -> None:
    id_ = await world.request()
    client = world.client()
    calls = {
        ("GET", f"/fulfillment-requests/{id_}"): (200, "private, no-cache"),
        ("HEAD", f"/fulfillment-requests/{id_}"): (200, "private, no-cache"),
        ("GET", "/fulfillment-requests"): (200, "no-store"),
        ("GET", "/fulfillment-requests/999999"): (404, "no-store"),
        ("GET", "/no/such/path"): (404, "no-store"),
        ("GET", "/fulfillment-requests?filterStatus=x"): (400, "no-store"),
        ("DELETE", f"/fulfillment-requests/{id_}"): (405, "no-store"),
        ("OPTIONS", "/fulfillment-requests"): (204, "no-store"),
        ("PATCH", f"/fulfillment-requests/{id_}/processed"): (200, "no-store"),
        ("PATCH", f"/fulfillment-requests/{id_}/processing-failed?error=x"): (204, "no-store"),
        ("GET", "/healthz"): (200, "no-store"),
        ("GET", "/readyz"): (200, "no-store"),
        ("GET", "/docs"): (308, "no-store"),
        ("GET", "/docs/"): (200, "max-age=300"),
        ("GET", "/docs/waypost.css"): (200, "max-age=300"),
        ("GET", "/openapi.json"): (200, "private, no-cache"),
    }
    for (method, target), (status, kept) in calls.items():
        reply = await client.call(method, target)
        assert (reply.status, *keeping(reply.headers)) == (status, kept, "nosniff"), (method, target)
        names = [name for name in reply.headers if name in ("cache-control", "x-content-type-options")]
        assert len(names) == 2


async def test_what_never_reaches_a_route(world: World, limited: Client) -> None:
    stranger = limited.with_token(None)
    replies = [await stranger.get("/account") for _ in range(11)]
    replies += [await limited.get("/fulfillment-requests") for _ in range(3)]
    replies.append(await limited.get("/" + "x" * 50_000))
    replies.append(await world.client().get("/account", headers={"X": "y" * 40_000}))
    too_long = {"Content-Length": str(10**9), "Content-Type": "application/json"}
    replies.append(await world.client().post("/orders", headers=too_long, body=b"{"))
    assert {reply.status for reply in replies} == {200, 401, 429, 414, 431, 413}
    assert {keeping(reply.headers) for reply in replies} == {("no-store", "nosniff")}


async def test_a_defect_says_so_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*given: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(type(world.hub.reads), "account", broken)
    reply = await world.client().get("/account")
    assert (reply.status, *keeping(reply.headers)) == (500, "no-store", "nosniff")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_real_server(migrated_url: str, tmp_path: Path) -> None:
    """Also where the server itself answers: what is no HTTP, and the files of the reference page."""
    import asyncio

    async with ServerProcess(migrated_url, tmp_path / "server.log") as server:
        async with httpx.AsyncClient(base_url=server.url) as client:
            assert keeping((await client.get("/docs")).headers) == ("no-store", "nosniff")
            assert keeping((await client.get("/docs/")).headers) == ("max-age=300", "nosniff")
            assert keeping((await client.get("/docs/reference.js")).headers) == ("max-age=300", "nosniff")
            assert keeping((await client.get("/account")).headers) == ("no-store", "nosniff")
            for path in ("/docs/", "/docs/reference.js", "/account", "/healthz", "/no/such/path"):
                assert (await client.get(path)).headers["x-request-id"]
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"this is no HTTP\r\n\r\n")
        answer = (await reader.read()).lower()
        writer.close()
        assert answer.startswith(b"http/1.1 400")
        assert re.search(rb"\r\nx-request-id: [0-9a-f]{16}\r\n", answer)
        assert b"\r\nx-content-type-options: nosniff\r\n" in answer
        assert b"\r\ncache-control: no-store\r\n" in answer
