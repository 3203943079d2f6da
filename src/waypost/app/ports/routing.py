"""What routing looks at, how it is locked and read, and how a decision is kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from waypost.app.actor import Scope

if TYPE_CHECKING:
    from waypost.app.ports.batch import OrderParts
    from waypost.app.ports.core import AccountRow, ChannelRow, SourceRow


class StockVariant(NamedTuple):
    """An item of a source's inventory. `committed` is what requests hold of `quantity`; money in ten-thousandths."""

    id: int
    account_id: int
    source_id: int
    sku: str
    product_variant_id: int | None
    quantity: int
    committed: int
    allow_backorders: bool | None  # None: as the source or the channel says
    cost: int | None
    shipping_cost: int | None  # a piece
    dropship_fee: int | None  # a piece
    title: str | None
    reference_id: str | None
    upc: str | None
    mpn: str | None
    weight: int | None
    weight_unit: str | None
    length: int | None
    width: int | None
    height: int | None
    dimension_unit: str | None


class VariantAsk(NamedTuple):
    """Which variants: any that is named in one of these ways, of these sources (None: of all)."""

    accounts: tuple[int, ...]
    skus: tuple[str, ...] = ()
    products: tuple[int, ...] = ()  # product variant ids
    ids: tuple[int, ...] = ()
    sources: tuple[int, ...] | None = None


class GroupRow(NamedTuple):
    """A routing group. `rules`: JSON array of `domain.routing_rules`."""

    id: int
    account_id: int
    name: str
    rules: str


class GroupSource(NamedTuple):
    """A source in a routing group; a lower priority is better."""

    group_id: int
    source_id: int
    priority: int
    eligible: bool


class MappedMethod(NamedTuple):
    """By which method a source ships what a channel's shipping text means; source and method may be missing."""

    channel_id: int
    text: str
    policy_id: int
    source_id: int | None
    method_id: int | None
    carrier: str | None
    method: str | None
    estimated_cost: int | None


class DecisionRow(NamedTuple):
    """A decision as it is kept: JSON of `domain.routing.Decision`."""

    id: int
    account_id: int
    order_id: int
    at: int
    decision: str


class RoutingCatalog(NamedTuple):
    """What routing looks at besides stock: accounts and channels of a batch, their groups, and whom it may ask.

    Of an account in which a channel has no group, every source may be.
    """

    accounts: "dict[int, AccountRow]"
    sources: "dict[int, SourceRow]"
    channels: "dict[int, ChannelRow]"
    groups: dict[int, GroupRow]
    members: dict[int, list[GroupSource]]  # by group id

    def group_of(self, channel: "ChannelRow") -> GroupRow | None:
        """The channel's group, else the account's default."""
        wanted = channel.routing_group_id
        if wanted is None:
            wanted = self.accounts[channel.account_id].default_routing_group_id
        row = self.groups.get(wanted or 0)
        return row if row is not None and row.account_id == channel.account_id else None


class RoutingReads(Protocol):
    """The part of `Reads` that is about routing."""

    async def routing_decision(self, scope: Scope, request_id: int) -> DecisionRow | None:
        """The decision that sent a request to its source; None where there is none, or the scope sees nothing."""
        ...


class RoutingTx(Protocol):
    """The part of `Tx` that is about routing."""

    async def lock_orders(self, accounts: Sequence[int], ids: Sequence[int]) -> "dict[int, OrderParts]":
        """Lock these orders (by id), then load them with their items and the sums of *all* their lines."""
        ...

    async def lock_variants(self, ask: VariantAsk) -> list[StockVariant]:
        """Lock what is asked for (by id), archived variants left out; read as they stand under the lock."""
        ...

    async def others_with(
        self, account_id: int, skus: Sequence[str], products: Sequence[int], but: Sequence[int], limit: int
    ) -> tuple[dict[str, set[int]], dict[int, set[int]]]:
        """Sources but for these that have one of the SKUs, or of the product variants: so many of each, by its name.

        Archived sources and variants are left out; nothing is locked.
        """
        ...

    async def routing_catalog(self, accounts: Sequence[int], channels: Sequence[int]) -> RoutingCatalog:
        """For the orders of these channels of these accounts."""
        ...

    async def routing_sources(self, accounts: Sequence[int], ids: Sequence[int]) -> "dict[int, SourceRow]":
        """These sources, as far as they are the accounts'."""
        ...

    async def mapped_methods(self, texts: Sequence[tuple[int, str]]) -> list[MappedMethod]:
        """What these (channel id, shipping text) mean, as far as they are mapped."""
        ...

    async def request_numbers(self, order_ids: Sequence[int]) -> dict[int, list[str]]:
        """The numbers of all requests of these orders, voided ones too."""
        ...

    async def twins(self, likenesses: Sequence[tuple[int, str]], since: int) -> list[tuple[int, str, str]]:
        """(channel id, likeness, order number): of each (channel id, likeness), the latest order that is not canceled,
        if it was received since then."""
        ...
