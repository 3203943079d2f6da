"""What the use cases need from the world: a store, a clock, randomness. Implemented in `storage` and `main`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from waypost.app.actor import Scope
from waypost.app.commands import IdempotencyKey, KeyRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.domain.orders import LineSums, Order, OrderItem
from waypost.domain.statuses import Status

T = TypeVar("T")


class Ask(NamedTuple):
    """One request to be locked and loaded, as far as `scope` may see it."""

    request_id: int
    scope: Scope
    whole: bool = False  # with particulars and lines
    with_order: bool = False  # with its order, for the roll-up
    with_cause: bool = False  # with what blocks or unblocks it


class Cause(NamedTuple):
    """What a blocked request is judged by. `number_owner` is the request that claimed the number first."""

    max_length: int | None
    required_fields: str  # JSON array of names
    number_owner: int | None


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
    keys: list["KeyRow | bool | None"]  # per key asked: its record, None when free, False when held elsewhere
    counters: dict[int, Clocked]  # by account id


class KeptOutcome(NamedTuple):
    """An idempotency record to be written with the change it belongs to."""

    key: IdempotencyKey
    account_id: int
    outcome: str


class Changes(NamedTuple):
    """All rows that one batch writes. `states` pairs the state as loaded with the state as it becomes."""

    states: list[tuple[State, State]]
    lines: list[Line]
    items: list[OrderItem]
    orders: list[Order]
    events: list[Event]
    keys: list[KeptOutcome]
    at: int


class LoneMove(NamedTuple):
    """A batch of one whose row of the table needs nothing but the status: fit for one round trip."""

    request_id: int
    scope: Scope
    sources: tuple[Status, ...]
    to: Status
    event: str
    actor_type: str
    actor_id: int | None
    actor_name: str | None
    actor_signature: str
    call_id: str | None
    code: str
    reason: str
    retryable: bool
    data: str
    now: int


class LoneMoved(NamedTuple):
    """What a lone move did."""

    from_status: Status
    version: int


class NewRequest(NamedTuple):
    """A request to be inserted."""

    state: State
    particulars: Particulars
    lines: tuple[Line, ...]
    claims_number: bool


class Tx(Protocol):
    """One open transaction. What its methods write is answered only after its commit."""

    async def load(self, asks: Sequence[Ask], keys: Sequence[IdempotencyKey], accounts: Sequence[int]) -> Loaded:
        """Lock in the one global order (orders, requests, counters; each by id), then load."""
        ...

    async def move_alone(self, move: LoneMove) -> LoneMoved | None:
        """Lock, write and commit in one round trip. None: not possible so, nothing done; take the batch road."""
        ...

    async def write(self, changes: Changes) -> None:
        """Write a batch in one go; every row that was loaded must still be as it was."""
        ...

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Fresh ids, ascending: `orders`, `order_item`, `fulfillment_request`, `fulfillment_request_line`, `token`."""
        ...

    # Everything below is the same SQL on both engines.
    async def insert_orders(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> set[int]:
        """Insert those whose number is still free in their channel; the ids that were inserted."""
        ...

    async def insert_requests(self, requests: Sequence[NewRequest]) -> None: ...

    async def number_owners(self, numbers: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Which request owns each (source id, number) that is taken."""
        ...

    async def keep(self, keys: Sequence[KeptOutcome], at: int) -> None:
        """Keep idempotency records with what they belong to."""
        ...

    async def orders_by_number(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Order]:
        """Orders by (channel id, order number)."""
        ...

    async def order_parts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, OrderParts]:
        """Lock these orders (by id) and load them with their items and the sums of *all* their lines."""
        ...

    async def request_counts(self, order_ids: Sequence[int]) -> dict[int, int]: ...

    async def source_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, "SourceRow"]: ...

    async def channel_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, "ChannelRow"]: ...

    async def write_events(self, events: Sequence[Event], at: int) -> None:
        """Append events whose `seq` was given out from the locked counters, and move those on."""
        ...

    async def update_order_rollups(self, orders: Sequence[Order], items: Sequence[OrderItem]) -> None:
        """Write derived quantities and statuses."""
        ...

    async def token_by_id(self, token_id: int) -> "TokenRow | None": ...

    async def revoke_token(self, token_id: int, at: int) -> int: ...

    async def expire_token(self, token_id: int, at: int) -> int: ...

    async def insert_row(self, table: str, row: dict[str, Any]) -> int:
        """Insert one row of a small table (account, source, channel, token); its id."""
        ...

    async def purge_keys(self, before: int, limit: int) -> int:
        """Forget idempotency records made before `before` (microseconds), at most `limit`; how many."""
        ...

    async def oldest_processing(self, scope: Scope, source_id: int | None, limit: int) -> list[int]:
        """Ids of the oldest requests in Processing that `scope` sees."""
        ...


class SourceRow(NamedTuple):
    id: int
    account_id: int
    name: str
    max_number_length: int | None
    required_fields: str  # JSON array of names
    auto_process: bool
    created_at: int


class ChannelRow(NamedTuple):
    id: int
    account_id: int
    name: str
    created_at: int


class AccountRow(NamedTuple):
    id: int
    company_name: str
    brand_name: str | None
    subdomain: str | None
    created_at: int


class TokenRow(NamedTuple):
    """A token as stored: `digest` is SHA-256 of the secret, `hint` its last four characters."""

    id: int
    account_id: int
    type: str
    source_id: int | None
    channel_id: int | None
    name: str
    family: int
    digest: bytes
    hint: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class OrderView(NamedTuple):
    """An order for a reply, with the states and numbers of its requests."""

    order: Order
    items: tuple[OrderItem, ...]
    requests: tuple[tuple[int, str, int, str], ...]  # id, number, source id, status handle


class RequestQuery(NamedTuple):
    """Filters of the list and the count; None means no filter. Times in microseconds, exclusive."""

    scope: Scope
    order_id: int | None = None
    since_id: int | None = None
    numbers: tuple[str, ...] = ()
    source_id: int | None = None
    statuses: tuple[str, ...] = ()
    fulfillment_statuses: tuple[str, ...] = ()
    invoiced: bool | None = None
    is_acknowledged: bool | None = None
    acknowledged_after: int | None = None
    is_sent: bool | None = None
    sent_after: int | None = None
    generated_after: int | None = None
    is_canceled: bool | None = None
    canceled_after: int | None = None
    eligible_for_processing: bool | None = None
    updated_after: int | None = None
    failure_codes: tuple[str, ...] = ()
    needs_attention: bool | None = None
    limit: int = 20
    offset: int = 0


class Reads(Protocol):
    """Reading, outside any transaction, from connections that cannot write."""

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None: ...
    async def version(self, scope: Scope, request_id: int) -> int | None: ...
    async def versions(self, query: RequestQuery) -> list[tuple[int, int]]: ...
    async def requests_of(self, scope: Scope, ids: Sequence[int]) -> list[FulfillmentRequest]: ...
    async def requests(self, query: RequestQuery) -> list[FulfillmentRequest]: ...
    async def count_requests(self, query: RequestQuery) -> int: ...
    async def timeline(self, scope: Scope, request_id: int) -> list[Event] | None: ...
    async def order(self, scope: Scope, order_id: int) -> OrderView | None: ...
    async def account(self, account_id: int) -> AccountRow | None: ...
    async def accounts(self) -> list[AccountRow]: ...
    async def sources(self, account_id: int) -> list[SourceRow]: ...
    async def channels(self, account_id: int) -> list[ChannelRow]: ...
    async def token(self, digest: bytes) -> TokenRow | None: ...
    async def tokens(self, account_id: int | None) -> list[TokenRow]: ...


Work = Callable[[Tx], Awaitable[T]]


class Store(Protocol):
    """A database. `write` runs `work` in one transaction and returns after its commit.

    It raises `Unavailable` when the database cannot be reached or the commit's outcome is lost, and runs
    `work` again only after a transaction that is known to be rolled back.
    """

    @property
    def reads(self) -> Reads: ...

    async def write(self, work: Work[T]) -> T: ...

    async def ready(self) -> str:
        """Raise `Unavailable` unless the database can be written and its schema is current; the revision."""
        ...

    async def close(self) -> None: ...


Clock = Callable[[], int]
"""The present time in microseconds since 1970, UTC."""
