"""Attempts in the database itself: who has the lease of one changes it, and who sees its request sees it."""

from tests.delivery.test_leases import MINUTE, Desk, desk
from tests.support.handing import House
from tests.support.merchant import open_merchant
from waypost.app.actor import Scope

__all__ = ["desk"]


async def test_what_is_being_sent_is_taken_over_once_its_lease_has_ended(house: House, desk: Desk) -> None:
    attempt = await desk.sent()

    async def taken() -> int:
        now = desk.clock()
        return await desk.store.write(lambda tx: tx.take_over_sending(attempt.id, "two", now, now + MINUTE))

    assert await taken() == 0
    assert (await house.attempts(attempt.request_id))[0]["worker"] == "one"
    desk.clock.advance(61)
    assert await taken() == 1
    assert await taken() == 0
    assert (await house.attempts(attempt.request_id))[0]["worker"] == "two"


async def test_a_lease_is_prolonged_by_who_has_it(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    until = desk.clock() + 5 * MINUTE
    (before,) = await house.attempts(attempt.request_id)
    assert await desk.store.write(lambda tx: tx.prolong_lease(attempt.id, "two", until)) == 0
    assert await house.attempts(attempt.request_id) == [before]
    assert await desk.store.write(lambda tx: tx.prolong_lease(attempt.id, "one", until)) == 1
    assert (await house.attempts(attempt.request_id))[0]["lease_until"] == until


async def test_a_worker_lets_go_of_its_own_claims_only(house: House, desk: Desk) -> None:
    await house.merchant.request()
    (attempt,) = await desk.claim("one")
    assert await desk.store.write(lambda tx: tx.release_claims("two", None, desk.clock())) == 0
    assert await desk.claim("two") == []
    assert await desk.store.write(lambda tx: tx.release_claims("one", attempt.source_id + 1, desk.clock())) == 0
    assert await desk.store.write(lambda tx: tx.release_claims("one", attempt.source_id, desk.clock())) == 1
    assert [one.id for one in await desk.claim("two")] == [attempt.id]


async def test_attempts_are_seen_by_who_sees_their_request(house: House, desk: Desk) -> None:
    attempt = await desk.sent()
    other = await open_merchant(house.hub.store, "Theirs")
    ours = house.merchant
    for scope, sees in (
        (Scope(ours.account), True), (Scope(ours.account, ours.sources[0]), True),
        (Scope(ours.account, ours.sources[1]), False), (Scope(ours.account, None, ours.channels[1]), False),
        (Scope(other.account), False),
    ):  # fmt: skip
        found = await house.hub.reads.attempts(scope, attempt.request_id, 10)
        assert (found and [one.id for one in found]) == ([attempt.id] if sees else None), scope
