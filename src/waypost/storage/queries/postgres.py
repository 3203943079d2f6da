"""PostgreSQL's own statements: locking in one order, loading and writing a whole batch in one trip each."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

from waypost.app.ports.delivery import Confirmed, Ended, Started
from waypost.app.ports.routing import DecisionRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import Order, OrderItem
from waypost.domain.stock import Entry
from waypost.storage.dialect import POSTGRES
from waypost.storage.queries import columns
from waypost.storage.queries.proof import PROOF, begin
from waypost.storage.queries.requests import lines_of
from waypost.storage.queries.writing import KEY_COLUMNS

# SQL-level prepared statements, so that one simple-protocol message can begin and lock with plans that are
# made once. Orders, requests, stock variants, counters; each by id: the one global order. What is locked is found
# first, as an array, and the account is hidden by a plus: joined, or by the account, whole tables were walked at times.
PREPARED = {
    **PROOF,
    "waypost_lock_orders": (
        "(bigint[], bigint[]) AS SELECT 1 FROM orders WHERE id = ANY(ARRAY(SELECT order_id FROM fulfillment_request"
        " WHERE id = ANY($1) AND +account_id = ANY($2))) ORDER BY id FOR NO KEY UPDATE"
    ),
    "waypost_lock_requests": (
        "(bigint[], bigint[]) AS SELECT 1 FROM fulfillment_request_state"
        " WHERE id = ANY($1) AND +account_id = ANY($2) ORDER BY id FOR NO KEY UPDATE"
    ),
    "waypost_lock_variants": (
        "(bigint[], bigint[], bigint[]) AS SELECT 1 FROM inventory_variant WHERE id = ANY(ARRAY("
        "SELECT inventory_variant_id FROM fulfillment_request_line WHERE request_id = ANY($1) UNION SELECT unnest($3)))"
        " AND +account_id = ANY($2) ORDER BY id FOR NO KEY UPDATE"
    ),
    # As the one above, with what every source has of the items of the requests in $4, if their channel routes again or
    # they are in $5, too.
    "waypost_lock_variants_everywhere": (
        "(bigint[], bigint[], bigint[], bigint[], bigint[]) AS SELECT 1 FROM inventory_variant"
        " WHERE id = ANY(ARRAY("
        "SELECT inventory_variant_id FROM fulfillment_request_line WHERE request_id = ANY($1) UNION SELECT unnest($3)"
        " UNION SELECT v.id FROM fulfillment_request f CROSS JOIN LATERAL"
        " (SELECT reroute_on_fill FROM channel WHERE id = f.channel_id OFFSET 0) c"
        " JOIN fulfillment_request_line l ON l.request_id = f.id JOIN order_item i ON i.id = l.order_item_id"
        " JOIN inventory_variant v ON v.account_id = f.account_id AND v.sku = i.sku"
        " WHERE f.id = ANY($4) AND (c.reroute_on_fill OR f.id = ANY($5))"
        " UNION SELECT v.id FROM fulfillment_request f CROSS JOIN LATERAL"
        " (SELECT reroute_on_fill FROM channel WHERE id = f.channel_id OFFSET 0) c"
        " JOIN fulfillment_request_line l ON l.request_id = f.id JOIN order_item i ON i.id = l.order_item_id"
        " JOIN inventory_variant v ON v.product_variant_id = i.product_variant_id"
        " WHERE f.id = ANY($4) AND (c.reroute_on_fill OR f.id = ANY($5))))"
        " AND +account_id = ANY($2) ORDER BY id FOR NO KEY UPDATE"
    ),
    "waypost_lock_counters": (
        "(bigint[]) AS SELECT 1 FROM account_counter WHERE account_id = ANY($1) ORDER BY account_id FOR NO KEY UPDATE"
    ),
}


def literal(ids: list[int]) -> str:
    """An array literal; safe because these are integers."""
    return "'{" + ",".join(map(str, ids)) + "}'"


class Locks(NamedTuple):
    """What a batch locks, by id. `elsewhere`: requests whose items are locked at every source, if their channel routes
    again or they are in `anyway`, too."""

    requests: list[int]
    with_orders: list[int]
    accounts: list[int]
    variants: list[int]
    elsewhere: list[int]
    anyway: list[int]


def begin_and_lock(locks: Locks, revision: str | None) -> str:
    """BEGIN, unless that is done (`revision` None), and every lock of a batch, as one message."""
    parts = [] if revision is None else [begin(revision)]
    with_orders, owners = literal(locks.with_orders), literal(locks.accounts)
    if locks.with_orders:
        parts.append(f"EXECUTE waypost_lock_orders({with_orders}, {owners})")
    if locks.requests:
        parts.append(f"EXECUTE waypost_lock_requests({literal(locks.requests)}, {owners})")
    held = f"{with_orders}, {owners}, {literal(locks.variants)}"
    if locks.elsewhere:
        everywhere = f"{literal(locks.elsewhere)}, {literal(locks.anyway)}"
        parts.append(f"EXECUTE waypost_lock_variants_everywhere({held}, {everywhere})")
    elif locks.with_orders or locks.variants:
        parts.append(f"EXECUTE waypost_lock_variants({held})")
    parts.append(f"EXECUTE waypost_lock_counters({owners})")
    return "; ".join(parts)


ASKED = "unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY"
# The requests that callers in `c` may see. OFFSET keeps the look-up by id to itself: of a table that was filled a
# moment ago and has no statistics yet, the planner takes an account's requests for few, and would walk them all.
VISIBLE = """LATERAL (SELECT * FROM fulfillment_request_state r WHERE r.id = c.id OFFSET 0) s
  ON s.account_id = c.account_id
  AND (c.source_id IS NULL OR (s.source_id = c.source_id AND s.released_seq IS NOT NULL))
  AND (c.channel_id IS NULL OR s.channel_id = c.channel_id)"""
SEEN = f"{ASKED} AS c(id, account_id, source_id, channel_id, place) JOIN {VISIBLE}"

# The narrow form of loading: states and counters only.
LOAD_STATES = f"""SELECT c.place, a.last_seq, a.last_at, {columns.STATE}
FROM {SEEN} JOIN account_counter a ON a.account_id = c.account_id"""


def _json(names: str) -> str:
    return f"json_build_array({names})"


# A roll-up needs the lines of all of an order's requests in the batch, whatever is asked of them.
# The whole form: rows of (kind, place or id, JSON array). $5 places that want particulars and lines, $6 that want the
# order, $7 that want the cause; $8 accounts; $9 numbers asked for; $10 places that may be routed again. Ids are found
# first, as arrays: a planner that joins what was seen may walk all of a table instead.
LOAD_ALL = f"""WITH seen AS (SELECT c.place, {columns.STATE} FROM {SEEN}),
mine AS (SELECT DISTINCT order_id FROM seen WHERE place = ANY($6::bigint[]))
SELECT 'counter', a.account_id, {_json("a.last_seq, a.last_at")}::text
  FROM account_counter a WHERE a.account_id = ANY($8::bigint[])
