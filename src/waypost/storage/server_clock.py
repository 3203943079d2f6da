"""The database server's clock, as this process knows it: one clock for all processes of a database.

Leases and waits are written by one process and judged by another. Their machines' clocks may lie minutes apart, or be
set while a process runs; what counts here is only the server's clock, and a clock of this machine that is never set.
"""

import time
from collections.abc import Awaitable, Callable

FAST_S = 0.5  # a reading that took longer says little
STALE_S = 60.0  # but better than one that is older than this


def standing_us() -> int:
    """Microseconds of a clock that is never set, and that goes on while the machine sleeps where the system has one."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1000


class ServerClock:
    """Reads the server's clock now and then; in between, its own time goes on from there."""

    def __init__(self) -> None:
        self._ahead_us: int | None = None  # the server's clock minus `standing_us`
        self._read_at = 0

    def now(self) -> int:
        """The server's time in microseconds since 1970, UTC. Before the first reading, this machine's."""
        if self._ahead_us is None:
            return time.time_ns() // 1000
        return standing_us() + self._ahead_us

    async def read(self, ask: Callable[[], Awaitable[int]]) -> None:
        """`ask` gives the server's time. A slow answer is passed over as long as a fresh one is known."""
        begun = standing_us()
        told = await ask()
        ended = standing_us()
        stale = self._ahead_us is None or ended - self._read_at > STALE_S * 1_000_000
        if stale or ended - begun <= FAST_S * 1_000_000:
            self._ahead_us = told - (begun + ended) // 2
            self._read_at = ended
