"""The number of a fulfillment request, and the first status that number and source give it."""

from collections.abc import Mapping, Sequence

from waypost.domain.statuses import Status


def default_number(order_number: str, existing: int) -> str:
    """The default strategy: the order's number, then `-1`, `-2` … for each further request of the order."""
    return f"{order_number}-{existing + 1}"


def first_status(
    number: str,
    max_length: int | None,
    is_duplicate: bool,
    required: Sequence[str],
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
    required: Sequence[str],
    given: Mapping[str, str],
) -> Status | None:
    """The status whose cause is present, or None. A number is never cut (contract section 2.1)."""
    if max_length is not None and len(number) > max_length:
        return Status.NUMBER_EXCEEDS_MAX_LENGTH
    if is_duplicate:
        return Status.DUPLICATE_NUMBER
    if any(not given.get(name, "").strip() for name in required):
        return Status.ADDITIONAL_INFO_REQUIRED
    return None
