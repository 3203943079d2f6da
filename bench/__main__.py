"""`python -m bench`: everything in interleaved rounds of one run; ratios of medians, with min and max, and JSON."""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import imports, limits, orders, outgoing, report, routing, seeding, servers
from bench.load import TOKEN, Job
from tests.support.postgres import PostgresServer

CONNECTIONS = (1, 16, 64)
# Calls of one measurement, by connections: about a second each on a small machine.
CALLS = {"fail": (600, 5000, 6000), "fail_key": (500, 3000, 3000), "get": (2000, 9000, 9000), "page": (150, 3000, 6000)}
SLOW_CALLS = {"fail": (120, 250, 250), "get": (200, 400, 400), "page": (20, 40, 40)}
BARE_CALLS = (6000, 25000, 25000)
ORDERS = 1500  # posted with generation, 16 connections
RAW_ORDERS = 6400
RAW = {64: 6400, 1: 1000}  # batch size: failures
EXPECTED = {"fail": {"204"}, "fail_key": {"204"}, "get": {"200"}, "page": {"200"}, "order": {"201"}}
MEMORY_CALLS = 200_000


class Ids:
    """Ids of requests in Processing, each given out once."""

    def __init__(self, last: int) -> None:
        self._next, self._last = 1, last

    @property
    def given(self) -> int:
        """The last id given out: pgbench fails these again and again, and leaves the others to Waypost."""
        return self._next - 1

    def take(self, count: int) -> int:
        """The first of `count` fresh ids."""
        first, self._next = self._next, self._next + count
        if self._next > self._last + 1:
            raise RuntimeError("the bench has run out of requests to fail")
        return first


