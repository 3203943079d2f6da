"""Quantities under acknowledge, cancel, void and adjust: what the contract says, and what may never happen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.lines import fits, line_sets, make_line
from waypost.domain.adjust import (
    Adjusted,
    LineChange,
    acknowledge_all,
    adjust,
    cancel_all,
    outcome_of,
    void_all,
)
from waypost.domain.fulfillment import FulfillmentStatus, Line, fulfillment_status
from waypost.domain.refusals import Problem


def change(
    line_id: int | None = 1,
    *,
    sku: str | None = None,
    acknowledge: int = 0,
    secondary: int = 0,
    cancel: int = 0,
    kill: bool = False,
) -> LineChange:
    """One item of an adjustment."""
    return LineChange(line_id, sku, acknowledge, secondary, cancel, kill)


def adjusted(lines: tuple[Line, ...], *changes: LineChange, cancel_unacknowledged: bool = False) -> Adjusted:
    """The adjustment, which must succeed."""
    result = adjust(lines, changes, cancel_unacknowledged)
    assert isinstance(result, Adjusted), result
    return result


def problems(lines: tuple[Line, ...], *changes: LineChange) -> list[tuple[str, str]]:
    """Field and code of every problem of an adjustment that must be refused."""
    result = adjust(lines, changes, False)
    assert isinstance(result, list), result
    assert all(problem.message for problem in result)
    return [(problem.field, problem.code) for problem in result]


def test_no_items_acknowledge_all_that_is_neither_acknowledged_nor_canceled() -> None:
    lines = (make_line(1, 5, acknowledged=2, canceled=1), make_line(2, 3))
    after = adjusted(lines)
    assert [line.acknowledged for line in after.lines] == [4, 3]
    assert after.outcome == "nothing_unacknowledged"


def test_quantities_are_increments() -> None:
    lines = (make_line(1, 10, acknowledged=2, canceled=1, killed=1),)
    (line,) = adjusted(lines, change(acknowledge=3, cancel=2)).lines
    assert (line.acknowledged, line.canceled, line.killed) == (5, 3, 1)


def test_an_acknowledged_quantity_leaves_the_rest_open() -> None:
    after = adjusted((make_line(1, 5), make_line(2, 1)), change(acknowledge=5))
    assert after.outcome == "still_open"


def test_the_last_open_quantity_closes_the_acknowledgement() -> None:
    after = adjusted((make_line(1, 5, acknowledged=4),), change(acknowledge=1))
    assert after.outcome == "nothing_unacknowledged"


def test_canceling_what_is_left_closes_the_acknowledgement() -> None:
    after = adjusted((make_line(1, 5, acknowledged=4),), change(cancel=1))
    assert after.outcome == "nothing_unacknowledged"
    assert after.lines[0].acknowledged == 4


def test_canceling_everything_is_an_outcome_of_its_own() -> None:
    assert adjusted((make_line(1, 5, acknowledged=5),), change(cancel=5)).outcome == "all_canceled"


def test_kill_is_remembered_for_the_order_and_fill_is_not() -> None:
    lines = (make_line(1, 5), make_line(2, 5))
    after = adjusted(lines, change(1, cancel=2, kill=True), change(2, cancel=2)).lines
    assert [(line.canceled, line.killed) for line in after] == [(2, 2), (2, 0)]


def test_secondary_raises_the_acknowledged_quantity_to_match() -> None:
    (line,) = adjusted((make_line(1, 5, acknowledged=1),), change(secondary=3)).lines
    assert (line.acknowledged, line.secondary_acknowledged) == (3, 3)


def test_secondary_below_the_acknowledged_quantity_leaves_it() -> None:
    (line,) = adjusted((make_line(1, 5, acknowledged=4),), change(secondary=3)).lines
    assert (line.acknowledged, line.secondary_acknowledged) == (4, 3)


def test_the_id_wins_over_the_sku() -> None:
    lines = (make_line(1, 5, sku="A"), make_line(2, 5, sku="B"))
    after = adjusted(lines, change(2, sku="A", acknowledge=1)).lines
    assert [line.acknowledged for line in after] == [0, 1]


def test_a_sku_finds_its_line() -> None:
    lines = (make_line(1, 5, sku="A"), make_line(2, 5, sku="B"))
    after = adjusted(lines, change(None, sku="B", acknowledge=1)).lines
    assert [line.acknowledged for line in after] == [0, 1]


def test_cancel_unacknowledged_keeps_what_is_acknowledged() -> None:
    lines = (make_line(1, 5, acknowledged=2), make_line(2, 5))
    after = adjusted(lines, change(2, acknowledge=4), cancel_unacknowledged=True)
    assert [(line.acknowledged, line.canceled, line.killed) for line in after.lines] == [(2, 3, 0), (4, 1, 0)]
    assert after.outcome == "nothing_unacknowledged"


def test_cancel_unacknowledged_of_an_untouched_request_cancels_it_all() -> None:
    assert adjusted((make_line(1, 5),), cancel_unacknowledged=True).outcome == "all_canceled"


def test_what_shipped_is_neither_open_for_acknowledgement_nor_for_cancellation() -> None:
    lines = (make_line(1, 5, shipped=3),)
    assert problems(lines, change(acknowledge=3)) == [("/items/0/acknowledge", "more_than_open")]
    assert problems(lines, change(cancel=3)) == [("/items/0/cancel", "more_than_open")]
    (line,) = adjusted(lines, change(acknowledge=2)).lines
    assert line.acknowledged == 5


def test_every_problem_is_named_at_once() -> None:
    lines = (make_line(1, 5, sku="A"), make_line(2, 5, sku="B"), make_line(3, 5, sku="B"))
    found = problems(
        lines,
        change(1, acknowledge=6),
        change(99, acknowledge=1),
        change(None, sku="C", cancel=1),
        change(None, sku="B", cancel=1),
        change(2, cancel=6),
        change(3, secondary=6),
    )
    assert found == [
        ("/items/0/acknowledge", "more_than_open"),
        ("/items/1/id", "unknown_item"),
        ("/items/2/sku", "unknown_item"),
        ("/items/3/sku", "ambiguous_sku"),
        ("/items/4/cancel", "more_than_open"),
        ("/items/5/secondary_acknowledge", "more_than_open"),
    ]


def test_items_are_applied_in_order_and_share_what_is_open() -> None:
    lines = (make_line(1, 5),)
    assert problems(lines, change(acknowledge=3), change(acknowledge=3)) == [("/items/1/acknowledge", "more_than_open")]
    (line,) = adjusted(lines, change(acknowledge=3), change(acknowledge=2)).lines
    assert line.acknowledged == 5


changes = st.lists(
    st.builds(
        LineChange,
        st.one_of(st.none(), st.integers(1, 5)),
        st.sampled_from(("A", "B", "C", "none")),
        st.integers(0, 6),
        st.integers(0, 6),
        st.integers(0, 6),
        st.booleans(),
    ),
    max_size=5,
)


@given(line_sets(), changes, st.booleans())
def test_no_adjustment_breaks_what_the_schema_demands(
    lines: tuple[Line, ...], asked: list[LineChange], cancel_unacknowledged: bool
) -> None:
    result = adjust(lines, asked, cancel_unacknowledged)
    if isinstance(result, list):
        assert result
        assert all(isinstance(problem, Problem) for problem in result)
        return
    assert len(result.lines) == len(lines)
    for was, now in zip(lines, result.lines, strict=True):
        assert fits(now), now
        assert now.canceled >= was.canceled
        assert now.killed >= was.killed
        assert (now.id, now.quantity, now.shipped, now.voided) == (
            was.id,
            was.quantity,
            was.shipped,
            was.voided,
        )
        assert now.effective == max(now.acknowledged, now.shipped) + now.unacknowledged
        assert now.unacknowledged >= 0
        assert now.unshipped >= 0


@given(line_sets(), changes, st.booleans())
def test_the_outcome_says_what_the_lines_say(
    lines: tuple[Line, ...], asked: list[LineChange], cancel_unacknowledged: bool
) -> None:
    result = adjust(lines, asked, cancel_unacknowledged)
    if isinstance(result, list):
        return
    still = sum(line.quantity - line.canceled - line.voided for line in result.lines)
    open_ = sum(line.unacknowledged for line in result.lines)
    assert result.outcome == ("all_canceled" if not still else "still_open" if open_ else "nothing_unacknowledged")


@given(line_sets(), st.data())
def test_one_item_changes_exactly_what_it_names(lines: tuple[Line, ...], data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(lines))
    acknowledge = data.draw(st.integers(0, target.unacknowledged))
    cancel = data.draw(st.integers(0, target.unshipped))
    kill = data.draw(st.booleans())
    result = adjusted(lines, change(target.id, acknowledge=acknowledge, cancel=cancel, kill=kill))
    for was, now in zip(lines, result.lines, strict=True):
        if was.id != target.id:
            assert now == was
            continue
        assert now.canceled == was.canceled + cancel
        assert now.killed == was.killed + (cancel if kill else 0)
        # What is canceled comes out of the unacknowledged first.
        known = max(was.acknowledged, was.shipped) + acknowledge
        assert max(now.acknowledged, now.shipped) == min(known, was.effective - cancel)


@given(line_sets())
def test_nothing_is_unacknowledged_after_all_is_acknowledged(lines: tuple[Line, ...]) -> None:
    after = acknowledge_all(lines)
    assert all(fits(line) and line.unacknowledged == 0 for line in after)
    assert [line.canceled for line in after] == [line.canceled for line in lines]
    assert adjusted(lines).lines == after


@given(line_sets())
def test_canceling_unacknowledged_leaves_none(lines: tuple[Line, ...]) -> None:
    after = adjusted(lines, cancel_unacknowledged=True).lines
    assert all(line.unacknowledged == 0 for line in after)
    assert [line.acknowledged for line in after] == [line.acknowledged for line in lines]


@given(line_sets(), st.booleans())
def test_cancel_takes_everything_that_has_not_shipped(lines: tuple[Line, ...], kill: bool) -> None:
    for was, now in zip(lines, cancel_all(lines, kill), strict=True):
        assert fits(now)
        assert now.unshipped == 0
        assert now.shipped == was.shipped
        assert now.killed - was.killed == (was.unshipped if kill else 0)


@given(line_sets())
def test_void_takes_everything_that_has_not_shipped_back_to_the_order(lines: tuple[Line, ...]) -> None:
    for was, now in zip(lines, void_all(lines), strict=True):
        assert fits(now)
        assert now.unshipped == 0
        assert now.voided - was.voided == was.unshipped
        assert (now.canceled, now.killed) == (was.canceled, was.killed)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((make_line(1, 5),), FulfillmentStatus.AWAITING_SHIPMENT),
        ((make_line(1, 5, shipped=2),), FulfillmentStatus.PARTIALLY_SHIPPED),
        ((make_line(1, 5, shipped=5), make_line(2, 1)), FulfillmentStatus.PARTIALLY_SHIPPED),
        ((make_line(1, 5, shipped=5), make_line(2, 1, canceled=1)), FulfillmentStatus.SHIPPED),
        ((make_line(1, 5, shipped=3, canceled=2),), FulfillmentStatus.SHIPPED),
        ((make_line(1, 5, canceled=5),), FulfillmentStatus.CANCELED),
        ((make_line(1, 5, voided=3, canceled=2),), FulfillmentStatus.CANCELED),
    ],
)
def test_the_shipped_status_follows_from_the_lines(lines: tuple[Line, ...], expected: FulfillmentStatus) -> None:
    assert fulfillment_status(lines) is expected


def test_an_outcome_needs_every_line() -> None:
    assert outcome_of((make_line(1, 5, canceled=5), make_line(2, 5))) == "still_open"
    assert outcome_of((make_line(1, 5, canceled=5), make_line(2, 5, acknowledged=5))) == "nothing_unacknowledged"
