"""Pages of a list in the order of one index, such as shipments by creation. The planner has no say in it.

This module's `Walk` is for lists in any order, read page by page through `Pages`. `walks.Walk` is for lists by id.

Problem: a planner that expects few or many rows reads the primary key, or sorts the whole account. So a walk leaves it
no choice. For SQLite we name the index. For PostgreSQL we ask for an order that only this index has, and compare whole
rows. With an equality it would know that the column is the same in all rows, so that other indexes have the order, too.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.storage.dialect import Dialect
from waypost.storage.queries.requests import Filter

LAST = 2**63 - 1
# A walk that looks for the rows of a filter passes over so many rows for each that the page is to have.
ROWS_PER_WANTED = 5

_OWNED = "(SELECT o.id FROM {table} o WHERE o.id = ? AND o.account_id = ?)"

Fetch = Callable[..., Awaitable[Sequence[Sequence[Any]]]]
Statement = tuple[str, list[Any]]


class Owned(NamedTuple):
    """The id of a source, a channel or a webhook, if it is this account's: a walk for a foreign one ends at once."""

    table: str
    id: int | None
    account_id: int


class Walk(NamedTuple):
    """Rows of `table` that have these values in the first columns of an index, in the order of its other columns.

    `after`: only those whose first column of `order` is greater. `named`: the end of a partial index's name.
    """

    table: str
    alias: str
    key: tuple[tuple[str, Any], ...]
    order: tuple[str, ...]
    after: int | None = None
    named: str | None = None

    def begin(self, where: Filter) -> str:
        """The FROM clause; what binds the walk is added to `where`."""
        names = [name for name, _ in self.key]
        places = [_OWNED.format(table=value.table) if isinstance(value, Owned) else "?" for _, value in self.key]
        values = [part for _, value in self.key for part in (value[1:] if isinstance(value, Owned) else (value,))]
        if where.dialect.is_sqlite:
            equal = (f"{self.alias}.{name} = {place}" for name, place in zip(names, places, strict=True))
            where.add(" AND ".join(equal), *values)
            where.after(f"{self.alias}.{self.order[0]}", self.after)
            index = "_".join(("ix", self.table, *((self.named,) if self.named else (*names, *self.order))))
            return f"FROM {self.table} {self.alias} INDEXED BY {index}"
        columns = ", ".join(f"{self.alias}.{name}" for name in (*names, self.order[0]))
        where.add(f"({columns}) > ({', '.join(places)}, ?)", *values, -LAST if self.after is None else self.after)
        where.add(f"({columns}) <= ({', '.join(places)}, ?)", *values, LAST)
        return f"FROM {self.table} {self.alias}"

    def by(self, dialect: Dialect) -> str:
        """The order of the index, for ORDER BY."""
        names = () if dialect.is_sqlite else tuple(name for name, _ in self.key)
        return ", ".join(f"{self.alias}.{name}" for name in (*names, *self.order))


def owned(column: str, id_: int | None, scope: Scope) -> tuple[str, Any]:
    """The first column of an index of what a source or a channel has, and whose rows are meant."""
    return column, Owned(column.removesuffix("_id"), id_, scope.account_id)


class Page(NamedTuple):
    """The statements that read one page of a filtered list, and the order in which we try them.

    Problem: a filter lets through nearly every row of a list, or nearly none, and we do not know which. In the first
    case it is cheap to read the list from its beginning. In the second, that would read the whole account.

    1. `near` filters the first `most` rows of the list. A full page is the result.
    2. If the page is not full, `length` counts the rows of the list, up to `most`. If there are fewer than `most`,
       `near` has seen all of them.
    3. Otherwise `far` finds the rows by another index, which has few rows besides those that match.

    Without `far`, `near` reads the page alone, whatever it costs.
    """

    limit: int
    near: Statement
    far: Statement | None = None
    length: Statement = ("", [])
    most: int = 0

    async def read(self, fetch: Fetch) -> Sequence[Sequence[Any]]:
        """The rows of the page; at most three statements."""
        rows = await fetch(self.near[0], *self.near[1])
        if self.far is None or len(rows) == self.limit:
            return rows
        [[walked]] = await fetch(self.length[0], *self.length[1])
        return rows if walked < self.most else await fetch(self.far[0], *self.far[1])


