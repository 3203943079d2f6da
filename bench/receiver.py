"""Somebody who takes calls: answers every POST after a while, and tells how many came and when.

Plain protocols on uvloop, so that it costs as little of the machine as it can. `GET /` tells how many calls came, when
the first came and the last was answered (seconds of the machine's monotonic clock), and how many were at hand at once.
"""

import asyncio
import json
import sys
import time

import uvloop

_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"number\": \"S1\"}"


class Tally:
    """What came."""

    def __init__(self) -> None:
        self.calls = self.now = self.most = 0
        self.first = self.last = 0.0

    def begin(self) -> None:
        """A call is here."""
        self.first = self.first or time.monotonic()
        self.now += 1
        self.most = max(self.most, self.now)

    def end(self) -> None:
        """It is answered."""
        self.calls, self.now, self.last = self.calls + 1, self.now - 1, time.monotonic()

    def told(self) -> bytes:
        """As JSON."""
        body = json.dumps({"calls": self.calls, "first": self.first, "last": self.last, "most": self.most}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Taker(asyncio.Protocol):
    """One connection; calls are not pipelined."""

    def __init__(self, tally: Tally, after_s: float) -> None:
        self._tally, self._after_s = tally, after_s
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Kept for the answers."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        """Answer when the whole call is here."""
        data = self._rest + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _length(data[:end]):
            self._rest = data
            return
        self._rest = b""
        if data.startswith(b"GET"):
            self._transport.write(self._tally.told())  # type: ignore[attr-defined]
            return
        self._tally.begin()
        if self._after_s:
            self._loop.call_later(self._after_s, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        self._tally.end()
        self._transport.write(_ANSWER)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


async def listen(port: int, after_s: float) -> None:
    """Take calls until the process is ended."""
    tally = Tally()
    server = await asyncio.get_running_loop().create_server(lambda: Taker(tally, after_s), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(listen(int(sys.argv[1]), float(sys.argv[2])))
