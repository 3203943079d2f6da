"""`python -m bench.scale`: does it cost the same at five million requests as at ten thousand?

Two databases of one engine, one small and one large, behind a server each; the same calls in interleaved rounds. The
large one is multiplied inside the engine from one request that came down the real road.
"""

import argparse
import asyncio
import http.client
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from bench import seeding, servers
from bench.load import TOKEN, Job
from tests.support.postgres import PostgresServer
from waypost.storage.queries.columns import NUMBERED

SMALL, LARGE = 10_000, 5_000_000
WANTED = 1.3  # times longer, at most
# Each round has servers of its own, and no request is read twice in a round: what they keep rendered helps neither size.
CALLS = {"get": 4900, "page": 3000, "since": 100, "fail": 4000}
PAGE = 50
CONNECTIONS = 16
STEP = 500_000  # rows at once
BULK = 500  # requests of one call
BUFFERS = "2GB"

# How each table's rows follow from those of the first request: columns that count up, those made of the count.
# Every id counts up alike, since one order has one item, one request and one line.
_MULTIPLIED: dict[str, dict[str, str]] = {
    "orders": {"id": "n", "order_number": "'O-' || n", "updated_at": "updated_at + n"},
    "order_item": {"id": "n", "order_id": "n"},
    "fulfillment_request": {"id": "n", "order_id": "n", "number": "'O-' || n || '-1'"},
    "fulfillment_request_state": {"id": "n", "order_id": "n", "modified_at": "modified_at + n"},
    "fulfillment_request_line": {"id": "n", "request_id": "n", "order_item_id": "n"},
    "fulfillment_request_number": {"request_id": "n", "number": "'O-' || n || '-1'"},
}


def _statement(table: str, columns: list[str], numbers: str) -> str:
    changed = _MULTIPLIED[table]
    values = ", ".join(changed.get(name, f"t.{name}").replace("updated_at +", "t.updated_at +")
                       .replace("modified_at +", "t.modified_at +") for name in columns)  # fmt: skip
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {numbers}, first_{table} t"


# Two events a request, as it has them from its order and its generation.
_EVENTS = """INSERT INTO event SELECT account_id, (n - 1) * 2 + seq, at + n, subject, n, type, from_status, to_status,
  actor_type, actor_id, actor_name, code, reason, request_id, data FROM {numbers}, first_event t"""


def _firsts() -> Iterator[str]:
    """What keeps the rows that are multiplied at hand, so that none of the many has to be looked for."""
    for table in (*_MULTIPLIED, "event"):
        where = {"event": "seq <= 2", "fulfillment_request_number": "request_id = 1"}.get(table, "id = 1")
        yield f"CREATE TEMP TABLE first_{table} AS SELECT * FROM {table} WHERE {where}"


