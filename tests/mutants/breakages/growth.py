"""Statements as they were when they cost more in a large account."""

from tests.mutants.mutant import Mutant

_MEASURED = "tests/growth/test_growth.py::test_no_operation_costs_more_on_twenty_times_the_data"

MUTANTS = (
    Mutant(
        "link-stuck-behind-unknown-names",
        "Orders of a channel that can be linked are never reached: others are found by a name, and not linked by it.",
        "storage/orders.py",
        "  WHEN i.product_variant_id IS NOT NULL THEN",
        "  WHEN 1 = 0 THEN",
        ("tests/http/test_order_links.py::test_items_whose_best_name_is_unknown_do_not_stand_before_others",),
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
        "growth-kept-texts",
        "The hub keeps 256 lists of a hundred long texts that a caller has asked for.",
        "storage/queries/request_pages.py",
        "return not (query.numbers or query.failure_codes)",
        "return True",
        ("tests/storage/test_request_drivers.py::test_no_statement_is_kept_with_texts_that_a_caller_chooses",),
    ),
    Mutant(
        "growth-overdue",
        "A clock rule looks every 15 seconds at all that is held, snoozed, or was told of before.",
        "storage/clock_rules.py",
        'if which is _failed else ("watched",)',
        'if which else ("watched",)',
        (f"{_MEASURED}[SQLite without ANALYZE]",),
    ),
    Mutant(
        "growth-link",
        "To link the items of one SKU, all items that were never linked are read.",
        "storage/orders.py",
        "{dialect.any_found('i.sku', products)}",
        "{dialect.any_found('+i.sku', products)}",
        ("tests/storage/test_link_plans.py::test_items_of_a_sku_are_found_by_it[sqlite-fresh]",),
    ),
    Mutant(
        "pages-skip-between-statuses",
        "Of requests of two statuses that changed since, a page passes over those behind the first thousand of one.",
        "storage/queries/walks.py",
        '[walk._replace(last="(SELECT last FROM look)") for walk in walks]',
        "[walk._replace(last=walk.end_of_look) for walk in walks]",
        ("tests/storage/test_merged_pages.py::test_no_page_passes_over_what_lies_behind_a_look[sqlite]",),
    ),
)
