"""Counts what statements cost, below the hub: SQLite's steps, and the buffers that PostgreSQL looks at."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from unittest.mock import patch

import asyncpg

from tests.support.database import is_sqlite
from tests.support.keys import key_file_for
from tests.support.literals import literal
from waypost.app.ports import Store
from waypost.storage.opening import open_store

EVERY = 10  # steps; the count of a statement is rounded down to that
DOUBTFUL = 40  # buffers: what takes more is measured twice, and the less counts
_COUNTED = re.compile(r"\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_READS = re.compile(r"\s*(?:WITH|SELECT)\b", re.IGNORECASE)
_EXECUTED = re.compile(r"EXECUTE waypost_lock_\w+\([^;]*\)")
_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "


_Count = Callable[[Any, str, Sequence[Any]], Awaitable[int]]


class Counter:
    """What was counted, by statement."""

    def __init__(self) -> None:
        self.by_statement: dict[str, int] = {}

    def add(self, statement: str, count: int) -> None:
        """So much more for this statement."""
        self.by_statement[statement] = self.by_statement.get(statement, 0) + count

    def taken(self) -> dict[str, int]:
        """What was counted since the last time."""
        found, self.by_statement = self.by_statement, {}
        return found

    def taken_above(self, bound: int) -> dict[str, int]:
        """Of what was counted since the last time, the statements that cost as much as `bound` or more."""
        return {statement: count for statement, count in self.taken().items() if count >= bound}


@contextmanager
def steps() -> Iterator[Counter]:
    """Of every SQLite connection that is opened meanwhile."""
    counter = Counter()
    really = sqlite3.connect

    class Counted(sqlite3.Connection):
        """A connection whose progress handler counts, and asks the hub's own as often as that wants to be asked."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._asked: Callable[[], Any] | None = None
            self._asked_every = self._since = 0
            self._statement = ""
            super().set_progress_handler(self._tick, EVERY)

        def _tick(self) -> Any:
            counter.add(self._statement, EVERY)
            self._since += EVERY
            if self._asked is not None and self._since >= self._asked_every:
                self._since = 0
                return self._asked()
            return 0

        def set_progress_handler(self, handler: Callable[[], Any] | None, every: int) -> None:
            self._asked, self._asked_every, self._since = handler, every, 0

        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            self._statement = sql
            return super().execute(sql, *args)

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            self._statement = sql
            return super().executemany(sql, *args)

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        return really(*args, **{"factory": Counted, **options})

    with patch.object(sqlite3, "connect", connect):
        yield counter


@contextmanager
def buffers(generic: bool = False) -> Iterator[Counter]:
    """Of every statement of asyncpg's connections: each is explained before it is run. `generic`: by its generic plan."""
    counter = Counter()
    with _Explainer(counter, generic).patched():
        yield counter


@asynccontextmanager
async def counted_store(url: str, generic: bool = False) -> AsyncIterator[tuple[Store, Counter]]:
    """A store whose statements are counted: SQLite's steps, or PostgreSQL's buffers (by generic plans)."""
    with steps() if is_sqlite(url) else buffers(generic) as counter:
        store = await open_store(url, migrate=False, key_file=key_file_for(url))
        counter.taken()
        try:
            yield store, counter
        finally:
            await store.close()


class _Explainer:
    def __init__(self, counter: Counter, generic: bool) -> None:
        self._counter = counter
        self._generic = generic
        self._numbers = 0
        self._really = {name: getattr(asyncpg.Connection, name) for name in ("fetch", "fetchrow", "fetchval", "execute")}
        self._many = asyncpg.Connection.executemany

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Every way to run a statement."""
        ways = {name: self._told(really) for name, really in self._really.items()}
        refused = {name: self._not_counted(name) for name in ("cursor", "prepare")}
        with patch.multiple(asyncpg.Connection, **ways, **refused, executemany=self._told_many):
            yield

    def _told(self, really: Callable[..., Any]) -> Callable[..., Any]:
        async def told(db: Any, query: str, *args: Any, **more: Any) -> Any:
            if _COUNTED.match(query):
                await self._count(db, query, args)
                return await really(db, query, *args, **more)
            result = await really(db, query, *args, **more)
            for executed in _EXECUTED.findall(query):  # of a message that begins a transaction and takes its locks
                await self._explain(db, query.partition("(")[0], executed, ())
            return result

        return told

    def _not_counted(self, name: str) -> Callable[..., Any]:
        def refused(*_: Any, **__: Any) -> Any:
            raise NotImplementedError(f"asyncpg's {name}() is not counted yet")

        return refused

    @property
    def _told_many(self) -> Callable[..., Any]:
        async def told(db: Any, query: str, rows: Sequence[Sequence[Any]], **more: Any) -> Any:
            listed = list(rows)
            for args in listed:
                await self._count(db, query, args)
            return await self._many(db, query, listed, **more)

        return told

    async def _count(self, db: Any, query: str, args: Sequence[Any]) -> None:
        reads = _READS.match(query) and not re.search(r"\b(?:INSERT|UPDATE|DELETE)\b(?! OF| SKIP)", query)
        await self._explain(db, query, query, args, self._buffers if reads else self._undone)

    async def _explain(self, db: Any, name: str, query: str, args: Sequence[Any], count: _Count | None = None) -> None:
        """Whoever makes a database beside us has the server forget its catalog, which the next one reads anew."""
        count = count or self._buffers
        buffers = await count(db, query, args)
        if buffers > DOUBTFUL:
            buffers = min(buffers, await count(db, query, args))
        self._counter.add(name, buffers)

    async def _undone(self, db: Any, query: str, args: Sequence[Any]) -> int:
        """What is written is undone: the statement itself runs after this."""
        run = self._really["execute"]
        inside = db.is_in_transaction()
        await run(db, "SAVEPOINT counted" if inside else "BEGIN")
        buffers = await self._buffers(db, query, args)
        await run(db, "ROLLBACK TO SAVEPOINT counted; RELEASE SAVEPOINT counted" if inside else "ROLLBACK")
        return buffers

    async def _buffers(self, db: Any, query: str, args: Sequence[Any]) -> int:
        fetch = self._really["fetchval"]
        if not self._generic or query.startswith("EXECUTE"):
            plan = await fetch(db, _EXPLAIN + query, *args)
        else:
            plan = await self._generic_plan(db, query, args)
        top = json.loads(plan)[0]["Plan"]
        return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])

    async def _generic_plan(self, db: Any, query: str, args: Sequence[Any]) -> str:
        run, fetch = self._really["execute"], self._really["fetchval"]
        self._numbers += 1
        name = f"counted_{self._numbers}"
        was = await fetch(db, "SELECT current_setting('plan_cache_mode')")
        await run(db, f"PREPARE {name} AS {query}")
        await run(db, "SET plan_cache_mode = force_generic_plan")
        sql = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = $1"
        types = await fetch(db, sql, name)
        values = ", ".join(literal(value, kind) for value, kind in zip(args, types, strict=True))
        plan: str = await fetch(db, f"{_EXPLAIN}EXECUTE {name}{f'({values})' if values else ''}")
        await run(db, f"SET plan_cache_mode = {was}")
        await run(db, f"DEALLOCATE {name}")
        return plan
