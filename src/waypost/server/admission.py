"""Who may connect, and what the server keeps for all its clients together."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from waypost.server.exchange import STATUS_LINES, RawHeader
from waypost.server.heads import FULL, FULL_OF_ADDRESS, Fault
from waypost.server.limits import Limits

SPARE_OF_ADDRESS = 4  # connections of one address, beyond the limits: to be told so, and to ask for the server's health
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Surroundings(NamedTuple):
    """What the server must know of the application around it.

    `document`: headers and body of a refusal, to a request with these headers. `refused` takes what is refused, by kind
    and address. `counted_as`: under which name the connections of an address are counted; None: they are not.
    `spare_paths` are answered even when there is no room for more connections.
    """

    document: Callable[[Fault, list[RawHeader]], tuple[list[RawHeader], bytes]]
    refused: Callable[[str, str], None]
    log_defect: Callable[[BaseException], None]
    counted_as: Callable[[str], str | None] = lambda address: address
    spare_paths: frozenset[str] = frozenset()


class Client(Protocol):
    """A connection."""

    address: str  # under which it is counted

    def look(self, now: float) -> None:
        """End it if it has waited too long for its peer; `now` is the loop's clock, in seconds."""

    def cancel(self) -> None:
        """Let its call be answered at once."""

    def close(self) -> None:
        """End it, or, where a call is under way, after that call."""

    def give_way(self) -> None:
        """Make room for others."""

    def cut(self) -> None:
        """End it at once."""


class Admission:
    """The connections of one server."""

    def __init__(self, application: Application, around: Surroundings, limits: Limits) -> None:
        self.application = application
        self.around = around
        self.limits = limits
        self.date = b""  # the header, with its line end
        self.address: tuple[str, int] = ("", 0)
        self.is_stopping = False
        self.connections: set[Client] = set()
        self.waiting: dict[Client, None] = {}  # for their clients, longest first
        self._of_address: Counter[str] = Counter()
        self._spare: dict[Client, Fault] = {}  # those beyond the limits, and which
        self._held: dict[Client, int] = {}  # bytes, longest first
        self._held_bytes = 0
        self._outbox: list[tuple[asyncio.Transport, tuple[bytes, ...]]] = []

    def send(self, transport: asyncio.Transport, parts: tuple[bytes, ...]) -> None:
        """Send this; what is short together with what else is sent in this round of the event loop.

        A write to somebody who sleeps wakes him, and costs ten times one to somebody who is at work already.
        """
        if not self._outbox:
            asyncio.get_running_loop().call_soon(self.flush)
        self._outbox.append((transport, parts))
        if len(parts) > 1:  # it is long
            self.flush()

    def flush(self) -> None:
        """Send what waits for the end of this round."""
        outbox, self._outbox = self._outbox, []
        for transport, parts in outbox:
            if not transport.is_closing():
                transport.writelines(parts)

    def count(self, kind: str, client: Client) -> None:
        """One more that is refused."""
        self.around.refused(kind, client.address)

    def admit(self, client: Client, address: str) -> Fault | None:
        """Let a new client in, whose address this is, or cut it.

        A fault: it is let in for a moment only, to be told this, or to ask for the server's health.
        """
        name = self.around.counted_as(address)
        client.address = name or address
        fault = None
        if name is not None and self._of_address[name] >= self.limits.per_address:
            fault = FULL_OF_ADDRESS
        elif len(self.connections) - len(self._spare) >= self.limits.connections and not self._make_room():
            fault = FULL
        if fault is not None:
            if sum(one.address == client.address for one in self._spare) >= SPARE_OF_ADDRESS:
                self.count(fault.kind, client)
                client.cut()
                return None
            if len(self._spare) >= self.limits.spare:
                longest = next(iter(self._spare))
                self.count(self._spare.pop(longest).kind, longest)  # now: others may come before it has gone
                longest.cut()
            self._spare[client] = fault
        self.connections.add(client)
        if name is not None:
            self._of_address[name] += 1
        return fault

    def _make_room(self) -> bool:
        """Close the connection that waits longest for its client, of the address that has most of them."""
        most = max(self._of_address, key=self._of_address.__getitem__, default="")
        longest = next((one for one in self.waiting if one.address == most), None) or next(iter(self.waiting), None)
        if longest is None:
            return False
        self.count("made_room", longest)
        del self.waiting[longest]
        longest.give_way()
        return True

    def has_gone(self, client: Client) -> None:
        """A connection has ended."""
        self.waiting.pop(client, None)
        self._spare.pop(client, None)
        self.holds(client, 0)
        if client in self.connections:
            self.connections.remove(client)
            if self._of_address[client.address] > 1:
                self._of_address[client.address] -= 1
            else:
                self._of_address.pop(client.address, None)

    def holds(self, client: Client, count: int) -> None:
        """So many bytes are in memory for it, of an answer that it does not read and of heads.

        Where that is too much in all, those are cut that do so for longest, of the address with most bytes.
        """
        self._held_bytes += count - self._held.get(client, 0)
        if count:
            self._held[client] = count
        else:
            self._held.pop(client, None)
        while self._held_bytes > self.limits.held_bytes and len(self._held) > 1:
            by_address: Counter[str] = Counter()
            for one, bytes_ in self._held.items():
                by_address[one.address] += bytes_
            most = by_address.most_common(1)[0][0]
            longest = next(one for one in self._held if one.address == most)
            self.count("held_bytes", longest)
            self.holds(longest, 0)
            longest.cut()

    def refusal(self, fault: Fault, asked: list[RawHeader]) -> bytes:
        """What a client gets that the server itself refuses; its connection ends."""
        headers, body = self.around.document(fault, asked)
        headers = [*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        lines = b"".join(b"%b: %b\r\n" % line for line in headers)
        return b"%b%b%b\r\n%b" % (STATUS_LINES[fault.status], self.date, lines, body)
