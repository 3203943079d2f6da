"""PostgreSQL restarts under load: callers hear 503 with `applied`, never a wrong answer; nobody need lend a hand."""

import asyncio
from pathlib import Path

import pytest

from tests.fault.load import Book, fail_all, judge, until_applied
from tests.fault.merchant import fill
from tests.support.checking import findings
from tests.support.postgres import PostgresServer
from tests.support.process import ServerProcess

CALLERS = 8
RESTARTS = 3


@pytest.mark.parametrize("fast", [True, False], ids=["shutdown", "crash"])
async def test_restart_under_load(tmp_path: Path, fast: bool) -> None:
    # A PostgreSQL of its own: the one that other tests share must not go away under them.
    with PostgresServer() as postgres:
        url = await postgres.create("restarted")
        token, ids = await fill(url, 6000)
        async with ServerProcess(url, tmp_path / "server.log") as server:
            book, stop, remaining = Book(), asyncio.Event(), iter(ids)
            callers = [asyncio.create_task(fail_all(server.url, token, remaining, book, stop)) for _ in range(CALLERS)]
            for _ in range(RESTARTS):
                await until_applied(book, 100, callers)
                await asyncio.to_thread(postgres.restart, fast)
            # It recovers without a hand: more is applied after the last restart.
            await until_applied(book, 100, callers)
            stop.set()
            await asyncio.gather(*callers)
        assert set(book.statuses) <= {204, 503}
        assert book.statuses[503] > 0
        await judge(url, book)
        assert await findings(url) == []
