"""The commands themselves: `serve` hands over unless it is told not to, and `worker` does it beside a server."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.fault.merchant import fill
from tests.support.process import ServerProcess
from tests.support.supplier import RULES, Supplier

ALLOWED = ("--allow-targets", "127.0.0.0/8")


async def push(client: httpx.AsyncClient, supplier: Supplier) -> None:
    """Let the only source be handed its requests."""
    source = (await client.get("/sources")).json()[0]["id"]
    body = {"kind": "http", "settings": {"url": supplier.url, "rules": RULES}}
    reply = await client.put(f"/source/{source}/delivery", json=body)
    assert reply.status_code == 200, reply.text


async def until_processed(client: httpx.AsyncClient, ids: list[int]) -> None:
    """Wait until the hub says so."""
    async with asyncio.timeout(30):
        while (await client.get("/fulfillment-requests/count?filterStatus=Processed")).json()["count"] < len(ids):
            await asyncio.sleep(0.05)


async def test_serve_hands_over(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 20)
    async with Supplier() as supplier, ServerProcess(migrated_url, tmp_path / "log", *ALLOWED) as server:
        async with httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client:
            await push(client, supplier)
            await until_processed(client, ids)
            (attempt,) = (await client.get(f"/fulfillment-requests/{ids[0]}/attempts")).json()
        assert await server.stop() == 0
        await server.start()
    assert (attempt["state"], attempt["outcome"], attempt["response"]["status"]) == ("settled", "delivered", 201)
    assert set(supplier.book.values()) == {1}
    assert len(supplier.book) == 20


async def test_a_worker_beside_a_server(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 20)
    async with (
        Supplier() as supplier,
        ServerProcess(migrated_url, tmp_path / "log", *ALLOWED, "--no-worker") as server,
        httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client,
    ):
        await push(client, supplier)
        command = [sys.executable, "-m", "waypost", "worker", "--database", migrated_url, *ALLOWED]
        with (tmp_path / "worker.log").open("ab") as log:
            worker = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env=dict(os.environ))
        try:
            await until_processed(client, ids)
        finally:
            worker.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(worker.wait(), 12)
        assert code == 0, (tmp_path / "worker.log").read_text()[-2000:]
        assert set(supplier.book.values()) == {1}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_server_told_not_to_hands_nothing_over(migrated_url: str, tmp_path: Path) -> None:
    token, ids = await fill(migrated_url, 1)
    async with (
        Supplier() as supplier,
        ServerProcess(migrated_url, tmp_path / "log", *ALLOWED, "--no-worker") as server,
        httpx.AsyncClient(base_url=server.url, headers={"X-API-TOKEN": token}) as client,
    ):
        await push(client, supplier)
        assert (await client.get(f"/fulfillment-requests/{ids[0]}/attempts")).json() == []
    assert not supplier.asked
