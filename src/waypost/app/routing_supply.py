"""What a batch may draw upon: sources with their groups, rules and fees, and stock, locked and counted down."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from waypost.app.ports import ChannelRow, SourceRow, Tx
from waypost.app.ports.routing import MappedMethod, RoutingCatalog, StockVariant, VariantAsk
from waypost.app.slices import Pace, parts
from waypost.domain.numbering import NumberRules, NumberStrategy
from waypost.domain.orders import Order, OrderItem
from waypost.domain.routing import Candidate, Demand, Offer, Routed
from waypost.domain.routing_rounds import routing
from waypost.domain.routing_rules import DEFAULT_RULES, Mode, Rule, RuleName
from waypost.domain.slices import Sliced

_STEPS_OF_A_VARIANT = 3  # to file it
_STEPS_OF_AN_OFFER = 5  # to make it
_AT_ONCE = 500


class Need(NamedTuple):
    """What an order may ask for: the names that its items go by, and its shipping text."""

    channel_id: int
    shipping_text: str | None
    skus: tuple[str, ...]
    products: tuple[int, ...]


def need_of(order: Order, items: Iterable[OrderItem]) -> Need:
    """Everything that the items of an order can be found by."""
    listed = list(items)
    skus = tuple(item.sku for item in listed if item.sku)
    products = tuple(item.product_variant_id for item in listed if item.product_variant_id)
    return Need(order.channel_id, order.shipping_text, skus, products)


class Wanted(NamedTuple):
    """So much of an item is to be placed."""

    item: OrderItem
    quantity: int


class Group(NamedTuple):
    """Who may be asked for an order, and by which rules."""

    named: tuple[int, str] | None
    rules: tuple[Rule, ...]
    candidates: list[Candidate]


class Supply:
    """The sources and the stock of a batch. What one order takes is gone for the next."""

    def __init__(self, catalog: RoutingCatalog, methods: Sequence[MappedMethod]) -> None:
        self.catalog = catalog
        self.pace = Pace()  # of all work with it: the routing of many short orders takes long, too
        self.variants: dict[int, StockVariant] = {}
        self.available: dict[int, int] = {}
        self._by_sku: dict[tuple[int, str], list[StockVariant]] = {}
        self._by_product: dict[tuple[int, int], list[StockVariant]] = {}
        self.is_of_candidates = False  # of no source but those that some order may be sent to
        self._policies = {(one.channel_id, one.text): one.policy_id for one in methods}
        self._methods = {
            (one.channel_id, one.text, one.source_id): one for one in methods if one.method_id is not None
        }

    def add(self, variants: Iterable[StockVariant]) -> None:
        """These may be drawn upon, too."""
        for variant in variants:
            self.variants[variant.id] = variant
            self.available[variant.id] = variant.quantity - variant.committed
            self._by_sku.setdefault((variant.account_id, variant.sku), []).append(variant)
            if variant.product_variant_id is not None:
                self._by_product.setdefault((variant.account_id, variant.product_variant_id), []).append(variant)

    def source(self, account_id: int, source_id: int) -> SourceRow | None:
        """A source of this account."""
        row = self.catalog.sources.get(source_id)
        return row if row is not None and row.account_id == account_id else None

    def channel(self, order: Order) -> ChannelRow:
        """The channel that an order came from."""
        return self.catalog.channels[order.channel_id]

    def offers(self, account_id: int, sku: str | None, product_id: int | None) -> dict[int, StockVariant]:
        """By source, the variant that an item means there: the one of its product, else the one of its SKU.

        Where a source has several of them, the one of which most is available, then the cheapest.
        """
        found: dict[int, StockVariant] = {}
        for named in (
            self._by_product.get((account_id, product_id or 0), ()),
            self._by_sku.get((account_id, sku or ""), ()),
        ):
            best: dict[int, StockVariant] = {}
            for variant in named:
                was = best.get(variant.source_id)
                if was is None or self._rank(variant) < self._rank(was):
                    best[variant.source_id] = variant
            for source_id, variant in best.items():
                found.setdefault(source_id, variant)
        return found

    def _rank(self, variant: StockVariant) -> tuple[int, bool, int, int]:
        return -self.available[variant.id], variant.cost is None, variant.cost or 0, variant.id

    def may_backorder(self, variant: StockVariant, channel_id: int) -> bool:
        """Whether more may be ordered than there is: what the variant says, else its source or the channel."""
        if variant.allow_backorders is not None:
            return bool(variant.allow_backorders)
        source, channel = self.catalog.sources[variant.source_id], self.catalog.channels[channel_id]
        return bool(source.allow_backorders or channel.allow_backorders)

    def has_policy(self, order: Order) -> bool:
        """Whether the order's shipping text is mapped to a shipping policy."""
        return (order.channel_id, order.shipping_text or "") in self._policies

    def method(self, order: Order, source_id: int) -> MappedMethod | None:
        """How a source ships what the order asks for, as far as that is mapped."""
        return self._methods.get((order.channel_id, order.shipping_text or "", source_id))

    def number_rules(self, source: SourceRow) -> NumberRules:
        """How a source wants its numbers: its own strategy wins over the account's."""
        strategy = source.number_strategy or self.catalog.accounts[source.account_id].number_strategy
        exceed = NumberStrategy(source.exceed_strategy) if source.exceed_strategy else None
        return NumberRules(NumberStrategy(strategy), exceed, source.max_number_length, source.refused_characters)

    def take(self, variant_id: int, quantity: int) -> None:
        """So much is gone for whoever comes next; a negative quantity comes back."""
        if variant_id in self.available:
            self.available[variant_id] -= quantity

    def group(self, order: Order) -> Group:
        """The channel's group, else the account's default; without any, every source by id, and the usual rules."""
        row = self.catalog.group_of(self.channel(order))
        if row is None:
            mine = sorted(id_ for id_, source in self.catalog.sources.items() if source.account_id == order.account_id)
            return Group(None, DEFAULT_RULES, [self._candidate(order, id_, id_, True) for id_ in mine])
        members = [one for one in self.catalog.members[row.id] if self.source(order.account_id, one.source_id)]
        candidates = [self._candidate(order, one.source_id, one.priority, bool(one.eligible)) for one in members]
        return Group((row.id, row.name), parse_rules(row.rules), candidates)

    def _candidate(self, order: Order, source_id: int, priority: int, eligible: bool) -> Candidate:
        source, method = self.catalog.sources[source_id], self.method(order, source_id)
        estimate = source.shipping_estimate
        if method is not None and method.estimated_cost is not None:
            estimate = method.estimated_cost
        return Candidate(
            source_id, source.name, priority, eligible and not source.archived, source.dropship_fee, estimate,
            method.method_id if method else None,
        )  # fmt: skip

    def routing(
        self, order: Order, wanted: Sequence[Wanted], only: int | None = None, never: frozenset[int] = frozenset()
    ) -> Sliced[Routed]:
        """Place these items of an order; nothing is taken yet. `only`: this source, whatever group and rules say."""
        group = self.group(order)
        if only is not None:
            group = Group(None, (), [self._candidate(order, only, 0, True)])
        demands = []
        available = {}
        for item, quantity in wanted:
            demand = self._demand(order, item, quantity, never)
            demands.append(demand)
            for offer in demand.offers.values():
                available[offer.variant_id] = self.available[offer.variant_id]
            yield _STEPS_OF_AN_OFFER * len(demand.offers)
        return (yield from routing(demands, group.candidates, available, group.rules, group.named))

    def _demand(self, order: Order, item: OrderItem, quantity: int, never: frozenset[int]) -> Demand:
        offers = {
            source_id: Offer(variant.id, _piece_cost(variant), self.may_backorder(variant, order.channel_id))
            for source_id, variant in self.offers(order.account_id, item.sku, item.product_variant_id).items()
            if not self.catalog.sources[source_id].archived
        }
        ship_to = None if item.ship_to == order.shipping_address else item.ship_to
        refused = never.union(json.loads(item.refused_sources))
        return Demand(item.id, item.sku or f"item {item.line_number}", quantity, ship_to, refused, offers)


