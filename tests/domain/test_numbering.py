"""Numbers: made by default, never cut, and what a number and its source make of a new request."""

from collections.abc import Mapping, Sequence

import pytest

from waypost.domain.numbering import blocking_status, default_number, first_status
from waypost.domain.statuses import Status


def test_the_default_number_counts_the_requests_of_the_order() -> None:
    assert [default_number("1001", made) for made in range(3)] == ["1001-1", "1001-2", "1001-3"]


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
