"""PostgreSQL's statements for bare failures: judged by the status alone, only what changes is written (ADR 15)."""

from waypost.storage.queries import columns
from waypost.storage.queries.attention import begun_by
from waypost.storage.queries.postgres import VISIBLE
from waypost.storage.queries.proof import SCHEMA_LOCK
from waypost.storage.queries.requests import PLAIN

_MOVES = "cur JOIN counter ON counter.account_id = cur.account_id"

# A batch of one, in one trip: lock the request, then the counter, then write all. It does nothing unless the
# request is visible and stands in one of $5, and nothing where a migration is under way or has changed the schema
# ($18): the row of the schema is locked, because a statement sees all that it does not lock as it was when the
# statement began, and a migration may have ended since. $1 to $4 as in ASKED; the rest as the driver gives them.
LONE_MOVE = f"""WITH schema AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock_shared({SCHEMA_LOCK}) AS is_ours
  FROM alembic_version WHERE version_num = $18::text FOR KEY SHARE
), cur AS (
  SELECT s.id, s.account_id, s.source_id AS owner, s.status FROM fulfillment_request_state s
  WHERE (SELECT is_ours FROM schema) AND s.id = $1 AND s.account_id = $2
    AND ($3::bigint IS NULL OR (s.source_id = $3 AND s.released_seq IS NOT NULL))
    AND ($4::bigint IS NULL OR s.channel_id = $4) AND s.status = ANY($5::text[]) AND {PLAIN}
  FOR NO KEY UPDATE
), counter AS (
  UPDATE account_counter a SET last_seq = a.last_seq + 1, last_at = greatest($15::bigint, a.last_at + 1)
  FROM cur WHERE a.account_id = cur.account_id RETURNING a.last_seq, a.last_at
), moved AS (
  UPDATE fulfillment_request_state t SET status = $6, version = t.version + 1, modified_at = counter.last_at,
    status_since = counter.last_at,
    failure_code = $12, failure_reason = $13, failure_retryable = $14, failed_at = counter.last_at,
    failed_by = $10, failed_lines = NULL
  FROM cur, counter WHERE t.id = cur.id RETURNING t.version
), {begun_by("cur, counter", "$12::text", is_one=True)}, logged AS (
  INSERT INTO event ({columns.EVENT})
  SELECT $2, counter.last_seq, counter.last_at, 'fulfillment_request', cur.id, $7, cur.status, $6, $8, $9, $17,
    $12, $13, $11, $16 FROM cur, counter, moved RETURNING 1
) SELECT cur.status, moved.version, counter.last_at FROM cur, moved, counter"""

# Bare failures of different requests, after their locks were taken: $1 sources, $2 to, $3 event, $4 now, then rows.
PLAIN_MOVES = f"""WITH asked AS (
  SELECT * FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::text[],
      $12::text[], $13::text[], $14::text[], $15::text[], $16::boolean[], $17::text[]) WITH ORDINALITY
    AS c(id, account_id, source_id, channel_id, actor_type, actor_id, actor_name, signature, call_id, code, reason,
      retryable, data, place)
), cur AS (
  SELECT c.*, s.source_id AS owner, s.status, s.version,
    row_number() OVER (PARTITION BY s.account_id ORDER BY c.place) AS nth
  FROM asked c JOIN {VISIBLE}
  WHERE s.status = ANY($1::text[]) AND {PLAIN}
), counter AS (
  UPDATE account_counter a SET last_seq = a.last_seq + n.events, last_at = greatest($4::bigint, a.last_at + 1)
  FROM (SELECT account_id, count(*) AS events FROM cur GROUP BY account_id) n WHERE a.account_id = n.account_id
  RETURNING a.account_id, a.last_seq - n.events AS was_seq, a.last_at
), moved AS (
  UPDATE fulfillment_request_state t SET status = $2, version = cur.version + 1, modified_at = counter.last_at,
    status_since = counter.last_at,
    failure_code = cur.code, failure_reason = cur.reason, failure_retryable = cur.retryable,
    failed_at = counter.last_at, failed_by = cur.signature, failed_lines = NULL
  FROM {_MOVES} WHERE t.id = cur.id
), {begun_by(_MOVES, "cur.code")}, logged AS (
  INSERT INTO event ({columns.EVENT})
  SELECT cur.account_id, counter.was_seq + cur.nth, counter.last_at, 'fulfillment_request', cur.id, $3, cur.status, $2,
    cur.actor_type, cur.actor_id, cur.actor_name, cur.code, cur.reason, cur.call_id, cur.data
  FROM {_MOVES}
) SELECT pg_current_xact_id()::text, place, status, version + 1 FROM cur"""
