"""A batch on its way through a transaction: what it asks to be loaded, what it was given, what it writes."""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.commands import IdempotencyKey
from waypost.app.drafts import Holding
from waypost.app.ports.delivery import Confirmed, Ended, Started
from waypost.app.ports.routing import DecisionRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.statuses import Status
from waypost.domain.stock import Entry


class Ask(NamedTuple):
    """One request to be locked and loaded, as far as `scope` may see it."""

    request_id: int
    scope: Scope
    whole: bool = False  # with particulars and lines
    with_order: bool = False  # with its order, for the roll-up
    with_cause: bool = False  # with what blocks or unblocks it
    number: str | None = None  # with who owns this number at its source
    elsewhere: bool = False  # locked with what other sources have of its items, if its channel routes again
    elsewhere_anyway: bool = False  # so, whatever its channel says


class Cause(NamedTuple):
    """What a blocked request is judged by. `number_owner` is the request that claimed the number first."""

    max_length: int | None
    required_fields: str  # JSON array of names
    number_owner: int | None


class RequestSize(NamedTuple):
    """How many lines a request has, and how many items its order has."""

    id: int
    order_id: int
    lines: int
    items: int


class OrderParts(NamedTuple):
    """An order, its items, and what the lines of its requests *outside the batch* add up to, by item id."""

    order: Order
    items: tuple[OrderItem, ...]
    other_sums: dict[int, LineSums]


class Clocked(NamedTuple):
    """An account's event counter, locked until the transaction ends."""

    last_seq: int
    last_at: int


class Loaded(NamedTuple):
    """All that a batch was promised. `states` has a place for each ask: None where the scope sees nothing."""

    states: list[State | None]
    particulars: dict[int, Particulars]
    lines: dict[int, tuple[Line, ...]]
    orders: dict[int, OrderParts]  # by order id
    causes: dict[int, Cause]  # by request id
    counters: dict[int, Clocked]  # by account id
    holdings: dict[int, Holding]  # by request id, where its order was asked for
    owners: dict[tuple[int, str], int]  # by source and number that an ask names: the request that owns it
    rerouted: set[int]  # orders whose channel routes again what a source gives back, where that was asked for


class KeptOutcome(NamedTuple):
    """What is kept under an idempotency key, to be written with the change that it came with."""

    key: IdempotencyKey
    account_id: int
    outcome: str


class StockChange(NamedTuple):
    """An entry of the ledger as it becomes (`id` 0: a new one), and by how much its variant's total moves."""

    entry: Entry
    by: int


class Changes(NamedTuple):
    """All rows that one batch writes. `states` pairs the state as loaded with the state as it becomes."""

    states: list[tuple[State, State]]
    lines: list[Line]
    items: list[OrderItem]
    orders: list[Order]
    events: list[Event]
    at: int
    stock: list[StockChange]
    particulars: Sequence[Particulars] = ()
    claims: Sequence[tuple[int, str, int]] = ()  # source, number, request: numbers that are theirs from now on
    requests: Sequence["NewRequest"] = ()
    decisions: Sequence[DecisionRow] = ()
    decided: Sequence[int] = ()  # requests of which somebody has seen to a late answer
    started: Sequence[Started] = ()  # attempts that are being sent from now on
    ended: Sequence[Ended] = ()  # attempts that are settled; none that is in `started`
    moved_on: Sequence[int] = ()  # requests that left the status in which a clock rule had raised an alert about them
    confirmed: Sequence[Confirmed] = ()  # what the sources call requests; none whose particulars are edited


def no_changes(at: int) -> Changes:
    """To be filled in."""
    return Changes([], [], [], [], [], at, [])


class PlainMove(NamedTuple):
    """One bare failure: the status right, and nothing else to be looked at or changed."""

    request_id: int
    actor: Actor
    call_id: str | None
    code: str
    reason: str
    retryable: bool
    data: str


class PlainMoves(NamedTuple):
    """Moves by one row of the table, each of a request of its own; fit for the narrow form of a batch."""

    sources: tuple[Status, ...]
    to: Status
    event: str
    now: int
    moves: Sequence[PlainMove]


class PlainMoved(NamedTuple):
    """What a plain move did."""

    from_status: Status
    version: int


class NewRequest(NamedTuple):
    """A request to be inserted."""

    state: State
    particulars: Particulars
    lines: tuple[Line, ...]
    claims_number: bool
    entries: tuple[Entry, ...] = ()
