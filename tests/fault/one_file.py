"""A server on a SQLite file of a folder of its own, with requests to fail: what faults of files and disks happen to."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.fault.merchant import fill
from tests.support.process import ServerProcess

READY_WITHIN_S = 3.0  # how late `/readyz` may notice


class Shop:
    """The server, a client of it, and the ids of requests that stand in Processing."""

    def __init__(self, path: Path, server: ServerProcess, client: httpx.AsyncClient, ids: list[int]) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self.server = server
        self.client = client
        self.ids = iter(ids)

    async def fail(self, id_: int | None = None) -> tuple[int, str | None]:
        """Fail a request; the status, and what the reply says of whether it was applied."""
        target = f"/fulfillment-requests/{next(self.ids) if id_ is None else id_}/processing-failed"
        reply = await self.client.patch(target, params={"error": "no room " * 200})
        return reply.status_code, reply.json().get("applied") if reply.content else None

    async def readiness(self) -> tuple[int, str]:
        """The status of `/readyz`, and what it says."""
        reply = await self.client.get("/readyz")
        return reply.status_code, str(reply.json().get("detail", ""))

    async def until_ready(self, status: int, within_s: float = READY_WITHIN_S) -> str:
        """Wait for this status of `/readyz`; what it says then."""
        return (await until(lambda: self._has(status), within_s, f"/readyz {status}"))[1]

    async def _has(self, status: int) -> tuple[int, str] | None:
        found = await self.readiness()
        return found if found[0] == status else None


async def until(look: Callable[[], Awaitable[Any]], within_s: float, what: str) -> Any:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def shop(
    folder: Path, log: Path, *options: str, requests: int = 40, environment: dict[str, str] | None = None
) -> AsyncIterator[Shop]:
    """A server on a new database in `folder`."""
    path = folder / "shop.db"
    token, ids = await fill(f"sqlite:///{path}", requests)
    async with (
        ServerProcess(f"sqlite:///{path}", log, "--no-worker", *options, environment=environment) as server,
        httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}, timeout=30) as client,
    ):
        yield Shop(path, server, client, ids)
