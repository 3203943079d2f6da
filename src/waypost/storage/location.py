"""Where a database is: its URL, taken apart, and why it cannot be opened, in words for a person.

No message here ever holds a password.
"""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

ACCEPTED = (
    "sqlite:///relative.db (three slashes: relative to the working directory), sqlite:////absolute/path.db "
    "(four) or postgresql://user@host/database"
)


class CannotOpen(Exception):
    """Base of every reason why a database cannot be opened; `message` is one sentence for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadUrl(CannotOpen):
    """The URL names no database that Waypost can use."""


class NoDatabase(CannotOpen):
    """There is nothing at that place yet, and this caller does not create it."""


class NotOurs(CannotOpen):
    """There is something, but no Waypost database; it was not touched."""


class SchemaTooNew(CannotOpen):
    """The schema was written by a later version of Waypost, which this one cannot know."""


class SchemaTooOld(CannotOpen):
    """The schema has to be migrated first, and this caller does not do so."""


class AlreadyServed(CannotOpen):
    """Another process serves this SQLite file, and there may be one only."""


class Unreachable(CannotOpen):
    """The server does not answer, does not let us in, or the file is held or cannot be read."""


class SqliteLocation(NamedTuple):
    """A SQLite database file."""

    path: Path

    @property
    def shown(self) -> str:
        """For messages."""
        return str(self.path)


class PostgresLocation(NamedTuple):
    """A PostgreSQL database; `url` holds the password and is never shown."""

    url: str

    @property
    def shown(self) -> str:
        """For messages: user, host and database, no password, no options."""
        parts = urlsplit(self.url)
        user = f"{parts.username}@" if parts.username else ""
        return f"postgresql://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"

    def without_password(self, text: str) -> str:
        """`text`, in which a driver may have quoted the URL, with the password blotted out."""
        secret = urlsplit(self.url).password
        for spelling in {secret, unquote(secret)} if secret else ():
            text = text.replace(spelling, "***")
        return text


Location = SqliteLocation | PostgresLocation


def parse_url(url: str) -> Location:
    """The place that a database URL names; `BadUrl`, which says what is accepted, for anything else."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        raise BadUrl(f"The database URL cannot be understood; accepted is {ACCEPTED}.") from None
    if parts.scheme == "sqlite":
        return _sqlite(url, parts)
    if parts.scheme == "postgresql" and url.startswith("postgresql://"):
        return PostgresLocation(url)
    scheme = f"{parts.scheme}:" if parts.scheme else "one without a scheme"
    raise BadUrl(f"A database URL of this kind ({scheme}) is not supported; accepted is {ACCEPTED}.")


def _sqlite(url: str, parts: SplitResult) -> SqliteLocation:
    path = url.removeprefix("sqlite:///")
    if parts.netloc or path == url:
        raise BadUrl(f"A SQLite URL has three or four slashes; accepted is {ACCEPTED}.")
    if path in ("", ":memory:") or path.startswith("file:"):
        raise BadUrl("A SQLite database must be a file: one in memory would lose every order at the end.")
    if "?" in path or "\0" in path:
        raise BadUrl("A SQLite URL takes no options: the path ends the URL.")
    return SqliteLocation(Path(path))
