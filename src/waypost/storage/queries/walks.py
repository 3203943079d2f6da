"""Lists in the order of their ids, read by one index that ends with the id. The planner has no say in it.

This module's `Walk` is for lists by id, of requests and orders above all. `pages.Walk` is for lists in another order.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from waypost.storage.dialect import Dialect

LAST_ID = 9_223_372_036_854_775_807
FEW = 500  # so many changed rows are found by their moment and sorted, before anything else is tried
T = TypeVar("T")
Rows = Sequence[Sequence[Any]]


class Since(NamedTuple):
    """The rows of a table that changed after a moment, in microseconds; an index is over account and column."""

    table: str
    column: str
    account_id: int
    after: int

    async def are_few(self, ask: Callable[..., Awaitable[Rows]]) -> bool:
        """Whether there are at most `FEW`."""
        sql, args = self.longer(FEW)
        return not (await ask(sql, *args))[0][0]

    def longer(self, most: int) -> tuple[str, Sequence[Any]]:
        """The statement that gives 1 where there are more than `most`, else 0."""
        rows = f"FROM {self.table} w WHERE w.account_id = $1 AND w.{self.column} > $2"
        return f"SELECT {has_more([rows], '$3')}", (self.account_id, self.after, most)


async def first_few(ask: Callable[..., Awaitable[Rows]], changed: Iterable[tuple[T, Since]]) -> T | None:
    """The first of these of which there are few; None: there is none."""
    for key, since in changed:
        if await since.are_few(ask):
            return key
    return None


class Walk(NamedTuple):
    """The rows of `table`, called `alias`, that have `values` in `columns`, and ids from `first` to `last`.

    All values are SQL. There must be an index over the columns and the id; `which`: a condition that it has, too.
    """

    dialect: Dialect
    table: str
    columns: tuple[str, ...]
    values: tuple[str, ...]
    first: str
    last: str = f"{LAST_ID}"
    which: str = ""
    alias: str = "w"

    @property
    def tables(self) -> str:
        """For FROM."""
        return self.dialect.by_index(self.table, self.alias, (*self.columns, "id"))

    @property
    def rows(self) -> str:
        """The condition, for WHERE. Add ORDER BY `order`, even to count.

        Problem: asked for `account_id = 1 AND status = 'x'` in the order of the ids, PostgreSQL may read the primary
        key and pass over the rows of all other accounts. So it gets a range of whole rows `(account_id, status, id)`,
        and is asked for their order: only this index has it. SQLite is told the index by name (`tables`), so it
        gets plain conditions.
        """
        if self.dialect.is_sqlite:
            a = self.alias
            terms = [f"{a}.{name} = {value}" for name, value in zip(self.columns, self.values, strict=True)]
            return self._with(*terms, f"{a}.id >= {self.first}", f"{a}.id <= {self.last}")
        names, values = ", ".join(self._names), ", ".join(self.values)
        return self._with(f"({names}) >= ({values}, {self.first})", f"({names}) <= ({values}, {self.last})")

    def _with(self, *terms: str) -> str:
        return " AND ".join([*terms, self.which] if self.which else terms)

    @property
    def order(self) -> str:
        """By id; for ORDER BY."""
        return ", ".join(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(f"{self.alias}.{column}" for column in (*self.columns, "id"))

    @property
    def whole(self) -> str:
        """FROM, WHERE and ORDER BY."""
        return f"FROM {self.tables} WHERE {self.rows} ORDER BY {self.order}"

    def end_of_look(self, number: str) -> str:
        """The id of the row that comes after so many; the last id there is, where it has fewer."""
        return f"coalesce((SELECT {self.alias}.id {self.whole} LIMIT 1 OFFSET {number}), {LAST_ID})"


def has_more(lists: Iterable[str], most: str) -> str:
    """SQL of 1 where one of the lists, from FROM on, has more rows than `most`, and 0 where none has."""
    return f"coalesce({', '.join(f'(SELECT 1 {one} LIMIT 1 OFFSET {most})' for one in lists)}, 0)"


def beginnings(walks: Sequence[Walk], look: str) -> tuple[str, list[Walk]]:
    """The beginning of each walk, and a WITH clause that they need: all end at the same id.

    That is where the first of them has come to the row after so many as `look` says. If each ended at its own, what
    lies behind the end of the shorter one would be missing among the rows of the longer one, and a page would not show
    it.
    """
    ends = [walk.end_of_look(look) for walk in walks]
    least = "min" if walks[0].dialect.is_sqlite else "least"
    end = ends[0] if len(ends) == 1 else f"{least}({', '.join(ends)})"
    return f"WITH look AS (SELECT {end} AS last) ", [walk._replace(last="(SELECT last FROM look)") for walk in walks]


def merged(selects: list[str], place: Callable[[int], str], limit: int, offset: int) -> str:
    """One page of what the selects give, by the first of their columns; each must end with its ORDER BY.

    Each gives no more rows than the page may need of it. `place` makes a parameter.
    """
    page = f"LIMIT {place(limit)} OFFSET {place(offset)}"
    if len(selects) == 1:
        return f"{selects[0]} {page}"
    most = place(limit + offset)
    parts = [f"SELECT * FROM ({one} LIMIT {most}) p{number}" for number, one in enumerate(selects)]
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) p ORDER BY 1 {page}"
