"""Statements about what may be handed over, what is claimed, and what is to be tried again."""

from waypost.app.ports.delivery import Claimed, RetryPlace
from waypost.domain.statuses import Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns

CLAIMED = columns.listed(Claimed)
LONGEST_CLAIM = 10 * 60 * 1_000_000  # microseconds; what is held longer was given before the clock was set back


def ready(dialect: Dialect, source: str, first: str, last: str) -> tuple[str, str, str]:
    """What of a source may be handed over from a moment between these on: for FROM, WHERE and ORDER BY.

    0: nothing keeps it. What a worker has claimed, and not begun to send, is among it.
    """
    table = dialect.by_index("fulfillment_request_state", "s", ("source_id", "waits_until", "id"))
    which = f"s.status = '{Status.PROCESSING}' AND s.handover IS NULL"
    if dialect.is_sqlite:
        within = f"s.source_id = {source} AND s.waits_until >= {first} AND s.waits_until <= {last}"
        return table, f"{which} AND {within}", "s.waits_until, s.id"
    key = "(s.source_id, s.waits_until)"
    within = f"{key} >= ({source}, {first}) AND {key} <= ({source}, {last})"
    return table, f"{which} AND {within}", "s.source_id, s.waits_until, s.id"


# The requests of a source that may be handed over, and that nobody has claimed. What is tried again in the same
# release, or by the worker itself, stays in its group and keeps its idempotency key.
# $1 source, $2 now, $3 how many, $4 worker, $5 the end of the lease, $6 and $7: ready from a moment between these on.
# What somebody else takes meanwhile is left to them.
def claim(dialect: Dialect) -> str:
    """Claims of what nobody has claimed, given back as `CLAIMED`."""
    table, which, order = ready(dialect, "$1", "CAST($6 AS bigint)", "CAST($7 AS bigint)")
    lock = particulars = ""
    latest = """handover_attempt p ON p.request_id = s.id
  AND p.number = (SELECT max(o.number) FROM handover_attempt o WHERE o.request_id = s.id)"""
    if not dialect.is_sqlite:
        # The attempt will refer to this row. One that somebody else holds is left for later, as its state is.
        particulars = """JOIN LATERAL (SELECT 1 FROM fulfillment_request r WHERE r.id = s.id
  FOR KEY SHARE SKIP LOCKED) f ON true"""
        # PostgreSQL is told to look each request up by its id. Left to itself it merges the whole of both tables, once
        # they have been analysed: however few requests wait, a claim would walk all that ever were.
        latest = """LATERAL (SELECT * FROM handover_attempt o WHERE o.request_id = s.id
  ORDER BY o.number DESC LIMIT 1) p ON true"""
        lock = " FOR NO KEY UPDATE OF s SKIP LOCKED"
    return f"""WITH free AS (
      SELECT s.account_id, s.source_id, s.id AS request_id, coalesce(p.number, 0) + 1 AS number,
        s.attempt_count AS release,
        CASE WHEN p.release = s.attempt_count OR p.retried_as = s.attempt_count THEN p.attempt_group
          ELSE s.attempt_count END AS attempt_group,
        CASE WHEN p.release = s.attempt_count OR p.retried_as = s.attempt_count THEN p.tries ELSE 0 END AS tries,
        a.created_at AS salt
      FROM {table} {particulars} JOIN account a ON a.id = s.account_id LEFT JOIN {latest}
      WHERE {which} AND (p.id IS NULL OR p.state = 'settled') ORDER BY {order} LIMIT $3{lock})
      INSERT INTO handover_attempt (account_id, source_id, request_id, number, release, attempt_group,
        idempotency_key, tries, state, worker, lease_until, claimed_at)
      SELECT account_id, source_id, request_id, number, release, attempt_group,
        'fr-' || salt || '-' || request_id || '-' || attempt_group, tries, 'claimed', $4, $5, $2
      FROM free WHERE true ON CONFLICT DO NOTHING RETURNING {CLAIMED}"""


def _due(dialect: Dialect, behind: str, now: str) -> tuple[str, str]:
    """What of a source is to be tried again, in its order: FROM and WHERE, and ORDER BY. `behind`: alias of a place."""
    table = dialect.by_index("handover_attempt", "x", ("retry",))
    which = "x.outcome = 'rejected' AND x.next_at IS NOT NULL"
    if dialect.is_sqlite:
        within = f"""x.source_id = {behind}.source_id AND x.next_at >= {behind}.next_at AND x.next_at <= {now}
        AND (x.next_at, x.id) > ({behind}.next_at, {behind}.id)"""
    else:  # one lower bound: of two, PostgreSQL may begin at the one that lies further back
        within = f"""(x.source_id, x.next_at, x.id) > ({behind}.source_id, {behind}.next_at, {behind}.id)
        AND (x.source_id, x.next_at) <= ({behind}.source_id, {now})"""
    return f"FROM {table} WHERE {which} AND {within}", "x.source_id, x.next_at, x.id"


def retrying_sources(dialect: Dialect) -> str:
    """The sources of which something is to be tried again. $1 sources, $2 now."""
    rows, order = _due(dialect, "p", "$2")
    return f"""SELECT p.source_id FROM (SELECT o.id AS source_id, 0 AS next_at, 0 AS id FROM source o
        WHERE {dialect.any_of("o.id", 1)}) p
      WHERE (SELECT x.id {rows} ORDER BY {order} LIMIT 1) IS NOT NULL ORDER BY p.source_id"""


def due_retries(dialect: Dialect) -> str:
    """What is to be tried again. $1 now, $2 how many of each source, $3 (PostgreSQL: to $5) places to begin behind."""
    rows, order = _due(dialect, "p", "$1")
    claimed = columns.listed(Claimed, "h")
    if dialect.is_sqlite:
        fields = ", ".join(f"value ->> {place} AS {name}" for place, name in enumerate(RetryPlace._fields))
        found = f"""(SELECT {fields} FROM json_each($3)) p CROSS JOIN handover_attempt h
          ON h.id IN (SELECT x.id {rows} ORDER BY {order} LIMIT $2)"""
    else:
        found = f"""unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS p({", ".join(RetryPlace._fields)})
          CROSS JOIN LATERAL (SELECT x.* {rows} ORDER BY {order} LIMIT $2) h"""
    return f"SELECT {claimed}, h.next_at FROM {found} ORDER BY h.source_id, h.next_at, h.id"


def take_over(dialect: Dialect) -> str:
    """Claims whose lease has ended, taken over. $1 source, $2 now, $3 how many, $4 worker, $5 the end of the lease."""
    lock = "" if dialect.is_sqlite else " FOR UPDATE SKIP LOCKED"
    return f"""UPDATE handover_attempt SET worker = $4, lease_until = $5 WHERE id IN (
        SELECT id FROM handover_attempt
        WHERE source_id = $1 AND state <> 'settled' AND state = 'claimed'
          AND (lease_until <= $2 OR lease_until > $2 + {LONGEST_CLAIM})
        ORDER BY request_id LIMIT $3{lock}) RETURNING {CLAIMED}"""
