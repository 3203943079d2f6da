"""What is made from the code is up to date, and says everything."""

import subprocess
import sys
from pathlib import Path

from waypost.cli import COMMANDS
from waypost.domain.failures import REGISTRY
from waypost.domain.lifecycle import EVENT_TYPES
from waypost.domain.statuses import STATUSES
from waypost.settings import SETTINGS
from waypost.wire.codes import FIELD_CODES
from waypost.wire.problems import CODES

ROOT = Path(__file__).resolve().parent.parent


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def test_nothing_has_drifted() -> None:
    done = subprocess.run([sys.executable, "scripts/generate", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_everything_is_documented() -> None:
    assert [s.option for s in SETTINGS if f"`{s.option}`" not in page("reference/settings.md")] == []
    assert [name for name in COMMANDS if f"`waypost {name}" not in page("reference/commands.md")] == []
    assert [code for code in (*CODES, *FIELD_CODES) if f"| `{code}` |" not in page("reference/errors.md")] == []
    assert [c.code for c in REGISTRY if f"`{c.code}`" not in page("reference/failure-codes.md")] == []
    assert [event for event in EVENT_TYPES if f"`{event}`" not in page("reference/events.md")] == []
    assert [f.name for f in STATUSES.values() if f"## {f.name}" not in page("lifecycle.md")] == []
    picture = page("lifecycle.svg")
    assert [f.name for f in STATUSES.values() if f">{f.name}<" not in picture] == []
