"""Workers that die, stand still or come back late: leases, and answers of attempts that somebody has given up."""

from collections.abc import Sequence

import pytest

from tests.delivery import test_weather as weather
from tests.support.clock import ManualClock
from tests.support.handing import House
from waypost.app import handover
from waypost.app.handover import Begun, ClaimAsk, Settlement, Start
from waypost.app.ports import Store
from waypost.app.ports.delivery import Claimed, Retry
from waypost.app.ports.kinds import Result
from waypost.domain.handover import Outcome, Policy
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed
from waypost.domain.statuses import Status
from waypost.storage.postgres import PostgresStore

MINUTE = 60_000_000  # microseconds
DELIVERED = Result(Outcome.DELIVERED, reference="S-1", status=201, response="{}", duration_us=5)
REJECTED = Result(Outcome.REJECTED, "out_of_stock", "None left", status=422)
UNKNOWN = Result(Outcome.UNKNOWN, "outcome_unknown", "No answer")
NOT_SENT = Result(Outcome.DEFERRED, "source_unreachable", "It stood still", True)
POLICY = Policy(first_delay_s=60, longest_delay_s=600)


SET = 2  # the version of settings that were set once


class Desk:
    """The worker's transactions, one call each, under a clock that is told."""

    def __init__(self, house: House, clock: ManualClock) -> None:
        self.house = house
        self.store: Store = house.hub.store
        self.clock = clock

    async def claim(self, worker: str, count: int = 10, minutes: int = 1) -> list[Claimed]:
        """Take on what there is."""
        ask = ClaimAsk(worker, ((self.house.merchant.sources[0], count, False),), minutes * MINUTE)
        return (await self.store.write(lambda tx: handover.claim(tx, [ask], self.clock())))[0]

    async def start(self, worker: str, attempt: Claimed, version: int | None = None) -> Begun:
        """Begin to send."""
        now = version or (await self.house.state(attempt.request_id)).version
        asked = Start(attempt, worker, now, '{"body":"x"}', MINUTE, SET)
        return (await self.store.write(lambda tx: handover.advance(tx, [asked], self.clock())))[0]

    async def settle(
        self, worker: str, attempt: Claimed, result: Result, lapsed: bool = False, sent: bool = True
    ) -> Outcome | None:
        """Tell what came of it."""
        job = Settlement(attempt, worker, result, POLICY, 1.0, True, sent, lapsed)
        return (await self.store.write(lambda tx: handover.advance(tx, [job], self.clock())))[0]

    async def settle_together(self, *jobs: tuple[str, Claimed, Result]) -> list[object]:
        """Tell of several in one batch."""
        asked = [Settlement(attempt, worker, result, POLICY, 1.0) for worker, attempt, result in jobs]
        return list(await self.store.write(lambda tx: handover.advance(tx, asked, self.clock())))

    async def retry(self, due: Sequence[Retry]) -> list[bool]:
        """Try again what is due."""
        attempts = [one.attempt for one in due]
        return await self.store.write(lambda tx: handover.retry(tx, attempts, self.clock()))

    async def sent(self, worker: str = "one") -> Claimed:
        """A request that this worker is sending."""
        await self.house.merchant.request()
        (attempt,) = await self.claim(worker)
        assert await self.start(worker, attempt) is Begun.YES
        return attempt


@pytest.fixture
async def desk(house: House, clock: ManualClock) -> Desk:
    """With a source that is pushed to."""
    await house.push("http://127.0.0.1:65001/orders")
    return Desk(house, clock)


async def adds_up(house: House) -> None:
    """Nothing is half done, and what needs somebody is told as it is."""
    await weather.adds_up(house)


async def test_a_claim_is_nobody_elses_until_its_lease_ends(house: House, desk: Desk) -> None:
    ids = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    first = await desk.claim("one", 1)
    assert [one.request_id for one in first] == ids[:1]
    assert [one.request_id for one in await desk.claim("two")] == ids[1:]
    assert await desk.claim("three") == []
    desk.clock.advance(61)
    taken = await desk.claim("three")
    assert [one.id for one in taken] == [first[0].id, first[0].id + 1]
    assert [one.idempotency_key for one in taken][:1] == [first[0].idempotency_key]
    # Who was taken over may not begin any more; who took over may.
    assert await desk.start("one", first[0]) is Begun.NO
    assert await desk.start("three", taken[0]) is Begun.YES
    assert await desk.settle("one", first[0], REJECTED, sent=False) is None
    assert (await house.state(ids[0])).handover == "sending"
    await adds_up(house)