UNION ALL SELECT 'state', s.place, {_json(columns.STATE)}::text FROM seen s
UNION ALL SELECT 'particulars', f.id, {_json(columns.PARTICULARS)}::text
  FROM fulfillment_request f WHERE f.id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($5::bigint[])))
UNION ALL SELECT 'line', l.request_id, {_json(columns.listed(Line, "l"))}::text
  FROM fulfillment_request_line l
  WHERE l.request_id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($5::bigint[])
    OR order_id IN (SELECT order_id FROM mine)))
UNION ALL SELECT 'order', o.id, {_json(columns.listed(Order, "o"))}::text
  FROM orders o WHERE o.id = ANY(ARRAY(SELECT order_id FROM mine))
UNION ALL SELECT 'item', i.order_id, {_json(columns.listed(OrderItem, "i"))}::text
  FROM order_item i WHERE i.order_id = ANY(ARRAY(SELECT order_id FROM mine))
UNION ALL SELECT 'sum', r.order_id, json_build_array(l.order_item_id, sum(l.quantity - l.canceled - l.voided),
    sum(l.acknowledged), sum(l.shipped), sum(l.killed))::text
  FROM fulfillment_request r CROSS JOIN LATERAL (
    SELECT * FROM fulfillment_request_line f WHERE f.request_id = r.id AND f.order_item_id IS NOT NULL OFFSET 0) l
  WHERE r.order_id = ANY(ARRAY(SELECT order_id FROM mine)) AND r.id NOT IN (SELECT id FROM seen)
  GROUP BY r.order_id, l.order_item_id
