"""`python -m bench.stalls`: how long another caller waits while each long operation runs once.

A real server on a database of 20,000 requests. One client reads a request by id 50 times a second and notes its waits;
meanwhile each operation is called, with the most that its limits allow. The table shows how long the operation took,
and the longest of those waits above the usual one. The least of several runs counts: a busy machine only adds to it.
A worker runs beside the server; the last line shows the server that hands over long requests itself, as it does alone.
"""

import argparse
import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

import bench.stalls_many  # noqa: F401 - adds its operations
from bench import seeding, servers
from bench.load import TOKEN
from bench.outgoing import told
from bench.stalls_merchant import LINES, Stage, furnish
from bench.stalls_operations import OPERATIONS, Ask, done, long_request
from tests.support.postgres import PostgresServer

REQUESTS = 20_000
LEAST = 10_000
A_SECOND = 50  # reads of the other client
WANTED_MS = 50.0
QUIET_S = 1.0
IN_FLIGHT = 64  # calls of the worker at once
HANDED_OVER = 128
HAND_OVER = f"hand-over of {HANDED_OVER}, 500 lines each, by the server"


class Watch:
    """The other client: reads a request by id again and again, on one connection of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._waits: list[float] = []
        self._done = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[list[float]]:
        """The seconds that each read took, of those begun within the block."""
        self._waits = []
        self._done.clear()
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self._waits
        finally:
            self._done.set()
            thread.join()

    def _run(self) -> None:
        call = f"GET /fulfillment-requests/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-TOKEN: {TOKEN}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            due = time.perf_counter()
            while not self._done.is_set():
                connection.sendall(call)
                _read_answer(connection)
                self._waits.append(time.perf_counter() - due)  # from when it was due: what queues up waits, too
                due = max(due + 1 / A_SECOND, time.perf_counter())
                time.sleep(max(0.0, due - time.perf_counter()))


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0].partition(b":")[2]) - len(body)
    while left > 0:
        left -= len(_received(connection))


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("the server has closed the connection of the reads")
    return part


class Stall(NamedTuple):
    """One run of one operation."""

    status: int
    took_ms: float
    worst_ms: float  # of the other client's waits, above the usual one
    reply_bytes: int


class Caller:
    """Makes the calls of the operations."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def __call__(self, ask: Ask) -> tuple[int, bytes]:
        """Status and body of one call."""
        body = ask.body if isinstance(ask.body, bytes) or ask.body is None else json.dumps(ask.body).encode()
        headers = {"X-API-TOKEN": TOKEN, **ask.headers}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(ask.method, ask.path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def _measure(watch: Watch, call: Caller, ask: Ask, usual_s: float) -> Stall:
    with watch.watching() as waits:
        time.sleep(0.1)
        began = time.perf_counter()
        status, reply = call(ask)
        took = time.perf_counter() - began
        time.sleep(0.1)
    if status not in ask.expected:
        raise RuntimeError(f"{ask.method} {ask.path} was answered {status}: {reply[:500]!r}")
    return Stall(status, took * 1000, (max(waits) - usual_s) * 1000, len(reply))


class Memory(NamedTuple):
    """Resident memory after all operations, in MiB."""

    server: float
    worker: float


def _hand_over(server: servers.Server, stage: Stage, folder: Path, usual_s: float) -> Stall:
    """The worker inside the server hands over long requests to somebody who answers at once."""
    call = Caller(server.port)
    for _ in range(HANDED_OVER):
        long_request(stage, call)
    receiver = servers.receiver(0, folder / "receiver.log")
    settings = {"url": f"http://127.0.0.1:{receiver.port}/orders"}
    body = {"kind": "http", "settings": settings, "policy": {"concurrency": IN_FLIGHT}}
    try:
        with Watch(server.port).watching() as waits:
            began = time.perf_counter()
            status, reply = call(Ask("PUT", f"/source/{stage.alone}/delivery", body))
            while told(receiver.port)["calls"] < HANDED_OVER:
                time.sleep(0.1)
            took = time.perf_counter() - began
            time.sleep(0.1)
        done(call, Ask("PUT", f"/source/{stage.alone}/delivery", {**body, "paused": True}))
    finally:
        receiver.stop()
    return Stall(status, took * 1000, (max(waits) - usual_s) * 1000, len(reply))


def measure(url: str, folder: Path, runs: int, chosen: list[str], requests: int) -> tuple[dict[str, list[Stall]], Memory]:
    """Every operation on one engine, with a worker beside the server. `url`: an empty database."""
    asyncio.run(seeding.waypost(url, requests))
    stage: Stage = asyncio.run(furnish(url))
    server = servers.waypost(
        url, folder / "stalls.log", "--allow-targets", "127.0.0.0/8", "--delivery-concurrency", str(IN_FLIGHT)
    )
    worker = servers.worker(url, IN_FLIGHT, folder / "worker.log")
    found: dict[str, list[Stall]] = {}
    try:
        watch, call = Watch(server.port), Caller(server.port)
        with watch.watching() as waits:
            time.sleep(QUIET_S)
        usual_s = statistics.median(waits)
        print(f"usual wait {usual_s * 1000:.1f} ms, worst {max(waits) * 1000:.1f} ms", file=sys.stderr)
        for name, operation in OPERATIONS.items():
            if chosen and not any(one in name for one in chosen):
                continue
            for _ in range(runs):
                stall = _measure(watch, call, operation(stage, call), usual_s)
                found.setdefault(name, []).append(stall)
        memory = Memory(server.memory_mib(), worker.memory_mib())
        if not chosen or any(one in HAND_OVER for one in chosen):
            worker.stop()
            found[HAND_OVER] = [_hand_over(server, stage, folder, usual_s) for _ in range(runs)]
        return found, memory
    finally:
        for process in (worker, server):
            process.stop()


def show(engine: str, found: dict[str, list[Stall]], memory: Memory) -> None:
    """Print it."""
    title = f"{engine}: orders of {LINES} lines; waits of a read by id above the usual one"
    kept = f"memory afterwards: the server {memory.server:.0f} MiB, a worker {memory.worker:.0f} MiB"
    table = Table(title=title, caption=kept, box=None)
    for heading in ("operation", "status", "reply KiB", "took ms", "worst wait ms", f"wanted ≤ {WANTED_MS:.0f}"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for name, stalls in found.items():
        worst = min(one.worst_ms for one in stalls)
        table.add_row(
            name, str(stalls[-1].status), f"{stalls[-1].reply_bytes / 1024:,.0f}",
            f"{min(one.took_ms for one in stalls):,.0f}", f"{worst:,.0f}", "met" if worst <= WANTED_MS else "missed",
        )  # fmt: skip
    Console(width=130).print(table)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench.stalls", description=__doc__)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--runs", type=int, default=3, help="of each operation; the least wait counts")
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"of the account, {LEAST} at least")
    parser.add_argument("only", nargs="*", help="parts of the names of operations; without any, all run")
    options = parser.parse_args()
    if options.requests < LEAST:
        parser.error(f"--requests {options.requests}: calls at their limits need {LEAST} at least")
    if options.only and not any(part in name for name in (*OPERATIONS, HAND_OVER) for part in options.only):
        parser.error(f"no operation is called {' or '.join(options.only)}")
    with tempfile.TemporaryDirectory(prefix="waypost-stalls-") as name, PostgresServer() as postgres:
        key = f"{name}/secret-keys"
        subprocess.run([sys.executable, "-m", "waypost", "secrets", "create-key", "--secret-key-file", key], check=True)
        os.environ["WAYPOST_SECRET_KEY_FILE"] = key  # webhooks have secrets
        for engine in options.engines.split(","):
            url = f"sqlite:///{name}/stalls.db" if engine == "sqlite" else asyncio.run(postgres.create("stalls"))
            found, memory = measure(url, Path(name), options.runs, options.only, options.requests)
            show(engine, found, memory)


if __name__ == "__main__":
    main()
