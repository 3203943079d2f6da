"""Calls that leave the hub: to addresses that may be called, once, and bounded."""

import asyncio
import socket
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import uvloop

from tests.delivery.conftest import LOOPBACK
from waypost.outgoing.calling import Answer, Caller, NoAnswer, NotSent
from waypost.outgoing.connections import GuardedConnector
from waypost.outgoing.targets import Targets


@pytest.mark.parametrize(
    ("address", "secure", "may"),
    [
        ("93.184.216.34", True, True), ("93.184.216.34", False, False), ("127.0.0.1", True, False),
        ("10.1.2.3", True, False), ("169.254.169.254", True, False), ("100.64.0.1", True, False),
        ("0.0.0.0", True, False), ("224.0.0.1", True, False), ("::1", True, False), ("fe80::1", True, False),
        ("fd00::1", True, False), ("::ffff:127.0.0.1", True, False), ("64:ff9b::a00:1", True, False),
        ("2002:7f00:1::", True, False), ("2606:2800:220:1::1", True, True),
    ],
)  # fmt: skip
def test_only_public_addresses_are_called(address: str, secure: bool, may: bool) -> None:
    assert Targets().may_call(ip_address(address), secure) is may


def test_an_operator_may_allow_more() -> None:
    allowed = Targets((ip_network("10.1.0.0/16"),))
    assert allowed.may_call(ip_address("10.1.2.3"), False)
    assert allowed.may_call(ip_address("::ffff:10.1.2.3"), False)
    assert not allowed.may_call(ip_address("10.2.0.1"), True)
    assert allowed.fault("http://10.1.2.3/x") is None
    assert allowed.fault("http://10.2.0.1/x") is not None


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "a.example", "https://", "https://u:p@a.example/", "https://a.example/#x",
            "http://a.example/", "https://a.example:99999/", "https://[::1]/", "https://127.0.0.1/"],
)  # fmt: skip
def test_a_url_that_can_never_be_called_is_told(url: str) -> None:
    assert Targets().fault(url) is not None


