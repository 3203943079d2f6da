"""Pages of inventory, products and listings: one form of query for the five tables, bound to the caller's scope."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.ports.inventory import GoodsQuery, Named
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.pages import Page, Pages, Walk, owned
from waypost.storage.queries.requests import Filter


def page(table: str, wanted: str, query: GoodsQuery, dialect: Dialect) -> Page:
    """One page of `table` (`name alias`), by id. A scope's source or channel binds the tables that have one.

    Ids, SKUs and UPCs are looked up; a plus takes every other column, and the order by id, from the planners.
    """
    name, alias = table.split()
    account = ("account_id", query.scope.account_id)
    bounds = [
        (column, bound) for column in ("source_id", "channel_id")
        for bound in (getattr(query.scope, column), getattr(query, column)) if bound is not None
    ]  # fmt: skip
    # What is asked for two sources is not there: nothing is walked for it.
    owner = account if not bounds else owned(bounds[0][0], bounds[0][1] if len(set(bounds)) == 1 else None, query.scope)

    def bind(where: Filter) -> None:
        where.add(f"+{alias}.account_id = ?", query.scope.account_id)
        for column, bound in bounds:
            where.add(f"+{alias}.{column} = ?", bound)

    walk = Walk(name, alias, (owner,), ("id",))
    pages = Pages(dialect, wanted, walk, bind, query.limit, query.offset)

    def match(where: Filter) -> None:
        where.any_of(f"{alias}.id", query.ids, "bigint")
        for column, names in (("sku", query.skus), ("upc", query.upcs)):
            if names and query.ids:
                where.any_of(f"{alias}.{column}", names, "text")
            elif names:
                of, id_ = bounds[0] if column == "sku" and bounds else account  # the key of these begins so
                owner = (of, where.place(id_))
                where.args.append(dialect.array(names))
                where.terms.append(dialect.named(name, alias, owner, column, len(where.args)))
        where.after(f"+{alias}.updated_at", query.updated_after)

    if query.ids or query.skus or query.upcs:
        return pages.looked_up(match)
    if query.updated_after is None:
        return pages.plain()
    rare = Walk(name, alias, (account,), ("updated_at",), query.updated_after)
    return pages.narrowed(match, ("updated_at", "account_id", *(column for column, _ in bounds)), rare)


def asked(
    table: str, owner: str, scope: Scope, asks: tuple[Sequence[int], Sequence[Named]], dialect: Dialect
) -> Iterator[tuple[str, list[Any]]]:
    """FROM, WHERE and parameters that find the caller's variants `v` with these ids; then those with these names."""
    ids, names = asks
    found: list[tuple[str, list[Any]]] = []
    if ids:
        found.append((f"FROM {table} v WHERE {dialect.any_of('v.id', 1)}", [dialect.array(ids)]))
    if names:
        found.append(dialect.by_pair(table, "v", (owner, "sku"), names))
    for found_by, args in found:
        where = Filter(dialect)
        where.args, where.terms = args, [found_by]
        where.add("+v.account_id = ?", scope.account_id)
        bound = getattr(scope, owner)
        if bound is not None:
            where.add(f"+v.{owner} = ?", bound)
        yield " AND ".join(where.terms), where.args


def insert(table: str, record: Any) -> str:
    """Insert a record as it is."""
    return f"INSERT INTO {table} ({columns.listed(record)}) VALUES ({columns.places(record)})"


def update(table: str, names: Sequence[str]) -> str:
    """Write these columns by id."""
    sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 1))
    return f"UPDATE {table} SET {sets} WHERE id = ${len(names) + 1}"


def values(records: Iterable[Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of `update`."""
    return [(*(getattr(one, name) for name in names), one.id) for one in records]
