"""PostgreSQL: a transaction begins by proving that the schema is, and stays, the one this program knows (ADR 19)."""

from functools import cache

# The advisory lock of the schema: shared by whoever writes, held alone by a migration.
SCHEMA_LOCK = int.from_bytes(b"waypost!", "big", signed=True)

# Migrations hold the other side of this lock from their first statement to the end; whoever had to wait for it then
# finds, in a statement of its own, another schema than it knows. That one fails on purpose: in a message of several
# statements an error is the only answer that comes without another round trip. See `postgres_faults.other_schema`.
PROOF = {
    "waypost_hold_schema": f" AS SELECT pg_advisory_xact_lock_shared({SCHEMA_LOCK})",
    "waypost_same_schema": (
        "(text) AS SELECT CASE WHEN version_num = $1 THEN 0 ELSE CAST('waypost schema ' || version_num AS integer) END"
        " FROM alembic_version"
    ),
}


@cache
def begin(revision: str) -> str:
    """BEGIN, and the proof that the schema is this one until the end of the transaction; as one message."""
    if not revision.isalnum():
        raise ValueError(revision)
    return f"BEGIN; EXECUTE waypost_hold_schema; EXECUTE waypost_same_schema('{revision}')"
