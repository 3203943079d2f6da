"""URLs that people will click: somebody else's browser opens them, so they may be nothing but web addresses."""

import json
import re

from waypost.wire.faults import Fault

SHOWN_AT_MOST = 100  # characters of a value that a message quotes

# ASCII, so that no other letter counts as one of the scheme's. An @ before the path would let a link show one host and
# open another.
_LINK = re.compile(r"https?://[^\s/?#\\@]+(?:[/?#].*)?", re.IGNORECASE | re.ASCII)


def judge_link(url: str | None, pointer: str, faults: list[Fault]) -> None:
    """Remember a fault of a link that is no http or https URL; absent or empty is fine."""
    if url and not (_LINK.fullmatch(url) and url.isprintable()):
        told = f"{pointer} must be an http or https URL with a host, not {json.dumps(url[:SHOWN_AT_MOST])}."
        faults.append(Fault("pointer", pointer, "bad_url", told))
