"""Reading fulfillment requests: by id, by filter, and what the scope of a caller lets it see.

The scope is part of every statement: a request outside it is not found, it is never found and then hidden.
"""

from collections.abc import Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports import RequestQuery
from waypost.domain.attention import STUCK
from waypost.domain.fulfillment import Line
from waypost.domain.orders import ELIGIBLE_FOR_PROCESSING
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns


def quoted(values: tuple[str, ...]) -> str:
    """A list of SQL string literals; only for the domain's own constants."""
    return ", ".join(f"'{value!s}'" for value in values)


# $1 request id, $2 account, $3 source or null, $4 channel or null
VISIBLE = """s.account_id = $2
  AND (CAST($3 AS bigint) IS NULL OR (s.source_id = CAST($3 AS bigint) AND s.released_seq IS NOT NULL))
  AND (CAST($4 AS bigint) IS NULL OR s.channel_id = CAST($4 AS bigint))"""

VERSION_BY_ID = f"SELECT s.version FROM fulfillment_request_state s WHERE s.id = $1 AND {VISIBLE}"
STATE_BY_ID = f"SELECT {columns.STATE} FROM fulfillment_request_state s WHERE s.id = $1 AND {VISIBLE}"
# What a late refusal or a clock rule may have raised attention about takes the batch road, which settles that; and so
# does a request that somebody cares for or has snoozed, which its item on the attention list must say.
PLAIN = "coalesce(s.handover, '') <> 'rejected' AND NOT s.alerted AND NOT s.cared"
STANDING_BY_ID = f"""SELECT s.status, s.version, s.source_id FROM fulfillment_request_state s
WHERE s.id = $1 AND {VISIBLE} AND {PLAIN}"""
REQUEST_BY_ID = f"""SELECT {columns.STATE}, {columns.PARTICULARS}
FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id
WHERE s.id = $1 AND {VISIBLE}"""
LINES_OF = f"SELECT {columns.LINE} FROM fulfillment_request_line WHERE request_id = $1 ORDER BY line_number"
PARTICULARS_OF = f"SELECT {columns.PARTICULARS} FROM fulfillment_request f WHERE f.id = $1"
ORDER_BY_ID = f"SELECT {columns.ORDER} FROM orders WHERE id = $1"
ITEMS_OF = f"SELECT {columns.ITEM} FROM order_item WHERE order_id = $1 ORDER BY line_number"
CAUSE_OF = """SELECT o.max_number_length, o.required_fields, n.request_id
FROM fulfillment_request f JOIN source o ON o.id = f.source_id
LEFT JOIN fulfillment_request_number n ON n.source_id = f.source_id AND n.number = f.number
WHERE f.id = $1"""
HOLDING_OF = f"""SELECT {columns.ENTRY} FROM stock_ledger g
JOIN fulfillment_request_line l ON l.id = g.line_id WHERE l.request_id = $1"""
RELEASE_OF = "SELECT o.stock_release FROM fulfillment_request f JOIN source o ON o.id = f.source_id WHERE f.id = $1"
REROUTES = "SELECT reroute_on_fill FROM channel WHERE id = $1"


def lines_of_many(dialect: Dialect) -> str:
    """The lines of the requests in $1."""
    where = dialect.any_of("request_id", 1)
    return f"SELECT {columns.LINE} FROM fulfillment_request_line WHERE {where} ORDER BY request_id, line_number"


def lines_of(request: str, dialect: Dialect) -> str:
    """The lines of a request as one column, a JSON array of arrays (null or empty: none), in their order.

    A request and its lines are read in one statement, so that they are as they were at one moment.
    """
    of_request = f"FROM fulfillment_request_line l WHERE l.request_id = {request}"
    line = columns.listed(Line, "l")
    if dialect.is_sqlite:
        ordered = f"SELECT json_array({line}) AS line {of_request} ORDER BY l.line_number"
        return f"(SELECT json_group_array(json(line)) FROM ({ordered}))"
    return f"(SELECT json_agg(json_build_array({line}) ORDER BY l.line_number)::text {of_request})"


def with_lines(dialect: Dialect) -> str:
    """As `REQUEST_BY_ID`, with the request's lines."""
    return REQUEST_BY_ID.replace(columns.PARTICULARS, f"{columns.PARTICULARS}, {lines_of('s.id', dialect)}", 1)


