"""`waypost check`, as an operator runs it."""

import asyncio
import json
import sys
from typing import Any


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
