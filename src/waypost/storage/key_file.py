"""The key file: the keys that secrets in the database are encrypted with, one a line.

The first key encrypts; all of them decrypt. A change replaces the file as a whole, under a lock.
"""

import base64
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from waypost.storage.copying import CopyFailed, written_whole
from waypost.storage.file_locks import take
from waypost.storage.location import CannotOpen, Location, SqliteLocation

KEY_BYTES = 32  # AES-256
LOCK_WITHIN_S = 5.0  # for which another process may be changing the file
_PREFIX = "wpk1_"
_HEAD = (
    "# Waypost: keys for the secrets in the database. The first one encrypts, all of them decrypt.\n"
    "# Keep a copy, but not beside the backups of the database: whoever has both can read the secrets.\n"
)
# Group-readable is allowed: orchestrators hand out secrets that way (root and a group). Everything else is refused.
_REFUSED_BITS = 0o027


class NoKey(CannotOpen):
    """There is no usable key file, or it does not hold a key that is needed."""


class Key(NamedTuple):
    """One key; `id` is public, and says nothing about `material`."""

    id: str
    material: bytes

    def __repr__(self) -> str:
        return f"Key({self.id!r})"


def _key(material: bytes) -> Key:
    return Key(hashlib.sha256(b"waypost key id\0" + material).hexdigest()[:16], material)


def new_key() -> Key:
    """A key that nobody has had before."""
    return _key(secrets.token_bytes(KEY_BYTES))


def _line(key: Key) -> str:
    return _PREFIX + base64.urlsafe_b64encode(key.material).decode()


class KeyFile:
    """One key file. `database`: the SQLite file at whose first start it is made; without one the operator makes it."""

    def __init__(self, path: Path, database: Path | None = None) -> None:
        self.path = path
        self.database = database

    def read(self) -> tuple[Key, ...]:
        """All keys, the one that encrypts first; raises `NoKey` with a sentence for the operator."""
        try:
            mode = self.path.stat().st_mode
            if not stat.S_ISREG(mode):  # a pipe would be waited for, and could not be read again
                raise NoKey(f"{self.path} is not a key file: it is no regular file. Put the right file there.")
            text = self.path.read_text("ascii")
        except FileNotFoundError:
            raise NoKey(f"The key file {self.path} does not exist: does --secret-key-file name it?") from None
        except UnicodeDecodeError:
            raise NoKey(f"{self.path} is not a key file: it does not hold keys. Put the right file there.") from None
        except OSError as error:
            raise NoKey(f"The key file {self.path} cannot be read: {error.strerror}.") from error
        if mode & _REFUSED_BITS:
            raise NoKey(f"The key file {self.path} has mode {mode & 0o777:04o}, so others can use it: chmod 600 it.")
        lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
        keys = [self._parsed(number, line) for number, line in lines if line and not line.startswith("#")]
        if not keys:
            raise NoKey(f"The key file {self.path} holds no key. Put the right file there.")
        return tuple(keys)

    def _parsed(self, number: int, line: str) -> Key:
        try:
            material = base64.b64decode(line.removeprefix(_PREFIX), b"-_", validate=True)
        except ValueError:
            material = b""
        if not line.startswith(_PREFIX) or len(material) != KEY_BYTES:
            raise NoKey(f"Line {number} of the key file {self.path} is not a key. Put a copy of the file there.")
        return _key(material)

    def make(self) -> bool:
        """Make the file with one new key; False where it is there already. It belongs to the database's owner."""
        with self._changing():
            if self.path.exists():
                return False
            with _told(self.path), written_whole(self.path, exclusive=True) as part:
                self._fill(part, [new_key()])
                if self.database is not None and self.database.exists():
                    _give_to_owner_of(self.database, part)
            return True

    def add_last(self) -> Key:
        """A new key that only decrypts; later it may become the first."""
        added = new_key()
        with self._changing():
            self._replace([*self.read(), added])
        return added

    def add_first(self) -> Key:
        """A new key that encrypts from now on."""
        added = new_key()
        with self._changing():
            self._replace([added, *self.read()])
        return added

    def put_first(self, key_id: str) -> Key:
        """Let this key encrypt from now on; nothing changes where it does. Raises `NoKey` for an unknown one."""
        with self._changing():
            keys = self.read()
            found = next((key for key in keys if key.id == key_id), None)
            if found is None:
                held = ", ".join(key.id for key in keys)
                raise NoKey(f"The key file {self.path} does not hold the key {key_id}: it holds {held}.")
            if found != keys[0]:
                self._replace([found, *(key for key in keys if key != found)])
        return found

    def drop_all_but(self, key: Key) -> int:
        """Remove every other key; how many."""
        with self._changing():
            keys = self.read()
            if keys[0] != key:
                raise NoKey(f"Somebody has just changed the key file {self.path}: no key was removed. Try again.")
            if len(keys) > 1:
                self._replace([key])
        return len(keys) - 1

    def _replace(self, keys: Sequence[Key]) -> None:
        path = self.path.resolve()  # a link stays a link
        with _told(path), written_whole(path) as part:
            self._fill(part, keys)
            part.chmod(path.stat().st_mode & 0o640)  # a group that may read it may do so afterwards
            _give_to_owner_of(path, part)

    @staticmethod
    def _fill(part: Path, keys: Sequence[Key]) -> None:
        part.write_text(_HEAD + "".join(f"{_line(key)}\n" for key in keys), "ascii")

    def rotating(self) -> AbstractContextManager[None]:
        """Nobody else rotates by this file meanwhile: its keys and the values must not part. Raises `NoKey`."""
        return self._alone("rotate.lock")

    def _changing(self) -> AbstractContextManager[None]:
        """Nobody else changes the file meanwhile."""
        return self._alone("lock")

    @contextmanager
    def _alone(self, suffix: str) -> Iterator[None]:
        path = self.path.resolve()
        lock = path.with_name(f".{path.name}.{suffix}")
        deadline = time.monotonic() + LOCK_WITHIN_S
        try:
            while (handle := take(lock)) is None and time.monotonic() < deadline:
                time.sleep(0.01)
        except OSError as error:
            raise NoKey(f"The key file {self.path} cannot be changed: {error.strerror} ({lock}).") from error
        if handle is None:
            raise NoKey(f"Another process is changing the key file {self.path}: try again when it has ended.")
        try:
            yield
        finally:
            os.close(handle)


def _give_to_owner_of(like: Path, part: Path) -> None:
    """The server's user must be able to read what an administrator's command has written."""
    was = like.stat()
    with suppress(PermissionError):
        os.chown(part, was.st_uid, was.st_gid)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except CopyFailed as error:
        raise NoKey(f"The key file cannot be written: {error.message}") from error


def key_file_of(location: Location, given: Path | None) -> KeyFile | None:
    """The key file of a database: the one that is given; else on SQLite the one beside it, on PostgreSQL none."""
    if not isinstance(location, SqliteLocation):
        return None if given is None else KeyFile(given)
    path = location.path.resolve()
    return KeyFile(given or path.with_name(f"{path.name}.key"), path)
