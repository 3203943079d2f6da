"""A migration runs, or has run, beside a hub that knows the older schema only: nothing of the hub's is written then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.commands import fail, key
from tests.support.database import contents, rows
from tests.support.merchant import Merchant
from waypost.app.changes import Changer
from waypost.app.commands import Done
from waypost.app.ports import Store
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status
from waypost.storage import held_up, postgres
from waypost.storage.group_commit import GroupWriter
from waypost.storage.queries import plain_moves
from waypost.storage.queries.proof import SCHEMA_LOCK

WITHIN_S = 30.0
NEWER = "replace this process with the newer version of Waypost"


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgresql"


@asynccontextmanager
async def migrating(url: str, to: str) -> AsyncIterator[None]:
    """A migration at work: its lock, the new revision, and in the end its commit."""
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            await other.execute(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            await other.execute(f"UPDATE alembic_version SET version_num = '{to}'")
            yield
    finally:
        await other.close()


Way = Callable[[Changer, Merchant, int], Any]
WAYS: dict[str, Way] = {
    "in one statement": lambda changer, merchant, id_: changer.change(fail(id_, merchant.actor())),
    "as a batch": lambda changer, merchant, id_: changer.change(fail(id_, merchant.actor()), key(f"k{id_}")),
    "by single statements": lambda changer, merchant, id_: merchant.store.write(
        lambda tx: tx.insert_row("channel", {"account_id": merchant.account, "name": f"C{id_}", "created_at": 1})
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_what_arrives_after_a_migration_is_refused(
    way: Way, store: Store, merchant: Merchant, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 2)
    changer = Changer(GroupWriter(store), lambda: 10)
    await way(changer, merchant, ids[0])
    async with migrating(migrated_url, "9999"):
        pass
    before = await contents(migrated_url)
    for _ in range(2):
        with pytest.raises(Unavailable, match=NEWER) as refused:
            await way(changer, merchant, ids[1])
        assert refused.value.applied == "no"
    assert await contents(migrated_url) == before


@pytest.mark.parametrize("way", [WAYS["in one statement"], WAYS["as a batch"]], ids=list(WAYS)[:2])
@pytest.mark.parametrize("to", ["9999", None], ids=["and succeeds", "and changes nothing"])
async def test_what_arrives_during_a_migration_waits_for_its_end(
    way: Way, to: str | None, store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_up, "AGAIN_S", 0.05)
    ids = await merchant.requests(*[Status.PROCESSING] * 2)
    changer = Changer(GroupWriter(store), lambda: 10)
    await way(changer, merchant, ids[0])
    revision = (await asyncio.wait_for(store.ready(), WITHIN_S)) if to is None else to
    async with migrating(migrated_url, revision), asyncio.timeout(WITHIN_S):
        call = asyncio.ensure_future(way(changer, merchant, ids[1]))
        with pytest.raises(Unavailable, match="another process may hold a lock"):
            await store.write(lambda tx: tx.fetch("SELECT 1"))  # one that does not wait
        assert not call.done()
    async with asyncio.timeout(WITHIN_S):
        if to is None:
            assert isinstance(await call, Done)
            return
        with pytest.raises(Unavailable, match=NEWER):
            await call
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [row["status"] for row in states] == ["processing_error", "processing"]


LOCK = f"pg_try_advisory_xact_lock_shared({SCHEMA_LOCK})"
GATE = 4711  # an advisory lock that only the test takes


async def test_a_statement_that_began_before_a_whole_migration_writes_nothing(
    store: Store, merchant: Merchant, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees the old revision, and its lock is free again: as if its process had stood still in between."""
    gate = f"(pg_advisory_xact_lock_shared({GATE}) IS NULL) IS NOT NULL"
    assert plain_moves.LONE_MOVE.count(LOCK) == 1
    monkeypatch.setattr(plain_moves, "LONE_MOVE", plain_moves.LONE_MOVE.replace(LOCK, f"{gate} AND {LOCK}"))
    monkeypatch.setitem(postgres._WRITER, "lock_timeout", "9000")  # of the gate
    ids = await merchant.requests(Status.PROCESSING)
    other = await asyncpg.connect(migrated_url)
    try:
        await other.execute(f"SELECT pg_advisory_lock({GATE})")
        call = asyncio.ensure_future(Changer(GroupWriter(store), lambda: 10).change(fail(ids[0], merchant.actor())))
        async with asyncio.timeout(WITHIN_S):
            while not await other.fetch("SELECT 1 FROM pg_locks WHERE objid = $1 AND NOT granted", GATE):
                await asyncio.sleep(0.01)
        async with migrating(migrated_url, "9999"):
            pass
    finally:
        await other.close()
    with pytest.raises(Unavailable, match=NEWER):
        await call
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state")
    assert [row["status"] for row in states] == ["processing"]
