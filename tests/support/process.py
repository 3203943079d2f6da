"""A real server process on a free port of the loopback, ended by its own id."""

import asyncio
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx

from tests.support.forked import Forked, may_be_forked
from tests.support.keys import environment_for

START_WITHIN_S = 30.0


def free_port() -> int:
    """A port nobody listens on now, of those that no connection is given by itself: nobody takes it meanwhile."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(10_000, first)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class ServerProcess:
    """`waypost serve` on one database; may be killed and started again on the same port.

    Rates are off, unless the test wants those that a server has by default.
    """

    def __init__(
        self, database_url: str, log: Path, *options: str, default_rates: bool = False,
        environment: Mapping[str, str] | None = None, url_file: Path | None = None,
    ) -> None:  # fmt: skip
        """`url_file`: a file that holds the database's URL, so that it is no argument of the process."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = (
            "serve", "--port", str(self.port), *(() if url_file else ("--database", database_url)),
            *(() if default_rates else ("--rate-limit", "off")), *options,
        )  # fmt: skip
        self._command: tuple[str, ...] | None = None
        self._log = log
        self._environment = {**environment_for(database_url), **(environment or {})}
        if url_file is not None:
            self._environment["WAYPOST_DATABASE_FILE"] = str(url_file)
        self._process: asyncio.subprocess.Process | Forked | None = None
        if not may_be_forked(self._environment):
            self.run_by()

    def run_by(self, *command: str) -> None:
        """Let this command start a new interpreter for it, as `prlimit --nofile=1024` does; or none, but a new one."""
        self._command = (*command, sys.executable, "-m", "waypost")

    async def __aenter__(self) -> "ServerProcess":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            await self.stop()

    async def start(self) -> float:
        """Start, and wait until it is ready; how long that took, in seconds."""
        began = time.monotonic()
        if self._command is None:
            self._process = Forked(self._arguments, self._environment, self._log)
        else:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, *self._arguments, stdout=log, stderr=log,
                    env={**self._environment, "PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
        async with httpx.AsyncClient(verify=False) as client:
            while True:
                assert self._process.returncode is None, self._log.read_text()[-3000:]
                assert time.monotonic() - began < START_WITHIN_S, self._log.read_text()[-3000:]
                try:
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return time.monotonic() - began
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def arguments(self) -> bytes:
        """What a process list shows of it."""
        return Path(f"/proc/{self.pid}/cmdline").read_bytes()

    async def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        self._process = None

    def suspend(self) -> None:
        """Let it stand still (SIGSTOP), as a machine that sleeps."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `suspend`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, with this signal; its exit code."""
        assert self._process is not None
        self._process.send_signal(by)
        code = await asyncio.wait_for(self._process.wait(), 12)
        self._process = None
        return code


async def waypost(*arguments: str, within_s: float = 30.0) -> tuple[int, str]:
    """Run a command of Waypost to its end; its exit code, and all that it printed."""
    with tempfile.NamedTemporaryFile(prefix="waypost-said-") as output:
        code = await _end_of(Forked(arguments, environment_for(*arguments), Path(output.name)), within_s)
        return code, output.read().decode()


async def completed(
    *arguments: str, environment: Mapping[str, str] | None = None, within_s: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """As `waypost`, with what it said of errors apart."""
    with tempfile.TemporaryDirectory(prefix="waypost-said-") as folder:
        output, errors = Path(folder) / "output", Path(folder) / "errors"
        process = Forked(arguments, {**environment_for(*arguments), **(environment or {})}, output, errors)
        code = await _end_of(process, within_s)
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


async def _end_of(process: Forked, within_s: float) -> int:
    try:
        return await asyncio.wait_for(process.wait(), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
