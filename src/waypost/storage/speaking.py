"""How statements reach a database: what the drivers give, and the queries of every concept are written upon."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from waypost.storage.dialect import Dialect
from waypost.storage.queries.postgres import kinds


class Reader(ABC):
    """`quick` is for look-ups by key; `slow` for lists and counts, which may take their time elsewhere."""

    dialect: Dialect

    @abstractmethod
    async def quick(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows of a look-up by key."""

    @abstractmethod
    async def slow(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows of a query whose cost grows with its matches; bounded in time."""


class Statements(ABC):
    """An open transaction. `fetch` and `execute` take `$n` parameters."""

    dialect: Dialect

    @abstractmethod
    async def fetch(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """All rows."""

    @abstractmethod
    async def execute(self, sql: str, *args: Any) -> int:
        """The number of rows changed."""

    @abstractmethod
    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One run per row."""

    async def update_many(self, table: str, record: Any, rows: Sequence[Sequence[Any]], also: str = "") -> None:
        """Update by id from rows of a record whose first field is the id and whose others are columns; each id once.

        `also` is set as well. One statement on PostgreSQL, where a run per row would cost as much as a plan each.
        """
        if not rows:
            return
        names = record._fields[1:]
        more = f", {also}" if also else ""
        if self.dialect.is_sqlite:
            sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 2))
            await self.execute_many(f"UPDATE {table} SET {sets}{more} WHERE id = $1", rows)
            return
        sets = ", ".join(f"{name} = c.{name}" for name in names)
        given = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds(record).values(), 1))
        rows_given = f"unnest({given}) AS c({', '.join(record._fields)})"
        sql = f"UPDATE {table} t SET {sets}{more} FROM {rows_given} WHERE t.id = c.id"
        await self.execute(sql, *map(list, zip(*rows, strict=True)))

    @abstractmethod
    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Fresh ids, ascending."""
