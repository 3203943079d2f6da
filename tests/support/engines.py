"""The two engines as tests see them: each makes empty databases, and copies of one that holds the schema."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from tests.support.database import connected
from waypost.storage.opening import migrate

_ADMIN = "postgres"

# What a test may have left of the schema other than rows; equal to a fresh copy's: the database is used again.
_SHAPE = """SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute),
  (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'), (SELECT count(*) FROM pg_constraint),
  (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_namespace),
  (SELECT count(*) FROM pg_db_role_setting), (SELECT string_agg(version_num, ',') FROM alembic_version)"""
# A table without a page, and a sequence without a value, were never used.
_EMPTY = """DO $$ DECLARE it record; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR it IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0 LOOP
    EXECUTE format('DELETE FROM %s', it.name);
  END LOOP;
  PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$"""

# One count for the whole process: several engines may share a server.
_NUMBERS = itertools.count(1)


class Server(Protocol):
    """A PostgreSQL server that runs."""

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        ...


class Engine(Protocol):
    """Makes databases for tests; a URL each."""

    async def empty(self) -> str:
        """A fresh database without any table (SQLite: a file that is not there yet)."""
        ...

    async def migrated(self) -> str:
        """A fresh database that holds the current schema and nothing in it."""
        ...

    async def pristine(self) -> str:
        """As `migrated`, never used before: a planner knows nothing of it but its schema."""
        ...

    async def drop(self, url: str) -> None:
        """Throw a database away, whoever is still connected."""
        ...


class SqliteEngine:
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._template: Path | None = None

    async def empty(self) -> str:
        """See `Engine`."""
        return f"sqlite:///{self._folder}/{next(self._numbers)}.db"

    async def migrated(self) -> str:
        """See `Engine`."""
        if self._template is None:
            template = self._folder / "template.db"
            await migrate(f"sqlite:///{template}")
            self._template = template
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"

    pristine = migrated

    async def drop(self, url: str) -> None:
        """See `Engine`."""
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()


class PostgresEngine:
    """Databases of one server, under names that no other process uses."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._by_url: dict[str, str] = {}
        self._template: str | None = None
        self._copies: set[str] = set()
        self._idle: list[str] = []
        self._shape: tuple[Any, ...] = ()

    async def empty(self) -> str:
        """See `Engine`."""
        return await self._create("template0")

    async def migrated(self) -> str:
        """See `Engine`."""
        if self._template is None:
            url = await self._create("template0")
            await migrate(url)
            self._template = self._by_url[url]
        if self._idle:
            return self._idle.pop()
        url = await self._create(self._template)
        self._copies.add(url)
        if not self._shape:
            async with connected(url) as connection:
                self._shape = tuple(await connection.fetchrow(_SHAPE) or ())
        return url

    async def pristine(self) -> str:
        """See `Engine`. What is used again keeps the size of its files, and what the server has counted in them."""
        if self._template is None:
            self._idle.append(await self.migrated())
        return await self._create(self._template or "template0")

    async def _create(self, template: str) -> str:
        name = f"waypost_{os.getpid()}_{next(_NUMBERS)}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        url = self._server.url(name)
        self._by_url[url] = name
        return url

    async def drop(self, url: str) -> None:
        """See `Engine`. A copy that has kept its shape is emptied for the next test: that is many times cheaper."""
        if url in self._copies and await self._emptied(url):
            self._idle.append(url)
            return
        self._copies.discard(url)
        await self._administer(f"DROP DATABASE {self._by_url.pop(url)} WITH (FORCE)")

    async def _emptied(self, url: str) -> bool:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND pid <> $2"
        try:
            async with connected(url) as connection:
                await connection.fetch(others, self._by_url[url], connection.get_server_pid())
                if tuple(await connection.fetchrow(_SHAPE) or ()) != self._shape:
                    return False
                await connection.execute(_EMPTY)
                return True
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False

    async def _administer(self, sql: str) -> None:
        connection = await asyncpg.connect(self._server.url(_ADMIN))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()
