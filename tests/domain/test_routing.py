"""Routing: the rules narrow, splits follow the stock, and whatever comes in, nothing is given that is not there."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.routing import Candidate, Demand, Miss, Offer, Routed, Trouble
from waypost.domain.routing_rounds import route
from waypost.domain.routing_rules import CAN_TAKE, DEFAULT_RULES, FIRST, Mode, Rule, RuleName

ONE = Rule(RuleName.SINGLE_REQUEST, Mode.REQUIRED)
ONE_IF_POSSIBLE = Rule(RuleName.SINGLE_REQUEST, Mode.PREFERRED)
CHEAP = Rule(RuleName.LOWEST_COST)
PRIORITY = Rule(RuleName.SOURCE_PRIORITY)
MAPPED = Rule(RuleName.SHIPPING_MAPPED)


def source(id_: int, **given: object) -> Candidate:
    """A candidate whose priority is its id."""
    return Candidate(id_, f"S{id_}", id_)._replace(**given)


def demand(item: int, quantity: int, offers: Mapping[int, tuple[int, int | None]], **given: object) -> Demand:
    """An item that sources have: (variant id, cost) by source id."""
    had = {source_id: Offer(variant, cost) for source_id, (variant, cost) in offers.items()}
    return Demand(item, f"SKU-{item}", quantity, offers=had)._replace(**given)


def taken(routed: Routed) -> list[tuple[int, list[tuple[int, int]]]]:
    """Source by source: items and quantities."""
    return [(one.source_id, [(take.item_id, take.quantity) for take in one.takes]) for one in routed.allocations]


def test_one_source_that_has_everything_wins_over_a_cheaper_split() -> None:
    demands = [demand(1, 2, {1: (11, 10), 2: (12, 50)}), demand(2, 1, {2: (22, 50)})]
    routed = route(demands, [source(1), source(2)], {11: 9, 12: 9, 22: 9}, DEFAULT_RULES)
    assert taken(routed) == [(2, [(1, 2), (2, 1)])]
    (only,) = routed.decision.rounds
    assert [(step.rule, step.kept, step.lost) for step in only.steps] == [
        (CAN_TAKE, (1, 2), ()),
        ("single_request", (2,), (1,)),
        ("lowest_cost", (2,), ()),
        ("source_priority", (2,), ()),
    ]


def test_the_lowest_cost_counts_pieces_and_the_fees_of_the_request() -> None:
    demands = [demand(1, 2, {1: (11, 100), 2: (12, 90), 3: (13, 99)})]
    stock = {11: 9, 12: 9, 13: 9}
    fees = [source(1), source(2, dropship_fee=15, shipping_estimate=10), source(3, dropship_fee=1)]
    assert taken(route(demands, fees, stock, [CHEAP])) == [(3, [(1, 2)])]  # 200, 205, 199
    bids = route(demands, fees, stock, [CHEAP]).decision.rounds[0].bids
    assert [(bid.source_id, bid.quantity, bid.cost) for bid in bids] == [(1, 2, 200), (2, 2, 205), (3, 2, 199)]


def test_a_cost_that_is_known_wins_over_one_that_is_not() -> None:
    demands = [demand(1, 1, {1: (11, None), 2: (12, 999)})]
    assert taken(route(demands, [source(1), source(2)], {11: 1, 12: 1}, [CHEAP])) == [(2, [(1, 1)])]
    nothing_known = [demand(1, 1, {1: (11, None), 2: (12, None)})]
    assert taken(route(nothing_known, [source(1), source(2)], {11: 1, 12: 1}, [CHEAP])) == [(1, [(1, 1)])]


def test_priority_and_then_the_smaller_id_decide_between_equals() -> None:
    demands = [demand(1, 1, {1: (11, 5), 2: (12, 5), 3: (13, 5)})]
    stock = {11: 1, 12: 1, 13: 1}
    candidates = [source(1, priority=7), source(2, priority=3), source(3, priority=3)]
    routed = route(demands, candidates, stock, [PRIORITY])
    assert taken(routed) == [(2, [(1, 1)])]
    assert [(step.rule, step.lost) for step in routed.decision.rounds[0].steps] == [
        (CAN_TAKE, ()), ("source_priority", (1,)), (FIRST, (3,)),
    ]  # fmt: skip


def test_a_split_asks_for_as_few_requests_as_a_greedy_cover_finds() -> None:
    demands = [demand(1, 5, {1: (11, 1), 2: (12, 1), 3: (13, 1)}), demand(2, 4, {2: (22, 1), 3: (23, 1)})]
    stock = {11: 5, 12: 2, 22: 4, 13: 3, 23: 1}
    routed = route(demands, [source(1), source(2), source(3)], stock, [ONE_IF_POSSIBLE])
    assert taken(routed) == [(1, [(1, 3)]), (2, [(1, 2), (2, 4)])]
    assert [one.chosen for one in routed.decision.rounds] == [2, 1]


def test_a_single_request_that_is_required_is_never_split() -> None:
    demands = [demand(1, 2, {1: (11, 1), 2: (12, 1)}), demand(2, 2, {1: (21, 1)})]
    routed = route(demands, [source(1), source(2)], {11: 1, 12: 9, 21: 2}, [ONE, CHEAP])
    assert routed.allocations == ()
    assert [(one.item_id, one.quantity, one.trouble) for one in routed.unplaced] == [
        (1, 2, Trouble.NO_ELIGIBLE_SOURCE),  # source 2 has enough of it, but not of the other
        (2, 2, Trouble.NO_ELIGIBLE_SOURCE),
    ]
    assert routed.unplaced[0].misses == ((1, Miss.NOT_ENOUGH), (2, Miss.NOT_IN_ONE))


def test_each_address_is_a_request_of_its_own() -> None:
    demands = [
        demand(1, 1, {1: (11, 1)}), demand(2, 1, {1: (21, 1)}, ship_to="B"), demand(3, 1, {1: (31, 1)}),
    ]  # fmt: skip
    routed = route(demands, [source(1)], {11: 1, 21: 1, 31: 1}, [ONE])
    assert [(one.ship_to, [take.item_id for take in one.takes]) for one in routed.allocations] == [
        (None, [1, 3]), ("B", [2]),
    ]  # fmt: skip


def test_without_a_rule_about_requests_each_item_goes_where_it_is_cheapest_and_fees_are_paid_once() -> None:
    demands = [demand(1, 1, {1: (11, 10), 2: (12, 11)}), demand(2, 1, {1: (21, 14), 2: (22, 13)})]
    stock = {11: 1, 12: 1, 21: 1, 22: 1}
    free = [source(1), source(2)]
    assert taken(route(demands, free, stock, [CHEAP])) == [(1, [(1, 1)]), (2, [(2, 1)])]
    # With a fee on a second request, what is dearer by one is still cheaper.
    dear = [source(1, dropship_fee=5), source(2, dropship_fee=5)]
    assert taken(route(demands, dear, stock, [CHEAP])) == [(1, [(1, 1), (2, 1)])]


def test_what_a_source_gave_back_is_never_asked_of_it_again() -> None:
    demands = [demand(1, 2, {1: (11, 1), 2: (12, 9)}, refused=frozenset({1}))]
    assert taken(route(demands, [source(1), source(2)], {11: 9, 12: 9}, DEFAULT_RULES)) == [(2, [(1, 2)])]
    routed = route(demands, [source(1)], {11: 9, 12: 9}, DEFAULT_RULES)
    (left,) = routed.unplaced
    assert left.misses == ((1, Miss.REFUSED_BEFORE), (2, Miss.NOT_A_CANDIDATE))
    assert left.trouble is Trouble.NO_ELIGIBLE_SOURCE


def test_only_sources_with_a_mapped_method_are_asked_where_a_rule_says_so() -> None:
    demands = [demand(1, 1, {1: (11, 1), 2: (12, 2)})]
    candidates = [source(1), source(2, method_id=7)]
    assert taken(route(demands, candidates, {11: 1, 12: 1}, [MAPPED, CHEAP])) == [(2, [(1, 1)])]
    routed = route(demands, [source(1)], {11: 1, 12: 1}, [MAPPED])
    assert routed.unplaced[0].misses == ((1, Miss.NOT_MAPPED), (2, Miss.NOT_A_CANDIDATE))


def test_stock_comes_first_and_backorder_takes_the_rest() -> None:
    offers = {1: Offer(11, 1, backorder=True), 2: Offer(12, 9)}
    demands = [Demand(1, "A", 10, offers=offers)]
    routed = route(demands, [source(1), source(2)], {11: 3, 12: 4}, DEFAULT_RULES)
    assert taken(routed) == [(1, [(1, 6)]), (2, [(1, 4)])]
    assert [(one.backorder, one.chosen, one.quantity) for one in routed.decision.rounds] == [
        (False, 2, 4), (False, 1, 3), (False, None, 0), (True, 1, 3),
    ]  # fmt: skip
    assert routed.allocations[0].takes[0].backordered == 3


def test_a_variant_that_several_items_mean_is_given_once() -> None:
    demands = [demand(1, 3, {1: (11, 1)}), demand(2, 3, {1: (11, 1)})]
    for rules in (DEFAULT_RULES, [CHEAP]):
        routed = route(demands, [source(1)], {11: 4}, rules)
        assert taken(routed) == [(1, [(1, 3), (2, 1)])]
        assert [(one.item_id, one.quantity) for one in routed.unplaced] == [(2, 2)]


@pytest.mark.parametrize(
    ("offers", "candidates", "trouble"),
    [
        ({}, [source(1)], Trouble.UNKNOWN_SKU),
        ({1: (11, 1)}, [source(1)], Trouble.NO_AVAILABLE_QUANTITY),
        ({1: (11, 1)}, [source(1, eligible=False)], Trouble.NO_ELIGIBLE_SOURCE),
        ({1: (11, 1)}, [], Trouble.NO_ELIGIBLE_SOURCE),
    ],
)
def test_what_cannot_be_placed_says_why(
    offers: Mapping[int, tuple[int, int]], candidates: Sequence[Candidate], trouble: Trouble
) -> None:
    (left,) = route([demand(1, 2, offers)], candidates, {11: 1} if trouble != Trouble.NO_AVAILABLE_QUANTITY else {}, [ONE]).unplaced
    assert (left.quantity, left.trouble) == (2, trouble)


RULES = st.lists(
    st.sampled_from([ONE, ONE_IF_POSSIBLE, CHEAP, PRIORITY, MAPPED]), unique_by=lambda rule: rule.name, max_size=4
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]]:
    """Some items, some sources, some stock, some rules."""
    candidates = [
        Candidate(
            id_, f"S{id_}", draw(st.integers(1, 3)), draw(st.booleans()), draw(st.integers(0, 20)),
            draw(st.integers(0, 20)), draw(st.none() | st.just(1)),
        )
        for id_ in range(1, draw(st.integers(1, 5)) + 1)
    ]  # fmt: skip
    skus = draw(st.integers(1, 4))
    variants = {(id_, sku): id_ * 100 + sku for id_ in range(1, 7) for sku in range(skus)}
    available = {variant: draw(st.integers(-2, 8)) for variant in variants.values()}
    demands = []
    for item in range(draw(st.integers(1, 6))):
        sku = draw(st.integers(0, skus - 1))
        offered = draw(st.sets(st.integers(1, 6)))
        offers = {
            id_: Offer(variants[id_, sku], draw(st.none() | st.integers(0, 50)), draw(st.booleans()))
            for id_ in sorted(offered)
        }
        demands.append(
            Demand(item, f"SKU-{sku}", draw(st.integers(1, 9)), draw(st.sampled_from([None, "B"])),
                   draw(st.frozensets(st.integers(1, 5), max_size=2)), offers)
        )  # fmt: skip
    return demands, candidates, available, draw(RULES)


@given(worlds())
def test_nothing_is_given_that_is_not_there_or_was_not_asked_for(
    world: tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]],
) -> None:
    demands, candidates, available, rules = world
    routed = route(demands, candidates, available, rules)
    by_item = {one.item_id: one for one in demands}
    known = {one.source_id: one for one in candidates}
    placed = dict.fromkeys(by_item, 0)
    stock = dict.fromkeys(available, 0)
    for allocation in routed.allocations:
        assert known[allocation.source_id].eligible
        assert MAPPED not in rules or known[allocation.source_id].method_id is not None
        for take in allocation.takes:
            one = by_item[take.item_id]
            offer = one.offers[allocation.source_id]
            assert take.quantity > 0
            assert (take.variant_id, allocation.ship_to) == (offer.variant_id, one.ship_to)
            assert allocation.source_id not in one.refused
            assert take.backordered == 0 or offer.backorder
            placed[take.item_id] += take.quantity
            stock[take.variant_id] += take.quantity - take.backordered
    left = {one.item_id: one.quantity for one in routed.unplaced}
    for item, one in by_item.items():
        assert placed[item] + left.get(item, 0) == one.quantity
    for variant, given_out in stock.items():
        assert given_out <= max(0, available[variant])


@given(worlds())
def test_a_required_single_request_is_one_or_none(
    world: tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]],
) -> None:
    demands, candidates, available, rules = world
    rules = [ONE, *(rule for rule in rules if rule.name is not RuleName.SINGLE_REQUEST)]
    routed = route(demands, candidates, available, rules)
    for address in {one.ship_to for one in demands}:
        mine = [one for one in routed.allocations if one.ship_to == address]
        assert len(mine) <= 1
        wanted = sum(one.quantity for one in demands if one.ship_to == address)
        assert sum(take.quantity for one in mine for take in one.takes) in (0, wanted)


@given(worlds(), st.randoms())
def test_the_same_input_gives_the_same_output_however_it_is_ordered(
    world: tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]], chance: object
) -> None:
    demands, candidates, available, rules = world
    shuffled = list(candidates)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    turned = dict(reversed(available.items()))
    again = [one._replace(offers=dict(reversed(one.offers.items()))) for one in demands]
    assert route(demands, candidates, available, rules) == route(again, shuffled, turned, rules)


@given(worlds())
def test_what_is_left_could_not_be_had_from_anybody(
    world: tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]],
) -> None:
    """Without rules that forbid, nothing stays open while a source that may be asked still has it."""
    demands, candidates, available, rules = world
    rules = [rule for rule in rules if rule not in (ONE, MAPPED)]
    routed = route(demands, candidates, available, rules)
    used = dict(available)
    for allocation in routed.allocations:
        for take in allocation.takes:
            used[take.variant_id] -= take.quantity - take.backordered
    eligible = {one.source_id for one in candidates if one.eligible}
    by_item = {one.item_id: one for one in demands}
    for left in routed.unplaced:
        for source_id, offer in by_item[left.item_id].offers.items():
            if source_id in eligible and source_id not in by_item[left.item_id].refused:
                assert used[offer.variant_id] <= 0
                assert not offer.backorder


@pytest.mark.parametrize("rules", [DEFAULT_RULES, (CHEAP, PRIORITY), (ONE, CHEAP)])
def test_the_work_grows_with_items_and_sources_only(rules: Sequence[Rule]) -> None:
    """500 lines over 50 sources, of which each has a few: at most a round for each source, or for each item."""
    candidates = [source(id_, dropship_fee=id_) for id_ in range(1, 51)]
    demands = [
        demand(item, 3, {id_: (id_ * 1000 + item, item + id_) for id_ in range(1, 51) if (item + id_) % 7 == 0})
        for item in range(500)
    ]
    available = {offer.variant_id: 1 + offer.variant_id % 2 for one in demands for offer in one.offers.values()}
    routed = route(demands, candidates, available, rules)
    bound = len(candidates) + 1 if rules == DEFAULT_RULES else len(demands) * 3 + 1
    assert len(routed.decision.rounds) <= bound
    placed = sum(take.quantity for one in routed.allocations for take in one.takes)
    assert placed == (0 if ONE in rules else 1500)
