"""Records of many owners, such as the items of orders, by owner; made of their rows in slices."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from waypost.app.large_work import LargeWork, OutOfTurn, let_go

T = TypeVar("T")

RECORD_BYTES = 500  # of one record, roughly


async def grouped(
    rows: list[Sequence[Any]], owner: int, make: Callable[[Sequence[Any]], T], work: LargeWork | OutOfTurn
) -> dict[int, list[T]]:
    """What `make` makes of the rows, in their order, by the id that each row has at the place `owner`.

    The rows are gone afterwards.
    """
    found: dict[int, list[T]] = {}

    def put(row: Sequence[Any]) -> None:
        found.setdefault(row[owner], []).append(make(row))

    await work.collected(map(put, let_go(rows)), lambda _: RECORD_BYTES)
    return found
