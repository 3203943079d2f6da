"""What the errors of PostgreSQL and its driver mean to callers."""

import asyncio
import logging
import re

import asyncpg

from waypost.domain.refusals import Unavailable
from waypost.storage.faults import DISK_FULL

CONNECT_TIMEOUT_S = 5.0
# The driver reports a server that hangs up between two statements as a fault of its own (InternalClientError).
LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.OperatorInterventionError,
        asyncpg.TooManyConnectionsError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError)  # fmt: skip
# Errors that are caused neither by the caller's input nor by a value that we sent: the database fails.
FAULTS = (*LOST, asyncpg.PostgresError)
# A lock was held by others, or time ran out: the connection is still good.
WAITED = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)
# What the server lacks, for callers: true whatever the hub was doing.
_SHORTAGES: dict[type[BaseException], str] = {
    asyncpg.DiskFullError: DISK_FULL,
    asyncpg.OutOfMemoryError: "The database's server has no memory left.",
    asyncpg.TooManyConnectionsError: "The database's server takes no more connections.",
}

_log = logging.getLogger("waypost.database")


# See `queries.proof`: the statement that proves the schema fails in these words where it is another one.
_OTHER_SCHEMA = re.compile(r'"waypost schema ([^"]*)"')


def other_schema(error: BaseException) -> str | None:
    """The schema that the database has, where this error says that it is not ours."""
    if not isinstance(error, asyncpg.InvalidTextRepresentationError):
        return None
    found = _OTHER_SCHEMA.search(str(error))
    return found and found[1]


def is_bad_value(error: BaseException) -> bool:
    """Whether the database, or the driver on the way to it, refuses a value that we sent."""
    if isinstance(error, asyncpg.InterfaceError):
        return isinstance(error, ValueError)  # the driver cannot send the value
    return isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError | OverflowError)


def unavailable(message: str, error: BaseException, applied: str = "no") -> Unavailable:
    """Log the cause; return the refusal for the caller, which names a shortage of the server instead of `message`."""
    if applied == "no":
        message = _SHORTAGES.get(type(error), message)
    # Not the detail of a PostgreSQL error: it may hold values of a row.
    cause = error.args[0] if error.args else ""
    _log.warning("%s Cause: %s: %s", message, type(error).__name__, cause)
    return Unavailable(message, applied, retry_after_s=1)
