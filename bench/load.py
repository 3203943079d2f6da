"""The load generator: a process of its own, keep-alive connections, a fixed number of calls, every latency kept.

Plain protocols on uvloop with the least parsing that HTTP/1.1 allows; the table shows what it reaches on the bare
function, so that one can see that it is faster than what it measures.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import uvloop

from waypost.wire.feed import write_cursor

TOKEN = "wp_bench"


class Job(NamedTuple):
    """What to send. `first` is the first id; each call takes the one `stride` further (0: the same one).

    `seconds`: no call begins later than this after the first one; 0: all are sent. `mixed`: in any order, the same in
    each run, as callers ask.
    """

    port: int
    kind: str  # fail, fail_key, order, or one of READS and WRITES
    connections: int
    calls: int
    first: int
    stride: int = 1
    seconds: float = 0
    mixed: bool = False


def order_body(number: int, payment: str = "Paid") -> bytes:
    """An order of three lines, paid, so that its channel generates by itself; no two are alike, or they would be held."""
    items = [{"sku": f"SKU-{n}", "title": "Thing", "quantity": 2, "price": 9.99} for n in (1, 2, 3)]
    address = {"name": "Zoë Müller", "addressLine1": f"Gasse {number}", "city": "Zürich", "country": "Switzerland"}
    body = {"channelId": 2, "orderNumber": f"LOAD-{number}", "paymentStatus": payment, "shippingText": "Ground",
            "shippingAddress": address, "orderItems": items}  # fmt: skip
    return json.dumps(body).encode()


# Reads by kind: the path, with the id of the call.
READS = {
    "get": "/fulfillment-requests/{id}",
    "page": "/fulfillment-requests?filterPageSize=50",
    "since": "/fulfillment-requests?sinceId={id}&filterPageSize=50",
    "timeline": "/fulfillment-requests/{id}/events",
    "attention": "/attention",
    "summary": "/attention?limit=0",
    "peek": "/fulfillment-requests/processing?filterSourceId={id}&peek=true",
    "pull": "/fulfillment-requests/processing?filterSourceId={id}",
    "feed": "/events?limit=50&after={cursor}",
}


def ship_body(request_id: int) -> bytes:
    """One piece of SKU-0. No two shipments have the same tracking number."""
    items = [{"sku": "SKU-0", "quantity": 1}]
    shipment = {"trackingNumber": f"{request_id}-{time.time_ns()}", "carrier": "UPS", "shipmentItems": items}
    return json.dumps({"fulfillmentRequestId": request_id, "shipment": shipment}).encode()


# Writes by kind that send a body: the path, and the body made from the id of the call.
WRITES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "order": ("/orders", order_body),
    "ship": ("/shipments", ship_body),
}


def requests(job: Job) -> Iterator[bytes]:
    """The calls, ready to be sent."""
    tail = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-TOKEN: {TOKEN}\r\n"
    ids = [job.first + n * job.stride for n in range(job.calls)]
    if job.mixed:
        random.Random(1).shuffle(ids)
    for id_ in ids:
        if job.kind in WRITES:
            path, body_of = WRITES[job.kind]
            body = body_of(id_)
            head = f"POST {path} {tail}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            yield head.encode() + body
        elif job.kind in READS:
            path = READS[job.kind].format(id=id_, cursor=write_cursor(1, id_))
            yield f"GET {path} {tail}\r\n".encode()
        else:
            key = f"Idempotency-Key: k{id_}\r\n" if job.kind == "fail_key" else ""
            yield (
                f"PATCH /fulfillment-requests/{id_}/processing-failed?error=The%20supplier%20has%20no%20stock "
                f"{tail}{key}Content-Length: 0\r\n\r\n"
            ).encode()


class Caller(asyncio.Protocol):
    """One connection: sends a call, waits for its answer, sends the next."""

    def __init__(self, calls: Iterator[bytes], done: "asyncio.Future[None]", book: "Book") -> None:
        self._calls = calls
        self._done = done
        self._book = book
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """A server that closes has failed."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed by the server"))

    def _next(self) -> None:
        call = next(self._calls, None)
        if call is None:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(call)

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of it."""
        data = self._rest + data if self._rest else data
        end = data.find(b"\r\n\r\n")
        if end < 0 or (len(data) < end + 4 + _length(data[:end])):
            self._rest = data
            return
        self._rest = b""
        self._book.statuses[data[9:12]] += 1
        self._book.seconds.append(time.perf_counter() - self._sent)
        self._next()


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    if place < 0:
        return 0
    end = head.find(b"\r\n", place)
    return int(head[place + 15 : end if end > 0 else len(head)])


class Book:
    """What came back."""

    def __init__(self) -> None:
        self.statuses: Counter[bytes] = Counter()
        self.seconds: list[float] = []


async def run(job: Job) -> dict[str, object]:
    """Send everything; what came of it."""
    loop = asyncio.get_running_loop()
    book, calls = Book(), requests(job)
    waiting = [loop.create_future() for _ in range(job.connections)]
    began = time.perf_counter()
    if job.seconds:
        calls = itertools.takewhile(lambda _: time.perf_counter() - began < job.seconds, calls)
    for done in waiting:
        await loop.create_connection(lambda done=done: Caller(calls, done, book), "127.0.0.1", job.port)  # type: ignore[misc]
    await asyncio.gather(*waiting)
    took = time.perf_counter() - began
    ordered = sorted(book.seconds)
    return {
        "calls": len(ordered),
        "per_second": len(ordered) / took,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "statuses": {status.decode(): count for status, count in book.statuses.items()},
    }


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    print(json.dumps(uvloop.run(run(Job(**arguments)))))
