"""Backups, restores, and imports of files."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "backup-unverified",
        "A damaged backup is restored in the place of a good database.",
        "storage/backup.py",
        "    verify(source)\n",
        "",
        ("tests/storage/test_backup.py::test_a_damaged_backup_is_refused_and_nothing_changes[postgresql]",),
    ),
    Mutant(
        "backup-of-two-moments",
        "A backup of PostgreSQL holds lines of a request and not its order, because it was made over some time.",
        "storage/transfer.py",
        'isolation="repeatable_read", readonly=True',
        'isolation="read_committed", readonly=True',
        ("tests/storage/test_backup.py::test_a_backup_of_postgresql_is_of_one_moment",),
    ),
    Mutant(
        "backup-over-another",
        "A backup takes the place of an older one unasked.",
        "storage/backup.py",
        "if target.is_dir() or (target.exists() and not force):",
        "if target.is_dir():",
        ("tests/storage/test_backup.py::test_a_backup_is_not_overwritten_unasked",),
    ),
    Mutant(
        "restore-over-data",
        "A restore writes into a PostgreSQL database that holds another merchant's data.",
        "storage/transfer.py",
        "            return False\n    return True\n",
        "            continue\n    return True\n",
        ("tests/storage/test_backup.py::test_postgresql_data_is_never_replaced",),
    ),
    Mutant(
        "import-rows-twice",
        "An import that was cut off applies rows twice when it goes on: quantities are set back.",
        "importing/running.py",
        "if item.last <= self._begun_after:",
        "if item.last < 0:",
        ("tests/cli/test_importing.py::test_a_run_that_was_cut_off_goes_on_where_it_was",),
    ),
    Mutant(
        "import-rows-skipped",
        "An import that was cut off leaves rows out when it goes on.",
        "importing/running.py",
        "done = jobs[0][-1].last if jobs[0] else run.rows_done",
        "done = jobs[0][-1].last + 1 if jobs[0] else run.rows_done",
        ("tests/cli/test_importing.py::test_a_run_that_was_cut_off_goes_on_where_it_was",),
    ),
    Mutant(
        "import-twice-at-once",
        "Two imports of one file at the same time apply it twice.",
        "storage/imports.py",
        "WHERE id = $5 AND rows_done = $6 AND rows_refused = $7\n",
        "WHERE id = $5 AND rows_done <> -1 - CAST($6 AS bigint) AND rows_refused <> -1 - CAST($7 AS bigint)\n",
        ("tests/cli/test_importing.py::test_two_imports_of_one_file_at_once",),
    ),
    Mutant(
        "import-refuses-a-whole-batch",
        "One row that the database refuses costs all orders of its batch.",
        "importing/running.py",
        "            if len(batch) == 1:\n                words",
        "            if batch:\n                words",
        ("tests/cli/test_importing.py::test_a_value_that_the_database_refuses_costs_its_own_order_only",),
    ),
)
