"""Changes of records: applied once per key, rehearsed without a trace, told by events, or refused and undone."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.merchant import Merchant
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.commands import IdempotencyKey
from waypost.app.ports import ChannelRow, Store, Tx
from waypost.app.records import Made, Notice, RecordChange, record_now
from waypost.domain.refusals import Invalid, KeyInProgress, KeyReused, Problem

KEY = IdempotencyKey(1, "k", "rename_channel", b"print")
EVENTS = "SELECT seq, at, type, actor_name, data FROM event ORDER BY seq"


def renaming(merchant: Merchant, name: str, **more: Any) -> RecordChange[ChannelRow]:
    """The merchant's first channel gets another name; a blank one is refused after it was written."""
    actor = Actor("account", Scope(merchant.account), 5, "desk")
    channel_id = merchant.channels[0]

    async def work(tx: Tx, at: int) -> Made[ChannelRow]:
        row = (await tx.channel_rows(actor.scope, [channel_id]))[channel_id]
        if row.name == name:
            return Made(row)
        await tx.update_row("channel", row.id, {"name": name, "updated_at": at})
        if not name:
            raise Invalid([Problem("name", "required", "It needs a name.")])
        told = Notice("channel", row.id, "channel.updated", {"changed": ["name"]})
        return Made(row._replace(name=name, updated_at=at), (told,))

    return RecordChange(actor, work, ChannelRow, **more)


async def test_a_change_is_told_by_its_event(
    changes: Changer, merchant: Merchant, store: Store, clock: ManualClock, migrated_url: str
) -> None:
    done = await changes.record(renaming(merchant, "Shop", call_id="call-1"))
    assert (done.record.name, done.changed, done.replayed, done.dry_run) == ("Shop", True, False, False)
    events = await rows(migrated_url, EVENTS)
    assert [(e["seq"], e["at"], e["type"], e["actor_name"]) for e in events] == [
        (1, clock.now, "channel.updated", "desk")
    ]
    assert json.loads(events[0]["data"]) == {"changed": ["name"]}
    again = await changes.record(renaming(merchant, "Shop"))
    assert (again.record, again.changed) == (done.record, False)
    later = await changes.record(renaming(merchant, "Shop 2"))
    assert later.record.updated_at == clock.now + 1
    assert [e["seq"] for e in await rows(migrated_url, EVENTS)] == [1, 2]


async def test_a_key_is_applied_once(changes: Changer, merchant: Merchant, migrated_url: str) -> None:
    first = await changes.record(renaming(merchant, "Shop"), KEY)
    await changes.record(renaming(merchant, "Market"))
    again = await changes.record(renaming(merchant, "Shop"), KEY)
    assert again == first._replace(replayed=True)
    assert len(await rows(migrated_url, EVENTS)) == 2
    with pytest.raises(KeyReused):
        await changes.record(renaming(merchant, "Shop"), KEY._replace(fingerprint=b"other"))


async def test_what_was_so_already_is_kept_with_its_key(changes: Changer, merchant: Merchant) -> None:
    await changes.record(renaming(merchant, "Shop"))
    found = await changes.record(renaming(merchant, "Shop"), KEY)
    assert (found.changed, found.replayed) == (False, False)
    again = await changes.record(renaming(merchant, "Shop"), KEY)
    assert (again.changed, again.replayed) == (False, True)


async def test_a_refusal_undoes_and_frees_its_key(changes: Changer, merchant: Merchant, store: Store) -> None:
    with pytest.raises(Invalid):
        await changes.record(renaming(merchant, ""), KEY)
    assert (await store.reads.channels(merchant.account))[0].name != ""
    assert not (await changes.record(renaming(merchant, "Shop"), KEY)).replayed


async def test_a_dry_run_leaves_no_trace(changes: Changer, merchant: Merchant, store: Store, migrated_url: str) -> None:
    before = await store.reads.channels(merchant.account)
    dry = await changes.record(renaming(merchant, "Shop", dry_run=True))
    assert (dry.record.name, dry.changed, dry.dry_run) == ("Shop", True, True)
    assert await store.reads.channels(merchant.account) == before
    assert await rows(migrated_url, EVENTS) == []
    assert await rows(migrated_url, "SELECT * FROM idempotency_key") == []
    with pytest.raises(Invalid):
        await changes.record(renaming(merchant, "", dry_run=True))
    assert (await changes.record(renaming(merchant, "Shop"), KEY)).replayed is False


async def test_a_key_under_way_is_refused_at_once(changes: Changer, merchant: Merchant) -> None:
    outcomes = await asyncio.gather(
        *(changes.record(renaming(merchant, "Shop"), KEY) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["KeyInProgress", "KeyInProgress", "Recorded"]
    assert all(isinstance(outcome, KeyInProgress) for outcome in outcomes[1:])


async def test_what_comes_first_in_the_order_of_locks_is_locked_first(changes: Changer, merchant: Merchant) -> None:
    steps: list[str] = []
    plain = renaming(merchant, "Shop")

    async def lock(tx: Tx) -> None:
        steps.append("lock")

    async def work(tx: Tx, at: int) -> Made[ChannelRow]:
        steps.append("work")
        return await plain.work(tx, at)

    change = plain._replace(work=work, lock=lock)
    assert (await changes.record(change, KEY)).changed
    assert (await changes.record(change, KEY)).replayed
    assert steps == ["lock", "work"]


async def test_without_a_writer_it_is_a_transaction_of_its_own(
    store: Store, merchant: Merchant, migrated_url: str
) -> None:
    done = await record_now(store, renaming(merchant, "Shop"), 7)
    assert done.changed
    assert [e["type"] for e in await rows(migrated_url, EVENTS)] == ["channel.updated"]
