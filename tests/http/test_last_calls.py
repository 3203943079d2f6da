"""The server is told to stop while callers keep their connections: who has sent a call is answered."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.process import free_port
from tests.support.world import World
from waypost import main
from waypost.http.faults import document_of
from waypost.http.log import log_failure
from waypost.server import server
from waypost.server.admission import Surroundings
from waypost.server.limits import Limits
from waypost.server.server import Server


@pytest.fixture
def engine() -> str:
    """One of them: it is not asked."""
    return "sqlite"


class Serving:
    """A server in this process, whose callers keep their connections."""

    def __init__(self, world: World) -> None:
        self._app = world.app
        self._stop = asyncio.Event()
        around = Surroundings(document_of, lambda kind, address: None, log_failure)
        self._server = Server(world.app, around, Limits())
        self._listening = main.listen("127.0.0.1", free_port())
        self._running: asyncio.Task[None] | None = None
        self._kept: list[Kept] = []

    def begin(self) -> None:
        """Let it accept calls."""
        self._listening.listen()
        self._running = asyncio.create_task(self._server.serve(self._listening, self._stop, main.STOP_WITHIN_S))

    async def connect(self) -> "Kept":
        """One more connection."""
        self._kept.append(Kept(*await asyncio.open_connection(*self._listening.getsockname())))
        return self._kept[-1]

    async def told_to_stop(self) -> None:
        """It stops from now on."""
        self._app.is_stopping = True
        self._stop.set()
        await asyncio.sleep(0)

    async def end(self) -> None:
        """Close everything."""
        for one in self._kept:
            one.writer.close()
        self._stop.set()
        if self._running is not None:
            await self._running
        self._listening.close()


class Kept:
    """A connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def get(self, path: str) -> str:
        """The head of the answer, in small letters."""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        await self._reader.readexactly(int(length.split(":")[1]))
        return head

    async def ends(self) -> bool:
        """Whether the server closes it without another word."""
        return await self._reader.read() == b""


@pytest.fixture
async def serving(world: World) -> AsyncIterator[Serving]:
    """A server that accepts calls."""
    made = Serving(world)
    made.begin()
    yield made
    await made.end()


async def test_a_call_on_a_kept_connection_is_answered_and_told_of_the_end(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [await serving.connect() for _ in range(3)]
    for one in kept:
        assert "connection:" not in await one.get("/healthz")
    monkeypatch.setattr(server, "LAST_LOOKS", 100_000)
    await serving.told_to_stop()
    kept.append(await serving.connect())
    calls = (("/healthz", 200), ("/orders", 401), ("/nowhere", 404), ("/healthz", 200))
    for one, (path, status) in zip(kept, calls, strict=True):
        head = await one.get(path)
        assert head.startswith(f"http/1.1 {status} ")
        assert head.count("connection: close\r\n") == 1
        assert await one.ends()


async def test_who_says_nothing_is_not_waited_for(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LAST_LOOK_S", 0.001)
    silent = [await serving.connect(), await serving.connect()]
    await silent[0].get("/healthz")
    await serving.told_to_stop()
    assert [await one.ends() for one in silent] == [True, True]
