"""What is to be tried again is read page by page, in its order; and what a clock that ran ahead put off is due at once."""

from tests.delivery.test_leases import MINUTE, REJECTED, SET, Desk, desk
from tests.support.clock import ManualClock
from tests.support.handing import House
from tests.support.merchant import Wanted
from waypost.app import handover
from waypost.app.handover import ClaimAsk, Settlement, Start
from waypost.app.ports.delivery import Claimed, Retry, RetryPlace
from waypost.domain.handover import Policy

__all__ = ["desk"]

FOR_NOW = REJECTED._replace(retryable=True)


async def rejected(house: House, clock: ManualClock, policy: Policy) -> None:
    """Three requests of each source, all of one source at one moment; the second source's came first."""
    for source in (1, 0):
        await house.merchant.requests(*[Wanted(source=source)] * 3)
        ask = ClaimAsk("one", ((house.merchant.sources[source], 10, False),), MINUTE)
        claimed: list[Claimed] = (await house.hub.store.write(lambda tx, ask=ask: handover.claim(tx, [ask], clock())))[0]
        assert len(claimed) == 3
        for attempt in claimed:
            start = Start(attempt, "one", (await house.state(attempt.request_id)).version, '{"body":"x"}', MINUTE, SET)
            await house.hub.store.write(lambda tx, start=start: handover.advance(tx, [start], clock()))
        jobs = [Settlement(attempt, "one", FOR_NOW, policy, 1.0, True, True) for attempt in claimed]
        await house.hub.store.write(lambda tx, jobs=jobs: handover.advance(tx, jobs, clock()))
        clock.advance(1)


async def test_what_is_due_is_read_page_by_page(house: House, desk: Desk) -> None:
    await rejected(house, desk.clock, Policy(first_delay_s=60, longest_delay_s=600))
    reads, (first, second) = house.hub.reads, sorted(house.merchant.sources)
    assert await house.due_retries(desk.clock()) == []
    desk.clock.advance(600)
    every = await house.due_retries(desk.clock())
    assert len(every) == 6
    assert [one.place for one in every] == sorted(one.place for one in every)
    assert every[0].next_at > every[-1].next_at  # the first source's became due later
    after = [RetryPlace(first), RetryPlace(second)]
    pages: list[list[Retry]] = []
    for size in (4, 2, 0):
        page = await reads.due_retries(after, desk.clock(), 2)
        assert len(page) == size
        after = [max([place, *(one.place for one in page if one.place[0] == place[0])]) for place in after]
        pages.append(page)
    assert pages == [[*every[:2], *every[3:5]], [every[2], every[5]], []]
    assert await house.due_retries(desk.clock(), [second]) == every[3:]
    assert await desk.retry(every[:1]) == [True]
    assert await house.due_retries(desk.clock()) == every[1:]


async def test_what_a_clock_that_ran_ahead_put_off_is_due_at_once(house: House, desk: Desk) -> None:
    await rejected(house, desk.clock, Policy(first_delay_s=3600, longest_delay_s=7200))
    desk.clock.advance(-600)
    assert await house.due_retries(desk.clock()) == []
    ended = [await house.hub.store.write(lambda tx: tx.end_waits(desk.clock(), 4)) for _ in range(3)]
    assert ended == [4, 2, 0]
    assert len(await house.due_retries(desk.clock())) == 6
