"""The key file that tests give to PostgreSQL databases; a SQLite database makes its own."""

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path

from waypost.storage.key_file import KeyFile

VARIABLE = "WAYPOST_SECRET_KEY_FILE"


@cache
def _shared() -> Path:
    """One file for all databases of this process."""
    folder = tempfile.TemporaryDirectory(prefix="waypost-keys-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "keys"
    KeyFile(path).make()
    return path


def key_file_for(url: str) -> Path | None:
    """What to give to `open_store`."""
    return None if url.startswith("sqlite:") else _shared()


def environment_for(*arguments: str) -> dict[str, str]:
    """The environment of a process that is started with these arguments, one of which may be a database's URL."""
    urls = [argument for argument in arguments if argument.startswith("postgresql:")]
    return {**os.environ, **({VARIABLE: str(key_file_for(urls[0]))} if urls and VARIABLE not in os.environ else {})}