def grow_sqlite(path: Path, count: int) -> None:
    """From one request to `count`."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -1000000")
    columns = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in _MULTIPLIED}
    for sql in _firsts():
        db.execute(sql)
    # Built once from sorted entries, an index costs a fraction of what its growth would.
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    for low in range(2, count + 1, STEP):
        high = min(count, low + STEP - 1)
        series = f"WITH RECURSIVE c(n) AS (SELECT {low} UNION ALL SELECT n + 1 FROM c WHERE n < {high})"
        db.execute("BEGIN")
        for table in _MULTIPLIED:
            db.execute(f"{series} {_statement(table, columns[table], 'c')}")
        db.execute(f"{series} {_EVENTS.format(numbers='c')}")
        db.execute("COMMIT")
    db.execute("UPDATE account_counter SET last_seq = ?, last_at = last_at + ?", (count * 2, count + 1))
    for _, sql in indexes:
        db.execute(sql)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("ANALYZE")
    db.close()


async def grow_postgres(url: str, count: int) -> None:
    """From one request to `count`."""
    # As a replica takes rows: without a look at what they refer to.
    swift = {"synchronous_commit": "off", "session_replication_role": "replica", "maintenance_work_mem": "1GB"}
    db = await asyncpg.connect(url, server_settings=swift)
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position"
    columns = {table: [row[0] for row in await db.fetch(sql, table)] for table in _MULTIPLIED}
    sql = """SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)"""
    indexes = await db.fetch(sql)
    for sql in _firsts():
        await db.execute(sql)
    for name, _ in indexes:
        await db.execute(f"DROP INDEX {name}")
    for low in range(2, count + 1, STEP):
        series = f"generate_series({low}::bigint, {min(count, low + STEP - 1)}::bigint) AS c(n)"
        async with db.transaction():
            for table in _MULTIPLIED:
                await db.execute(_statement(table, columns[table], series))
            await db.execute(_EVENTS.format(numbers=series))
    await db.execute("UPDATE account_counter SET last_seq = $1, last_at = last_at + $2", count * 2, count + 1)
    for table in {"orders", "order_item", "fulfillment_request", "fulfillment_request_line"} & set(NUMBERED):
        await db.execute(f"SELECT setval('{table}_id_seq', $1)", count)
    for _, definition in indexes:
        await db.execute(definition)
    await db.execute("VACUUM ANALYZE")
    await db.close()


def _measure(port: int, kind: str, count: int) -> float:
    calls = CALLS[kind]
    # Reads by id go through the first half, pages through the end; what fails lies in the middle.
    stride = {"get": count // 2 // calls, "since": PAGE}.get(kind, 1)
    first = {"fail": count // 4, "since": count - calls * PAGE + 1}.get(kind, 1)
    job = Job(port, kind, CONNECTIONS, calls, first, stride)
    command = [sys.executable, "-m", "bench.load", json.dumps(job._asdict())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found = json.loads(done.stdout)
    if set(found["statuses"]) - {"200", "204"}:
        raise RuntimeError(f"{job}: {found['statuses']}")
    return float(found["per_second"])


def _release(port: int, count: int) -> None:
    """Put what has failed back into Processing, by the road that people take: it is to fail again."""
    first = count // 4
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for low in range(first, first + CALLS["fail"], BULK):
        items = [{"id": id_} for id_ in range(low, min(low + BULK, first + CALLS["fail"]))]
        body = json.dumps({"action": "process", "items": items})
        headers = {"X-API-TOKEN": TOKEN, "Content-Type": "application/json"}
        connection.request("POST", "/fulfillment-requests/bulk", body, headers)
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(told.decode())
    connection.close()


def measure(urls: dict[int, str], folder: Path, rounds: int) -> dict[str, dict[int, list[float]]]:
    """Calls per second by kind and size."""
    found: dict[str, dict[int, list[float]]] = {kind: {count: [] for count in urls} for kind in CALLS}
    for number in range(rounds):
        running = {count: servers.waypost(url, folder / "scale.log") for count, url in urls.items()}
        try:
            for kind in CALLS:
                for count in sorted(running, reverse=bool(number % 2)):
                    found[kind][count].append(_measure(running[count].port, kind, count))
                    if kind == "fail":
                        _release(running[count].port, count)
        finally:
            for server in running.values():
                server.stop()
    return found


def show(engine: str, found: dict[str, dict[int, list[float]]], small: int, large: int) -> None:
    """Print it."""
    table = Table(title=f"{engine}: calls per second, {CONNECTIONS} connections (median, min – max)", box=None)
    for heading in ("what", f"{small:,} requests", f"{large:,} requests", "times longer", "wanted", ""):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for kind, by_size in found.items():
        told = [f"{statistics.median(v):,.0f} ({min(v):,.0f} – {max(v):,.0f})" for v in (by_size[small], by_size[large])]
        ratio = statistics.median(by_size[small]) / statistics.median(by_size[large])
        table.add_row(kind, *told, f"{ratio:.2f}", f"≤ {WANTED}", "met" if ratio <= WANTED else "missed")
    Console(width=130).print(table)


async def _give_memory(postgres: PostgresServer) -> None:
    """A server that is ours: as a database of this size is run, and not with the 128 MB that it comes with."""
    db = await asyncpg.connect(postgres.url("postgres"))
    await db.execute(f"ALTER SYSTEM SET shared_buffers = '{BUFFERS}'")
    await db.close()
    postgres.restart()


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waypost-scale-") as name, PostgresServer() as postgres:
        folder = Path(name)
        asyncio.run(_give_memory(postgres))
        for engine in options.engines.split(","):
            urls = {}
            for count in (SMALL, options.large):
                print(f"{engine}: making {count:,} requests", file=sys.stderr)
                sqlite_url = f"sqlite:///{folder}/{count}.db"
                url = sqlite_url if engine == "sqlite" else asyncio.run(postgres.create(f"scale_{count}"))
                asyncio.run(seeding.waypost(url, 1, lines=1))
                if engine == "sqlite":
                    grow_sqlite(folder / f"{count}.db", count)
                else:
                    asyncio.run(grow_postgres(url, count))
                urls[count] = url
            show(engine, measure(urls, folder, options.rounds), SMALL, options.large)


if __name__ == "__main__":
    main()
