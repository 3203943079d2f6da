"""The few places where SQL that is otherwise the same on both engines differs in spelling.

Statements are written with `$1`, `$2` … ; the SQLite driver turns them into `?1`, `?2`.
"""

import json
from collections.abc import Iterable, Sequence
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

    def any_found(self, column: str, select: str) -> str:
        """`column` is among what `select` gives, which is found first, and once: it is never joined."""
        return f"{column} IN ({select})" if self.is_sqlite else f"{column} = ANY(ARRAY({select}))"

    def array(self, values: Sequence[Any]) -> Any:
        """An array parameter in the form this engine takes."""
        return json.dumps(list(values)) if self.is_sqlite else list(values)

    def pairs(self, alias: str, names: tuple[str, str], values: Sequence[tuple[int, str]]) -> tuple[str, list[Any]]:
        """Pairs of a number and a text as a table, from `$1` on, and the parameters that it takes."""
        if self.is_sqlite:
            columns = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(names))
            return f"(SELECT {columns} FROM json_each($1)) {alias}", [json.dumps(values)]
        lists = [[value[place] for value in values] for place in range(len(names))]
        return f"unnest($1::bigint[], $2::text[]) AS {alias}({', '.join(names)})", lists

    def by_pair(
        self, table: str, alias: str, names: tuple[str, str], values: Iterable[tuple[int, str]]
    ) -> tuple[str, list[Any]]:
        """FROM and WHERE of the rows of `table` whose two columns hold one of these pairs; parameters, from `$1` on.

        Problem: of two lists, PostgreSQL with statistics may look up one, and read all that a source has. And both
        engines would try each value with each. So each pair is looked up.
        """
        given, args = self.pairs("k", names, sorted(set(values)))
        where = " AND ".join(f"{alias}.{name} = k.{name}" for name in names)
        return self.looked_up(given, "true", f"{table} {alias}", where), args

    def texts(self, alias: str, column: str, place: str) -> str:
        """The texts of the array parameter at `place` as a table of one column."""
        if self.is_sqlite:
            return f"(SELECT value AS {column} FROM json_each({place})) {alias}"
        return f"unnest({place}::text[]) AS {alias}({column})"

    def by_index(self, table: str, alias: str, columns: Sequence[str]) -> str:
        """`table` in a FROM clause, read by the index over `columns`.

        Only SQLite can be told so. PostgreSQL must find no other index for the condition, or for the order.
        """
        named = f" INDEXED BY ix_{table}_{'_'.join(columns)}" if self.is_sqlite else ""
        return f"{table} {alias}{named}"

    def looked_up(self, tables: str, rows: str, table: str, where: str) -> str:
        """FROM and WHERE of a join: finds `rows` of `tables`, then for each the rows of `table` that match `where`.

        Problem: a planner may begin with `table`, or sort all rows because it expects few matches. So SQLite gets a
        CROSS JOIN, whose order it keeps. PostgreSQL gets a subquery with OFFSET 0 for each row: it must begin with
        `tables`, and expects a match for every row. `table` includes its alias.
        """
        if self.is_sqlite:
            return f"FROM {tables} CROSS JOIN {table} WHERE {rows} AND {where}"
        alias = table.split()[-1]
        return f"FROM {tables} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0) {alias} WHERE {rows}"

    def named(self, table: str, alias: str, owner: tuple[str, str], column: str, place: int) -> str:
        """Rows of one owner (column and SQL) whose `column` is among the texts at `place`; an index is over both.

        Problem: PostgreSQL may take another index of the owner, and look at all that this one has: it expects of any
        owner what they have on average, and many names. So each name is looked up.
        """
        of, value = owner
        if self.is_sqlite:
            return f"{alias}.{of} = {value} AND {self.any_of(f'{alias}.{column}', place, 'text')}"
        row = f"SELECT r.id FROM {table} r WHERE r.{of} = {value} AND r.{column} = n.name OFFSET 0"
        names = f"unnest(${place}::text[]) AS n(name)"
        return f"{alias}.id = ANY(ARRAY(SELECT f.id FROM {names} CROSS JOIN LATERAL ({row}) f))"

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


def is_there(rows: str) -> str:
    """Whether FROM and WHERE find a row, for each row of the statement.

    Problem: of `EXISTS`, PostgreSQL may make one walk of all rows of the table, and look into what it has found.
    """
    return f"((SELECT 1 {rows} LIMIT 1) IS NOT NULL)"


SQLITE = Dialect("sqlite")
POSTGRES = Dialect("postgresql")
