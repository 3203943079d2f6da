"""The databases that are measured: the template is made once, each size loaded once for each engine, and copied for each mode."""

import io
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import asyncpg

from tests.growth import loading
from tests.growth.counting import buffers, steps
from tests.growth.loading import Plan
from tests.growth.measuring import Measured, Tidy, measured
from tests.growth.template import Template, make
from tests.support.database import sqlite_path
from tests.support.filled import run_sql
from tests.support.postgres import PostgresServer
from waypost.storage.opening import migrate
from waypost.storage.schema import metadata

SMALL, LARGE, VERY_LARGE = 1_000, 20_000, 50_000


class Mode(NamedTuple):
    """How a database is measured. `custom`: by plans that know the parameters (PostgreSQL)."""

    engine: str
    analyzed: bool = False
    custom: bool = False

    @property
    def name(self) -> str:
        """As it is shown."""
        told = "SQLite" if self.engine == "sqlite" else "PostgreSQL"
        return f"{told} {'after' if self.analyzed else 'without'} ANALYZE{', custom plans' * self.custom}"

    @property
    def unit(self) -> str:
        """What is counted."""
        return "steps" if self.engine == "sqlite" else "buffers"


SQLITE = (Mode("sqlite"), Mode("sqlite", analyzed=True))
# The hub's connections are set to plans that know no parameter; custom plans show what a pooler or a setting of the
# server would do.
POSTGRES = (Mode("postgresql", analyzed=True), Mode("postgresql"), Mode("postgresql", custom=True),
            Mode("postgresql", analyzed=True, custom=True))  # fmt: skip
USUAL = (*SQLITE, *POSTGRES[:2])


# PostgreSQL believes that each table has fifty times as many rows as it has, and knows nothing more of them: what it does
# in a table of a million rows that was filled a moment ago, shown in a small one.
SEEMS_LARGE = """UPDATE pg_class c SET relallvisible = 0, relpages = greatest(pg_relation_size(c.oid) / 8192, 1),
    reltuples = 50 * greatest(pg_relation_size(coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid),
      c.oid)) / 150, 1)
  WHERE c.relkind IN ('r', 'i') AND c.relnamespace = current_schema()::regnamespace"""


def partly_analyzed() -> Iterator[str]:
    """Statements that analyse some tables only, as autovacuum has at times: for any two, one of them alone in some."""
    names = sorted(metadata.tables)
    for bit in range(len(names).bit_length()):
        for value in (0, 1):
            yield f"ANALYZE {', '.join(name for place, name in enumerate(names) if place >> bit & 1 == value)}"


class Databases:
    """All in one folder, and on one server."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self._folder = folder
        self._server = server
        self._template: Template | None = None
        self._plans: dict[int, Plan] = {}
        self._loaded: set[str] = set()

    async def template(self) -> Template:
        """The template."""
        if self._template is None:
            url = f"sqlite:///{self._folder}/template.db"
            await migrate(url)
            self._template = await make(url, io.StringIO())
        return self._template

    async def plan(self, count: int) -> Plan:
        """All rows of this size."""
        if count not in self._plans:
            self._plans[count] = loading.plan(await self.template(), count)
        return self._plans[count]

    @asynccontextmanager
    async def copied(self, mode: Mode, count: int, planted: str | None = None) -> AsyncIterator[str]:
        """The URL of a fresh copy of this size.

        `planted`: statements that spoil it, to see that it is noticed; a semicolon and a new line are between them.
        """
        url = await (self._sqlite if mode.engine == "sqlite" else self._postgres)(mode, count)
        for sql in (*(planted or "").split(";\n"), "ANALYZE" if mode.analyzed else ""):
            if sql:
                await run_sql(url, sql)
        yield url
        if mode.engine == "sqlite":
            sqlite_path(url).unlink()
        else:
            await self._administer(f"DROP DATABASE {self._copy(mode, count)} WITH (FORCE)")

    @asynccontextmanager
    async def opened(self, mode: Mode, count: int, planted: str | None = None) -> AsyncIterator[Measured]:
        """A hub on a copy, whose statements are counted."""
        async with self.copied(mode, count, planted) as url:
            with steps() if mode.engine == "sqlite" else buffers(generic=not mode.custom) as counter:
                async with self._tidied(mode, url) as tidy, measured(url, await self.template(), counter, tidy) as one:
                    yield one

    @asynccontextmanager
    async def _tidied(self, mode: Mode, url: str) -> AsyncIterator[Tidy | None]:
        """Every change leaves old versions of the counter's row behind, and counting it leaves more."""
        if mode.engine == "sqlite":
            yield None
            return
        connection = await asyncpg.connect(url)
        yield partial(connection.execute, "VACUUM FULL account_counter")
        await connection.close()

    async def _sqlite(self, mode: Mode, count: int) -> str:
        path = self._folder / f"{count}.db"
        if not path.exists():
            await migrate(f"sqlite:///{self._folder}/empty.db")
            loading.load_sqlite(await self.template(), await self.plan(count), self._folder / "empty.db", path)
        copy = self._folder / f"{count}-{mode.analyzed}.db"
        shutil.copyfile(path, copy)
        return f"sqlite:///{copy}"

    async def _postgres(self, mode: Mode, count: int) -> str:
        assert self._server is not None
        name = f"growth_{count}"
        if name not in self._loaded:
            await self._administer(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
            await migrate(self._server.url(name))
            await loading.load_postgres(await self.template(), await self.plan(count), self._server.url(name))
            self._loaded.add(name)
        copy = self._copy(mode, count)
        await self._administer(f"CREATE DATABASE {copy} TEMPLATE {name}")
        return self._server.url(copy)

    @staticmethod
    def _copy(mode: Mode, count: int) -> str:
        return f"growth_{count}_{int(mode.analyzed)}{int(mode.custom)}"

    async def _administer(self, sql: str) -> None:
        assert self._server is not None
        connection = await asyncpg.connect(self._server.url("postgres"))
        await connection.execute(sql)
        await connection.close()
