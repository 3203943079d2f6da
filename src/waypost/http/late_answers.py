"""Answers that took long: the token is judged again before they are sent (contract section 1.3).

A long poll, a slow list or a call to a supplier may last for many seconds. Their caller may lose its token meanwhile:
then it gets the 401 that the next call would get. A call that changed something is answered all the same: its caller
must learn what was done.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from waypost.app.access import REMEMBERED_S
from waypost.domain.refusals import Refusal
from waypost.http.call import Call
from waypost.http.gate import Refused

# What the gate knew when the call began was REMEMBERED_S old at most: together this stays below one second.
LASTED_S = 0.9 - REMEMBERED_S

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class LateAnswers:
    """ASGI `send` of one call. When the token is no longer good, nothing is sent, and `end` raises why."""

    def __init__(self, call: Call, begun_s: float, send: Send) -> None:
        self._call = call
        self._begun_s = begun_s
        self._send = send
        self._refused: Refused | Refusal | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """Send `message`; the first one of a late answer only if the token is still good."""
        if self._refused is None and (message["type"] != "http.response.start" or not self._is_late()):
            return self._send(message)
        return self._judged(message)

    def _is_late(self) -> bool:
        if time.monotonic() - self._begun_s <= LASTED_S:
            return False
        return self._call.operation is not None and self._call.operation.only_reads

    def end(self) -> None:
        """Raise what kept the answer from being sent."""
        if self._refused is not None:
            raise self._refused

    async def _judged(self, message: Message) -> None:
        try:
            if self._refused is None:
                await self._call.judge_again()
                await self._send(message)
        except (Refused, Refusal) as refused:
            self._refused = refused
