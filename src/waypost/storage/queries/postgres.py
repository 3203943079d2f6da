"""PostgreSQL's own statements: locking in one order, loading and writing a whole batch in one trip each."""

from functools import cache
from typing import Any, get_args, get_type_hints

from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, State
from waypost.domain.orders import Order, OrderItem
from waypost.storage.queries import columns
from waypost.storage.queries.requests import HIDDEN

# SQL-level prepared statements, so that one simple-protocol message can begin and lock with plans that are
# made once. Orders, then requests, then counters; each by id: the one global order.
PREPARED = {
    "waypost_lock_orders": (
        "(bigint[], bigint[]) AS SELECT 1 FROM orders WHERE id IN (SELECT order_id FROM fulfillment_request"
        " WHERE id = ANY($1) AND account_id = ANY($2)) ORDER BY id FOR NO KEY UPDATE"
    ),
    "waypost_lock_requests": (
        "(bigint[], bigint[]) AS SELECT 1 FROM fulfillment_request_state"
        " WHERE id = ANY($1) AND account_id = ANY($2) ORDER BY id FOR NO KEY UPDATE"
    ),
    "waypost_lock_counters": (
        "(bigint[]) AS SELECT 1 FROM account_counter WHERE account_id = ANY($1)"
        " ORDER BY account_id FOR NO KEY UPDATE"
    ),
}


def literal(ids: list[int]) -> str:
    """An array literal; safe because these are integers."""
    return "'{" + ",".join(map(str, ids)) + "}'"


def begin_and_lock(requests: list[int], with_orders: list[int], accounts: list[int], begin: bool) -> str:
    """BEGIN, unless that is done, and every lock of a batch, as one message."""
    parts = ["BEGIN"] if begin else []
    owners = literal(accounts)
    if with_orders:
        parts.append(f"EXECUTE waypost_lock_orders({literal(with_orders)}, {owners})")
    if requests:
        parts.append(f"EXECUTE waypost_lock_requests({literal(requests)}, {owners})")
    parts.append(f"EXECUTE waypost_lock_counters({owners})")
    return "; ".join(parts)


ASKED = "unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY"
SEEN = f"""{ASKED} AS c(id, account_id, source_id, channel_id, place)
JOIN fulfillment_request_state s ON s.id = c.id AND s.account_id = c.account_id
  AND (c.source_id IS NULL OR (s.source_id = c.source_id AND s.status NOT IN ({HIDDEN})))
  AND (c.channel_id IS NULL OR s.channel_id = c.channel_id)"""

# The narrow form of loading: states and counters only.
LOAD_STATES = f"""SELECT c.place, a.last_seq, a.last_at, {columns.STATE}
FROM {SEEN} JOIN account_counter a ON a.account_id = c.account_id"""


def _json(names: str) -> str:
    return f"json_build_array({names})"


