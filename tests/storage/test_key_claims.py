"""An idempotency key that another process is using: refused at once, before any lock is waited for (contract section 1.4)."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.clock import ManualClock
from tests.support.commands import fail, key
from tests.support.database import rows
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.commands import IdempotencyKey, KeyName, KeyRow
from waypost.app.ports import Ask, Store, Tx
from waypost.domain.refusals import KeyInProgress
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.postgres_tx import PostgresTx

AT_ONCE_S = 5.0  # a lock of another process is waited for twice as long


@pytest.fixture
def engine() -> str:
    """On SQLite one process writes at a time."""
    return "postgresql"


async def test_a_key_that_another_process_uses_is_refused_at_once(
    merchant: Merchant, store: Store, clock: ManualClock, migrated_url: str
) -> None:
    """And what the other one keeps is the outcome for both, or else the key is free again."""
    id_ = await merchant.request()
    here_now, go_on = asyncio.Event(), asyncio.Event()

    async def other_process(tx: Tx) -> None:
        assert await tx.claim_keys([key("k1")]) == {}
        await tx.load([Ask(id_, merchant.actor().scope)], [merchant.account])  # the locks that the second would wait for
        here_now.set()
        await go_on.wait()

    other_store = await open_store(migrated_url, migrate=False)
    first = asyncio.ensure_future(store.write(other_process))
    await here_now.wait()
    writer = GroupWriter(other_store)
    changes = Changer(writer, clock)
    async with asyncio.timeout(AT_ONCE_S):
        with pytest.raises(KeyInProgress):
            await changes.change(fail(id_, merchant.actor()), key("k1"))
    go_on.set()
    await first
    assert not (await changes.change(fail(id_, merchant.actor()), key("k1"))).replayed
    await writer.close()
    await other_store.close()


async def test_a_key_that_was_kept_between_look_and_lock_is_found_when_the_batch_runs_again(
    merchant: Merchant, store: Store, changes: Changer, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look does not see what was committed after it began, although the lock is free by then."""
    one, other = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    first = await changes.change(fail(one, merchant.actor()), key("k1"))
    looks: list[int] = []
    claim = PostgresTx.claim_keys

    async def blind_at_first(tx: PostgresTx, keys: Sequence[IdempotencyKey]) -> dict[KeyName, KeyRow | None]:
        found = await claim(tx, keys)
        looks.append(len(found))
        return found if len(looks) > 1 else {}

    monkeypatch.setattr(PostgresTx, "claim_keys", blind_at_first)
    again = await changes.change(fail(other, merchant.actor()), key("k1"))  # by its fingerprint the same call
    assert again == first._replace(replayed=True)
    assert looks == [1, 1]
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states] == ["processing_error", "processing"]
