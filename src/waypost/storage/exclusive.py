"""One transaction during which nobody else writes, as a SQLAlchemy connection: for migrations and key rotations.

Imports SQLAlchemy, which takes a while.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Connection, NullPool, create_engine, event  # noqa: TID251 - on connections of ours
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine  # noqa: TID251 - likewise

from waypost.private_files import PRIVATE
from waypost.storage.examining import connect_postgres
from waypost.storage.location import PostgresLocation
from waypost.storage.queries.proof import SCHEMA_LOCK
from waypost.storage.sqlite_file import connect_patiently


@contextmanager
def exclusive_sqlite(path: Path) -> Iterator[Connection]:
    """A transaction on a SQLite file that holds its write lock; waits for other writers."""
    engine = create_engine("sqlite://", creator=lambda: connect_patiently(path), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def make_sqlite(path: Path) -> None:
    """An empty file, for its owner only, unless there is one."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE))


@asynccontextmanager
async def exclusive_postgres(location: PostgresLocation) -> AsyncIterator[AsyncConnection]:
    """A transaction on PostgreSQL that holds the schema's lock alone; waits for everybody who writes."""

    async def connect(*_: Any, **__: Any) -> "asyncpg.Connection[Any]":
        return await connect_postgres(location)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection, connection.begin():
            # Who writes holds the other side of it, see `queries.proof`.
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
            yield connection
    finally:
        await engine.dispose()
