"""The examples in the client's README, run as they stand."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.merchant import fill
from tests.support.process import ServerProcess

README = Path(__file__).resolve().parents[2] / "client" / "README.md"
EXAMPLES = re.findall(r"run by tests/client/test_readme.py -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_the_examples_work(database_url: str, tmp_path: Path) -> None:
    token, _ = await fill(database_url, 3)
    assert len(EXAMPLES) >= 2
    async with ServerProcess(database_url, tmp_path / "server.log") as server:
        env = {**os.environ, "WAYPOST_URL": server.url, "WAYPOST_TOKEN": token}
        printed = ""
        for example in EXAMPLES:
            command = [sys.executable, "-c", example]
            done = await asyncio.to_thread(subprocess.run, command, env=env, cwd=tmp_path,
                                           capture_output=True, text=True, timeout=60)  # fmt: skip
            assert done.returncode == 0, done.stderr
            printed += done.stdout
    assert "'change': 'move'" in printed
    assert "Processing Error ['process'" in printed
    assert "fulfillment_request.failed" in printed
    assert (tmp_path / "cursor.txt").read_text()
