"""Pages of a list in the order of one index, such as shipments by creation. The planner has no say in it.

This module's `Walk` is for lists in any order, read page by page through `Pages`. `walks.Walk` is for lists by id.

Problem: a planner that expects few or many rows reads the primary key, or sorts the whole account. So a walk leaves it
no choice. For SQLite we name the index. For PostgreSQL we ask for an order that only this index has, and compare whole
rows. With an equality it would know that the column is the same in all rows, so that other indexes have the order, too.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.storage.dialect import Dialect
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.shortest import Ask, List, Rows, Statement, page_by_shortest
from waypost.storage.queries.walks import has_more

LAST = 2**63 - 1

_OWNED = "(SELECT o.id FROM {table} o WHERE o.id = ? AND o.account_id = ?)"



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
    """One page of a filtered list, and how we read it: see `page_by_shortest`.

    Problem: a filter lets through nearly every row of a list, or nearly none, and we do not know which. In the first
    case it is cheap to read the list from its beginning. In the second, another index has few rows besides those that
    match; but what a source or channel has may be still less.

    """

    limit: int
    offset: int
    lists: Sequence[List]

    async def read(self, fetch: Ask) -> Rows:
        """The rows of the page."""
        return await page_by_shortest(fetch, self.lists, self.limit, self.offset)


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
        return self._one(self._whole(*terms))

    def _one(self, statement: Statement) -> Page:
        return self._page(List(lambda: statement))

    def _page(self, *lists: List) -> Page:
        return Page(self.limit, self.offset, lists)

    def _whole(self, *terms: Callable[[Filter], None]) -> Statement:
        where = Filter(self.dialect)
        found = self._walked(self.wanted, self.walk, where, self.bind, *terms)
        return _limited(found, where.args, self.limit, self.offset)

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
        return self._one(_limited(sql, where.args, self.limit, self.offset))

    def narrowed(self, match: Callable[[Filter], None], names: Sequence[str], rare: Walk) -> Page:
        """A page of the rows that match a filter of which we do not know how many it lets through: see `Page`.

        `names`: the columns that `match` and `bind` look at. `rare`: has all rows that match, and few others.
        """
        # Without what it is of, SQLite cannot use an index of some rows only.
        others = (match,) if rare.named else ()
        own = List(
            partial(self._whole, match), partial(self._longer, self.walk, ()), partial(self._near, match, names)
        )
        other = List(partial(self._far, match, rare), partial(self._longer, rare, others))
        return self._page(own, other)

    def _near(self, match: Callable[[Filter], None], names: Sequence[str], look: int) -> Statement:
        """What matches of the first rows of the list."""
        alias, where = self.walk.alias, Filter(self.dialect)
        columns = ", ".join(f"{alias}.{name}" for name in dict.fromkeys(("id", *self.walk.order, *names)))
        begin, where.args = _limited(self._walked(columns, self.walk, where), where.args, look)
        where.terms = []
        self.bind(where)
        match(where)
        return self._of(f"({begin}) {alias} WHERE {' AND '.join(where.terms)}", where)

    def _longer(self, walk: Walk, terms: Sequence[Callable[[Filter], None]], most: int) -> Statement:
        where = Filter(self.dialect)
        walked = self._walked("1", walk, where, *terms).removeprefix("SELECT 1 ")
        return f"SELECT {has_more([walked], where.place(most))}", where.args

    def _far(self, match: Callable[[Filter], None], rare: Walk) -> Statement:
        """The page by another index. LIMIT makes the planner find all rows before it sorts them.

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


def _limited(sql: str, args: list[Any], *numbers: int) -> tuple[str, list[Any]]:
    """The statement with LIMIT and, where a second number is given, OFFSET."""
    places = " OFFSET ".join(f"${len(args) + 1 + place}" for place in range(len(numbers)))
    return f"{sql} LIMIT {places}", [*args, *numbers]
