"""A client of bare bytes, and a strict reader of both directions: it shares no code with the server."""

import asyncio
import contextlib
import json
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

WITHIN_S = 5.0

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [ -~]+")
_HEADER = re.compile(rb"([a-z0-9-]+): ([!-~](?:[ -~]*[!-~])?)")
_REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) +[!-~]+ +HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t -~\x80-\xff]*)?")
_MOST_LENGTH = 2**64 - 1


class Unreadable(Exception):
    """What came from the server is no HTTP/1.1."""


class Answer(NamedTuple):
    """One answer. `headers`: names in lower case; each may come once."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends."""
        return self.headers.get("connection") == "close"

    @property
    def id(self) -> str:
        """X-Request-Id."""
        return self.headers.get("x-request-id", "")

    def problem(self) -> dict[str, Any]:
        """The problem document in it, which must be complete."""
        assert self.headers.get("content-type") == "application/problem+json", self
        document: dict[str, Any] = json.loads(self.body)
        assert document["status"] == self.status, self
        assert document["requestId"] == self.id != "", self
        assert document["code"], self
        assert document["detail"], self
        return document


def read_answer(data: bytes, method: str, ended: bool = False) -> tuple[Answer, int] | None:
    """The first answer in `data`, to a request of that method, and its length; None: it is not complete yet.

    The method `?` is one that nobody knows: a body may be missing where the next answer, or the end, is in its place.
    Raises `Unreadable`.
    """
    head, blank, _ = data.partition(b"\r\n\r\n")
    if not blank:
        if data and not b"HTTP/1.1 ".startswith(data[:9]):
            raise Unreadable(f"not the beginning of an answer: {data[:200]!r}")
        return None
    status, headers = _read_head(head)
    begins = len(head) + 4
    if status < 200 or status in (204, 304):
        if {"content-length", "transfer-encoding"} & headers.keys():
            raise Unreadable(f"a body of {status}: {head!r}")
        return Answer(status, headers, b""), begins
    if method == "HEAD" or (method == "?" and (data.startswith(b"HTTP/1.1 ", begins) or (ended and len(data) == begins))):
        return Answer(status, headers, b""), begins
    length = headers.get("content-length")
    if length is not None:
        if not re.fullmatch("0|[1-9][0-9]*", length) or "transfer-encoding" in headers:
            raise Unreadable(f"two lengths, or none: {head!r}")
        ends = begins + int(length)
        return (Answer(status, headers, data[begins:ends]), ends) if len(data) >= ends else None
    if headers.get("transfer-encoding") == "chunked":
        return _read_chunks(data, begins, status, headers)
    if headers.get("connection") != "close":
        raise Unreadable(f"an answer without a length: {head!r}")
    return (Answer(status, headers, data[begins:]), len(data)) if ended else None


