"""Long work in slices: a generator that says, every now and then, how many steps it has taken. Pure.

Work counts its own steps, so where it pauses depends on what it is given, and not on the machine. A step is about a
microsecond. `app.slices` runs such work in the event loop, and lets other callers in between two slices.
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Sliced = Generator[int, None, T]
"""Work that yields the steps it has taken since it yielded last, and returns its result."""


def at_once(work: Sliced[T]) -> T:
    """The result of the work, without a pause: for callers that have no event loop."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
