"""The hub as its callers see it: the store's reads, and the one way to change something."""

import time

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.ports import Clock, Reads, Store

READY_FOR_S = 1.0  # a look at the database is good for this long, however often one asks


class Hub:
    """Everything a caller (HTTP, console, worker, command line) needs. Built in `main`."""

    def __init__(self, store: Store, changes: Changer, tokens: TokenBook, clock: Clock) -> None:
        self.store = store
        self.reads: Reads = store.reads
        self.changes = changes
        self.tokens = tokens
        self.clock = clock
        self._ready: tuple[float, str] | None = None

    async def ready(self) -> str:
        """The schema's revision, once the database can be written; raises `Unavailable`."""
        now = time.monotonic()
        if self._ready is None or self._ready[0] < now:
            self._ready = None
            self._ready = (now + READY_FOR_S, await self.store.ready())
        return self._ready[1]
