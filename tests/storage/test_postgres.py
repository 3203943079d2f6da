"""What is PostgreSQL's own: round trips, the road of a batch of one, and connections lost at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail, key, keyed_batch
from tests.support.database import contents, rows, several
from tests.support.merchant import ADDRESS, Merchant, Wanted, open_merchant
from tests.support.proxy import Proxy, sends
from waypost.app.changes import Changer, timed
from waypost.app.commands import Command, Done, IdempotencyKey, Settled
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Refusal, Unavailable
from waypost.domain.statuses import Status
from waypost.storage import postgres
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.postgres import PostgresStore

COMMIT = b"COMMIT\0"
WRITER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'waypost writer'" \
    " AND datname = current_database()"  # fmt: skip


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgresql"


@pytest.fixture
async def store(proxy: Proxy) -> AsyncIterator[PostgresStore]:
    """A store at the end of that wire."""
    opened = await open_store(proxy.url, migrate=False)
    assert isinstance(opened, PostgresStore)
    yield opened
    await opened.close()


Asked = Command | tuple[Command, IdempotencyKey]


async def batch(store: PostgresStore, clock: ManualClock, *commands: Asked) -> list[Settled]:
    """Settle these in one transaction."""
    return await keyed_batch(store, clock, *[(one, None) if isinstance(one, Command) else one for one in commands])


# Round trips, as the store counts them and as they pass over the wire.


def hot(ids: Sequence[int], merchant: Merchant, name: str) -> list[Asked]:
    """Failures: nothing but the status."""
    return [fail(id_, merchant.actor()) for id_ in ids]


def keyed(ids: Sequence[int], merchant: Merchant, name: str) -> list[Asked]:
    """Failures with keys."""
    return [(fail(id_, merchant.actor()), key(f"{name}-{id_}")) for id_ in ids]


def heavy(ids: Sequence[int], merchant: Merchant, name: str) -> list[Asked]:
    """Changes of lines, with keys, replies and roll-ups."""
    return [
        (command(Action.ACKNOWLEDGE, id_, merchant.actor(), expected=frozenset({2})), key(f"{name}-{id_}"))
        for id_ in ids
    ]


def mixed(ids: Sequence[int], merchant: Merchant, name: str) -> list[Asked]:
    """Of each kind something, and something refused."""
    return [
        *hot(ids[:2], merchant, name),
        *keyed(ids[2:4], merchant, name),
        *heavy(ids[4:], merchant, name),
        command(Action.PROCESS, ids[0], merchant.actor()),
        fail(4711, merchant.actor()),
    ]


# Begin and lock, load, write, commit. Keys: begin, claim them, keep their outcomes. Mixed: note what needs somebody.
@pytest.mark.parametrize(("kind", "most"), [(hot, 4), (keyed, 6), (heavy, 7), (mixed, 8)])
async def test_a_batch_takes_as_many_round_trips_whatever_is_in_it(
    kind: Any, most: int, store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy
) -> None:
    ids = await merchant.requests(*[Wanted(order=f"O{place // 2}") for place in range(20)])
    # The first run of a statement on a connection prepares it.
    assert any(isinstance(one, Done) for one in await batch(store, clock, *kind(ids[:10], merchant, "a")))
    before = proxy.round_trips
    settled = await batch(store, clock, *kind(ids[10:], merchant, "b"))
    assert sum(isinstance(one, Done) for one in settled) >= 10
    assert store.last_round_trips <= most
    assert proxy.round_trips - before == store.last_round_trips


async def test_a_lone_failure_takes_one_round_trip(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy
) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSED)
    await batch(store, clock, fail(ids[0], merchant.actor()))
    before = proxy.round_trips
    (done,) = await batch(store, clock, fail(ids[1], merchant.actor()))
    assert isinstance(done, Done)
    assert store.last_round_trips == 1
    assert proxy.round_trips - before == 1


async def test_a_lone_failure_that_is_refused_says_why_in_four(
    store: PostgresStore, merchant: Merchant, clock: ManualClock
) -> None:
    id_ = await merchant.request(Status.CANCELED)
    (refusal,) = await batch(store, clock, fail(id_, merchant.actor()))
    assert isinstance(refusal, Refusal)
    assert refusal.code == "not_allowed_from_status"
    assert store.last_round_trips <= 4


@pytest.mark.parametrize("who", ["account", "source", "channel"])
@pytest.mark.parametrize("status", [Status.PROCESSING, Status.PROCESSED])
async def test_a_lone_move_writes_what_the_batch_road_writes(
    status: Status, who: str, store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    alone, first, second = await merchant.requests(status, status, status)
    actor = merchant.actor(who)
    clock.advance(10)
    (lone,) = await batch(store, clock, fail(alone, actor, call_id="lone"))
    clock.advance(10)
    assert store.last_round_trips == 1
    road, _ = await batch(store, clock, fail(first, actor, call_id="road"), fail(second, actor))
    assert store.last_round_trips > 1
    assert lone == road
    states, events = await several(
        migrated_url, ["SELECT * FROM fulfillment_request_state", "SELECT * FROM event WHERE request_id IS NOT NULL"]
    )
    written = [state for state in states if state["id"] in (alone, first)]
    for row in (*written, *events):
        for column in ("id", "order_id", "seq", "subject_id", "request_id", "released_seq"):
            row.pop(column, None)
        for column in ("modified_at", "failed_at", "status_since", "at"):
            row[column] = row.get(column, 0) % 10_000_000  # the two were made ten seconds apart
    assert written[0] == written[1]
    assert events[0] == events[1]
    await audit(migrated_url)


async def test_a_lone_move_waits_for_a_lock_and_is_judged_on_what_it_then_finds(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    id_ = await merchant.request()
    other = await open_store(migrated_url, migrate=False)
    held, go_on = asyncio.Event(), asyncio.Event()
    road = timed(perform, clock)

    async def slow(tx: Tx) -> Sequence[Settled]:
        settled = await road(tx, [command(Action.ACKNOWLEDGE, id_, merchant.actor())])
        held.set()
        await go_on.wait()
        return settled

    first = asyncio.ensure_future(other.write(slow))
    await held.wait()
    second = asyncio.ensure_future(batch(store, clock, fail(id_, merchant.actor())))
    blocked = (
        "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(10):
        while (await rows(migrated_url, blocked))[0]["n"] == 0:
            await asyncio.sleep(0.005)
    assert not second.done()
    go_on.set()
    await first
    (refusal,) = await second
    assert isinstance(refusal, Refusal)
    assert refusal.code == "not_allowed_from_status"
    await other.close()
    await audit(migrated_url)


# Connections that are lost.


async def test_a_connection_lost_between_two_calls_is_replaced(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await rows(migrated_url, WRITER)
    async with asyncio.timeout(10):
        while not (store._db is None or store._db.is_closed()):
            await asyncio.sleep(0.005)
    settled = await batch(store, clock, *[fail(id_, merchant.actor()) for id_ in ids])
    assert all(isinstance(one, Done) for one in settled)
    await audit(migrated_url)


async def test_a_connection_lost_before_the_commit_means_that_nothing_was_applied(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    before = await contents(migrated_url)
    road = timed(perform, clock)
    commands = [command(Action.CANCEL, id_, merchant.actor()) for id_ in ids]

    async def killed(tx: Tx) -> Sequence[Settled]:
        settled = await road(tx, commands)
        await rows(migrated_url, WRITER)
        return settled

    with pytest.raises(Unavailable) as caught:
        await store.write(killed)
    assert caught.value.applied == "no"
    assert await contents(migrated_url) == before
    assert all(isinstance(one, Done) for one in await batch(store, clock, *commands))


async def test_a_commit_that_never_arrived_is_known_not_to_be_applied(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str
) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    before = await contents(migrated_url)
    commands = [(fail(id_, merchant.actor()), key(f"k{id_}")) for id_ in ids]
    proxy.cut_before = sends(COMMIT)
    with pytest.raises(Unavailable) as caught:
        await batch(store, clock, *commands)
    assert proxy.cuts == 1
    assert caught.value.applied == "no"
    assert await contents(migrated_url) == before
    assert all(isinstance(one, Done) for one in await batch(store, clock, *commands))
    await audit(migrated_url)


async def test_a_commit_whose_answer_was_lost_is_found_and_is_a_success(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str
) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    proxy.cut_after = sends(COMMIT)
    settled = await batch(store, clock, *[fail(id_, merchant.actor()) for id_ in ids])
    assert proxy.cuts == 1
    assert [one.version for one in settled if isinstance(one, Done)] == [3, 3]
    await audit(migrated_url)
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state")
    assert {state["status"] for state in states} == {"processing_error"}


async def test_a_commit_that_cannot_be_asked_about_is_unknown(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(postgres, "LEARN_S", 0.3)
    monkeypatch.setattr(postgres, "LEARN_PAUSE_S", 0.001)
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)

    def cut(data: bytes) -> bool:
        proxy.refusing = proxy.refusing or COMMIT in data
        return COMMIT in data

    proxy.cut_after = cut
    with pytest.raises(Unavailable) as caught:
        await batch(store, clock, *[fail(id_, merchant.actor()) for id_ in ids])
    assert caught.value.applied == "unknown"
    with pytest.raises(Unavailable) as caught:
        await batch(store, clock, fail(ids[0], merchant.actor()))
    assert caught.value.applied == "no"
    proxy.refusing = False
    (refusal,) = await batch(store, clock, fail(ids[0], merchant.actor()))
    assert isinstance(refusal, Refusal)  # it had been applied
    await audit(migrated_url)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lone_move_whose_answer_was_lost_is_unknown(
    arrives: bool, store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str
) -> None:
    id_ = await merchant.request()
    cut = sends(b"waypost-lone")
    if arrives:
        proxy.cut_after = cut
    else:
        proxy.cut_before = cut
    # The statement's first run prepares it; the cut waits for the run, which carries the values.
    with pytest.raises(Unavailable) as caught:
        await batch(store, clock, fail(id_, merchant.actor(), call_id="waypost-lone"))
    assert proxy.cuts == 1
    assert caught.value.applied == "unknown"
    (state,) = await rows(migrated_url, "SELECT status FROM fulfillment_request_state")
    assert state["status"] == ("processing_error" if arrives else "processing")
    await audit(migrated_url)


async def test_a_lone_move_that_waits_too_long_for_a_lock_is_not_applied(
    proxy: Proxy, clock: ManualClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres._WRITER, "lock_timeout", "20")
    impatient = await open_store(proxy.url, migrate=False)
    assert isinstance(impatient, PostgresStore)
    merchant = await open_merchant(impatient)
    id_ = await merchant.request()
    before = await contents(migrated_url)
    other = await open_store(migrated_url, migrate=False)

    async def meanwhile(tx: Tx) -> Unavailable:
        await tx.load([], [merchant.account])
        with pytest.raises(Unavailable) as caught:
            await batch(impatient, clock, fail(id_, merchant.actor()))
        return caught.value

    refusal = await other.write(meanwhile)
    assert refusal.applied == "no"
    assert await contents(migrated_url) == before
    (done,) = await batch(impatient, clock, fail(id_, merchant.actor()))
    assert isinstance(done, Done)
    await other.close()
    await impatient.close()


def order_draft(merchant: Merchant, number: str) -> OrderDraft:
    """A plain order."""
    item = ItemDraft("SKU-A", None, 2, 10_000, None, None, None, "[]")
    return OrderDraft(merchant.actor(), merchant.channels[0], number, None, None, None, None, ADDRESS, None, None,
                      "[]", "[]", (item,))  # fmt: skip


async def test_an_order_whose_commit_never_arrived_is_known_not_to_be_there(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str
) -> None:
    writer = GroupWriter(store)
    changes = Changer(writer, clock)
    proxy.cut_before = sends(COMMIT)
    with pytest.raises(Unavailable) as caught:
        await changes.create_order(order_draft(merchant, "N1"))
    assert caught.value.applied == "no"
    assert await rows(migrated_url, "SELECT id FROM orders") == []
    proxy.cut_after = sends(COMMIT)
    posted = await changes.create_order(order_draft(merchant, "N1"))
    assert posted.created
    assert len(await rows(migrated_url, "SELECT id FROM orders")) == 1
    await writer.close()


async def test_the_writer_goes_on_after_an_outage(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, proxy: Proxy, migrated_url: str
) -> None:
    writer = GroupWriter(store)
    changes = Changer(writer, clock)
    ids = await merchant.requests(*[Status.PROCESSING] * 4)
    proxy.refusing = True
    proxy.drop()
    results = await asyncio.gather(
        *(changes.change(fail(id_, merchant.actor())) for id_ in ids), return_exceptions=True
    )
    assert {type(result) for result in results} == {Unavailable}
    with pytest.raises(Unavailable):
        await store.ready()
    with pytest.raises(Unavailable):
        await store.reads.request(merchant.actor().scope, ids[0])
    proxy.refusing = False
    done = await asyncio.gather(*(changes.change(fail(id_, merchant.actor())) for id_ in ids))
    assert {one.to_status for one in done} == {Status.PROCESSING_ERROR}
    assert await store.ready()
    assert await store.reads.request(merchant.actor().scope, ids[0]) is not None
    await writer.close()
    await audit(migrated_url)


async def test_a_deadlock_with_another_program_is_run_again(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    writer = GroupWriter(store)
    attempts = 0

    async def unlucky(tx: Tx, jobs: Sequence[Command]) -> Sequence[Settled]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raising = "DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$"
            await tx.execute(raising)  # type: ignore[attr-defined]
        return await perform(tx, jobs, clock())

    id_ = await merchant.request()
    settled = await writer.submit(unlucky, command(Action.ACKNOWLEDGE, id_, merchant.actor()))
    assert isinstance(settled, Done)
    assert attempts == 2
    await writer.close()
    await audit(migrated_url)


async def test_ready_refuses_another_schema(store: PostgresStore, migrated_url: str) -> None:
    assert await store.ready()
    await rows(migrated_url, "UPDATE alembic_version SET version_num = 'other'")
    with pytest.raises(Unavailable):
        await store.ready()
