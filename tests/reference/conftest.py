"""The demo merchant of the examples, made once per process."""

import asyncio
from pathlib import Path

import pytest

from tests.support.contract import CONTRACT
from tests.support.generator import document, recording


@pytest.fixture(scope="session")
def documented() -> document.Document:
    """The contract, as pages read it."""
    return document.Document(CONTRACT.document)


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> recording.Recorder:
    """Copies of the demo merchant."""
    made = recording.Recorder(Path(tmp_path_factory.mktemp("examples")))
    asyncio.run(made.prepare())
    return made
