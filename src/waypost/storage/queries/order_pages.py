"""Lists of orders: each query is driven by the most selective thing it asks for; see `request_pages`."""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import partial
from typing import Any

from waypost.app.ports.orders import OrderQuery
from waypost.storage.dialect import Dialect, is_there
from waypost.storage.queries.requests import Filter
from waypost.storage.queries.shortest import List, Statement
from waypost.storage.queries.walks import Since, Walk, beginnings, has_more, merged

_NUMBERS = "order_number"
_REFERENCES = "reference_number"


class Driver(StrEnum):
    """What finds the orders."""

    NUMBERS = "numbers"
    REFERENCES = "reference numbers"
    UPDATED = "updated"  # since a moment, as the three that follow
    ORDERED = "ordered"
    REQUESTS = "requests"  # of the order
    SHIPMENTS = "shipments"
    STATUSES = "statuses"
    ID = "id"


def changed_after(query: OrderQuery) -> dict[Driver, Since]:
    """What changed of every order that matches. A moment before 1970 means "all" to those who send it."""
    moments = (
        (Driver.REQUESTS, "fulfillment_request_state", "modified_at", query.requests_updated_after),
        (Driver.SHIPMENTS, "shipment", "updated_at", query.shipments_updated_after),
        (Driver.UPDATED, "orders", "updated_at", query.updated_after),
        (Driver.ORDERED, "orders", "ordered_at", query.ordered_after),
    )
    return {
        driver: Since(table, column, query.scope.account_id, after)
        for driver, table, column, after in moments if after is not None and after > 0
    }  # fmt: skip


def drivers(query: OrderQuery, few: Driver | None) -> tuple[Driver, ...]:
    """What the query can be driven by; see `page_by_shortest`. `few`: one of `changed_after` that is so."""
    if query.numbers:
        return (Driver.NUMBERS,)
    if query.reference_numbers:
        return (Driver.REFERENCES,)
    if few is not None:
        return (few,)
    return (Driver.STATUSES if query.statuses else Driver.ID, *changed_after(query))


def lists(
    query: OrderQuery, found: Iterable[Driver], dialect: Dialect, page: Callable[..., Statement]
) -> Iterator[List]:
    """What the query can be driven by. `page`: as the one of this module, with what is to be shown of the orders."""
    changed = changed_after(query)
    for driver in found:
        whole = partial(page, query, dialect, driver)
        if driver in changed:
            yield List(whole, changed[driver].longer)
        else:
            yield List(whole, partial(_longer, query, dialect, driver), whole)


def _longer(query: OrderQuery, dialect: Dialect, driver: Driver, most: int) -> Statement:
    """Whether the list alone is, whatever else is asked of what it has."""
    where = Filter(dialect)
    owner = _owner(query, where, where.place(query.scope.account_id))
    walked = [walk.whole for walk in _walks(query, driver, where, owner)]
    return f"SELECT {has_more(walked, where.place(most))}", where.args


def _owner(query: OrderQuery, where: Filter, account: str) -> tuple[str, str]:
    """The narrowest column that binds the orders, and SQL of its value."""
    channel = where.own("channel", account, query.scope.channel_id, query.channel_id)
    return ("account_id", account) if channel is None else ("channel_id", channel)


def page(query: OrderQuery, dialect: Dialect, driver: Driver, look: int | None = None) -> tuple[str, list[Any]]:
    """The ids of one page, ascending. `look`: it may lack what lies behind the first so many rows."""
    where = Filter(dialect)
    account = where.place(query.scope.account_id)
    owner = _owner(query, where, account)
    if owner[0] != "account_id":
        where.terms.append(f"o.{owner[0]} = {owner[1]}")
    _conditions(where, query, driver)
    begin = ""
    if driver in (Driver.STATUSES, Driver.ID):
        walks = [*_walks(query, driver, where, owner)]
        if look is not None:
            begin, walks = beginnings(walks, where.place(look))
        where.terms.append("o.id = w.id")
        selects = [_select(where, walk.tables, walk.rows, walk.order) for walk in walks]
    else:
        table, column, rows = _found(query, driver, where)
        by = dialect.by_index(table, "w", ("account_id", column))
        where.terms += [f"o.id = w.{'id' if table == 'orders' else 'order_id'}", f"o.account_id = {account}"]
        selects = [_select(where, by, f"w.account_id = {account} AND {rows}", "o.id", "DISTINCT ")]
    return begin + merged(selects, where.place, query.limit, query.offset), where.args


def _select(where: Filter, tables: str, rows: str, order: str, distinct: str = "") -> str:
    found = where.dialect.looked_up(tables, rows, "orders o", " AND ".join(where.terms))
    return f"SELECT {distinct}o.id {found} ORDER BY {order}"


def _walks(query: OrderQuery, driver: Driver, where: Filter, owner: tuple[str, str]) -> Iterator[Walk]:
    column, value = owner
    if driver is Driver.ID:
        yield Walk(where.dialect, "orders", (column,), (value,), "1")
        return
    for status in dict.fromkeys(query.statuses):
        yield Walk(where.dialect, "orders", (column, "status"), (value, where.place(str(status))), "1")


def _found(query: OrderQuery, driver: Driver, where: Filter) -> tuple[str, str, str]:
    """By what else than a walk: table, the index's column after the account, and condition."""
    if driver is Driver.NUMBERS:
        return "orders", _NUMBERS, where.among(f"w.{_NUMBERS}", query.numbers, "text")
    if driver is Driver.REFERENCES:
        return "orders", _REFERENCES, where.among(f"w.{_REFERENCES}", query.reference_numbers, "text")
    since = changed_after(query)[driver]
    return since.table, since.column, f"w.{since.column} > {where.place(since.after)}"


def _conditions(where: Filter, query: OrderQuery, driver: Driver) -> None:
    """What orders must be like, but for what the driver knows of all that belongs to them."""
    where.any_of("o.order_number", query.numbers, "text")
    where.any_of("o.reference_number", query.reference_numbers, "text")
    where.any_of("o.status", query.statuses, "text")
    where.after("o.updated_at", query.updated_after)
    where.after("o.ordered_at", query.ordered_after)
    if query.tags:
        each = "json_each(o.tags)" if where.dialect.is_sqlite else "json_array_elements_text(o.tags::json) AS t(value)"
        where.terms.append(is_there(f"FROM {each} WHERE {where.among('value', query.tags, 'text')}"))
    if query.requests_updated_after is not None and driver is not Driver.REQUESTS:
        changed = "SELECT u.modified_at FROM fulfillment_request_state u WHERE u.id = t.id"
        of_order = f"t.order_id = o.id AND ({changed}) > {where.place(query.requests_updated_after)}"
        where.terms.append(is_there(f"FROM fulfillment_request t WHERE {of_order}"))
    if query.shipments_updated_after is not None and driver is not Driver.SHIPMENTS:
        of_order = f"t.order_id = o.id AND t.updated_at > {where.place(query.shipments_updated_after)}"
        where.terms.append(is_there(f"FROM shipment t WHERE {of_order}"))
