"""Thousands of requests with a few bytes changed: no answer that was not asked for, and no fault of the hub's own.

`WAYPOST_MUTATED=100000` sends more of them, `WAYPOST_MUTATED_SEED` others (`make test-all`).
"""

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.fault.merchant import TOKEN, fill
from tests.hostile.raw import Answer, Raw, Rest, complaints, read_answers, read_requests, resident_mib
from tests.support.engines import SqliteEngine
from tests.support.process import ServerProcess

REQUESTS = int(os.environ.get("WAYPOST_MUTATED", "10000"))
SEED = int(os.environ.get("WAYPOST_MUTATED_SEED", "1"))
WARM_UP = 1000
AT_ONCE = 400
ADDRESSES = [f"127.0.0.{n}" for n in range(2, 42)]
MORE_MIB = 20  # of memory, after the warm-up
ENDS_WITHIN_S = 20.0  # the server waits for 1 s, but this machine may be busy
A_MOMENT_S = 0.02
OPTIONS = ("--client-timeout", "1", "--idle-timeout", "1", "--rate-limit", "off", "--max-connections-per-address", "5000")

HEAD = f"Host: hub.example\r\nX-API-TOKEN: {TOKEN}\r\n".encode()
ORDER = b'{"orderNumber": "M-%d", "channelId": 1, "orderItems": [{"sku": "A", "quantity": 1, "price": 1}]}'


