"""A real worker process with short leases, to be killed or stopped; and the program that it runs."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress
from ipaddress import ip_network
from pathlib import Path

from tests.support.database import is_sqlite, sqlite_path
from tests.support.keys import environment_for, key_file_for
from waypost.delivery.lanes import Limits
from waypost.storage.sqlite_file import is_busy

SHORT = Limits(
    in_flight=16, claim_s=4.0, sending_s=4.0, call_s=2.0, fresh_s=1.0, sweep_s=0.2, outage_s=0.5, stop_s=3.0
)  # fmt: skip


AHEAD_S = "WAYPOST_TEST_CLOCK_AHEAD_S"


class WorkerProcess:
    """One worker on one database, on a machine whose clock is `ahead_s` ahead; `sending_s`: how long it may be at one."""

    def __init__(self, database_url: str, log: Path, ahead_s: float = 0, sending_s: float = SHORT.sending_s) -> None:
        self._command = [sys.executable, "-m", "tests.support.worker_process", database_url, str(sending_s)]
        self._environment = {**environment_for(database_url), AHEAD_S: str(ahead_s)}
        self._url = database_url
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Begin, and wait until it works."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=asyncio.subprocess.PIPE, stderr=log, env=self._environment
            )
        assert self._process.stdout is not None
        assert await asyncio.wait_for(self._process.stdout.readline(), 30) == b"works\n", self._log.read_text()[-3000:]

    async def stand_still(self) -> None:
        """Stop it (SIGSTOP) while it is not writing.

        SQLite has one writer at a time: a worker that is stopped while it holds the lock blocks all other writers.
        """
        async with asyncio.timeout(30):
            while True:
                self._signal(signal.SIGSTOP)
                while not _stands_still(self._running):
                    await asyncio.sleep(0.001)
                if not (is_sqlite(self._url) and _is_being_written(self._url)):
                    return
                self._signal(signal.SIGCONT)
                await asyncio.sleep(0.003)

    def go_on(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    def _signal(self, number: signal.Signals) -> None:
        self._running.send_signal(number)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    async def kill(self) -> None:
        """SIGKILL, also when it stands still."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def stop(self) -> int:
        """Ask it to end; its exit code."""
        assert self._process is not None
        self._signal(signal.SIGTERM)
        code = await asyncio.wait_for(self._process.wait(), 12)
        self._process = None
        return code


def _stands_still(process: asyncio.subprocess.Process) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] == "T"


def _is_being_written(url: str) -> bool:
    with closing(sqlite3.connect(sqlite_path(url), timeout=0, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            return True
    return False


def _set_clock(ahead_s: float) -> None:
    """As if this machine's clock were wrong: what asks for the time of day hears so; no other clock does."""
    plain, plain_ns = time.time, time.time_ns
    time.time = lambda: plain() + ahead_s
    time.time_ns = lambda: plain_ns() + int(ahead_s * 1_000_000_000)


async def _work(database_url: str, sending_s: float) -> None:
    from waypost.delivery.worker import Worker
    from waypost.main import build_hub, close_hub
    from waypost.outgoing.targets import Targets
    from waypost.storage.opening import open_store

    store = await open_store(database_url, migrate=False, key_file=key_file_for(database_url))
    hub, writer = build_hub(store, Targets((ip_network("127.0.0.0/8"),)))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    print("works", flush=True)
    await Worker(hub.reads, writer, hub.clock, hub.kinds, SHORT._replace(sending_s=sending_s)).run(stop)
    await close_hub(hub, writer)


if __name__ == "__main__":
    import logging

    _set_clock(float(os.environ[AHEAD_S]))
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_work(sys.argv[1], float(sys.argv[2])))
