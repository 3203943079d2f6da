"""The narrow form of a batch writes what the batch road writes, and leaves to it what it cannot judge."""

from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.database import several
from tests.support.merchant import Merchant, open_merchant
from waypost.app import transitions
from waypost.app.actor import Actor, Scope
from waypost.app.changes import timed
from waypost.app.commands import Command, Done, FailureReport, Settled
from waypost.app.ports import PlainMoved, PlainMoves, Store, Tx
from waypost.app.transitions import perform, plain_moves
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed, NotFound, Unavailable
from waypost.domain.statuses import Status

S = Status
STANDING = tuple(Status)


async def batch(store: Store, clock: ManualClock, *commands: Command) -> list[Settled]:
    """Settle these in one transaction."""

    async def run(tx: Tx) -> list[Settled]:
        return await timed(perform, clock)(tx, commands)

    return await store.write(run)


def told(settled: Settled) -> Any:
    """An outcome, so that two can be compared."""
    return settled if isinstance(settled, Done) else (type(settled), settled.code, settled.message)


async def left(url: str, ids: list[int]) -> list[Any]:
    """The states and the events of requests, without what names them and when it was."""
    states, events = await several(
        url, ["SELECT * FROM fulfillment_request_state ORDER BY id", "SELECT * FROM event ORDER BY account_id, seq"]
    )
    places = {id_: place for place, id_ in enumerate(ids)}
    kept = [(places[row["id"]], row) for row in states if row["id"] in places]
    kept += [(places[row["subject_id"]], row) for row in events if row["subject_id"] in places]
    blank = dict.fromkeys(("id", "order_id", "subject_id", "seq", "at", "modified_at", "failed_at", "sent_at",
                           "acknowledged_at", "canceled_at", "voided_at", "status_since",
                           "released_seq"))  # fmt: skip
    return [(place, {**row, **{name: row[name] is not None for name in blank if name in row}}) for place, row in kept]


def failures(ids: list[int], actors: list[Actor]) -> list[Command]:
    """A bare failure of each, with different reasons, by these in turn."""
    reports = [FailureReport("None left"), FailureReport("なし", "out_of_stock", True), FailureReport("x", "x_own", False)]
    return [
        fail(id_, actors[place % len(actors)], details=reports[place % len(reports)], call_id=f"c{place}")
        for place, id_ in enumerate(ids)
    ]


