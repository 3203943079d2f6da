"""`python -m bench.scale`: does each call cost the same on a million requests as on ten thousand?

Two accounts of one engine, one small and one large, behind a server each; the same calls in interleaved rounds. Statistics
are not gathered: SQLite has none, as in production, and PostgreSQL has what its autovacuum has gathered by then.
"""

import argparse
import asyncio
import http.client
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from bench import merchant, meter, multiply, orders, scale_report, servers, shop
from bench.load import TOKEN, Job
from bench.merchant import BLOCK, Merchant
from tests.support.audit import audit
from tests.support.checking import findings
from tests.support.keys import environment_for, key_file_for
from tests.support.postgres import PostgresServer
from waypost.storage.opening import open_store

SMALL, LARGE = 10_000, 1_000_000
DAY = 24 * 3600 * 1_000_000  # microseconds
HISTORY, OPEN = 360 * DAY, 4 * DAY
LATELY = 20 * 3600 * 1_000_000  # what the hub forgets after a day was written since
RESERVE = 2000  # requests that are failed and shipped; a number of both sizes
PIECES = 1000
SECONDS = 4.0  # of one measurement, at most
BUFFERS = "6GB"  # a quarter of the memory of a machine with 24 GiB, as PostgreSQL's manual advises
BULK = 500
CONNECTIONS, WARMING = 16, 300
BY_ID = {"get", "timeline", "since"}


class Kind(NamedTuple):
    """How one kind of call is measured: how many in a round, and over how many connections."""

    calls: int
    connections: int = CONNECTIONS


CALLS = {
    "get": Kind(4000), "page": Kind(4000), "since": Kind(78, 4), "timeline": Kind(6000), "attention": Kind(20, 1),
    "summary": Kind(300, 1), "pull": Kind(3000), "peek": Kind(200), "feed": Kind(1200), "fail": Kind(1000), "ship": Kind(1000),
    "claim": Kind(2000, 1),
}  # fmt: skip


class Account(NamedTuple):
    """A database that is measured: its requests, its size in bytes, and how long it took to make."""

    url: str
    requests: int
    events: int
    bytes: int
    seconds: float


async def _mark(url: str, at: int, lately: int) -> multiply.Mark:
    mark = {name: int((await orders.rows(url, sql))[0]["n"]) for name, sql in multiply.mark_sql()}
    return {**mark, multiply.TIME: at, multiply.LATELY: lately}


