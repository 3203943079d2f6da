"""Whose call may leave now: so many at once in all, and so many to each source; who comes first is served first.

Requests are begun (`sending` is committed) a little ahead of that, where a source takes them faster than commits
come: see `Gate.ahead`.
"""

import asyncio
from collections import deque

from waypost.delivery.gates import Gate


class Turns:
    """The turns of one worker. `most` calls at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._calling = 0
        self._waiting: deque[tuple[Gate, asyncio.Future[None]]] = deque()

    async def take(self, gate: Gate) -> None:
        """Wait for a turn; it is to be given back. Cancelled, it takes none."""
        if not self._waiting and self._has_room(gate):
            self._give(gate)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((gate, turn))
        self._serve()  # those before it may wait for sources of their own
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given at this very moment
                self.give_back(gate)
            else:
                self._waiting.remove((gate, turn))
            raise

    def give_back(self, gate: Gate) -> None:
        """The call has ended."""
        self._calling -= 1
        gate.calling -= 1
        self._serve()

    def _has_room(self, gate: Gate) -> bool:
        return self._calling < self._most and gate.calling < gate.policy.concurrency

    def _give(self, gate: Gate) -> None:
        self._calling += 1
        gate.calling += 1

    def _serve(self) -> None:
        if not self._waiting or self._calling >= self._most:
            return
        for entry in list(self._waiting):
            gate, turn = entry
            if not turn.done() and self._has_room(gate):
                self._give(gate)
                self._waiting.remove(entry)
                turn.set_result(None)
