"""Somebody outside the hub holds a lock (a console, VACUUM FULL, ALTER TABLE): who needs it waits, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.commands import command, fail
from tests.support.locks import held
from tests.support.merchant import Merchant, open_merchant
from waypost.app.changes import Changer
from waypost.app.commands import Done
from waypost.app.ports import Store
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import LockHeld, NotAllowed, Unavailable
from waypost.domain.statuses import Status
from waypost.storage import group_commit, held_up
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store

WITHIN_S = 30.0


@pytest.fixture
def engine() -> str:
    """Only this one: SQLite has one lock, for the whole file."""
    return "postgresql"


@asynccontextmanager
async def one_is_locked(
    store: Store, url: str, calls: int
) -> AsyncIterator[tuple[Changer, "list[asyncio.Future[object]]"]]:
    """A merchant's request is locked meanwhile, and so many calls wait for it; with the way to the road."""
    merchant = await open_merchant(store)
    (locked,) = await merchant.requests(Status.PROCESSING)
    changer = Changer(GroupWriter(store), lambda: 10)
    async with held(url, f"SELECT 1 FROM fulfillment_request_state WHERE id = {locked} FOR UPDATE"):
        async with asyncio.timeout(WITHIN_S):
            yield changer, [asyncio.ensure_future(changer.change(fail(locked, merchant.actor()))) for _ in range(calls)]


async def lost(url: str) -> None:
    """End the hub's writing connection."""
    async with held(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'waypost writer' AND datname = current_database()",
    ):
        pass


@pytest.mark.parametrize("when", ["at the start", "when the connection is lost"])
@pytest.mark.parametrize("table", ["orders", "account_counter", "alembic_version"])
async def test_a_table_that_is_locked_while_connecting_is_waited_for(
    when: str, table: str, store: Store, merchant: Merchant, migrated_url: str
) -> None:
    """The hub prepares statements for these tables when it connects."""
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    opened = await open_store(migrated_url, migrate=False) if when == "at the start" else store
    changer = Changer(GroupWriter(opened), lambda: 10)
    async with held(migrated_url, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"), asyncio.timeout(WITHIN_S):
        if opened is store:
            await lost(migrated_url)
        calls = [asyncio.ensure_future(changer.change(fail(id_, merchant.actor()))) for id_ in ids[:2]]
        with pytest.raises(Unavailable) as refused:
            await opened.ready()
        assert refused.value.applied == "no"
        assert not any(call.done() for call in calls)
    async with asyncio.timeout(WITHIN_S):
        for done in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(done, Done | Unavailable)  # the connection was lost under one of them
        assert isinstance(await changer.change(fail(ids[2], merchant.actor())), Done)
        await opened.ready()
    if opened is not store:
        await opened.close()


async def test_a_request_that_somebody_else_has_locked_holds_nobody_else_up(store: Store, migrated_url: str) -> None:
    neighbour = await open_merchant(store)
    free = await neighbour.requests(*[Status.PROCESSING] * 60)
    async with one_is_locked(store, migrated_url, 4) as (changer, waiting):
        for id_ in free:  # one after the other: each would wait for the lock, too
            assert isinstance(await changer.change(fail(id_, neighbour.actor())), Done)
        assert not any(call.done() for call in waiting)  # those give up after ten seconds
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert sum(isinstance(one, Done) for one in told) == 1  # the others come too late: it has failed already


async def test_many_requests_that_somebody_else_has_locked_hold_nobody_else_up(
    store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in one batch with the others, and before them."""
    monkeypatch.setattr(group_commit, "QUEUE_S", 6.0)
    locked = await merchant.requests(*[Status.PROCESSING] * 80)
    neighbour = await open_merchant(store)
    free = await neighbour.requests(*[Status.PROCESSING] * 40)
    changer = Changer(GroupWriter(store), lambda: 10)
    those = f"SELECT 1 FROM fulfillment_request_state WHERE account_id = {merchant.account} FOR UPDATE"
    async with held(migrated_url, those):
        waiting = [asyncio.ensure_future(changer.change(fail(id_, merchant.actor()))) for id_ in locked]
        done = await asyncio.gather(*(changer.change(fail(id_, neighbour.actor())) for id_ in free))
        assert {type(one) for one in done} == {Done}
        told = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(one) for one in told} == {LockHeld}


async def test_who_cannot_wait_any_longer_hears_why(
    store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_S", 0.6)
    locked = (await merchant.requests(Status.PROCESSING))[0]
    writer = GroupWriter(store)
    async with held(migrated_url, f"SELECT 1 FROM fulfillment_request_state WHERE id = {locked} FOR UPDATE"):
        with pytest.raises(Unavailable, match="another process may hold a lock") as refused:
            await Changer(writer, lambda: 10).change(fail(locked, merchant.actor()))
    assert (refused.value.applied, refused.value.retry_after_s) == ("no", 1)
    assert writer.depth == 0


async def test_everybody_is_answered_in_time_however_many_meet_the_lock(
    store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by itself would wait for the lock a quarter of a second, one after the other."""
    monkeypatch.setattr(group_commit, "QUEUE_S", 2.0)
    ids = await merchant.requests(*[Status.PROCESSING] * 80)
    changer = Changer(GroupWriter(store), lambda: 10)
    async with held(migrated_url, "LOCK TABLE fulfillment_request_state IN EXCLUSIVE MODE"), asyncio.timeout(10):
        calls = [changer.change(fail(id_, merchant.actor())) for id_ in ids]
        told = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, Unavailable) and one.applied == "no" for one in told)
    assert any(isinstance(one, LockHeld) for one in told)


@pytest.mark.parametrize("gap", ["before the first has met the lock", "after"])
async def test_commands_on_one_request_keep_their_order_behind_a_lock(
    gap: str, store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_up, "AGAIN_S", 0.05)
    (id_,) = await merchant.requests(Status.PROCESSING)
    writer = GroupWriter(store)
    changer = Changer(writer, lambda: 10)
    calls = []
    async with held(migrated_url, f"SELECT 1 FROM fulfillment_request_state WHERE id = {id_} FOR UPDATE"):
        for action in (Action.CANCEL, Action.ACKNOWLEDGE, Action.CANCEL, Action.ACKNOWLEDGE):
            calls.append(asyncio.ensure_future(changer.change(command(action, id_, merchant.actor()))))
            await asyncio.sleep(0)
            while gap == "after" and writer.depth < len(calls):
                await asyncio.sleep(0)
    told = await asyncio.gather(*calls, return_exceptions=True)
    # What is canceled is not acknowledged: the first of each pair decides.
    assert [type(one) for one in told] == [Done, NotAllowed, Done, NotAllowed]


async def test_neighbours_in_a_batch_that_meets_a_lock_are_answered_at_once(
    store: Store, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    neighbour = await open_merchant(store)
    free = await neighbour.requests(*[Status.PROCESSING] * 40)
    async with one_is_locked(store, migrated_url, 3) as (changer, waiting):
        batch = [asyncio.ensure_future(changer.change(fail(id_, neighbour.actor()))) for id_ in free]
        assert {type(done) for done in await asyncio.gather(*batch)} == {Done}
        assert not any(call.done() for call in waiting)
    assert sum(isinstance(one, Done) for one in await asyncio.gather(*waiting, return_exceptions=True)) == 1
