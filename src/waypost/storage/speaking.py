"""How statements reach a database: what the drivers give, and the queries of every concept are written upon."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from waypost.storage.dialect import Dialect


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

    @abstractmethod
    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Fresh ids, ascending."""
