"""The server processes that are measured; started on free ports of the loopback, ended by their own ids."""

import asyncio
import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench import meter
from bench.load import TOKEN
from tests.support.keys import environment_for


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A process of ours; what it says goes to `log`."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str] | None = None) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, env={**environment_for(*command), **(env or {})}
            )

    def memory_mib(self) -> float:
        """Resident memory of the process now."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    def cpu_s(self) -> tuple[float, float]:
        """User and system time of the process until now, in seconds."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user, times.system

    def used(self, url: str) -> meter.Used:
        """What the process and its backends of this database have used until now; finer than `cpu_s`."""
        return asyncio.run(meter.used(self._process.pid, url))

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(12)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Server(Process):
    """A process that answers on a port."""

    def __init__(self, command: list[str], port: int, probe: str, log: Path, env: dict[str, str] | None = None) -> None:
        began = time.monotonic()
        self.port = port
        super().__init__(command, log, env)
        while True:
            if self._process.poll() is not None or time.monotonic() - began > 60:
                raise RuntimeError(f"a server did not start:\n{log.read_text()[-2000:]}")
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", probe, headers={"X-API-TOKEN": TOKEN})
                if connection.getresponse().status == 200:
                    break
            except OSError:
                time.sleep(0.01)
        self.started_s = time.monotonic() - began


def waypost(url: str, log: Path, *more: str) -> Server:
    """Waypost, without rates; its request log goes to a file as in production. `more`: options."""
    port = free_port()
    command = [sys.executable, "-m", "waypost", "serve", "--database", url, "--port", str(port), "--rate-limit", "off"]
    command += more
    return Server(command, port, "/readyz", log)


def _uvicorn(app: str, port: int) -> list[str]:
    return [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--loop", "uvloop", "--http", "httptools",
            "--no-access-log", "--log-level", "warning"]  # fmt: skip


def conventional(url: str, log: Path) -> Server:
    """The conventional build."""
    port = free_port()
    probe = "/fulfillment-requests/1"
    return Server(_uvicorn("bench.conventional.app:app", port), port, probe, log, {"BENCH_DATABASE": url})


def bare(body: Path, log: Path) -> Server:
    """The bare function."""
    port = free_port()
    return Server(_uvicorn("bench.bare:app", port), port, "/", log, {"BENCH_BODY": str(body)})


def receiver(after_s: float, log: Path) -> Server:
    """Somebody who takes calls, and answers each after so many seconds."""
    port = free_port()
    return Server([sys.executable, "-m", "bench.receiver", str(port), str(after_s)], port, "/", log)


def worker(url: str, in_flight: int, log: Path) -> Process:
    """A worker that may call the loopback."""
    command = [sys.executable, "-m", "waypost", "worker", "--database", url, "--allow-targets", "127.0.0.0/8",
               "--delivery-concurrency", str(in_flight)]  # fmt: skip
    return Process(command, log)
