"""What an invoice's items come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.invoices import unit_cost


@pytest.mark.parametrize(
    ("cost", "quantity", "each"), [(10, 3, 3), (11, 3, 4), (5, 2, 3), (7, 2, 4), (1, 2, 1), (1, 3, 0), (0, 5, 0), (9, 1, 9)]
)
def test_the_price_of_a_piece_is_rounded_half_up(cost: int, quantity: int, each: int) -> None:
    assert unit_cost(cost, quantity) == each


@given(cost=st.integers(0, 10**15), quantity=st.integers(1, 10**6))
def test_pieces_come_to_the_whole_but_for_half_a_ten_thousandth_each(cost: int, quantity: int) -> None:
    assert abs(2 * (unit_cost(cost, quantity) * quantity - cost)) <= quantity
