"""The hub as its callers see it: the store's reads, and the one way to change something."""

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from waypost.app.access import TokenBook
from waypost.app.changes import Changer
from waypost.app.feed import Feed, News
from waypost.app.ports import Clock, Reads, Store
from waypost.app.ports.kinds import Kind
from waypost.domain.refusals import Unavailable

READY_FOR_S = 1.0  # what a look at the database found, good or bad, is the answer for so long


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
        self._look: asyncio.Task[str | Unavailable] | None = None
        self._looked_at = 0.0

    async def ready(self) -> str:
        """The schema's revision, once the database can be read and written; raises `Unavailable`.

        One look at a time, and one a second, however many ask: strangers may ask.
        """
        if self._look is None or (self._look.done() and time.monotonic() >= self._looked_at + READY_FOR_S):
            self._look = asyncio.create_task(self._look_at_store())
        outcome = await asyncio.shield(self._look)
        if isinstance(outcome, Unavailable):
            raise outcome.with_traceback(None)  # several callers may raise it
        return outcome

    async def _look_at_store(self) -> "str | Unavailable":
        try:
            return await self.store.ready()
        except Unavailable as refusal:
            return refusal
        finally:
            self._looked_at = time.monotonic()

