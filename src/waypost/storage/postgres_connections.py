"""Opens every connection that writes to PostgreSQL, so that a commit on any of them waits for the disk.

What the hub cannot set, because it is the server's, is told to the operator: see `Durability`.
"""

import asyncio
from typing import Any

import asyncpg

from waypost.app.ports import Durability

# Of the values of synchronous_commit, only `off` answers before the commit is on the server's disk. The others differ
# in what they ask of standby servers, which is the operator's choice.
_UNSAFE = "off"
_SAFE = "on"
_NOW = "SELECT current_setting('synchronous_commit')"

SETTINGS = """SELECT current_setting('fsync'), current_setting('full_page_writes'),
  (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit')"""
_FSYNC = (
    "PostgreSQL runs with fsync = off. When its machine crashes or loses power, changes that were answered can be lost,"
    " and the whole database can be damaged. Set fsync = on and reload the server."
)
_FULL_PAGES = (
    "PostgreSQL runs with full_page_writes = off. When its machine crashes or loses power, a page that was half written"
    " stays damaged. Set full_page_writes = on and reload the server, unless its storage never writes half a page."
)
_COMMIT = (
    "This database or its user has synchronous_commit = off. Waypost sets it to on for its own connections, so it loses"
    " no change that was answered. Other programs that write to the database can lose theirs."
)


async def opened(
    url: str, settings: dict[str, str], timeout_s: float, **driver: Any
) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection whose commits wait for the server's disk. Raises what asyncpg raises.

    `settings` are of the session; `driver`: further arguments of `asyncpg.connect`.
    """
    # The only place: see `banned-api` in pyproject.toml.
    db: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(  # noqa: TID251
        url, server_settings=settings, timeout=timeout_s, **driver
    )
    try:
        async with asyncio.timeout(timeout_s):
            await _wait_for_disk(db)
    except BaseException:
        db.terminate()
        raise
    return db


async def _wait_for_disk(db: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Set `synchronous_commit` for the session, also to what it is: else a reload of the server could turn it off."""
    found = await db.fetchval(_NOW)
    await db.execute(f"SET synchronous_commit = {_SAFE if found == _UNSAFE else found}")
    if await db.fetchval(_NOW) == _UNSAFE:
        raise asyncpg.InterfaceError("the server, or a proxy before it, keeps synchronous_commit = off for Waypost")


def judged(fsync: str, full_page_writes: str, synchronous_commit: str) -> Durability:
    """What a row of `SETTINGS` means."""
    warnings = [words for value, words in ((fsync, _FSYNC), (full_page_writes, _FULL_PAGES)) if value == "off"]
    return Durability(tuple(warnings), (_COMMIT,) if synchronous_commit == _UNSAFE else ())
