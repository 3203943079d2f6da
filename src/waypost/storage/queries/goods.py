"""Pages of inventory, products and listings: one form of query for the five tables, bound to the caller's scope."""

from collections.abc import Iterable, Sequence
from typing import Any

from waypost.app.ports.inventory import GoodsQuery
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns
from waypost.storage.queries.requests import Filter


def page(table: str, wanted: str, query: GoodsQuery, dialect: Dialect) -> tuple[str, list[Any]]:
    """One page of `table` (`name alias`), by id. A scope's source or channel binds the tables that have one."""
    alias = table.split()[1]
    where = Filter(dialect)
    where.add(f"{alias}.account_id = ?", query.scope.account_id)
    for column in ("source_id", "channel_id"):
        for bound in (getattr(query.scope, column), getattr(query, column)):
            if bound is not None:
                where.add(f"{alias}.{column} = ?", bound)
    where.any_of(f"{alias}.sku", query.skus, "text")
    where.any_of(f"{alias}.id", query.ids, "bigint")
    where.any_of(f"{alias}.upc", query.upcs, "text")
    where.after(f"{alias}.updated_at", query.updated_after)
    first = len(where.args) + 1
    # A plus keeps SQLite from walking the account in order of id when a few SKUs are asked for.
    order = f"{'+' if query.skus else ''}{alias}.id"
    sql = f"""SELECT {wanted} FROM {table} WHERE {" AND ".join(where.terms)}
      ORDER BY {order} LIMIT ${first} OFFSET ${first + 1}"""
    return sql, [*where.args, query.limit, query.offset]


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
