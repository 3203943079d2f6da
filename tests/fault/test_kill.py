"""kill -9 under load: after a restart every answered change is there, and none is half done."""

import asyncio
import random
from pathlib import Path

from tests.fault.load import Book, fail_all, judge, until_applied
from tests.fault.merchant import fill
from tests.support.checking import findings
from tests.support.process import ServerProcess

KILLS = 20
CALLERS = 8


async def test_twenty_kills_lose_nothing(database_url: str, tmp_path: Path) -> None:
    token, ids = await fill(database_url, 6000)
    chance = random.Random(7)
    remaining = iter(ids)
    server = ServerProcess(database_url, tmp_path / "server.log")
    book = Book()
    for _ in range(KILLS):
        await server.start()
        stop = asyncio.Event()
        callers = [asyncio.create_task(fail_all(server.url, token, remaining, book, stop)) for _ in range(CALLERS)]
        await until_applied(book, chance.randint(5, 60), callers)
        await server.kill()
        stop.set()
        await asyncio.gather(*callers)
        await judge(database_url, book)
    assert len(book.applied) > KILLS * 5
    assert await findings(database_url) == []
    await server.start()
    assert await server.stop() == 0


async def test_a_polite_end_answers_what_runs(database_url: str, tmp_path: Path) -> None:
    token, ids = await fill(database_url, 500)
    server = ServerProcess(database_url, tmp_path / "server.log")
    await server.start()
    book, stop = Book(), asyncio.Event()
    remaining = iter(ids)
    callers = [asyncio.create_task(fail_all(server.url, token, remaining, book, stop)) for _ in range(CALLERS)]
    await until_applied(book, 50, callers)
    assert await server.stop() == 0
    stop.set()
    await asyncio.gather(*callers)
    await judge(database_url, book)
