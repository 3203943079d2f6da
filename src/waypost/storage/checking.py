"""Evidence for `app.check`: the whole database as of one moment, in sorted streams of bounded memory."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from typing import Any

import asyncpg

from waypost.app.check import Evidence
from waypost.app.judging import CounterEvidence, Finding, RequestEvidence
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, State
from waypost.domain.orders import Order, OrderItem
from waypost.storage.copying import open_to_read
from waypost.storage.examining import connect_postgres
from waypost.storage.location import Location, SqliteLocation, Unreachable
from waypost.storage.queries import columns

FETCH = 1000  # rows at once

_FIXED = 10  # columns of RequestEvidence before the state
_REQUESTS = f"""SELECT f.id, f.account_id, f.source_id, f.channel_id, f.order_id, f.number, f.total_items,
  f.total_quantity, o.channel_id, n.request_id, {columns.STATE}
FROM fulfillment_request f LEFT JOIN fulfillment_request_state s ON s.id = f.id
LEFT JOIN orders o ON o.id = f.order_id
LEFT JOIN fulfillment_request_number n ON n.source_id = f.source_id AND n.number = f.number
ORDER BY f.id"""
_LINES = f"SELECT {columns.LINE} FROM fulfillment_request_line ORDER BY request_id, line_number"
_EVENTS = f"SELECT {columns.EVENT} FROM event WHERE subject = 'fulfillment_request' ORDER BY subject_id, seq"
_ORDERS = f"SELECT {columns.ORDER} FROM orders ORDER BY id"
_ITEMS = f"SELECT {columns.ITEM} FROM order_item ORDER BY order_id, line_number"
_LINES_BY_ORDER = f"""SELECT f.order_id, {columns.listed(Line, "l")}
FROM fulfillment_request f JOIN fulfillment_request_line l ON l.request_id = f.id ORDER BY f.order_id"""
_COUNTERS = """SELECT a.id, c.last_seq, c.last_at, coalesce(e.events, 0), e.first, e.last, e.latest
FROM account a LEFT JOIN account_counter c ON c.account_id = a.id LEFT JOIN (
  SELECT account_id, count(*) AS events, min(seq) AS first, max(seq) AS last, max(at) AS latest
  FROM event GROUP BY account_id) e ON e.account_id = a.id
