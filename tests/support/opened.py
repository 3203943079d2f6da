"""What SQLite connections of the hub are set to when they are closed: asked of each, whoever opened it."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

_PRAGMAS = ("synchronous", "fullfsync", "checkpoint_fullfsync", "foreign_keys", "journal_mode", "query_only")


class Opened(NamedTuple):
    """One connection: the function of the hub that asked for it, and its pragmas at the end."""

    by: str
    pragmas: dict[str, Any]


def _asked_by() -> str:
    """The function that asked `storage.sqlite_connections` for a connection; of a lambda, the one that it is in."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
        is_hub = module.startswith("waypost.") and module != "waypost.storage.sqlite_connections"
        if is_hub and name not in ("<lambda>", "patiently"):
            return name
        frame = frame.f_back
    return "a test"


@contextmanager
def connections_of_the_hub() -> Iterator[list[Opened]]:
    """Every connection that is opened and closed meanwhile by code of the hub."""
    seen: list[Opened] = []
    really = sqlite3.connect

    class Watched(sqlite3.Connection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.by = _asked_by()
            self.is_open = True

        def close(self) -> None:
            if self.is_open and self.by != "a test":
                found = {name: sqlite3.Connection.execute(self, f"PRAGMA {name}").fetchone()[0] for name in _PRAGMAS}
                seen.append(Opened(self.by, found))
            self.is_open = False
            super().close()

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        return really(*args, **{"factory": Watched, **options})

    with patch.object(sqlite3, "connect", connect):
        yield seen
