"""The prepared database of each engine, and the process beside this one."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.idempotency.databases import Databases
from tests.idempotency.hubs import other_process
from tests.support.engines import Engine, PostgresEngine, SqliteEngine


@pytest.fixture(scope="session")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of the other process, which lives as long as this one's tests."""
    with other_process(tmp_path_factory.mktemp("beside") / "s") as path:
        yield path


def _prepared(engine: Engine) -> Iterator[Databases]:
    made = Databases(engine)
    yield made
    asyncio.run(made.close())


@pytest.fixture(scope="session")
def _on_sqlite(sqlite_engine: SqliteEngine) -> Iterator[Databases]:
    yield from _prepared(sqlite_engine)


@pytest.fixture(scope="session")
def _on_postgresql(postgres_engine: PostgresEngine) -> Iterator[Databases]:
    yield from _prepared(postgres_engine)


@pytest.fixture
def prepared(engine: str, request: pytest.FixtureRequest) -> Databases:
    """A database of the demo merchant on this test's engine."""
    made: Databases = request.getfixturevalue(f"_on_{engine}")
    return made
