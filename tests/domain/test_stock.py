"""Committed stock: what a line lets go of when its source tells how many it has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.lines import line_sets, make_line
from waypost.domain.fulfillment import Line
from waypost.domain.stock import Entry, let_go_of_shipped, release


@pytest.mark.parametrize(
    ("committed", "released", "shipped", "canceled", "left"),
    [
        (5, 0, 0, 0, 5),  # nothing has shipped
        (5, 0, 2, 0, 3),
        (5, 0, 5, 0, 0),
        (5, 1, 2, 1, 2),  # what was canceled was given back before
        (5, 5, 2, 0, 0),  # released by hand: nothing is taken again
        (2, 0, 2, 0, 2),  # holds less than is still to ship
    ],
)
def test_it_holds_what_is_still_to_ship(committed: int, released: int, shipped: int, canceled: int, left: int) -> None:
    entry = Entry(7, 1, 1, committed, released, "generated", 1)
    now = let_go_of_shipped(entry, make_line(quantity=5, shipped=shipped, canceled=canceled), 9)
    assert now.open == left
    assert (now.reason, now.at) == (("quantity update", 9) if now != entry else ("generated", 1))


@given(lines=line_sets(most=1), committed=st.integers(0, 20), released=st.integers(0, 20))
def test_it_never_holds_more_than_before_and_twice_is_once(lines: tuple[Line], committed: int, released: int) -> None:
    entry = Entry(7, 1, 1, committed, min(committed, released), "generated", 1)
    now = let_go_of_shipped(entry, lines[0], 9)
    assert 0 <= now.open <= entry.open
    assert now.open <= max(0, lines[0].unshipped) or now == entry
    assert let_go_of_shipped(now, lines[0], 10) == now


@given(committed=st.integers(0, 20), released=st.integers(0, 20), quantity=st.integers(-30, 30))
def test_no_more_is_released_than_was_committed(committed: int, released: int, quantity: int) -> None:
    entry = Entry(7, 1, 1, committed, min(committed, released), "generated", 1)
    now = release(entry, quantity, "canceled", 9)
    assert 0 <= now.released <= now.committed == committed
    assert now.open == min(committed, max(0, entry.open - quantity))
