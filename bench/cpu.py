"""`python -m bench.cpu`: processor time of the server per call, which a busy machine disturbs less than the clock.

The same calls as the bench, on the same servers; what is read is the server's own user and system time. For
comparing two states of the code; the bench proper tells what callers get.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import urllib.request
from pathlib import Path

from bench import seeding, servers
from bench.__main__ import Ids, load
from bench.load import TOKEN, Job
from tests.support.postgres import PostgresServer

CALLS = {("fail", 16): 4000, ("fail", 64): 4000, ("fail", 1): 1000, ("fail_key", 16): 2000, ("fail_key", 1): 1000, ("get", 16): 9000,
         ("get", 1): 3000, ("page", 16): 500}  # fmt: skip
Figures = dict[str, list[tuple[float, float]]]


def measured(server: servers.Server, job: Job) -> tuple[float, float]:
    """User and system time of one call, in microseconds."""
    before = server.cpu_s()
    load(job)
    after = server.cpu_s()
    return (after[0] - before[0]) / job.calls * 1e6, (after[1] - before[1]) / job.calls * 1e6


def measure(engine: str, rounds: int, folder: Path, postgres: PostgresServer | None) -> Figures:
    """All rounds of one engine."""
    count = rounds * sum(n for (kind, _), n in CALLS.items() if kind.startswith("fail")) + 9000
    url = f"sqlite:///{folder}/waypost.db" if postgres is None else asyncio.run(postgres.create("waypost"))
    asyncio.run(seeding.waypost(url, count))
    server = servers.waypost(url, folder / "log")
    body = folder / "body.json"
    call = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/fulfillment-requests/1", headers={"X-API-TOKEN": TOKEN}
    )
    body.write_bytes(urllib.request.urlopen(call).read())
    bare = servers.bare(body, folder / "log")
    ids = Ids(count)
    found: Figures = {}
    ids.take(9000)  # these are read, and never fail
    try:
        for _ in range(rounds):
            found.setdefault("bare get 16", []).append(measured(bare, Job(bare.port, "get", 16, 9000, 1)))
            for (kind, connections), calls in CALLS.items():
                first = ids.take(calls) if kind.startswith("fail") else 1
                job = Job(server.port, kind, connections, calls, first)
                found.setdefault(f"{kind} {connections}", []).append(measured(server, job))
            load(Job(server.port, "get", 16, 4000, 1))
            found.setdefault("get again 16", []).append(measured(server, Job(server.port, "get", 16, 4000, 1)))
    finally:
        server.stop()
        bare.stop()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench.cpu", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waypost-cpu-") as name:
        if options.engine == "sqlite":
            found = measure("sqlite", options.rounds, Path(name), None)
        else:
            with PostgresServer() as postgres:
                found = measure("postgresql", options.rounds, Path(name), postgres)
    sys.stdout.write(f"{options.engine}: microseconds of the server's processor per call (median; user + system)\n")
    for what, runs in found.items():
        user, system = (statistics.median(run[part] for run in runs) for part in (0, 1))
        sys.stdout.write(f"{what:>14} {user + system:8.1f} = {user:6.1f} + {system:5.1f}\n")


if __name__ == "__main__":
    main()
