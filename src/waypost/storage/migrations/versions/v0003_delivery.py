"""Handing over: how sources take their requests, attempts, attention.

Frozen: what the schema is today stands in `storage.schema`, and a test proves the two equal.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.SmallInteger(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_source_delivery()
    _create_handover_attempt()
    _create_attention()
    _create_clock_rule()


def _big(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _int(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=null)


def _text(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _flag(name: str, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Flag, nullable=null)


def _key() -> sa.Column[Any]:
    return sa.Column("id", Key, nullable=False)


def _pk(table: str, column: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(column, name=op.f(f"pk_{table}"))


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _one_of(table: str, column: str, values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values.split())
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    op.create_index(
        op.f(name), table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _create_source_delivery() -> None:
    table = "source_delivery"
    op.create_table(
        table,
        sa.Column("source_id", sa.BigInteger(), nullable=False, autoincrement=False),
        _big("account_id"), _text("kind"), _text("settings"), _text("secrets"), _text("policy"), _flag("paused"),
        _int("version"), _big("created_at"), _big("updated_at"),
        _fk(table, "source_id", "source"), _fk(table, "account_id", "account"), _pk(table, "source_id"),
    )  # fmt: skip
    op.create_index(op.f("ix_source_delivery_kind"), table, ["kind"])


def _create_handover_attempt() -> None:
    table = "handover_attempt"
    op.create_table(
        table,
        _key(), _big("account_id"), _big("source_id"), _big("request_id"), _int("number"), _int("release"),
        _int("attempt_group"), _text("idempotency_key"), _int("tries"), _text("state"), _text("worker"),
        _big("lease_until"), _big("claimed_at"), _big("sending_at", True), _big("settled_at", True),
        _text("outcome", True), _text("code", True), _text("message", True), _flag("retryable", True),
        _text("reference", True), _big("next_at", True), _int("retried_as", True), _text("request", True),
        _int("response_status", True), _text("response", True), _big("duration_us", True),
        _text("late_outcome", True), _big("late_at", True),
        _one_of(table, "state", "claimed sending settled"),
        _one_of(table, "outcome", "delivered acknowledged rejected deferred unknown withdrawn"),
        sa.CheckConstraint("(state = 'settled') = (outcome IS NOT NULL)", name=op.f(f"ck_{table}_settled")),
        _fk(table, "account_id", "account"), _fk(table, "source_id", "source"),
        _fk(table, "request_id", "fulfillment_request"), _pk(table, "id"),
        sa.UniqueConstraint("request_id", "number", name=op.f(f"uq_{table}_request_id_number")),
    )  # fmt: skip
    is_open = "state <> 'settled'"
    _partial("uq_handover_attempt_open", table, ["request_id"], is_open, unique=True)
    retried = "outcome = 'rejected' AND next_at IS NOT NULL"
    _partial("ix_handover_attempt_retry", table, ["source_id", "next_at"], retried)


def _create_attention() -> None:
    table = "attention"
    op.create_table(
        table,
        _key(), _big("account_id"), _big("source_id", True), _text("subject"), _big("subject_id"), _text("code"),
        _text("message"), _big("raised_at"), _big("settled_at", True),
        _fk(table, "account_id", "account"), _pk(table, "id"),
    )  # fmt: skip
    is_open = "settled_at IS NULL"
    _partial("uq_attention_open", table, ["subject", "subject_id", "code"], is_open, unique=True)
    _partial("ix_attention_open", table, ["account_id", "id"], is_open)


def _create_clock_rule() -> None:
    table = "clock_rule"
    op.create_table(
        table,
        _big("account_id"), _int("id"), _big("source_id", True), _text("condition"), _big("after_minutes"),
        _text("response"), _flag("enabled"), _big("created_at"), _big("updated_at"),
        _one_of(table, "condition", "unsent unacknowledged unshipped unrepaired"),
        _one_of(table, "response", "alert fail reroute cancel"),
        _fk(table, "account_id", "account"),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_clock_rule")),
    )  # fmt: skip
