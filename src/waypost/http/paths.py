"""Paths that are another spelling of a path: a proxy before the hub may have let them pass by its rules."""

import re

# Two slashes, a step such as `/../`, and percent-encoding of what needs none (letters, digits, - . _ ~) or of a slash.
_OTHER_SPELLING = re.compile(
    rb"//|/\.{1,2}(?=/|\Z)|%(?:2[DEF]|3[0-9]|4[1-9A-F]|5[0-9ACF]|6[1-9A-F]|7[0-9AE])", re.IGNORECASE
)  # fmt: skip


def is_plain(raw_path: bytes) -> bool:
    """Whether no other path, spelled in the shortest way, means the same."""
    return _OTHER_SPELLING.search(raw_path) is None
