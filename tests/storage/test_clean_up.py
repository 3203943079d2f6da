"""Failure paths that fail themselves: whatever a connection was left in, the next call works, and nothing is half done."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.support.commands import fail
from tests.support.database import sqlite_path
from tests.support.engines import Server
from tests.support.merchant import Merchant, open_merchant
from tests.support.planting import ALL_KINDS, Brittle, plant_broken, plant_failing_roll_back, sqlite_connections
from tests.support.proxy import Proxy, sends
from waypost.app.changes import Changer
from waypost.app.ports import RequestQuery, Store
from waypost.domain.refusals import NotFound, Unavailable
from waypost.domain.statuses import Status
from waypost.storage import postgres, sqlite, sqlite_reads
from waypost.storage.opening import open_store
from waypost.storage.postgres import PostgresStore
from waypost.storage.readiness import REVISION
from waypost.storage.sqlite import SqliteStore


def channel(merchant: Merchant, name: str) -> Callable[[Any], Any]:
    """Work that adds a channel of that name."""

    async def add(tx: Any) -> int:
        return int(await tx.insert_row("channel", {"account_id": merchant.account, "name": name, "created_at": 1}))

    return add


async def names(store: Store, merchant: Merchant) -> list[str]:
    """The names of the channels."""
    return [one.name for one in await store.reads.channels(merchant.account)]


async def test_after_a_roll_back_that_fails_the_next_write_works_and_holds_nothing_of_the_failed_one(
    store: Store, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await names(store, merchant)

    async def refused(tx: Any) -> None:
        await channel(merchant, "of the refused")(tx)
        plant_failing_roll_back(store, monkeypatch)
        if isinstance(store, SqliteStore):  # the transaction goes on, on the connection that will fail
            tx._db = store._writer.db
        raise NotFound

    plant_failing_roll_back(store, monkeypatch)
    with pytest.raises(NotFound):
        await store.write(refused)
    await store.write(channel(merchant, "of the next"))
    assert await names(store, merchant) == [*before, "of the next"]


@pytest.mark.parametrize(("engine", "kind"), ALL_KINDS)
async def test_a_connection_that_broke_is_replaced(
    kind: str, store: Store, merchant: Merchant
) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "look-up": lambda: store.reads.account(merchant.account),
        "list": lambda: store.reads.count_requests(RequestQuery(merchant.actor().scope)),
        "thread": lambda: store.reads.on_thread(REVISION),  # type: ignore[attr-defined]
        "writer": lambda: store.write(channel(merchant, "written")),
    }
    for way in ways.values():
        if way is not ways["thread"] or isinstance(store, SqliteStore):
            await way()
    await plant_broken(store, kind)
    refused, said = 0, set()
    for _ in range(12):  # more often than there are connections
        try:
            assert await ways[kind]() is not None
        except Unavailable as refusal:
            said.add((refusal.applied, refusal.retry_after_s))
            refused += 1
    assert said == {("no", 1)}
    assert 1 <= refused <= sqlite_reads.READERS + 3
    assert await ways[kind]() is not None


@pytest.mark.parametrize("kind", ["look-up", "list", "thread", "writer"])
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_connection_that_was_left_in_a_transaction_is_replaced(
    kind: str, store: Store, merchant: Merchant, migrated_url: str
) -> None:
    """As after the outage that was seen: a reader would go on to see old data, a writer could never begin again."""
    assert isinstance(store, SqliteStore)
    for connection in sqlite_connections(store, kind):
        connection.db.execute("BEGIN")
        connection.db.execute("SELECT company_name FROM account").fetchall()  # its snapshot is taken
    with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as other:
        other.execute("UPDATE account SET company_name = 'Renamed'")
    reads = store.reads
    sql = "SELECT company_name FROM account"
    ways: dict[str, Callable[[], Any]] = {
        "look-up": lambda: reads.quick(sql), "list": lambda: reads.slow(sql), "thread": lambda: reads.on_thread(sql),
        "writer": lambda: store.write(lambda tx: tx.fetch(sql)),  # type: ignore[attr-defined]
    }  # fmt: skip
    seen = []
    for _ in range(2 * sqlite_reads.READERS):
        try:
            seen.append((await ways[kind]())[0][0])
        except Unavailable:
            seen.append("refused")
    assert set(seen) == {"refused", "Renamed"}
    assert seen[-1] == "Renamed"


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_commit_that_fails_after_its_caller_left_leaves_no_transaction_open(
    store: Store, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "COMMIT_IN_PLACE_S", 0.0)  # on the thread, where it can be left
    assert isinstance(store, SqliteStore)
    before = await names(store, merchant)
    started, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Brittle):
        def commit(self) -> None:
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
            super().commit()

    loop = asyncio.get_running_loop()
    store._writer._db = Slow(store._writer.db, "commit", "rollback")  # type: ignore[assignment]
    leaving = asyncio.create_task(store.write(channel(merchant, "left")))
    await started.wait()
    leaving.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await store.write(channel(merchant, "next"))
    assert await names(store, merchant) == [*before, "next"]


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_roll_back_whose_caller_leaves_keeps_nothing(
    store: Store, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that leaves twice: while its work waits, and while that is undone."""
    before = await names(store, merchant)
    execute = asyncpg.Connection.execute
    rolling = asyncio.Event()

    async def waits(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if query == "ROLLBACK":
            monkeypatch.setattr(asyncpg.Connection, "execute", execute)
            rolling.set()
            await asyncio.Event().wait()
        return await execute(self, query, *args, **more)

    async def work(tx: Any) -> None:
        await channel(merchant, "left")(tx)
        monkeypatch.setattr(asyncpg.Connection, "execute", waits)
        raise NotFound

    leaving = asyncio.create_task(store.write(work))
    await rolling.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await store.write(channel(merchant, "next"))
    assert await names(store, merchant) == [*before, "next"]


@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("how", ["cut", "locked"])
async def test_a_writing_connection_is_used_only_once_it_is_complete(
    how: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off, or held up by a lock, between two of its statements are prepared: the next write begins anew."""
    async with Proxy(migrated_url) as proxy:
        store = await open_store(proxy.url, migrate=False)
        assert isinstance(store, PostgresStore)
        locker = await asyncpg.connect(migrated_url)
        if how == "cut":
            proxy.cut_before = sends(b"PREPARE waypost_lock_requests")
        else:
            monkeypatch.setitem(postgres._WRITER, "lock_timeout", "50")
            await locker.execute("BEGIN")
            await locker.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable) as caught:
            await store.write(lambda tx: tx.prove_writable())
        assert caught.value.applied == "no"
        assert store._db is None
        await locker.close()
        merchant = await open_merchant(store)
        assert await merchant.request() > 0
        await store.close()


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_damaged_file_is_unavailable_and_no_defect(
    store: Store, merchant: Merchant, migrated_url: str
) -> None:
    assert isinstance(store, SqliteStore)
    await merchant.requests(*[Status.PROCESSING] * 60)
    store._writer.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = sqlite_path(migrated_url)
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (len(whole) - 4096))
    for kind in ("look-up", "list", "thread"):
        for connection in sqlite_connections(store, kind):
            connection.drop()
    store._drop_writer()
    for ask in (
        lambda: store.reads.account(merchant.account), lambda: store.reads.requests(RequestQuery(merchant.actor().scope)),
        lambda: store.write(channel(merchant, "written")),
    ):  # fmt: skip
        with pytest.raises(Unavailable):
            await ask()
    path.write_bytes(whole)
    assert await store.reads.account(merchant.account) is not None
    assert len(await store.reads.requests(RequestQuery(merchant.actor().scope))) == 20
    await store.write(channel(merchant, "written"))


OUT_OF_SPACE = "SELECT count(*) FROM (SELECT md5(i::text) AS m FROM generate_series(1, 300000) i ORDER BY m) AS sorted"


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_query_that_needs_more_space_than_it_may_have_is_unavailable(
    migrated_url: str, postgres_server: Server
) -> None:
    await _administer(postgres_server, migrated_url, "ALTER DATABASE {name} SET temp_file_limit = '64kB'")
    await _administer(postgres_server, migrated_url, "ALTER DATABASE {name} SET work_mem = '64kB'")
    store = await open_store(migrated_url, migrate=False)
    for _ in range(8):
        with pytest.raises(Unavailable) as caught:
            await store.reads.slow(OUT_OF_SPACE)  # type: ignore[attr-defined]
        assert caught.value.applied == "no"
    merchant = await open_merchant(store)
    assert await store.reads.account(merchant.account) is not None
    await store.close()


@pytest.mark.parametrize("engine", ["postgresql"])
async def test_a_database_that_lets_nobody_in_is_unavailable_until_it_does(
    migrated_url: str, store: Store, merchant: Merchant, postgres_server: Server
) -> None:
    await store.reads.account(merchant.account)
    await _administer(postgres_server, migrated_url, "ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    try:
        await _administer(
            postgres_server, migrated_url,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'",
        )  # fmt: skip
        for _ in range(2):
            with pytest.raises(Unavailable):
                await store.reads.account(merchant.account)
            with pytest.raises(Unavailable):
                await store.reads.slow(REVISION)  # type: ignore[attr-defined]
            with pytest.raises(Unavailable) as caught:
                await store.write(channel(merchant, "written"))
            assert caught.value.applied == "no"
            with pytest.raises(Unavailable):
                await store.ready()
    finally:
        await _administer(postgres_server, migrated_url, "ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    assert await store.ready()
    assert await store.reads.account(merchant.account) is not None
    await store.write(channel(merchant, "written"))


async def _administer(server: Server, url: str, sql: str) -> None:
    db = await asyncpg.connect(server.url("postgres"))
    await db.execute(sql.format(name=urlsplit(url).path.removeprefix("/")))
    await db.close()


async def test_a_listener_that_fails_after_a_commit_makes_no_change_look_undone(
    store: Store, merchant: Merchant, changes: Changer
) -> None:
    heard: list[int] = []

    def fails(account_ids: Any) -> None:
        raise RuntimeError("unforeseen")

    store.listen(fails)
    listen_no_more = store.listen(heard.extend)
    first, second = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    heard.clear()
    assert (await changes.change(fail(first, merchant.actor()))).moved
    assert heard == [merchant.account]
    listen_no_more()
    assert (await changes.change(fail(second, merchant.actor()))).moved
    assert heard == [merchant.account]
