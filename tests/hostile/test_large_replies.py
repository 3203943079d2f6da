"""Replies of megabytes, to clients that do not read them, leave, or take them compressed and slowly."""

import asyncio
import gzip
import hashlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.fault.merchant import TOKEN, fill
from tests.hostile.raw import complaints, forget_peak, peak_mib, resident_mib
from tests.support.engines import SqliteEngine
from tests.support.process import ServerProcess, waypost

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDERS, LINES = 40, 100
LISTS = ("/orders?pageSize=1000", "/fulfillment-requests?filterPageSize=100", "/purchase-orders?filterPageSize=100")
HELD_MIB = 64  # that the server keeps of unread answers
TIMES = 8  # as much memory as the reply, that its rows, its records and its text take together
WAITING = 4 + 3  # results that were read from the database and are not sent yet: those that wait, and one a reader


class Hub(NamedTuple):
    """A server, its log, and tokens of one account."""

    server: ServerProcess
    log: Path
    tokens: tuple[str, ...]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """One server; at the end its log tells of no defect."""
    folder = tmp_path_factory.mktemp("large")
    url = await SqliteEngine(folder).migrated()
    await fill(url, ORDERS, lines=LINES)
    tokens = [TOKEN]
    for number in range(2):
        code, said = await waypost("token", "create", "--database", url, "--name", f"other {number}")
        token = re.search(r"wp_\S+", said)
        assert code == 0, said
        assert token is not None, said
        tokens.append(token[0])
    server = ServerProcess(url, folder / "log", "--client-timeout", "5")
    server.run_by()  # its memory is measured: it has none of another process
    async with server:
        yield Hub(server, folder / "log", tuple(tokens))
    assert complaints((folder / "log").read_text()) == []


def asks(target: str, token: str = TOKEN, *more: str) -> bytes:
    """A request."""
    lines = (f"GET {target} HTTP/1.1", "Host: hub", f"X-API-TOKEN: {token}", *more, "", "")
    return "\r\n".join(lines).encode()


def connected(hub: Hub, small: bool = False) -> socket.socket:
    """A connection; `small`: with little room for what it does not read."""
    one = socket.socket()
    if small:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(30)
    one.connect(("127.0.0.1", hub.server.port))
    return one


def read(one: socket.socket, step: int = 2**20) -> tuple[dict[str, str], bytes]:
    """The headers and the body of the next answer, which must be 200; read in steps."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(one, step)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "http/1.1 200 ok"
    parts, left = [body], int(headers["content-length"]) - len(body)
    while left:
        parts.append(received(one, min(step, left)))
        left -= len(parts[-1])
    return headers, b"".join(parts)


def received(one: socket.socket, step: int) -> bytes:
    """Some more bytes."""
    more = one.recv(step)
    assert more, "the server has closed"
    return more


def asked(hub: Hub, target: str, *more: str) -> tuple[dict[str, str], bytes]:
    """What a call gets on a connection of its own."""
    with connected(hub) as one:
        one.sendall(asks(target, TOKEN, *more))
        return read(one)


@pytest.mark.parametrize("target", LISTS)
async def test_a_reply_of_megabytes_is_whole(target: str, hub: Hub) -> None:
    headers, body = await asyncio.to_thread(asked, hub, target)
    assert len(body) > 2**20
    assert len(json.loads(body)) == ORDERS
    assert "content-encoding" not in headers


async def test_who_takes_it_compressed_and_slowly_gets_all_of_it(hub: Hub) -> None:
    """A small window, and small steps: the server waits for room thousands of times."""

    def slowly() -> tuple[dict[str, str], bytes]:
        with connected(hub, small=True) as one:
            one.sendall(asks(LISTS[0], TOKEN, "Accept-Encoding: gzip"))
            return read(one, step=512)

    plain = await asyncio.to_thread(asked, hub, LISTS[0])
    headers, packed = await asyncio.to_thread(slowly)
    assert headers["content-encoding"] == "gzip"
    assert len(packed) < len(plain[1]) / 5
    assert hashlib.sha256(gzip.decompress(packed)).digest() == hashlib.sha256(plain[1]).digest()


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_who_leaves_before_or_within_the_reply_holds_nobody_up(encoding: str, hub: Hub) -> None:
    def leave() -> None:
        with ExitStack() as stack:
            many = [stack.enter_context(connected(hub)) for _ in range(30)]
            for place, one in enumerate(many):
                one.sendall(asks(LISTS[place % 3], TOKEN, f"Accept-Encoding: {encoding}"))
                if place % 2:
                    one.recv(100)

    await asyncio.to_thread(leave)
    assert json.loads((await asyncio.to_thread(asked, hub, "/account"))[1])
    assert len(json.loads((await asyncio.to_thread(asked, hub, LISTS[0]))[1])) == ORDERS


async def test_lists_that_nobody_reads_are_bounded(hub: Hub) -> None:
    """Of several tokens, and more of them than the limit of unread answers has room for."""
    size = len((await asyncio.to_thread(asked, hub, LISTS[0]))[1]) / 2**20
    count = 200
    assert count * size > 3 * HELD_MIB

    def flood() -> None:
        with ExitStack() as stack:
            for number in range(count):
                one = stack.enter_context(connected(hub, small=True))
                one.sendall(asks(LISTS[0], hub.tokens[number % 3]))
            with connected(hub) as honest:  # asked last, and answered all the same
                honest.sendall(asks("/account", hub.tokens[0]))
                assert json.loads(read(honest)[1])
            until = time.monotonic() + 60
            while hub.log.read_text().count('"operation":"list_orders"') < told + count:
                assert time.monotonic() < until
                time.sleep(0.05)

    told = hub.log.read_text().count('"operation":"list_orders"')
    before = resident_mib(hub.server.pid)
    forget_peak(hub.server.pid)
    await asyncio.to_thread(flood)
    assert peak_mib(hub.server.pid) < before + HELD_MIB + WAITING * TIMES * size
    assert json.loads((await asyncio.to_thread(asked, hub, "/account"))[1])
