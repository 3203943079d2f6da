"""A hub on a database, in this process or in another one, and how its changes are held up at a given moment."""

import asyncio
import base64
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import asyncpg

from tests.idempotency.calls import KEY, Sample
from tests.support.asgi import Client, Reply
from tests.support.keys import key_file_for
from waypost.app.ports import Store
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.outgoing.targets import Targets
from waypost.storage.opening import open_store

NOW = 1_776_686_400_000_000  # 2026-04-20, 12:00 UTC, in microseconds: time stands still
CALL_ID = "call-1"  # of every call, so that rows do not differ for that
WITHIN_S = 12.0  # longer than any wait of the hub's own: what lasts longer hangs


class Gated:
    """A store whose next transaction stops when all its work is done, and before its commit.

    `entered` is set when a transaction is asked for, `full` when one has stopped; `go_on` lets it commit.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entered, self.full, self.go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.go_on.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, work: Callable[[Any], Awaitable[Any]], quick: bool = False) -> Any:
        """See `ports.Store`."""

        async def stopping(tx: Any) -> Any:
            done = await work(tx)
            self.full.set()
            await self.go_on.wait()
            return done

        self.entered.set()
        return await self._store.write(stopping, quick=quick)


class Running:
    """A hub that runs in this process."""

    def __init__(self, app: Any, writer: Any, store: Gated) -> None:
        self._app = app
        self._writer = writer
        self.store = store

    async def call(self, one: Sample, token: str, headers: dict[str, str]) -> Reply:
        """The reply to a call."""
        given = {"X-Request-Id": CALL_ID, **headers}
        async with asyncio.timeout(WITHIN_S):
            return await Client(self._app, token).call(one.method, one.target, headers=given, json=one.body)

    async def until_queued(self, call: "asyncio.Task[Reply]", jobs: int) -> bool:
        """Wait until so many changes wait for the writer; false when the call was answered instead."""
        async with asyncio.timeout(WITHIN_S):
            while self._writer.depth < jobs and not call.done():
                await asyncio.sleep(0)
        return not call.done()

    @asynccontextmanager
    async def held_up(self) -> AsyncIterator[None]:
        """The writer is busy with a transaction of somebody else's until the end of the block."""
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def hold(tx: Any, jobs: Sequence[None]) -> list[None]:
            begun.set()
            await go_on.wait()
            return list(jobs)

        holding = asyncio.create_task(self._writer.submit_alone(hold, [None]))
        await begun.wait()
        try:
            yield
        finally:
            go_on.set()
            await holding


@asynccontextmanager
async def running(url: str, key_file: Path | None = None) -> AsyncIterator[Running]:
    """A hub on this database. It has no rates, and nothing works in its background.

    `key_file`: that of the process which made the database; None: it was this one.
    """
    store = Gated(await open_store(url, migrate=False, key_file=key_file or key_file_for(url)))
    hub, writer = build_hub(store, Targets((ip_network("127.0.0.0/8"),)), lambda: NOW)
    try:
        yield Running(create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO())), writer, store)
    finally:
        store.go_on.set()
        for kind in hub.kinds.values():
            await kind.close()
        await writer.close()
        await store.close()


def packed(reply: Reply) -> dict[str, Any]:
    """A reply as JSON takes it."""
    return {"status": reply.status, "headers": reply.headers, "body": base64.b64encode(reply.body).decode()}


class Elsewhere:
    """A hub in another process (`tests.idempotency.second_process`), spoken to over its socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._entered = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            told = json.loads(line)
            if "entered" in told:
                self._entered.set()
            else:
                await self._heard.put(told)

    async def call(self, one: Sample, token: str, headers: dict[str, str]) -> Reply:
        """As `Running.call`."""
        self._entered.clear()
        await self._ask({"call": one._asdict(), "token": token, "headers": headers})
        async with asyncio.timeout(WITHIN_S * 2):
            told = await self._heard.get()
        assert "fault" not in told, told["fault"]
        return Reply(told["status"], told["headers"], base64.b64decode(told["body"]))

    async def until_entered(self, call: "asyncio.Task[Reply]") -> None:
        """Wait until the hub has asked its database for a transaction, or has answered without one."""
        await until_either(self._entered.wait(), call)

    async def _ask(self, asked: dict[str, Any]) -> None:
        self._writer.write(json.dumps(asked).encode() + b"\n")
        await self._writer.drain()

    async def open(self, url: str) -> None:
        """Begin a hub on this database."""
        key_file = key_file_for(url)
        await self._ask({"open": url, "key_file": None if key_file is None else str(key_file)})
        async with asyncio.timeout(WITHIN_S):
            told = await self._heard.get()
        assert told == {"opened": url}, told

    async def close(self) -> None:
        """End the hub, and wait for that."""
        with suppress(ConnectionError):
            self._writer.write_eof()
            async with asyncio.timeout(WITHIN_S):
                await self._listening  # the other side closes the connection when its hub has ended
        self._writer.close()


@contextmanager
def other_process(socket: Path) -> Iterator[str]:
    """A process that begins hubs for whoever connects to this socket; it ends with the block."""
    command = [sys.executable, "-m", "tests.idempotency.second_process", str(socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n", "the other process did not begin"
            yield str(socket)
        finally:
            process.terminate()


@asynccontextmanager
async def elsewhere(socket: str, url: str) -> AsyncIterator[Elsewhere]:
    """A hub on this database in the process that listens on this socket."""
    hub = Elsewhere(*await asyncio.open_unix_connection(socket, limit=2**24))
    try:
        await hub.open(url)
        yield hub
    finally:
        await hub.close()


async def until_either(one: Coroutine[Any, Any, Any], call: "asyncio.Task[Reply]") -> None:
    """Wait until this has come, or the call is answered."""
    coming = asyncio.create_task(one)
    try:
        async with asyncio.timeout(WITHIN_S):
            await asyncio.wait({coming, call}, return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            coming.result()
    finally:
        coming.cancel()


async def lock_waited_for(url: str) -> None:
    """Until somebody waits for a lock in this PostgreSQL database."""
    connection = await asyncpg.connect(url)
    waiting = """SELECT count(*) FROM pg_stat_activity
      WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"""
    try:
        while not await connection.fetchval(waiting):
            await asyncio.sleep(0.005)
    finally:
        connection.terminate()


def keyed(key: str, **headers: str) -> dict[str, str]:
    """The headers of a call with this key."""
    return {KEY: key, **headers}
