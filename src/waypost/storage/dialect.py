"""The few places where SQL that is otherwise the same on both engines differs in spelling.

Statements are written with `$1`, `$2` … ; the SQLite driver turns them into `?1`, `?2`.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple


class Dialect(NamedTuple):
    """One engine's spelling."""

    name: str

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.name == "sqlite"

    def any_of(self, column: str, place: int, kind: str = "bigint") -> str:
        """`column` is among the values of the array parameter at `place`."""
        if self.is_sqlite:
            return f"{column} IN (SELECT value FROM json_each(${place}))"
        return f"{column} = ANY(${place}::{kind}[])"

    def any_in(self, column: str, found: str) -> str:
        """`column` is among the few values that the query `found` gives: each is looked up.

        PostgreSQL is given an array. For `IN (SELECT …)` it may walk the whole table and compare.
        """
        return f"{column} IN ({found})" if self.is_sqlite else f"{column} = ANY(ARRAY({found}))"

    def array(self, values: Sequence[Any]) -> Any:
        """An array parameter in the form this engine takes."""
        return json.dumps(list(values)) if self.is_sqlite else list(values)

    @property
    def false(self) -> str:
        """The literal; SQLite keeps flags as numbers."""
        return "0" if self.is_sqlite else "false"

    @property
    def lock(self) -> str:
        """The clause that locks the rows read; SQLite has locked the whole database already."""
        return "" if self.is_sqlite else " FOR NO KEY UPDATE"

    @property
    def lock_free(self) -> str:
        """As `lock`, but rows that somebody else has locked are passed over."""
        return "" if self.is_sqlite else " FOR NO KEY UPDATE SKIP LOCKED"


SQLITE = Dialect("sqlite")
POSTGRES = Dialect("postgresql")
