"""What a call leaves behind in memory: nothing, without waiting for the garbage collector, which seldom runs here."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.http.conftest import log as log
from tests.http.conftest import world as world
from tests.support.toys import Served
from tests.support.world import World
from waypost.http import hang_ups
from waypost.server.connection import Connection
from waypost.server.exchange import Exchange

JSON = "Content-Type: application/json"


@pytest.fixture(autouse=True)
def uncollected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every read is watched from its beginning, as one that takes long is."""
    monkeypatch.setattr(hang_ups, "WATCH_AFTER_S", 0.0)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> list[object]:
    """The exchanges and connections that there are."""
    return [one for one in gc.get_objects() if type(one) in (Exchange, Connection)]


async def test_a_call_that_has_ended_is_kept_by_nobody(world: World) -> None:
    await world.order()
    token = f"X-API-TOKEN: {world.ours.tokens['acc']}"
    async with Served(world.app) as served:
        for lines, body in (
            (("GET /orders HTTP/1.1", token), b""),
            (("HEAD /orders HTTP/1.1", token), b""),
            (("GET /fulfillment-requests?filterPageSize=x HTTP/1.1", token), b""),
            (("GET /events?wait=1 HTTP/1.1", token), b""),
            (("GET /orders HTTP/1.1",), b""),
            (("GET /nowhere HTTP/1.1", token), b""),
            (("DELETE /orders HTTP/1.1", token), b""),
            (("OPTIONS /orders HTTP/1.1", token), b""),
            (("POST /orders HTTP/1.1", token, JSON, "Content-Length: 2"), b"{}"),
            (("POST /orders HTTP/1.1", token, JSON, "Content-Length: 3"), b"{,}"),
            (("POST /orders HTTP/1.1", token, JSON, "Content-Length: 99999"), b"[" + b" " * 99_997 + b"]"),
            (("POST /orders HTTP/1.1", token, JSON, "Content-Length: 9999999"), b""),
            (("POST /orders HTTP/1.1", token, JSON, "Transfer-Encoding: chunked"), b"zz\r\n"),
            (("GET /a b HTTP/1.1",), b""),
        ):
            for hangs_up in (False, True):
                client = await served.client()
                client.send(*lines, body=body)
                if hangs_up:
                    await asyncio.sleep(0.02)
                else:
                    await client.head()
                client.close()
                async with asyncio.timeout(10):
                    while served.server.admission.connections:
                        await asyncio.sleep(0.01)
                for _ in range(100):
                    if not alive():
                        break
                    await asyncio.sleep(0.01)  # a task that was canceled takes a moment
                assert alive() == [], (lines, hangs_up)
