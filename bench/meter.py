"""Processor time of processes of this machine, in nanoseconds as the scheduler counts it."""

from contextlib import suppress
from pathlib import Path

import asyncpg

_PIDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


def spent_s(pid: int) -> float:
    """Seconds that the threads which the process has now have run; 0 where it has ended."""
    total = 0
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


async def backends_s(url: str) -> float:
    """Seconds that the PostgreSQL processes have run that have a connection to this database now; SQLite has none."""
    if url.startswith("sqlite"):
        return 0.0
    db = await asyncpg.connect(url)
    found = sum(spent_s(row[0]) for row in await db.fetch(_PIDS))
    await db.close()
    return found
