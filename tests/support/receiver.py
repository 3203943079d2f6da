"""A receiver of webhooks on the loopback that behaves, or misbehaves, as it is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple

from aiohttp import web


class Received(NamedTuple):
    """One call as it arrived."""

    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def id(self) -> str:
        """Its message id."""
        return self.headers["webhook-id"]

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


Behaviour = Callable[[web.Request, Received], Awaitable[web.StreamResponse]]


async def fine(request: web.Request, received: Received) -> web.StreamResponse:
    """204."""
    return web.Response(status=204)


def answers(status: int, text: str = "", **headers: str) -> Behaviour:
    """Always the same."""

    async def behave(request: web.Request, received: Received) -> web.StreamResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=given)

    return behave


async def hangs(request: web.Request, received: Received) -> web.StreamResponse:
    """Never answers."""
    await asyncio.Event().wait()
    return web.Response()


async def closes(request: web.Request, received: Received) -> web.StreamResponse:
    """Reads, and hangs up."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def chatters(request: web.Request, received: Received) -> web.StreamResponse:
    """An answer without an end."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65536)


class Receiver:
    """Started on entering; `behave` may be changed at any time, `arrived` is set with every call."""

    def __init__(self) -> None:
        self.behave: Behaviour = fine
        self.received: list[Received] = []
        self.arrived = asyncio.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> "Receiver":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a stop, on the same port."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no longer."""
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(headers, await request.read(), request.path)
        self.received.append(received)
        self.arrived.set()
        return await self.behave(request, received)

    async def until(self, count: int, within_s: float = 15) -> list[Received]:
        """Wait until so many calls have arrived; all of them."""
        async with asyncio.timeout(within_s):
            while len(self.received) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.received
