"""The rules of a routing group: each narrows the candidates of a round, top to bottom. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class RuleName(StrEnum):
    """What a rule looks at."""

    SINGLE_REQUEST = "single_request"
    LOWEST_COST = "lowest_cost"
    SOURCE_PRIORITY = "source_priority"
    SHIPPING_MAPPED = "shipping_mapped"


class Mode(StrEnum):
    """How much a single request is wanted."""

    REQUIRED = "required"
    PREFERRED = "preferred"


class Rule(NamedTuple):
    """One line of a group's rules."""

    name: RuleName
    mode: Mode | None = None  # of `single_request`


DEFAULT_RULES = (
    Rule(RuleName.SINGLE_REQUEST, Mode.PREFERRED),
    Rule(RuleName.LOWEST_COST),
    Rule(RuleName.SOURCE_PRIORITY),
)
"""Where an account has no routing group."""

CAN_TAKE = "can_take"
FIRST = "first"  # what decides between equals: the better priority, then the smaller id


class Bid(NamedTuple):
    """What one candidate could take of what is left, and for how much in all; None: the cost is not known."""

    source_id: int
    priority: int
    quantity: int
    cost: int | None
    mapped: bool


class Step(NamedTuple):
    """What one rule left of the candidates: source ids."""

    rule: str
    kept: tuple[int, ...]
    lost: tuple[int, ...]


def is_bundle(rules: Sequence[Rule]) -> bool:
    """Whether the items of one address are placed together: a rule speaks of a single request."""
    return any(rule.name is RuleName.SINGLE_REQUEST for rule in rules)


def wants_mapped(rules: Sequence[Rule]) -> bool:
    """Whether only sources with a mapped shipping method are asked."""
    return any(rule.name is RuleName.SHIPPING_MAPPED for rule in rules)


def wants_one(rules: Sequence[Rule]) -> bool:
    """Whether an address is never served by two requests."""
    return any(rule.mode is Mode.REQUIRED for rule in rules)


def narrow(rules: Sequence[Rule], bids: Sequence[Bid], wanted: int) -> tuple[int | None, tuple[Step, ...]]:
    """The source that the rules leave, if any, and what each rule did; `wanted` pieces are to be placed."""
    kept = [bid for bid in bids if bid.quantity > 0]
    steps = [_step(CAN_TAKE, bids, kept)]
    for rule in rules:
        if not kept:
            return None, tuple(steps)
        left = _KEEP[rule.name](rule, kept, wanted)
        steps.append(_step(rule.name, kept, left))
        kept = left
    if not kept:
        return None, tuple(steps)
    if len(kept) > 1:
        best = min(kept, key=lambda bid: (bid.priority, bid.source_id))
        steps.append(_step(FIRST, kept, [best]))
        kept = [best]
    return kept[0].source_id, tuple(steps)


def _step(rule: str, before: Sequence[Bid], after: Sequence[Bid]) -> Step:
    kept = tuple(bid.source_id for bid in after)
    stayed = set(kept)
    return Step(rule, kept, tuple(bid.source_id for bid in before if bid.source_id not in stayed))


def _single_request(rule: Rule, bids: Sequence[Bid], wanted: int) -> list[Bid]:
    whole = [bid for bid in bids if bid.quantity == wanted]
    if whole or rule.mode is Mode.REQUIRED:
        return whole
    most = max(bid.quantity for bid in bids)  # the fewest requests, one greedy step at a time
    return [bid for bid in bids if bid.quantity == most]


def _lowest_cost(rule: Rule, bids: Sequence[Bid], wanted: int) -> list[Bid]:
    """The cheapest by the piece: of those that take the same, the cheapest in all. A known cost wins."""
    known = [(bid, bid.cost) for bid in bids if bid.cost is not None]
    if not known:
        return list(bids)
    best, least = known[0]
    for bid, cost in known:
        if cost * best.quantity < least * bid.quantity:
            best, least = bid, cost
    return [bid for bid, cost in known if cost * best.quantity == least * bid.quantity]


def _source_priority(rule: Rule, bids: Sequence[Bid], wanted: int) -> list[Bid]:
    best = min(bid.priority for bid in bids)
    return [bid for bid in bids if bid.priority == best]


def _shipping_mapped(rule: Rule, bids: Sequence[Bid], wanted: int) -> list[Bid]:
    return [bid for bid in bids if bid.mapped]


_KEEP = {
    RuleName.SINGLE_REQUEST: _single_request,
    RuleName.LOWEST_COST: _lowest_cost,
    RuleName.SOURCE_PRIORITY: _source_priority,
    RuleName.SHIPPING_MAPPED: _shipping_mapped,
}
