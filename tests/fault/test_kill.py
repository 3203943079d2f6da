"""Ends of every kind under load: after a restart every answered change is there, and none is half done.

`WAYPOST_KILLS=100` ends it a hundred times (`make test-all`).
"""

import asyncio
import os
import random
from pathlib import Path

from tests.fault.load import Book, fail_all, judge, until_applied
from tests.fault.merchant import fill
from tests.support.checking import findings
from tests.support.process import ServerProcess

KILLS = int(os.environ.get("WAYPOST_KILLS", "5"))
REQUESTS = max(1000, 200 * KILLS)  # a fast machine uses 70 for each end
SUSPENDED_S = 0.3
CALLERS = 8


async def test_ends_of_every_kind_lose_nothing(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, REQUESTS)
    chance = random.Random(7)
    remaining = iter(ids)
    server = ServerProcess(migrated_url, tmp_path / "server.log")
    book = Book()
    for _ in range(KILLS):
        await server.start()
        stop = asyncio.Event()
        callers = [asyncio.create_task(fail_all(server.url, token, remaining, book, stop)) for _ in range(CALLERS)]
        await until_applied(book, chance.randint(5, 50), callers)
        way = chance.choice(["kill", "kill", "stop", "suspend and go on", "suspend and kill"])
        if way.startswith("suspend"):
            server.suspend()
            await asyncio.sleep(SUSPENDED_S)  # this is the fault itself
        if way == "suspend and go on":
            server.go_on()
            await until_applied(book, 1, callers)
        if way == "stop":
            assert await server.stop() == 0
        else:
            await server.kill()
        stop.set()
        await asyncio.gather(*callers)
        await judge(migrated_url, book)
    assert len(book.applied) > KILLS * 5
    assert await findings(migrated_url) == []
    await server.start()
    assert await server.stop() == 0


async def test_a_polite_end_answers_what_runs(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 500)
    server = ServerProcess(migrated_url, tmp_path / "server.log")
    await server.start()
    book, stop = Book(), asyncio.Event()
    remaining = iter(ids)
    callers = [asyncio.create_task(fail_all(server.url, token, remaining, book, stop)) for _ in range(CALLERS)]
    await until_applied(book, 50, callers)
    assert await server.stop() == 0
    stop.set()
    await asyncio.gather(*callers)
    await judge(migrated_url, book)
