"""Lists and counts of fulfillment requests: each query is driven by the most selective thing it asks for.

One driver finds rows, called `w`, by one index. Each row's state, called `s`, is looked up by its id, and every other
condition is about that: so no planner can find rows by another one.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.app.ports import RequestQuery
from waypost.domain import standing
from waypost.domain.orders import ELIGIBLE_FOR_PROCESSING
from waypost.domain.statuses import FINAL, Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries.request_drivers import (
    BY_STATUS,
    KEPT,
    Driver,
    changed_after,
    is_kept,
    statuses_of,
    was_released,
)
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.queries.shortest import List, Statement
from waypost.storage.queries.walks import LAST_ID, Walk, beginnings, has_more, merged

_STATE = "fulfillment_request_state"
_FIXED = "fulfillment_request"
# As the index has it: of one of the two alone, PostgreSQL takes another index to be in the same order.
_UNSHIPPED = " OR ".join(f"w.fulfillment_status = '{status}'" for status in standing.UNSHIPPED)
_TO_SHIP = f"w.status = '{Status.ACKNOWLEDGED}' AND ({_UNSHIPPED})"
# Likewise. A source sees only these; what was canceled before it was released may be far more.
_FINAL = " OR ".join(f"w.status = '{status}'" for status in FINAL)
_ENDED = f"({_FINAL}) AND w.released_seq IS NOT NULL"
_FIXED_OF = f"SELECT f.{{}} FROM {_FIXED} f WHERE f.id = s.id"


class _Select(NamedTuple):
    """Rows to be found: FROM and WHERE, and ORDER BY."""

    rows: str
    order: str


class _Search:
    """The selects of a query by one driver; they share their parameters.

    `released`: walk only what was released to its source, where an index has that, although the query does not say so.
    """

    def __init__(self, query: RequestQuery, driver: Driver, dialect: Dialect, released: bool = False) -> None:
        self.where = Filter(dialect)
        self.begin = ""  # of the statement: a WITH clause
        self._query = query
        self._driver = driver
        self._released = released or was_released(query)
        self._keys = self._scope()
        self._first = self.where.place(min(query.since_id or 0, LAST_ID - 1) + 1)
        _conditions(self.where, query, driver)

    def _scope(self) -> dict[str, str]:
        """What the caller may see and asks for, by column. Sources and channels are the account's, or have no rows."""
        scope = self._query.scope
        account = self.where.place(scope.account_id)
        keys = {"account_id": account}
        source = self.where.own("source", account, scope.source_id, self._query.source_id)
        channel = self.where.own("channel", account, scope.channel_id)
        keys |= {name: value for name, value in (("channel_id", channel), ("source_id", source)) if value is not None}
        if scope.source_id is not None:
            self.where.terms.append("s.released_seq IS NOT NULL")
        return keys

    def selects(self, paged: bool, look: int | None = None) -> list[_Select]:
        """One for each list to look through. `paged`: with the states. `look`: only of the first so many rows."""
        if self._driver in (*BY_STATUS, Driver.ID):
            walks = [*self._walks()]
            if look is not None:
                self.begin, walks = beginnings(walks, self.where.place(look))
            return [self._select(walk.tables, walk.rows, walk.columns, paged, walk.order) for walk in walks]
        table, columns, rows = self._found()
        return [self._select(self.where.dialect.by_index(table, "w", columns), rows, (), paged, "s.id")]

    def _walks(self) -> Iterator[Walk]:
        if self._driver is Driver.ID:  # the index has the channel before the source, as the keys have
            columns = tuple(name for name in self._keys if name != "account_id") or tuple(self._keys)
            yield self._walk(_FIXED, columns, *(self._keys[name] for name in columns))
            return
        owner = next(name for name in ("source_id", "channel_id", "account_id") if name in self._keys)
        if self._driver is Driver.CHANNEL:
            owner = "channel_id"
        # If no status can match, we read a status that no row has: the statement needs a list, and this one is empty.
        for status in statuses_of(self._query) or ("",):
            if owner == "source_id" and status in FINAL and self._released:
                by_released = ("status", "source_id")
                walk = self._walk(_STATE, by_released, self.where.place(status), self._keys[owner])
                yield walk._replace(which=_ENDED)
            elif status == Status.ACKNOWLEDGED and self._driver is Driver.UNSHIPPED:
                by_shipped = ("account_id", "fulfillment_status")
                for shipped in standing.UNSHIPPED:
                    if shipped in self._query.fulfillment_statuses:
                        walk = self._walk(_STATE, by_shipped, self._keys["account_id"], f"'{shipped}'")
                        yield walk._replace(which=_TO_SHIP)
            else:
                yield self._walk(_STATE, (owner, "status"), self._keys[owner], self.where.place(status))

    def _walk(self, table: str, columns: tuple[str, ...], *values: str) -> Walk:
        return Walk(self.where.dialect, table, columns, values, self._first)

    def _found(self) -> tuple[str, tuple[str, ...], str]:
        """By what else than a walk: table, index and condition."""
        query, where = self._query, self.where
        if self._driver is Driver.ORDER:
            return _FIXED, ("order_id",), f"w.order_id = {where.place(query.order_id)}"
        account = f"w.account_id = {self._keys['account_id']}"
        if self._driver is Driver.NUMBERS:
            return _FIXED, ("account_id", "number"), f"{account} AND {where.among('w.number', query.numbers, 'text')}"
        since = changed_after(query)
        assert since is not None
        return since.table, ("account_id", since.column), f"{account} AND w.{since.column} > {where.place(since.after)}"

    def _select(self, tables: str, rows: str, walked: tuple[str, ...], paged: bool, order: str) -> _Select:
        """Rows of `w`, and for each its state with all conditions for which `walked` does not stand."""
        is_own = "source_id" in walked or "channel_id" in walked  # and so of the account
        terms = [
            f"s.{name} = {value}" for name, value in self._keys.items()
            if name not in walked and not (name == "account_id" and is_own)
        ]  # fmt: skip
        if not walked:
            terms.append(f"s.id >= {self._first}")
        terms += self.where.terms
        if not (terms or paged):
            return _Select(f"FROM {tables} WHERE {rows}", order)
        where = " AND ".join(["s.id = w.id", *terms])
        return _Select(self.where.dialect.looked_up(tables, rows, f"{_STATE} s", where), order)


