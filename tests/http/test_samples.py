"""The contract's own samples, run as printed against a real server."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.contract import CONTRACT
from tests.support.process import ServerProcess
from tests.support.world import World
from waypost.domain.statuses import Status

SAMPLES = [
    (name, sample["lang"], sample["source"])
    for name in sorted(set(CONTRACT.operations) - CONTRACT.not_yet)
    for sample in CONTRACT.operations[name][2]["x-codeSamples"]
]


def run(command: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """One sample."""
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_every_sample_works(world: World, migrated_url: str, tmp_path: Path) -> None:
    """Each with real ids in place of the example's."""
    order = await world.order()
    ids = [await world.request(Status.PROCESSED if "mark" in name else Status.PROCESSING) for name, _, _ in SAMPLES]
    blocked = await world.request(Status.UNPROCESSED)
    env = {**os.environ, "WAYPOST_TOKEN": world.ours.tokens["acc"]}
    async with ServerProcess(migrated_url, tmp_path / "server.log") as server:
        for (name, language, source), id_ in zip(SAMPLES, ids, strict=True):
            line = (await world.client().get(f"/fulfillment-requests/{id_}")).json()
            text = source.replace("http://127.0.0.1:8080", server.url)
            target = blocked if name == "process_fulfillment_request" else id_
            for example, real in (
                ("1001", target), ("9001", line["fulfillmentRequestItems"][0]["id"]), ("501", order),
                ("11}", f"{world.ours.sources[0]}}}"), ("21,", f"{world.ours.channels[0]},"), ('"WEB-1"', f'"{name}"'),
            ):  # fmt: skip
                text = text.replace(str(example), str(real))
            if name == "create_fulfillment_request":
                text = text.replace(f'"orderId": {order}', f'"orderId": {await world.order()}')
            shell = shutil.which("bash") or "bash"
            command = [shell, "-c", text] if language == "Shell" else [sys.executable, "-c", text]
            done = await asyncio.to_thread(run, command, env)
            assert done.returncode == 0, f"{name} {language}: {done.stderr[-800:]}\n{text}"
            status = re.search(r"HTTP/1.1 (\d+)", done.stdout) or re.match(r"(\d+)", done.stdout)
            assert status is not None, f"{name} {language}: {done.stdout[:300]}"
            assert status[1] in CONTRACT.operations[name][2]["responses"], done.stdout[:300]
            assert status[1].startswith("2"), f"{name} {language}: {done.stdout[:600]}"
