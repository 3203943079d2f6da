"""A hub with a worker in this process, a supplier, and sources that are handed their requests."""

from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from tests.support.handing import House
from tests.support.merchant import open_merchant
from tests.support.supplier import Supplier
from waypost.app.ports import Store
from waypost.main import build_hub
from waypost.outgoing.targets import Targets

LOOPBACK = Targets((ip_network("127.0.0.0/8"),))


@pytest.fixture
async def supplier() -> AsyncIterator[Supplier]:
    """A supplier that listens."""
    async with Supplier() as made:
        yield made


@pytest.fixture
async def house(store: Store, migrated_url: str) -> AsyncIterator[House]:
    """A merchant, and the means to hand over."""
    hub, writer = build_hub(store, LOOPBACK)
    made = House(hub, writer, migrated_url, await open_merchant(store))
    yield made
    await made.end()
    for kind in hub.kinds.values():
        await kind.close()
    await writer.close()
