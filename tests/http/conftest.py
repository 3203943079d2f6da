"""The application in this process, over a real database of each engine."""

import io
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from tests.support.asgi import Client
from tests.support.database import rows
from tests.support.world import World, merchant
from waypost.app.ports import Store
from waypost.domain.catalogue import CATALOGUE
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.http.rates import Rate
from waypost.main import build_hub
from waypost.outgoing.targets import Targets


@pytest.fixture
def log() -> io.StringIO:
    """Where the request log goes."""
    return io.StringIO()


@pytest.fixture
def limited(world: World) -> Client:
    """The same hub behind pools of 2 calls per token, where no time passes however slow the machine is."""
    gate = Gate(world.hub.tokens, Rate(2, 2.0), (), lambda: 100.0)
    app = create_app(world.hub, gate, LineLog(io.StringIO()))
    return Client(app, world.ours.tokens["acc"])


@pytest.fixture
async def world(store: Store, migrated_url: str, log: io.StringIO) -> AsyncIterator[World]:
    """Two merchants and the application, without rates."""
    hub, writer = build_hub(store, Targets((ip_network("127.0.0.0/8"),)))
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(log))
    yield World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    for kind in hub.kinds.values():
        await kind.close()
    await writer.close()
    written = {row["type"] for row in await rows(migrated_url, "SELECT DISTINCT type FROM event")}
    assert written <= set(CATALOGUE), "events that domain/catalogue.py does not name"
