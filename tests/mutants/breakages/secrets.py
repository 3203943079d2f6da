"""Secrets at rest, and who is shown them."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "secret-in-the-clear",
        "Secrets of webhooks and sources lie in the database as they are.",
        "storage/sealing.py",
        "if name in names and value not in (None, NO_SECRETS) else value",
        "if name in names and value is NO_SECRETS else value",
        ("tests/storage/test_key_rotation.py::test_secrets_are_sealed_in_the_tables_and_plain_for_the_application",),
    ),
    Mutant(
        "secret-fits-another-row",
        "Whoever can write to the database gives one account's webhook the secret of another.",
        "storage/sealing.py",
        'return f"waypost:{self.table}:{self.column}:{self.row_id}".encode()',
        'return f"waypost:{self.table}:{self.column}".encode()',
        (
            "tests/storage/test_sealing.py::test_a_value_that_was_copied_elsewhere_does_not_open[other0]",
            "tests/storage/test_key_rotation.py::test_a_value_that_was_copied_to_another_row_does_not_open",
        ),
    ),
    Mutant(
        "secret-shown-again",
        "The secret of a webhook is in the stored reply to its creation, for whoever repeats the call.",
        "app/stored_records.py",
        "return None if isinstance(value, Secret) else value",
        "return value",
        (
            "tests/http/test_webhooks.py::test_a_repeat_with_the_same_key_gives_the_same_bytes",
            "tests/app/test_stored_records.py::test_a_secret_is_never_stored",
        ),
    ),
    Mutant(
        "plain-text-believed",
        "A secret that somebody wrote into the table as plain text is used.",
        "storage/sealing.py",
        'return None, "it is not encrypted"',
        'return Secret(value), ""',
        ("tests/storage/test_sealing.py::test_plain_text_in_a_table_is_never_believed",),
    ),
)