# A roll-up needs the lines of all of an order's requests in the batch, whatever is asked of them.
# The whole form: rows of (kind, place or id, JSON array). $5 places that want particulars and lines, $6 that want the
# order, $7 that want the cause; $8 to $10 keys with the hash they are locked by; $11 accounts.
LOAD_ALL = f"""WITH seen AS (SELECT c.place, {columns.STATE} FROM {SEEN}),
mine AS (SELECT DISTINCT order_id FROM seen WHERE place = ANY($6::bigint[]))
SELECT 'counter', a.account_id, {_json("a.last_seq, a.last_at")}::text
  FROM account_counter a WHERE a.account_id = ANY($11::bigint[])
UNION ALL SELECT 'state', s.place, {_json(columns.STATE)}::text FROM seen s
UNION ALL SELECT 'particulars', f.id, {_json(columns.PARTICULARS)}::text
  FROM fulfillment_request f WHERE f.id IN (SELECT id FROM seen WHERE place = ANY($5::bigint[]))
UNION ALL SELECT 'line', l.request_id, {_json(columns.listed(Line, "l"))}::text
  FROM fulfillment_request_line l
  WHERE l.request_id IN (SELECT id FROM seen WHERE place = ANY($5::bigint[])
    OR order_id IN (SELECT order_id FROM mine))
UNION ALL SELECT 'order', o.id, {_json(columns.listed(Order, "o"))}::text
  FROM orders o WHERE o.id IN (SELECT order_id FROM mine)
UNION ALL SELECT 'item', i.order_id, {_json(columns.listed(OrderItem, "i"))}::text
  FROM order_item i WHERE i.order_id IN (SELECT order_id FROM mine)
UNION ALL SELECT 'sum', r.order_id, json_build_array(l.order_item_id, sum(l.quantity - l.canceled - l.voided),
    sum(l.acknowledged), sum(l.shipped), sum(l.killed))::text
  FROM fulfillment_request r JOIN fulfillment_request_line l ON l.request_id = r.id
  WHERE r.order_id IN (SELECT order_id FROM mine) AND r.id NOT IN (SELECT id FROM seen)
    AND l.order_item_id IS NOT NULL
  GROUP BY r.order_id, l.order_item_id
UNION ALL SELECT 'cause', f.id, json_build_array(o.max_number_length, o.required_fields, n.request_id)::text
  FROM fulfillment_request f JOIN source o ON o.id = f.source_id
  LEFT JOIN fulfillment_request_number n ON n.source_id = f.source_id AND n.number = f.number
  WHERE f.id IN (SELECT id FROM seen WHERE place = ANY($7::bigint[]))
UNION ALL SELECT 'key', k.place, json_build_array(pg_try_advisory_xact_lock(k.hash), i.operation,
    encode(i.fingerprint, 'hex'), i.outcome)::text
  FROM unnest($8::bigint[], $9::text[], $10::bigint[]) WITH ORDINALITY AS k(family, key, hash, place)
  LEFT JOIN idempotency_key i ON i.family = k.family AND i.key = k.key"""


def kind_of(hint: Any) -> str:
    """The SQL type of a record's field."""
    options = [option for option in get_args(hint) or (hint,) if option is not type(None)]
    return {int: "bigint", bool: "boolean", bytes: "bytea"}.get(options[0], "text")


@cache
def kinds(record: Any) -> dict[str, str]:
    """The SQL types of a record's fields, by name."""
    hints = get_type_hints(record)
    return {name: kind_of(hints[name]) for name in record._fields}


class Statement:
    """One statement of several parts, each fed with rows that become arrays."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._counts: list[str] = []
        self._types: list[str] = []

    def rows(self, types: list[str]) -> str:
        """`unnest(…)` over the next parameters."""
        first = len(self._types) + 1
        self._types += types
        return ", ".join(f"${first + index}::{kind}[]" for index, kind in enumerate(types))

    def update(self, name: str, table: str, key: str, changing: dict[str, str], guards: tuple[str, ...] = ()) -> None:
        """Update by id from rows of (id, *guards, *changing)."""
        given = ["key", *(f"was_{guard}" for guard in guards), *changing]
        types = ["bigint", *("text" if guard == "status" else "bigint" for guard in guards), *changing.values()]
        sets = ", ".join(f"{column} = c.{column}" for column in changing)
        held = "".join(f" AND t.{guard} = c.was_{guard}" for guard in guards)
        self._parts.append(
            f"{name} AS (UPDATE {table} t SET {sets} FROM unnest({self.rows(types)}) AS c({', '.join(given)})"
            f" WHERE t.{key} = c.key{held} RETURNING 1)"
        )
        self._counts.append(f"(SELECT count(*) FROM {name})")

    def insert(self, name: str, table: str, given: dict[str, str], suffix: str = "") -> None:
        """Insert rows."""
        listed = ", ".join(given)
        self._parts.append(
            f"{name} AS (INSERT INTO {table} ({listed}) SELECT * FROM unnest({self.rows(list(given.values()))})"
            f"{suffix} RETURNING 1)"
        )
        self._counts.append(f"(SELECT count(*) FROM {name})")

    def text(self) -> str:
        """The statement; its one row is the transaction's id, then how many rows each part wrote."""
        return (
            f"WITH {', '.join(self._parts)} SELECT pg_current_xact_id()::text, {', '.join(self._counts)}"
        )


