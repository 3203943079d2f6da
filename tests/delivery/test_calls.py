"""Calls that leave the hub: to addresses that may be called, once, and bounded."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network

import pytest

from tests.delivery.conftest import LOOPBACK
from waypost.outgoing.calling import Answer, Caller, NoAnswer, NotSent
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
    with pytest.raises(NotSent, match="cannot be reached"):
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
