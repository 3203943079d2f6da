"""Secrets are encrypted where they lie, and stored replies hold none; old copies of them wait to be cleared away.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal. Only the encryption is
that of today: what it writes begins with a mark that names the format, and a later format has another one.
"""

import json

import sqlalchemy as sa
from alembic import context, op

from waypost.storage.sealing import Place, SecretBox

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Replies that are kept under an idempotency key as [format, changed, record]; the record is a list of the endpoint's
# columns, of which these two are secrets.
_RECORDS = (
    "create_webhook_configuration", "create_webhook_configuration_right_spelling", "update_webhook_configuration",
    "update_webhook_configuration_right_spelling", "rotate_webhook_secret",
)  # fmt: skip
_SECRET, _PREVIOUS = 12, 13


def upgrade() -> None:
    """Encrypt every secret, strip the stored replies, and note that the files still hold what was there."""
    op.create_table("pending_task", sa.Column("name", sa.Text(), nullable=False),
                    sa.PrimaryKeyConstraint("name", name=op.f("pk_pending_task")))  # fmt: skip
    db, box = op.get_bind(), context.config.attributes["box"]
    changed = _seal(db, box, "webhook", "id", ("secret", "previous_secret"))
    changed += _seal(db, box, "source_delivery", "source_id", ("secrets",))
    changed += _strip(db)
    if changed:
        db.execute(sa.text("INSERT INTO pending_task (name) VALUES ('vacuum_secrets')"))


def _seal(db: sa.Connection, box: SecretBox, table: str, key: str, columns: tuple[str, ...]) -> int:
    rows = db.execute(sa.text(f"SELECT {key}, {', '.join(columns)} FROM {table} ORDER BY {key}")).fetchall()
    changed = 0
    for row_id, *values in rows:
        plain = {column: value for column, value in zip(columns, values, strict=True) if value not in (None, "{}")}
        if plain:
            box.require_key()
            sealed = {column: box.seal(Place(table, column, row_id), value) for column, value in plain.items()}
            sets = ", ".join(f"{column} = :{column}" for column in sealed)
            db.execute(sa.text(f"UPDATE {table} SET {sets} WHERE {key} = :id"), {**sealed, "id": row_id})
            changed += 1
    return changed


def _strip(db: sa.Connection) -> int:
    """Replies without their secrets: a repeat shows null from now on."""
    operations: sa.BindParameter[str] = sa.bindparam("operations", expanding=True)
    sql = sa.text("SELECT family, key, outcome FROM idempotency_key WHERE operation IN :operations")
    rows = db.execute(sql.bindparams(operations), {"operations": list(_RECORDS)}).fetchall()
    for family, key, outcome in rows:
        format_, changed, record = json.loads(outcome)
        record[_SECRET] = record[_PREVIOUS] = None
        kept = json.dumps([format_, changed, record], ensure_ascii=False, separators=(",", ":"))
        update = sa.text("UPDATE idempotency_key SET outcome = :outcome WHERE family = :family AND key = :key")
        db.execute(update, {"outcome": kept, "family": family, "key": key})
    return len(rows)
