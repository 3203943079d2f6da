"""Waiting for events: who is woken, and how often the counters are looked at."""

import asyncio
from collections.abc import Sequence

import pytest

from waypost.app.actor import Scope
from waypost.app.feed import LATEST, Feed, News, Watch
from waypost.app.ports.events import FeedPage, FeedQuery
from waypost.domain.catalogue import CATALOGUE, is_pattern, matches
from waypost.domain.events import Event
from waypost.domain.refusals import Unavailable


def event(seq: int, account_id: int = 1) -> Event:
    return Event(account_id, seq, seq, "order", 1, "order.created", None, "open", "system", *[None] * 6)  # type: ignore[arg-type]


class Log:
    """An event log in memory that counts who looks."""

    def __init__(self) -> None:
        self.last = {1: 0, 2: 0}
        self.looks: list[tuple[int, ...]] = []
        self.looked = asyncio.Event()
        self.down = False

    async def feed(self, query: FeedQuery) -> FeedPage:
        account_id = query.scope.account_id
        head = self.last[account_id]
        events = [event(seq, account_id) for seq in range(query.after + 1, head + 1)]
        return FeedPage(events[: query.limit], max(query.after, head), head)

    async def heads(self, account_ids: Sequence[int]) -> dict[int, int]:
        self.looks.append(tuple(account_ids))
        self.looked.set()
        if self.down:
            raise Unavailable("not now")
        return {account_id: self.last[account_id] for account_id in account_ids}


async def waiting(news: News, count: int) -> None:
    while news.waiting < count:
        await asyncio.sleep(0)


async def look(log: Log) -> None:
    """Until the counters are looked at once more."""
    log.looked.clear()
    await log.looked.wait()


async def test_one_look_serves_everyone_who_waits() -> None:
    log = Log()
    news = News(log, every_s=0.02)
    feed = Feed(log, news)
    readers = [asyncio.create_task(feed.read(FeedQuery(Scope(place % 2 + 1)), 10)) for place in range(50)]
    await waiting(news, 50)
    for _ in range(3):
        await look(log)
    assert len(log.looks) <= 4
    assert set(log.looks) == {(1, 2)}
    log.last = {1: 1, 2: 2}
    pages = await asyncio.gather(*readers)
    assert [len(page.events) for page in pages] == [1, 2] * 25
    looks = len(log.looks)
    await asyncio.sleep(0.05)
    assert len(log.looks) == looks, "nobody waits: nobody looks"


async def test_told_of_a_commit_only_its_account_is_woken() -> None:
    log = Log()
    news = News(log, every_s=3600)
    feed = Feed(log, news)
    first = asyncio.create_task(feed.read(FeedQuery(Scope(1)), 10))
    second = asyncio.create_task(feed.read(FeedQuery(Scope(2)), 10))
    await waiting(news, 2)
    log.last = {1: 1, 2: 1}
    news.tell([1])
    assert [one.seq for one in (await first).events] == [1]
    assert not second.done()
    news.end()
    assert await second == FeedPage([event(1, 2)], 1, 1)
    assert log.looks == []


async def test_looking_goes_on_when_the_database_comes_back() -> None:
    log = Log()
    news = News(log, every_s=0.01)
    reader = asyncio.create_task(Feed(log, news).read(FeedQuery(Scope(1)), 10))
    await waiting(news, 1)
    log.down = True
    await look(log)
    await look(log)
    log.down, log.last[1] = False, 1
    assert len((await reader).events) == 1


async def test_when_too_many_wait_the_next_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.app.feed.WAITING_AT_MOST", 2)
    log = Log()
    news = News(log, every_s=3600)
    feed = Feed(log, news)
    readers = [asyncio.create_task(feed.read(FeedQuery(Scope(1)), 10)) for _ in range(2)]
    await waiting(news, 2)
    assert await feed.read(FeedQuery(Scope(1)), 10) == FeedPage([], 0, 0)
    news.end()
    await asyncio.gather(*readers)


async def test_latest_is_the_head() -> None:
    log = Log()
    log.last[1] = 7
    assert await Feed(log, News(log)).read(FeedQuery(Scope(1), LATEST)) == FeedPage([], 7, 7)


def test_patterns() -> None:
    assert all(is_pattern(type_) for type_ in CATALOGUE)
    assert is_pattern("*")
    assert is_pattern("order.*")
    assert not any(is_pattern(text) for text in ("", ".*", "order", "order.", "ord*", "order.*.*", "nothing.*", "**"))
    assert matches("order.created", "order.*")
    assert matches("order.created", "*")
    assert matches("order.created", "order.created")
    assert not matches("order.created", "order.create")
    assert not matches("shipment.updated", "order.*")


async def test_a_look_that_fails_in_a_way_that_nobody_foresaw_ends_nothing() -> None:
    """It was seen: one such failure, and no event of another process woke anybody any more."""
    log = Log()
    news = News(log, every_s=0.01)
    heads, failing = log.heads, [RuntimeError("unforeseen"), OSError("unforeseen")]

    async def fails_at_first(account_ids: Sequence[int]) -> dict[int, int]:
        if failing:
            raise failing.pop()
        return await heads(account_ids)

    log.heads = fails_at_first  # type: ignore[method-assign]
    reader = asyncio.create_task(Feed(log, news).read(FeedQuery(Scope(1)), 30))
    await waiting(news, 1)
    await look(log)
    log.last[1] = 1
    async with asyncio.timeout(10):
        assert len((await reader).events) == 1
    assert failing == []


async def test_one_who_cannot_be_woken_does_not_keep_the_others_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by a commit of this process nor by a look at what others committed."""
    woken: list[Watch] = []

    def wake(watch: Watch) -> None:
        woken.append(watch)
        if len(woken) % 2:
            raise RuntimeError("a planted defect")

    monkeypatch.setattr(Watch, "wake", wake)
    log = Log()
    news = News(log, every_s=0.01)
    with news.watch(1) as first, news.watch(1) as second:
        news.tell([1])
        assert {*woken} == {first, second}
        woken.clear()
        log.last[1] = 1
        async with asyncio.timeout(10):
            while {*woken} != {first, second}:
                await asyncio.sleep(0)