UNION ALL SELECT 'reroute', f.order_id, '[]'
  FROM fulfillment_request f
  CROSS JOIN LATERAL (SELECT reroute_on_fill FROM channel WHERE id = f.channel_id OFFSET 0) c
  WHERE f.id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($10::bigint[]))) AND c.reroute_on_fill
UNION ALL SELECT 'release', f.id, {_json("o.stock_release")}::text
  FROM fulfillment_request f CROSS JOIN LATERAL (SELECT * FROM source WHERE id = f.source_id OFFSET 0) o
  WHERE f.id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($6::bigint[])))
UNION ALL SELECT 'entry', l.request_id, {_json(columns.ENTRY)}::text
  FROM fulfillment_request_line l
  CROSS JOIN LATERAL (SELECT * FROM stock_ledger e WHERE e.line_id = l.id OFFSET 0) g
  WHERE l.request_id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($6::bigint[])))
UNION ALL SELECT 'cause', f.id, json_build_array(o.max_number_length, o.required_fields, n.request_id)::text
  FROM fulfillment_request f CROSS JOIN LATERAL (SELECT * FROM source WHERE id = f.source_id OFFSET 0) o
  LEFT JOIN fulfillment_request_number n ON n.source_id = f.source_id AND n.number = f.number
  WHERE f.id = ANY(ARRAY(SELECT id FROM seen WHERE place = ANY($7::bigint[])))