async def _make_block(url: str, copies: int, now: int) -> list[multiply.Mark]:
    """One block of the account, made by the hub; the marks around its two parts. It and its copies end now."""
    store = await open_store(url, key_file=key_file_for(url))
    seller = Merchant(store, url)
    whole = copies + 1
    at, lately = now - HISTORY - OPEN - DAY, now - LATELY
    await seller.open_shop(at)
    marks = [await _mark(url, at, lately)]
    for plans, length, part in ((merchant.HISTORY, HISTORY, 0.9), (merchant.OPEN, OPEN, 0.1)):
        width, width_lately = length // whole, int(LATELY * part) // whole
        await seller.live(plans, merchant.Clock(at, width // 20), lately + width_lately // 2)
        at, lately = at + width, lately + width_lately
        marks.append(await _mark(url, at, lately))
    strays = (await orders.rows(url, multiply.STRAYS.format(low=marks[0]["event"])))[0]["n"]
    await store.close()
    if strays:
        raise RuntimeError(f"{strays} rows of the block are not of the shape that bench.multiply copies")
    return marks


async def _finish(url: str, now: int) -> None:
    """What happens today: the requests that are failed and shipped."""
    store = await open_store(url, key_file=key_file_for(url))
    seller = Merchant(store, url, today=True)
    await seller.reserve(RESERVE, PIECES, now)
    await seller.catch_up()
    await store.close()


def make(engine: str, url: str, count: int) -> Account:
    """Make an account of `count` requests; prints how long it took, and how large it is."""
    began, now = time.monotonic(), time.time_ns() // 1000
    copies = (count - RESERVE) // BLOCK - 1
    parts = multiply.layout(asyncio.run(_make_block(url, copies, now)), copies)
    if engine == "sqlite":
        multiply.sqlite(Path(url.removeprefix("sqlite:///")), parts)
    else:
        asyncio.run(multiply.postgres(url, parts))
    asyncio.run(_finish(url, now))
    found = asyncio.run(orders.rows(url, "SELECT count(*) AS n FROM fulfillment_request"))[0]["n"]
    if found != count:
        raise RuntimeError(
            f"{found:,} requests were made, and not {count:,}: take {RESERVE:,} and a multiple of {BLOCK:,}"
        )
    events = asyncio.run(orders.rows(url, "SELECT last_seq AS n FROM account_counter"))[0]["n"]
    account = Account(url, count, events, _bytes(url), time.monotonic() - began)
    print(f"{engine}: made {count:,} requests with {events:,} events in {account.seconds:.0f} s: {account.bytes:,} bytes",
          file=sys.stderr)  # fmt: skip
    return account


def _bytes(url: str) -> int:
    if url.startswith("sqlite"):
        files = [Path(url.removeprefix("sqlite:///") + tail) for tail in ("", "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())
    return int(asyncio.run(orders.rows(url, "SELECT pg_database_size(current_database()) AS n"))[0]["n"])


async def prove(account: Account) -> None:
    """`waypost check`, and the audit of the tests: the account is one that the hub could have made itself."""
    found = await findings(account.url)
    if found:
        raise RuntimeError(f"waypost check finds {len(found)} faults in the bench's data, such as {found[:5]}")
    await audit(account.url)
    print(f"waypost check: {account.requests:,} requests and {account.events:,} events, all adds up", file=sys.stderr)


def _job(port: int, kind: str, account: Account) -> Job:
    """Ids go through all that is over. What was rendered is kept, and a small account fits into that: no request is read
    twice in a round, by its id in the one half of them and in pages in the other. Reads by id are in any order: one
    after the other, those of a small account would find what the one before had fetched with its own from the file."""
    calls, connections = CALLS[kind]
    old = account.requests - RESERVE
    work = old + 1
    first, stride = {
        "get": (1, old // 2 // calls), "timeline": (2, old // calls), "since": (old // 2, old // 2 // calls),
        "feed": (1, account.events // calls - 1), "pull": (shop.IDLE, 0), "peek": (shop.POLLED, 0),
        "fail": (work, 1), "ship": (work + RESERVE // 2, 1),
    }.get(kind, (1, 0))  # fmt: skip
    return Job(port, kind, connections, calls, first, stride, SECONDS, mixed=kind in BY_ID)


def _run(module: str, url: str, argument: object) -> dict[str, Any]:
    command = [sys.executable, "-m", module, json.dumps(argument)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment_for(url))
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measure(server: servers.Server, kind: str, account: Account) -> scale_report.Figure:
    if kind == "claim":
        found = _run("bench.claims", account.url, [account.url, shop.BACKLOG, CALLS[kind].calls, SECONDS])
        return scale_report.Figure(found["per_second"], found["cpu_us"], found["read_bytes"], 0)
    before = server.used(account.url)
    found = _run("bench.load", account.url, _job(server.port, kind, account)._asdict())
    after = server.used(account.url)
    refused = sum(count for status, count in found["statuses"].items() if status == "503")
    if set(found["statuses"]) - {"200", "204", "503"}:
        raise RuntimeError(f"{kind}: {found['statuses']}")
    if kind == "fail":
        _release(server.port, _job(server.port, kind, account).first, found["calls"])
    calls = found["calls"]
    cpu_us, read = (after.cpu_s - before.cpu_s) / calls * 1e6, (after.read_bytes - before.read_bytes) / calls
    return scale_report.Figure(found["per_second"], cpu_us, read, refused / calls)


def _warm(server: servers.Server, account: Account) -> None:
    """The first calls of a process cost more. These are about requests that no other call reads."""
    for kind in ("get", "since"):
        job = Job(server.port, kind, CONNECTIONS, WARMING, account.requests - RESERVE // 2 + 1, 0)
        _run("bench.load", account.url, job._asdict())


def _call(port: int, method: str, path: str, body: object = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"X-API-TOKEN": TOKEN, "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    told = answer.status, answer.read().decode()
    connection.close()
    return told


def _release(port: int, first: int, count: int) -> None:
    """Put what has failed back into Processing, as people do it: it is to fail again."""
    for low in range(first, first + count, BULK):
        items = [{"id": id_} for id_ in range(low, min(low + BULK, first + count))]
        status, told = _call(port, "POST", "/fulfillment-requests/bulk", {"action": "process", "items": items})
        if status != http.HTTPStatus.OK:
            raise RuntimeError(told)


def measure(accounts: list[Account], folder: Path, rounds: int, kinds: list[str]) -> scale_report.Found:
    """The figures by kind and size. Each round has servers of its own: what they keep rendered helps neither size."""
    found: scale_report.Found = {kind: {one.requests: [] for one in accounts} for kind in kinds}
    for number in range(rounds):
        running = [(servers.waypost(one.url, folder / "scale.log"), one) for one in accounts]
        try:
            for server, account in running:
                _warm(server, account)
            is_served = _call(running[0][0].port, "GET", "/attention?limit=0")[0] == http.HTTPStatus.OK
            for kind in kinds:
                if kind == "summary" and not is_served:
                    found.pop(kind, None)  # this hub does not serve it yet
                    continue
                for server, account in running[:: -1 if number % 2 else 1]:
                    found[kind][account.requests].append(_measure(server, kind, account))
        finally:
            for server, _ in running:
                server.stop()
    return found


async def _settings(postgres: PostgresServer) -> None:
    """A server that is ours: memory as a database of this size is run with; all else, autovacuum too, as it comes."""
    db = await asyncpg.connect(postgres.url("postgres"))
    await db.execute(f"ALTER SYSTEM SET shared_buffers = '{BUFFERS}'")
    await db.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
    await db.close()
    postgres.restart()


def main() -> int:
    """Run it; 1: something costs more than is wanted."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--engines", default="sqlite,postgresql")
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", default=",".join(CALLS))
    parser.add_argument("--folder", type=Path, help="where the SQLite databases are made; they stay there")
    options = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="waypost-scale-") as name, PostgresServer() as postgres:
        folder = options.folder or Path(name)
        asyncio.run(_settings(postgres))
        for engine in options.engines.split(","):
            accounts = []
            for count in (SMALL, options.large):
                lite = f"sqlite:///{folder}/{count}.db"
                url = lite if engine == "sqlite" else asyncio.run(postgres.create(f"scale_{count}"))
                accounts.append(make(engine, url, count))
            asyncio.run(prove(accounts[0]))
            found = measure(accounts, folder, options.rounds, options.kinds.split(","))
            missed += scale_report.show(engine, found, SMALL, options.large)
            for account in accounts:
                print(f"{engine}: {account.requests:,} requests, {account.events:,} events: {_bytes(account.url):,}"
                      f" bytes, made in {account.seconds:.0f} s")  # fmt: skip
                if engine == "sqlite":
                    told = meter.page_us(Path(account.url.removeprefix("sqlite:///")))
                    print(f"  a page of this file, from the system's memory: {told:.1f} us")
            if engine == "postgresql":
                print(asyncio.run(scale_report.statistics_of(accounts[-1].url)))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
