"""On uvloop, as `waypost serve` runs."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import uvloop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    """The loops of these tests."""
    return {"uvloop": uvloop.new_event_loop}
