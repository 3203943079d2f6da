"""A store that counts its transactions, for tests of what is coalesced."""

from collections.abc import Callable
from typing import TypeVar

from waypost.app.ports import Reads, Store, Work
from waypost.app.ports.events import Heard

T = TypeVar("T")


class CountingStore:
    """A `Store` before another one."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.writes = 0

    @property
    def reads(self) -> Reads:
        """The inner store's."""
        return self._inner.reads

    async def write(self, work: Work[T], quick: bool = False) -> T:
        """Count, and pass on."""
        self.writes += 1
        return await self._inner.write(work)

    def listen(self, heard: Heard) -> Callable[[], None]:
        """Pass on."""
        return self._inner.listen(heard)

    async def ready(self) -> str:
        """Pass on."""
        return await self._inner.ready()

    async def close(self) -> None:
        """Pass on."""
        await self._inner.close()
