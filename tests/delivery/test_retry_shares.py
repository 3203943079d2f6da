"""Where much is to be tried again at one source, others do not wait behind it: each has its share of a look."""

from types import SimpleNamespace
from typing import Any, cast

from tests.support.merchant import same
from waypost.app.ports.delivery import Claimed, Retry, RetryPlace
from waypost.delivery import leftovers
from waypost.delivery.lanes import Limits
from waypost.delivery.leftovers import Leftovers

BUSY, QUIET, DOWN = 1, 2, 3


class Books:
    """Tries what it is given, and remembers it."""

    def __init__(self) -> None:
        self.tried: list[tuple[int, int]] = []
        self.outage_at = 0.0

    async def retry(self, attempts: list[Claimed]) -> list[object]:
        """All of it succeeds."""
        self.tried += [(one.source_id, one.id) for one in attempts]
        return [True] * len(attempts)


class Reads:
    """Has a lot of one source, and one of another; nothing that is tried goes away."""

    def __init__(self) -> None:
        self.due = {BUSY: list(range(1, 1000)), QUIET: [5], DOWN: [7]}
        self.asked: list[tuple[list[RetryPlace], int]] = []

    async def retrying_sources(self, source_ids: list[int], _: int) -> list[int]:
        """Those of these that have any."""
        return [id_ for id_ in source_ids if self.due[id_]]

    async def due_retries(self, after: list[RetryPlace], _: int, each: int) -> list[Retry]:
        """In the order of their ids."""
        self.asked.append((after, each))
        return [
            Retry(Claimed(id_, 1, place.source_id, id_, 1, 1, 1, "k", 1), 9)
            for place in after for id_ in [one for one in self.due[place.source_id] if one > place.id][:each]
        ]  # fmt: skip


async def test_each_source_has_its_share() -> None:
    reads, books = Reads(), Books()
    gates = {BUSY: False, QUIET: False, DOWN: True}
    lanes = {id_: SimpleNamespace(gate=SimpleNamespace(is_down=is_down)) for id_, is_down in gates.items()}
    looker = Leftovers("w", *cast(Any, (reads, books, None, lanes, lambda: 10, Limits(), set(), same)))
    await looker.try_again(1e9)
    await looker.try_again(2e9)
    half = leftovers.PAGE // 2
    assert books.tried == [
        *((BUSY, id_) for id_ in range(1, half + 1)), (QUIET, 5), *((BUSY, id_) for id_ in range(half + 1, 2 * half + 1)),
        (QUIET, 5),
    ]  # fmt: skip
    assert [each for _, each in reads.asked] == [half, half]
    reads.due[BUSY] = [half * 2 + 1]
    await looker.try_again(3e9)
    await looker.try_again(4e9)
    assert reads.asked[-2][0] == [RetryPlace(BUSY, 9, 2 * half), RetryPlace(QUIET)]
    assert reads.asked[-1][0] == [RetryPlace(BUSY), RetryPlace(QUIET)]  # the list has come to its end: begin again
