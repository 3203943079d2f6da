"""Where commands meet the database: the only file of the command line that knows the storage."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from waypost.cli.options import secret_key_file

if TYPE_CHECKING:
    from waypost.app.check import Examined
    from waypost.app.judging import Finding
    from waypost.app.lost_secrets import LostSecrets
    from waypost.app.ports import Store
    from waypost.app.writer import Writer
    from waypost.storage.backup import BackedUp, Restored
    from waypost.storage.migrations.run import Migrated
    from waypost.storage.rotation import Rotated

T = TypeVar("T")


def now() -> int:
    """The present time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def on_store(database: str, work: "Callable[[Store], Awaitable[T]]", create: bool = False) -> T:
    """Open the store, do `work`, close it. A database that does not exist is made only with `create`.

    The work needs no secrets: whoever has lost the key can still export what there is.
    """
    from waypost.storage.opening import open_store

    key_file = secret_key_file()

    async def run() -> T:
        store = await open_store(database, create=create, clock=now, key_file=key_file, needs_secrets=False)
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

    return asyncio.run(opening.migrate(database, clock=now, key_file=secret_key_file()))


def back_up(database: str, file: Path, force: bool) -> "BackedUp":
    """Write a backup."""
    from waypost.storage import backup

    return asyncio.run(backup.back_up(database, file, force, now, key_file=secret_key_file()))


def restore(database: str, file: Path, force: bool) -> "Restored":
    """Put a backup in the place of the database."""
    from waypost.storage import backup

    return asyncio.run(backup.restore(database, file, force, now, key_file=secret_key_file()))


def check(database: str, report: "Callable[[Finding], None]") -> "Examined":
    """Check the database; each finding goes to `report` as soon as it is made."""
    from waypost.app import check as checking
    from waypost.storage.checking import evidence_of
    from waypost.storage.opening import current_location

    key_file = secret_key_file()

    async def run() -> "Examined":
        async with evidence_of(await current_location(database), key_file) as evidence:
            return await checking.check(evidence, report)

    return asyncio.run(run())


def create_key(database: str) -> Path:
    """Make the key file; its path."""
    from waypost.storage import rotation

    return asyncio.run(rotation.create_key(database, secret_key_file()))


def add_key(database: str) -> tuple[Path, str]:
    """Add a key that only decrypts; the file, and the key's id."""
    from waypost.storage import rotation

    return rotation.add_key(database, secret_key_file())


def rotate_keys(database: str, added: str | None, drop_old: bool) -> "Rotated":
    """Encrypt every secret with another key."""
    from waypost.storage import rotation

    return asyncio.run(rotation.rotate(database, secret_key_file(), added, drop_old))


def drop_old_keys(database: str) -> "Rotated":
    """Keep only the key that encrypts."""
    from waypost.storage import rotation

    return asyncio.run(rotation.drop_old(database, secret_key_file()))


def lost_secrets(database: str) -> "LostSecrets":
    """The secrets that cannot be decrypted; changes nothing."""
    from waypost.storage import lost_keys

    return asyncio.run(lost_keys.lost_secrets(database, secret_key_file()))


def forget_secrets(database: str, lost: "LostSecrets") -> None:
    """Give up these secrets, and make a key file if there is none."""
    from waypost.app.lost_secrets import forget
    from waypost.storage import rotation

    rotation.make_if_missing(database, secret_key_file())
    on_store(database, lambda store: forget(store, lost.webhooks, lost.sources, store.now(), secrets.token_bytes))
