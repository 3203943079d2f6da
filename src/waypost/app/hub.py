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

READY_WITHIN_S = 2.5  # a check that takes longer goes on, and whoever asks meanwhile is told so
READY_FOR_S = 1.0  # the result of a check, good or bad, is reused for so long


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
        self._check: asyncio.Task[str | Unavailable] | None = None
        self._checked_at = 0.0

    async def ready(self) -> str:
        """The schema's revision, once the database can be read and written; raises `Unavailable`.

        One check at a time, and at most one a second, however many ask: callers need no token.
        """
        if self._check is None or (self._check.done() and time.monotonic() >= self._checked_at + READY_FOR_S):
            self._check = asyncio.create_task(self._check_store())
        check = self._check
        done, _ = await asyncio.wait({check}, timeout=READY_WITHIN_S)
        if not done:  # a step that cannot be called off, such as a commit, is still under way
            raise Unavailable(f"A test of the database did not end within {READY_WITHIN_S:g} s.", retry_after_s=1)
        outcome = check.result()
        if isinstance(outcome, Unavailable):
            raise outcome.with_traceback(None)  # several callers may raise it
        return outcome

    async def _check_store(self) -> "str | Unavailable":
        try:
            return await self.store.ready()
        except Unavailable as refusal:
            return refusal
        finally:
            self._checked_at = time.monotonic()