ORDER BY a.id"""
_CLAIMS = """SELECT n.request_id, n.number FROM fulfillment_request_number n
LEFT JOIN fulfillment_request f ON f.id = n.request_id
WHERE f.id IS NULL OR f.source_id <> n.source_id OR f.number <> n.number"""
_LOST_ORDERS = """SELECT DISTINCT e.subject_id FROM event e WHERE e.subject = 'order'
AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = e.subject_id AND o.account_id = e.account_id)"""
_LOST_ACCOUNTS = """SELECT DISTINCT e.account_id FROM event e
WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = e.account_id)"""


class CommonEvidence(ABC):
    """The same SQL on both engines; see `app.check.Evidence`."""

    @abstractmethod
    def rows(self, sql: str) -> AsyncIterator[Sequence[Any]]:
        """The rows, a bounded number of them in memory at a time."""

    @abstractmethod
    def damage(self) -> AsyncIterator[Finding]:
        """What the engine itself finds wrong with its files."""

    async def requests(self) -> AsyncIterator[RequestEvidence]:
        """By id."""
        async for row in self.rows(_REQUESTS):
            state = None if row[_FIXED] is None else State._make(row[_FIXED:])
            yield RequestEvidence._make((*row[:_FIXED], state))

    async def lines_by_request(self) -> AsyncIterator[Line]:
        """By request."""
        async for row in self.rows(_LINES):
            yield Line._make(row)

    async def request_events(self) -> AsyncIterator[Event]:
        """By request, then `seq`."""
        async for row in self.rows(_EVENTS):
            yield Event._make(row)

    async def orders(self) -> AsyncIterator[Order]:
        """By id."""
        async for row in self.rows(_ORDERS):
            yield Order._make(row)

    async def items(self) -> AsyncIterator[OrderItem]:
        """By order."""
        async for row in self.rows(_ITEMS):
            yield OrderItem._make(row)

    async def lines_by_order(self) -> AsyncIterator[tuple[int, Line]]:
        """By order."""
        async for row in self.rows(_LINES_BY_ORDER):
            yield row[0], Line._make(row[1:])

    async def counters(self) -> AsyncIterator[CounterEvidence]:
        """One per account."""
        async for row in self.rows(_COUNTERS):
            yield CounterEvidence._make(row)

    async def broken_rows(self) -> AsyncIterator[Finding]:
        """Damage, references to what is not there, and rows that mix two accounts."""
        async for finding in self.damage():
            yield finding
        for table, column, target, key in _references():
            missing = f"SELECT 1 FROM {target} p WHERE p.id = c.{column}"
            sql = f"SELECT c.{key} FROM {table} c WHERE c.{column} IS NOT NULL AND NOT EXISTS ({missing})"
            async for row in self.rows(sql):
                yield Finding("reference_broken", table, row[0], f"has a {column} that is not there.")
        for table, column, target in _within_account():
            sql = f"""SELECT c.id FROM {table} c JOIN {target} p ON p.id = c.{column}
              WHERE p.account_id <> c.account_id"""
            async for row in self.rows(sql):
                yield Finding("account_differs", table, row[0], f"has a {column} of another account.")
        async for row in self.rows(_CLAIMS):
            yield Finding(
                "claim_differs",
                "fulfillment_request",
                row[0],
                f"owns the number {row[1]!r}, which is not its own.",
            )
        async for row in self.rows(_LOST_ORDERS):
            yield Finding("order_missing", "order", row[0], "has events, but is not there.")
        async for row in self.rows(_LOST_ACCOUNTS):
            yield Finding("account_missing", "account", row[0], "has events, but is not there.")


def _references() -> list[tuple[str, str, str, str]]:
    """Every foreign key: table, column, the table it refers to, and a column that names the row."""
    from waypost.storage.schema import metadata  # takes a while to load

    return [
        (table.name, key.parent.name, key.column.table.name, "id" if "id" in table.c else key.parent.name)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
    ]


def _within_account() -> list[tuple[str, str, str]]:
    """The foreign keys both of whose ends belong to an account: table, column, target."""
    from waypost.storage.schema import metadata

    return [
        (table.name, key.parent.name, key.column.table.name)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if "account_id" in table.c and "id" in table.c and "account_id" in key.column.table.c
    ]


class SqliteEvidence(CommonEvidence):
    """One read transaction of a SQLite file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    async def rows(self, sql: str) -> AsyncIterator[Sequence[Any]]:
        """See `CommonEvidence`."""
        cursor = self._db.execute(sql)
        while batch := cursor.fetchmany(FETCH):
            for row in batch:
                yield row

    async def damage(self) -> AsyncIterator[Finding]:
        """Pages, indexes and constraints."""
        for (verdict,) in self._db.execute("PRAGMA integrity_check"):
            if verdict != "ok":
                yield Finding("damaged", "database", None, f"{verdict}.")


class PostgresEvidence(CommonEvidence):
    """One REPEATABLE READ transaction. PostgreSQL keeps its own files and constraints."""

    def __init__(self, db: "asyncpg.Connection[Any]") -> None:
        self._db = db

    async def rows(self, sql: str) -> AsyncIterator[Sequence[Any]]:
        """See `CommonEvidence`."""
        async for row in self._db.cursor(sql, prefetch=FETCH):
            yield row

    async def damage(self) -> AsyncIterator[Finding]:
        """Nothing that can be asked here."""
        return
        yield


@asynccontextmanager
async def evidence_of(location: Location) -> AsyncIterator[Evidence]:
    """Evidence of a database whose schema is current."""
    if isinstance(location, SqliteLocation):
        try:
            with closing(open_to_read(location.path)) as db:
                db.execute("BEGIN")
                yield SqliteEvidence(db)
        except sqlite3.DatabaseError as error:
            raise Unreachable(f"{location.shown} cannot be read to its end: {error}.") from error
    else:
        connection = await connect_postgres(location)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield PostgresEvidence(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise Unreachable(f"{location.shown} cannot be read to its end: {error}.") from error
        finally:
            await connection.close()
