"""The composition root: the only module that knows every implementation."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import NamedTuple, TextIO

import uvicorn
import uvloop

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.hub import Hub
from waypost.app.idempotency import KEPT_FOR_S
from waypost.app.ports import Clock, Store, Tx
from waypost.app.ports.kinds import Kind
from waypost.delivery.clock_rules import ClockWatch
from waypost.delivery.lanes import DEFAULT_LIMITS, Limits
from waypost.delivery.sources.http.kind import Http
from waypost.delivery.sources.poll.kind import Poll
from waypost.delivery.worker import Worker
from waypost.events.webhooks import Webhooks
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog, log_to
from waypost.http.protocol import Protocol
from waypost.http.rates import Network, Rate
from waypost.outgoing.calling import Caller
from waypost.outgoing.targets import Targets
from waypost.storage.group_commit import GroupWriter
from waypost.storage.one_server import one_server
from waypost.storage.opening import open_store

STOP_WITHIN_S = 8  # what is running may end; the process is gone within ten seconds
BEGIN_AGAIN_S = 5.0  # after work in the background has failed
PURGE_EVERY_S = 60.0
GIVE_BACK_EVERY_S = 5.0
PURGE_AT_ONCE = 1000  # rows a transaction
DELIVERIES_KEPT_S = 30 * 24 * 3600  # in the log of a webhook, once they have ended


class Outward(NamedTuple):
    """What leaves the hub. `allowed`: networks that may be called although they are not public."""

    allowed: tuple[Network, ...] = ()
    in_flight: int = DEFAULT_LIMITS.in_flight  # hand-overs at once


class ServerSettings(NamedTuple):
    """How to serve. `port` 0 takes a free one; `rate` None is no limit; `works`: hands over as well."""

    database: str
    host: str
    port: int
    rate: Rate | None
    trusted: tuple[Network, ...] = ()
    log: TextIO = sys.stderr
    log_level: str = "info"
    outward: Outward = Outward()
    works: bool = True


class WorkerSettings(NamedTuple):
    """How to work without serving."""

    database: str
    log: TextIO = sys.stderr
    log_level: str = "info"
    outward: Outward = Outward()


class Server(uvicorn.Server):
    """uvicorn's server, which would end its process by the signal again; a polite end has the exit code 0."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Nobody waits for events any more; then as ever."""
        self._ending()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the server; a second SIGINT does not wait."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


class CannotListen(Exception):
    """The address cannot be listened on."""


