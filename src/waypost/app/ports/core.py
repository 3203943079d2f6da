"""What the use cases need from the world: a store, a clock, randomness. Implemented in `storage` and `main`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from waypost.app.actor import Scope
from waypost.app.commands import IdempotencyKey, KeyName, KeyRow
from waypost.app.large_work import LargeWork
from waypost.app.ports.attention import AttentionReads, AttentionTx
from waypost.app.ports.batch import (
    Ask,
    Changes,
    KeptOutcome,
    Loaded,
    NewRequest,
    OrderParts,
    PlainMoved,
    PlainMoves,
    RequestSize,
    StockChange,
)
from waypost.app.ports.catalog import ALL, CatalogReads, CatalogTx, Page
from waypost.app.ports.clock_rules import ClockRuleReads, ClockRuleTx
from waypost.app.ports.delivery import DeliveryReads, DeliveryTx
from waypost.app.ports.events import EventReads, EventTx
from waypost.app.ports.imports import ImportReads, ImportTx
from waypost.app.ports.inventory import InventoryReads, InventoryTx
from waypost.app.ports.invoices import InvoiceReads, InvoiceTx
from waypost.app.ports.orders import OrderReads, OrderTx, PostedOrder
from waypost.app.ports.routing import RoutingReads, RoutingTx
from waypost.app.ports.shipments import ShipmentReads, ShipmentTx
from waypost.app.ports.webhooks import WebhookReads, WebhookTx
from waypost.domain.events import Event
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.orders import Order, OrderItem

T = TypeVar("T")


class Tx(
    AttentionTx, CatalogTx, ClockRuleTx, DeliveryTx, EventTx, ImportTx, InventoryTx, InvoiceTx, OrderTx, RoutingTx,
    ShipmentTx, WebhookTx, Protocol,
):  # fmt: skip
    """One open transaction. What its methods write is answered only after its commit."""

    async def load(
        self,
        asks: Sequence[Ask],
        accounts: Sequence[int],
        variants: Sequence[int] = (),
    ) -> Loaded:
        """Lock in the one global order (orders, requests, stock variants, counters; each by id), then load.

        `variants`: those to be locked beside the ones that the requests' lines hold.
        """
        ...

    async def move_plainly(self, asked: PlainMoves) -> Sequence[PlainMoved | None]:
        """Lock, judge by status alone, and write, in as few steps as the engine can.

        None for each that is not possible so: nothing was done about it, it is to take the batch road.
        """
        ...

    async def write(self, changes: Changes) -> None:
        """Write a batch in one go; every row that was loaded must still be as it was."""
        ...

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Fresh ids, ascending: `orders`, `order_item`, `fulfillment_request`, `fulfillment_request_line`, `token`."""
        ...

    # Everything below is the same SQL on both engines.
    async def insert_orders(self, orders: Sequence[PostedOrder], items: Sequence[OrderItem]) -> set[int]:
        """Insert those whose number is still free in their channel; the ids that were inserted."""
        ...

    async def insert_requests(self, requests: Sequence[NewRequest]) -> None:
        """Insert them with their lines, their claims to numbers, and the stock that they commit."""
        ...

    async def write_stock(self, changes: Sequence[StockChange], at: int) -> None:
        """Write entries of the ledger and move their variants' totals; the variants are locked."""
        ...

    async def number_owners(self, numbers: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """Which request owns each (source id, number) that is taken."""
        ...

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> dict[KeyName, KeyRow | None]:
        """Take these idempotency keys until the transaction ends; never waits for one. To be asked first of all.

        Those that are taken already, by name: with what is kept under them, or None where another transaction has it.
        """
        ...

    async def keep(self, kept: Sequence[KeptOutcome], at: int) -> None:
        """Keep outcomes under keys that were claimed; `at` in microseconds."""
        ...

    async def orders_by_number(self, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], PostedOrder]:
        """Orders by (channel id, order number), with what was posted of them; nothing is locked."""
        ...

    async def order_parts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, OrderParts]:
        """Lock these orders (by id) and load them with their items and the sums of *all* their lines."""
        ...

    async def source_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, "SourceRow"]: ...

    async def channel_rows(self, scope: Scope, ids: Sequence[int]) -> dict[int, "ChannelRow"]: ...

    async def account_rows(self, ids: Sequence[int]) -> dict[int, "AccountRow"]: ...

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

    async def update_row(self, table: str, row_id: int, columns: Mapping[str, Any]) -> None:
        """Change these columns of one row of a small table."""
        ...

    async def rehearse(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, and undo all that it wrote."""
        ...

    async def prove_writable(self) -> None:
        """Write a row and undo that: raises what a change would raise now."""
        ...

    async def purge_keys(self, before: int, limit: int) -> int:
        """Forget idempotency records made before `before` (microseconds), at most `limit`; how many."""
        ...

    async def oldest_processing(self, scope: Scope, source_id: int | None, limit: int) -> list[int]:
        """Ids of the oldest requests in Processing that `scope` sees."""
        ...

    async def request_sizes(self, scope: Scope, request_ids: Sequence[int]) -> list[RequestSize]:
        """How large these requests are, as far as `scope` sees them, by id ascending. Nothing is locked."""
        ...


class SourceRow(NamedTuple):
    """A source of an account: a supplier, a warehouse or a 3PL."""

    id: int
    account_id: int
    name: str
    max_number_length: int | None
    required_fields: str  # JSON array of names
    auto_process: bool
    created_at: int
    reference: str | None = None
    number_strategy: str | None = None  # of domain.numbering; None: the account's
    exceed_strategy: str | None = None  # instead, where the number would be too long
    refused_characters: str = ""
    pass_order_fields: bool = False
    pass_item_fields: bool = False
    stock_release: str = "shipment"  # what gives committed stock back: `shipment` or `quantity_update`
    allow_backorders: bool = False
    dropship_fee: int = 0  # per request, ten-thousandths
    shipping_estimate: int = 0  # per request, ten-thousandths
    archived: bool = False
    settings: str = "{}"  # JSON object
    updated_at: int | None = None
    version: int = 1  # raised by every change, as with every record


class ChannelRow(NamedTuple):
    """A channel of an account, on which it sells."""

    id: int
    account_id: int
    name: str
    created_at: int
    auto_generate: bool = False  # generate requests as soon as an order may be fulfilled
    allow_backorders: bool = False
    reroute_on_fill: bool = False  # what a source gives back goes to another one
    require_shipping_mapping: bool = False  # hold orders whose shipping text means no policy
    routing_group_id: int | None = None  # None: the account's default group
    updated_at: int | None = None
    version: int = 1


class AccountRow(NamedTuple):
    """A merchant, who owns sources, channels and orders."""

    id: int
    company_name: str
    brand_name: str | None
    subdomain: str | None
    created_at: int
    default_routing_group_id: int | None = None
    number_strategy: str = "order_number"
    version: int = 1


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


class Reads(
    AttentionReads, CatalogReads, ClockRuleReads, DeliveryReads, EventReads, ImportReads, InventoryReads, InvoiceReads,
    OrderReads, RoutingReads, ShipmentReads, WebhookReads, Protocol,
):  # fmt: skip
    """Reading, outside any transaction, from connections that cannot write."""

    large: LargeWork

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None: ...
    async def version(self, scope: Scope, request_id: int) -> int | None: ...
    async def versions(self, query: RequestQuery) -> list[tuple[int, int]]: ...
    async def requests_of(self, scope: Scope, ids: Sequence[int]) -> list[FulfillmentRequest]: ...
    async def requests(self, query: RequestQuery) -> list[FulfillmentRequest]: ...
    async def count_requests(self, query: RequestQuery) -> int: ...
    async def timeline(self, scope: Scope, request_id: int) -> list[Event] | None: ...
    async def account(self, account_id: int) -> AccountRow | None: ...
    async def accounts(self) -> list[AccountRow]: ...
    async def source(self, scope: Scope, source_id: int) -> SourceRow | None: ...
    async def sources(self, account_id: int, page: Page = ALL) -> list[SourceRow]: ...
    async def channel(self, scope: Scope, channel_id: int) -> ChannelRow | None: ...
    async def channels(self, account_id: int, page: Page = ALL) -> list[ChannelRow]: ...
    async def token(self, digest: bytes) -> TokenRow | None: ...
    async def tokens(self, account_id: int | None) -> list[TokenRow]: ...
