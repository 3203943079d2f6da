"""Two callers want different things of the same requests: each ends in exactly one legal history."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.fault.merchant import fill
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.process import ServerProcess

REQUESTS = int(os.environ.get("WAYPOST_RACE", "300"))
LANES = 8
LEGAL = {
    ("fulfillment_request.generated", "fulfillment_request.acknowledged"),
    ("fulfillment_request.generated", "fulfillment_request.failed", "fulfillment_request.acknowledged"),
}


async def drive(url: str, token: str, ids: list[int], target: str) -> list[int]:
    """Ask the same of every request, in several lanes; the statuses, in the order of the ids."""
    statuses: dict[int, int] = {}

    async def lane(part: list[int]) -> None:
        async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": token}, timeout=30) as client:
            for id_ in part:
                statuses[id_] = (await client.patch(f"/fulfillment-requests/{id_}/{target}")).status_code

    await asyncio.gather(*(lane(ids[first::LANES]) for first in range(LANES)))
    return [statuses[id_] for id_ in ids]


async def race(migrated_url: str, tmp_path: Path, processes: int) -> None:
    token, ids = await fill(migrated_url, REQUESTS)
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(ServerProcess(migrated_url, tmp_path / f"{place}.log"))
            for place in range(processes)
        ]
        failed, acknowledged = await asyncio.gather(
            drive(servers[0].url, token, ids, "processing-failed?error=raced"),
            drive(servers[-1].url, token, ids, "acknowledge"),
        )
    assert set(failed) <= {204, 400}
    assert set(acknowledged) == {200}  # allowed from Processing and from Processing Error alike
    histories: dict[int, list[str]] = {}
    events = await rows(migrated_url, "SELECT seq, subject, subject_id, type FROM event ORDER BY seq")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for event in events:
        if event["subject"] == "fulfillment_request":
            histories.setdefault(event["subject_id"], []).append(event["type"])
    for id_, status in zip(ids, failed, strict=True):
        history = tuple(histories[id_])
        assert history in LEGAL
        assert (len(history) == 3) == (status == 204)
    assert await findings(migrated_url) == []


async def test_fail_against_acknowledge(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=1)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_fail_against_acknowledge_from_two_processes(migrated_url: str, tmp_path: Path) -> None:
    await race(migrated_url, tmp_path, processes=2)
