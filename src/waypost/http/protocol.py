"""HTTP/1.1 for uvicorn, as its own protocol but for the parts that every call pays for.

An answer is one write (uvicorn's own sends head and body apart, two system calls and two wake-ups of the client), a
connection has one timer (not one per call), and a head that never ends is refused while it comes in.
"""

import asyncio
import os
import urllib.parse
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from waypost.http.door import NO_SNIFFING, NOT_KEPT
from waypost.wire import problems

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseStartEvent

_NOT_HTTP = "This is not HTTP/1.1. What is not ASCII, and a blank, must be percent-encoded in a URL."
TOGETHER_AT_MOST = 8 * 1024  # bytes of an answer that may wait for others
HEAD_AT_MOST = 256 * 1024  # bytes; the door refuses smaller ones politely (414, 431)
_BODILESS = (204, 304)
_LEFT_TO_UVICORN = (b"connection", b"transfer-encoding")


class Outbox:
    """Short answers of one round of the event loop, sent one after the other at its end.

    A write to somebody who sleeps wakes him, and costs the hub ten times one to somebody who is at work already. Sent
    together, most answers find their reader awake. Who is alone, or has much to read, gets his answer at once.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes, bool]] = []

    def send(self, transport: asyncio.Transport, answer: bytes, keep_alive: bool, alone: bool) -> None:
        """Send `answer`, at the latest when the loop has done what is ready now; then close, unless kept alive."""
        at_once = alone or len(answer) > TOGETHER_AT_MOST
        if not self._waiting and not at_once:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((transport, answer, keep_alive))
        if at_once:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        for transport, answer, keep_alive in waiting:
            if not transport.is_closing():
                transport.write(answer)
            if not keep_alive:
                transport.close()


_OUTBOXES: "WeakKeyDictionary[object, Outbox]" = WeakKeyDictionary()  # one a server, by its state


class Cycle(RequestResponseCycle):
    """One request and its response."""

    _start: "HTTPResponseStartEvent | None" = None
    outbox: Outbox
    under_way: Collection[object] = ()  # calls of all connections, this one among them

    async def send(self, message: "ASGISendEvent") -> None:
        """Hold the head back until the body is there; what is not an answer in one piece goes uvicorn's way."""
        if message["type"] == "http.response.start" and not self.response_started:
            # A second head is uvicorn's own: of the 500 for an application that broke between head and body.
            if self._start is not None:
                message["headers"] = [*message["headers"], NO_SNIFFING, NOT_KEPT]
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
        elif self.flow.write_paused or not self._answer(start, message):
            await super().send(start)
            await super().send(message)

    def _answer(self, start: "HTTPResponseStartEvent", message: Any) -> bool:
        """Send head and whole body at once; False, and nothing done, where that is not what is asked for."""
        if message["type"] != "http.response.body" or message.get("more_body"):
            return False
        if self.disconnected:
            return True
        status, body = start["status"], message.get("body", b"")
        parts = [STATUS_LINE[status]]
        lines, length = 2, None
        for name, value in (*self.default_headers, *start["headers"]):
            if name == b"content-length":
                length = int(value)
            elif name in _LEFT_TO_UVICORN:
                return False
            parts += (name, b": ", value, b"\r\n")
            lines += 1
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
            lines += 1
        parts.append(b"\r\n")
        head = b"".join(parts)
        # A header that carries a line end would be two.
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            return False
        if self.scope["method"] == "HEAD" or status in _BODILESS:
            body = b""
        elif length != len(body):
            return False
        self._finish(head + body)
        return True

    def _finish(self, answer: bytes) -> None:
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.outbox.send(self.transport, answer, self.keep_alive, len(self.under_way) <= 1)
        self.message_event.set()
        self.on_response()

    async def receive(self) -> "ASGIReceiveEvent":
        """The body, without a wait where it is there already."""
        whole = not self.more_body and self.message_event.is_set() and not self.waiting_for_100_continue
        if not whole or self.disconnected or self.response_complete:
            return await super().receive()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}


class Protocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes: int | None = None  # of the head that is coming in, after the piece in which it began
    _idle_since = 0.0  # seconds, by the loop's clock

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._outbox = _OUTBOXES.setdefault(self.server_state, Outbox())

    async def _run(self, scope: Any, receive: Any, send: Any) -> None:
        """The application; one that breaks after its answer has it sent before uvicorn closes the connection."""
        try:
            await self.app(scope, receive, send)
        except BaseException:
            self._outbox.flush()
            raise

    def data_received(self, data: bytes) -> None:
        """As uvicorn, within a limit of the head."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_AT_MOST:
                self.send_400_response(f"The head of the request may have at most {HEAD_AT_MOST} bytes.")
                return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, as everything else is refused, and close."""
        self._outbox.flush()  # what was asked before it is answered before the end
        call_id = os.urandom(8).hex()
        told = _NOT_HTTP if msg.startswith("Invalid HTTP") else msg
        document = problems.problem(400, "invalid_input", told, "", call_id)
        lines = [
            *self.server_state.default_headers, (b"x-request-id", call_id.encode()),
            (b"content-type", problems.CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(document)),
            NO_SNIFFING, NOT_KEPT, (b"connection", b"close"),
        ]  # fmt: skip
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[400] + head + b"\r\n" + document)
        self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there: run the application."""
        self._head_bytes = None
        scope, parser = self.scope, self.parser
        version = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        url = httptools.parse_url(self.url)
        raw_path = url.path
        path = raw_path.decode("ascii")
        scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = url.query or b""
        before = self.cycle
        self.cycle = cycle = Cycle(
            scope, self.transport, self.flow, self.logger, self.access_logger, False,
            self.server_state.default_headers, asyncio.Event(), self.expect_100_continue,
            version != "1.0" and parser.should_keep_alive(), self.on_response_complete,
        )  # fmt: skip
        cycle.outbox, cycle.under_way = self._outbox, self.tasks
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self._run)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self._run))

    def on_response_complete(self) -> None:
        """The next request may come."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that nothing was asked on for too long; look again later at one in use."""
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:
            return  # its response will start the timer
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_in(left_s)
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """As uvicorn, which closes connections that have nothing under way: answers go out before."""
        self._outbox.flush()
        super().shutdown()

    def _unset_keepalive_if_required(self) -> None:
        """The one timer runs on; what it finds decides."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)
