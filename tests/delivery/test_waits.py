"""Until when a request in Processing waits, and which of those that may leave is claimed first."""

from tests.delivery.test_weather import adds_up, hold
from tests.support.handing import House
from tests.support.supplier import Supplier
from waypost.app.commands import FailureReport
from waypost.app.handover import Begun, ClaimAsk, Settlement, Start, advance, claim
from waypost.app.ports.delivery import Claimed
from waypost.app.ports.kinds import Result
from waypost.domain.handover import Outcome, Policy
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status

MINUTE = 60 * 1_000_000
POLICY = Policy(first_delay_s=600.0, longest_delay_s=600.0, attempts=9)


async def claimed(house: House, now: int, count: int = 1, probing: bool = False) -> list[Claimed]:
    """What a worker takes on now."""
    ask = ClaimAsk("w", ((house.merchant.sources[0], count, probing),), MINUTE)
    [found] = await house.hub.store.write(lambda tx: claim(tx, [ask], now))
    return found


async def put_off(house: House, attempt: Claimed, now: int, after_s: float | None = None) -> None:
    """Its source says that it will take it later."""
    start = Start(attempt, "w", (await house.state(attempt.request_id)).version, "{}", MINUTE, 1)
    end = Settlement(attempt, "w", Result(Outcome.DEFERRED, retry_after_s=after_s), POLICY, 0.0)
    assert await house.hub.store.write(lambda tx: advance(tx, [start], now)) == [Begun.YES]
    assert await house.hub.store.write(lambda tx: advance(tx, [end], now)) == [Outcome.DEFERRED]


async def waiting(house: House, id_: int, now: int, after_s: float) -> int:
    """Until when it waits, after its source has put it off."""
    [attempt] = await claimed(house, now)
    assert attempt.request_id == id_
    await put_off(house, attempt, now, after_s)
    until = (await house.state(id_)).waits_until
    assert until >= now + int(after_s * 1_000_000)
    assert until == (await house.attempts(id_))[-1]["next_at"]
    return until


async def test_what_its_source_put_off_is_claimed_when_its_time_has_come(house: House) -> None:
    id_, now = await house.merchant.request(), house.hub.clock()
    until = await waiting(house, id_, now, 3600.0)
    sources = [house.merchant.sources[0]]
    async with Supplier() as supplier:
        await house.push(supplier)
    assert await house.hub.reads.waiting_sources(sources, until - 1) == []
    assert await claimed(house, until - 1) == []
    assert await house.hub.reads.waiting_sources(sources, until) == sources
    assert [one.request_id for one in await claimed(house, until)] == [id_]
    await adds_up(house)


async def test_what_is_released_again_waits_no_more_for_what_its_source_said(house: House) -> None:
    id_, now = await house.merchant.request(), house.hub.clock()
    until = await waiting(house, id_, now, 3600.0)
    await house.do(Action.FAIL, id_, details=FailureReport("Nobody answers"))
    await house.do(Action.PROCESS, id_, confirm_resend=True)
    assert (await house.state(id_)).waits_until == 0
    assert now < until
    assert [one.request_id for one in await claimed(house, now)] == [id_]
    await adds_up(house)


async def test_what_is_put_off_while_it_is_held_waits_for_the_later_of_the_two(house: House) -> None:
    id_, now = await house.merchant.request(), house.hub.clock()
    [attempt] = await claimed(house, now)
    await hold(house, id_, now + 7 * MINUTE)
    assert (await house.state(id_)).waits_until == now + 7 * MINUTE
    later = now + 8 * MINUTE  # it was claimed before, and begins after that
    await put_off(house, attempt, later, 60.0)
    [put_off_at] = [row["next_at"] for row in await house.attempts(id_)]
    assert (await house.state(id_)).waits_until == put_off_at > later
    await adds_up(house)


async def test_what_has_waited_comes_first_and_the_rest_by_age(house: House) -> None:
    first, second, third, fourth = await house.merchant.requests(*[Status.PROCESSING] * 4)
    now = house.hub.clock()
    await hold(house, third, now + 2 * MINUTE)
    await hold(house, fourth, now + MINUTE)
    at = now + 3 * MINUTE
    found = [(await claimed(house, at))[0].request_id for _ in range(4)]
    assert found == [fourth, third, first, second]
    assert await claimed(house, at, 9) == []


async def test_a_trial_takes_what_was_not_tried_yet(house: House) -> None:
    first, second = await house.merchant.requests(*[Status.PROCESSING] * 2)
    now = house.hub.clock()
    until = await waiting(house, first, now, 60.0)
    assert [one.request_id for one in await claimed(house, until, probing=True)] == [second]
    assert [one.request_id for one in await claimed(house, until, probing=True)] == [first]


async def test_the_end_of_a_wait_that_was_too_long_leaves_no_hold_of_long_ago(house: House) -> None:
    """It was put off by a clock that ran ahead; its hold ended before 1970."""
    id_, now = await house.merchant.request(), house.hub.clock()
    await hold(house, id_, -1)
    await waiting(house, id_, now, 3600.0)
    set_back = now - 120 * MINUTE
    assert await house.hub.store.write(lambda tx: tx.end_waits(set_back, 10)) == 1
    assert (await house.state(id_)).waits_until == 0
    assert await house.hub.store.write(lambda tx: tx.end_waits(set_back, 10)) == 0
    assert [one.request_id for one in await claimed(house, set_back)] == [id_]
    await adds_up(house)


async def test_the_end_of_a_wait_that_was_too_long_leaves_the_hold(house: House) -> None:
    id_, now = await house.merchant.request(), house.hub.clock()
    [attempt] = await claimed(house, now)
    until = now + 7 * MINUTE
    await hold(house, id_, until)
    await put_off(house, attempt, until + MINUTE, 3600.0)
    assert (await house.state(id_)).waits_until > until + MINUTE
    set_back = now - 120 * MINUTE
    assert await house.hub.store.write(lambda tx: tx.end_waits(set_back, 10)) == 1
    assert (await house.state(id_)).waits_until == until
    assert await claimed(house, set_back) == []
    await adds_up(house)


async def test_no_attempt_is_looked_at_twice_for_a_wait_that_was_too_long(house: House) -> None:
    """The first was released again meanwhile, and does not wait for what its source said."""
    first, second = await house.merchant.requests(*[Status.PROCESSING] * 2)
    now = house.hub.clock()
    await waiting(house, first, now, 3600.0)
    await waiting(house, second, now, 3600.0)
    await house.do(Action.FAIL, first, details=FailureReport("Nobody answers"))
    await house.do(Action.PROCESS, first, confirm_resend=True)
    set_back = now - 120 * MINUTE
    ended = [await house.hub.store.write(lambda tx: tx.end_waits(set_back, 1)) for _ in range(3)]
    assert ended == [0, 1, 0]
    assert (await house.state(second)).waits_until == 0
    assert [attempt["next_at"] for id_ in (first, second) for attempt in await house.attempts(id_)] == [None, None]
    await adds_up(house)
