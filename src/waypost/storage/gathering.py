"""Look-ups that arrive while one is under way become one: the reading twin of the group writer.

No artificial wait. Every look-up is part of a query that begins after it was asked for, so it sees what was
committed before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

AT_ONCE = 256  # look-ups a query


class Gathering(Generic[K, V]):
    """Answers look-ups of one kind through `look_up`, which takes many keys and gives a value for each."""

    def __init__(self, look_up: Callable[[Sequence[K]], Awaitable[Sequence[V]]]) -> None:
        self._look_up = look_up
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, key: K) -> V:
        """The value of `key`; raises what the query raised."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, answer))
        if self._running is None:
            # The task starts in the loop's next round, after what is ready now has asked, too.
            self._running = loop.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._answer(asked)
        finally:
            self._running = None

    async def _answer(self, asked: "list[tuple[K, asyncio.Future[V]]]") -> None:
        try:
            found = await self._look_up([key for key, _ in asked])
        except Exception as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(asked, found, strict=True):
            if not answer.done():
                answer.set_result(value)
