"""What every test can ask for: a database of either engine, a store on it, the writer, a clock.

A schema is made once per process and copied for each test: a file on SQLite, a template database on PostgreSQL.
`WAYPOST_REVERSED=1` (`make test-all`): SQLite gives rows that no statement orders the other way round.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import settings

from tests.support.clock import ManualClock
from tests.support.database import one_connection
from tests.support.engines import Engine, PostgresEngine, Server, SqliteEngine
from tests.support.keys import key_file_for
from tests.support.merchant import Merchant, open_merchant
from waypost.app.changes import Changer
from waypost.app.ports import Store
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store

# Machines that run tests are slow at times: a deadline per example would fail for that alone.
settings.register_profile("waypost", deadline=None, print_blob=True)
settings.load_profile("waypost")

if os.environ.get("WAYPOST_REVERSED"):
    really = sqlite3.connect

    def connect(*args: Any, **given: Any) -> sqlite3.Connection:
        """A connection that shows whether anybody relies on an order that he did not ask for."""
        db = really(*args, **given)
        db.execute("PRAGMA reverse_unordered_selects = ON")
        return db

    sqlite3.connect = connect

# Files with tests of twenty seconds and more. They begin first: else one process is busy with them at the end, while the
# others have nothing left to take over.
LONGEST = ("test_webhook_restarts", "test_orders_machine", "test_schemathesis", "test_matrix", "test_model",
           "test_postgres_restart", "test_growth", "test_generated_answers", "test_stuck_wire")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See `LONGEST`; all other tests stay in their order."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of a test that runs on both."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> SqliteEngine:
    """SQLite."""
    return SqliteEngine(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of this process' own; started by the first test that needs it."""
    from tests.support.postgres import PostgresServer

    with PostgresServer() as server:
        server.leave_alone()
        yield server


@pytest.fixture(scope="session")
def postgres_engine(postgres_server: Server) -> PostgresEngine:
    """PostgreSQL."""
    return PostgresEngine(postgres_server)


@pytest.fixture
def databases(engine: str, request: pytest.FixtureRequest) -> Engine:
    """The maker of databases of this test's engine."""
    made: Engine = request.getfixturevalue("sqlite_engine" if engine == "sqlite" else "postgres_engine")
    return made


@asynccontextmanager
async def _lent(databases: Engine, url: str) -> AsyncIterator[str]:
    """This database, which is thrown away at the end; until then looks into it share a connection."""
    async with one_connection(url):
        yield url
        await databases.drop(url)


@pytest.fixture
async def database_url(databases: Engine) -> AsyncIterator[str]:
    """A fresh database without any table."""
    async with _lent(databases, await databases.empty()) as url:
        yield url


@pytest.fixture
async def migrated_url(databases: Engine) -> AsyncIterator[str]:
    """A fresh database with the current schema."""
    async with _lent(databases, await databases.migrated()) as url:
        yield url


@pytest.fixture
async def pristine_url(databases: Engine) -> AsyncIterator[str]:
    """As `migrated_url`, for tests that read a planner's plans: no other test has used it."""
    async with _lent(databases, await databases.pristine()) as url:
        yield url


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[Store]:
    """A store on a fresh database with the current schema; its URL is `migrated_url`."""
    opened = await open_store(migrated_url, migrate=False, key_file=key_file_for(migrated_url))
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until it is told."""
    return ManualClock()


@pytest.fixture
async def writer(store: Store) -> AsyncIterator[GroupWriter]:
    """The coalescing writer of `store`."""
    made = GroupWriter(store)
    yield made
    await made.close()


@pytest.fixture
def changes(writer: GroupWriter, clock: ManualClock) -> Changer:
    """The way to the road."""
    return Changer(writer, clock)


@pytest.fixture
async def merchant(store: Store) -> Merchant:
    """An account with two sources and two channels, and no orders."""
    return await open_merchant(store)
