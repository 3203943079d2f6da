"""Each golden file, in place on its own engine."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.golden.files import DATABASE, Golden, golden_files
from tests.golden.upgraded import Place, on_postgres, on_sqlite
from tests.support.engines import Engine
from waypost.storage.opening import migrate


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `golden` runs once for each golden file."""
    marked = [name for mark in metafunc.definition.iter_markers("parametrize") for name in mark.args[0].split(",")]
    if "golden" in metafunc.fixturenames and "golden" not in marked:
        metafunc.parametrize("golden", golden_files(), ids=lambda golden: golden.name)


@pytest.fixture
async def place(golden: Golden, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """The database as the old release left it."""
    if golden.engine == "sqlite":
        yield await asyncio.to_thread(on_sqlite, golden, tmp_path)
        return
    databases: Engine = request.getfixturevalue("postgres_engine")
    url = await databases.empty()
    yield await asyncio.to_thread(on_postgres, golden, tmp_path, url)
    await databases.drop(url)


@pytest.fixture
async def empty_url(golden: Golden, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Room for one more database on the same engine."""
    if golden.engine == "sqlite":
        folder = tmp_path / "empty"
        folder.mkdir()
        yield f"sqlite:///{folder / DATABASE}"
        return
    databases: Engine = request.getfixturevalue("postgres_engine")
    url = await databases.empty()
    yield url
    await databases.drop(url)


@pytest.fixture
async def upgraded(place: Place) -> Place:
    """The same at today's schema."""
    await migrate(place.url, key_file=place.key_file)
    return place
