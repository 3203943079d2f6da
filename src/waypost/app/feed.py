"""The change feed: events in the order of their commits, and waiting for the next without holding anything.

Whoever waits is woken by the commits of this process. Those of other processes are found by one look a second at
the counters of the accounts that are waited for, however many wait.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from waypost.app.ports.events import EventReads, FeedPage, FeedQuery
from waypost.domain.refusals import Invalid, Problem, Unavailable

LOOK_EVERY_S = 1.0  # at what other processes committed
REST_S = 0.05  # between two looks of one who waits for what seldom comes, while much else happens
WAITING_AT_MOST = 1000  # beyond it a reader is answered at once
LATEST = -1  # as `after`: only what comes from now on
LOOKS_AT_MOST = 20  # in one call: a filter that fits nothing must not walk the whole log

_log = logging.getLogger("waypost.feed")


class Watch:
    """One who waits for an account's next event after `seen`."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.seen = 0
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be something, or it is time to end."""
        self._woken.set()

    async def wait(self, seconds: float) -> bool:
        """Wait to be woken; whether that happened in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken


def _wake(watch: Watch) -> None:
    """Wake one; where that fails, the others are woken all the same."""
    try:
        watch.wake()
    except Exception:
        _log.exception("cannot wake one who waits for events of account %d", watch.account_id)


class News:
    """Wakes those who wait. Lives in one event loop; `tell` is the store's `Heard`."""

    def __init__(self, reads: EventReads, every_s: float = LOOK_EVERY_S) -> None:
        self._reads = reads
        self._every_s = every_s
        self._watches: dict[int, set[Watch]] = {}
        self._looking: asyncio.Task[None] | None = None
        self.ended = False

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._watches.values()))

    def tell(self, account_ids: Iterable[int]) -> None:
        """Events of these accounts were committed."""
        for account_id in account_ids:
            for watch in self._watches.get(account_id, ()):
                _wake(watch)

    @contextmanager
    def watch(self, account_id: int) -> Iterator[Watch]:
        """Be woken for this account."""
        watch = Watch(account_id)
        self._watches.setdefault(account_id, set()).add(watch)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            yield watch
        finally:
            left = self._watches[account_id]
            left.discard(watch)
            if not left:
                del self._watches[account_id]
            if not self._watches and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def end(self) -> None:
        """Wake all, and let nobody wait any more."""
        self.ended = True
        self.tell(list(self._watches))

    async def _look(self) -> None:
        """Find what other processes committed."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                heads = await self._reads.heads(sorted(self._watches))
            except Unavailable:
                continue  # the database will be there again
            except Exception:
                # Whoever waits now, or later, is to be woken all the same: one failed look ends nothing.
                _log.exception("cannot look for events of other processes")
                continue
            for account_id, head in heads.items():
                for watch in self._watches.get(account_id, ()):
                    if head > watch.seen:
                        _wake(watch)


class Feed:
    """Reads the log for callers."""

    def __init__(self, reads: EventReads, news: News) -> None:
        self._reads = reads
        self._news = news

    async def read(self, query: FeedQuery, wait_s: float = 0) -> FeedPage:
        """The next events; with `wait_s`, wait that long for the first."""
        if query.after == LATEST:
            query = query._replace(after=await self._head(query.scope.account_id))
        if wait_s <= 0 or self._news.waiting >= WAITING_AT_MOST:
            return await self._next(query)
        with self._news.watch(query.scope.account_id) as watch:
            until = asyncio.get_running_loop().time() + wait_s
            while True:
                page = await self._next(query)
                left = until - asyncio.get_running_loop().time()
                if page.events or left <= 0 or self._news.ended:
                    return page
                query = query._replace(after=page.reached)
                watch.seen = page.head
                if await watch.wait(left) and not self._news.ended:
                    await asyncio.sleep(min(REST_S, left))

    async def _head(self, account_id: int) -> int:
        return (await self._reads.heads([account_id])).get(account_id, 0)

    async def _next(self, query: FeedQuery) -> FeedPage:
        """Look until something is found or everything was looked at, within reason."""
        page = await self._reads.feed(query)
        if query.after > page.head:
            words = "This cursor lies ahead of every event: the database was restored from a backup since it was given."
            raise Invalid([Problem("after", "cursor_ahead", words)])
        for _ in range(LOOKS_AT_MOST):
            if page.events or page.reached >= page.head:
                break
            page = await self._reads.feed(query._replace(after=page.reached))
        return page
