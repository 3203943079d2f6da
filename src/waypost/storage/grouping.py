"""Records of many owners, such as the items of orders, by owner; made of their rows in slices."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from waypost.app.large_work import LargeWork, OutOfTurn

T = TypeVar("T")

RECORD_BYTES = 500  # of one record, roughly


async def grouped(
    rows: Sequence[Sequence[Any]], owner: int, make: Callable[[Sequence[Any]], T], work: LargeWork | OutOfTurn
) -> dict[int, list[T]]:
    """What `make` makes of the rows, in their order, by the id that each row has at the place `owner`."""
    found: dict[int, list[T]] = {}

    def made() -> Iterator[T]:
        for row in rows:
            record = make(row)
            found.setdefault(row[owner], []).append(record)
            yield record

    await work.collected(made(), lambda _: RECORD_BYTES)
    return found