class Filter:
    """A WHERE clause under construction, with its parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.terms: list[str] = []
        self.args: list[Any] = []

    def add(self, term: str, *args: Any) -> None:
        """Add `term`, in which each `?` is the place of the next argument."""
        for arg in args:
            self.args.append(arg)
            term = term.replace("?", f"${len(self.args)}", 1)
        self.terms.append(term)

    def any_of(self, column: str, values: tuple[Any, ...], kind: str) -> None:
        """`column` is one of `values`; no values means no filter."""
        if values:
            self.args.append(self.dialect.array(values))
            self.terms.append(self.dialect.any_of(column, len(self.args), kind))

    def known(self, column: str, wanted: bool | None) -> None:
        """`column` has a value, or has none."""
        if wanted is not None:
            self.terms.append(f"{column} IS {'NOT ' if wanted else ''}NULL")

    def after(self, column: str, moment: int | None) -> None:
        """`column` lies after `moment`."""
        if moment is not None:
            self.add(f"{column} > ?", moment)


def scoped(where: Filter, scope: Scope, table: str) -> None:
    """Bind a query to what the caller may see, by the columns of `table` (both tables have them)."""
    where.add(f"{table}.account_id = ?", scope.account_id)
    if scope.source_id is not None:
        where.add(f"{table}.source_id = ? AND s.released_seq IS NOT NULL", scope.source_id)
    if scope.channel_id is not None:
        where.add(f"{table}.channel_id = ?", scope.channel_id)


def driving_table(query: RequestQuery) -> str:
    """The table whose index finds the page: the states' when the filter is on what changes, else the other.

    Told to the planners by which table's copy of id, account, source and channel the query names.
    """
    by_state = query.statuses or query.failure_codes or query.needs_attention or query.eligible_for_processing
    return "s" if by_state or query.updated_after is not None else "f"


def filtered(query: RequestQuery, dialect: Dialect) -> tuple[str, list[Any]]:
    """FROM and WHERE of a list or a count, with its parameters."""
    where = Filter(dialect)
    table = driving_table(query)
    scoped(where, query.scope, table)
    if query.order_id is not None:
        where.add("f.order_id = ?", query.order_id)
    if query.since_id is not None:
        where.add(f"{table}.id > ?", query.since_id)
    if query.source_id is not None:
        where.add(f"{table}.source_id = ?", query.source_id)
    where.any_of("f.number", query.numbers, "text")
    if len(query.statuses) == 1:
        where.add("s.status = ?", str(query.statuses[0]))  # an index gives these in order of id
    else:
        where.any_of("s.status", query.statuses, "text")
    where.any_of("s.fulfillment_status", query.fulfillment_statuses, "text")
    where.any_of("s.failure_code", query.failure_codes, "text")
    if query.invoiced is not None:
        where.add("s.invoiced = ?", query.invoiced)
    where.known("s.acknowledged_at", query.is_acknowledged)
    where.known("s.sent_at", query.is_sent)
    where.known("s.canceled_at", query.is_canceled)
    where.after("s.acknowledged_at", query.acknowledged_after)
    where.after("s.sent_at", query.sent_after)
    where.after("f.generated_at", query.generated_after)
    where.after("s.canceled_at", query.canceled_after)
    where.after("s.modified_at", query.updated_after)
    _eligible(where, query.eligible_for_processing)
    _attention(where, query.needs_attention)
    other = "fulfillment_request_state s" if table == "f" else "fulfillment_request f"
    first = "fulfillment_request f" if table == "f" else "fulfillment_request_state s"
    return f"FROM {first} JOIN {other} ON s.id = f.id WHERE {' AND '.join(where.terms)}", where.args


def _eligible(where: Filter, wanted: bool | None) -> None:
    if wanted is not None:
        term = (
            f"(s.status = '{Status.UNPROCESSED}' AND EXISTS (SELECT 1 FROM orders o WHERE o.id = f.order_id"
            f" AND o.status IN ({quoted(ELIGIBLE_FOR_PROCESSING)})))"
        )
        where.terms.append(term if wanted else f"NOT {term}")


def _attention(where: Filter, wanted: bool | None) -> None:
    if wanted is not None:
        where.terms.append(f"s.status {'' if wanted else 'NOT '}IN ({quoted(STUCK)})")


WHOLE = f"{columns.STATE}, {columns.PARTICULARS}"
VERSIONS = "s.id, s.version"


def page_with_lines(query: RequestQuery, dialect: Dialect) -> tuple[str, list[Any]]:
    """One page of whole requests, each with its id before it and its lines behind it.

    The lines are read of what is on the page only.
    """
    sql, args = page(query, dialect, f"s.id AS request, {WHOLE}")
    return f"SELECT p.*, {lines_of('p.request', dialect)} FROM ({sql}) p ORDER BY p.request", args


def page(query: RequestQuery, dialect: Dialect, wanted: str) -> tuple[str, list[Any]]:
    """One page, by id ascending."""
    where, args = filtered(query, dialect)
    places = f"LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}"
    # A plus keeps SQLite from walking the account in order of id when a few numbers are asked for.
    order = f"ORDER BY {'+' if query.numbers else ''}{driving_table(query)}.id"
    return f"SELECT {wanted} {where} {order} {places}", [
        *args,
        query.limit,
        query.offset,
    ]


def by_ids(scope: Scope, ids: Sequence[int], dialect: Dialect) -> tuple[str, list[Any]]:
    """These requests, whole and with their lines, as far as `scope` may see them."""
    where = Filter(dialect)
    where.args.append(dialect.array(ids))
    where.terms.append(dialect.any_of("s.id", 1))
    scoped(where, scope, "s")
    tables = "fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id"
    wanted = f"{WHOLE}, {lines_of('s.id', dialect)}"
    return f"SELECT {wanted} FROM {tables} WHERE {' AND '.join(where.terms)} ORDER BY s.id", where.args


def count(query: RequestQuery, dialect: Dialect) -> tuple[str, list[Any]]:
    """How many match."""
    where, args = filtered(query, dialect)
    return f"SELECT count(*) {where}", args
