"""The application in this process, over a real database of each engine."""

import io
from collections.abc import AsyncIterator

import pytest

from tests.support.world import World, merchant
from waypost.app.ports import Store
from waypost.http.app import LineLog, create_app
from waypost.http.gate import Gate
from waypost.main import build_hub


@pytest.fixture
def log() -> io.StringIO:
    """Where the request log goes."""
    return io.StringIO()


@pytest.fixture
async def world(store: Store, log: io.StringIO) -> AsyncIterator[World]:
    """Two merchants and the application, without rates."""
    hub, writer = build_hub(store)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(log))
    yield World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    await writer.close()
