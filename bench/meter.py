"""What processes of this machine have used: processor time, as the scheduler counts it, and what they read from disk."""

import os
import random
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import asyncpg

PAGE, PAGES = 4096, 10_000
_PIDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


def spent_s(pid: int) -> float:
    """Seconds that the threads which the process has now have run; 0 where it has ended."""
    total = 0
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def read_from_disk(pid: int) -> int:
    """Bytes that the process had fetched from a disk, because they were not in memory; 0 where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes:"))
    return 0


def page_us(file: Path) -> float:
    """Processor time to fetch a page of a file from the system's memory, in microseconds; of many, anywhere in it."""
    with file.open("rb", buffering=0) as opened:
        count = max(1, file.stat().st_size // PAGE)
        places = random.Random(1).choices(range(count), k=PAGES)
        began = time.process_time()
        for place in places:
            os.pread(opened.fileno(), PAGE, place * PAGE)
        return (time.process_time() - began) / PAGES * 1e6


class Used(NamedTuple):
    """By a process and its PostgreSQL backends: seconds of processor time, and bytes that were fetched from a disk."""

    cpu_s: float
    read_bytes: int


async def used(pid: int, url: str) -> Used:
    """Until now, by this process and by all that have a connection to this database; SQLite has no others."""
    pids = [pid]
    if not url.startswith("sqlite"):
        db = await asyncpg.connect(url)
        pids += [row[0] for row in await db.fetch(_PIDS)]
        await db.close()
    return Used(sum(map(spent_s, pids)), sum(map(read_from_disk, pids)))
