"""What was answered is stored, and what is not known is not called stored."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "answer-before-commit-on-sqlite",
        "A change is answered before it is on the disk: a crash loses it.",
        "storage/sqlite.py",
        "await finished(asyncio.get_running_loop().run_in_executor(self._committer, db.commit))",
        "await asyncio.wait([asyncio.get_running_loop().run_in_executor(self._committer, db.commit)], timeout=0.1)",
        ("tests/storage/test_durable_answers.py::test_nobody_is_answered_before_the_commit_has_ended[sqlite]",),
    ),
    Mutant(
        "answer-before-commit-on-postgresql",
        "A change is answered before the database has confirmed it: a crash loses it.",
        "storage/postgres.py",
        "                await self._commit(tx)\n",
        "                committing = asyncio.ensure_future(self._commit(tx))\n"
        "                await asyncio.wait([committing], timeout=0.1)\n",
        ("tests/storage/test_durable_answers.py::test_nobody_is_answered_before_the_commit_has_ended[postgresql]",),
    ),
    Mutant(
        "failed-sync-believed",
        "A change that the disk did not confirm is answered as stored, and gone after a power cut.",
        "storage/sqlite.py",
        "if found and not is_unsynced(error):",
        "if found:",
        ("tests/storage/test_sqlite.py::test_a_commit_that_the_disk_did_not_confirm_is_in_doubt",),
    ),
    Mutant(
        "file-gone-unnoticed",
        "Changes go on into a file that was removed, and are lost with the process.",
        "storage/sqlite_disk.py",
        "if _identity(self._path) != self._was or self._handle < 0:",
        "if self._handle < 0:",
        ("tests/storage/test_sqlite.py::test_nothing_is_acknowledged_once_the_file_is_not_in_its_place",),
    ),
    Mutant(
        "lost-commit-believed",
        "A change of which nobody knows whether it was stored is answered as stored.",
        "storage/postgres.py",
        'if fate != "committed":',
        'if fate not in ("committed", None):',
        ("tests/storage/test_postgres.py::test_a_commit_that_cannot_be_asked_about_is_unknown",),
    ),
    Mutant(
        "lost-commit-called-unstored",
        "A change that was stored is called not stored: its caller sends it again.",
        "storage/postgres.py",
        'in_doubt = tx.lone and isinstance(error, LOST) and not isinstance(error, WAITED)',
        "in_doubt = False",
        ("tests/storage/test_postgres.py::test_a_lone_move_whose_answer_was_lost_is_unknown",),
    ),
    Mutant(
        "rolled-back-commit-believed",
        "A commit that the database turned into a roll-back is answered as stored.",
        "storage/postgres.py",
        'if tag == "ROLLBACK":',
        'if tag == "ROLL BACK":',
        ("tests/storage/test_durable_answers.py::test_a_commit_that_rolls_back_is_no_success",),
    ),
    Mutant(
        "change-of-what-changed-meanwhile",
        "A change that was decided on an older state is written over a newer one.",
        "storage/queries/writing.py",
        "AND status = ${_n + 2} AND version = ${_n + 3}",
        "AND status <> '-' || ${_n + 2} AND version <> -CAST(${_n + 3} AS bigint)",
        (
            "tests/storage/test_conditional_writes.py::test_a_state_that_is_not_as_it_was_read_is_not_written[sqlite-version]",
            "tests/storage/test_conditional_writes.py::test_a_state_that_is_not_as_it_was_read_is_not_written[sqlite-status]",
        ),
    ),
    Mutant(
        "change-of-what-changed-meanwhile-on-postgresql",
        "A change that was decided on an older state is written over a newer one.",
        "storage/queries/postgres.py",
        'held = "".join(f" AND t.{guard} = c.was_{guard}" for guard in guards)',
        'held = ""',
        (
            "tests/storage/test_conditional_writes.py::test_a_state_that_is_not_as_it_was_read_is_not_written[postgresql-version]",
            "tests/storage/test_conditional_writes.py::test_a_state_that_is_not_as_it_was_read_is_not_written[postgresql-status]",
        ),
    ),
)
# More to come with the tests of the databases' settings: `synchronous = NORMAL`, `synchronous_commit = off`.
