"""Evidence for `app.check`: the whole database as of one moment, in sorted streams of bounded memory."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg

from waypost.app.check import Evidence
from waypost.app.judging import CounterEvidence, Finding, RequestEvidence
from waypost.app.judging_lines import Carried
from waypost.app.ports import Durability
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, State
from waypost.domain.orders import Order, OrderItem
from waypost.domain.stock import Entry
from waypost.storage.checking_attention import attention
from waypost.storage.checking_handover import handover
from waypost.storage.copying import open_to_read
from waypost.storage.examining import connect_postgres
from waypost.storage.key_check import unreadable
from waypost.storage.key_file import key_file_of
from waypost.storage.location import Location, SqliteLocation, Unreachable
from waypost.storage.postgres_connections import SETTINGS, judged
from waypost.storage.queries import columns
from waypost.storage.references import references, within_account
from waypost.storage.sealing import SecretBox
from waypost.storage.transfer import whole_snapshot

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
_CARRIED = """SELECT l.request_id, i.line_id, sum(i.quantity)
FROM shipment_item i JOIN fulfillment_request_line l ON l.id = i.line_id
GROUP BY l.request_id, i.line_id ORDER BY l.request_id"""
_ENTRIES = f"""SELECT l.request_id, {columns.ENTRY}
FROM stock_ledger g JOIN fulfillment_request_line l ON l.id = g.line_id ORDER BY l.request_id, g.id"""
_COUNTERS = """SELECT a.id, c.last_seq, c.last_at, coalesce(e.events, 0), e.first, e.last, e.latest
FROM account a LEFT JOIN account_counter c ON c.account_id = a.id LEFT JOIN (
  SELECT account_id, count(*) AS events, min(seq) AS first, max(seq) AS last, max(at) AS latest
  FROM event GROUP BY account_id) e ON e.account_id = a.id
