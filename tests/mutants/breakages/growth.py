"""Statements as they were when they cost more in a large account."""

from tests.mutants.mutant import Mutant

_MEASURED = "tests/growth/test_growth.py::test_no_operation_costs_more_on_twenty_times_the_data"
_HARDLY_ANY = "tests/growth/test_growth.py::test_what_hardly_any_request_has_costs_no_history"
_MERGED = "tests/storage/test_merged_pages.py"

MUTANTS = (
    Mutant(
        "growth-facets",
        "Whoever asks what is not invoiced yet waits while all that was ever shipped is read.",
        "storage/queries/request_drivers.py",
        "last = Driver.FACETS if _asks_facets(query) and not of_both else listed",
        "last = listed",
        (f"{_HARDLY_ANY}[SQLite without ANALYZE-true-none]",),
    ),
    Mutant(
        "growth-rare-failures",
        "A search for a code that one request failed with reads all that failed.",
        "storage/reading.py",
        "            return Driver.FAILED\n",
        "            return None\n",
        (f"{_MEASURED}[SQLite without ANALYZE]",),
    ),
    Mutant(
        "growth-channel-and-source",
        "A channel that asks what one source has acknowledged for it waits while all of the source's are read.",
        "storage/queries/request_drivers.py",
        "        named = False  #",
        "        pass  #",
        (f"{_MEASURED}[SQLite without ANALYZE]",),
    ),
    Mutant(
        "growth-goods-by-moment",
        "Two SKUs are looked for among all goods that have changed since a moment.",
        "storage/queries/goods.py",
        'where.after(f"+{alias}.updated_at"',
        'where.after(f"{alias}.updated_at"',
        (f"{_MEASURED}[SQLite without ANALYZE]",),
    ),
    Mutant(
        "facets-without-what-is-on-its-way",
        "A list of what is invoiced leaves out requests that are on their way.",
        "storage/queries/request_pages.py",
        "LIMIT 1 OFFSET {place(wanted - 1)}",
        "LIMIT 1 OFFSET {place(0)}",
        (f"{_MERGED}::test_what_is_on_its_way_stands_between_what_has_ended",),
    ),
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
    Mutant(
        "growth-hash-join",
        "PostgreSQL walks all items of all shipments to ship one request, while nobody has analysed them.",
        "storage/postgres_reads.py",
        '"enable_hashjoin": "off", ',
        "",
        ("tests/storage/test_plans.py::test_no_hot_operation_walks_a_table[postgresql]",),
    ),
    Mutant(
        "growth-numbers-by-lists",
        "PostgreSQL walks all orders of a channel to look up 500 numbers, while nobody has analysed them.",
        "storage/transaction.py",
        'where = "o.channel_id = k.channel_id AND o.order_number = k.order_number"',
        'where = "o.channel_id = k.channel_id AND o.order_number || k.order_number = k.order_number || k.order_number"',
        ("tests/storage/test_fresh_plans.py::test_five_hundred_keys_are_looked_up_in_a_table_without_statistics",),
    ),
    Mutant(
        "growth-retries-joined",
        "A look for what is due for a retry walks everything that waits.",
        "storage/delivery.py",
        'order = "" if d.is_sqlite else " ORDER BY h.next_at"',
        'order = ""',
        ("tests/storage/test_waiting_plans.py::test_a_look_for_what_is_due_walks_nothing_that_waits[postgresql-analysed]",),
    ),
    Mutant(
        "growth-batch-joined",
        "PostgreSQL walks all orders to load the one that a change is about, while nobody has analysed them.",
        "storage/queries/postgres.py",
        "FROM orders o WHERE o.id = ANY(ARRAY(SELECT order_id FROM mine))",
        "FROM orders o WHERE o.id IN (SELECT order_id FROM mine)",
        ("tests/growth/test_growth.py::test_no_table_is_walked_because_it_seems_large",),
    ),
    Mutant(
        "pages-skip-between-statuses",
        "Of requests of two statuses that changed since, a page passes over those behind the first thousand of one.",
        "storage/queries/walks.py",
        '[walk._replace(last="(SELECT last FROM look)") for walk in walks]',
        "[walk._replace(last=walk.end_of_look(before)) for walk in walks]",
        ("tests/storage/test_merged_pages.py::test_no_page_passes_over_what_lies_behind_a_look[sqlite]",),
    ),
)
