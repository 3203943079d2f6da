"""The body of a call: read within a time that its caller can keep, and within the room that all bodies have."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from waypost.domain.refusals import Unavailable
from waypost.http.gate import Refused
from waypost.wire.faults import BadInput, Fault

BODY_WITHIN_S = 30.0  # and a second more for each BODY_RATE bytes that have come
BODY_RATE = 64 * 1024
BODIES_AT_MOST = 128 * 1024 * 1024  # bytes of all bodies that are in memory

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Room:
    """Bytes in memory, of all bodies that come in. A token may have a quarter of it."""

    def __init__(self, at_most: int = BODIES_AT_MOST) -> None:
        self._left = at_most
        self._of_token_at_most = at_most // 4
        self._of_token: Counter[int] = Counter()

    def take(self, count: int, token_id: int) -> None:
        """Raises `Refused` (429) where the token has too much already, `Unavailable` where so much is not left."""
        if self._of_token[token_id] + count > self._of_token_at_most:
            limit = f"The bodies of a token's unfinished calls may have {self._of_token_at_most} bytes together."
            raise Refused(429, "too large bodies at once", 1, token_id, limit)
        if count > self._left:
            raise Unavailable("The server has no room for this body now: try again in 1 s.", retry_after_s=1)
        self._left -= count
        self._of_token[token_id] += count

    def give_back(self, count: int, token_id: int) -> None:
        """What was taken is free again."""
        self._left += count
        self._of_token[token_id] -= count
        if not self._of_token[token_id]:
            del self._of_token[token_id]


class Body:
    """The body of one call. `received` bytes are in memory, until the call ends; `is_coming`: it is read."""

    def __init__(self, receive: Receive, room: Room, within_s: float = BODY_WITHIN_S) -> None:
        self._receive = receive
        self._room = room
        self._within_s = within_s
        self._token_id = 0
        self.received = 0
        self.is_coming = False

    async def read(self, token_id: int, declared: str | None, limit: int) -> bytes:
        """All of it, at most `limit` bytes (413); `declared` is the caller's Content-Length.

        Raises BadInput: 408 where it does not come in time, 400 where the caller ends before it; and as `Room.take`.
        """
        self._token_id = token_id
        if declared is not None and declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        began_s = asyncio.get_running_loop().time()
        self.is_coming = more = True
        while more:
            try:
                async with asyncio.timeout_at(began_s + self._within_s + self.received / BODY_RATE):
                    message = await self._receive()
            except TimeoutError:
                raise _late(self._within_s) from None
            if message["type"] == "http.disconnect":
                raise _cut_off()
            part = message.get("body", b"")
            if self.received + len(part) > limit:
                raise _too_large(limit, is_chunked=declared is None)
            if part:
                self._room.take(len(part), token_id)
                self.received += len(part)
                parts.append(part)
            more = message.get("more_body", False)
        self.is_coming = False
        return b"".join(parts)

    def end(self) -> None:
        """Its room is free again."""
        if self.received:
            self._room.give_back(self.received, self._token_id)


def _too_large(limit: int, is_chunked: bool = False) -> BadInput:
    name = "Transfer-Encoding" if is_chunked else "Content-Length"
    fault = Fault("header", name, "content_too_large", f"The body may have at most {limit} bytes.")
    return BadInput([fault], 413, fault.code)


def _cut_off() -> BadInput:
    message = "The body ended before it was complete, or broke the rules of HTTP: nothing was changed."
    return BadInput([], 400, "invalid_input", message)


def _late(within_s: float) -> BadInput:
    time = f"{within_s:g} s, and a second more for each 64 KiB that came"
    message = f"The body did not come within {time}: nothing was changed."
    return BadInput([], 408, "request_timeout", message)
