"""Secrets at rest: AES-256-GCM text in the tables, plain text in the application.

A value is bound to its table, column and row: copied to another place, it does not open. Migration 0009 writes this
format, and backups hold it: another format needs another `MARK`, and values with this one must still open.
"""

import base64
import binascii
import logging
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from waypost.app.ports.secrets import Secret
from waypost.domain.refusals import NoSecretKey
from waypost.storage.key_file import Key, KeyFile, NoKey

# Every column that holds secrets: the table, the column that names the row, the columns.
SEALED: dict[str, tuple[str, tuple[str, ...]]] = {
    "webhook": ("id", ("secret", "previous_secret")),
    "source_delivery": ("source_id", ("secrets",)),
}
NO_SECRETS = "{}"  # a source without any: there is nothing to encrypt
MARK = "sealed:1:"  # a sealed value is the mark, the key's id, a colon, and the base64 of nonce and encrypted text
ID_LENGTH = 16
NONCE_BYTES = 12
HOW_TO_MAKE = "`waypost secrets create-key --secret-key-file FILE` makes one; WAYPOST_SECRET_KEY_FILE names it."
NO_FILE = (
    "No key file is given for the secrets in the database: name it with --secret-key-file or WAYPOST_SECRET_KEY_FILE."
)

_log = logging.getLogger("waypost.secrets")


class Place(NamedTuple):
    """Where a value lies."""

    table: str
    column: str
    row_id: int

    @property
    def bound(self) -> bytes:
        """What the encryption binds a value to."""
        return f"waypost:{self.table}:{self.column}:{self.row_id}".encode()


def is_sealed(value: str | None) -> bool:
    """Whether it is encrypted; what is empty is not, and need not be."""
    return value is not None and value.startswith(MARK)


def key_id_of(value: str) -> str:
    """The id of the key that a sealed value was encrypted with."""
    return value[len(MARK) : len(MARK) + ID_LENGTH]


def seal_with(key: Key, place: Place, text: str) -> str:
    """The encrypted form of `text` for `place`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # takes a while to load

    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = nonce + AESGCM(key.material).encrypt(nonce, text.encode(), place.bound)
    return f"{MARK}{key.id}:{base64.b64encode(sealed).decode()}"


def open_with(key: Key, place: Place, value: str) -> Secret | None:
    """The text of a sealed value; None where it was changed, or belongs to another place or key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sealed = base64.b64decode(value[len(MARK) + ID_LENGTH + 1 :], validate=True)
        text = AESGCM(key.material).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.bound)
        return Secret(text.decode())
    except (InvalidTag, binascii.Error, ValueError):
        return None


class SecretBox:
    """Seals and opens with the keys of a file, which is read again so that a running process follows a rotation."""

    def __init__(self, file: KeyFile | None = None) -> None:
        self.file = file
        self._keys: dict[str, Key] = {}

    def require_key(self) -> None:
        """Raise `NoKey` unless there is a key; the file of a SQLite database is made if it is missing."""
        if self.file is not None and self.file.database is not None and not self.file.path.exists():
            self.file.make()
        self._read()

    @property
    def key_ids(self) -> set[str]:
        """The ids of all keys in the file; none where there is no usable file."""
        try:
            return {key.id for key in self._read()}
        except NoKey:
            return set()

    def _read(self) -> tuple[Key, ...]:
        if self.file is None:
            raise NoKey(NO_FILE)
        keys = self.file.read()
        self._keys = {key.id: key for key in keys}
        return keys

    def seal(self, place: Place, text: str) -> str:
        """Encrypt with the first key of the file as it is now; raises `NoSecretKey`."""
        try:
            keys = self._read()
        except NoKey as error:
            _log.error("A secret was not stored: %s %s", error.message, HOW_TO_MAKE)
            raise NoSecretKey from error
        return seal_with(keys[0], place, text)

    def open(self, place: Place, value: str | None) -> Secret | None:
        """The plain text; None for nothing, and for what cannot be opened, which the log says."""
        if value is None or value == NO_SECRETS:
            return None if value is None else Secret(value)
        text, why = self.opened(place, value)
        if text is None:
            _log.error("%s %d: its %s cannot be opened: %s", place.table, place.row_id, place.column, why)
        return text

    def opened(self, place: Place, value: str) -> tuple[Secret | None, str]:
        """The plain text, or None and why it does not open."""
        if not is_sealed(value):
            return None, "it is not encrypted"
        key = self._keys.get(key_id_of(value))
        if key is None:
            try:
                self._read()
            except NoKey as error:
                return None, error.message.rstrip(".")
            key = self._keys.get(key_id_of(value))
        if key is None:
            return None, f"the key file does not hold the key {key_id_of(value)}"
        return open_with(key, place, value), "it was changed, or belongs to another row"

    def sealed(self, table: str, row_id: int, columns: Mapping[str, Any]) -> dict[str, Any]:
        """These columns of a row as they are to be stored."""
        _, names = SEALED.get(table, ("", ()))
        return {
            name: self.seal(Place(table, name, row_id), value)
            if name in names and value not in (None, NO_SECRETS) else value
            for name, value in columns.items()
        }  # fmt: skip
