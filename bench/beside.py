"""`python -m bench.beside`: what a well-behaved client waits beside 2,000 idle and 500 slow connections, and without them.

Rounds alternate. The idle ones say nothing; the slow ones send a header now and then, of a head that never ends.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from bench import seeding, servers
from bench.__main__ import load
from bench.load import Job
from tests.hostile.flood import Flood, allow_many_files

IDLE, SLOW = 2000, 500
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
CALLS = 4000
KINDS = ("get 1", "get 16")


class Beside:
    """The idle and the slow ones, as long as the block lasts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends = threading.Event()

    def __enter__(self) -> None:
        self._floods = [Flood(self._port, IDLE), Flood(self._port, SLOW, HEAD, first=IDLE)]
        self._dripping = threading.Thread(target=self._drip)
        self._dripping.start()

    def _drip(self) -> None:
        while not self._ends.wait(0.5):
            self._floods[1].send(b"a: b\r\n")

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._dripping.join()
        for flood in self._floods:
            flood.end()


def measured(port: int) -> dict[str, float]:
    """p99 in milliseconds, by kind of load."""
    found = {}
    for kind in KINDS:
        name, connections = kind.split()
        found[kind] = float(load(Job(port, name, int(connections), CALLS, 1))["p99_ms"])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.beside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    allow_many_files()
    alone: list[dict[str, float]] = []
    beside: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="waypost-beside-") as name:
        url = f"sqlite:///{name}/waypost.db"
        asyncio.run(seeding.waypost(url, CALLS))
        server = servers.waypost(url, Path(name) / "log")
        try:
            measured(server.port)
            for _ in range(options.rounds):
                alone.append(measured(server.port))
                with Beside(server.port):
                    beside.append(measured(server.port))
        finally:
            server.stop()
    sys.stdout.write(f"p99 in ms, medians of {options.rounds} rounds, beside {IDLE} idle and {SLOW} slow connections\n")
    for kind in KINDS:
        before, after = (statistics.median(round_[kind] for round_ in rounds) for rounds in (alone, beside))
        sys.stdout.write(f"{kind:>8}: {before:6.2f} alone, {after:6.2f} beside them: {after / before:.2f} times\n")


if __name__ == "__main__":
    main()
