"""Requests of many lines: the worker lets others take their turn between any two of them.

No clock: what is counted are the requests that are dealt with between two turns of the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from tests.delivery.test_weather import turns as answering
from tests.support.handing import QUICK, House
from tests.support.merchant import Wanted
from tests.support.supplier import Supplier
from waypost.app.batch_size import ALWAYS_FIT
from waypost.app.desk import Desk
from waypost.app.handover import Begun, ClaimAsk, Settlement, Start
from waypost.app.ports import Tx
from waypost.app.ports.delivery import Claimed, Papers
from waypost.app.ports.kinds import Letter, Result
from waypost.delivery import claiming
from waypost.delivery.bookkeeping import RETRIED_AT_ONCE, Books
from waypost.delivery.sources.http.kind import HttpSource
from waypost.domain.handover import Outcome
from waypost.domain.statuses import Status
from waypost.storage import delivery as storage

REQUESTS, LINES = 45, 300
LONG = tuple((f"SKU-{n}", 1) for n in range(LINES))
LEASE_US = 60_000_000


class Seen:
    """Counts what is dealt with in each turn of the loop."""

    def __init__(self) -> None:
        self.turn = 0
        self.by_turn: Counter[int] = Counter()

    def counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, counted."""

        def run(*args: Any, **named: Any) -> Any:
            self.by_turn[self.turn] += 1
            return work(*args, **named)

        return run

    @property
    def most(self) -> int:
        """Dealt with in one turn."""
        return max(self.by_turn.values(), default=0)

    @property
    def all(self) -> int:
        """Dealt with."""
        return self.by_turn.total()


@asynccontextmanager
async def watching() -> AsyncIterator[Seen]:
    """Somebody else who wants every turn."""
    seen = Seen()

    async def go_round() -> None:
        while True:
            seen.turn += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(go_round())
    try:
        yield seen
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _waiting(house: House, lines: Sequence[tuple[str, int]]) -> list[int]:
    return await house.merchant.requests(*(Wanted(lines=tuple(lines)) for _ in range(REQUESTS)))


async def _handed_over(house: House, ids: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> Seen:
    """All of them; how many were prepared in which turn."""
    async with Supplier(answering("accept")) as supplier, watching() as seen:
        monkeypatch.setattr(claiming, "written", seen.counted(claiming.written))
        await house.push(supplier, QUICK._replace(concurrency=REQUESTS))
        house.start()
        await house.until_statuses(ids, Status.PROCESSED)
        await house.end()
    return seen


@pytest.mark.parametrize(("lines", "at_most"), [(LONG, 1), (LONG[:1], REQUESTS)], ids=["long", "short"])
async def test_others_get_a_turn_between_two_long_requests_that_are_prepared(
    house: House, monkeypatch: pytest.MonkeyPatch, lines: Sequence[tuple[str, int]], at_most: int
) -> None:
    ids = await _waiting(house, lines)
    read, papers = [], house.hub.reads.papers

    async def reading(some: Sequence[int]) -> list[Papers]:
        read.append(len(some))
        return await papers(some)

    monkeypatch.setattr(house.hub.reads, "papers", reading)
    seen = await _handed_over(house, ids, monkeypatch)
    assert seen.all == REQUESTS
    assert seen.most <= at_most
    assert (seen.most == 1) == (lines is LONG)  # short ones share a turn
    assert max(read) <= claiming.READ_AT_ONCE  # so many are in memory at once, with all their lines


async def test_what_expressions_take_counts_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short request may be long to write."""
    ids = await _waiting(house, LONG[:1])
    write = HttpSource.write

    def slow(source: HttpSource, document: Any) -> Letter:
        return write(source, document)._replace(steps=1_000)

    monkeypatch.setattr(HttpSource, "write", slow)
    seen = await _handed_over(house, ids, monkeypatch)
    assert (seen.all, seen.most) == (REQUESTS, 1)


async def test_the_steps_of_a_letter_are_those_of_its_expressions(house: House) -> None:
    kind, document = house.hub.kinds["http"], {"idempotencyKey": "k", "items": [{"sku": "A"}] * 50}

    def steps(body: str) -> int:
        checked = kind.check({"url": "https://example.com/x", "body": body}, {}, {})
        return kind.open(checked.settings, checked.secrets).write(document).steps

    assert steps("@") < 50 < steps("items[].[sku, sku]")


async def test_long_requests_are_read_in_slices(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await _waiting(house, LONG)
    async with watching() as seen:
        monkeypatch.setattr(storage, "Papers", seen.counted(Papers))
        found = await house.hub.reads.papers(ids)
    assert [(one.image.state.id, len(one.image.lines)) for one in found] == [(id_, LINES) for id_ in sorted(ids)]
    assert (seen.all, seen.most) == (REQUESTS, 2)


class NotingBooks(Books):
    """Notes how many are in each transaction."""

    def __init__(self, house: House) -> None:
        super().__init__(house.writer, house.hub.clock)
        self.sizes: list[int] = []
        self._advance, self._retry = self._noted(self._advance), self._noted(self._retry)

    def _noted(self, work: Any) -> Any:
        async def run(tx: Tx, jobs: Sequence[Any]) -> Any:
            self.sizes.append(len(jobs))
            return await work(tx, jobs)

        return run


async def _begun(house: House, books: Books) -> list[Claimed]:
    """All of them are on their way."""
    await house.push("https://example.com/x")
    claimed = await books.claim(ClaimAsk("w", ((house.merchant.sources[0], REQUESTS, False),), LEASE_US))
    papers = {one.image.state.id: one for one in await house.hub.reads.papers([one.request_id for one in claimed])}
    starts = [Start(one, "w", papers[one.request_id].image.state.version, "{}", LEASE_US, 2) for one in claimed]
    assert await asyncio.gather(*(books.start(start, 1.0) for start in starts)) == [Begun.YES] * REQUESTS
    return claimed


async def _settled(books: Books, claimed: Sequence[Claimed], result: Result) -> None:
    ends = [Settlement(one, "w", result, QUICK, 0.5) for one in claimed]
    assert await asyncio.gather(*map(books.settle, ends)) == [result.outcome] * REQUESTS


async def test_settling_many_long_requests_gives_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is acknowledged has all its lines changed."""
    ids = await _waiting(house, LONG)
    books = NotingBooks(house)
    claimed = await _begun(house, books)
    books.sizes.clear()
    async with watching() as seen:
        monkeypatch.setattr(Desk, "settle", seen.counted(Desk.settle))
        await _settled(books, claimed, Result(Outcome.ACKNOWLEDGED))
    assert (seen.all, seen.most) == (REQUESTS, 1)
    assert max(books.sizes) == ALWAYS_FIT  # what they load is freed in one go
    assert {(await house.state(id_)).status for id_ in ids} == {Status.ACKNOWLEDGED}


async def test_trying_many_long_requests_again_gives_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await _waiting(house, LONG)
    books = NotingBooks(house)
    claimed = await _begun(house, books)
    await _settled(books, claimed, Result(Outcome.REJECTED, "other", "No.", retryable=True))
    books.sizes.clear()
    async with watching() as seen:
        monkeypatch.setattr(Desk, "settle", seen.counted(Desk.settle))
        assert await books.retry(claimed) == [True] * REQUESTS
    assert (seen.all, seen.most) == (REQUESTS, 1)
    assert max(books.sizes) == RETRIED_AT_ONCE
    assert {(await house.state(id_)).status for id_ in ids} == {Status.PROCESSING}
