"""The two engines as tests see them: each makes empty databases, and copies of one that holds the schema."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Protocol

import asyncpg

from waypost.storage.opening import migrate

_ADMIN = "postgres"


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

    async def drop(self, url: str) -> None:
        """See `Engine`."""
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()


class PostgresEngine:
    """Databases of one server, under names that no other process uses."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._names = (f"waypost_{os.getpid()}_{number}" for number in itertools.count(1))
        self._by_url: dict[str, str] = {}
        self._template: str | None = None

    async def empty(self) -> str:
        """See `Engine`."""
        return await self._create("template0")

    async def migrated(self) -> str:
        """See `Engine`."""
        if self._template is None:
            url = await self._create("template0")
            await migrate(url)
            self._template = self._by_url[url]
        return await self._create(self._template)

    async def _create(self, template: str) -> str:
        name = next(self._names)
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        url = self._server.url(name)
        self._by_url[url] = name
        return url

    async def drop(self, url: str) -> None:
        """See `Engine`."""
        await self._administer(f"DROP DATABASE {self._by_url.pop(url)} WITH (FORCE)")

    async def _administer(self, sql: str) -> None:
        connection = await asyncpg.connect(self._server.url(_ADMIN))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()
