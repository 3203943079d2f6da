"""Idempotency keys: one call is applied once.

The mutants of how keys are kept, compared and answered belong here; their tests are in `tests/http/test_repeats.py`.
"""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "keys-purged-young",
        "All keys are forgotten within a minute: a call that is repeated later is made twice.",
        "app/upkeep.py",
        "keys = await tx.purge_keys(hub.clock() - KEPT_FOR_S * 1_000_000, PURGE_AT_ONCE)",
        "keys = await tx.purge_keys(hub.clock(), PURGE_AT_ONCE)",
        ("tests/http/test_upkeep.py::test_a_key_is_kept_for_a_day",),
    ),
    Mutant(
        "keys-purged-all",
        "A purge of old keys takes the young ones along.",
        "storage/transaction.py",
        "(SELECT family, key FROM idempotency_key WHERE created_at < $1 ORDER BY",
        "(SELECT family, key FROM idempotency_key WHERE created_at <> -CAST($1 AS bigint) ORDER BY",
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
)
