"""The command line, called as a person or a script would, on a database of each engine."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from waypost.cli import waypost

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's environment says must not matter."""
    for name in ("WAYPOST_DATABASE", "WAYPOST_DATABASE_FILE", "WAYPOST_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def call(database_url: str) -> Call:
    """Run a command on the test's database; `code` is the exit code it must end with."""

    def run(*args: object, code: int = 0) -> Result:
        result = CliRunner().invoke(waypost, [*map(str, args), "--database", database_url])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def told(call: Call) -> Callable[..., Any]:
    """What a command prints with `--json`, read."""

    def run(*args: object, code: int = 0) -> Any:
        return json.loads(call(*args, "--json", code=code).stdout)

    return run
