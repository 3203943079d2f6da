"""What the operator hears of the database's settings: at the start, and when they change."""

import asyncio
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from waypost.app import upkeep
from waypost.app.hub import Hub
from waypost.app.ports import Durability
from waypost.domain.refusals import Unavailable

SAFE = Durability()
ONE = Durability(("fsync is off.",), ("set for ourselves.",))
BOTH = Durability(("fsync is off.", "pages may tear."), ("set for ourselves.",))


class Ended(BaseException):
    """Nothing more is to be found."""


async def heard(found: list[Durability | Exception], caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The level and words of each line, where the database says these one after the other."""
    left: Iterator[Durability | Exception] = iter(found)

    async def durability() -> Durability:
        now = next(left, None)
        if now is None:
            raise Ended
        if isinstance(now, Exception):
            raise now
        return now

    hub: Any = SimpleNamespace(store=SimpleNamespace(durability=durability))
    caplog.set_level(logging.INFO)
    with pytest.raises(Ended):
        await asyncio.wait_for(upkeep.watch_settings(cast(Hub, hub)), 30)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "LOOK_AT_SETTINGS_EVERY_S", 0)


async def test_what_is_safe_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    assert await heard([SAFE, SAFE], caplog) == []


async def test_each_thing_is_said_once_until_it_has_ended(caplog: pytest.LogCaptureFixture) -> None:
    lines = await heard([ONE, ONE, BOTH, BOTH, SAFE, SAFE, ONE], caplog)
    first = [("INFO", "set for ourselves."), ("WARNING", "fsync is off.")]
    safe = ("INFO", "The settings of the database are safe again: answered changes are on its disk.")
    assert lines == [*first, ("WARNING", "pages may tear."), safe, *first]


async def test_a_database_that_does_not_answer_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    lines = await heard([Unavailable("gone"), OSError("gone"), ONE], caplog)
    assert [level for level, _ in lines] == ["INFO", "INFO", "INFO", "WARNING"]


def test_a_purge_takes_as_many_rows_as_fit_into_its_slice() -> None:
    assert upkeep.next_limit(10, 0.0001) == 20
    assert upkeep.next_limit(800, 0.0001) == upkeep.PURGE_AT_MOST
    assert upkeep.next_limit(1000, 100 * upkeep.PURGE_FOR_S) == 10
    assert upkeep.next_limit(2, 100 * upkeep.PURGE_FOR_S) == 1
    assert upkeep.next_limit(100, upkeep.PURGE_FOR_S) == 100