ORDER BY a.id"""
# A request that got another number by hand still owns the one it had.
_CLAIMS = """SELECT n.request_id, n.number FROM fulfillment_request_number n
LEFT JOIN fulfillment_request f ON f.id = n.request_id
WHERE f.id IS NULL OR f.source_id <> n.source_id OR (f.number <> n.number AND NOT EXISTS (SELECT 1 FROM event e
  WHERE e.subject_id = f.id AND e.subject = 'fulfillment_request' AND e.type = 'fulfillment_request.edited'))"""
_LOST_ORDERS = """SELECT DISTINCT e.subject_id FROM event e WHERE e.subject = 'order'
AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = e.subject_id AND o.account_id = e.account_id)"""
_LOST_SHIPMENTS = """SELECT DISTINCT e.subject_id FROM event e WHERE e.subject = 'shipment'
AND NOT EXISTS (SELECT 1 FROM shipment h WHERE h.id = e.subject_id AND h.account_id = e.account_id)"""
_TOTALS = """SELECT v.id, v.committed, coalesce(sum(g.committed - g.released), 0)
FROM inventory_variant v LEFT JOIN stock_ledger g ON g.variant_id = v.id
GROUP BY v.id, v.committed HAVING v.committed <> coalesce(sum(g.committed - g.released), 0)"""
_FOREIGN_STOCK = """SELECT f.id, g.line_id FROM stock_ledger g
JOIN fulfillment_request_line l ON l.id = g.line_id JOIN fulfillment_request f ON f.id = l.request_id
JOIN inventory_variant v ON v.id = g.variant_id WHERE v.source_id <> f.source_id"""
_STRAY_SHIPMENTS = """SELECT h.id FROM shipment h JOIN fulfillment_request f ON f.id = h.request_id
WHERE f.account_id <> h.account_id OR f.source_id <> h.source_id OR f.order_id <> h.order_id
OR f.channel_id <> coalesce(h.channel_id, 0)"""
_STRAY_ITEMS = """SELECT h.id, i.id FROM shipment h JOIN shipment_item i ON i.shipment_id = h.id
JOIN fulfillment_request_line l ON l.id = i.line_id WHERE l.request_id <> h.request_id AND i.quantity > 0"""
_LOST_INVOICES = """SELECT DISTINCT e.subject_id FROM event e WHERE e.subject = 'source_invoice'
AND NOT EXISTS (SELECT 1 FROM source_invoice v WHERE v.id = e.subject_id AND v.account_id = e.account_id)"""
_INVOICED = """SELECT s.id FROM fulfillment_request_state s
WHERE s.invoiced AND NOT EXISTS (SELECT 1 FROM source_invoice v WHERE v.request_id = s.id)"""
_NOT_INVOICED = """SELECT DISTINCT s.id FROM source_invoice v JOIN fulfillment_request_state s ON s.id = v.request_id
WHERE NOT s.invoiced"""
_STRAY_INVOICES = """SELECT v.id FROM source_invoice v JOIN fulfillment_request f ON f.id = v.request_id
WHERE f.account_id <> v.account_id OR f.source_id <> v.source_id"""
_LOST_ACCOUNTS = """SELECT DISTINCT e.account_id FROM event e
WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.id = e.account_id)"""


class CommonEvidence(ABC):
    """The same SQL on both engines; see `app.check.Evidence`."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    @abstractmethod
    def rows(self, sql: str) -> AsyncIterator[Sequence[Any]]:
        """The rows, a bounded number of them in memory at a time."""

    @abstractmethod
    def damage(self) -> AsyncIterator[Finding]:
        """What the engine itself finds wrong with its files."""

    async def durability(self) -> Durability:
        """See `app.check.Evidence`. On SQLite each connection of the hub sets, and proves, what it needs."""
        return Durability()

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

    async def carried_by_request(self) -> AsyncIterator[Carried]:
        """By request."""
        async for row in self.rows(_CARRIED):
            yield Carried(row[0], row[1], int(row[2]))

    async def entries_by_request(self) -> AsyncIterator[tuple[int, Entry]]:
        """By request."""
        async for row in self.rows(_ENTRIES):
            yield row[0], Entry._make(row[1:])

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
        for table, column, target, key in references():
            missing = f"SELECT 1 FROM {target} p WHERE p.id = c.{column}"
            sql = f"SELECT c.{key} FROM {table} c WHERE c.{column} IS NOT NULL AND NOT EXISTS ({missing})"
            async for row in self.rows(sql):
                yield Finding("reference_broken", table, row[0], f"has a {column} that is not there.")
        for table, column, target in within_account():
            sql = f"""SELECT c.id FROM {table} c JOIN {target} p ON p.id = c.{column}
              WHERE p.account_id <> c.account_id"""
            async for row in self.rows(sql):
                yield Finding("account_differs", table, row[0], f"has a {column} of another account.")
        async for row in self.rows(_CLAIMS):
            words = f"owns the number {row[1]!r}, which is not its own."
            yield Finding("claim_differs", "fulfillment_request", row[0], words)
        secrets = unreadable(self.rows, self._box)
        for findings in (
            self.goods(), self.invoices(), handover(self.rows), attention(self.rows), self.strays(), secrets
        ):  # fmt: skip
            async for finding in findings:
                yield finding

    async def goods(self) -> AsyncIterator[Finding]:
        """Totals and stock that disagree with the ledger, and shipments with what they are of."""
        async for row in self.rows(_TOTALS):
            words = f"says {row[1]} committed; its ledger comes to {row[2]}."
            yield Finding("stock_total_differs", "inventory_variant", row[0], words)
        async for row in self.rows(_FOREIGN_STOCK):
            words = f"holds another source's stock for item {row[1]}."
            yield Finding("stock_source_differs", "fulfillment_request", row[0], words)
        async for row in self.rows(_STRAY_SHIPMENTS):
            words = "is of another account, source, channel or order than its request."
            yield Finding("shipment_differs", "shipment", row[0], words)
        async for row in self.rows(_STRAY_ITEMS):
            yield Finding("shipment_differs", "shipment", row[0], f"has an item {row[1]} of another request.")

    async def invoices(self) -> AsyncIterator[Finding]:
        """Requests that are marked as invoiced and are not, and the reverse."""
        async for row in self.rows(_INVOICED):
            yield Finding("invoiced_differs", "fulfillment_request", row[0], "is marked as invoiced, and is not.")
        async for row in self.rows(_NOT_INVOICED):
            yield Finding("invoiced_differs", "fulfillment_request", row[0], "has an invoice, and is not marked so.")
        async for row in self.rows(_STRAY_INVOICES):
            words = "is of another account or source than its request."
            yield Finding("invoice_differs", "source_invoice", row[0], words)

    async def strays(self) -> AsyncIterator[Finding]:
        """Events of what is not there."""
        async for row in self.rows(_LOST_SHIPMENTS):
            yield Finding("shipment_missing", "shipment", row[0], "has events, but is not there.")
        async for row in self.rows(_LOST_INVOICES):
            yield Finding("invoice_missing", "source_invoice", row[0], "has events, but is not there.")
        async for row in self.rows(_LOST_ORDERS):
            yield Finding("order_missing", "order", row[0], "has events, but is not there.")
        async for row in self.rows(_LOST_ACCOUNTS):
            yield Finding("account_missing", "account", row[0], "has events, but is not there.")


class SqliteEvidence(CommonEvidence):
    """One read transaction of a SQLite file."""

    def __init__(self, db: sqlite3.Connection, box: SecretBox) -> None:
        super().__init__(box)
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

    def __init__(self, db: "asyncpg.Connection[Any]", box: SecretBox) -> None:
        super().__init__(box)
        self._db = db

    async def rows(self, sql: str) -> AsyncIterator[Sequence[Any]]:
        """See `CommonEvidence`."""
        async for row in self._db.cursor(sql, prefetch=FETCH):
            yield row

    async def damage(self) -> AsyncIterator[Finding]:
        """Nothing that can be asked here."""
        return
        yield

    async def durability(self) -> Durability:
        """See `app.check.Evidence`."""
        return judged(*(await self._db.fetch(SETTINGS))[0])


@asynccontextmanager
async def evidence_of(location: Location, key_file: Path | None = None) -> AsyncIterator[Evidence]:
    """Evidence of a database whose schema is current; `key_file` as for `open_store`."""
    box = SecretBox(key_file_of(location, key_file))
    if isinstance(location, SqliteLocation):
        try:
            with closing(open_to_read(location.path)) as db:
                db.execute("BEGIN")
                yield SqliteEvidence(db, box)
        except sqlite3.DatabaseError as error:
            raise Unreachable(f"{location.shown} cannot be read to its end: {error}.") from error
    else:
        connection = await connect_postgres(location)
        try:
            async with whole_snapshot(connection):
                yield PostgresEvidence(connection, box)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise Unreachable(f"{location.shown} cannot be read to its end: {error}.") from error
        finally:
            await connection.close()
