"""What leaves the hub: requests handed over, webhooks, the change feed; against a bare aiohttp loop of the same run."""

import asyncio
import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bench import orders, seeding, servers
from bench.load import TOKEN, Job
from tests.support.keys import key_file_for
from waypost.app.ports import Tx
from waypost.app.ports.delivery import SourceDelivery
from waypost.delivery.sources.http.kind import Http
from waypost.outgoing.calling import Caller
from waypost.outgoing.targets import Targets
from waypost.storage.opening import open_store
from waypost.wire.handover import SAMPLE

REQUESTS = 10_000
IN_FLIGHT = 64
ANSWERS_AFTER_S = 0.020
ENDPOINTS = 10
EVENTS = 3000  # of each endpoint's backlog
FED = 6000  # failures that a reader of the feed follows
WITHIN_S = 300.0
ORDER = json.dumps({**SAMPLE, "items": SAMPLE["items"] * 2}).encode()  # about as long as what the worker sends
MESSAGE = json.dumps({"type": "order.created", "timestamp": "2026-01-31T12:00:00.000000Z", "data": {"text": "x" * 300}}).encode()

Figure = dict[str, float]


def steps(
    fresh: Callable[[str], str], port: int, load: Callable[[Job], Figure], take: Callable[[int], int], log: Path
) -> list[tuple[str, Callable[[], Figure]]]:
    """The measurements of one round. `fresh` gives the URL of a database that is not there yet, `take` ids to fail."""
    return [
        ("bare orders 64", lambda: bare_orders(log)),
        ("hand-over 64", lambda: asyncio.run(hand_over(fresh("handed"), log))),
        ("bare messages 10", lambda: bare_messages(log)),
        ("webhooks 10", lambda: asyncio.run(fan_out(fresh("hooked"), log))),
        ("fail 16, followed", lambda: follow(port, load, take(FED))),
    ]


def _bare(port: int, calls: int, in_flight: int, body: bytes) -> Figure:
    command = [sys.executable, "-m", "bench.bare_caller", f"http://127.0.0.1:{port}/orders", str(calls), str(in_flight)]
    done = subprocess.run(command, input=body, capture_output=True, check=True, timeout=WITHIN_S)
    return {"per_second": float(done.stdout)}


def bare_orders(log: Path) -> Figure:
    """A bare loop makes the calls of a worker: as many at once, to somebody who answers as late."""
    receiver = servers.receiver(ANSWERS_AFTER_S, log)
    try:
        return _bare(receiver.port, REQUESTS, IN_FLIGHT, ORDER)
    finally:
        receiver.stop()


def bare_messages(log: Path) -> Figure:
    """A bare loop makes the calls of webhooks: one at a time to each endpoint, for each gets its events in order."""
    receiver = servers.receiver(0, log)
    try:
        return _bare(receiver.port, ENDPOINTS * EVENTS, ENDPOINTS, MESSAGE)
    finally:
        receiver.stop()


