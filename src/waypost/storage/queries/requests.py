"""Reading fulfillment requests by id, and what the scope of a caller lets it see; lists: see `request_pages`.

The scope is part of every statement: a request outside it is not found, it is never found and then hidden.
"""

from collections.abc import Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.domain.fulfillment import Line
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


def sizes(dialect: Dialect) -> str:
    """How many lines each of the requests in $1 has, and how many items its order, as far as they are visible."""
    # The plus keeps planners from walking the account instead of looking each id up.
    return f"""SELECT s.id, s.order_id,
      (SELECT count(*) FROM fulfillment_request_line l WHERE l.request_id = s.id),
      (SELECT count(*) FROM order_item i WHERE i.order_id = s.order_id)
    FROM fulfillment_request_state s WHERE {dialect.any_of("s.id", 1)} AND +{VISIBLE} ORDER BY s.id"""


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

    def place(self, arg: Any) -> str:
        """The place of this argument."""
        self.args.append(arg)
        return f"${len(self.args)}"

    def add(self, term: str, *args: Any) -> None:
        """Add `term`, in which each `?` is the place of the next argument."""
        for arg in args:
            term = term.replace("?", self.place(arg), 1)
        self.terms.append(term)

    def any_of(self, column: str, values: tuple[Any, ...], kind: str) -> None:
        """`column` is one of `values`; no values means no filter."""
        if values:
            self.terms.append(self.among(column, values, kind))

    def among(self, column: str, values: tuple[Any, ...], kind: str) -> str:
        """The condition that `column` is one of `values`."""
        self.args.append(self.dialect.array(values))
        return self.dialect.any_of(column, len(self.args), kind)

    def own(self, table: str, account: str, *ids: int | None) -> str | None:
        """SQL of the id that all of these are, null where the account has no such row of `table`; None: no id given."""
        terms = [f"a.id = {self.place(id_)}" for id_ in ids if id_ is not None]
        if not terms:
            return None
        return f"(SELECT a.id FROM {table} a WHERE {' AND '.join(terms)} AND a.account_id = {account})"

    def known(self, column: str, wanted: bool | None) -> None:
        """`column` has a value, or has none."""
        if wanted is not None:
            self.terms.append(f"{column} IS {'NOT ' if wanted else ''}NULL")

    def after(self, column: str, moment: int | None) -> None:
        """`column` lies after `moment`."""
        if moment is not None:
            self.add(f"{column} > ?", moment)


def by_ids(scope: Scope, ids: Sequence[int], dialect: Dialect) -> tuple[str, list[Any]]:
    """These requests, whole and with their lines, as far as `scope` may see them."""
    where = Filter(dialect)
    where.any_of("s.id", tuple(ids), "bigint")
    # The pluses keep planners from the indexes of an account, a source or a channel.
    where.add("+s.account_id = ?", scope.account_id)
    if scope.source_id is not None:
        where.add("+s.source_id = ? AND s.released_seq IS NOT NULL", scope.source_id)
    if scope.channel_id is not None:
        where.add("+s.channel_id = ?", scope.channel_id)
    tables = "fulfillment_request_state s CROSS JOIN fulfillment_request f"
    wanted = f"{columns.STATE}, {columns.PARTICULARS}, {lines_of('s.id', dialect)}"
    return f"SELECT {wanted} FROM {tables} WHERE f.id = s.id AND {' AND '.join(where.terms)} ORDER BY +s.id", where.args