def _read_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None:
        raise Unreadable(f"not a status line: {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if header is None or header[1].decode() in headers:
            raise Unreadable(f"no header, or one that came before: {line!r}")
        headers[header[1].decode()] = header[2].decode()
    return int(status[1]), headers


def _read_chunks(data: bytes, place: int, status: int, headers: dict[str, str]) -> tuple[Answer, int] | None:
    body = b""
    while True:
        line, end, _ = data[place:].partition(b"\r\n")
        if not end:
            return None
        if not re.fullmatch(b"[0-9a-f]+", line):
            raise Unreadable(f"not the size of a chunk: {line!r}")
        size, place = int(line, 16), place + len(line) + 2
        if len(data) < place + size + 2:
            return None
        if data[place + size : place + size + 2] != b"\r\n":
            raise Unreadable(f"a chunk longer than its size: {line!r}")
        body += data[place : place + size]
        place += size + 2
        if not size:
            return Answer(status, headers, body), place


def read_answers(data: bytes, methods: Sequence[str] = ()) -> list[Answer]:
    """All answers of a connection that has ended; 100 Continue is none. Raises `Unreadable` where bytes are left."""
    answers: list[Answer] = []
    while data:
        method = methods[len(answers)] if len(answers) < len(methods) else "?"
        found = read_answer(data, method, ended=True)
        if found is None:
            raise Unreadable(f"an answer that is cut off: {data[:300]!r}")
        if found[0].status != 100:
            answers.append(found[0])
        data = data[found[1] :]
    return answers


class Rest(Enum):
    """What comes after the whole requests of a client."""

    NOTHING = "nothing"
    PART = "a part of a request"
    BROKEN = "no request"


class Asked(NamedTuple):
    """What a strict reader finds in the bytes of a client.

    A server that reads no less strictly sends at most `whole` answers, and one more if there is a rest.
    """

    whole: int
    rest: Rest


def read_requests(data: bytes) -> Asked:
    """Read as RFC 9112 demands. Of what it allows besides, only: empty lines before a request, more blanks in its line."""
    whole, place = 0, 0
    while True:
        while data[place : place + 1] in (b"\r", b"\n"):
            place += 1
        if place >= len(data):
            return Asked(whole, Rest.NOTHING)
        found = _read_request(data, place)
        if isinstance(found, Rest):
            return Asked(whole, found)
        whole += 1
        place, keeps = found
        if not keeps:
            return Asked(whole, Rest.NOTHING)


def _read_request(data: bytes, place: int) -> tuple[int, bool] | Rest:
    """Where the request ends, and whether the connection goes on."""
    head, blank, _ = data[place:].partition(b"\r\n\r\n")
    if not blank:
        return Rest.PART
    first, *lines = head.split(b"\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if request is None:
        return Rest.BROKEN
    values: dict[bytes, list[bytes]] = {}
    for field in fields:
        if field is None:
            return Rest.BROKEN
        values.setdefault(field[1].lower(), []).append(field[2].strip(b" \t").lower())
    is_old = request[2] == b"0"
    place += len(head) + 4
    hosts, codings, lengths = (values.get(name, []) for name in (b"host", b"transfer-encoding", b"content-length"))
    if len(hosts) > 1 or (not hosts and not is_old) or len(codings) + len(lengths) > 1:
        return Rest.BROKEN
    options = {option.strip(b" \t") for value in values.get(b"connection", ()) for option in value.split(b",")}
    keeps = b"close" not in options and (not is_old or b"keep-alive" in options)
    if codings:
        end = Rest.BROKEN if is_old or codings != [b"chunked"] else _end_of_chunks(data, place)
        return end if isinstance(end, Rest) else (end, keeps)
    if lengths:
        if not re.fullmatch(rb"[0-9]{1,20}", lengths[0]) or int(lengths[0]) > _MOST_LENGTH:
            return Rest.BROKEN
        place += int(lengths[0])
    return (place, keeps) if place <= len(data) else Rest.PART


def _end_of_chunks(data: bytes, place: int) -> int | Rest:
    while True:
        line, end, _ = data[place:].partition(b"\r\n")
        size = _CHUNK_SIZE.fullmatch(line)
        if not end:
            return Rest.PART
        if size is None:
            return Rest.BROKEN
        place += len(line) + 2
        if not int(size[1], 16):
            break
        place += int(size[1], 16) + 2
        if len(data) < place:
            return Rest.PART
        if data[place - 2 : place] != b"\r\n":
            return Rest.BROKEN
    while not data.startswith(b"\r\n", place):
        line, end, _ = data[place:].partition(b"\r\n")
        if not end:
            return Rest.PART
        if _FIELD.fullmatch(line) is None:
            return Rest.BROKEN
        place += len(line) + 2
    return place + 2


class Raw:
    """One connection, from an address of the loopback."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.received = b""  # and not taken as an answer yet
        self.has_ended = False
        self.was_reset = False  # by the server, or by the kernel because the server had gone: what it sent may be lost

    @classmethod
    async def open(cls, port: int, address: str = "127.0.0.1") -> "Raw":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))

    async def __aenter__(self) -> "Raw":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    def send(self, data: bytes) -> None:
        """Send, and do not wait."""
        self._writer.write(data)

    async def send_slowly(self, data: bytes) -> None:
        """Send, and wait until the server takes it; raises ConnectionError where it does not any more."""
        self._writer.write(data)
        await self._writer.drain()

    def end_sending(self) -> None:
        """Close the half in which the client speaks."""
        with contextlib.suppress(OSError):  # it has ended already
            self._writer.write_eof()

    async def answer(self, method: str = "GET", within_s: float = WITHIN_S) -> Answer:
        """The next answer."""
        async with asyncio.timeout(within_s):
            while True:
                found = read_answer(self.received, method, self.has_ended)
                if found is not None:
                    self.received = self.received[found[1] :]
                    return found[0]
                assert not self.has_ended, f"the connection ended before the answer: {self.received[:300]!r}"
                await self._read()

    async def rest(self, within_s: float = WITHIN_S) -> bytes:
        """All that comes until the server ends the connection; TimeoutError where it does not."""
        async with asyncio.timeout(within_s):
            while not self.has_ended:
                await self._read()
        left, self.received = self.received, b""
        return left

    async def quiet(self, for_s: float) -> bytes:
        """What comes in that time."""
        try:
            async with asyncio.timeout(for_s):
                while not self.has_ended:
                    await self._read()
        except TimeoutError:
            pass
        left, self.received = self.received, b""
        return left

    async def _read(self) -> None:
        try:
            data = await self._reader.read(65536)
        except ConnectionError:
            data, self.was_reset = b"", True
        self.received += data
        self.has_ended = not data


def resident_mib(pid: int) -> float:
    """Memory of a process, as the kernel counts it (VmRSS)."""
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most that it was since `forget_peak`, or the start."""
    return _status_mib(pid, "VmHWM")


def forget_peak(pid: int) -> None:
    """From now on `peak_mib` counts anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status_mib(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def complaints(log: str) -> list[str]:
    """Lines of a server's log that tell of a defect, or are none of its lines."""
    return [line for line in log.splitlines() if '"defect"' in line or "Traceback" in line or line.startswith(" ")]