UNION ALL SELECT 'owner', n.source_id, json_build_array(n.number, n.request_id)::text
  FROM unnest($9::text[]) WITH ORDINALITY AS w(number, place) JOIN seen s ON s.place = w.place
  JOIN fulfillment_request_number n ON n.source_id = s.source_id AND n.number = w.number"""


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

    def update(
        self, name: str, table: str, key: str, changing: dict[str, str], guards: tuple[str, ...] = (), also: str = ""
    ) -> None:
        """Update by id from rows of (id, *guards, *changing); `also` is set as well."""
        given = ["key", *(f"was_{guard}" for guard in guards), *changing]
        types = ["bigint", *("text" if guard == "status" else "bigint" for guard in guards), *changing.values()]
        sets = ", ".join([*(f"{column} = c.{column}" for column in changing), *([also] if also else [])])
        held = "".join(f" AND t.{guard} = c.was_{guard}" for guard in guards)
        self._parts.append(
            f"{name} AS (UPDATE {table} t SET {sets} FROM unnest({self.rows(types)}) AS c({', '.join(given)})"
            f" WHERE t.{key} = c.key{held} RETURNING 1)"
        )
        self._counts.append(f"(SELECT count(*) FROM {name})")

    def move(self, name: str, table: str, total: str, moment: str) -> None:
        """Move a total by id from rows of (id, difference, moment)."""
        rows = self.rows(["bigint", "bigint", "bigint"])
        self._parts.append(
            f"{name} AS (UPDATE {table} t SET {total} = t.{total} + c.by, {moment} = c.moment"
            f" FROM unnest({rows}) AS c(key, by, moment) WHERE t.id = c.key RETURNING 1)"
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
        return f"WITH {', '.join(self._parts)} SELECT pg_current_xact_id()::text, {', '.join(self._counts)}"


def _some(record: Any, names: tuple[str, ...]) -> dict[str, str]:
    hints = kinds(record)
    return {name: hints[name] for name in names}


_COUNTER = {"last_seq": "bigint", "last_at": "bigint"}
_REQUEST = kinds(Particulars) | _some(State, ("account_id", "source_id", "channel_id", "order_id"))
_CLAIM = {"source_id": "bigint", "number": "text", "request_id": "bigint"}
_NEW = " ON CONFLICT DO NOTHING"

# What a batch may write, and how each part of it is written.
PARTS: dict[str, Callable[[Statement, str], None]] = {
    "states": lambda made, name: made.update(
        name, "fulfillment_request_state", "id", _some(State, columns.CHANGING), ("status", "version")
    ),
    "lines": lambda made, name: made.update(
        name, "fulfillment_request_line", "id", _some(Line, columns.LINE_CHANGING)
    ),
    "items": lambda made, name: made.update(name, "order_item", "id", _some(OrderItem, columns.ITEM_CHANGING)),
    "rollups": lambda made, name: made.update(name, "orders", "id", _some(Order, columns.ORDER_CHANGING)),
    "counters": lambda made, name: made.update(name, "account_counter", "account_id", _COUNTER, ("last_seq",)),
    "events": lambda made, name: made.insert(name, "event", kinds(Event)),
    "held": lambda made, name: made.update(name, "stock_ledger", "id", _some(Entry, columns.ENTRY_CHANGING)),
    "totals": lambda made, name: made.move(name, "inventory_variant", "committed", "updated_at"),
    "entries": lambda made, name: made.insert(name, "stock_ledger", _some(Entry, Entry._fields[1:])),
    "decisions": lambda made, name: made.insert(name, "routing_decision", kinds(DecisionRow)),
    "requests": lambda made, name: made.insert(name, "fulfillment_request", _REQUEST),
    "new_states": lambda made, name: made.insert(name, "fulfillment_request_state", kinds(State)),
    "new_lines": lambda made, name: made.insert(name, "fulfillment_request_line", kinds(Line)),
    "edited": lambda made, name: made.update(
        name, "fulfillment_request", "id", _some(Particulars, columns.PARTICULARS_CHANGING)
    ),
    "claims": lambda made, name: made.insert(name, "fulfillment_request_number", _CLAIM, _NEW),
    "started": lambda made, name: made.update(
        name, "handover_attempt", "id", _some(Started, Started._fields[1:]), also="state = 'sending'"
    ),
    "ended": lambda made, name: made.update(
        name, "handover_attempt", "id", _some(Ended, Ended._fields[1:]), also="state = 'settled'"
    ),
    "confirmed": lambda made, name: made.update(
        name, "fulfillment_request", "id", _some(Confirmed, Confirmed._fields[1:])
    ),
}


@cache
def write_batch(parts: tuple[str, ...]) -> str:
    """The statement that writes a batch with these parts, in this order."""
    made = Statement()
    for name in parts:
        PARTS[name](made, name)
    return made.text()


# Look-ups of many callers at once: a row for each that its caller may see, with its place.
VERSIONS = f"SELECT c.place, s.version FROM {SEEN}"
REQUESTS_WITH_LINES = f"""SELECT c.place, {columns.STATE}, {columns.PARTICULARS}, {lines_of("s.id", POSTGRES)}
FROM {SEEN} JOIN fulfillment_request f ON f.id = s.id"""

SEQUENCES = {kind: f"{kind}_id_seq" for kind in columns.NUMBERED}

# Of the keys asked for, those that are taken: with what is kept, or nulls where another transaction has it.
CLAIM_KEYS = """SELECT k.family, k.key, i.operation, i.fingerprint, i.outcome
FROM (SELECT family, key, pg_try_advisory_xact_lock(hash) AS mine
  FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS asked(family, key, hash) OFFSET 0) k
LEFT JOIN idempotency_key i ON i.family = k.family AND i.key = k.key WHERE i.key IS NOT NULL OR NOT k.mine"""
INSERT_KEYS = f"""INSERT INTO idempotency_key ({", ".join(KEY_COLUMNS)}) SELECT * FROM unnest($1::bigint[], $2::text[],
  $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::bigint[]) ON CONFLICT DO NOTHING"""

INSERT_ORDERS = (
    f"INSERT INTO orders ({columns.ORDER}, posted) SELECT * FROM unnest("
    + ", ".join(f"${i + 1}::{kind}[]" for i, kind in enumerate((*kinds(Order).values(), "text")))
    + ") ON CONFLICT (channel_id, order_number) DO NOTHING RETURNING id"
)