def _conditions(where: Filter, query: RequestQuery, driver: Driver) -> None:
    """What states must be like."""
    if driver not in BY_STATUS:  # whose walks are of what matches
        where.any_of("s.status", query.statuses, "text")
        if query.needs_attention is not None:
            among = f"IN ({quoted(standing.NEEDS_ATTENTION)})"
            where.terms.append(f"s.status {'' if query.needs_attention else 'NOT '}{among}")
    if driver is Driver.ORDER and query.numbers:
        where.terms.append(where.among(f"({_FIXED_OF.format('number')})", query.numbers, "text"))
    where.any_of("s.fulfillment_status", query.fulfillment_statuses, "text")
    where.any_of("s.failure_code", query.failure_codes, "text")
    if query.invoiced is not None:
        where.add("s.invoiced = ?", query.invoiced)
    where.known("s.acknowledged_at", query.is_acknowledged)
    where.known("s.sent_at", query.is_sent)
    where.known("s.canceled_at", query.is_canceled)
    where.after("s.acknowledged_at", query.acknowledged_after)
    where.after("s.sent_at", query.sent_after)
    where.after("s.canceled_at", query.canceled_after)
    where.after("s.modified_at", query.updated_after)
    where.after(f"({_FIXED_OF.format('generated_at')})", query.generated_after)
    if query.eligible_for_processing is not None:
        order = f"(SELECT o.status FROM orders o WHERE o.id = s.order_id) IN ({quoted(ELIGIBLE_FOR_PROCESSING)})"
        not_ = "" if query.eligible_for_processing else "NOT "
        where.terms.append(f"{not_}(s.status = '{Status.UNPROCESSED}' AND {order})")


def page(query: RequestQuery, dialect: Dialect, driver: Driver, look: int | None = None) -> tuple[str, tuple[Any, ...]]:
    """One page by id ascending, as ids and versions. `look`: it may lack what lies behind the first so many rows."""
    make = kept_page if is_kept(query) else kept_page.__wrapped__
    return make(query, dialect, driver, look)


@lru_cache(maxsize=KEPT)
def kept_page(query: RequestQuery, dialect: Dialect, driver: Driver, look: int | None) -> tuple[str, tuple[Any, ...]]:
    """See `page`; kept, as long as few others are asked for."""
    search = _Search(query, driver, dialect)
    selects = search.selects(paged=True, look=look)
    texts = [f"SELECT s.id, s.version {one.rows} ORDER BY {one.order}" for one in selects]
    return search.begin + merged(texts, search.where.place, query.limit, query.offset), tuple(search.where.args)


def count(query: RequestQuery, dialect: Dialect, driver: Driver) -> Statement:
    """How many match."""
    search = _Search(query, driver, dialect)
    counts = [
        f"(SELECT count(*) FROM (SELECT 1 {one.rows} ORDER BY {one.order}) c)" for one in search.selects(paged=False)
    ]
    return f"SELECT {' + '.join(counts)}", search.where.args


def lists(query: RequestQuery, found: Iterable[Driver], dialect: Dialect, counts: bool = False) -> Iterator[List]:
    """What the query can be driven by. `counts`: what matches is counted, and not shown."""
    since = changed_after(query)
    for driver in found:
        whole = partial(count if counts else page, query, dialect, driver)
        if driver is Driver.CHANGED and since is not None:
            yield List(whole, since.longer)
        else:
            yield List(whole, partial(_longer, query, dialect, driver), None if counts else whole)


def _longer(query: RequestQuery, dialect: Dialect, driver: Driver, most: int) -> Statement:
    """Whether the list alone is, whatever else is asked of what it has."""
    scope = query.scope
    source = query.source_id if scope.source_id is None else scope.source_id
    if driver in (Driver.CHANNEL, Driver.UNSHIPPED):
        source = None
    channel = None if driver is Driver.UNSHIPPED or (driver is Driver.STATUSES and source) else scope.channel_id
    listed = RequestQuery(Scope(scope.account_id, None, channel), source_id=source, since_id=query.since_id)
    if driver is Driver.UNSHIPPED:  # some more: here, all is of the account
        listed = listed._replace(statuses=statuses_of(query), fulfillment_statuses=query.fulfillment_statuses)
    elif driver is not Driver.ID:
        listed = listed._replace(statuses=statuses_of(query))
    search = _Search(listed, driver, dialect, was_released(query))
    rows = [f"{one.rows} ORDER BY {one.order}" for one in search.selects(paged=False)]
    return f"SELECT {has_more(rows, search.where.place(most))}", search.where.args


def waiting(scope: Scope, source_id: int | None, limit: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """Ids of the oldest requests in Processing. What is being handed over is not picked up as well."""
    query = RequestQuery(scope, source_id=source_id, statuses=(Status.PROCESSING,))
    search = _Search(query, Driver.STATUSES, dialect)
    search.where.terms.append("s.handover IS NULL")
    (select,) = search.selects(paged=True)
    return f"SELECT s.id {select.rows} ORDER BY {select.order} LIMIT {search.where.place(limit)}", search.where.args
