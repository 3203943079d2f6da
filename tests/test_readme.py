"""The README's walk-through, run as it stands by a shell, on a free port and in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.process import free_port

ROOT = Path(__file__).resolve().parent.parent


def test_the_walk_through_by_hand(tmp_path: Path) -> None:
    found = re.search(r"run by tests/test_readme.py -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    script = found[1].replace("8091", str(free_port())) + "\nkill %1\nwait %1\n"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", f"set -m\n{script}"], cwd=tmp_path, env={**os.environ, "PATH": path},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"fulfillmentRequestNumber":"WEB-1-1"' in done.stdout
    timeline = done.stdout.strip().splitlines()[-1]
    for kind in ("generated", "processing", "failed"):
        assert f"fulfillment_request.{kind}" in timeline
    assert '"reason":"Out of stock"' in timeline
    assert '"name":"Order desk"' in timeline
