"""Handing over to sources: how each source takes its requests, every attempt, and what needs attention."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from waypost.domain.clock_rules import Condition, Response
from waypost.domain.handover import AttemptState, Outcome
from waypost.storage.schema import base
from waypost.storage.schema.base import flag, key, metadata, number, one_of, ref

# A source without a row polls. Secrets lie apart from what replies show.
source_delivery = Table(
    "source_delivery", metadata,
    Column("source_id", BigInteger, ForeignKey("source.id"), primary_key=True, autoincrement=False),
    ref("account_id", "account"), base.text("kind", False), base.text("settings", False),
    base.text("secrets", False), base.text("policy", False), flag("paused"),
    Column("version", Integer, nullable=False), number("created_at"), number("updated_at"),
    Index(None, "kind"),
)  # fmt: skip

handover_attempt = Table(
    "handover_attempt", metadata, key(), ref("account_id", "account"), ref("source_id", "source"),
    ref("request_id", "fulfillment_request"), Column("number", Integer, nullable=False),
    Column("release", Integer, nullable=False), Column("attempt_group", Integer, nullable=False),
    base.text("idempotency_key", False), Column("tries", Integer, nullable=False), base.text("state", False),
    base.text("worker", False), number("lease_until"), number("claimed_at"), number("sending_at", True),
    number("settled_at", True), base.text("outcome"), base.text("code"), base.text("message"),
    flag("retryable", True), base.text("reference"), number("next_at", True), Column("retried_as", Integer),
    base.text("request"), Column("response_status", Integer), base.text("response"), number("duration_us", True),
    base.text("late_outcome"), number("late_at", True), Column("settings_version", Integer),
    one_of("state", AttemptState), one_of("outcome", Outcome),
    CheckConstraint("(state = 'settled') = (outcome IS NOT NULL)", name="settled"),
    UniqueConstraint("request_id", "number"),
    Index(
        "uq_handover_attempt_open", "request_id", unique=True,
        sqlite_where=text("state <> 'settled'"), postgresql_where=text("state <> 'settled'"),
    ),
    Index(
        "ix_handover_attempt_retry", "source_id", "next_at", "id",
        sqlite_where=text("outcome = 'rejected' AND next_at IS NOT NULL"),
        postgresql_where=text("outcome = 'rejected' AND next_at IS NOT NULL"),
    ),
    # An attempt that was ended otherwise after its time.
    Index(
        "ix_handover_attempt_late", "request_id", "late_at",
        sqlite_where=text("late_at IS NOT NULL"), postgresql_where=text("late_at IS NOT NULL"),
    ),
    # What was written before the clock was set back: of what waits for a retry, and of what its source put off.
    Index(
        "ix_handover_attempt_waiting", "settled_at",
        sqlite_where=text("outcome = 'rejected' AND next_at IS NOT NULL"),
        postgresql_where=text("outcome = 'rejected' AND next_at IS NOT NULL"),
    ),
    Index(
        "ix_handover_attempt_put_off", "settled_at",
        sqlite_where=text("outcome = 'deferred' AND next_at IS NOT NULL"),
        postgresql_where=text("outcome = 'deferred' AND next_at IS NOT NULL"),
    ),
)  # fmt: skip

# How long a request may stand where it stands. `source_id` null: every source that has no rule of its own.
clock_rule = Table(
    "clock_rule", metadata,
    Column("account_id", BigInteger, ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("id", Integer, primary_key=True, autoincrement=False), number("source_id", True),
    base.text("condition", False), number("after_minutes"), base.text("response", False), flag("enabled"),
    number("created_at"), number("updated_at"),
    one_of("condition", Condition), one_of("response", Response),
)  # fmt: skip

# What somebody must look at. A subject has at most one open row of each code.
attention = Table(
    "attention", metadata, key(), ref("account_id", "account"), number("source_id", True),
    base.text("subject", False), number("subject_id"), base.text("code", False), base.text("message", False),
    number("raised_at"), number("settled_at", True),
    Index(
        "uq_attention_open", "subject", "subject_id", "code", unique=True,
        sqlite_where=text("settled_at IS NULL"), postgresql_where=text("settled_at IS NULL"),
    ),
)  # fmt: skip

# Everything that needs somebody now: each failed or blocked request, and each open row of `attention`. Written in the
# transaction that begins or ends it, so that what is shown costs what it returns. `source_id` 0: no source. The code
# says what kind of subject it is. No foreign keys: a check per failure would cost more than it can find.
attention_item = Table(
    "attention_item", metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("care", BigInteger, primary_key=True, autoincrement=False),  # see domain.attention.ASSIGNED
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    base.text("subject", False), base.text("assignee"), number("snoozed_until", True),
    Index(
        "ix_attention_item_assignee", "account_id", "assignee", "source_id", "code", "care", "since", "subject_id",
        sqlite_where=text("assignee IS NOT NULL"), postgresql_where=text("assignee IS NOT NULL"),
    ),
    Index(
        "ix_attention_item_snoozed", "account_id", "source_id", "code", "care", "snoozed_until",
        sqlite_where=text("snoozed_until IS NOT NULL"), postgresql_where=text("snoozed_until IS NOT NULL"),
    ),
    Index(
        "ix_attention_item_until", "account_id", "care", "snoozed_until",
        sqlite_where=text("snoozed_until IS NOT NULL"), postgresql_where=text("snoozed_until IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)  # fmt: skip

# How many items each group has, by their `care`: all of them, where `assignee` is empty; and those that somebody cares
# for once more under that name. A group without any has no row.
attention_group = Table(
    "attention_group", metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("assignee", Text, primary_key=True),
    Column("source_id", BigInteger, primary_key=True, autoincrement=False),
    Column("code", Text, primary_key=True),
    Column("care", BigInteger, primary_key=True, autoincrement=False),
    number("total"),
    sqlite_with_rowid=False,
)  # fmt: skip
