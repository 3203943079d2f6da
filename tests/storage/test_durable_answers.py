"""Nobody is answered before his change is stored, and a commit that stored nothing is no success."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from tests.support.clock import ManualClock
from tests.support.commands import command
from tests.support.database import contents
from tests.support.merchant import Merchant, open_merchant
from tests.support.proxy import Proxy, sends
from waypost.app.changes import timed
from waypost.app.commands import Done, Settled
from waypost.app.ports import Store, Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Unavailable
from waypost.storage import sqlite
from waypost.storage.opening import open_store
from waypost.storage.sqlite import SqliteStore

A_MOMENT_S = 0.5  # within which an answer that does not wait for the commit would come
WITHIN_S = 30.0


class Slow:
    """A connection whose commits wait until they are let go."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.began, self.may_end = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def commit(self) -> None:
        """Commit, when the test says so."""
        self.began.set()
        self.may_end.wait(WITHIN_S)
        self._db.commit()


@pytest.fixture
async def wired(engine: str, migrated_url: str) -> AsyncIterator[tuple[Store, Proxy | None]]:
    """A store, and on PostgreSQL the wire that it is at the end of."""
    if engine == "sqlite":
        opened = await open_store(migrated_url, migrate=False)
        yield opened, None
        await opened.close()
        return
    async with Proxy(migrated_url) as proxy:
        opened = await open_store(proxy.url, migrate=False)
        yield opened, proxy
        await opened.close()


async def test_nobody_is_answered_before_the_commit_has_ended(
    wired: tuple[Store, Proxy | None], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, proxy = wired
    merchant = await open_merchant(store)
    id_ = await merchant.request()
    slow = None
    if isinstance(store, SqliteStore):
        monkeypatch.setattr(sqlite, "COMMIT_IN_PLACE_S", 0.0)  # as on a disk that is slow
        slow = Slow(store._writer.db)
        store._writer._db = cast(sqlite3.Connection, slow)
    else:
        assert proxy is not None
        proxy.freeze_before = sends(b"COMMIT\0")

    async def run(tx: Tx) -> list[Settled]:
        return await timed(perform, clock)(tx, [command(Action.ACKNOWLEDGE, id_, merchant.actor())])

    call = asyncio.ensure_future(store.write(run))
    async with asyncio.timeout(WITHIN_S):
        if slow is not None:
            await asyncio.to_thread(slow.began.wait, WITHIN_S)
        while proxy is not None and not proxy.is_frozen:
            await asyncio.sleep(0.01)
        answered, _ = await asyncio.wait([call], timeout=A_MOMENT_S)
        assert not answered
        if slow is not None:
            slow.may_end.set()
        if proxy is not None:
            proxy.thaw()
        assert [type(one) for one in await call] == [Done]


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_commit_that_rolls_back_is_no_success(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    """PostgreSQL answers COMMIT with ROLLBACK where a statement before it has failed, and with no error."""
    asked = command(Action.ACKNOWLEDGE, await merchant.request(), merchant.actor())
    before = await contents(migrated_url)

    async def run(tx: Tx) -> list[Settled]:
        settled = await timed(perform, clock)(tx, [asked])
        with pytest.raises(asyncpg.DivisionByZeroError):
            await tx.fetch("SELECT 1 / 0")
        return settled

    with pytest.raises(Unavailable, match="could not store the change"):
        await store.write(run)
    assert await contents(migrated_url) == before
