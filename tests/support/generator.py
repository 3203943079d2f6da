"""The generator of the reference, which lies in `scripts/` beside the package, for tests that hold its pages to account."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "scripts") not in sys.path:
    sys.path.insert(0, str(ROOT / "scripts"))

from generating import recording  # noqa: E402  (the folder was not on the path before)
from generating.site import codes, document, refusing, render, samples, text, views  # noqa: E402

__all__ = ["ROOT", "codes", "document", "recording", "refusing", "render", "samples", "text", "views"]
