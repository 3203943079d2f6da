"""The contract's own samples, run as printed against a real server; what they speak of is made by `tests.samples`."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import preparers
from tests.samples.fulfillment_requests import in_status
from tests.support.contract import CONTRACT
from tests.support.process import ServerProcess
from tests.support.world import World
from waypost.domain.statuses import Status

SERVED = sorted(set(CONTRACT.operations) - CONTRACT.not_yet)
TAGS = sorted({CONTRACT.operations[name][2]["tags"][0] for name in SERVED})
AT_ONCE = 2


def run(command: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """One sample."""
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)


def test_only_what_is_served_is_prepared() -> None:
    assert preparers().keys() <= set(SERVED)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tag", TAGS)
async def test_every_sample_works(tag: str, world: World, migrated_url: str, tmp_path: Path) -> None:
    """Each with real ids in place of the example's."""
    known = preparers()
    env = {**os.environ, "WAYPOST_TOKEN": world.ours.tokens["acc"]}
    turns = asyncio.Semaphore(AT_ONCE)

    async def works(name: str, language: str, text: str) -> None:
        async with turns:
            command = [shutil.which("bash") or "bash"] if language == "Shell" else [sys.executable]
            done = await asyncio.to_thread(run, [*command, "-c", text], env)
        assert done.returncode == 0, f"{name} {language}: {done.stderr[-800:]}\n{text}"
        status = re.search(r"HTTP/1.1 (\d+)", done.stdout) or re.match(r"(\d+)", done.stdout)
        assert status is not None, f"{name} {language}: {done.stdout[:300]}"
        assert status[1] in CONTRACT.operations[name][2]["responses"], done.stdout[:300]
        assert status[1].startswith("2"), f"{name} {language}: {done.stdout[:600]}\n{text}"

    async with ServerProcess(migrated_url, tmp_path / "server.log") as server:
        waiting = []
        for name in SERVED:
            operation = CONTRACT.operations[name][2]
            if operation["tags"][0] != tag:
                continue
            for sample in operation["x-codeSamples"]:
                real = {
                    "http://127.0.0.1:8080": server.url,
                    "11}": f"{world.ours.sources[0]}}}",
                    "21,": f"{world.ours.channels[0]},",
                    '"WEB-1"': f'"{name} {sample["lang"]}"',
                }
                prepare = known.get(name, lambda world: in_status(world, Status.PROCESSING))
                real |= {example: str(there) for example, there in (await prepare(world)).items()}
                # All at once, so that no replacement is replaced again.
                spots = re.compile("|".join(map(re.escape, sorted(real, key=len, reverse=True))))
                text = spots.sub(lambda spot, real=real: real[spot[0]], sample["source"])  # type: ignore[misc]
                waiting.append(works(name, sample["lang"], text))
        assert waiting
        await asyncio.gather(*waiting)
