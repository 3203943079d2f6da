"""Group commit, bounds of queues, the order of locks, and the schema that a program may write to."""

from tests.mutants.mutant import Mutant

_WRITER = "storage/group_commit.py"
_LOCKS = "tests/storage/test_lock_order.py"

MUTANTS = (
    Mutant(
        "batch-neighbours-refused",
        "A change that the database refuses takes its neighbours along.",
        _WRITER,
        "            if len(groups) == 1:\n                return [error if isinstance(error, Refusal) else _defect(error)]\n",
        "            if groups:\n                return [error if isinstance(error, Refusal) else _defect(error)] * len(groups)\n",
        ("tests/storage/test_group_commit.py::test_a_bad_value_is_found_by_halves_and_only_its_caller_fails",),
    ),
    Mutant(
        "batch-not-run-again",
        "A change that met another one is refused, although it could be made.",
        _WRITER,
        "                if attempt == RERUNS:\n",
        "                if attempt >= 0:\n",
        ("tests/storage/test_group_commit.py::test_a_batch_that_was_rolled_back_runs_again_three_times_at_most",),
    ),
    Mutant(
        "batch-run-again-in-doubt",
        "A batch that failed at its end runs again, although it may be stored: made twice.",
        _WRITER,
        "            if error is not self._refused and not isinstance(error, BadRow):\n"
        "                raise  # it failed at its end: nobody knows whether it may run again\n",
        "",
        ("tests/storage/test_group_commit.py::test_a_batch_that_fails_at_its_end_does_not_run_again",),
    ),
    Mutant(
        "batch-without-a-bound",
        "One transaction takes all that waits: nobody is answered for minutes.",
        _WRITER,
        "while self._queue and len(taken) < BATCH:",
        "while self._queue and len(taken) < 100 * BATCH:",
        ("tests/storage/test_batches.py::test_a_batch_is_bounded",),
    ),
    Mutant(
        "queue-without-a-bound",
        "A hub whose database is slow takes changes until its memory is full.",
        _WRITER,
        "if self._closing or self.depth + len(jobs) > QUEUE:",
        "if self._closing or self.depth + len(jobs) > 100 * QUEUE:",
        ("tests/storage/test_group_commit.py::test_a_full_queue_refuses_at_once",),
    ),
    Mutant(
        "queue-without-an-end",
        "A change that its caller has long given up is made all the same.",
        _WRITER,
        "    return [group for group in groups if group.queued_at >= oldest]",
        "    return list(groups)",
        ("tests/storage/test_group_commit.py::test_what_waited_too_long_is_refused_and_not_written",),
    ),
    Mutant(
        "caller-that-left-takes-its-change-along",
        "A change that is being made breaks off when its caller hangs up.",
        "storage/waiting.py",
        "            cancelled = error\n",
        "            job.cancel()\n            cancelled = error\n",
        ("tests/storage/test_clean_up.py::test_a_commit_that_fails_after_its_caller_left_leaves_no_transaction_open",),
    ),
    Mutant(
        "locks-requests-before-orders",
        "Two hubs lock orders and requests in opposite orders, and wait for each other.",
        "storage/queries/postgres.py",
        '        parts.append(f"EXECUTE waypost_lock_orders({with_orders}, {owners})")\n    if locks.requests:\n'
        '        parts.append(f"EXECUTE waypost_lock_requests({literal(locks.requests)}, {owners})")\n',
        '        parts.append(f"EXECUTE waypost_lock_requests({literal(locks.requests)}, {owners})")\n    if locks.requests:\n'
        '        parts.append(f"EXECUTE waypost_lock_orders({with_orders}, {owners})")\n',
        (f"{_LOCKS}::test_kinds_of_rows_are_locked_in_the_one_order",),
    ),
    Mutant(
        "locks-counters-first",
        "The account's counter is locked first: one slow change stops all others of the account.",
        "storage/queries/postgres.py",
        '    parts = [] if revision is None else [begin(revision)]\n',
        '    parts = [] if revision is None else [begin(revision)]\n'
        '    parts.append(f"EXECUTE waypost_lock_counters({literal(locks.accounts)})")\n',
        (f"{_LOCKS}::test_kinds_of_rows_are_locked_in_the_one_order",),
    ),
    Mutant(
        "locks-against-the-ids",
        "Two hubs lock the same requests in opposite orders, and wait for each other.",
        "storage/queries/postgres.py",
        '" WHERE id = ANY($1) AND +account_id = ANY($2) ORDER BY id FOR NO KEY UPDATE"',
        '" WHERE id = ANY($1) AND +account_id = ANY($2) ORDER BY id DESC FOR NO KEY UPDATE"',
        (f"{_LOCKS}::test_requests_are_locked_by_id",),
    ),
    Mutant(
        "locks-no-stock",
        "Two hubs sell the same pieces, because neither locks the stock.",
        "storage/queries/postgres.py",
        "    elif locks.with_orders or locks.variants:\n        parts.append(f\"EXECUTE waypost_lock_variants({held})\")\n",
        "",
        (f"{_LOCKS}::test_kinds_of_rows_are_locked_in_the_one_order",),
    ),
    Mutant(
        "schema-unproved-on-sqlite",
        "An old process writes to a database that a newer version has migrated.",
        "storage/sqlite.py",
        "                prove_revision(db.execute(_REVISION).fetchall(), self._revision)\n",
        "",
        ("tests/storage/test_schema_fence.py::test_nothing_is_written_to_a_schema_of_another_version[sqlite]",),
    ),
    Mutant(
        "schema-unproved-on-postgresql",
        "An old process writes to a database that a newer version has migrated.",
        "storage/queries/proof.py",
        "CASE WHEN version_num = $1 THEN 0 ELSE",
        "CASE WHEN $1 = $1 THEN 0 ELSE",
        ("tests/storage/test_schema_fence.py::test_nothing_is_written_to_a_schema_of_another_version[postgresql]",),
    ),
    Mutant(
        "schema-not-held",
        "A migration begins in the middle of a change of an old process.",
        "storage/queries/proof.py",
        "; EXECUTE waypost_hold_schema; EXECUTE",
        "; EXECUTE",
        ("tests/storage/test_schema_on_postgres.py::test_what_arrives_during_a_migration_waits_for_its_end",),
    ),
)
