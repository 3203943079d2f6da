"""A feed reader races eight writers: it sees every event once, in the order of the commits, whoever commits."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fault.merchant import fill
from tests.fault.test_race import drive
from tests.support.database import rows
from tests.support.process import ServerProcess

REQUESTS = int(os.environ.get("WAYPOST_RACE", "300"))


async def follow(
    url: str, token: str, after: str, stop: asyncio.Event, meanwhile: list[int]
) -> list[dict[str, Any]]:
    """Read until told to stop, and then to the end; `meanwhile`: how many each page had that was read in the race."""
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": token}, timeout=60) as client:
        while True:
            ending = stop.is_set()
            params: dict[str, str | int] = {"after": after, "wait": 0 if ending else 2, "limit": 37}
            reply = await client.get("/events", params=params)
            assert reply.status_code == 200, reply.text
            page = reply.json()
            found += page["events"]
            if not stop.is_set() and page["events"]:
                meanwhile.append(len(page["events"]))
            after = page["next"]
            if ending and not page["events"]:
                return found


async def race(migrated_url: str, tmp_path: Path, processes: int) -> None:
    token, ids = await fill(migrated_url, REQUESTS)
    before = (await rows(migrated_url, "SELECT max(seq) AS last FROM event"))[0]["last"]
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(ServerProcess(migrated_url, tmp_path / f"{place}.log"))
            for place in range(processes)
        ]
        async with httpx.AsyncClient(headers={"X-API-TOKEN": token}) as client:
            start = (await client.get(f"{servers[0].url}/events?after=latest")).json()["next"]
        pages: list[list[int]] = [[] for _ in servers]
        readers = [
            asyncio.create_task(follow(server.url, token, start, stop, read))
            for server, read in zip(servers, pages, strict=True)
        ]
        half = len(ids) // 2
        await asyncio.gather(
            drive(servers[0].url, token, ids[:half], "processing-failed?error=raced"),
            drive(servers[-1].url, token, ids[half:], "acknowledge"),
        )
        stop.set()
        feeds = await asyncio.gather(*readers)
    log = await rows(migrated_url, "SELECT seq, type, subject_id FROM event WHERE seq > $1 ORDER BY seq", before)
    assert len(log) >= REQUESTS
    expected = [(row["seq"], row["type"], row["subject_id"]) for row in log]
    for read in pages:
        assert len(read) > 10, "the reader did not race anybody"
        assert sum(read) > REQUESTS / 2
    for feed in feeds:
        assert [(event["seq"], event["type"], event["subject"]["id"]) for event in feed] == expected


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_writers_of_one_process(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=1)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_writers_of_two_processes(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=2)


async def test_a_server_whose_readers_wait_ends_at_once(migrated_url: str, tmp_path: Path) -> None:
    token, _ = await fill(migrated_url, 1)
    server = ServerProcess(migrated_url, tmp_path / "server.log")
    await server.start()
    ask = f"GET /events?after=latest&wait=30 HTTP/1.1\r\nHost: hub\r\nX-API-TOKEN: {token}\r\n\r\n".encode()
    readers = []
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(ask)
        await writer.drain()
        readers.append((reader, writer))
    async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client:
        # Answered after the waiting calls were read: they came first.
        assert (await client.get("/events?after=latest&wait=1")).json()["events"] == []
    async with asyncio.timeout(6):
        assert await server.stop() == 0
    for reader, writer in readers:
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
