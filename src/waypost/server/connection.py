"""One connection: bytes in, exchanges, bytes out, and no wait for the client without an end."""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import cast

import httptools

from waypost.server.admission import Admission
from waypost.server.exchange import Exchange
from waypost.server.heads import DEFECT, LONG_HEAD, LONG_URL, MANY_HEADERS, SLOW_HEAD, Fault, broken, read_head
from waypost.server.limits import (
    HEAD_AT_MOST,
    HEADER_WEIGHT,
    HEADERS_AT_MOST,
    HEADS_AT_MOST,
    LIGHT,
    LINGER_S,
    PIPELINED_AT_MOST,
    RATE,
    WAITING_WEIGHT,
)

_NOTHING_MORE = struct.pack("ii", 1, 0)  # on, for 0 seconds: the client gets a reset
_BUFFER = memoryview(bytearray(64 * 1024))


class Connection(asyncio.BufferedProtocol):
    """One connection. At most one exchange is under way; requests that came meanwhile wait in order."""

    def __init__(self, admission: Admission) -> None:
        self._server = admission
        self._loop = asyncio.get_running_loop()
        self.address = ""  # under which its client is counted
        self._beyond: Fault | None = None  # the limit that it is beyond
        self._parser = httptools.HttpRequestParser(self)
        self._in_head, self._target, self._header_count = False, b"", 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._reading: Exchange | None = None  # whose body comes in now
        self._current: Exchange | None = None  # that the application answers now
        self._task: asyncio.Task[None] | None = None  # that does so
        self._next: deque[Exchange] = deque()
        self._last_words: tuple[Fault, list[tuple[bytes, bytes]]] | None = None  # told after all exchanges, and to whom
        self._upgrade_body: bytes | None = None  # the framing of a body that the parser leaves out
        self._heads = 0  # bytes held, of requests that were not answered yet
        self._weight = 0  # that the server counts for it
        self._silent = 0  # bytes since a head was complete, or a part of a body came
        self._is_deaf = False  # what comes is thrown away
        self._ends = False  # no further answer is sent
        self._reads = True
        self._due: float | None = None  # when the server has waited long enough for the client, by the loop's clock
        self._why = "idle"  # it waits
        self._written = 0  # bytes since all of it had been sent
        self._unread: int | None = None  # bytes that waited to be read when writing was paused, and came since

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)  # whatever the kernel does not take is known at once
        self._client = (self._transport.get_extra_info("peername") or ("unknown", 0))[:2]
        self._beyond = self._server.admit(self, self._client[0])
        if not self._ends:
            self._wait("silent")

    def connection_lost(self, error: Exception | None) -> None:
        """The end."""
        for exchange in filter(None, (self._current, self._reading, *self._next)):
            exchange.leave()
        self._reading = None
        self._next.clear()
        del self._parser  # which knows this connection: the two would keep each other
        self._server.has_gone(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: one place for all, which is free again when they have been parsed."""
        return _BUFFER

    def buffer_updated(self, count: int) -> None:
        """Bytes have come."""
        if self._is_deaf:
            return
        self._silent += count
        try:
            self._parse(_BUFFER[:count])
        except httptools.HttpParserError as error:
            self._refuse(broken(error, bool(self._headers), self._reading is not None))
        if self._silent > HEAD_AT_MOST:
            self._refuse(LONG_URL if len(self._target) > HEAD_AT_MOST // 2 else LONG_HEAD)
        if self._current is None and self._next:
            self._go_on()  # now that all that has come is known to be good
        self.judge()

    def _parse(self, data: memoryview) -> None:
        while True:
            try:
                return self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Offered, and not taken: the connection stays HTTP/1.1. This parser takes no body then; another does.
                data = data[upgrade.args[0] :]
                framing, self._upgrade_body = self._upgrade_body, None
                if framing is not None:
                    self._parser = httptools.HttpRequestParser(self)
                    self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)

    def eof_received(self) -> bool:
        """The client says no more. What it has asked is answered, in case it listens on; an application may give up."""
        self._server.flush()
        self._is_deaf = True
        for exchange in filter(None, (self._current, *self._next)):
            exchange.leave(for_good=False)
        return self._current is not None

    def pause_writing(self) -> None:
        """The client reads more slowly than the answer comes."""
        self._unread, self._unread_since = self._transport.get_write_buffer_size(), self._loop.time()
        self.judge()

    def resume_writing(self) -> None:
        """It has read."""
        self._unread = None
        if self._ends:
            self._wait(self._why)  # for the last bytes
        elif self._current is None and not self._transport.is_closing():
            self._go_on()
        self.judge()

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._is_deaf:
            return
        self._target, self._headers, self._header_count, self._in_head = b"", [], 0, True
        if self._current is None:
            self._wait("head")

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; a trailer is dropped."""
        self._header_count += 1
        if self._header_count > HEADERS_AT_MOST:
            self._refuse(MANY_HEADERS)
        elif self._reading is None and not self._is_deaf:
            self._headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._in_head = False
        if self._is_deaf or self._reading is not None:  # the head of a body that is read already
            return
        self._silent = 0
        weight = HEADER_WEIGHT * len(self._headers) + sum([len(name) + len(value) for name, value in self._headers])
        if self._current is not None or self._next:
            weight += WAITING_WEIGHT
        parser = self._parser
        head = read_head(parser.get_http_version(), parser.get_method(), self._target, self._headers)
        if isinstance(head, Fault):
            return self._refuse(head)
        if self._beyond is not None and head.scope["path"] not in self._server.around.spare_paths:
            return self._refuse(self._beyond)
        head.scope["client"], head.scope["server"] = self._client, self._server.address
        is_last = self._beyond is not None or head.closes or len(self._next) >= PIPELINED_AT_MOST
        keeps = parser.should_keep_alive() and not is_last and self._heads < HEADS_AT_MOST
        self._reading = Exchange(self, head.scope, weight, keeps, head.awaits_continue)
        self._heads += weight
        self._upgrade_body = head.framing if parser.should_upgrade() else None
        self._next.append(self._reading)
        self._target, self._headers = b"", []

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if self._reading is not None and not self._is_deaf:
            self._silent = 0
            self._reading.feed(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        exchange = self._reading
        if exchange is None or self._is_deaf or self._upgrade_body is not None:  # whose body comes yet
            return
        self._reading = None
        self._silent = 0
        if not self._parser.should_keep_alive():  # by a trailer, too, for a parser that takes nothing more then
            exchange.keeps = False
        exchange.complete()
        if not exchange.keeps:
            self._is_deaf = True  # whatever comes after the last request is not read
        if exchange is not self._current and exchange not in self._next:
            self._go_on()  # its answer was there before it was whole

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._server.application(exchange.scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:  # the server stops, and the application did not answer
            if not exchange.is_answered:
                self.cut()
        except Exception as error:
            self._server.around.log_defect(error)
        self._current = None
        self._heads -= exchange.weight
        if self._ends or self._transport.is_closing():
            return
        if not exchange.is_answered:
            words = self._last_words if exchange.has_left else (DEFECT, exchange.scope["headers"])
            exchange.leave()
            self._end() if words is None else self._say_last(*words)
        elif not exchange.keeps:
            self._end(lingers=not exchange.is_whole)
        elif exchange.is_whole:
            self._go_on()
        else:
            self._wait("rest")  # what is left of the request is not much
        self.judge()

    def _go_on(self) -> None:
        """What comes after an exchange."""
        if self._ends:
            return
        if self._unread is not None:
            self._wait("unread")  # and then on
        elif self._next:
            self._current, self._due = self._next.popleft(), None
            self._server.waiting.pop(self, None)
            self._task = self._loop.create_task(self._run(self._current))
        elif self._last_words is not None:
            self._say_last(*self._last_words)
        elif self._server.is_stopping or self._is_deaf:
            self._end()
        elif self._reading is None:
            self._wait("head" if self._in_head else "idle")
        self.judge()

    def _refuse(self, fault: Fault) -> None:
        """Refuse what comes in, after the answers to what came before, and hear nothing more."""
        if self._is_deaf:
            return  # nobody listens to it
        self._server.count(fault.kind, self)
        self._is_deaf = True
        broken, self._reading = self._reading, None
        if broken is not None and broken is not self._current and broken.is_answered:
            return self._end(lingers=True)  # a second answer would be taken for one to another request
        if broken is not None and broken is self._current:
            broken.leave(for_good=False)  # the application is at work: it answers, or leaves that to these words
        elif broken is not None:
            self._heads -= self._next.pop().weight  # the last one
        self._last_words = (fault, self._headers if broken is None else broken.scope["headers"])
        if self._current is None:
            self._go_on()

    def _say_last(self, fault: Fault, asked: list[tuple[bytes, bytes]]) -> None:
        self.write(self._server.refusal(fault, asked))
        self._end(lingers=True)

    def _end(self, lingers: bool = False) -> None:
        """Close, when what was written is read. `lingers`: more may come, which unread would undo the answer."""
        self._is_deaf = self._ends = True
        self._server.flush()
        self._wait("linger" if lingers else "close")
        if lingers:
            self._transport.write_eof()
            self.judge()
        else:
            self._transport.close()

    def _wait(self, why: str) -> None:
        self._why = why
        limits = self._server.limits
        within_s = limits.idle_s if why in ("idle", "silent") else limits.client_s
        self._due = self._loop.time() + (LINGER_S if self._beyond is not None or why == "linger" else within_s)
        if self._beyond is None:
            self._server.waiting.pop(self, None)
            self._server.waiting[self] = None

    def look(self, now: float) -> None:
        """End what has waited too long for the client."""
        if self._unread is not None:
            read = self._unread - self._transport.get_write_buffer_size()
            if now > self._unread_since + self._server.limits.client_s + read / RATE:
                self._server.count("unread_answer", self)
                self.cut()
        elif self._due is None or now <= self._due:
            return
        elif self._why == "head":
            words = f"The head of the request did not come within {self._server.limits.client_s:g} s."
            self._refuse(SLOW_HEAD._replace(detail=words) if self._beyond is None else self._beyond)
        else:
            if self._why not in ("idle", "linger", "close"):  # which are as they should be
                self._server.count(self._why if self._beyond is None else self._beyond.kind, self)
            self.cut() if self._why == "close" else self._end()

    def _weigh(self) -> None:
        """Tell the server how much is in memory for this client, if that is worth counting."""
        weight = self._heads + self._silent + HEADER_WEIGHT * len(self._headers)
        if self._next:
            weight += sum(exchange.body_bytes for exchange in self._next)
        if self._unread is not None:
            weight += self._written
        weight = weight if weight > LIGHT else 0
        if weight != self._weight:
            self._weight = weight
            self._server.holds(self, weight)

    def judge(self) -> None:
        """Count what is in memory, and read on only while there is room for what comes."""
        self._weigh()
        is_full = self._next or self._unread is not None or (self._reading is not None and self._reading.is_full)
        reads = self._is_deaf or not is_full
        if reads != self._reads and not self._transport.is_closing():
            self._reads = reads
            (self._transport.resume_reading if reads else self._transport.pause_reading)()

    @property
    def date(self) -> bytes:
        """The `Date` header of an answer."""
        return self._server.date

    def write(self, *parts: bytes) -> None:
        """Send, at the latest when the loop has done what is ready now."""
        count = sum(map(len, parts))
        self._written = count + (self._written if self._transport.get_write_buffer_size() else 0)
        if self._unread is not None:
            self._unread += count
            self._weigh()
        self._server.send(self._transport, parts)

    def close(self) -> None:
        """Close now, unless an exchange is under way: then after it."""
        if self._current is not None:
            self._current.keeps = False
        elif not self._ends:
            self._end()

    def give_way(self) -> None:
        """Make room for others."""
        self.cut() if self._ends or self._why == "rest" or self._unread is not None else self._end()

    def cut(self) -> None:
        """End it at once; what was not read yet is lost, in the kernel too."""
        self._is_deaf = self._ends = True
        with suppress(OSError):  # it is gone already
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOTHING_MORE)
        self._transport.abort()

    def cancel(self) -> None:
        """Let the application answer at once: the server waits no longer."""
        if self._task is not None:
            self._task.cancel()