def clock() -> int:
    """The present time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def build_hub(
    store: Store, targets: Targets = Targets(), clock: Clock = clock  # noqa: B008 - it has no state
) -> tuple[Hub, GroupWriter]:  # fmt: skip
    """A hub over a store, and the writer that is to be closed before the store."""
    writer = GroupWriter(store)
    kinds: dict[str, Kind] = {kind.name: kind for kind in (Poll(), Http(Caller(targets)))}
    tokens = TokenBook(store.reads, clock, time.monotonic)
    return Hub(store, Changer(writer, clock), tokens, clock, kinds, targets), writer


Job = Callable[[asyncio.Event], Awaitable[None]]
"""Work in the background: runs until the event is set, then ends what it has begun."""


def background(hub: Hub, writer: GroupWriter, outward: Outward) -> dict[str, Callable[[], Job]]:
    """The makers of all work in the background, by name. Each makes it afresh, so that it can begin again."""
    limits = Limits(outward.in_flight)
    return {
        "delivery": lambda: Worker(hub.reads, writer, hub.clock, hub.kinds, limits).run,
        "clock_rules": lambda: ClockWatch(hub.reads, writer, hub.changes, hub.clock).run,
        "webhooks": lambda: Webhooks(hub, writer, Caller(Targets(outward.allowed))).run,
    }


async def keep_running(name: str, make: Callable[[], Job], stop: asyncio.Event) -> None:
    """Run until `stop`. Work that fails is told to the log and begun again: it takes nothing else down."""
    while not stop.is_set():
        try:
            await make()(stop)
        except Exception:
            logging.getLogger(f"waypost.{name}").exception("the work has ended by itself; it begins again soon")
            with suppress(TimeoutError):
                async with asyncio.timeout(BEGIN_AGAIN_S):
                    await stop.wait()


@asynccontextmanager
async def working(hub: Hub, writer: GroupWriter, outward: Outward, stop: asyncio.Event) -> AsyncIterator[None]:
    """All work in the background runs meanwhile; at the end it is waited for."""
    jobs = [
        asyncio.create_task(keep_running(name, make, stop)) for name, make in background(hub, writer, outward).items()
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*jobs)


async def close_hub(hub: Hub, writer: GroupWriter) -> None:
    """End what the hub holds: calls to the outside, the queue of changes, the database."""
    for kind in hub.kinds.values():
        await kind.close()
    await writer.close()
    await hub.store.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket on the address; raises `CannotListen` with a reason for a person."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise CannotListen(f"Cannot listen on {_shown(host)}:{port}: {reason.lower()}.") from error
    return listening


def _collect_rarely() -> None:
    """What was built at the start lives as long as the process, and what a call makes goes with it: the collector need
    not look at either time and again."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def serve(settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the base URL before the first call is accepted."""
    log_to(settings.log, settings.log_level)
    with one_server(settings.database), listen(settings.host, settings.port) as listening:
        store = await open_store(settings.database)
        hub, writer = build_hub(store, Targets(settings.outward.allowed))
        stop = asyncio.Event()
        app = create_app(hub, Gate(hub.tokens, settings.rate, settings.trusted), LineLog(settings.log))
        config = uvicorn.Config(
            app, loop="uvloop", http=Protocol, ws="none", lifespan="off", access_log=False, log_config=None,
            log_level="warning", proxy_headers=False, server_header=False,
            timeout_graceful_shutdown=STOP_WITHIN_S, timeout_keep_alive=30, backlog=2048,
        )  # fmt: skip
        try:
            await ready(f"http://{_shown(settings.host)}:{listening.getsockname()[1]}", hub)
            _collect_rarely()

            def ending() -> None:
                hub.news.end()
                stop.set()

            async with AsyncExitStack() as stack:
                await stack.enter_async_context(_tending(hub, _purge, _give_back_space))
                if settings.works:
                    await stack.enter_async_context(working(hub, writer, settings.outward, stop))
                await Server(config, ending).serve(sockets=[listening])
        finally:
            await close_hub(hub, writer)


async def work(settings: WorkerSettings, ready: Callable[[Hub], Awaitable[None]]) -> None:
    """Hand over until SIGTERM or SIGINT, without serving; `ready` is called before it begins."""
    log_to(settings.log, settings.log_level)
    store = await open_store(settings.database, create=False)
    hub, writer = build_hub(store, Targets(settings.outward.allowed))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await ready(hub)
        _collect_rarely()
        async with _tending(hub, _give_back_space), working(hub, writer, settings.outward, stop):
            await stop.wait()
    finally:
        await close_hub(hub, writer)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def _tending(hub: Hub, *chores: Callable[[Hub], Awaitable[None]]) -> AsyncIterator[None]:
    """These endless chores run meanwhile; at the end they are cancelled."""
    tasks = [asyncio.ensure_future(chore(hub)) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _give_back_space(hub: Hub) -> None:
    """Let the database shorten its files every few seconds."""
    while True:
        await asyncio.sleep(GIVE_BACK_EVERY_S)
        try:
            await hub.store.give_back_space()
        except Exception as error:
            logging.getLogger("waypost.space").info("the files of the database stay long for now: %s", error)


async def _purge(hub: Hub) -> None:
    """Forget idempotency records and webhook deliveries once they are old enough."""

    async def purge(tx: Tx) -> int:
        keys = await tx.purge_keys(hub.clock() - KEPT_FOR_S * 1_000_000, PURGE_AT_ONCE)
        return max(keys, await tx.purge_deliveries(hub.clock() - DELIVERIES_KEPT_S * 1_000_000, PURGE_AT_ONCE))

    while True:
        try:
            forgotten = PURGE_AT_ONCE
            while forgotten == PURGE_AT_ONCE:
                forgotten = await hub.store.write(purge)
        except Exception as error:
            logging.getLogger("waypost.purge").warning("old records stay for now: %s", error)
        await asyncio.sleep(PURGE_EVERY_S)


def run_worker(settings: WorkerSettings, ready: Callable[[Hub], Awaitable[None]]) -> None:
    """Run `work` on uvloop."""
    uvloop.run(work(settings, ready))


def run_server(settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]]) -> None:
    """Run `serve` on uvloop."""
    sys.setswitchinterval(0.0005)  # seconds: readers' threads hold the loop up no longer than this
    uvloop.run(serve(settings, ready))
