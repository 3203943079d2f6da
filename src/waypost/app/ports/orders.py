"""Orders: how they are looked for, read and written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.app.ports.batch import NewRequest
from waypost.domain.events import Event
from waypost.domain.orders import Order, OrderItem


class OrderRequest(NamedTuple):
    """What a reply to an order tells of one of its requests. `status` is the handle."""

    id: int
    number: str
    source_id: int
    status: str

    @classmethod
    def of(cls, new: NewRequest) -> "OrderRequest":
        """What is told of one that was generated just now."""
        state = new.state
        return cls(state.id, new.particulars.number, state.source_id, state.status)


OrderRequests = tuple[OrderRequest, ...]


class OrderView(NamedTuple):
    """An order for a reply, with the states and numbers of its requests."""

    order: Order
    items: tuple[OrderItem, ...]
    requests: OrderRequests


class PostedOrder(NamedTuple):
    """An order, and what was last posted of it: JSON of `app.posted`, or None, where only `content_hash` is kept."""

    order: Order
    posted: str | None


class OrderQuery(NamedTuple):
    """Filters of the list; None or empty means no filter. Times in microseconds, exclusive."""

    scope: Scope
    ordered_after: int | None = None
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()  # with any of these
    updated_after: int | None = None
    requests_updated_after: int | None = None
    shipments_updated_after: int | None = None
    numbers: tuple[str, ...] = ()
    reference_numbers: tuple[str, ...] = ()
    channel_id: int | None = None
    limit: int = 20
    offset: int = 0


class Sold(NamedTuple):
    """A product variant, as far as orders need it."""

    id: int
    sku: str
    title: str | None


class Listed(NamedTuple):
    """A listing variant, as far as orders need it. Price in ten-thousandths."""

    id: int
    channel_id: int
    sku: str
    title: str | None
    external_id: str | None
    price: int | None
    product_variant_id: int | None


class LinkQuery(NamedTuple):
    """Whose items are to be linked: those with one of these SKUs, or those of a channel."""

    scope: Scope
    skus: tuple[str, ...] = ()
    channel_id: int | None = None


class OrderReads(Protocol):
    """The part of `Reads` that is about orders. A scope of a source sees none."""

    async def order(self, scope: Scope, order_id: int) -> OrderView | None: ...

    async def orders(self, query: OrderQuery) -> list[OrderView]:
        """One page, by id ascending: a query for the orders, one for their items, one for their requests."""
        ...

    async def linkable_orders(
        self, query: LinkQuery, statuses: Sequence[str], limit: int
    ) -> list[tuple[int, int]]:
        """Orders in one of these statuses of which an unmanaged item can be linked now, by id ascending, each with the
        number of its items."""
        ...

    async def order_timeline(self, scope: Scope, order_id: int) -> list[Event] | None:
        """Every event of one order, oldest first; None where the scope sees no such order."""
        ...


class OrderTx(Protocol):
    """The part of `Tx` that is about orders."""

    async def order_views(self, orders: Sequence[Order]) -> list[OrderView]:
        """These orders with their items and requests, as they stand in this transaction; nothing is locked."""
        ...

    async def item_counts(self, scope: Scope, order_ids: Sequence[int]) -> dict[int, int]:
        """How many items each of these orders has, as far as `scope` sees them. Nothing is locked."""
        ...

    async def order_requests(self, order_ids: Sequence[int]) -> dict[int, OrderRequests]:
        """The requests of these orders; an order without requests is missing."""
        ...

    async def insert_order_items(self, items: Sequence[OrderItem]) -> None: ...

    async def update_order_fields(self, orders: Sequence[Order]) -> None:
        """Write what no roll-up derives: total, payment, tags, note, accounting."""
        ...

    async def update_posted(self, order_id: int, posted: str) -> None:
        """Write what was last posted of the order."""
        ...

    async def update_item_links(self, items: Sequence[OrderItem]) -> None:
        """Write what these items are: SKU, title, product and listing variant."""
        ...

    async def sold(self, account_id: int, ids: Sequence[int], skus: Sequence[str]) -> list[Sold]:
        """The account's product variants with one of these ids or SKUs."""
        ...

    async def listed(self, account_id: int, ids: Sequence[int], externals: Sequence[tuple[int, str]]) -> list[Listed]:
        """The account's listing variants with one of these ids; then of each channel and external id the last made.

        One may be there twice.
        """
        ...
