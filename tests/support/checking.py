"""`waypost check`, as an operator runs it, and in this process; and the audit that knows none of its code."""

import asyncio
import json
import sys
from typing import Any

from tests.support.audit import audit
from waypost.app.check import check
from waypost.app.judging import Finding
from waypost.storage.checking import evidence_of
from waypost.storage.opening import current_location


async def findings(database_url: str) -> list[dict[str, Any]]:
    """What the check finds; an empty list when everything adds up."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "waypost", "check", "--database", database_url, "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode in (0, 1), err.decode()
    found: list[dict[str, Any]] = json.loads(out)["findings"]
    assert (process.returncode == 1) == bool(found)
    return found


async def findings_here(database_url: str) -> list[Finding]:
    """What the check finds, run in this process."""
    found: list[Finding] = []
    async with evidence_of(await current_location(database_url)) as evidence:
        await check(evidence, found.append)
    return found


async def adds_up(database_url: str) -> None:
    """Fail unless the whole database adds up, by the hub's own check and by the audit."""
    assert await findings_here(database_url) == []
    await audit(database_url)
