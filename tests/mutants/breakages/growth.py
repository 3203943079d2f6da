"""Statements as they were when they cost more in a large account."""

from tests.mutants.mutant import Mutant

_MEASURED = "tests/growth/test_growth.py::test_no_operation_costs_more_on_twenty_times_the_data"

MUTANTS = (
    Mutant(
        "growth-without-plus",
        "The shipments of one order are looked for among all shipments of the account.",
        "storage/shipments.py",
        'where.add("+h.account_id = ?", scope.account_id)',
        'where.add("h.account_id = ?", scope.account_id)',
        (f"{_MEASURED}[SQLite without ANALYZE]",),
    ),
    Mutant(
        "growth-join",
        "A page of requests joins all requests of the account before it takes a few of them.",
        "storage/dialect.py",
        'f"FROM {tables} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0) {alias} WHERE {rows}"',
        'f"FROM {tables} JOIN (SELECT * FROM {table}) {alias} ON {where} WHERE {rows}"',
        (f"{_MEASURED}[PostgreSQL after ANALYZE]",),
    ),
    Mutant(
        "growth-order",
        "PostgreSQL reads all orders in order of their id to show one page of them.",
        "storage/orders.py",
        "WHERE o.id IN ({ids}) ORDER BY +o.id",
        "WHERE o.id IN ({ids}) ORDER BY o.id",
        (f"{_MEASURED}[PostgreSQL after ANALYZE]",),
    ),
)
