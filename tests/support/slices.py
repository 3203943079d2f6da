"""Runs work in slices, and keeps the steps of each: so that "nothing long at once" is counted, and no clock is asked."""

from typing import TypeVar

from waypost.domain.slices import Sliced

T = TypeVar("T")


def slices_of(work: Sliced[T]) -> tuple[list[int], T]:
    """The steps of each slice, and the result."""
    slices = []
    while True:
        try:
            slices.append(next(work))
        except StopIteration as end:
            return slices, end.value