@pytest.mark.parametrize("size", [1, 2, len(STANDING)])
@pytest.mark.parametrize("who", ["account", "source", "channel"])
async def test_it_writes_and_answers_what_the_batch_road_does(
    who: str, size: int, store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for first in range(0, len(STANDING), size):
        statuses = STANDING[first : first + size]
        narrow, road = await merchant.requests(*statuses), await merchant.requests(*statuses)
        actors = [merchant.actor(who)]
        clock.advance(10)
        fast = await batch(store, clock, *failures(narrow, actors))
        with monkeypatch.context() as patched:
            patched.setattr(transitions, "plain_moves", lambda commands, now: None)
            slow = await batch(store, clock, *failures(road, actors))
        assert list(map(told, fast)) == list(map(told, slow))
        assert await left(migrated_url, narrow) == await left(migrated_url, road)
    await audit(migrated_url)


async def test_what_it_cannot_judge_takes_the_batch_road_in_the_same_transaction(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    other = await open_merchant(store, "Theirs")
    theirs = await other.request()
    ids = await merchant.requests(S.PROCESSING, S.CANCELED, S.PROCESSED, S.UNPROCESSED)
    commands = failures([*ids, theirs, 10**9], [merchant.actor()])
    commands.append(fail(await other.request(S.PROCESSED), other.actor()))
    settled = await batch(store, clock, *commands)
    assert [type(one) for one in settled] == [Done, NotAllowed, Done, NotAllowed, NotFound, NotFound, Done]
    states = (await several(migrated_url, ["SELECT id, status FROM fulfillment_request_state"]))[0]
    failed = {row["id"] for row in states if row["status"] == "processing_error"}
    assert failed == {ids[0], ids[2], commands[-1].request_id}
    await audit(migrated_url)


async def test_a_source_does_not_reach_what_is_hidden_or_anothers(
    store: Store, merchant: Merchant, clock: ManualClock
) -> None:
    ids = await merchant.requests(S.PROCESSING, S.UNPROCESSED, S.PROCESSED)
    for actor in (merchant.actor("source", source=1), merchant.actor("channel", channel=1)):
        settled = await batch(store, clock, *failures(ids, [actor]))
        assert [type(one) for one in settled] == [NotFound] * 3


async def test_two_failures_of_one_request_are_decided_one_after_the_other(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    once, twice = await merchant.requests(S.PROCESSING, S.PROCESSING)
    settled = await batch(store, clock, *failures([twice, once, twice], [merchant.actor()]))
    assert [type(one) for one in settled] == [Done, Done, NotAllowed]
    await audit(migrated_url)


async def test_failures_of_two_accounts_in_one_batch_are_numbered_apart(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    other = await open_merchant(store, "Theirs")
    ours, theirs = await merchant.requests(*[S.PROCESSING] * 3), await other.requests(*[S.PROCESSING] * 2)
    mixed = [(ours[0], merchant), (theirs[0], other), (ours[1], merchant), (theirs[1], other), (ours[2], merchant)]
    settled = await batch(store, clock, *(fail(id_, who.actor()) for id_, who in mixed))
    assert [type(one) for one in settled] == [Done] * 5
    for who, ids in ((merchant, ours), (other, theirs)):
        sql = "SELECT seq, subject_id, to_status FROM event WHERE account_id = $1 ORDER BY seq"
        events = (await several(migrated_url, [sql], who.account))[0]
        assert [event["seq"] for event in events] == [*range(1, len(events) + 1)]
        assert [event["subject_id"] for event in events if event["to_status"] == S.PROCESSING_ERROR] == ids
    await audit(migrated_url)


@pytest.mark.parametrize("size", [1, 2])
async def test_times_of_bare_failures_never_go_back(
    size: int, store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(*[S.PROCESSING] * (2 * size))
    for place in range(2):
        settled = await batch(store, clock, *(fail(id_, merchant.actor()) for id_ in ids[place * size :][:size]))
        assert [type(one) for one in settled] == [Done] * size
        clock.advance(-3600)
    events, states = await several(
        migrated_url,
        ["SELECT at FROM event WHERE to_status = 'processing_error' ORDER BY seq",
         "SELECT failed_at, modified_at, status_since FROM fulfillment_request_state ORDER BY id"],
    )  # fmt: skip
    times = [event["at"] for event in events]
    assert times[size] > times[0]
    assert [set(state.values()) for state in states] == [{at} for at in times]
    await audit(migrated_url)


@pytest.mark.parametrize(
    "given",
    [
        {"expected": frozenset({1})}, {"expected": frozenset()}, {"expected": "*"},
        {"dry_run": True}, {"wants_image": True}, {"details": FailureReport("x", line_ids=(1,))},
    ],
)  # fmt: skip
def test_only_a_bare_failure_is_plain(given: dict[str, Any], merchant_actor: Actor) -> None:
    assert plain_moves([fail(1, merchant_actor), fail(2, merchant_actor, **given)], 1) is None
    assert plain_moves([fail(1, merchant_actor), command(Action.PROCESSED, 2, merchant_actor)], 1) is None
    assert plain_moves([command(Action.PROCESSED, 2, merchant_actor)], 1) is None
    assert plain_moves([fail(1, merchant_actor._replace(type="worker"))], 1) is None
    assert isinstance(plain_moves([fail(1, merchant_actor), fail(2, merchant_actor)], 1), PlainMoves)


@pytest.fixture
def merchant_actor() -> Actor:
    """Somebody who may fail requests."""
    return Actor("account", Scope(1), 1, "somebody", 1)


async def test_a_transaction_that_breaks_after_it_leaves_nothing(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(S.PROCESSING, S.PROCESSED)
    moves = plain_moves(failures(ids, [merchant.actor()]), clock())
    assert moves is not None

    async def breaks(tx: Tx) -> None:
        moved = await tx.move_plainly(moves)
        assert [one and one.from_status for one in moved] == [S.PROCESSING, S.PROCESSED]
        assert all(isinstance(one, PlainMoved) for one in moved)
        raise Unavailable("on purpose")

    before = await left(migrated_url, ids)
    with pytest.raises(Unavailable):
        await store.write(breaks)
    assert await left(migrated_url, ids) == before
