"""HTTP/1.1 on real sockets: what is sent, and in how many pieces; connections that stay, end, or are never quiet."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from waypost.http import protocol
from waypost.http.protocol import Protocol

App = Callable[[Any, Any, Any], Awaitable[None]]
Served = Callable[..., Awaitable["Connection"]]


class Server(uvicorn.Server):
    """uvicorn's server, which leaves the signals of the process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing."""
        yield


class Connection:
    """A client that sees the bytes as they come."""

    def __init__(self, server: uvicorn.Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self._writer = writer

    async def another(self) -> "Connection":
        """Another connection to the same server."""
        place = self._writer.get_extra_info("peername")
        return Connection(self.server, *await asyncio.open_connection(*place))

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A head of these lines, and a body."""
        self._writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)

    async def head(self) -> str:
        """Status line and headers of the next answer."""
        return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()

    async def answer(self) -> tuple[str, bytes]:
        """Head and body of the next answer."""
        head = await self.head()
        length = next((line for line in head.split("\r\n") if line.startswith("content-length:")), "content-length: 0")
        return head, await self.reader.readexactly(int(length.split(":")[1]))

    async def ended(self) -> bytes:
        """What is left until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@pytest.fixture
async def serve() -> AsyncIterator[Served]:
    """Serve an application; connections to it."""
    running: list[tuple[Server, socket.socket, asyncio.Task[None]]] = []
    opened: list[Connection] = []

    async def start(app: App, keep_alive_s: float = 30) -> Connection:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=Protocol, ws="none", lifespan="off", log_config=None, server_header=False,
            timeout_keep_alive=keep_alive_s,  # type: ignore[arg-type]  # seconds; uvicorn only adds them
        )  # fmt: skip
        server = Server(config)
        running.append((server, listening, asyncio.create_task(server.serve(sockets=[listening]))))
        connection = Connection(server, *await asyncio.open_connection(*listening.getsockname()))
        opened.append(connection)
        return connection

    yield start
    for connection in opened:
        connection.close()
    for server, listening, task in running:
        server.should_exit = True
        await task
        listening.close()


def answering(body: bytes = b"hello", status: int = 200, *more: tuple[bytes, bytes], length: int | None = None) -> App:
    """An application that answers everything alike."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", str(len(body) if length is None else length).encode()), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers if status != 204 else [*more]})
        await send({"type": "http.response.body", "body": body})

    return app


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the path, the query and the body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    told = b"%s %s %s?%s %s" % (
        scope["method"].encode(), scope["path"].encode(), scope["raw_path"], scope["query_string"], body,
    )  # fmt: skip
    await answering(told)(scope, receive, send)


async def test_an_answer_is_one_write(serve: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    finish = protocol.Cycle._finish

    def watched(self: protocol.Cycle, answer: bytes) -> None:
        written.append(answer)
        finish(self, answer)

    monkeypatch.setattr(protocol.Cycle, "_finish", watched)
    client = await serve(answering())
    client.send("GET / HTTP/1.1")
    head, body = await client.answer()
    assert head.startswith("http/1.1 200 ok\r\n")
    assert "\r\ndate: " in head
    assert body == b"hello"
    assert len(written) == 1
    assert written[0].lower() == head.encode() + body


async def test_answers_of_one_round_go_out_together_and_long_ones_at_once(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    go = asyncio.Event()
    finish, flush = protocol.Cycle._finish, protocol.Outbox.flush

    def finished(self: protocol.Cycle, answer: bytes) -> None:
        told.append("answered")
        finish(self, answer)

    def flushed(self: protocol.Outbox) -> None:
        told.append("sent")
        flush(self)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await answering(b"x" * (protocol.TOGETHER_AT_MOST if scope["path"] == "/long" else 1))(scope, receive, send)

    monkeypatch.setattr(protocol.Cycle, "_finish", finished)
    monkeypatch.setattr(protocol.Outbox, "flush", flushed)
    first = await serve(app)
    clients = [first, await first.another(), await first.another()]
    for path, expected in (("/short", ["answered"] * 3 + ["sent"]), ("/long", ["answered", "sent"] * 3)):
        told.clear()
        go.clear()
        for client in clients:
            client.send(f"GET {path} HTTP/1.1")
        while len(first.server.server_state.tasks) < len(clients):
            await asyncio.sleep(0)
        go.set()
        for client in clients:
            await client.answer()
        assert told == expected
    for client in clients[1:]:
        client.close()


async def test_whoever_is_alone_is_answered_at_once(serve: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    send = protocol.Outbox.send

    def watched(self: protocol.Outbox, *args: Any) -> None:
        send(self, *args)
        written.append(len(self._waiting))

    monkeypatch.setattr(protocol.Outbox, "send", watched)
    client = await serve(answering())
    client.send("GET / HTTP/1.1")
    await client.answer()
    assert written == [0]


async def test_an_answer_that_waits_for_others_goes_out_before_a_polite_end(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may be told to end between an answer and its sending."""
    client = await serve(answering())
    send = protocol.Outbox.send

    def then_the_end(self: protocol.Outbox, transport: Any, answer: bytes, keep_alive: bool, alone: bool) -> None:
        send(self, transport, answer, keep_alive, False)
        for connection in list(client.server.server_state.connections):
            connection.shutdown()

    monkeypatch.setattr(protocol.Outbox, "send", then_the_end)
    client.send("GET / HTTP/1.1")
    assert (await client.answer())[1] == b"hello"
    assert await client.ended() == b""


