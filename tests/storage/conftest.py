"""What tests of the storage share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.proxy import Proxy


@pytest.fixture
async def proxy(migrated_url: str) -> AsyncIterator[Proxy]:
    """The wire to a PostgreSQL database with the current schema: it can be frozen and cut."""
    async with Proxy(migrated_url) as one:
        yield one
