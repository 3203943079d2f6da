"""A database as the use cases know it, and its clock. Implemented in `storage`."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from waypost.app.ports.core import Reads, Tx
from waypost.app.ports.events import Heard

T = TypeVar("T")

Work = Callable[[Tx], Awaitable[T]]


class Durability(NamedTuple):
    """What the database's settings mean for changes that were answered: sentences for its operator."""

    warnings: tuple[str, ...] = ()  # they can be lost
    notes: tuple[str, ...] = ()  # they would be, but Waypost set something else for itself


class Store(Protocol):
    """A database. `write` runs `work` in one transaction and returns after its commit.

    It raises `Unavailable` when the database cannot be reached or the commit's outcome is lost, and runs
    `work` again only after a transaction that is known to be rolled back.
    """

    @property
    def reads(self) -> Reads: ...

    async def write(self, work: Work[T], quick: bool = False) -> T:
        """`quick`: where the database locks rows, give up at once on one that somebody else has locked."""
        ...

    def listen(self, heard: Heard) -> Callable[[], None]:
        """Call `heard` after every commit of this store that wrote events, until the result is called."""
        ...

    async def ready(self) -> str:
        """The schema's revision, once every kind of connection has read it and a write went through.

        Raises `Unavailable` otherwise, within a few seconds in any case.
        """
        ...

    async def durability(self) -> Durability:
        """What may become of an answered change when the database's machine crashes; raises `Unavailable`."""
        ...

    def now(self) -> int:
        """The database's clock, in microseconds since 1970, UTC: what several processes write and judge times by.

        The server's on PostgreSQL, as last read by `keep_time`; this machine's on SQLite.
        """
        ...

    async def keep_time(self) -> None:
        """Read the database's clock anew; raises `Unavailable`. To be called every few seconds."""
        ...

    def give_up(self) -> None:
        """Wait for nothing any more: the process stops. What is under way is refused, as not applied where that is
        known, and so is what comes later."""
        ...

    async def give_back_space(self) -> None:
        """Shorten files that grew while a long read held them; asked every few seconds. May do nothing."""
        ...

    async def close(self) -> None: ...


Clock = Callable[[], int]
"""The present time in microseconds since 1970, UTC."""
