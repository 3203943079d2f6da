"""Whether the key file fits a database: which keys its sealed values need, and which of them are missing."""

import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from waypost.app.judging import Finding
from waypost.storage.copying import open_to_read, tables_of
from waypost.storage.examining import connect_postgres, holds_sqlite
from waypost.storage.key_file import NoKey
from waypost.storage.location import Location, SqliteLocation
from waypost.storage.sealing import HOW_TO_MAKE, ID_LENGTH, MARK, NO_FILE, NO_SECRETS, SEALED, Place, SecretBox
from waypost.storage.speaking import Reader

# The ids of the keys that any value is sealed with.
NEEDED = " UNION ".join(
    f"SELECT substr({column}, {len(MARK) + 1}, {ID_LENGTH}) FROM {table} WHERE {column} LIKE '{MARK}%'"
    for table, (_, columns) in SEALED.items()
    for column in columns
)


_log = logging.getLogger("waypost.secrets")


async def require_keys(reads: Reader, box: SecretBox) -> None:
    """Raise `NoKey` unless every secret in the database can be opened.

    Makes the key file of a SQLite database that holds no secret yet; never another one once it does.
    """
    needed = _ids(await reads.slow(NEEDED))
    named = ", ".join(sorted(needed))
    if box.file is None:
        if needed:
            raise NoKey(f"{NO_FILE} Its secrets need the key {named}.")
        _log.warning("There is no key file: webhooks, and sources with credentials, cannot be set up. %s", HOW_TO_MAKE)
        return
    path = box.file.path
    if not path.exists():
        if needed:
            raise NoKey(
                f"The database holds secrets that only the key {named} can decrypt, and its key file {path} does not"
                " exist. Put it back, or name the right one with --secret-key-file. If it is lost for good: `waypost"
                " secrets forget`."
            )
        if box.file.database is None:
            raise NoKey(f"The key file {path} does not exist: `waypost secrets create-key` makes it.")
    box.require_key()
    missing = needed - box.key_ids
    if missing:
        raise NoKey(
            f"The key file {path} is not the one of this database: its secrets need the key"
            f" {', '.join(sorted(missing))}, which is not in it. Put the right file there, or copy the line of that key"
            " into it."
        )


async def needed_by(location: Location) -> set[str]:
    """The ids of the keys that the secrets in a database are encrypted with; none where there is no database yet."""
    if isinstance(location, SqliteLocation):
        return needed_by_backup(location.path) if holds_sqlite(location.path) else set()
    db = await connect_postgres(location)
    try:
        if await db.fetchval("SELECT to_regclass('source_delivery')") is None:
            return set()
        return {row[0] for row in await db.fetch(NEEDED)}
    finally:
        await db.close()


def needed_by_backup(file: Path) -> set[str]:
    """The ids of the keys that the secrets in a backup are encrypted with."""
    with closing(open_to_read(file)) as db:
        if not set(SEALED) <= set(tables_of(db)):
            return set()  # of an older schema
        return _ids(db.execute(NEEDED).fetchall())


Rows = Callable[[str], AsyncIterator[Sequence[Any]]]


async def unreadable(rows: Rows, box: SecretBox) -> AsyncIterator[Finding]:
    """Secrets that cannot be opened with the keys there are, or are not encrypted at all. Shows none."""
    for table, (row_key, columns) in SEALED.items():
        for column in columns:
            sql = f"SELECT {row_key}, {column} FROM {table} WHERE {column} IS NOT NULL AND {column} <> '{NO_SECRETS}'"
            async for row_id, value in rows(f"{sql} ORDER BY {row_key}"):
                text, why = box.opened(Place(table, column, row_id), value)
                if text is None:
                    yield Finding("secret_unreadable", table, row_id, f"has a {column} that cannot be read: {why}.")


def _ids(rows: Iterable[Sequence[Any]] | sqlite3.Cursor) -> set[str]:
    return {row[0] for row in rows}
