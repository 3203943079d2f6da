"""A SQLite file: how it is opened, and how statements are spelled for it."""

import sqlite3
from pathlib import Path

_translated: dict[str, str] = {}


def translated(sql: str) -> str:
    """`$n` parameters in SQLite's spelling."""
    found = _translated.get(sql)
    if found is None:
        found = _translated[sql] = sql.replace("$", "?")
    return found


def connect(path: Path, read_only: bool = False, cache_kib: int = 16_000) -> sqlite3.Connection:
    """A connection with the settings that the promises rest on."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0, cached_statements=256)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA wal_autocheckpoint = 1000")
    db.execute(f"PRAGMA cache_size = -{cache_kib}")
    if read_only:
        db.execute("PRAGMA query_only = ON")
        db.execute("PRAGMA busy_timeout = 5000")
    return db
