"""Another key for every secret: the key file first, then all values in one transaction, then the old keys.

In this order nothing is lost, whenever the process dies: each key that a value may need is in the file.
"""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from waypost.storage.exclusive import exclusive_postgres, exclusive_sqlite
from waypost.storage.key_file import Key, KeyFile, NoKey, key_file_of
from waypost.storage.location import Location, SqliteLocation, parse_url
from waypost.storage.opening import current_location
from waypost.storage.sealing import NO_FILE, SEALED, Place, SecretBox, is_sealed, key_id_of, seal_with


class Rotated(NamedTuple):
    """What was done: the key that encrypts now, how many values were encrypted anew, how many keys were removed."""

    file: Path
    key_id: str
    values: int
    dropped: int


async def create_key(url: str, given: Path | None) -> Path:
    """Make the key file of a database; raises `NoKey` where there is one already."""
    file = _file_of(parse_url(url), given)
    if not file.make():
        raise NoKey(f"The key file {file.path} exists already: `waypost secrets rotate` changes the key.")
    return file.path


def add_key(url: str, given: Path | None) -> tuple[Path, str]:
    """Add a key to the file that only decrypts; the file, and the key's id."""
    file = _file_of(parse_url(url), given)
    return file.path, file.add_last().id


async def rotate(url: str, given: Path | None, added: bool = False, drop_old: bool = False) -> Rotated:
    """Encrypt every secret with a new key, or with the one that was `added` before. Servers may run meanwhile.

    Raises `NoKey` where a value cannot be opened; then the tables are as they were.
    """
    location = await current_location(url)
    file = _file_of(location, given)
    key = file.put_last_first() if added else file.add_first()
    return await _with_key(location, file, key, drop_old)


async def drop_old(url: str, given: Path | None) -> Rotated:
    """Remove all keys but the first from the file, once no secret needs them any more."""
    location = await current_location(url)
    file = _file_of(location, given)
    return await _with_key(location, file, file.read()[0], True)


async def _with_key(location: Location, file: KeyFile, key: Key, drop_old: bool) -> Rotated:
    """Whoever seals a value reads the file within its transaction. This one is alone, so it misses no value."""
    values = await _exclusively(location, file, key)
    return Rotated(file.path, key.id, values, file.drop_all_but(key) if drop_old else 0)


async def _exclusively(location: Location, file: KeyFile, key: Key) -> int:
    box = SecretBox(file)
    if isinstance(location, SqliteLocation):
        with exclusive_sqlite(location.path) as connection:
            return _reseal(connection, box, key)
    async with exclusive_postgres(location) as connection:
        return await connection.run_sync(_reseal, box, key)


def _reseal(db: Connection, box: SecretBox, key: Key) -> int:
    """Encrypt with `key` what is encrypted with another one; how many values that were."""
    changed = 0
    for table, (row_key, columns) in SEALED.items():
        for row_id, *values in db.execute(text(f"SELECT {row_key}, {', '.join(columns)} FROM {table}")).fetchall():
            for column, value in zip(columns, values, strict=True):
                if is_sealed(value) and key_id_of(value) != key.id:
                    place = Place(table, column, row_id)
                    plain, why = box.opened(place, value)
                    if plain is None:
                        raise NoKey(f"Nothing was changed: the {column} of {table} {row_id} does not open: {why}.")
                    sql = text(f"UPDATE {table} SET {column} = :value WHERE {row_key} = :id")
                    db.execute(sql, {"value": seal_with(key, place, plain), "id": row_id})
                    changed += 1
    return changed


def _file_of(location: Location, given: Path | None) -> KeyFile:
    file = key_file_of(location, given)
    if file is None:
        raise NoKey(NO_FILE)
    return file
