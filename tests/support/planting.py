"""Plants faults in a store's connections, as they were seen to happen or could: each engine in its own way."""

import sqlite3
from typing import Any

import asyncpg
import pytest

from waypost.app.ports import Store
from waypost.storage.postgres import PostgresStore
from waypost.storage.sqlite import SqliteStore
from waypost.storage.sqlite_file import RenewableConnection

KINDS = {"sqlite": ("look-up", "list", "thread", "writer"), "postgresql": ("look-up", "list", "writer")}
ALL_KINDS = [(engine, kind) for engine, kinds in KINDS.items() for kind in kinds]

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT count(*) FROM generate_series(1, 100000000000)",
}


class Brittle:
    """A SQLite connection of which chosen steps fail: "rollback" or "commit"."""

    def __init__(self, db: sqlite3.Connection, *failing: str) -> None:
        self._db = db
        self._failing = failing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def rollback(self) -> None:
        """As the connection, or fail with the transaction still open."""
        if "rollback" in self._failing:
            raise sqlite3.OperationalError("interrupted")
        self._db.rollback()

    def commit(self) -> None:
        """As the connection, or fail with the transaction still open."""
        if "commit" in self._failing:
            raise sqlite3.OperationalError("disk I/O error")
        self._db.commit()


def sqlite_connections(store: SqliteStore, kind: str) -> list[RenewableConnection]:
    """The connections of a kind."""
    reads = store.reads
    if kind == "thread":
        idle = reads._threads._idle
        found: list[RenewableConnection] = [idle.get() for _ in range(idle.qsize())]
        for connection in found:
            idle.put(connection)  # type: ignore[arg-type]
        return found
    return [{"look-up": reads._by_key, "list": reads._in_loop, "writer": store._writer}[kind]]


async def plant_broken(store: Store, kind: str) -> None:
    """Make every connection of a kind useless, without the store being told."""
    if isinstance(store, SqliteStore):
        for connection in sqlite_connections(store, kind):
            connection.db.close()
        return
    assert isinstance(store, PostgresStore)
    # The tables cannot be found any more, as after a failover to something else; the connection itself is there.
    if kind == "writer":
        await (await store._connection()).execute("SET search_path = nowhere")
        return
    pool = store.reads._pool or await store.reads._open()
    taken = [await pool.acquire() for _ in range(pool.get_size())]
    for db in taken:
        await db.execute("SET search_path = nowhere")
    for db in taken:
        await pool.release(db)


def plant_failing_roll_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next roll-back of the writing connection fails, and leaves its transaction open."""
    if isinstance(store, SqliteStore):
        store._writer._db = Brittle(store._writer.db, "rollback")  # type: ignore[assignment]
        return
    execute = asyncpg.Connection.execute

    async def fails(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if query == "ROLLBACK":
            monkeypatch.setattr(asyncpg.Connection, "execute", execute)
            raise asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(asyncpg.Connection, "execute", fails)
