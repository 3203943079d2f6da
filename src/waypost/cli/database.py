"""Where commands meet the database: the only file of the command line that knows the storage."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from waypost.app.check import Examined
    from waypost.app.judging import Finding
    from waypost.app.ports import Store
    from waypost.app.writer import Writer
    from waypost.storage.backup import BackedUp, Restored
    from waypost.storage.migrations.run import Migrated

T = TypeVar("T")


def now() -> int:
    """The present time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def on_store(database: str, work: "Callable[[Store], Awaitable[T]]", create: bool = False) -> T:
    """Open the store, do `work`, close it. A database that does not exist is made only with `create`."""
    from waypost.storage.opening import open_store

    async def run() -> T:
        store = await open_store(database, create=create, clock=now)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def on_writer(database: str, work: "Callable[[Store, Writer], Awaitable[T]]") -> T:
    """Open the store, do `work` with a writer that runs batches again where that is known to be safe, close both."""
    from waypost.storage.group_commit import GroupWriter

    async def run(store: "Store") -> T:
        writer = GroupWriter(store)
        try:
            return await work(store, writer)
        finally:
            await writer.close()

    return on_store(database, run)


def shown(database: str) -> str:
    """The database for messages, without its password."""
    from waypost.storage.location import parse_url

    return parse_url(database).shown


def migrate(database: str) -> "Migrated":
    """Bring the schema up to date."""
    from waypost.storage import opening

    return asyncio.run(opening.migrate(database, clock=now))


def back_up(database: str, file: Path, force: bool) -> "BackedUp":
    """Write a backup."""
    from waypost.storage import backup

    return asyncio.run(backup.back_up(database, file, force, now))


def restore(database: str, file: Path, force: bool) -> "Restored":
    """Put a backup in the place of the database."""
    from waypost.storage import backup

    return asyncio.run(backup.restore(database, file, force, now))


def check(database: str, report: "Callable[[Finding], None]") -> "Examined":
    """Check the database; each finding goes to `report` as soon as it is made."""
    from waypost.app import check as checking
    from waypost.storage.checking import evidence_of
    from waypost.storage.opening import current_location

    async def run() -> "Examined":
        async with evidence_of(await current_location(database)) as evidence:
            return await checking.check(evidence, report)

    return asyncio.run(run())
