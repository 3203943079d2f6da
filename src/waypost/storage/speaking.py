"""How statements reach a database: what the drivers give, and the queries of every concept are written upon."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from waypost.app.large_work import LargeWork
from waypost.storage.dialect import Dialect
from waypost.storage.sealing import SecretBox


class Reader(ABC):
    """`quick` is for look-ups by key; `slow` for lists and counts, which may take their time elsewhere."""

    dialect: Dialect
    secrets: SecretBox
    large: LargeWork

    @abstractmethod
    async def quick(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """All rows of a look-up by key."""

    @abstractmethod
    async def slow(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """All rows of a query whose cost grows with its matches; bounded in time."""


class Statements(ABC):
    """An open transaction. `fetch` and `execute` take `$n` parameters."""

    dialect: Dialect
    secrets: SecretBox

    @abstractmethod
    async def begin(self) -> None:
        """Hold the schema from now on, if no statement has done so yet: a rotation of keys waits for this."""

    @abstractmethod
    async def fetch(self, sql: str, *args: Any) -> list[Sequence[Any]]:
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

    async def sealed(self, table: str, row_id: int, columns: Mapping[str, Any]) -> dict[str, Any]:
        """These columns of a row as they are to be stored: secrets encrypted. Raises `NoSecretKey`.

        Within the transaction, so that a rotation that has removed a key cannot have missed this value.
        """
        await self.begin()
        return self.secrets.sealed(table, row_id, columns)
