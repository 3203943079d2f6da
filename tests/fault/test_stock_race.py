"""Callers race for the last pieces over HTTP: exactly as many as there are go out, from one process or from two."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.audit import audit
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.process import ServerProcess
from tests.support.stock import held, variant
from waypost.app.ports import Tx
from waypost.storage.opening import open_store

CALLERS = 64
PIECES = 100
TOKEN = "wp_stock_race"


async def merchant(migrated_url: str) -> tuple[int, int]:
    """A merchant whose channel generates by itself, and one source with so many pieces of A; channel and variant."""
    store = await open_store(migrated_url)

    async def make(tx: Tx) -> tuple[int, int, int]:
        account = await tx.insert_row("account", {"company_name": "Race", "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        source = {"account_id": account, "name": "S", "required_fields": "[]", "auto_process": True, "created_at": 1}
        channel = {"account_id": account, "name": "C", "created_at": 1, "auto_generate": True}
        await tx.insert_row("token", {
            "account_id": account, "type": "account", "source_id": None, "channel_id": None, "name": "race",
            "family": 1, "digest": hashlib.sha256(TOKEN.encode()).digest(), "hint": "race", "created_at": 1,
        })  # fmt: skip
        return account, await tx.insert_row("source", source), await tx.insert_row("channel", channel)

    account, source, channel = await store.write(make)
    await store.close()
    return channel, await variant(migrated_url, account, source, "A", PIECES)


async def race(migrated_url: str, tmp_path: Path, processes: int) -> None:
    channel, known = await merchant(migrated_url)
    statuses: list[str] = []
    async with AsyncExitStack() as stack:
        urls = [
            (await stack.enter_async_context(ServerProcess(migrated_url, tmp_path / f"{place}.log"))).url
            for place in range(processes)
        ]

        async def caller(number: int) -> None:
            """Two orders of one piece each, one after the other."""
            url = urls[number % processes]
            async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": TOKEN}, timeout=30) as client:
                for turn in (1, 2):
                    body = {
                        "channelId": channel, "orderNumber": f"R-{number}-{turn}", "paymentStatus": "Paid",
                        "note": f"{number} {turn}", "orderItems": [{"sku": "A", "quantity": 1}],
                    }  # fmt: skip
                    reply = await client.post("/orders", json=body)
                    assert reply.status_code == 201, reply.text
                    statuses.append(reply.json()["orderStatus"])

        await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    assert (statuses.count("Open"), statuses.count("On Hold")) == (PIECES, 2 * CALLERS - PIECES)
    assert await held(migrated_url) == {known: (PIECES, PIECES)}
    assert len(await rows(migrated_url, "SELECT id FROM fulfillment_request")) == PIECES
    await audit(migrated_url)
    assert await findings(migrated_url) == []


async def test_64_callers_race_for_100_pieces(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=1)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_64_callers_race_for_100_pieces_from_two_processes(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=2)
