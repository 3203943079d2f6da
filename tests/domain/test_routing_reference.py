"""Routing computes after a choice only what the choice has changed: it decides as if it computed everything again."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.test_routing import CHEAP, MAPPED, ONE, ONE_IF_POSSIBLE, PRIORITY, worlds
from tests.support import routing_reference
from tests.support.slices import slices_of
from waypost.domain import routing_rounds
from waypost.domain.routing import Candidate, Demand, Offer
from waypost.domain.routing_rounds import route, routing
from waypost.domain.routing_rules import DEFAULT_RULES, Rule

World = tuple[list[Demand], list[Candidate], dict[int, int], list[Rule]]


def large_world(seed: int) -> World:
    """Twenty sources and sixty items; several items share a SKU, and a few sources have a little of everything."""
    chance = random.Random(seed)
    skus, sources = chance.choice([5, 30, 60]), range(1, 21)
    most = {id_: chance.choice([1, 3, 40]) for id_ in sources}
    available = {id_ * 100 + sku: chance.randint(-1, most[id_]) for id_ in sources for sku in range(skus)}
    demands = []
    for item in range(60):
        sku = chance.randrange(skus)
        offers = {
            id_: Offer(id_ * 100 + sku, chance.choice([None, 5, 7, chance.randint(1, 99)]), chance.random() < 0.1)
            for id_ in sources
            if chance.random() < 0.7
        }
        refused = frozenset(id_ for id_ in sources if chance.random() < 0.05)
        ship_to = chance.choice([None, None, "B"])
        demands.append(Demand(item, f"SKU-{sku}", chance.randint(1, 30), ship_to, refused, offers))
    candidates = [
        Candidate(id_, f"S{id_}", chance.randint(1, 3), chance.random() < 0.9, chance.randint(0, 50), 0,
                  chance.choice([None, 1]))
        for id_ in sources
    ]  # fmt: skip
    rules = chance.sample([ONE, ONE_IF_POSSIBLE, CHEAP, PRIORITY, MAPPED], chance.randint(0, 4))
    return demands, candidates, available, rules


@settings(max_examples=500)
@given(worlds())
def test_small_orders_are_routed_as_by_the_reference(world: World) -> None:
    assert route(*world, (1, "G")) == routing_reference.route(*world, (1, "G"))


@given(st.integers(0, 2**32))
def test_large_orders_are_routed_as_by_the_reference(seed: int) -> None:
    world = large_world(seed)
    assert route(*world) == routing_reference.route(*world)


def test_no_slice_is_long_and_all_of_them_are_few() -> None:
    """Every source has one piece of everything, and all of them are wanted: the most rounds that there can be."""
    lines, sources = 500, 50
    demands = [
        Demand(n, f"SKU-{n}", sources, offers={s: Offer(s * lines + n, 1000 + s) for s in range(sources)})
        for n in range(lines)
    ]
    candidates = [Candidate(s, f"S{s}", s) for s in range(sources)]
    slices, routed = slices_of(
        routing(demands, candidates, dict.fromkeys(range(lines * sources), 1), DEFAULT_RULES)
    )
    assert len(routed.decision.rounds) == sources
    assert max(slices) <= 4 * lines  # a source's whole part of the order
    assert sum(slices) <= 20 * lines * sources  # each source's part of each item a few times, not once a round


@pytest.mark.parametrize("kept", [0, 7, 20])
def test_a_decision_of_very_many_bids_keeps_what_was_chosen(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing_rounds, "BIDS_AT_MOST", kept)
    offers = {s: Offer(s, 10) for s in range(5)}
    routed = route([Demand(1, "A", 5, offers=offers)], [Candidate(s, f"S{s}", s) for s in range(5)],
                   dict.fromkeys(range(5), 1), DEFAULT_RULES)  # fmt: skip
    rounds = routed.decision.rounds
    assert [(one.chosen, one.quantity, one.item_ids) for one in rounds] == [(s, 1, (1,)) for s in range(5)]
    bids = [5, 4, 3, 2, 1]
    explained = [number for number in range(5) if sum(bids[: number + 1]) <= kept]
    assert [number for number in range(5) if rounds[number].steps] == explained
    assert [number for number in range(5) if rounds[number].bids] == explained