def _ask(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return line + b" HTTP/1.1\r\n" + HEAD + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def _long(line: bytes, body: bytes, *headers: bytes) -> bytes:
    return _ask(line, b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers, body=body)


def _chunked(line: bytes, *parts: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"
    return _ask(line, b"Content-Type: application/json", b"Transfer-Encoding: chunked", body=body)


_READ = _ask(b"GET /account")
_FAIL = _ask(b"PATCH /fulfillment-requests/1/processing-failed?error=Out%20of%20stock", b'If-Match: "1"')
_UPGRADE = (b"Upgrade: websocket", b"Connection: upgrade")
WELL_FORMED: tuple[bytes, ...] = (
    _READ,
    _ask(b"HEAD /fulfillment-requests?limit=2&offset=1", b"Accept: */*"),
    _ask(b"GET /fulfillment-requests/2", b"X-Request-Id: mine", b"Connection: close"),
    b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    _ask(b"GET http://hub.example/sources?x=%20"),
    _FAIL,
    _ask(b"OPTIONS /orders/1"),
    _long(b"POST /orders", ORDER % 1, b"Idempotency-Key: one"),
    _chunked(b"POST /orders?dryRun=true", (ORDER % 2)[:20], (ORDER % 2)[20:]),
    _chunked(b"POST /orders", ORDER % 3, trailer=b"X-Sum: 1\r\nX-API-TOKEN: none\r\n"),
    _long(b"POST /orders", ORDER % 4, b"Expect: 100-continue"),
    _READ + _ask(b"GET /sources"),
    _long(b"POST /orders", ORDER % 5) + _READ,
    _chunked(b"POST /orders", ORDER % 6) + _FAIL + _READ,
    _long(b"GET /account", _READ),
    _ask(b"GET /account", *_UPGRADE) + _READ,
    _long(b"POST /orders", ORDER % 7, *_UPGRADE) + _READ,
)
LINES = (
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked", b"Content-Length: 0",
    b"Content-Length: 5", b"Content-Length: 99999", b"Host: other", b"Connection: close", b"Connection: keep-alive",
    b"Connection: upgrade", b"Upgrade: h2c", b"Expect: 100-continue", b"X-API-TOKEN: none", b"Content-Encoding: gzip",
    b" folded", b"\tfolded", b"X-A : a", b": a", b"GET /account HTTP/1.1", b"0", b"", b"5;a=b",
)  # fmt: skip
ODD = (b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"%", b"#", b"/", b"\x7f", b"\x0b", b"_")
NUMBERS = (b"0", b"1", b"-1", b"+5", b"00005", b"0x5", b"99999999999999999999999", b"18446744073709551616", b"4294967296",
           b"5,5", b"5 5", b"ff", b"ffffffffffffffff", b"65536", b"2", b"3")  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]


def _place(chance: random.Random, data: bytes) -> int:
    return chance.randrange(len(data) + 1)


def _delete(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + data[at + chance.choice((1, 1, 1, 2, 3, 10)) :]


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    new = chance.choice((chance.choice(ODD), chance.choice(ODD), bytes([chance.randrange(256)]), bytes([chance.randrange(128, 256)])))
    return data[:at] + new + data[at:]


def _replace(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.choice((chance.choice(ODD), bytes([chance.randrange(256)]))) + data[at + 1 :]


def _duplicate(chance: random.Random, data: bytes) -> bytes:
    at, ends = sorted((_place(chance, data), _place(chance, data)))
    return data[:ends] + data[at:]


def _truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: _place(chance, data)]


def _change_case(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + data[at : at + chance.choice((1, 4, 20))].swapcase() + data[at + 20 :]


def _change_number(chance: random.Random, data: bytes) -> bytes:
    numbers = list(re.finditer(rb"(?<![\w.])[0-9a-f]{1,3}(?![\w.])", data))
    if not numbers:
        return data
    number = chance.choice(numbers)
    near = b"%d" % max(0, int(number[0], 16) + chance.choice((-2, -1, 1, 2)))
    return data[: number.start()] + chance.choice((near, chance.choice(NUMBERS))) + data[number.end() :]


def _lines(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = chance.randrange(len(lines))
    what = chance.randrange(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[at])
    elif what == 2:
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines.insert(at, chance.choice(LINES))
    return b"\r\n".join(lines)


def _line_end(chance: random.Random, data: bytes) -> bytes:
    ends = [found.start() for found in re.finditer(b"\r\n", data)]
    if not ends:
        return data
    at = chance.choice(ends)
    return data[:at] + chance.choice((b"\n", b"\r", b"", b"\r\r\n", b"\n\r", b" \r\n", b"\r\n\r\n", b"\r\n ")) + data[at + 2 :]


def _splice(chance: random.Random, data: bytes) -> bytes:
    other = chance.choice(WELL_FORMED)
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def _follow(chance: random.Random, data: bytes) -> bytes:
    return data + chance.choice(WELL_FORMED)


MUTATIONS: tuple[Mutation, ...] = (
    _delete, _insert, _insert, _replace, _duplicate, _truncate, _change_case, _change_number, _change_number, _lines,
    _lines, _lines, _line_end, _line_end, _splice, _follow,
)  # fmt: skip


class Sent(NamedTuple):
    """What one connection sends: in how many pieces, and what the client does with its half then."""

    number: int
    pieces: Sequence[bytes]
    ending: str  # "never", "at once", "later"

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)


def mutated(number: int) -> Sent:
    """The request of that number: always the same for one seed."""
    chance = random.Random(f"{SEED}-{number}")
    data = chance.choice(WELL_FORMED)
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(chance, data)
    cut = _place(chance, data) if chance.random() < 0.3 else len(data)
    return Sent(number, [data[:cut], data[cut:]], chance.choice(("never", "never", "at once", "later")))


async def send(port: int, sent: Sent) -> tuple[bytes, bool]:
    """All that the server answers until it ends the connection, and whether that is complete.

    Raises TimeoutError if the server does not end it.
    """
    async with await Raw.open(port, ADDRESSES[sent.number % len(ADDRESSES)]) as raw:
        for piece in sent.pieces:
            raw.send(piece)
            await asyncio.sleep(0)
        if sent.ending != "never":
            await asyncio.sleep(A_MOMENT_S if sent.ending == "later" else 0)
            raw.end_sending()
        received = await raw.rest(ENDS_WITHIN_S)
        return received, sent.ending == "never" and not raw.was_reset


def judge(sent: Sent, received: bytes, is_complete: bool) -> list[Answer]:
    """The answers, each of which was asked for, or is the one refusal that ends the connection."""
    answers = read_answers(received)
    asked = read_requests(sent.data)
    told = f"{len(answers)} answers to {asked.whole} requests and {asked.rest.value}"
    assert len(answers) <= asked.whole + (asked.rest is not Rest.NOTHING), told
    if is_complete and answers and not answers[-1].closes:
        assert len(answers) >= asked.whole, told
    for answer in answers:
        assert answer.status < 500 or answer.status == 501, answer
        if answer.body and answer.status >= 400:
            answer.problem()
    for answer in answers[:-1]:
        assert not answer.closes, answer
    if len(answers) > asked.whole and asked.rest is Rest.BROKEN:
        assert answers[-1].closes, told
    return answers


class Seen:
    """What came of all of them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.statuses: Counter[int] = Counter()
        self.faults: list[str] = []
        self.answers: Counter[int] = Counter()
        self.unheard = 0  # a server that is very busy takes a connection for idle before it reads what came

    async def send(self, first: int, count: int) -> None:
        """These requests, many at once."""
        numbers = iter(range(first, first + count))
        await asyncio.gather(*(self._send(numbers) for _ in range(AT_ONCE)))

    async def _send(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            sent = mutated(number)
            received = b""
            try:
                received, is_complete = await send(self._port, sent)
                answers = judge(sent, received, is_complete)
                self.statuses.update(answer.status for answer in answers)
                self.answers[len(answers)] += 1
                self.unheard += is_complete and not answers and read_requests(sent.data).whole > 0
            except Exception as error:
                self.faults.append(
                    f"seed {SEED}, number {number}, ending {sent.ending}: {type(error).__name__}: {str(error)[:500]}\n"
                    f"  sent {list(sent.pieces)!r}\n  received {received[:2000]!r}"
                )


async def test_mutated_requests_have_no_answer_that_was_not_asked_for(tmp_path: Path) -> None:
    url = await SqliteEngine(tmp_path).migrated()
    await fill(url, 20)
    async with ServerProcess(url, tmp_path / "log", *OPTIONS) as server:
        seen = Seen(server.port)
        await seen.send(REQUESTS, WARM_UP)
        before = resident_mib(server.pid)
        await seen.send(0, REQUESTS)
        grown = resident_mib(server.pid) - before
        async with await Raw.open(server.port) as raw:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await raw.answer()).status == 200
    assert not seen.faults, f"{len(seen.faults)} faults, of which the first:\n" + "\n".join(sorted(seen.faults)[:10])
    assert complaints((tmp_path / "log").read_text()) == []
    assert grown <= MORE_MIB, f"{grown:.1f} MiB more"
    assert seen.unheard <= REQUESTS / 50
    # The requests were neither all good nor all bad.
    assert {200, 201, 204, 400, 401, 404, 501} <= seen.statuses.keys()
    assert min(seen.answers[n] for n in (0, 1, 2)) > REQUESTS / 100
