"""Idempotency keys (contract section 1.4): one call is applied once, whoever repeats it, wherever."""

import asyncio
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail, key, keyed_batch
from tests.support.database import contents, rows
from tests.support.filled import run_sql
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.commands import Done
from waypost.app.lists import Bulk, Pull
from waypost.app.ports import KeptOutcome, Store, Tx
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Defect, KeyInProgress, KeyReused, NotAllowed, NotFound
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.sqlite_tx import SqliteTx


@pytest.mark.parametrize("wants_image", [True, False])
@pytest.mark.parametrize("action", [Action.FAIL, Action.ACKNOWLEDGE, Action.ADJUST, Action.CANCEL])
async def test_a_repeat_gives_the_same_answer_and_changes_nothing(
    action: Action, wants_image: bool, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request()
    asked = command(action, id_, merchant.actor(), wants_image=wants_image)
    first = await changes.change(asked, key("k1"))
    stored = await contents(migrated_url)
    again = await changes.change(asked, key("k1"))
    assert again.replayed
    assert not first.replayed
    assert again._replace(replayed=False) == first
    assert await contents(migrated_url) == stored


async def test_a_replay_survives_whatever_came_after(merchant: Merchant, changes: Changer) -> None:
    id_ = await merchant.request()
    asked = command(Action.FAIL, id_, merchant.actor(), expected=frozenset({2}))
    first = await changes.change(asked, key("k1"))
    await changes.change(command(Action.PROCESS, id_, merchant.actor()))
    await changes.change(command(Action.VOID, id_, merchant.actor()))
    again = await changes.change(asked, key("k1"))
    assert again._replace(replayed=False) == first


async def test_what_was_found_so_already_is_kept_too(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    id_ = await merchant.request(Status.PROCESSED)
    asked = command(Action.PROCESSED, id_, merchant.actor())
    first = await changes.change(asked, key("k1"))
    assert not first.moved
    await changes.change(fail(id_, merchant.actor()))
    again = await changes.change(asked, key("k1"))
    assert again._replace(replayed=False) == first
    await audit(migrated_url)


@pytest.mark.parametrize("change", [{"fingerprint": b"another call"}, {"operation": "cancel"}])
async def test_the_same_key_with_another_call_is_refused(
    change: dict[str, Any], merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    one, other = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await changes.change(fail(one, merchant.actor()), key("k1"))
    stored = await contents(migrated_url)
    with pytest.raises(KeyReused):
        await changes.change(fail(other, merchant.actor()), key("k1")._replace(**change))
    assert await contents(migrated_url) == stored


async def test_keys_belong_to_a_family_of_tokens(merchant: Merchant, changes: Changer) -> None:
    one, other = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await changes.change(fail(one, merchant.actor()), key("k1", family=7))
    done = await changes.change(fail(other, merchant.actor()), key("k1", call=b"another", family=8))
    assert not done.replayed


async def test_a_refusal_frees_the_key(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    id_ = await merchant.request(Status.UNPROCESSED)
    before = await contents(migrated_url)
    for refusal, asked in ((NotAllowed, id_), (NotFound, 4711)):
        with pytest.raises(refusal):
            await changes.change(fail(asked, merchant.actor()), key("k1"))
    assert await contents(migrated_url) == before
    await changes.change(command(Action.PROCESS, id_, merchant.actor()))
    assert not (await changes.change(fail(id_, merchant.actor()), key("k1"))).replayed


async def test_a_key_in_progress_is_refused_at_once(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    id_ = await merchant.request()
    asked = fail(id_, merchant.actor())
    results = await asyncio.gather(*(changes.change(asked, key("k1")) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [Done] + [KeyInProgress] * 4
    assert (await changes.change(asked, key("k1"))).replayed
    await audit(migrated_url)


async def test_a_key_is_free_again_after_a_call_that_broke(merchant: Merchant, changes: Changer) -> None:
    id_ = await merchant.request()
    asked = fail(id_, merchant.actor())
    running = asyncio.ensure_future(changes.change(asked, key("k1")))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    # The command was taken all the same, or was not: either way the key can be asked for again.
    done = await changes.change(asked, key("k1"))
    assert done.to_status == Status.PROCESSING_ERROR


async def test_a_call_that_meets_itself_in_a_batch_is_a_repeat(
    merchant: Merchant, store: Store, clock: ManualClock, migrated_url: str
) -> None:
    id_ = await merchant.request()
    asked = fail(id_, merchant.actor())
    first, second, third = await keyed_batch(
        store, clock, (asked, key("k1")), (asked, key("k1")), (asked, key("k1", call=b"another call"))
    )
    assert isinstance(first, Done)
    assert second == first._replace(replayed=True)
    assert isinstance(third, KeyReused)
    await audit(migrated_url)


async def test_a_refused_call_that_meets_itself_in_a_batch_is_refused_once_more(
    merchant: Merchant, store: Store, clock: ManualClock, migrated_url: str
) -> None:
    asked = fail(await merchant.request(Status.VOIDED), merchant.actor())
    first, second, third = await keyed_batch(
        store, clock, (asked, key("k1")), (asked, key("k1")), (asked, key("k1", call=b"another call"))
    )
    assert isinstance(first, NotAllowed)
    assert isinstance(second, NotAllowed)
    assert isinstance(third, KeyInProgress)
    assert await rows(migrated_url, "SELECT * FROM idempotency_key") == []


async def test_a_bulk_call_has_one_key(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.VOIDED)
    commands = tuple(fail(id_, merchant.actor()) for id_ in ids)
    first = await changes.bulk(Bulk(commands), key("k1", "bulk"))
    stored = await contents(migrated_url)
    again = await changes.bulk(Bulk(commands), key("k1", "bulk"))
    assert again.replayed
    assert again._replace(replayed=False) == first
    assert await contents(migrated_url) == stored
    with pytest.raises(KeyReused):
        await changes.bulk(Bulk(commands[:1]), key("k1", "bulk", b"another"))


async def test_a_pull_has_one_key(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    pull = Pull(merchant.actor("source"), None, None)
    first = await changes.pull(pull, key("k1", "pull"))
    assert [one.image.state.id for one in first.done if one.image] == ids
    await merchant.request()
    again = await changes.pull(pull, key("k1", "pull"))
    assert again.replayed
    assert [one.image for one in again.done] == [one.image for one in first.done]
    await audit(migrated_url)


async def test_records_are_forgotten_by_age(
    merchant: Merchant, changes: Changer, clock: ManualClock, store: Store, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 4)
    for place, id_ in enumerate(ids):
        clock.advance(3600)
        await changes.change(fail(id_, merchant.actor()), key(f"k{place}"))
    before = clock() - 5400 * 1_000_000
    assert await store.write(lambda tx: tx.purge_keys(before, 1)) == 1
    assert await store.write(lambda tx: tx.purge_keys(before, 10)) == 1
    left = await rows(migrated_url, "SELECT key FROM idempotency_key ORDER BY key")
    assert [row["key"] for row in left] == ["k2", "k3"]


async def test_two_hubs_apply_one_call_once(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    """Two processes on one database: each with a store, a writer and claims of its own."""
    other_store = await open_store(migrated_url, migrate=False)
    other_writer = GroupWriter(other_store)
    other = Changer(other_writer, clock)
    ids = await merchant.requests(*[Status.PROCESSING] * 25)
    here: list[Any] = []
    there: list[Any] = []
    for id_ in ids:
        asked = fail(id_, merchant.actor()), key(f"k{id_}")
        here.append(changes.change(*asked))
        there.append(other.change(*asked))
    both = await asyncio.gather(*here, *there, return_exceptions=True)
    await other_writer.close()
    await other_store.close()
    for one, two in zip(both[: len(ids)], both[len(ids) :], strict=True):
        applied = [r for r in (one, two) if isinstance(r, Done) and not r.replayed]
        rest = [r for r in (one, two) if r not in applied]
        assert len(applied) == 1, (one, two)
        assert isinstance(rest[0], KeyInProgress) or (isinstance(rest[0], Done) and rest[0].replayed)
    await audit(migrated_url)


async def test_an_outcome_that_cannot_be_read_is_a_defect_and_changes_nothing(
    merchant: Merchant, changes: Changer, migrated_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as one that a later program kept, before it was replaced by this one again."""
    asked = fail(await merchant.request(), merchant.actor()), key("k1")
    await changes.change(*asked)
    await run_sql(migrated_url, "UPDATE idempotency_key SET outcome = $1", '{"version":3,"record":{}}')
    stored = await contents(migrated_url)
    with pytest.raises(Defect):
        await changes.change(*asked)
    assert await contents(migrated_url) == stored
    assert "It is of version 3, and this program knows 2." in caplog.text


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_forgetting_some_keys_costs_the_same_however_many_their_family_has(
    merchant: Merchant, store: Store, migrated_url: str
) -> None:
    """SQLite walks all keys of a family for a list of names; counted are its steps."""

    async def steps(tx: Tx) -> int:
        assert isinstance(tx, SqliteTx)
        counted = 0

        def step() -> int:
            nonlocal counted
            counted += 1
            return 0

        tx._db.set_progress_handler(step, 1)
        try:
            assert await tx.purge_keys(100, 5) == 5
        finally:
            tx._db.set_progress_handler(None, 0)
        return counted

    def kept(first: int, count: int, at: int) -> list[KeptOutcome]:
        return [KeptOutcome(key(f"{at}-{place}"), merchant.account, "{}") for place in range(first, first + count)]

    await store.write(lambda tx: tx.keep(kept(0, 10, 1), 1))
    few = await store.write(steps)
    await store.write(lambda tx: tx.keep(kept(0, 3000, 1000), 1000))
    many = await store.write(steps)
    assert many <= 1.5 * few, (few, many)
