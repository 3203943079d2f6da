"""Calls that the server cuts off when it stops: each is answered, and says what is known."""

import asyncio
from typing import Any

import pytest

from tests.support.asgi import Reply
from tests.support.world import World


async def cut_off(world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str, at: str) -> Reply:
    """What a caller hears whose call hangs there when it is cut off."""
    hangs = asyncio.Event()

    async def hanging(*given: Any, **named: Any) -> Any:
        hangs.set()
        await asyncio.Event().wait()

    if at == "gate":
        monkeypatch.setattr(world.app._gate, "admit", hanging)
    else:
        monkeypatch.setattr(world.hub.reads, at, hanging)
    call = asyncio.create_task(world.client().call(method, path, json={} if method == "POST" else None))
    async with asyncio.timeout(10):
        await hangs.wait()
        world.app.is_stopping = True
        call.cancel()
        return await call


@pytest.mark.parametrize(
    ("method", "path", "at", "applied"),
    [
        ("GET", "/sources", "sources", "no"),
        ("POST", "/source/1/delivery/test", "gate", "no"),
        ("POST", "/source/1/delivery/test", "source", "unknown"),
    ],
)
async def test_a_call_that_is_cut_off_by_the_stop_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str, at: str, applied: str
) -> None:
    reply = await cut_off(world, monkeypatch, method, path, at)
    assert (reply.status, reply.json()["applied"]) == (503, applied)
    assert reply.headers.get("retry-after") == ("1" if applied == "no" else None)
    assert reply.json()["detail"].startswith("The server is stopping")


async def test_a_call_that_is_cut_off_for_another_reason_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cancelled it waits for that."""

    async def hanging(*given: Any, **named: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.hub.reads, "sources", hanging)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await world.client().get("/sources")