def _piece_cost(variant: StockVariant) -> int | None:
    """What a piece comes to, with the fees that are counted by the piece."""
    if variant.cost is None:
        return None
    return variant.cost + (variant.shipping_cost or 0) + (variant.dropship_fee or 0)


def parse_rules(text: str) -> tuple[Rule, ...]:
    """A group's rules from their JSON."""
    return tuple(
        Rule(RuleName(one["rule"]), Mode(one["mode"]) if one.get("mode") else _usual_mode(one["rule"]))
        for one in json.loads(text)
    )


def _usual_mode(name: str) -> Mode | None:
    return Mode.PREFERRED if name == RuleName.SINGLE_REQUEST else None


class More(NamedTuple):
    """What a batch needs besides what its orders ask for.

    Variants that are named otherwise than by the items; with `sources`, of these sources only. `named`: sources that
    are loaded whether they offer anything or not, as those of `sources` are. `channels`: of other orders of the batch.
    """

    ids: tuple[int, ...] = ()
    skus: tuple[str, ...] = ()
    products: tuple[int, ...] = ()
    sources: tuple[int, ...] | None = None
    named: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()


NOTHING_MORE = More()


async def gather(tx: Tx, accounts: Sequence[int], needs: Sequence[Need], more: More = NOTHING_MORE) -> Supply:
    """Lock and load what these orders may draw upon. Orders are locked before, counters after."""
    catalog = await tx.routing_catalog(accounts, sorted({need.channel_id for need in needs}.union(more.channels)))
    texts = sorted({(need.channel_id, need.shipping_text) for need in needs if need.shipping_text})
    methods = await tx.mapped_methods(texts)
    only = more.sources if more.sources is not None else _candidates(catalog, needs, more)
    ask = VariantAsk(
        tuple(accounts),
        tuple(sorted({sku for need in needs for sku in need.skus}.union(more.skus))),
        tuple(sorted({id_ for need in needs for id_ in need.products}.union(more.products))),
        tuple(sorted(set(more.ids))),
        None if only is None else tuple(sorted(set(only))),
    )
    supply = Supply(catalog, methods)
    supply.is_of_candidates = only is not None
    variants = await tx.lock_variants(ask)
    offering = {variant.source_id for variant in variants}.union(more.sources or (), more.named)
    catalog.sources.update(await tx.routing_sources(accounts, sorted(offering - catalog.sources.keys())))
    for some in parts(variants, _AT_ONCE):
        supply.add(some)
        await supply.pace.spend(_STEPS_OF_A_VARIANT * len(some))
    return supply


def _candidates(catalog: RoutingCatalog, needs: Sequence[Need], more: More) -> list[int] | None:
    """The sources that these orders may be sent to, and the named ones; None: any, as an order without a group."""
    groups = [catalog.group_of(catalog.channels[id_]) for id_ in {need.channel_id for need in needs}]
    if None in groups:
        return None
    members = [one.source_id for group in groups if group is not None for one in catalog.members[group.id]]
    return [*members, *more.named]
