"""Numbers: made by default, never cut, and what a number and its source make of a new request."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.numbering import NumberRules, NumberStrategy, blocking_status, first_status, next_number
from waypost.domain.orders import Order
from waypost.domain.statuses import Status


def order(number: str = "1001", reference: str | None = "REF/7", id_: int = 42) -> Order:
    """An order, as far as its numbers go."""
    blank: dict[str, object] = dict.fromkeys(Order._fields)
    given_: dict[str, object] = {"id": id_, "order_number": number, "reference_number": reference}
    return Order(**{**blank, **given_})  # type: ignore[arg-type]  # by name


def test_the_default_number_counts_the_requests_of_the_order() -> None:
    used: list[str] = []
    for _ in range(3):
        used.append(next_number(order(), NumberRules(), used))
    assert used == ["1001-1", "1001-2", "1001-3"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (NumberRules(NumberStrategy.ORDER_ID), "42-1"),
        (NumberRules(NumberStrategy.CHANNEL_REFERENCE), "REF/7-1"),
        (NumberRules(NumberStrategy.CHANNEL_REFERENCE, refused="/-"), "REF71"),
        (NumberRules(max_length=5), "1001-1"),  # never cut
        (NumberRules(exceed=NumberStrategy.ORDER_ID, max_length=5), "42-1"),
        (NumberRules(exceed=NumberStrategy.ORDER_ID, max_length=6), "1001-1"),  # it fits
        (NumberRules(exceed=NumberStrategy.CHANNEL_REFERENCE, max_length=5), "1001-1"),  # the other is too long as well
        (NumberRules(exceed=NumberStrategy.CHANNEL_REFERENCE, max_length=5, refused="/-"), "10011"),
        (NumberRules(refused="1001-"), "1001-1"),  # nothing would be left
    ],
)
def test_a_source_has_its_number_as_it_wants_it(rules: NumberRules, expected: str) -> None:
    assert next_number(order(), rules, []) == expected


def test_an_order_without_a_reference_is_known_by_its_number() -> None:
    assert next_number(order(reference=None), NumberRules(NumberStrategy.CHANNEL_REFERENCE), []) == "1001-1"


def test_a_suffix_that_was_given_by_hand_is_passed_over() -> None:
    assert next_number(order(), NumberRules(), ["1001-2"]) == "1001-3"
    assert next_number(order(), NumberRules(), ["X", "1001-3", "1001-4"]) == "1001-5"


@given(
    st.text(max_size=8), st.sampled_from(NumberStrategy), st.none() | st.sampled_from(NumberStrategy),
    st.none() | st.integers(1, 12), st.text("abc-/#", max_size=4), st.lists(st.text(max_size=10), max_size=5),
)
def test_the_numbers_of_an_order_never_collide(
    number: str, strategy: NumberStrategy, exceed: NumberStrategy | None, longest: int | None, refused: str, used: list[str]
) -> None:
    made: list[str] = []
    for _ in range(6):
        rules = NumberRules(strategy, exceed, longest, refused)
        one = next_number(order(number), rules, [*used, *made])
        assert one not in (*used, *made)
        made.append(one)


def test_without_digits_there_is_an_end_to_it() -> None:
    rules = NumberRules(NumberStrategy.ORDER_ID, refused="0123456789")
    assert next_number(order(), rules, []) == "-"
    assert next_number(order(), rules, ["-"]) == "-"  # and the source is told that it is a duplicate


@pytest.mark.parametrize(
    ("number", "longest", "duplicate", "required", "given", "expected"),
    [
        ("1001-1", None, False, (), {}, None),
        ("1001-1", 6, False, (), {}, None),
        ("1001-10", 6, False, (), {}, Status.NUMBER_EXCEEDS_MAX_LENGTH),
        ("1001-1", None, True, (), {}, Status.DUPLICATE_NUMBER),
        ("1001-1", None, False, ("gate",), {}, Status.ADDITIONAL_INFO_REQUIRED),
        ("1001-1", None, False, ("gate",), {"gate": "  "}, Status.ADDITIONAL_INFO_REQUIRED),
        ("1001-1", None, False, ("gate",), {"gate": "B7"}, None),
        ("1001-1", None, False, ("gate", "dock"), {"gate": "B7"}, Status.ADDITIONAL_INFO_REQUIRED),
        ("ÄÖÜ-1", 5, False, (), {}, None),
        ("😀😀-1", 4, False, (), {}, None),
    ],
)
def test_what_blocks_a_request(
    number: str,
    longest: int | None,
    duplicate: bool,
    required: Sequence[str],
    given: Mapping[str, str],
    expected: Status | None,
) -> None:
    assert blocking_status(number, longest, duplicate, required, given) == expected


def test_without_a_cause_the_source_decides_whether_it_waits() -> None:
    assert first_status("1", None, False, (), {}, auto_process=True) is Status.PROCESSING
    assert first_status("1", None, False, (), {}, auto_process=False) is Status.UNPROCESSED


def test_a_cause_blocks_even_where_the_source_releases_by_itself() -> None:
    assert first_status("123", 2, False, (), {}, auto_process=True) is Status.NUMBER_EXCEEDS_MAX_LENGTH