def told(port: int) -> dict[str, Any]:
    """What a receiver has seen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/")
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def _push_to(url: str, port: int) -> None:
    settings = {"url": f"http://127.0.0.1:{port}/orders", "rules": [
        {"outcome": "delivered", "status": ["2xx"], "confirmationNumber": "body.number"}]}  # fmt: skip
    policy = json.dumps({"concurrency": IN_FLIGHT})
    store = await open_store(url, key_file=key_file_for(url))

    async def write(tx: Tx) -> None:
        kind = Http(Caller(Targets((ip_network("127.0.0.0/8"),)))).check(settings, {}, {})
        await tx.write_delivery(SourceDelivery(1, 1, "http", kind.settings, kind.secrets, policy, False, 2, 1, 1))

    await store.write(write)
    await store.close()


async def hand_over(url: str, log: Path) -> Figure:
    """A worker hands over every request of a fresh database, until the last is settled; memory of the worker."""
    await seeding.waypost(url, REQUESTS)
    receiver = servers.receiver(ANSWERS_AFTER_S, log)
    try:
        await _push_to(url, receiver.port)
        worker = servers.worker(url, IN_FLIGHT, log)
        try:
            sql = "SELECT count(*) AS n FROM fulfillment_request_state WHERE account_id = 1 AND status = 'processing'"
            ended = await _until(url, sql, 0, REQUESTS)
            found = told(receiver.port)
            if found["calls"] != REQUESTS:
                raise RuntimeError(f"{found['calls']} calls were made for {REQUESTS} requests")
            cpu = sum(worker.cpu_s())
            return {"per_second": REQUESTS / (ended - found["first"]), "memory_mib": worker.memory_mib(),
                    "cpu_us": cpu / REQUESTS * 1e6}  # fmt: skip
        finally:
            worker.stop()
    finally:
        receiver.stop()


async def fan_out(url: str, log: Path) -> Figure:
    """A worker sends the same backlog of events to ten endpoints, until the last delivery is written."""
    await seeding.waypost(url, EVENTS // 2)  # each order, and its request
    receiver = servers.receiver(0, log)
    try:
        await _subscribe(url, receiver.port)
        worker = servers.worker(url, IN_FLIGHT, log)
        try:
            sql = "SELECT count(*) AS n FROM webhook_delivery WHERE status = 'delivered'"
            ended = await _until(url, sql, ENDPOINTS * EVENTS, ENDPOINTS * EVENTS)
            cpu = sum(worker.cpu_s())
            return {"per_second": ENDPOINTS * EVENTS / (ended - told(receiver.port)["first"]),
                    "cpu_us": cpu / (ENDPOINTS * EVENTS) * 1e6}  # fmt: skip
        finally:
            worker.stop()
    finally:
        receiver.stop()


async def _subscribe(url: str, port: int) -> None:
    store = await open_store(url, key_file=key_file_for(url))
    row = {
        "account_id": 1, "source_id": None, "channel_id": None, "status": "active", "subscribed": '["*"]',
        "strict_order": False, "timeout_s": 15, "secret": "whsec_" + "QUJD" * 8, "cursor": 0, "failures": 0,
        "paused_until": 0, "lease_until": 0, "created_at": 1, "updated_at": 1,
    }  # fmt: skip

    async def write(tx: Tx) -> None:
        for n in range(ENDPOINTS):
            (id_,) = await tx.new_ids("webhook", 1)  # the secret is bound to its row
            await tx.insert_row("webhook", {**row, "id": id_, "name": f"W{n}", "url": f"http://127.0.0.1:{port}/{n}"})

    await store.write(write)
    await store.close()


async def _until(url: str, sql: str, count: int, whole: int) -> float:
    """When (seconds of the monotonic clock) this statement first gave this count.

    Looking costs what is measured: it looks now and then, and closely when little of the `whole` is left.
    """
    began = time.monotonic()
    while True:
        left = abs((await orders.rows(url, sql))[0]["n"] - count)
        if not left:
            return time.monotonic()
        if time.monotonic() - began > WITHIN_S:
            raise RuntimeError(f"the bench waited in vain for {count}: {sql}")
        await asyncio.sleep(0.02 if left * 20 < whole else 0.25)


def follow(port: int, load: Callable[[Job], Figure], first: int) -> Figure:
    """Failures by 16 callers while one reader follows the feed: how fast they were, and how fast the reader was."""
    after = _feed(port, "latest")["next"]
    seen: list[float] = []
    reader = threading.Thread(target=_read, args=(port, after, seen))
    reader.start()
    found = load(Job(port, "fail", 16, FED, first))
    ended = time.monotonic()
    reader.join(WITHIN_S)
    if len(seen) != FED:
        raise RuntimeError(f"the reader of the feed saw {len(seen)} of {FED} events")
    took, late = FED / found["per_second"], max(seen[-1] - ended, 0.0)
    return {"per_second": found["per_second"], "read_per_second": FED / (took + late)}


def _feed(port: int, after: str, connection: http.client.HTTPConnection | None = None) -> dict[str, Any]:
    used = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    used.request("GET", f"/events?after={after}&limit=500&wait=10", headers={"X-API-TOKEN": TOKEN})
    page: dict[str, Any] = json.loads(used.getresponse().read())
    return page


def _read(port: int, after: str, seen: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    while len(seen) < FED:
        page = _feed(port, after, connection)
        after = page["next"]
        now = time.monotonic()
        seen += [now] * len(page["events"])
    connection.close()
