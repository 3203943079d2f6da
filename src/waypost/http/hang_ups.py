"""Ends a GET or HEAD call when its caller has hung up: nobody would receive the answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

WATCH_AFTER_S = 0.1  # most calls have been answered by then, and cost nothing but a timer


async def no_body() -> dict[str, Any]:
    """ASGI `receive` of a GET or HEAD: an empty body. A body would have no meaning there (RFC 9110, section 9.3.1)."""
    return {"type": "http.request", "body": b"", "more_body": False}


class HangUpWatch:
    """Watches over the call that the present task answers, and cancels that task when the caller hangs up.

    Nobody else may receive meanwhile: see `no_body`. `end` it when the call is answered.
    """

    def __init__(self, receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._receive = receive
        self._call = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, self._begin)
        self.has_hung_up = False

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_hung_up = True
        if self._call is not None:
            self._call.cancel()

    def settle(self) -> None:
        """Undo the cancellation that this watch asked for, once it has been caught."""
        if self._call is not None:
            self._call.uncancel()

    def end(self) -> None:
        """Stop watching, and forget the call: task, traceback and watch would keep each other, and the answer."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        self._watching = self._call = None