class RawServer:
    """Speaks bytes: answers every connection with the next of its replies, `None` hangs up."""

    def __init__(self) -> None:
        self.replies: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.port = 0

    async def open(self) -> asyncio.Server:
        """Listen."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self.replies:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head)
            if b"ontent-Length: 2" in head:
                await reader.readexactly(2)
            reply = self.replies.pop(0)
            if reply is None:
                break
            writer.write(reply)
            await writer.drain()
        writer.close()


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    """A server that does as it is told."""
    made = RawServer()
    server = await made.open()
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """May call the loopback."""
    made = Caller(LOOPBACK)
    yield made
    await made.close()


async def call(caller: Caller, raw: RawServer, method: str = "POST", at_most: int = 1000) -> Answer:
    """One call with a small body."""
    return await caller.call(method, f"http://127.0.0.1:{raw.port}/x", {}, b"{}", 5.0, 2.0, at_most)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_nothing_is_sent_again_when_a_kept_connection_turns_out_closed(
    raw: RawServer, caller: Caller, method: str
) -> None:
    raw.replies = [OK, None, OK]
    assert (await call(caller, raw, method)).status == 200
    with pytest.raises(NoAnswer):
        await call(caller, raw, method)
    assert len(raw.requests) == 2


async def test_redirects_are_not_followed(raw: RawServer, caller: Caller) -> None:
    raw.replies = [b"HTTP/1.1 307 Over There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"]
    assert (await call(caller, raw)).status == 307
    assert len(raw.requests) == 1


async def test_a_long_answer_is_read_up_to_its_limit(raw: RawServer, caller: Caller) -> None:
    raw.replies = [b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000]
    answer = await call(caller, raw)
    assert (len(answer.body), answer.complete) == (1000, False)


async def test_an_answer_without_an_end_is_left_at_its_limit(raw: RawServer, caller: Caller) -> None:
    sent, ended = 0, asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            while sent < 64 * 2**20:
                writer.write(b"x" * 65_536)
                await writer.drain()
                sent += 65_536
        writer.close()
        ended.set()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    answer = await call(caller, raw, at_most=100_000)
    assert (len(answer.body), answer.complete) == (100_000, False)
    async with asyncio.timeout(30):
        await ended.wait()
    assert sent < 16 * 2**20  # what lay in buffers on the way
    server.close()


@pytest.mark.parametrize("reply", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", None])
async def test_an_answer_that_is_none_is_no_answer(raw: RawServer, caller: Caller, reply: bytes | None) -> None:
    raw.replies = [reply]
    with pytest.raises(NoAnswer):
        await call(caller, raw)


async def test_what_cannot_be_reached_was_not_sent(caller: Caller) -> None:
    server = await RawServer().open()
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(NotSent, match=r"^The host cannot be reached: connection refused\.$"):
        await caller.call("POST", f"http://127.0.0.1:{port}/", {}, b"{}", 5.0, 2.0, 10)


async def test_a_name_that_leads_inside_is_not_called(raw: RawServer) -> None:
    """By what it resolves to: `localhost` is a name like any other."""
    caller = Caller(Targets((ip_network("192.0.2.0/24"),)))
    for scheme in ("http", "https"):
        with pytest.raises(NotSent, match="no address that may be called") as refused:
            await caller.call("POST", f"{scheme}://localhost:{raw.port}/", {}, b"{}", 5.0, 2.0, 10)
        assert refused.value.forbidden
    assert raw.requests == []
    await caller.close()


@pytest.mark.parametrize("headers", [{"X-Signature": "a\nb"}, {"X\r\nY": "z"}, {"X": "\0"}])
async def test_a_call_that_the_library_refuses_was_not_sent(
    raw: RawServer, caller: Caller, headers: dict[str, str]
) -> None:
    with pytest.raises(NotSent, match="cannot be sent with these settings") as refused:
        await caller.call("POST", f"http://127.0.0.1:{raw.port}/x", headers, b"{}", 5.0, 2.0, 10)
    assert refused.value.permanent
    assert raw.requests == []
    raw.replies = [OK]
    assert (await call(caller, raw)).status == 200


async def test_what_goes_wrong_before_the_body_is_written_was_not_sent(
    raw: RawServer, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*given: Any, **more: Any) -> Any:
        raise RuntimeError("no connection to be had")

    monkeypatch.setattr(GuardedConnector, "connect", broken)
    with pytest.raises(NotSent, match="nothing was sent") as refused:
        await call(caller, raw)
    assert not refused.value.permanent


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Flood:
    """Sends the same bytes for ever, on a thread of its own: however fast they are read, there are more.

    `go`: when it is set, after the first of them; it is set unless `waits`.
    """

    def __init__(self, first: bytes, block: bytes, waits: bool = False) -> None:
        self.go = threading.Event()
        if not waits:
            self.go.set()
        self._first, self._block = first, block * (65536 // len(block))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            peer, _ = self._socket.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(self._first)
                self.go.wait(30)
                while True:
                    peer.sendall(self._block)

    @property
    def is_open(self) -> bool:
        """Whether it can still send."""
        return self._thread.is_alive()

    def end(self) -> None:
        """The other side has closed its connection, or never opened one."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("block", [CONTINUE, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"X-More: x\r\n"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_source_that_sends_no_answer_without_end_is_bounded(block: bytes, loop: str) -> None:
    """In time, and in memory: uvloop reads many times before a call gets its turn."""
    flood = Flood(b"HTTP/1.1 200 OK\r\n" if block.startswith(b"X") else b"", block)

    async def called() -> float:
        caller = Caller(LOOPBACK)
        began = time.monotonic()
        with pytest.raises(NoAnswer) as lost:
            await caller.call("POST", f"http://127.0.0.1:{flood.port}/x", {}, b"{}", 60.0, 2.0, 1000)
        await caller.close()
        assert block.startswith(b"X") or "sent more than 512 KiB and no answer" in lost.value.message
        return time.monotonic() - began

    tracemalloc.start()
    try:
        took_s = uvloop.run(called()) if loop == "uvloop" else asyncio.run(called())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        flood.end()
    assert took_s < 20
    assert peak < 60_000_000, peak


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_what_comes_on_a_connection_that_nobody_uses_is_bounded(loop: str) -> None:
    """It was answered; then the other side goes on sending while the connection waits for the next call."""
    flood = Flood(OK, CONTINUE, waits=True)

    async def called() -> None:
        caller = Caller(LOOPBACK)
        answer = await caller.call("POST", f"http://127.0.0.1:{flood.port}/x", {}, b"{}", 60.0, 2.0, 1000)
        assert answer.status == 200
        flood.go.set()
        deadline = time.monotonic() + 20
        while flood.is_open and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await caller.close()

    tracemalloc.start()
    try:
        uvloop.run(called()) if loop == "uvloop" else asyncio.run(called())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        flood.end()
    assert peak < 60_000_000, peak


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_long_answer_is_no_flood(loop: str, chunked: bool) -> None:
    """However much of its body comes before the call gets its turn."""
    first = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 99999999\r\n\r\n"
    flood = Flood(b"HTTP/1.1 200 OK\r\n" + first, b"400\r\n" + b"x" * 1024 + b"\r\n" if chunked else b"x")

    async def called() -> Answer:
        caller = Caller(LOOPBACK)
        try:
            return await caller.call("POST", f"http://127.0.0.1:{flood.port}/x", {}, b"{}", 60.0, 2.0, 3_000_000)
        finally:
            await caller.close()

    answer = uvloop.run(called()) if loop == "uvloop" else asyncio.run(called())
    flood.end()
    assert (answer.status, len(answer.body), answer.complete) == (200, 3_000_000, False)
