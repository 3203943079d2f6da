"""Roll-ups: what the lines of its requests say about an order and its items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.orders import (
    LineSums,
    Order,
    OrderItem,
    OrderStatus,
    Progress,
    progress,
    roll_up,
    roll_up_item,
)

N, P, C = Progress.NOT_STARTED, Progress.PARTIALLY_COMPLETED, Progress.COMPLETED


def item(quantity: int, **given: int) -> OrderItem:
    """An order item that nothing has happened to but what is given."""
    blank: dict[str, object] = dict.fromkeys(OrderItem._fields)
    zero = dict.fromkeys(("allocated", "acknowledged", "shipped", "canceled", "dropped"), 0)
    return OrderItem(**{**blank, **zero, "id": 1, "quantity": quantity, **given})  # type: ignore[arg-type]  # by name


def order() -> Order:
    """An order in which nothing has started."""
    blank: dict[str, object] = dict.fromkeys(Order._fields)
    return Order(**{**blank, "id": 1, "status": OrderStatus.OPEN, "acknowledged_status": N, "shipped_status": N})  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("done", "wanted", "expected"),
    [(0, 5, N), (1, 5, P), (4, 5, P), (5, 5, C), (6, 5, C), (0, 0, N), (1, 0, C)],
)
def test_progress(done: int, wanted: int, expected: Progress) -> None:
    assert progress(done, wanted) is expected


def test_an_item_takes_its_quantities_from_the_lines() -> None:
    rolled = roll_up_item(item(10, allocated=9, shipped=9), LineSums(7, 5, 3, 2))
    assert (rolled.allocated, rolled.acknowledged, rolled.shipped, rolled.canceled) == (7, 5, 3, 2)
    assert rolled.quantity == 10


def test_an_item_without_lines_has_nothing_done() -> None:
    assert roll_up_item(item(10, allocated=10, acknowledged=4), LineSums()) == item(10)


@pytest.mark.parametrize(
    ("items", "acknowledged", "shipped"),
    [
        ((item(5), item(2)), N, N),
        ((item(5, acknowledged=5), item(2)), P, N),
        ((item(5, acknowledged=5, shipped=1), item(2, acknowledged=2)), C, P),
        ((item(5, acknowledged=5, shipped=5), item(2, acknowledged=2, shipped=2)), C, C),
        ((item(5, acknowledged=3, shipped=3, canceled=2),), C, C),
        ((item(5, canceled=5),), N, N),
    ],
)
def test_an_order_is_as_far_as_its_items(
    items: tuple[OrderItem, ...], acknowledged: Progress, shipped: Progress
) -> None:
    rolled = roll_up(order(), items)
    assert (rolled.acknowledged_status, rolled.shipped_status) == (acknowledged, shipped)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_completed_means_that_nothing_wanted_is_missing(given_items: list[tuple[int, int, int, int]]) -> None:
    items = [
        item(q, canceled=min(c, q), acknowledged=min(a, q - min(c, q)), shipped=min(s, q - min(c, q)))
        for q, c, a, s in given_items
    ]
    rolled = roll_up(order(), items)
    missing = sum(i.quantity - i.canceled - i.shipped for i in items)
    if rolled.shipped_status is C:
        assert missing == 0
    elif any(i.shipped for i in items):
        assert missing > 0
        assert rolled.shipped_status is P
    else:
        assert rolled.shipped_status is N
