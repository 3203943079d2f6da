"""The composition root: the only module that knows every implementation."""

import asyncio
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO

import uvicorn
import uvloop

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.hub import Hub
from waypost.app.idempotency import KEPT_FOR_S
from waypost.app.ports import Store, Tx
from waypost.http.app import LineLog, create_app
from waypost.http.gate import Gate
from waypost.http.rates import Network, Rate
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store

STOP_WITHIN_S = 8  # what is running may end; the process is gone within ten seconds
PURGE_EVERY_S = 60.0
PURGE_AT_ONCE = 1000  # idempotency records a transaction


class ServerSettings(NamedTuple):
    """How to serve. `port` 0 takes a free one; `rate` None is no limit."""

    database: str
    host: str
    port: int
    rate: Rate | None
    trusted: tuple[Network, ...] = ()
    log: TextIO = sys.stderr
    log_level: str = "info"


class Server(uvicorn.Server):
    """uvicorn's server, which would end its process by the signal again; a polite end has the exit code 0."""

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


def build_hub(store: Store) -> tuple[Hub, GroupWriter]:
    """A hub over a store, and the writer that is to be closed before the store."""
    writer = GroupWriter(store)
    return Hub(store, Changer(writer, clock), TokenBook(store.reads, clock, time.monotonic), clock), writer


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


async def serve(settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called with the base URL before the first call is accepted."""
    logging.basicConfig(stream=settings.log, level=settings.log_level.upper())
    listening = listen(settings.host, settings.port)
    with listening:
        store = await open_store(settings.database)
        hub, writer = build_hub(store)
        purger = asyncio.create_task(_purge(hub))
        app = create_app(hub, Gate(hub.tokens, settings.rate, settings.trusted), LineLog(settings.log))
        config = uvicorn.Config(
            app, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False, log_config=None,
            log_level="warning", proxy_headers=False, server_header=False,
            timeout_graceful_shutdown=STOP_WITHIN_S, timeout_keep_alive=30, backlog=2048,
        )  # fmt: skip
        try:
            await ready(f"http://{_shown(settings.host)}:{listening.getsockname()[1]}", hub)
            # What was built at the start lives as long as the process: the collector need not look at it again.
            gc.freeze()
            gc.set_threshold(100_000, 20, 50)
            await Server(config).serve(sockets=[listening])
        finally:
            purger.cancel()
            await writer.close()
            await store.close()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _purge(hub: Hub) -> None:
    """Forget idempotency records once they are old enough."""
    async def purge(tx: Tx) -> int:
        return await tx.purge_keys(hub.clock() - KEPT_FOR_S * 1_000_000, PURGE_AT_ONCE)

    while True:
        try:
            forgotten = PURGE_AT_ONCE
            while forgotten == PURGE_AT_ONCE:
                forgotten = await hub.store.write(purge)
        except Exception as error:
            logging.getLogger("waypost.purge").warning("old idempotency records stay for now: %s", error)
        await asyncio.sleep(PURGE_EVERY_S)


def run_server(settings: ServerSettings, ready: Callable[[str, Hub], Awaitable[None]]) -> None:
    """Run `serve` on uvloop."""
    sys.setswitchinterval(0.0005)  # seconds: readers' threads hold the loop up no longer than this
    uvloop.run(serve(settings, ready))


