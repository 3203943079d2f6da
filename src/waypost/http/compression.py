"""Compression of long replies for callers that take gzip (contract section 1.1).

Only for calls with a good token: strangers get nothing but files that were compressed once. Never for a reply with an
`ETag`, which names its bytes, nor for one that shows a secret: its length would tell of the secret (BREACH).
"""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from waypost.app.slices import parts
from waypost.http.call import Call

LONG = 8 * 1024  # bytes of a reply: what is shorter goes out as it is
LEVEL = 1  # of gzip: 5 makes JSON a fifth smaller, and takes twice the time
SLICE = 1024 * 1024  # bytes that the thread compresses in one go, about 10 ms: who has hung up costs no more than that
# Bytes of replies that are being compressed or wait for it. What is beyond goes out as it is.
UNDER_WAY = 4 * 1024 * 1024
_THREAD = ThreadPoolExecutor(1, "gzip")  # of which the interpreter lock is free meanwhile: others go on
_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
VARY = (b"vary", b"Accept-Encoding")

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


def weights(value: str | None) -> dict[str, float]:
    """The weight of each name in an `Accept` or `Accept-Encoding`. A weight that cannot be read counts as 0."""
    found: dict[str, float] = {}
    for element in (value or "").split(","):
        name, *parameters = (part.strip().lower() for part in element.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                read = _WEIGHT.fullmatch(parameter)
                weight = float(read[1]) if read else 0.0
        found[name] = max(weight, found.get(name, 0.0))
    return found


def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether the caller takes gzip, and does not like the reply as it is better."""
    by_name = weights(accept_encoding)
    weight = by_name.get("gzip", by_name.get("x-gzip", by_name.get("*", 0.0)))
    return weight > 0 and weight >= by_name.get("identity", 0.0)


class Compressor:
    """Compresses replies on one thread: that is all the processor time it takes, however many ask for it."""

    def __init__(self, under_way: int = UNDER_WAY) -> None:
        self._at_most = under_way
        self._under_way = 0  # bytes

    def between(self, call: Call, method: str, send: Send) -> Send:
        """ASGI `send` of a call, which compresses a long reply if its caller takes that."""
        return send if call.accept_encoding is None else Encoded(call, method == "HEAD", self, send).send

    async def compressed(self, body: list[bytes]) -> list[bytes] | None:
        """These parts as one gzip; None: too much is being compressed already. One reply, of any size, always may."""
        size = sum(map(len, body))
        if self._under_way and self._under_way + size > self._at_most:
            return None
        self._under_way += size
        try:
            packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
            loop = asyncio.get_running_loop()
            found = [await loop.run_in_executor(_THREAD, _packed, packer, some) for some in parts(body, SLICE, len)]
            return [*filter(None, found), packer.flush()]
        finally:
            self._under_way -= size


def depends(call: Call, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the encoding of a reply with these headers depends on what its caller takes."""
    operation = call.operation  # which no call without a good token has
    if operation is None or operation.shows_secret:
        return False
    size = 0
    for name, value in headers:
        if name == b"content-length":
            size = int(value)
        elif name in (b"etag", b"content-encoding"):
            return False
    return size > LONG


def _packed(packer: Any, parts: list[bytes]) -> bytes:
    return b"".join(map(packer.compress, parts))


class Encoded:
    """One reply on its way: see `Compressor.between`."""

    __slots__ = ("_call", "_compressor", "_is_head", "_parts", "_send", "_start")

    def __init__(self, call: Call, is_head: bool, compressor: Compressor, send: Send) -> None:
        self._call = call
        self._is_head = is_head
        self._compressor = compressor
        self._send = send
        self._start: Message | None = None
        self._parts: list[bytes] = []

    def send(self, message: Message) -> Awaitable[None]:
        """Send `message`; all of a reply that is compressed with its last one."""
        if self._start is not None:
            return self._continue(self._start, message)
        if message["type"] != "http.response.start" or not depends(self._call, message["headers"]):
            return self._send(message)
        taken = self._call.accept_encoding
        return self._begin(message) if taken and takes_gzip(taken.decode("latin-1")) else self._send(message)

    async def _begin(self, start: Message) -> None:
        if self._is_head:  # the length that a GET would have is not known
            headers = [header for header in start["headers"] if header[0] != b"content-length"]
            await self._send({**start, "headers": [*headers, VARY]})
            return
        self._start = start

    async def _continue(self, start: Message, message: Message) -> None:
        self._parts.append(message.get("body", b""))
        if message.get("more_body", False):
            return
        body, self._parts = self._parts, []
        packed = await self._compressor.compressed(body)
        if packed is not None:
            body = packed
            headers = [header for header in start["headers"] if header[0] != b"content-length"]
            headers += (VARY, (b"content-encoding", b"gzip"), (b"content-length", b"%d" % sum(map(len, body))))
            start = {**start, "headers": headers}
        await self._send(start)
        for part in body:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})
