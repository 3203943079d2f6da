"""The time of a PostgreSQL hub is its server's, whatever this machine's clock says."""

import time

import pytest

from waypost.storage import server_clock
from waypost.storage.server_clock import ServerClock

SECOND = 1_000_000  # microseconds
HOUR = 3600 * SECOND


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
async def test_the_time_is_the_servers(ahead: int) -> None:
    clock = ServerClock()
    assert abs(clock.now() - time.time_ns() // 1000) < 60 * SECOND  # before the first reading, this machine's

    async def ask() -> int:
        return time.time_ns() // 1000 + ahead

    await clock.read(ask)
    assert abs(clock.now() - (time.time_ns() // 1000 + ahead)) < 60 * SECOND


async def test_a_slow_answer_is_passed_over_while_a_fresh_one_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    standing = 0
    monkeypatch.setattr(server_clock, "standing_us", lambda: standing)
    clock = ServerClock()

    async def asked(told: int, took: int) -> None:
        async def ask() -> int:
            nonlocal standing
            standing += took
            return told

        await clock.read(ask)

    await asked(5 * HOUR, 0)
    assert clock.now() == 5 * HOUR
    await asked(9 * HOUR, SECOND)  # took too long to say much
    assert clock.now() == 5 * HOUR + SECOND
    standing += 2 * 60 * SECOND
    await asked(9 * HOUR, SECOND)  # but more than what is two minutes old
    assert clock.now() == 9 * HOUR + SECOND // 2