async def test_an_answer_that_waits_goes_out_though_what_follows_breaks(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application after its answer, or the client with something that is no HTTP."""
    send = protocol.Outbox.send

    def waits(self: protocol.Outbox, transport: Any, answer: bytes, keep_alive: bool, alone: bool) -> None:
        send(self, transport, answer, keep_alive, False)

    async def breaking(scope: Any, receive: Any, send: Any) -> None:
        await answering()(scope, receive, send)
        raise RuntimeError("after the answer")

    def then_nonsense(self: protocol.Outbox, transport: Any, answer: bytes, keep_alive: bool, alone: bool) -> None:
        waits(self, transport, answer, keep_alive, False)
        (connection,) = other.server.server_state.connections
        connection.send_400_response("nonsense")

    monkeypatch.setattr(protocol.Outbox, "send", waits)
    client = await serve(breaking)
    client.send("GET / HTTP/1.1")
    assert (await client.answer())[1] == b"hello"
    assert await client.ended() == b""
    monkeypatch.setattr(protocol.Outbox, "send", then_nonsense)
    other = await serve(answering())
    other.send("GET / HTTP/1.1")
    assert (await other.answer())[1] == b"hello"
    assert (await other.head()).startswith("http/1.1 400 ")


async def test_a_connection_is_used_again_and_again(serve: Served) -> None:
    client = await serve(echo)
    for number in range(5):
        client.send(f"PATCH /a%20b/{number}?x=%20 HTTP/1.1", "Content-Length: 3", body=b"abc")
        _, body = await client.answer()
        assert body == b"PATCH /a b/%d /a%%20b/%d?x=%%20 abc" % (number, number)


async def test_pipelined_calls_are_answered_in_order(serve: Served) -> None:
    client = await serve(echo)
    client.raw(b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % n for n in range(4)))
    assert [(await client.answer())[1] for _ in range(4)] == [b"GET /%d /%d? " % (n, n) for n in range(4)]


async def test_a_body_in_pieces_is_read_whole(serve: Served) -> None:
    client = await serve(echo)
    client.send("POST / HTTP/1.1", "Content-Length: 6", body=b"ab")
    await asyncio.sleep(0)
    client.raw(b"cdef")
    assert (await client.answer())[1] == b"POST / /? abcdef"
    client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert (await client.answer())[1] == b"POST / /? abc"


async def test_the_body_is_asked_for_where_the_client_waits_to_be(serve: Served) -> None:
    client = await serve(echo)
    client.send("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
    assert (await client.head()).startswith("http/1.1 100 ")
    client.raw(b"ok")
    assert (await client.answer())[1] == b"POST / /? ok"


async def test_head_and_204_have_no_body(serve: Served) -> None:
    client = await serve(answering())
    client.send("HEAD / HTTP/1.1")
    head = await client.head()
    assert "content-length: 5" in head
    client.send("GET / HTTP/1.1")  # the next answer begins where the last head ended
    assert (await client.answer())[1] == b"hello"
    client = await serve(answering(b"", 204, (b"etag", b'"3"')))
    client.send("PATCH / HTTP/1.1")
    head = await client.head()
    assert head.startswith("http/1.1 204 ")
    assert 'etag: "3"' in head
    assert "content-length" not in head
    assert "transfer-encoding" not in head


@pytest.mark.parametrize("lines", [("GET / HTTP/1.0",), ("GET / HTTP/1.1", "Connection: close")])
async def test_a_client_that_wants_to_close_is_closed(lines: tuple[str, ...], serve: Served) -> None:
    client = await serve(answering())
    client.send(*lines)
    head, body = await client.answer()
    assert "connection: close" in head
    assert body == b"hello"
    assert await client.ended() == b""


async def test_what_is_no_answer_in_one_piece_goes_uvicorns_way(serve: Served) -> None:
    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"c"})

    client = await serve(streaming)
    client.send("GET / HTTP/1.1")
    assert "transfer-encoding: chunked" in await client.head()
    assert await client.reader.readuntil(b"0\r\n\r\n") == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    client = await serve(answering(b"bye", 200, (b"connection", b"close")))
    client.send("GET / HTTP/1.1")
    head, _ = await client.answer()
    assert head.count("connection: close") == 1
    assert await client.ended() == b""


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x=1", b"a\nb", b"a\0b", b"a\rb"])
async def test_a_header_cannot_become_two(value: bytes, serve: Served) -> None:
    client = await serve(answering(b"hello", 200, (b"x-told", value)))
    client.send("GET / HTTP/1.1")
    assert await client.ended() == b""  # uvicorn refuses it, and closes


async def test_a_length_that_is_wrong_is_never_sent_as_an_answer(serve: Served) -> None:
    client = await serve(answering(b"hello", length=9))
    client.send("GET / HTTP/1.1")
    assert b"hello" not in (await client.ended()).split(b"\r\n\r\n")[0]


async def test_an_application_that_breaks_before_its_body_is_a_500(serve: Served) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("on purpose")

    client = await serve(broken)
    client.send("GET / HTTP/1.1")
    head, _ = await client.answer()
    assert head.startswith("http/1.1 500 ")


async def test_who_waits_learns_that_the_caller_has_gone(serve: Served) -> None:
    learned = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        learned.set()

    client = await serve(waiting)
    client.send("GET / HTTP/1.1")
    await asyncio.sleep(0)
    client.close()
    async with asyncio.timeout(10):
        await learned.wait()


async def test_a_quiet_connection_is_closed_and_a_busy_one_is_not(serve: Served) -> None:
    client = await serve(answering(), keep_alive_s=0.2)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.7:
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[1] == b"hello"
    last = loop.time()
    assert await client.ended() == b""
    assert loop.time() - last < 5


async def test_a_call_that_takes_longer_than_a_quiet_connection_may_last_is_answered(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    look = Protocol.timeout_keep_alive_handler

    def watched(self: Protocol) -> None:
        look(self)
        looked.set()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            looked.clear()
            await looked.wait()
        await answering()(scope, receive, send)

    monkeypatch.setattr(Protocol, "timeout_keep_alive_handler", watched)
    client = await serve(slow, keep_alive_s=0.1)
    for path in ("/quick", "/slow"):  # the first answer starts the timer, which runs out during the second call
        client.send(f"GET {path} HTTP/1.1")
        assert (await client.answer())[1] == b"hello"
    assert await client.ended() == b""


async def test_a_head_that_never_ends_is_refused_while_it_comes_in(serve: Served) -> None:
    client = await serve(answering())
    client.raw(b"GET / HTTP/1.1\r\nX-Long: ")
    told = asyncio.create_task(client.head())
    # A piece at a time: what comes with the beginning of a head, 256 KiB at most, is not counted.
    for _ in range(2 * protocol.HEAD_AT_MOST // 65536 + 1):
        client.raw(b"x" * 65536)
        if (await asyncio.wait({told}, timeout=0.1))[0]:
            break
    assert told.done()
    assert (await told).startswith("http/1.1 400 ")


@pytest.mark.parametrize("line", ["GET /caf\u00e9 HTTP/1.1", "GET /?error=out of stock HTTP/1.1", "GET / HTTP/1.1\r\nno colon", "\x16\x03\x01"])
async def test_what_is_no_http_is_told_so_like_everything_else(line: str, serve: Served) -> None:
    client = await serve(answering())
    client.send(line)
    head, body = await client.answer()
    problem = json.loads(body)
    assert head.startswith("http/1.1 400 ")
    assert "content-type: application/problem+json" in head
    assert f"x-request-id: {problem['requestId']}" in head
    assert (problem["status"], problem["code"]) == (400, "invalid_input")
    assert "percent-encoded" in problem["detail"]
    assert await client.ended() == b""
