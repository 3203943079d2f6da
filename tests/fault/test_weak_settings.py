"""A PostgreSQL whose settings can lose answered changes: the server, the worker and `waypost check` say so."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.fault.merchant import fill
from tests.fault.one_file import until
from tests.support.keys import environment_for
from tests.support.postgres import PostgresServer
from tests.support.process import ServerProcess

DEFAULTS = {"fsync": None, "full_page_writes": None, "synchronous_commit": None}


async def waypost(url: str, *arguments: str) -> tuple[int | None, str]:
    """The exit code and the output of a command on this database."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", *arguments, "--database", url, env=environment_for(url),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()


def told(log: Path) -> list[tuple[str, str]]:
    """What the log says of the settings: level and the setting that is off."""
    text = log.read_text() if log.exists() else ""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    about = [line for line in lines if line.get("by") == "waypost.upkeep"]
    names = ("fsync", "full_page_writes", "synchronous_commit")
    return sorted((line["level"], name) for line in about for name in names if f"{name} = off" in line["message"])


WEAK = [("info", "synchronous_commit"), ("warning", "fsync"), ("warning", "full_page_writes")]


async def said(log: Path) -> Any:
    """What the log says of the settings, once it says as much as it should."""

    async def look() -> list[tuple[str, str]]:
        found = told(log)
        return found if len(found) >= len(WEAK) else []

    return await until(look, 30, "the log names the settings")


async def test_server_worker_and_check_say_what_a_crash_may_lose(tmp_path: Path) -> None:
    with PostgresServer() as postgres:
        url = await postgres.create("weak")
        await fill(url, 1)
        code, output = await waypost(url, "check")
        assert (code, "warning" in output) == (0, False)
        assert json.loads((await waypost(url, "check", "--json"))[1])["warnings"] == []
        await postgres.configure(fsync="off", full_page_writes="off", synchronous_commit="off")

        code, output = await waypost(url, "check")
        lines = output.splitlines()
        assert code == 0, output
        assert [line.split(". ")[0] for line in lines[:2]] == [
            "warning: PostgreSQL runs with fsync = off", "warning: PostgreSQL runs with full_page_writes = off"
        ]  # fmt: skip
        assert lines[2].endswith(": all adds up.")
        code, output = await waypost(url, "check", "--json")
        assert [f"warning: {warning}" for warning in json.loads(output)["warnings"]] == lines[:2]

        async with ServerProcess(url, tmp_path / "server.log"):
            assert await said(tmp_path / "server.log") == WEAK
        assert await until_worker_said(url, tmp_path / "worker.log") == WEAK

        await postgres.configure(**DEFAULTS)
        assert "warning" not in (await waypost(url, "check"))[1]


async def until_worker_said(url: str, log: Path) -> Any:
    """What a worker says of the settings."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", "worker", "--database", url, "--log", str(log), env=environment_for(url),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return await said(log)
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)
        await asyncio.wait_for(worker.wait(), 12)
