"""One request and its answer."""

import asyncio
import http
from typing import Any, Protocol

from waypost.server.limits import BODY_AHEAD, RATE

Message = dict[str, Any]
RawHeader = tuple[bytes, bytes]
STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in http.HTTPStatus}
LONG = 8 * 1024  # bytes of an answer
_BODILESS = (204, 304)
_LEFT_TO_US = (b"connection", b"transfer-encoding", b"content-length")


class BadAnswer(Exception):
    """What the application wants to send is no HTTP: the client gets none of it."""


class Carrier(Protocol):
    """What an exchange needs of its connection."""

    def write(self, *parts: bytes) -> None:
        """Send these."""

    def judge(self) -> None:
        """Decide anew whether to read on, as a part of the body was read."""

    @property
    def date(self) -> bytes:
        """The value of the `Date` header, now."""


class Exchange:
    """The `scope`, `receive` and `send` of one call of an ASGI application.

    `is_whole`: all of the request is there. `has_left`: the caller says no more, and may have hung up. `is_gone`: it
    does not wait for the answer any more. `keeps`: the connection is used again after it. `weight`: bytes in memory
    for its head.
    """

    def __init__(
        self, connection: Carrier, scope: dict[str, Any], weight: int, keeps: bool, awaits_continue: bool
    ) -> None:
        self._connection = connection
        self.scope = scope
        self.weight = weight
        self.keeps = keeps
        self._awaits_continue = awaits_continue
        self._body = bytearray()
        self._is_read = False
        self._news: asyncio.Future[None] | None = None
        self._start: Message | None = None
        self._answer: list[bytes] = []
        self.is_whole = self.is_answered = self.has_left = self.is_gone = False

    @property
    def body_bytes(self) -> int:
        """How much of the body is there, and was not read yet."""
        return len(self._body)

    @property
    def is_full(self) -> bool:
        """Whether so much of the body is there that the application should read first."""
        return len(self._body) > BODY_AHEAD

    def feed(self, body: bytes) -> None:
        """More of the body has come."""
        if not (self.is_answered or self.is_gone):  # else nobody reads it
            self._body += body
            self._tell()

    def complete(self) -> None:
        """The body has come to its end."""
        self.is_whole = True
        self._tell()

    def leave(self, for_good: bool = True) -> None:
        """The caller says no more. `for_good`: nor does it wait for the answer."""
        self.has_left, self.is_gone = True, self.is_gone or for_good
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    async def receive(self) -> Message:
        """ASGI: a part of the body, or that the caller has gone."""
        if self._awaits_continue and not (self.is_whole or self._body or self.has_left):
            self._awaits_continue = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._body or (self.is_whole and not self._is_read)):
            if self.has_left or self.is_answered:
                return {"type": "http.disconnect"}
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None
        body, self._body = bytes(self._body), bytearray()
        self._is_read = self.is_whole
        self._connection.judge()
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def send(self, message: Message) -> None:
        """ASGI: the head, or a part of the body. All of it is sent at the end, in one go."""
        if self.is_gone:
            return
        kind = message["type"]
        if kind == "http.response.start" and self._start is None:
            self._start = message
        elif kind == "http.response.body" and self._start is not None and not self.is_answered:
            self._answer.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._connection.write(*self._written(self._start, self._answer))
                self.is_answered, self._answer = True, []
                self._tell()
        else:
            raise BadAnswer(f"The application sends {kind} out of turn.")

    def _written(self, start: Message, body: list[bytes]) -> tuple[bytes, ...]:
        """The answer as it is sent; it decides whether the connection is used again.

        The parts of a long body are neither copied nor joined: the same ones may be under way to many clients.
        """
        status, is_old = start["status"], self.scope["http_version"] == "1.0"
        size = sum(map(len, body))
        parts = [STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status, self._connection.date]
        lines, length = 3, None
        # What is left of the request is read and thrown away, if that is little; else the connection ends.
        can_keep = self.is_whole or not (self._awaits_continue or self.has_left or self._declared() > RATE)
        keeps = self.keeps and can_keep and status != 408
        for name, value in start["headers"]:
            if name not in _LEFT_TO_US:
                parts += (name, b": ", value, b"\r\n")
                lines += 1
            elif name == b"content-length":
                length = int(value)
            elif name == b"connection":
                keeps = keeps and b"close" not in value.lower()
        if status in _BODILESS or self.scope["method"] == "HEAD":
            body, size = [], 0
        elif length is not None and length != size:
            raise BadAnswer(f"The answer has {size} bytes, and says {length}.")
        else:
            length = size
        if length is not None and status not in _BODILESS:
            parts.append(b"content-length: %d\r\n" % length)
            lines += 1
        if not keeps or is_old:
            parts.append(b"connection: keep-alive\r\n" if keeps else b"connection: close\r\n")
            lines += 1
        head = b"".join((*parts, b"\r\n"))
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            raise BadAnswer("A header of the answer has a line end or a zero byte in it.")
        self.keeps = keeps
        return (b"".join((head, *body)),) if size < LONG else (head, *body)

    def _declared(self) -> int:
        """Bytes of the body, by its head; more than the connection would wait for where that is not known."""
        return next((int(value) for name, value in self.scope["headers"] if name == b"content-length"), RATE + 1)
