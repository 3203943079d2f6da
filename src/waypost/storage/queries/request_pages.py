"""Lists and counts of fulfillment requests: each query is driven by the most selective thing it asks for.

One driver finds rows, called `w`, by one index. Each row's state, called `s`, is looked up by its id, and every other
condition is about that: so no planner can find rows by another one.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from waypost.app.actor import Scope
from waypost.app.ports import RequestQuery
from waypost.domain import standing
from waypost.domain.attention import ANYBODY, REQUEST
from waypost.domain.fulfillment import FulfillmentStatus
from waypost.domain.orders import ELIGIBLE_FOR_PROCESSING
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries.request_drivers import Driver, changed_after, is_acknowledged, is_sent, statuses_of
from waypost.storage.queries.requests import Filter, quoted
from waypost.storage.queries.walks import LAST_ID, Walk, beginnings, merged

_STATE = "fulfillment_request_state"
_FIXED = "fulfillment_request"
_ENDED = f"w.status IN ({quoted(standing.ENDS)})"  # as the index has it
# What the index of ended requests has between the owner and the id.
_FACETS = ("status", "fulfillment_status", "invoiced", "sent_at IS NULL", "acknowledged_at IS NULL")
_FIXED_OF = f"SELECT f.{{}} FROM {_FIXED} f WHERE f.id = s.id"


class _Select(NamedTuple):
    """Rows to be found: FROM and WHERE, and ORDER BY."""

    rows: str
    order: str


class _Search:
    """The selects of a query by one driver; they share their parameters."""

    def __init__(self, query: RequestQuery, driver: Driver, dialect: Dialect) -> None:
        self.where = Filter(dialect)
        self.begin = ""  # of the statement: a WITH clause
        self._query = query
        self._driver = driver
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

    def selects(self, paged: bool, looks: bool = False) -> list[_Select]:
        """One for each list to look through. `paged`: with the states. `looks`: only at the first rows."""
        if self._driver in (Driver.FACETS, Driver.STATUSES, Driver.ID):
            walks = [*self._walks()]
            if looks:
                wanted = self._query.limit + self._query.offset if changed_after(self._query) is None else None
                self.begin, walks = beginnings(walks, self.where.place, wanted)
            elif paged and self._driver is Driver.FACETS:
                return self._ended_first(walks)
            return [self._walked(walk, paged) for walk in walks]
        table, columns, rows = self._found()
        tables = self.where.dialect.by_index(table, "w", columns) if columns else f"{table} w"
        return [self._select(tables, rows, (), paged, "s.id")]

    def _ended_first(self, walks: list[Walk]) -> list[_Select]:
        """What has ended and is on the page, or may be; and what is on its way, up to the last of this.

        Problem: hardly anything that is on its way has been invoiced, say. A page would read all that is on its way,
        although nearly all of it comes later than what the page shows.
        """
        wanted = self._query.limit + self._query.offset
        place = self.where.place
        found = merged([_shown(self._walked(walk)) for walk in walks if walk.named], place, wanted, 0)
        last = f"SELECT e.id FROM ended e ORDER BY e.id LIMIT 1 OFFSET {place(wanted - 1)}"
        self.begin = f"WITH ended AS ({found}), look AS (SELECT coalesce(({last}), {LAST_ID}) AS last) "
        rest = [walk._replace(last="(SELECT last FROM look)") for walk in walks if not walk.named]
        return [_Select("FROM ended s", "s.id"), *map(self._walked, rest)]

    def _walked(self, walk: Walk, paged: bool = True) -> _Select:
        return self._select(walk.tables, walk.rows, walk.columns, paged, walk.order)

    def _walks(self) -> Iterator[Walk]:
        if self._driver is Driver.ID:  # the index has the channel before the source, as the keys have
            columns = tuple(name for name in self._keys if name != "account_id") or tuple(self._keys)
            yield self._walk(_FIXED, columns, *(self._keys[name] for name in columns))
            return
        owner = next(name for name in ("source_id", "channel_id", "account_id") if name in self._keys)
        # If no status can match, we read a status that no row has: the statement needs a list, and this one is empty.
        for status in statuses_of(self._query) or ("",):
            if self._driver is Driver.FACETS and status in standing.ENDS:
                yield from self._of_ended(owner, Status(status))
            else:
                yield self._walk(_STATE, (owner, "status"), self._keys[owner], self.where.place(status))

    def _of_ended(self, owner: str, status: Status) -> Iterator[Walk]:
        """One for each way in which a request of this status can match."""
        query, place = self._query, self.where.place
        shipped = [
            one for one in FulfillmentStatus
            if one in (query.fulfillment_statuses or FulfillmentStatus) and status in standing.by_shipped((one,))
        ]  # fmt: skip
        acknowledged = True if status == Status.ACKNOWLEDGED else is_acknowledged(query)
        flags = [(True, False) if one is None else (one,) for one in (query.invoiced, is_sent(query), acknowledged)]
        for one, is_invoiced, was_sent, was_acknowledged in product(shipped, *flags):
            facets = map(place, (str(status), str(one), is_invoiced, not was_sent, not was_acknowledged))
            walk = self._walk(_STATE, (owner, *_FACETS), self._keys[owner], *facets)
            yield walk._replace(which=_ENDED, named=f"{owner}_ended")

    def _walk(self, table: str, columns: tuple[str, ...], *values: str) -> Walk:
        return Walk(self.where.dialect, table, columns, values, self._first)

    def _found(self) -> tuple[str, tuple[str, ...], str]:
        """By what else than a walk: table, index (none: its key) and condition."""
        query, where = self._query, self.where
        if self._driver is Driver.ORDER:
            return _FIXED, ("order_id",), f"w.order_id = {where.place(query.order_id)}"
        account = f"w.account_id = {self._keys['account_id']}"
        if self._driver is Driver.NUMBERS:
            return _FIXED, ("account_id", "number"), f"{account} AND {where.among('w.number', query.numbers, 'text')}"
        if self._driver is Driver.FAILED:
            codes = where.among("g.code", query.failure_codes, "text")
            of = f"g.account_id = {self._keys['account_id']} AND g.assignee = '{ANYBODY}' AND {codes}"
            sources = where.dialect.any_found("w.source_id", f"SELECT g.source_id FROM attention_group g WHERE {of}")
            codes = where.among("w.code", query.failure_codes, "text")
            return "attention_item", (), f"{account} AND {sources} AND {codes} AND w.subject = '{REQUEST}'"
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
        where = " AND ".join([f"s.id = w.{'subject_id' if self._driver is Driver.FAILED else 'id'}", *terms])
        return _Select(self.where.dialect.looked_up(tables, rows, f"{_STATE} s", where), order)


def _conditions(where: Filter, query: RequestQuery, driver: Driver) -> None:
    """What states must be like."""
    if driver not in (Driver.FACETS, Driver.STATUSES):  # whose walks are of what matches
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


def _shown(select: _Select) -> str:
    return f"SELECT s.id, s.version {select.rows} ORDER BY {select.order}"


def page(query: RequestQuery, driver: Driver, dialect: Dialect, looks: bool = False) -> tuple[str, list[Any]]:
    """One page by id ascending, as ids and versions. `looks`: it may lack what lies behind the first rows."""
    search = _Search(query, driver, dialect)
    selects = search.selects(paged=True, looks=looks)
    merger = merged([*map(_shown, selects)], search.where.place, query.limit, query.offset)
    return search.begin + merger, search.where.args


def count(query: RequestQuery, driver: Driver, dialect: Dialect) -> tuple[str, list[Any]]:
    """How many match."""
    search = _Search(query, driver, dialect)
    counts = [
        f"(SELECT count(*) FROM (SELECT 1 {one.rows} ORDER BY {one.order}) c)" for one in search.selects(paged=False)
    ]
    return f"SELECT {' + '.join(counts)}", search.where.args


def waiting(scope: Scope, source_id: int | None, limit: int, dialect: Dialect) -> tuple[str, list[Any]]:
    """Ids of the oldest requests in Processing. What is being handed over is not picked up as well."""
    query = RequestQuery(scope, source_id=source_id, statuses=(Status.PROCESSING,))
    search = _Search(query, Driver.STATUSES, dialect)
    search.where.terms.append("s.handover IS NULL")
    (select,) = search.selects(paged=True)
    return f"SELECT s.id {select.rows} ORDER BY {select.order} LIMIT {search.where.place(limit)}", search.where.args