def load(job: Job) -> dict[str, float]:
    """Run the load generator; an unexpected status ends the bench."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", json.dumps(job._asdict())], capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)
    if set(found["statuses"]) - EXPECTED[job.kind]:
        raise RuntimeError(f"{job}: {found['statuses']}")
    return {key: found[key] for key in ("per_second", "p50_ms", "p99_ms")}


Measured = dict[str, list[dict[str, float]]]


def over_http(
    prefix: str, port: int, calls: Mapping[str, tuple[int, ...]], ids: Ids
) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
    """The measurements of one server."""
    for kind, counts in calls.items():
        for connections, count in zip(CONNECTIONS, counts, strict=True):

            def measure(kind: str = kind, connections: int = connections, count: int = count) -> dict[str, float]:
                first = ids.take(count) if kind.startswith("fail") else 1
                return load(Job(port, kind, connections, count, first))

            yield f"{prefix} {kind} {connections}", measure


def _raw(value: float) -> dict[str, float]:
    return {"per_second": value}


def needed(rounds: int, calls: Mapping[str, tuple[int, ...]]) -> int:
    """How many requests all rounds fail."""
    return rounds * sum(sum(counts) for kind, counts in calls.items() if kind.startswith("fail"))


def databases(engine: str, folder: Path, postgres: PostgresServer) -> Callable[[str], str]:
    """Gives the URL of an empty database by its name."""

    def empty(name: str) -> str:
        return f"sqlite:///{folder}/{name}.db" if engine == "sqlite" else asyncio.run(postgres.create(name))

    return empty


def by_themselves(
    engine: str, import_orders: int, folder: Path, postgres: PostgresServer
) -> tuple[Measured, dict[str, float]]:
    """What is measured once, without a server, in databases of its own."""
    empty = databases(engine, folder, postgres)
    measured, facts = imports.measure(empty("imports"), folder, import_orders)
    return measured, facts | routing.measure(empty("routing"))


def measure_engine(
    engine: str, rounds: int, folder: Path, postgres: PostgresServer
) -> tuple[Measured, dict[str, float]]:
    """All rounds of one engine."""
    count = max(needed(rounds, CALLS) + rounds * (sum(RAW.values()) + outgoing.FED), 9000)
    slow = max(needed(rounds, SLOW_CALLS), 1000)
    empty = databases(engine, folder, postgres)
    url, other = empty("waypost"), empty("conventional").replace("postgresql://", "postgresql+psycopg://")
    print(f"{engine}: making {count:,} requests", file=sys.stderr)
    asyncio.run(seeding.waypost(url, count))
    asyncio.run(orders.prepare(url))
    parts = asyncio.run(orders.sample(url))
    seeding.conventional(other, slow)
    log = folder / f"{engine}.log"
    server, conventional = servers.waypost(url, log), servers.conventional(other, log)
    body = folder / "body.json"
    call = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/fulfillment-requests/1", headers={"X-API-TOKEN": TOKEN}
    )
    body.write_bytes(urllib.request.urlopen(call).read())
    bare = servers.bare(body, log)
    ids, slow_ids = Ids(count), Ids(slow)
    measured: Measured = {}
    try:
        for number in range(rounds):
            print(f"{engine}: round {number + 1} of {rounds}", file=sys.stderr)
            steps = [
                *over_http("waypost", server.port, CALLS, ids),
                *over_http("conventional", conventional.port, SLOW_CALLS, slow_ids),
                *bare_steps(bare.port),
                *raw_steps(engine, url, folder, postgres, ids),
                *order_steps(server.port, url, parts, number),
                *outgoing.steps(lambda name, n=number: empty(f"{name}{n}"), server.port, load, ids.take, log),  # type: ignore[misc]
            ]
            for name, measure in steps:
                measured.setdefault(name, []).append(measure())
        load(Job(server.port, "get", 16, MEMORY_CALLS, 1)) if count >= MEMORY_CALLS else _many(server.port, count)
        facts = {
            "memory_mib_after_200k_calls": server.memory_mib(),
            "memory_mib_of_a_worker": max(run["memory_mib"] for run in measured["hand-over 64"]),
        }
        server.stop()
        server = servers.waypost(url, log)
        facts["first_answer_s"] = server.started_s
    finally:
        for one in (server, conventional, bare):
            one.stop()
    return measured, facts


def bare_steps(port: int) -> list[tuple[str, Callable[[], dict[str, float]]]]:
    """The bare function."""
    return [
        (f"bare get {c}", lambda c=c, n=n: load(Job(port, "get", c, n, 1)))  # type: ignore[misc]
        for c, n in zip(CONNECTIONS, BARE_CALLS, strict=True)
    ]


def _many(port: int, count: int) -> None:
    for _ in range(-(-MEMORY_CALLS // count)):
        load(Job(port, "get", 16, count, 1))


def order_steps(
    port: int, url: str, parts: list[orders.Part], number: int
) -> list[tuple[str, Callable[[], dict[str, float]]]]:
    """Orders of three lines with generation, and the same rows in a raw loop."""
    first = number * 10**11  # beyond every id that the hub has given meanwhile: it goes on from the largest

    def post() -> dict[str, float]:
        found = load(Job(port, "order", 16, ORDERS, 1 + number * ORDERS))
        held = "SELECT count(*) AS n FROM orders WHERE channel_id = 2 AND status <> 'open'"
        if asyncio.run(orders.rows(url, held))[0]["n"]:
            raise RuntimeError("orders of the bench were held instead of generated")
        return found

    return [
        ("waypost order 16", post),
        ("raw order 64", lambda: _raw(orders.raw_orders(url, parts, first, RAW_ORDERS))),
    ]


def raw_steps(
    engine: str, url: str, folder: Path, postgres: PostgresServer, ids: Ids
) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
    """The limits of the engine."""
    if engine == "sqlite":
        path = Path(url.removeprefix("sqlite:///"))
        for batch, calls in RAW.items():
            yield f"raw {batch}", lambda b=batch, n=calls: _raw(limits.sqlite_loop(path, ids.take(n), n, b))  # type: ignore[misc]
    else:
        program = postgres.programs / "pgbench"
        for clients in (16, 1):
            yield f"raw {clients}", lambda c=clients: _raw(limits.pgbench(program, url, folder, 1, ids.given, c, 2))  # type: ignore[misc]


def medians(measured: Measured) -> dict[str, dict[str, list[float]]]:
    """Median, min and max of every figure."""
    return {
        name: {key: [statistics.median(v), min(v), max(v)] for key in runs[0] for v in [[run[key] for run in runs]]}
        for name, runs in measured.items()
    }


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--import-orders", type=int, default=imports.ORDERS)
    parser.add_argument("--json", type=Path, default=Path("bench/results/latest.json"))
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="waypost-bench-") as name, PostgresServer() as postgres:
        for engine in options.engines.split(","):
            measured, facts = measure_engine(engine, options.rounds, Path(name), postgres)
            once, more = by_themselves(engine, options.import_orders, Path(name), postgres)
            measured, facts = measured | once, facts | more
            found[engine] = {"figures": medians(measured), "facts": facts}
            report.show(engine, found[engine]["figures"], facts)  # type: ignore[arg-type]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"rounds": options.rounds, "engines": found}, indent=1))


if __name__ == "__main__":
    main()
