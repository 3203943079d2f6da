"""Routing: which source gets what of an order, and the decision that explains it. The vocabulary.

The method stands in `domain.routing_rounds`, the rules that narrow the candidates in `domain.routing_rules`.
Quantities are pieces, money is ten-thousandths. Everything is plain data: the same input gives the same output.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.routing_rules import Bid, Rule, Step


class Candidate(NamedTuple):
    """A source that may be asked. Fees are per request; `method_id` is how it ships what the order asks for."""

    source_id: int
    name: str
    priority: int  # lower is better
    eligible: bool = True
    dropship_fee: int = 0
    shipping_estimate: int = 0
    method_id: int | None = None  # None: nothing is mapped


class Offer(NamedTuple):
    """What one source has for one item. Cost a piece; None: not known."""

    variant_id: int
    cost: int | None
    backorder: bool = False  # may be ordered beyond what is available


class Demand(NamedTuple):
    """An item to be placed. Items with the same `ship_to` go to the same address; None is the order's own."""

    item_id: int
    sku: str
    quantity: int
    ship_to: str | None = None
    refused: frozenset[int] = frozenset()  # sources that gave it back, never asked again
    offers: Mapping[int, Offer] = {}  # by source id: everybody who has it, candidate or not


class Take(NamedTuple):
    """So much of an item, from this variant. `backordered`: that part of it which is not in stock."""

    item_id: int
    quantity: int
    variant_id: int
    cost: int | None
    backordered: int = 0


class Allocation(NamedTuple):
    """One fulfillment request to be: what one source sends to one address."""

    source_id: int
    ship_to: str | None
    takes: tuple[Take, ...]


class Trouble(StrEnum):
    """Why an item could not be placed; also codes of hold reasons."""

    UNKNOWN_SKU = "unknown_sku"
    NO_AVAILABLE_QUANTITY = "no_available_quantity"
    NO_ELIGIBLE_SOURCE = "no_eligible_source"


class Miss(StrEnum):
    """Why one source did not take an item."""

    NOT_A_CANDIDATE = "not_a_candidate"
    NOT_ELIGIBLE = "not_eligible"
    NOT_OFFERED = "not_offered"
    REFUSED_BEFORE = "refused_before"
    NOT_MAPPED = "shipping_not_mapped"
    NOT_ENOUGH = "not_enough"
    NOT_IN_ONE = "not_in_one_request"


class Unplaced(NamedTuple):
    """What is left of an item, and why each source that has it did not take it."""

    item_id: int
    sku: str
    quantity: int
    trouble: Trouble
    misses: tuple[tuple[int, Miss], ...]


class Round(NamedTuple):
    """One choice: what was to be placed, what each candidate bid, and what each rule left of them."""

    ship_to: str | None
    item_ids: tuple[int, ...]
    backorder: bool  # beyond what is in stock
    bids: tuple[Bid, ...]
    idle: tuple[tuple[int, Miss], ...]  # who bids nothing, and why
    steps: tuple[Step, ...]
    chosen: int | None
    quantity: int  # taken


class Decision(NamedTuple):
    """Why an order's items went where they went."""

    group_id: int | None
    group: str | None
    rules: tuple[Rule, ...]
    candidates: tuple[Candidate, ...]
    rounds: tuple[Round, ...]
    unplaced: tuple[Unplaced, ...]


class Routed(NamedTuple):
    """What is to be generated, and why."""

    allocations: tuple[Allocation, ...]
    decision: Decision

    @property
    def unplaced(self) -> tuple[Unplaced, ...]:
        """What nobody takes."""
        return self.decision.unplaced
