"""Idempotency keys: one call is applied once.

The mutants of how keys are kept, compared and answered belong here, and those of how records are stored.
"""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "keys-purged-young",
        "All keys are forgotten within a minute: a call that is repeated later is made twice.",
        "app/upkeep.py",
        "return await tx.purge_keys(hub.clock() - KEPT_FOR_S * 1_000_000, limit)",
        "return await tx.purge_keys(hub.clock(), limit)",
        ("tests/http/test_upkeep.py::test_a_key_is_kept_for_a_day",),
    ),
    Mutant(
        "keys-purged-all",
        "A purge of old keys takes the young ones along.",
        "storage/transaction.py",
        "SELECT family, key FROM idempotency_key WHERE created_at < $1 ORDER BY",
        "SELECT family, key FROM idempotency_key WHERE created_at <> -CAST($1 AS bigint) ORDER BY",
        ("tests/http/test_upkeep.py::test_a_key_is_kept_for_a_day",),
    ),
    Mutant(
        "keys-never-purged",
        "Keys are kept for ever: the database grows without an end.",
        "app/upkeep.py",
        "hub.clock() - KEPT_FOR_S * 1_000_000",
        "hub.clock() - 365 * KEPT_FOR_S * 1_000_000",
        ("tests/http/test_upkeep.py::test_a_key_is_kept_for_a_day",),
    ),
    Mutant(
        "keys-never-kept",
        "A call that is repeated is made again: the key is not stored.",
        "app/idempotency.py",
        "        if kept:\n            await tx.keep(kept, clock())\n",
        "        if kept:\n            clock()\n",
        (
            "tests/storage/test_idempotency.py::test_a_replay_survives_whatever_came_after",
        ),
    ),
    Mutant(
        "keys-of-another-input",
        "A call with other input gets the reply to the earlier one, and nothing is done.",
        "app/idempotency.py",
        "kept.operation != key.operation or kept.fingerprint != key.fingerprint",
        "kept.operation != key.operation",
        (
            "tests/storage/test_idempotency.py::test_the_same_key_with_another_call_is_refused[sqlite-change0]",
            "tests/storage/test_idempotency.py::test_the_same_key_with_another_call_is_refused[postgresql-change0]",
        ),
    ),
    Mutant(
        "keys-of-another-operation",
        "A call to another operation gets the reply to the earlier one, and nothing is done.",
        "app/idempotency.py",
        "kept.operation != key.operation or kept.fingerprint",
        "kept.fingerprint",
        (
            "tests/storage/test_idempotency.py::test_the_same_key_with_another_call_is_refused[sqlite-change1]",
            "tests/storage/test_idempotency.py::test_the_same_key_with_another_call_is_refused[postgresql-change1]",
        ),
    ),
    Mutant(
        "keys-kept-for-refusals",
        "A refused call keeps its key: the right call can never be made with it.",
        "app/idempotency.py",
        "if key is not None and not isinstance(outcome, Refusal):\n                yield KeptOutcome(key, account_id, await in_slices(encoded(outcome)))",
        "if key is not None:\n                yield KeptOutcome(key, account_id, '{}')",
        (
            "tests/storage/test_idempotency.py::test_a_refusal_frees_the_key",
        ),
    ),
    Mutant(
        "replays-not-marked",
        "A client cannot tell a replay from a change.",
        "app/idempotency.py",
        "        return found._replace(replayed=True)\n",
        "        return found\n",
        (
            "tests/storage/test_idempotency.py::test_a_repeat_gives_the_same_answer_and_changes_nothing",
        ),
    ),
    Mutant(
        "batch-makes-both",
        "Two calls with one key that meet in one batch are both made, or both fail.",
        "app/idempotency.py",
        "elif self._first.setdefault(key.name, place) == place:",
        "elif self._first.setdefault(key.name, place) is not None:",
        (
            "tests/storage/test_idempotency.py::test_a_call_that_meets_itself_in_a_batch_is_a_repeat",
        ),
    ),
    Mutant(
        "batch-compares-nothing",
        "Another call that meets the key in its batch gets the reply to the first one.",
        "app/idempotency.py",
        "if used is not None and used != key:",
        "if used is None:",
        (
            "tests/storage/test_idempotency.py::test_a_call_that_meets_itself_in_a_batch_is_a_repeat",
        ),
    ),
    Mutant(
        "key-under-way-forgotten",
        "A call under way is asked for again, and waits instead of being refused.",
        "app/idempotency.py",
        "        if key.name in self._held:\n",
        "        if key in self._held:\n",
        (
            "tests/storage/test_idempotency.py::test_a_key_in_progress_is_refused_at_once",
        ),
    ),
    Mutant(
        "key-of-another-process-waited-for",
        "A key that another process is using makes the caller wait for its commit.",
        "storage/queries/postgres.py",
        "pg_try_advisory_xact_lock(hash) AS mine",
        "pg_advisory_xact_lock(hash) IS NOT NULL AS mine",
        (
            "tests/storage/test_key_claims.py::test_a_key_that_another_process_uses_is_refused_at_once",
        ),
    ),
    Mutant(
        "key-of-another-process-taken",
        "Two processes make one call each at the same time.",
        "storage/queries/postgres.py",
        "pg_try_advisory_xact_lock(hash) AS mine",
        "hash IS NOT NULL AS mine",
        (
            "tests/storage/test_key_claims.py::test_a_key_that_another_process_uses_is_refused_at_once",
        ),
    ),
    Mutant(
        "keys-of-all-families-on-sqlite",
        "A key that somebody else has used answers with their reply.",
        "storage/queries/writing.py",
        "FROM idempotency_key WHERE family = $1 AND key = $2",
        "FROM idempotency_key WHERE (family = $1 OR key = $2) AND key = $2",
        (
            "tests/storage/test_idempotency.py::test_keys_belong_to_a_family_of_tokens[sqlite]",
        ),
    ),
    Mutant(
        "keys-of-all-families-on-postgresql",
        "A key that somebody else has used answers with their reply.",
        "storage/queries/postgres.py",
        "i.family = k.family AND i.key = k.key",
        "i.key = k.key",
        (
            "tests/storage/test_idempotency.py::test_keys_belong_to_a_family_of_tokens[postgresql]",
        ),
    ),
    Mutant(
        "dry-run-keeps-its-key",
        "A dry run uses the key up: the real call is never made.",
        "http/call.py",
        'if key is None or self.operation is None or params.get("dryRun"):',
        "if key is None or self.operation is None:",
        (
            "tests/http/test_repeats.py::test_a_dry_run_neither_looks_at_keys_nor_keeps_them",
        ),
    ),
    Mutant(
        "records-by-position",
        "What is stored means something else as soon as a record has one more field.",
        "app/stored_records.py",
        "        yield len(made)\n        return made\n",
        "        yield len(made)\n        return list(made.values())\n",
        (
            "tests/app/test_stored_records.py::test_the_version_is_written",
        ),
    ),
    Mutant(
        "version-not-read",
        "A record of a later release is taken for one of this.",
        "app/stored_records.py",
        "        if version == VERSION:",
        "        if version >= VERSION:",
        (
            'tests/app/test_stored_records.py::test_what_cannot_be_read_is_told_apart[{"version":3,"record":{"queued":1}}]',
            "tests/storage/test_idempotency.py::test_an_outcome_that_cannot_be_read_is_a_defect_and_changes_nothing",
        ),
    ),
    Mutant(
        "unknown-field-unreadable",
        "A record with a field that is gone by now cannot be read any more.",
        "app/stored_records.py",
        "for name, one in value.items() if name in readers})",
        "for name, one in value.items()})",
        (
            "tests/app/test_stored_records.py::test_a_record_may_have_another_field_tomorrow",
        ),
    ),
    Mutant(
        "older-records-shifted",
        "What an earlier release stored is read with its values in the wrong places.",
        "app/first_format.py",
        "State id account_id source_id channel_id",
        "State id account_id channel_id source_id",
        (
            "tests/app/test_stored_records.py::test_the_first_format_is_frozen",
        ),
    ),
    Mutant(
        "format-not-read",
        "A record of another format is taken for one of the first.",
        "app/first_format.py",
        "    if record[0] != FIRST:",
        "    if record[0] is None:",
        (
            "tests/app/test_stored_records.py::test_only_the_first_format_is_read_as_one[record0]",
            "tests/app/test_stored_records.py::test_only_the_first_format_is_read_as_one[record1]",
        ),
    ),
    Mutant(
        "purge-walks-a-family",
        "The purge of old keys takes a second for each thousand of a million, and everybody waits.",
        "storage/transaction.py",
        'await self.execute_many("DELETE FROM idempotency_key WHERE family = $1 AND key = $2", map(tuple, names))',
        'await self.execute("DELETE FROM idempotency_key WHERE (family, key) IN (" + old + ")", before, limit)',
        (
            "tests/storage/test_idempotency.py::test_forgetting_some_keys_costs_the_same_however_many_their_family_has",
        ),
    ),
    Mutant(
        "purge-in-one-piece",
        "The purge of long records stops everybody for seconds.",
        "app/upkeep.py",
        "min(2 * limit, PURGE_AT_MOST) if took_s < PURGE_FOR_S / 2 else max(1, int(limit * PURGE_FOR_S / took_s))",
        "min(2 * limit, PURGE_AT_MOST)",
        (
            "tests/app/test_upkeep.py::test_a_purge_takes_as_many_rows_as_fit_into_its_slice",
        ),
    ),
    Mutant(
        "first-orders-unread",
        "A call that posted an order at the first release cannot be repeated.",
        "app/first_format.py",
        "return [created, [order, items, []]]",
        "return [created, order]",
        (
            "tests/app/test_stored_records.py::test_an_order_of_the_first_release_is_found_in_its_record",
        ),
    ),
)
