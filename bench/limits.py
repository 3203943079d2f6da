"""The limits: the same tables, indexes, update and event insert without HTTP, as fast as the engine takes them."""

import sqlite3
import subprocess
import time
from pathlib import Path

from waypost.domain.events import Event
from waypost.storage.queries import writing
from waypost.storage.sqlite_file import connect, translated

_UPDATE = """UPDATE fulfillment_request_state SET status = 'processing_error', version = version + 1, modified_at = ?2,
  failure_code = 'other', failure_reason = 'The supplier has no stock', failure_retryable = 0, failed_at = ?2,
  failed_by = 'account:1:bench' WHERE id = ?1 AND status = 'processing' AND version = 1"""
_COUNTER = "UPDATE account_counter SET last_seq = last_seq + ?1, last_at = ?2 WHERE account_id = 1 RETURNING last_seq"
_EVENT = translated(writing.INSERT_EVENT)


def sqlite_loop(path: Path, first: int, calls: int, batch: int) -> float:
    """Failures per second in a raw loop of batches, each one durable commit."""
    db = connect(path)
    db.execute("PRAGMA busy_timeout = 5000")  # the server looks for work in the background
    began = time.perf_counter()
    for start in range(first, first + calls, batch):
        _commit(db, range(start, min(start + batch, first + calls)))
    took = time.perf_counter() - began
    db.close()
    return calls / took


def _commit(db: sqlite3.Connection, ids: range) -> None:
    now = time.time_ns() // 1000
    db.execute("BEGIN IMMEDIATE")
    changed = db.executemany(_UPDATE, [(id_, now) for id_ in ids]).rowcount
    if changed != len(ids):
        raise RuntimeError(f"{len(ids) - changed} requests of the raw loop were not in Processing")
    seq = db.execute(_COUNTER, (len(ids), now)).fetchone()[0] - len(ids)
    db.executemany(_EVENT, [
        Event(1, seq + n, now, "fulfillment_request", id_, "fulfillment_request.failed", "processing", "processing_error",
              "account", 1, "bench", "other", "The supplier has no stock", "0123456789ab-1f", '{"retryable":false,"itemIds":[]}')
        for n, id_ in enumerate(ids, 1)
    ])  # fmt: skip
    db.execute("COMMIT")


# Texts hold no colon here: pgbench would take what follows for a variable.
PGBENCH = """\\set id random(:first, :last)
WITH cur AS (
  SELECT id, account_id, status, version FROM fulfillment_request_state
  WHERE id = :id AND account_id = 1 AND status IN ('processing', 'processing_error') FOR NO KEY UPDATE
), counter AS (
  UPDATE account_counter a SET last_seq = last_seq + 1, last_at = greatest(last_at + 1, 1) FROM cur
  WHERE a.account_id = cur.account_id RETURNING last_seq, last_at
), moved AS (
  UPDATE fulfillment_request_state t SET status = 'processing_error', version = t.version + 1,
    modified_at = counter.last_at, failure_code = 'other', failure_reason = 'The supplier has no stock',
    failure_retryable = false, failed_at = counter.last_at, failed_by = concat('account', chr(58), '1', chr(58), 'bench')
  FROM cur, counter WHERE t.id = cur.id RETURNING 1
) INSERT INTO event (account_id, seq, at, subject, subject_id, type, from_status, to_status, actor_type, actor_id,
    actor_name, code, reason, request_id, data)
  SELECT 1, counter.last_seq, counter.last_at, 'fulfillment_request', cur.id, 'fulfillment_request.failed', cur.status,
    'processing_error', 'account', 1, 'bench', 'other', 'The supplier has no stock', '0123456789ab-1f',
    '{"retryable" false, "itemIds" none}' FROM cur, counter, moved;
"""


def pgbench(program: Path, url: str, folder: Path, first: int, last: int, clients: int, seconds: int) -> float:
    """Transactions per second of the one-statement equivalent, prepared."""
    script = folder / "fail.sql"
    script.write_text(PGBENCH)
    command = [str(program), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", str(script),
               "-D", f"first={first}", "-D", f"last={last}", url]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])
