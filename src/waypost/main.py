"""The composition root: the only module that knows every implementation."""

import asyncio
import ctypes
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TextIO

import uvloop

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.hub import Hub
from waypost.app.ports import Clock, Store
from waypost.app.ports.kinds import Kind
from waypost.app.upkeep import CHORES, list_snoozes, purge, tending
from waypost.delivery.clock_rules import ClockWatch
from waypost.delivery.lanes import DEFAULT_LIMITS
from waypost.delivery.lanes import Limits as DeliveryLimits
from waypost.delivery.sources.http.kind import Http
from waypost.delivery.sources.poll.kind import Poll
from waypost.delivery.worker import Worker
from waypost.events.webhooks import Webhooks
from waypost.http.app import create_app
from waypost.http.door import ALWAYS_ANSWERED, Door
from waypost.http.faults import document_of
from waypost.http.gate import Gate
from waypost.http.log import LineLog, log_failure, log_to
from waypost.http.rates import Network, Rate, client_name, is_in
from waypost.http.refusals import Refusals
from waypost.http.unfinished import CALLS_OF_TOKEN, Unfinished
from waypost.last_resort import LastResort
from waypost.open_files import within_open_files
from waypost.outgoing.calling import Caller
from waypost.outgoing.targets import Targets
from waypost.server.admission import Surroundings
from waypost.server.limits import Limits
from waypost.server.server import Server
from waypost.storage.group_commit import GroupWriter
from waypost.storage.one_server import one_server
from waypost.storage.opening import open_store

# From the signal on, in seconds. Who is still waiting for the database then is refused, and hears so before the server
# closes its connections; and the process is gone within ten seconds, whatever hangs.
GIVE_UP_S = 7.0  # by then a worker has written what it had to cut off
STOP_WITHIN_S = 8
CLOSE_S = 1.0
MALLOC_MMAP_THRESHOLD = -3  # its number in malloc.h; a value that is set does not grow by itself
LARGE_BLOCK = 128 * 1024  # bytes
BEGIN_AGAIN_S = 5.0  # after work in the background has failed
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # who listens on every address can be called on this one


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
    key_file: Path | None = None  # of the secrets; None: the database's own
    limits: Limits = Limits()
    calls_of_token: int = CALLS_OF_TOKEN


class WorkerSettings(NamedTuple):
    """How to work without serving."""

    database: str
    log: TextIO = sys.stderr
    log_level: str = "info"
    outward: Outward = Outward()
    key_file: Path | None = None


class CannotListen(Exception):
    """The address cannot be listened on."""


def build_hub(
    store: Store, targets: Targets = Targets(), clock: Clock | None = None  # noqa: B008 - it has no state
) -> tuple[Hub, GroupWriter]:  # fmt: skip
    """A hub over a store, and the writer that is to be closed before the store.

    `clock` is the database's unless another one is given.
    """
    clock = clock or store.now
    writer = GroupWriter(store)
    kinds: dict[str, Kind] = {kind.name: kind for kind in (Poll(), Http(Caller(targets)))}
    tokens = TokenBook(store.reads, clock, time.monotonic)
    return Hub(store, Changer(writer, clock), tokens, clock, kinds, targets), writer


Job = Callable[[asyncio.Event], Awaitable[None]]
"""Work in the background: runs until the event is set, then ends what it has begun."""


def background(hub: Hub, writer: GroupWriter, outward: Outward) -> dict[str, Callable[[], Job]]:
    """The makers of all work in the background, by name. Each makes it afresh, so that it can begin again."""
    limits = DeliveryLimits(outward.in_flight)
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
    await writer.close(CLOSE_S)
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
        raise CannotListen(f"Cannot listen on {_address(host, port)}: {reason.lower()}.") from error
    return listening