class Pages(NamedTuple):
    """Makes the `Page` of a list: which columns, of which rows, from where on.

    `wanted`: the columns, for SELECT. `walk`: the rows of the list, in its order. `bind`: adds the conditions of every
    page to WHERE, such as what the caller may see. It writes columns as `+column`, so that no index serves them.
    """

    dialect: Dialect
    wanted: str
    walk: Walk
    bind: Callable[[Filter], None]
    limit: int
    offset: int

    def plain(self, *terms: Callable[[Filter], None]) -> Page:
        """A page of the whole list, or of the rows that match `terms`. The fewer match, the more rows it reads."""
        where = Filter(self.dialect)
        found = self._walked(self.wanted, self.walk, where, self.bind, *terms)
        return Page(self.limit, _limited(found, where.args, self.limit, self.offset))

    def looked_up(self, match: Callable[[Filter], None]) -> Page:
        """A page of the rows that `match` finds by a key, such as the id of an order.

        Problem: these rows are few, but a planner may read the whole list to have them in order. So we sort by
        `+column`: no index has that order. The planner looks the key up and sorts the few rows.
        """
        where = Filter(self.dialect)
        self.bind(where)
        match(where)
        order = ", ".join(f"+{self.walk.alias}.{name}" for name in self.walk.order)
        sql = f"""SELECT {self.wanted} FROM {self.walk.table} {self.walk.alias} WHERE {" AND ".join(where.terms)}
          ORDER BY {order}"""
        return Page(self.limit, _limited(sql, where.args, self.limit, self.offset))

    def narrowed(self, match: Callable[[Filter], None], names: Sequence[str], rare: Walk) -> Page:
        """A page of the rows that match a filter of which we do not know how many it lets through: see `Page`.

        `names`: the columns that `match` and `bind` look at. `rare`: has all rows that match, and few others.
        """
        alias, most = self.walk.alias, ROWS_PER_WANTED * (self.limit + self.offset)
        where = Filter(self.dialect)
        columns = ", ".join(f"{alias}.{name}" for name in dict.fromkeys(("id", *self.walk.order, *names)))
        begin, where.args = _limited(self._walked(columns, self.walk, where), where.args, most)
        length = f"SELECT count(*) FROM ({begin}) {alias}", [*where.args]
        where.terms = []
        self.bind(where)
        match(where)
        near = self._of(f"({begin}) {alias} WHERE {' AND '.join(where.terms)}", where)
        return Page(self.limit, near, self._far(match, rare), length, most)

    def _far(self, match: Callable[[Filter], None], rare: Walk) -> Statement:
        """The third statement of `Page`. LIMIT makes the planner find all rows before it sorts them.

        Otherwise it would read the list in the order of the page.
        """
        where = Filter(self.dialect)
        columns = ", ".join(f"{rare.alias}.{name}" for name in dict.fromkeys(("id", *self.walk.order)))
        found = self._walked(columns, rare, where, self.bind, match)
        return self._of(f"({found} LIMIT {LAST}) {rare.alias}", where)

    def _of(self, found: str, where: Filter) -> Statement:
        """The page of what was found: what it shows is read of its own rows only."""
        alias = self.walk.alias
        order = f"ORDER BY {', '.join(f'{alias}.{name}' for name in self.walk.order)}"
        ids, args = _limited(f"SELECT {alias}.id FROM {found} {order}", where.args, self.limit, self.offset)
        chosen = self.dialect.any_found(f"{alias}.id", ids)
        return f"SELECT {self.wanted} FROM {self.walk.table} {alias} WHERE {chosen} {order}", args

    def _walked(self, wanted: str, walk: Walk, where: Filter, *terms: Callable[[Filter], None]) -> str:
        begin = walk.begin(where)
        for add in terms:
            add(where)
        return f"SELECT {wanted} {begin} WHERE {' AND '.join(where.terms)} ORDER BY {walk.by(self.dialect)}"


def _limited(sql: str, args: list[Any], *numbers: int) -> Statement:
    """The statement with LIMIT and, where a second number is given, OFFSET."""
    places = " OFFSET ".join(f"${len(args) + 1 + place}" for place in range(len(numbers)))
    return f"{sql} LIMIT {places}", [*args, *numbers]