async def test_what_is_being_sent_is_never_taken_over_to_be_sent(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    desk.clock.advance(3600)
    assert await desk.claim("two") == []
    assert [one.id for one in await house.hub.reads.lapsed(desk.clock(), 10)] == [attempt.id]
    assert await desk.settle("two", attempt, UNKNOWN, lapsed=True) is Outcome.UNKNOWN
    state = await house.state(attempt.request_id)
    assert (state.status, state.failure_code, state.handover) == (
        Status.PROCESSING_ERROR,
        "outcome_unknown",
        "unknown",
    )
    assert await desk.settle("two", attempt, UNKNOWN, lapsed=True) is None
    await adds_up(house)


async def test_a_lease_that_was_prolonged_has_not_ended(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    desk.clock.advance(90)
    assert await house.hub.store.write(
        lambda tx: tx.take_over_sending(attempt.id, "two", desk.clock(), desk.clock() + MINUTE)
    )
    assert await desk.settle("three", attempt, UNKNOWN, lapsed=True) is None
    assert not await house.hub.store.write(
        lambda tx: tx.take_over_sending(attempt.id, "three", desk.clock(), desk.clock())
    )
    assert not await house.hub.store.write(lambda tx: tx.prolong_lease(attempt.id, "one", desk.clock() + MINUTE))
    # The true answer of the one who sent it counts all the same.
    assert await desk.settle("one", attempt, DELIVERED) is Outcome.DELIVERED
    assert await desk.settle("two", attempt, UNKNOWN) is None
    assert (await house.state(attempt.request_id)).status == Status.PROCESSED
    assert await house.attention() == []


async def test_an_answer_that_comes_late_is_kept_and_shown(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", attempt, UNKNOWN, lapsed=True)
    assert await desk.settle("one", attempt, DELIVERED) is Outcome.DELIVERED
    (row,) = await house.attempts(attempt.request_id)
    assert (row["outcome"], row["late_outcome"], row["late_at"]) == ("unknown", "delivered", desk.clock())
    state = await house.state(attempt.request_id)
    assert (state.status, state.handover) == (Status.PROCESSING_ERROR, "delivered")
    assert await house.attention() == [("fulfillment_request", attempt.request_id, "late_delivery")]
    assert (await house.events(attempt.request_id))[-2:] == ["failed", "handover_late"]
    # Told twice, it is told once.
    assert await desk.settle("one", attempt, DELIVERED) is None
    with pytest.raises(NotAllowed, match="order twice"):
        await house.do(Action.PROCESS, attempt.request_id)
    await house.do(Action.ACKNOWLEDGE, attempt.request_id)
    await adds_up(house)


async def test_a_late_answer_says_nothing_of_what_was_sent_since(house: House, desk: Desk) -> None:
    old = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", old, UNKNOWN, lapsed=True)
    await house.do(Action.PROCESS, old.request_id, confirm_resend=True)
    (new,) = await desk.claim("two")
    assert new.idempotency_key != old.idempotency_key
    await desk.start("two", new)
    assert await desk.settle("one", old, DELIVERED) is Outcome.DELIVERED
    state = await house.state(old.request_id)
    assert (state.status, state.handover) == (Status.PROCESSING, "sending")
    assert await house.attention() == [("fulfillment_request", old.request_id, "late_delivery")]
    await desk.settle("two", new, UNKNOWN)
    await adds_up(house)


async def test_a_late_refusal_clears_the_doubt_unless_there_is_another(house: House, desk: Desk) -> None:
    old = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", old, UNKNOWN, lapsed=True)
    assert await desk.settle("one", old, REJECTED) is Outcome.REJECTED
    state = await house.state(old.request_id)
    assert (state.failure_code, state.failure_reason, state.handover) == ("out_of_stock", "None left", "rejected")
    await house.do(Action.PROCESS, old.request_id)  # nobody has it: no word is needed
    (new,) = await desk.claim("two")
    await desk.start("two", new)
    await desk.settle("two", new, UNKNOWN)
    # A second worker that stood still over the first attempt knows nothing of the doubt about the second.
    assert await desk.settle("three", old, REJECTED) is None
    assert (await house.state(old.request_id)).handover == "unknown"
    assert await house.attention() == []
    await adds_up(house)


async def test_a_late_refusal_of_an_older_attempt_leaves_the_doubt(house: House, desk: Desk) -> None:
    old = await desk.sent()
    await desk.settle("one", old, UNKNOWN)
    await house.do(Action.PROCESS, old.request_id, confirm_resend=True)
    (new,) = await desk.claim("two")
    await desk.start("two", new)
    await desk.settle("two", new, UNKNOWN)
    assert await desk.settle("one", old, REJECTED) is Outcome.REJECTED
    state = await house.state(old.request_id)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    await adds_up(house)


async def test_a_worker_that_stood_still_clears_its_own_doubt_only(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    desk.clock.advance(90)
    await desk.settle("two", attempt, UNKNOWN, lapsed=True)
    assert await desk.settle("nobody", attempt, NOT_SENT, sent=False) is None
    assert await desk.settle("one", attempt, NOT_SENT, sent=False) is Outcome.REJECTED
    state = await house.state(attempt.request_id)
    assert (state.failure_code, state.failure_retryable, state.handover) == ("source_unreachable", True, "rejected")
    await adds_up(house)


async def test_asking_twice_is_the_same_as_asking_once(house: House, desk: Desk) -> None:
    await house.merchant.request()
    (attempt,) = await desk.claim("one")
    assert await desk.start("one", attempt) is Begun.YES
    assert await desk.start("one", attempt) is Begun.YES
    assert await desk.settle("one", attempt, DELIVERED) is Outcome.DELIVERED
    assert await desk.settle("one", attempt, DELIVERED) is None
    assert await desk.start("one", attempt) is Begun.NO
    assert await house.events(attempt.request_id) == ["generated", "processing", "handover_started", "processed"]
    image = await house.hub.reads.request(house.merchant.actor().scope, attempt.request_id)
    assert image is not None
    assert image.particulars.confirmation_number == "S-1"


async def test_a_request_that_has_changed_is_written_anew(house: House, desk: Desk) -> None:
    id_ = await house.merchant.request()
    (attempt,) = await desk.claim("one")
    assert await desk.start("one", attempt, version=99) is Begun.CHANGED
    assert (await house.attempts(id_))[0]["state"] == "claimed"
    assert await desk.start("one", attempt) is Begun.YES


async def test_a_clock_that_jumps_ahead_costs_nothing_but_a_look(house: House, desk: Desk) -> None:
    ids = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    first, second = await desk.claim("one")
    await desk.start("one", first)
    desk.clock.advance(86_400)
    (taken,) = await desk.claim("two")
    assert taken.id == second.id
    await desk.settle("two", first, UNKNOWN, lapsed=True)
    assert await desk.start("one", second) is Begun.NO
    assert await desk.settle("one", first, DELIVERED) is Outcome.DELIVERED
    assert await house.attention() == [("fulfillment_request", ids[0], "late_delivery")]
    await adds_up(house)


async def test_a_clock_that_jumps_back_holds_nothing_up_for_long(house: House, desk: Desk) -> None:
    desk.clock.advance(86_400)
    attempt = await desk.sent()
    desk.clock.advance(-86_400)
    assert await house.hub.store.write(lambda tx: tx.limit_leases(None, desk.clock() + 2 * MINUTE)) == 1
    desk.clock.advance(121)
    assert [one.id for one in await house.hub.reads.lapsed(desk.clock(), 10)] == [attempt.id]


async def test_what_is_tried_again_keeps_its_key_until_a_person_releases_it(house: House, desk: Desk) -> None:
    for_now = REJECTED._replace(retryable=True)
    attempt = await desk.sent()
    await desk.settle("one", attempt, for_now)
    assert await house.due_retries(desk.clock()) == []
    desk.clock.advance(61)
    due = await house.due_retries(desk.clock())
    assert await desk.retry(due) == [True]
    assert await desk.retry(due) == [False]
    (again,) = await desk.claim("one")
    assert (again.number, again.tries, again.attempt_group) == (2, 1, attempt.attempt_group)
    assert again.idempotency_key == attempt.idempotency_key
    await desk.start("one", again)
    await desk.settle("one", again, for_now)
    assert (await house.attempts(again.request_id))[-1]["next_at"] == desk.clock() + 2 * MINUTE
    await house.do(Action.PROCESS, again.request_id)
    (third,) = await desk.claim("one")
    assert (third.number, third.tries) == (3, 0)
    assert third.idempotency_key != attempt.idempotency_key
    # The retry that was due meanwhile is not for this release.
    desk.clock.advance(3600)
    assert await desk.retry(await house.due_retries(desk.clock())) == [False]
    assert [row["retried_as"] for row in await house.attempts(again.request_id)] == [2, None, None]
    await adds_up(house)


async def test_what_was_put_off_waits_its_time_unless_a_person_asks(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    await desk.settle("one", attempt, NOT_SENT._replace(retry_after_s=300.0))
    assert await desk.claim("one") == []
    desk.clock.advance(301)
    (again,) = await desk.claim("one")
    assert (again.number, again.idempotency_key) == (2, attempt.idempotency_key)


async def test_no_request_has_two_open_attempts(house: House, desk: Desk) -> None:
    """The database itself would not have it."""
    attempt = await desk.sent()
    sql = """INSERT INTO handover_attempt (account_id, source_id, request_id, number, release, attempt_group,
      idempotency_key, tries, state, worker, lease_until, claimed_at)
      SELECT account_id, source_id, request_id, 2, 1, 1, 'k', 0, 'claimed', 'x', 1, 1 FROM handover_attempt"""
    with pytest.raises(Exception, match=r"(?i)unique"):
        await house.hub.store.write(lambda tx: tx.execute(sql))  # type: ignore[attr-defined]
    assert len(await house.attempts(attempt.request_id)) == 1


async def test_a_poller_is_not_given_what_is_being_sent(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    (other,) = await house.merchant.requests(Status.PROCESSING)
    scope = house.merchant.actor("source").scope
    found = await house.hub.store.write(lambda tx: tx.oldest_processing(scope, None, 10))
    assert found == [other]
    assert attempt.request_id != other


async def test_an_attempt_that_begins_and_ends_in_one_batch_keeps_both(house: House, desk: Desk) -> None:
    id_ = await house.merchant.request()
    (attempt,) = await desk.claim("one")
    begins = Start(attempt, "one", (await house.state(id_)).version, '{"body":"x"}', MINUTE, SET)
    ends = Settlement(attempt, "one", DELIVERED, POLICY, 1.0)
    told = await house.hub.store.write(lambda tx: handover.advance(tx, [begins, ends], desk.clock()))
    assert told == [Begun.YES, Outcome.DELIVERED]
    (row,) = await house.attempts(id_)
    assert (row["state"], row["outcome"], row["request"]) == ("settled", "delivered", '{"body":"x"}')
    assert row["sending_at"] == row["settled_at"] == desk.clock()
    assert (await house.state(id_)).status == Status.PROCESSED
    await adds_up(house)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_begins_and_what_ends_takes_five_round_trips(house: House, desk: Desk) -> None:
    """Begin and lock, the requests, their attempts, all that changes, commit."""
    store = house.hub.store
    assert isinstance(store, PostgresStore)
    await house.merchant.requests(*[Status.PROCESSING] * 8)
    claimed = await desk.claim("one")
    for first, second in ((claimed[:4], claimed[4:6]), (claimed[4:6], claimed[6:])):
        begun = [attempt for attempt in first if (await desk.start("one", attempt)) is Begun.YES]
        versions = [(await house.state(attempt.request_id)).version for attempt in second]
        jobs = [
            *(Start(attempt, "one", version, "{}", MINUTE, SET) for attempt, version in zip(second, versions, strict=True)),
            *(Settlement(attempt, "one", DELIVERED, POLICY, 1.0) for attempt in begun),
        ]
        told = await store.write(lambda tx, jobs=jobs: handover.advance(tx, jobs, desk.clock()))  # type: ignore[misc]
        assert told == [Begun.YES] * len(second) + [Outcome.DELIVERED] * len(begun)
        assert store.last_round_trips == 5
    await adds_up(house)