def _return_memory() -> None:
    """Large blocks go back to the system when they are freed: glibc would keep more and more of them for itself.

    Else what a flood of unread answers took would stay with the process. Another C library has no such setting.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(MALLOC_MMAP_THRESHOLD, LARGE_BLOCK)


def collect_a_little_at_a_time() -> None:
    """Have the collector of garbage look at few objects in one go, as no call is answered meanwhile: 15,000 take 6 ms.
    What was built at the start stays, and what a call makes goes with it: there is hardly anything to find."""
    gc.freeze()
    gc.set_threshold(5_000, 1, 10_000)


def _server(app: Door, refusals: Refusals, settings: ServerSettings) -> Server:
    def counted_as(address: str) -> str | None:
        """A proxy's connections are those of many callers: there the calls are counted, by the forwarded address."""
        return None if is_in(address, settings.trusted) else client_name(address, None, ())

    around = Surroundings(document_of, refusals.count, log_failure, counted_as, ALWAYS_ANSWERED)
    return Server(app, around, within_open_files(settings.limits))


def _tell_of_few_files(wanted: Limits, possible: Limits) -> None:
    if possible.connections < wanted.connections:
        message = "the limit of open files (ulimit -n) allows %d connections, and not the %d of --max-connections"
        logging.getLogger("waypost").warning(message, possible.connections, wanted.connections)


def _at_the_end(act: Callable[[], None]) -> None:
    """Have SIGTERM, SIGINT and SIGHUP do this; a SIGHUP that is ignored (nohup) stays so."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, act)


async def serve(
    settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]], last_resort: LastResort
) -> None:
    """Serve until a signal ends it; `ready` is called with the base URL before the first call is accepted."""
    log_to(settings.log, settings.log_level)
    with one_server(settings.database), listen(settings.host, settings.port) as listening:
        store = await open_store(settings.database, key_file=settings.key_file)
        hub, writer = build_hub(store, Targets(settings.outward.allowed))
        stop = asyncio.Event()
        log = LineLog(settings.log)
        refusals = Refusals()
        unfinished = Unfinished(settings.trusted, settings.calls_of_token, settings.limits.per_address)
        gate = Gate(hub.tokens, settings.rate, settings.trusted)
        port = listening.getsockname()[1]
        base_url = f"http://{_address(_LOOPBACK.get(settings.host, settings.host), port)}"
        app = create_app(hub, gate, log, refusals, unfinished, settings.limits.client_s, base_url)
        server = _server(app, refusals, settings)
        _tell_of_few_files(settings.limits, server.limits)
        listening.listen(server.limits.backlog)  # who reads the address may call it at once
        loop = asyncio.get_running_loop()

        def ending() -> None:
            last_resort.set()
            app.is_stopping = True
            loop.call_later(GIVE_UP_S, writer.give_up)
            hub.news.end()
            stop.set()

        _at_the_end(ending)
        try:
            await ready(f"http://{_address(settings.host, port)}", hub)
            collect_a_little_at_a_time()
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(tending(hub, *CHORES, purge, list_snoozes, refusals.keep_telling))
                if settings.works:
                    await stack.enter_async_context(working(hub, writer, settings.outward, stop))
                await server.serve(listening, stop, STOP_WITHIN_S)
        finally:
            refusals.tell()
            await close_hub(hub, writer)


async def work(
    settings: WorkerSettings, ready: Callable[[Hub], Awaitable[None]], last_resort: LastResort
) -> None:
    """Hand over until a signal ends it, without serving; `ready` is called before it begins."""
    log_to(settings.log, settings.log_level)
    store = await open_store(settings.database, create=False, key_file=settings.key_file)
    hub, writer = build_hub(store, Targets(settings.outward.allowed))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ending() -> None:
        last_resort.set()
        loop.call_later(GIVE_UP_S, writer.give_up)
        stop.set()

    _at_the_end(ending)
    try:
        await ready(hub)
        collect_a_little_at_a_time()
        async with tending(hub, *CHORES), working(hub, writer, settings.outward, stop):
            await stop.wait()
    finally:
        await close_hub(hub, writer)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def run_worker(settings: WorkerSettings, ready: Callable[[Hub], Awaitable[None]]) -> None:
    """Run `work` on uvloop."""
    last_resort = LastResort()
    try:
        uvloop.run(work(settings, ready, last_resort))
    finally:
        last_resort.cancel()


def run_server(settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]]) -> None:
    """Run `serve` on uvloop."""
    sys.setswitchinterval(0.0005)  # seconds: readers' threads hold the loop up no longer than this
    _return_memory()
    last_resort = LastResort()
    try:
        uvloop.run(serve(settings, ready, last_resort))
    finally:
        last_resort.cancel()
