"""Statements that write, where both engines share them; one row each, run with `executemany` on SQLite."""

from waypost.app.ports import KeptOutcome, NewRequest, PostedOrder, TokenRow
from waypost.app.ports.delivery import Confirmed, Ended, Started
from waypost.app.ports.routing import DecisionRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import Order, OrderItem
from waypost.domain.stock import Entry
from waypost.storage.dialect import Dialect
from waypost.storage.queries import columns


def _insert(table: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(names)
    places = ", ".join(f"${index + 1}" for index in range(len(names)))
    return f"INSERT INTO {table} ({listed}) VALUES ({places})"


def _assigned(names: tuple[str, ...], first: int = 1) -> str:
    return ", ".join(f"{name} = ${first + index}" for index, name in enumerate(names))


REQUEST_COLUMNS = (*Particulars._fields, "account_id", "source_id", "channel_id", "order_id")

INSERT_EVENT = _insert("event", Event._fields)
INSERT_STATE = _insert("fulfillment_request_state", State._fields)
INSERT_REQUEST = _insert("fulfillment_request", REQUEST_COLUMNS)
INSERT_LINE = _insert("fulfillment_request_line", Line._fields)
INSERT_ITEM = _insert("order_item", OrderItem._fields)
INSERT_ORDER = (
    _insert("orders", (*Order._fields, "posted")) + " ON CONFLICT (channel_id, order_number) DO NOTHING RETURNING id"
)
UPDATE_POSTED = "UPDATE orders SET posted = $1 WHERE id = $2"
KEY_COLUMNS = ("family", "key", "account_id", "operation", "fingerprint", "outcome", "created_at")
INSERT_KEY = _insert("idempotency_key", KEY_COLUMNS)
CLAIM_NUMBER = _insert("fulfillment_request_number", ("source_id", "number", "request_id")) + " ON CONFLICT DO NOTHING"
KEY = "SELECT operation, fingerprint, outcome FROM idempotency_key WHERE family = $1 AND key = $2"

# The conditional write: only a row that is still as it was decided upon.
_n = len(columns.CHANGING)
UPDATE_STATE = (
    f"UPDATE fulfillment_request_state SET {_assigned(columns.CHANGING)}"
    f" WHERE id = ${_n + 1} AND status = ${_n + 2} AND version = ${_n + 3}"
)
# The narrow form: a bare failure changes these and nothing else. $1 to $9, then id, status, version as it was.
PLAIN_MOVE = f"""UPDATE fulfillment_request_state SET {_assigned(columns.PLAINLY_CHANGING)}, failed_lines = NULL
WHERE id = $10 AND status = $11 AND version = $12"""
_l = len(columns.LINE_CHANGING)
UPDATE_LINE = f"UPDATE fulfillment_request_line SET {_assigned(columns.LINE_CHANGING)} WHERE id = ${_l + 1}"
_p = len(columns.PARTICULARS_CHANGING)
UPDATE_REQUEST = f"UPDATE fulfillment_request SET {_assigned(columns.PARTICULARS_CHANGING)} WHERE id = ${_p + 1}"
_i = len(columns.ITEM_CHANGING)
UPDATE_ITEM = f"UPDATE order_item SET {_assigned(columns.ITEM_CHANGING)} WHERE id = ${_i + 1}"
_o = len(columns.ORDER_CHANGING)
UPDATE_ORDER = f"UPDATE orders SET {_assigned(columns.ORDER_CHANGING)} WHERE id = ${_o + 1}"

INSERT_DECISION = _insert("routing_decision", DecisionRow._fields)
INSERT_ENTRY = _insert("stock_ledger", Entry._fields[1:])
_e = len(columns.ENTRY_CHANGING)
UPDATE_ENTRY = f"UPDATE stock_ledger SET {_assigned(columns.ENTRY_CHANGING)} WHERE id = ${_e + 1}"
# From rows of the whole record, whose first field is the id.
START_ATTEMPT = f"UPDATE handover_attempt SET state = 'sending', {_assigned(Started._fields[1:], 2)} WHERE id = $1"
END_ATTEMPT = f"UPDATE handover_attempt SET state = 'settled', {_assigned(Ended._fields[1:], 2)} WHERE id = $1"
CONFIRM = f"UPDATE fulfillment_request SET {_assigned(Confirmed._fields[1:], 2)} WHERE id = $1"
MOVE_TOTAL = "UPDATE inventory_variant SET committed = committed + $1, updated_at = $2 WHERE id = $3"

NUMBER_OWNER = "SELECT request_id FROM fulfillment_request_number WHERE source_id = $1 AND number = $2"
COUNTER = "SELECT last_seq, last_at FROM account_counter WHERE account_id = $1"
ADVANCE_COUNTER = (
    "UPDATE account_counter SET last_seq = last_seq + $1, last_at = $2 WHERE account_id = $3 AND last_seq = $4"
)

# Advance and read at once: $1 events at $2 or later, of account $3.
TAKE_COUNTER = """UPDATE account_counter SET last_seq = last_seq + $1, last_at = max($2, last_at + 1)
WHERE account_id = $3 RETURNING last_seq, last_at"""


def line_sums(dialect: Dialect, but: str = "") -> str:
    """What the lines of the orders in $1 add up to, by order item; `but` leaves some requests out."""
    found = dialect.looked_up(
        "fulfillment_request r", f"{dialect.any_of('r.order_id', 1)}{but}",
        "fulfillment_request_line l", "l.request_id = r.id AND l.order_item_id IS NOT NULL",
    )  # fmt: skip
    return f"""SELECT r.order_id, l.order_item_id, sum(l.quantity - l.canceled - l.voided), sum(l.acknowledged),
      sum(l.shipped), sum(l.killed)
    {found} GROUP BY r.order_id, l.order_item_id"""


REVOKE_TOKEN = "UPDATE token SET revoked_at = $1 WHERE id = $2 AND (revoked_at IS NULL OR revoked_at > $1)"
EXPIRE_TOKEN = "UPDATE token SET expires_at = $1 WHERE id = $2 AND (expires_at IS NULL OR expires_at > $1)"

_names = columns.CHANGING


def changed_values(state: State) -> tuple[object, ...]:
    """The columns of CHANGING, in its order."""
    return state[_first:]


_first = len(State._fields) - len(_names)
assert State._fields[_first:] == _names, "the fixed columns of a state come first"


def request_values(request: NewRequest) -> tuple[object, ...]:
    """The columns of REQUEST_COLUMNS, in their order."""
    state = request.state
    return (*request.particulars, state.account_id, state.source_id, state.channel_id, state.order_id)


def claim_values(request: NewRequest) -> tuple[int, str, int]:
    """The columns of CLAIM_NUMBER, in their order."""
    return request.state.source_id, request.particulars.number, request.state.id


def line_values(line: Line) -> tuple[object, ...]:
    """The columns of LINE_CHANGING, in their order."""
    return (line.acknowledged, line.secondary_acknowledged, line.shipped, line.canceled, line.killed,
            line.voided, line.external_accounting_id, line.cost, line.sku, line.title)  # fmt: skip


def particulars_values(particulars: Particulars) -> tuple[object, ...]:
    """The columns of PARTICULARS_CHANGING, in their order."""
    return tuple(getattr(particulars, name) for name in columns.PARTICULARS_CHANGING)


def key_values(kept: KeptOutcome, at: int) -> tuple[object, ...]:
    """The columns of KEY_COLUMNS, in their order."""
    key = kept.key
    return key.family, key.key, kept.account_id, key.operation, key.fingerprint, kept.outcome, at


def posted_values(one: PostedOrder) -> tuple[object, ...]:
    """The columns of INSERT_ORDER, in their order."""
    return (*one.order, one.posted)


def item_values(item: OrderItem) -> tuple[object, ...]:
    """The columns of ITEM_CHANGING, in their order."""
    return item.allocated, item.acknowledged, item.shipped, item.canceled, item.refused_sources, item.dropped


def order_values(order: Order) -> tuple[object, ...]:
    """The columns of ORDER_CHANGING, in their order."""
    return order.status, order.acknowledged_status, order.shipped_status, order.hold_reasons, order.updated_at


TOKEN_BY_ID = f"SELECT {columns.listed(TokenRow)} FROM token WHERE id = $1"
