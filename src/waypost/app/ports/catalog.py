"""Sources, channels, routing groups and shipping methods: their records, and how they are read and written."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from waypost.app.actor import Scope


class Page(NamedTuple):
    """Which part of a list, by id."""

    limit: int
    offset: int = 0


ALL = Page(2**62)


class GroupMember(NamedTuple):
    """A source in a routing group; a lower priority is better."""

    source_id: int
    priority: int
    eligible: bool


class RoutingGroup(NamedTuple):
    """Which sources may be asked, and the rules that choose among them."""

    id: int
    account_id: int
    name: str
    rules: str  # JSON array, in order; see `domain.routing_rules`
    created_at: int
    updated_at: int
    version: int = 1
    sources: tuple[GroupMember, ...] = ()  # by priority, then id


class SourceMethodRow(NamedTuple):
    """A way in which a source ships. Cost in ten-thousandths."""

    id: int
    account_id: int
    source_id: int
    name: str
    carrier: str | None
    method: str | None
    estimated_cost: int | None
    active: bool
    created_at: int
    updated_at: int
    version: int = 1


class ChannelMethodRow(NamedTuple):
    """A shipping text of a channel's orders, and the policy that it means; None: not mapped yet."""

    id: int
    account_id: int
    channel_id: int
    name: str
    policy_id: int | None
    created_at: int
    updated_at: int
    version: int = 1


class PolicyMethod(NamedTuple):
    """By which of its methods a source ships what falls under a policy."""

    source_id: int
    method_id: int


class ShippingPolicy(NamedTuple):
    """A promise of shipping that each source keeps in its own way."""

    id: int
    account_id: int
    name: str
    created_at: int
    updated_at: int
    version: int = 1
    methods: tuple[PolicyMethod, ...] = ()  # by source


class CatalogReads(Protocol):
    """The part of `Reads` that this module is about. Lists are by id."""

    async def routing_group(self, scope: Scope, group_id: int) -> RoutingGroup | None: ...

    async def routing_groups(self, account_id: int, page: Page = ALL) -> list[RoutingGroup]: ...

    async def source_methods(
        self, scope: Scope, source_id: int | None = None, page: Page = ALL
    ) -> list[SourceMethodRow]: ...

    async def channel_methods(
        self, account_id: int, channel_id: int | None = None, mapped: bool | None = None, page: Page = ALL
    ) -> list[ChannelMethodRow]: ...

    async def shipping_policies(self, account_id: int, page: Page = ALL) -> list[ShippingPolicy]: ...


class CatalogTx(Protocol):
    """The part of `Tx` that this module is about."""

    async def routing_groups_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, RoutingGroup]: ...

    async def source_methods_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, SourceMethodRow]: ...

    async def channel_methods_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, ChannelMethodRow]: ...

    async def shipping_policies_by_id(self, scope: Scope, ids: Sequence[int]) -> dict[int, ShippingPolicy]: ...

    async def id_by_name(self, table: str, owner_id: int, name: str) -> int | None:
        """The record with this name that the owner (account, source or channel) has."""
        ...

    async def replace_members(self, table: str, owner_id: int, members: Sequence[Sequence[Any]]) -> None:
        """Give a routing group its sources, or a shipping policy its methods, in place of those it had."""
        ...

    async def note_shipping_texts(self, texts: Sequence[tuple[int, str]], at: int) -> None:
        """Keep those of these (channel id, shipping text) that are new, not mapped to any policy yet."""
        ...
