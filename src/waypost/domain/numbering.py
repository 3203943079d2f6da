"""The number of a fulfillment request, and the first status that number and source give it."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.orders import Order
from waypost.domain.statuses import Status
from waypost.domain.texts import is_blank


class NumberStrategy(StrEnum):
    """What a number begins with, before its suffix."""

    ORDER_NUMBER = "order_number"
    ORDER_ID = "order_id"
    CHANNEL_REFERENCE = "channel_reference"  # the order's reference number, else its number


class NumberRules(NamedTuple):
    """How one source wants its numbers. `refused`: characters that are left out; `max_length` in code points."""

    strategy: NumberStrategy = NumberStrategy.ORDER_NUMBER
    exceed: NumberStrategy | None = None  # tried where the number would be too long
    max_length: int | None = None
    refused: str = ""


def next_number(order: Order, rules: NumberRules, used: Sequence[str]) -> str:
    """The next number of an order whose requests have the numbers `used`. Never cut: it may be too long.

    Suffixes `-1`, `-2` … count on over all requests of the order, and one that would repeat a number is passed over.
    """
    number = _numbered(order, rules.strategy, rules.refused, used)
    if rules.exceed is None or _fits(number, rules):
        return number
    other = _numbered(order, rules.exceed, rules.refused, used)
    return other if _fits(other, rules) else number


def _fits(number: str, rules: NumberRules) -> bool:
    return rules.max_length is None or len(number) <= rules.max_length


def _numbered(order: Order, strategy: NumberStrategy, refused: str, used: Sequence[str]) -> str:
    taken = set(used)
    first = len(used) + 1
    number = ""
    # Without digits all suffixes look the same: then the last one stands, and is told to be a duplicate.
    for suffix in range(first, first + len(taken) + 1):
        number = _cleaned(f"{_beginning(order, strategy)}-{suffix}", refused)
        if number not in taken:
            return number
    return number


def _beginning(order: Order, strategy: NumberStrategy) -> str:
    if strategy is NumberStrategy.ORDER_ID:
        return str(order.id)
    if strategy is NumberStrategy.CHANNEL_REFERENCE and order.reference_number:
        return order.reference_number
    return order.order_number


def _cleaned(number: str, refused: str) -> str:
    kept = "".join(char for char in number if char not in refused)
    return kept or number  # a source that refuses every character gets the number as it is


def first_status(
    number: str,
    max_length: int | None,
    is_duplicate: bool,
    required: Collection[str],
    given: Mapping[str, str],
    auto_process: bool,
) -> Status:
    """Where a generated request begins: blocked with its cause, released, or waiting to be released."""
    blocked = blocking_status(number, max_length, is_duplicate, required, given)
    return blocked or (Status.PROCESSING if auto_process else Status.UNPROCESSED)


def blocking_status(
    number: str,
    max_length: int | None,
    is_duplicate: bool,
    required: Collection[str],
    given: Mapping[str, str],
) -> Status | None:
    """The status whose cause is present, or None. A number is never cut (contract section 2.1)."""
    if max_length is not None and len(number) > max_length:
        return Status.NUMBER_EXCEEDS_MAX_LENGTH
    if is_duplicate:
        return Status.DUPLICATE_NUMBER
    if any(is_blank(given.get(name, "")) for name in required):
        return Status.ADDITIONAL_INFO_REQUIRED
    return None
