"""Connections that bound what the other side may send while nobody reads a body.

aiohttp keeps every `100 Continue` in memory until the call's task runs, and an event loop may read megabytes before
that; likewise what arrives on a connection that waits for its next call. The body of an answer is bounded elsewhere:
aiohttp stops reading while nobody takes it, and the call stops at its limit.
"""

import asyncio
from contextvars import ContextVar

import aiohttp
from aiohttp.tracing import Trace

# What may arrive before the call has the head of its answer: the head, what aiohttp holds of a body before it stops
# reading (twice its `read_bufsize`, 8 KiB), and what the event loop reads at once (256 KiB).
UNREAD_AT_MOST = 512 * 1024  # bytes


class Guard(asyncio.Protocol):
    """Stands between a connection and aiohttp's protocol, and counts."""

    def __init__(self, transport: asyncio.Transport, inner: asyncio.Protocol) -> None:
        self._transport = transport
        self._inner = inner
        self._size = 0
        self._reads_body = False
        self.was_flooded = False

    def expect_head(self) -> None:
        """From now on, little may arrive: a call waits for the head of its answer, or there is no call."""
        self._size = 0
        self._reads_body = False

    def expect_body(self) -> None:
        """The call has the head, and reads the body."""
        self._reads_body = True

    def data_received(self, data: bytes) -> None:
        """Pass it on; too much ends the connection."""
        # Over TLS data may still come after aiohttp has stopped reading. It stops where it holds much of a body: then
        # the head is there.
        if self._reads_body or not self._transport.is_reading():
            self._inner.data_received(data)
            return
        self._size += len(data)
        if self._size <= UNREAD_AT_MOST:
            self._inner.data_received(data)
        elif not self.was_flooded:
            self.was_flooded = True
            self._transport.abort()

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """Pass it on."""
        self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()


guard_of_call: ContextVar[Guard | None] = ContextVar("guard_of_call", default=None)
"""The guard of the connection that the call of this task has got; None: it has got none yet."""


class GuardedConnector(aiohttp.TCPConnector):
    """A connector whose connections are guarded."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own
    ) -> aiohttp.connector.Connection:
        """A connection for this call; its guard is told in `guard_of_call`."""
        connection = await super().connect(req, traces, timeout)
        transport = connection.transport
        if transport is not None:
            guard = transport.get_protocol()
            if not isinstance(guard, Guard):
                if not isinstance(guard, asyncio.Protocol):
                    raise AssertionError("aiohttp reads through an asyncio.Protocol")
                guard = Guard(transport, guard)
                transport.set_protocol(guard)
            guard.expect_head()
            guard_of_call.set(guard)
        return connection
