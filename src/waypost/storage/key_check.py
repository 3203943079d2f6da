"""Whether the key file fits a database: which keys its sealed values need, and which of them are missing."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from waypost.app.judging import Finding
from waypost.storage.copying import open_to_read, tables_of
from waypost.storage.key_file import NoKey
from waypost.storage.sealing import ID_LENGTH, MARK, NO_FILE, NO_SECRETS, SEALED, Place, SecretBox
from waypost.storage.speaking import Reader

# The ids of the keys that any value is sealed with.
NEEDED = " UNION ".join(
    f"SELECT substr({column}, {len(MARK) + 1}, {ID_LENGTH}) FROM {table} WHERE {column} LIKE '{MARK}%'"
    for table, (_, columns) in SEALED.items()
    for column in columns
)


async def require_keys(reads: Reader, box: SecretBox) -> None:
    """Raise `NoKey` unless every secret in the database can be opened.

    Makes the key file of a SQLite database that holds no secret yet; never another one once it does.
    """
    needed = _ids(await reads.slow(NEEDED))
    if box.file is None:
        if needed:
            raise NoKey(NO_FILE)
        return
    path = box.file.path
    if not path.exists():
        if needed:
            raise NoKey(
                f"The database holds secrets, and their key file {path} is missing: put it back. It is not made anew,"
                f" as another key could not read them. The key needed: {', '.join(sorted(needed))}."
            )
        if box.file.database is None:
            raise NoKey(f"The key file {path} does not exist: `waypost secrets create-key` makes it.")
    box.require_key()
    missing = needed - box.key_ids
    if missing:
        raise NoKey(
            f"The key file {path} is not the one of this database: its secrets need the key"
            f" {', '.join(sorted(missing))}, which is not in it. Put the right file there, or add that key to it."
        )


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