@cache
def write_batch(lines: bool, orders: bool, items: bool, keys: bool, states: bool, events: bool) -> str:
    """The statement that writes a batch with these parts."""
    made = Statement()
    if states:
        hints = kinds(State)
        changing = {name: hints[name] for name in columns.CHANGING}
        made.update("states", "fulfillment_request_state", "id", changing, ("status", "version"))
    if lines:
        hints = kinds(Line)
        made.update("lines", "fulfillment_request_line", "id", {n: hints[n] for n in columns.LINE_CHANGING})
    if items:
        hints = kinds(OrderItem)
        made.update("items", "order_item", "id", {n: hints[n] for n in columns.ITEM_CHANGING})
    if orders:
        hints = kinds(Order)
        made.update("rollups", "orders", "id", {n: hints[n] for n in columns.ORDER_CHANGING})
    if events:
        counter = {"last_seq": "bigint", "last_at": "bigint"}
        made.update("counters", "account_counter", "account_id", counter, ("last_seq",))
        made.insert("events", "event", kinds(Event))
    if keys:
        given = {"family": "bigint", "key": "text", "account_id": "bigint", "operation": "text",
                 "fingerprint": "bytea", "outcome": "text", "created_at": "bigint"}  # fmt: skip
        made.insert("kept", "idempotency_key", given, " ON CONFLICT DO NOTHING")
    return made.text()


# A batch of one, in one trip: lock the request, then the counter, then write all. It does nothing unless the
# request is visible and stands in one of $5. $1 to $4 as in ASKED; the rest in the order of `LoneMove`.
LONE_MOVE = f"""WITH cur AS (
  SELECT s.id, s.account_id, s.status FROM fulfillment_request_state s
  WHERE s.id = $1 AND s.account_id = $2
    AND ($3::bigint IS NULL OR (s.source_id = $3 AND s.status NOT IN ({HIDDEN})))
    AND ($4::bigint IS NULL OR s.channel_id = $4) AND s.status = ANY($5::text[])
  FOR NO KEY UPDATE
), counter AS (
  UPDATE account_counter a SET last_seq = a.last_seq + 1, last_at = greatest($15::bigint, a.last_at + 1)
  FROM cur WHERE a.account_id = cur.account_id RETURNING a.last_seq, a.last_at
), moved AS (
  UPDATE fulfillment_request_state t SET status = $6, version = t.version + 1, modified_at = counter.last_at,
    failure_code = $12, failure_reason = $13, failure_retryable = $14, failed_at = counter.last_at,
    failed_by = $10, failed_lines = NULL
  FROM cur, counter WHERE t.id = cur.id RETURNING t.version
), logged AS (
  INSERT INTO event ({columns.EVENT})
  SELECT $2, counter.last_seq, counter.last_at, 'fulfillment_request', cur.id, $7, cur.status, $6, $8, $9, $17,
    $12, $13, $11, $16 FROM cur, counter, moved RETURNING 1
) SELECT cur.status, moved.version, counter.last_at FROM cur, moved, counter"""

STATE_BY_ID_WITH_LINES = f"""SELECT {columns.STATE}, {columns.PARTICULARS},
  (SELECT json_agg(json_build_array({columns.listed(Line, "l")}) ORDER BY l.line_number)::text
   FROM fulfillment_request_line l WHERE l.request_id = s.id)
FROM fulfillment_request_state s JOIN fulfillment_request f ON f.id = s.id
WHERE s.id = $1 AND s.account_id = $2
  AND ($3::bigint IS NULL OR (s.source_id = $3 AND s.status NOT IN ({HIDDEN})))
  AND ($4::bigint IS NULL OR s.channel_id = $4)"""

SEQUENCES = {kind: f"{kind}_id_seq" for kind in
             ("orders", "order_item", "fulfillment_request", "fulfillment_request_line", "token")}  # fmt: skip

INSERT_ORDERS = (
    f"INSERT INTO orders ({columns.ORDER}) SELECT * FROM unnest("
    + ", ".join(f"${i + 1}::{kind}[]" for i, kind in enumerate(kinds(Order).values()))
    + ") ON CONFLICT (channel_id, order_number) DO NOTHING RETURNING id"
)

