"""Another key for every secret: the key file first, then all values in one transaction, then the old keys.

In this order nothing is lost, whenever the process dies: each key that a value may need is in the file. There is one
rotation at a time: another one could remove the key that this one is about to encrypt with.
"""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from waypost.storage.exclusive import exclusive_postgres, exclusive_sqlite
from waypost.storage.key_check import needed_by
from waypost.storage.key_file import Key, KeyFile, NoKey, key_file_of
from waypost.storage.location import Location, SqliteLocation, parse_url
from waypost.storage.opening import current_location
from waypost.storage.sealing import NO_FILE, SEALED, Place, SecretBox, is_sealed, key_id_of, seal_with


class Rotated(NamedTuple):
    """What was done: the key that encrypts now, how many values needed it, how many old keys went and are left."""

    file: Path
    key_id: str
    values: int
    dropped: int
    left: int


async def create_key(url: str, given: Path | None) -> Path:
    """Make the key file of a database; raises `NoKey` where there is one, or where another key is needed."""
    location = parse_url(url)
    file = required_key_file(location, given)
    if file.path.exists():
        raise NoKey(f"The key file {file.path} exists already: `waypost secrets rotate` changes the key.")
    needed = await needed_by(location)
    if needed:
        raise NoKey(
            f"No key was made: the database holds secrets that only the key {', '.join(sorted(needed))} can decrypt."
            f" Put the file with that key at {file.path}. If it is lost for good: `waypost secrets forget`."
        )
    file.make()
    return file.path


def make_if_missing(url: str, given: Path | None) -> None:
    """Make the key file of a database unless there is one, whatever the database holds."""
    file = required_key_file(parse_url(url), given)
    if not file.path.exists():
        file.make()


def add_key(url: str, given: Path | None) -> tuple[Path, str]:
    """Add a key to the file that only decrypts; the file, and the key's id."""
    file = required_key_file(parse_url(url), given)
    return file.path, file.add_last().id


async def rotate(url: str, given: Path | None, added: str | None = None, drop_old: bool = False) -> Rotated:
    """Encrypt every secret with a new key, or with the key whose id is `added`. Servers may run meanwhile.

    Raises `NoKey` where a value cannot be opened; then neither the tables nor the file are changed.
    """
    location = await current_location(url)
    file = required_key_file(location, given)
    with file.rotating():
        return await _rotate(location, file, added, drop_old)


async def _rotate(location: Location, file: KeyFile, added: str | None, drop_old: bool) -> Rotated:
    missing = await needed_by(location) - {key.id for key in file.read()}
    if missing:
        raise NoKey(
            f"Nothing was changed: secrets need the key {', '.join(sorted(missing))}, which {file.path} does not hold."
            " `waypost check` lists them."
        )
    key = file.add_first() if added is None else file.put_first(added)
    return await _with_key(location, file, key, drop_old)


async def drop_old(url: str, given: Path | None) -> Rotated:
    """Remove all keys but the first from the file, once no secret needs them any more."""
    location = await current_location(url)
    file = required_key_file(location, given)
    with file.rotating():
        return await _with_key(location, file, file.read()[0], True)


async def _with_key(location: Location, file: KeyFile, key: Key, drop_old: bool) -> Rotated:
    """Whoever seals a value reads the file within its transaction. This one is alone, so it misses no value."""
    values = await _exclusively(location, file, key)
    dropped = file.drop_all_but(key) if drop_old else 0
    return Rotated(file.path, key.id, values, dropped, len(file.read()) - 1)


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
                        raise NoKey(f"No secret was changed: the {column} of {table} {row_id} does not open: {why}.")
                    sql = text(f"UPDATE {table} SET {column} = :value WHERE {row_key} = :id")
                    db.execute(sql, {"value": seal_with(key, place, plain), "id": row_id})
                    changed += 1
    return changed


def required_key_file(location: Location, given: Path | None) -> KeyFile:
    """The key file of a database; raises `NoKey` where none is given and none has a place of its own."""
    file = key_file_of(location, given)
    if file is None:
        raise NoKey(NO_FILE)
    return file
