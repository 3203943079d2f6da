"""Files for their owner only: whatever the hub writes may hold customers' addresses, so it is made with mode 0600.

A umask is no help: it does not change files that are there already, and the user sets it.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

PRIVATE = 0o600
_OTHERS = 0o077


def open_private(path: Path, mode: str = "w") -> TextIO:
    """A text file (UTF-8, line ends as written) that is private, also if it was there already and was not."""
    return cast(TextIO, open(path, mode, encoding="utf-8", newline="", opener=_opened))


def _opened(path: str, flags: int) -> int:
    handle = os.open(path, flags, PRIVATE)
    with suppress(PermissionError):  # another user's file
        found = os.fstat(handle)
        if stat.S_ISREG(found.st_mode) and found.st_mode & _OTHERS:  # a terminal or a pipe stays as it is
            os.fchmod(handle, PRIVATE)
    return handle


def make_private(path: Path) -> bool:
    """Let nobody but its owner read or write a file; False where that is not possible. A missing file is fine."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_mode & _OTHERS:
            path.chmod(found.st_mode & 0o700)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
