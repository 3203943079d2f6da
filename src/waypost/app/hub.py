"""The hub as its callers see it: the store's reads, and the one way to change something."""

import time
from collections.abc import Mapping
from typing import Protocol

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.feed import Feed, News
from waypost.app.ports import Clock, Reads, Store
from waypost.app.ports.kinds import Kind

READY_FOR_S = 1.0  # a look at the database is good for this long, however often one asks


class UrlRules(Protocol):
    """Which URLs the hub may call on behalf of a setting."""

    def fault(self, url: str) -> str | None:
        """Why it can never be called, in words that follow the name of the field; None: it may be."""
        ...


class Hub:
    """Everything a caller (HTTP, console, worker, command line) needs. Built in `main`."""

    def __init__(
        self, store: Store, changes: Changer, tokens: TokenBook, clock: Clock, kinds: Mapping[str, Kind],
        targets: UrlRules,
    ) -> None:  # fmt: skip
        self.store = store
        self.reads: Reads = store.reads
        self.changes = changes
        self.tokens = tokens
        self.clock = clock
        self.kinds = kinds
        self.targets = targets
        self.news = News(store.reads)
        self.feed = Feed(store.reads, self.news)
        store.listen(self.news.tell)
        self._ready: tuple[float, str] | None = None

    async def ready(self) -> str:
        """The schema's revision, once the database can be written; raises `Unavailable`."""
        now = time.monotonic()
        if self._ready is None or self._ready[0] < now:
            self._ready = None
            self._ready = (now + READY_FOR_S, await self.store.ready())
        return self._ready[1]
