"""A proxy before PostgreSQL stops forwarding, and tells nobody: callers are answered, and the server can be ended."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.fault.merchant import fill
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.process import ServerProcess
from tests.support.proxy import Proxy

CALLERS = 12
ANSWERED_WITHIN_S = 30.0


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgresql"


class Callers:
    """Callers that fail requests, each once, until told to stop; what each heard."""

    def __init__(self, url: str, token: str, ids: list[int]) -> None:
        self._url, self._token, self._ids = url, token, iter(ids)
        self.heard: dict[int, tuple[int, str | None]] = {}
        self.stop = asyncio.Event()

    async def one(self) -> None:
        """One caller; every second of its calls has a key."""
        async with httpx.AsyncClient(base_url=self._url, headers={"X-API-TOKEN": self._token}, timeout=60) as client:
            for id_ in self._ids:
                if self.stop.is_set():
                    return
                keyed = {"Idempotency-Key": f"k{id_}"} if id_ % 2 else {}
                reply = await client.patch(f"/fulfillment-requests/{id_}/processing-failed?error=x", headers=keyed)
                applied = reply.json()["applied"] if reply.status_code == 503 else None
                self.heard[id_] = reply.status_code, applied

    async def begin(self, count: int) -> "list[asyncio.Task[None]]":
        """Let them call, each one after the other; return once so many of the changes have been applied."""
        self.stop.clear()
        tasks = [asyncio.create_task(self.one()) for _ in range(CALLERS)]
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while Counter(self.heard.values())[204, None] < count:
                await asyncio.sleep(0.01)
        return tasks


async def read(url: str, token: str, paths: list[str]) -> list[int]:
    """The statuses that readers hear who ask at once."""
    async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": token}, timeout=60) as client:
        return [reply.status_code for reply in await asyncio.gather(*map(client.get, paths))]


async def judge(url: str, heard: dict[int, tuple[int, str | None]]) -> None:
    """What callers heard is what is stored."""
    stored = {row["id"]: row["status"] for row in await rows(url, "SELECT id, status FROM fulfillment_request_state")}
    for id_, said in heard.items():
        assert said in {(204, None), (503, "no"), (503, "unknown")}, said
        if said != (503, "unknown"):
            assert (stored[id_] == "processing_error") == (said == (204, None)), (id_, said, stored[id_])
    assert await findings(url) == []


async def test_everybody_is_answered_and_the_hub_recovers(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 4000)
    async with Proxy(migrated_url) as proxy, ServerProcess(proxy.url, tmp_path / "log") as server:
        callers = Callers(server.url, token, ids)
        calls = await callers.begin(100)
        proxy.freeze()
        callers.stop.set()
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            await asyncio.gather(*calls)
        assert 1 <= Counter(status for status, _ in callers.heard.values())[503] <= CALLERS
        proxy.thaw()
        calls = await callers.begin(200)
        callers.stop.set()
        await asyncio.gather(*calls)
    await judge(migrated_url, callers.heard)


async def test_the_server_ends_within_ten_seconds_and_its_callers_hear_so(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 2000)
    async with Proxy(migrated_url) as proxy, ServerProcess(proxy.url, tmp_path / "log") as server:
        callers = Callers(server.url, token, ids)
        calls = await callers.begin(100)
        proxy.freeze()
        callers.stop.set()
        begun = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - begun < 10.0
        await asyncio.gather(*calls)
        assert 1 <= Counter(status for status, _ in callers.heard.values())[503] <= CALLERS
    await judge(migrated_url, callers.heard)


@pytest.mark.parametrize("after_s", [3.0, 6.0])
async def test_readers_are_answered_before_the_server_ends(after_s: float, migrated_url: str, tmp_path: Path) -> None:
    """Also those whose connection to the database is being made."""
    token, ids = await fill(migrated_url, 20)
    async with Proxy(migrated_url) as proxy, ServerProcess(proxy.url, tmp_path / "log") as server:
        paths = [f"/fulfillment-requests/{id_}" for id_ in ids[:12]] + ["/fulfillment-requests?filterPageSize=2"] * 8
        assert await read(server.url, token, paths[:1]) == [200]  # there is one connection to read by
        proxy.freeze()
        heard = asyncio.create_task(read(server.url, token, paths))
        await asyncio.sleep(after_s)  # all have been read, and wait for the database, some for a connection to it
        begun = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - begun < 10.0
        assert set(await heard) == {503}
