"""A page, or a count, of what could be found by any of several lists: by the shortest of them.

Problem: a source asks what has changed. Its own list may be short and what has changed in its account long, or the
other way round. No planner knows, and neither do we. So we look a little way into each list, then further.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

Rows = Sequence[Sequence[Any]]
Ask = Callable[..., Awaitable[Rows]]
Statement = tuple[str, Sequence[Any]]

ROWS_PER_WANTED = 5  # the first look at a list goes over so many rows for each that the page is to have
FIRST = 1_000  # rows of a list that are counted first
GROWTH = 4  # a look goes so many times as far as the one before


class List(NamedTuple):
    """Rows among which all are that match.

    `whole`: the statement that reads the page, or counts, by it. `longer`: gives 1 where the list is longer than so
    many, else 0; None: it is taken, whatever it holds. `look`: reads the page of the first so many rows; None: they are
    not in the order of the page.
    """

    whole: Callable[[], Statement]
    longer: Callable[[int], Statement] | None = None
    look: Callable[[int], Statement] | None = None

    async def is_longer(self, ask: Ask, most: int) -> bool:
        """Whether it has more rows than `most`."""
        if self.longer is None:
            return False
        rows = await _asked(ask, self.longer(most))
        return bool(rows[0][0])


async def shortest(ask: Ask, lists: Sequence[List]) -> List:
    """One of these: it is at most `GROWTH` times as long as the shortest, or than `FIRST`."""
    most = FIRST
    while len(lists) > 1:
        for one in lists:
            if not await one.is_longer(ask, most):
                return one
        most *= GROWTH
    return lists[0]


async def page_by_shortest(ask: Ask, lists: Sequence[List], limit: int, offset: int, least: int = 0) -> Rows:
    """One page: by the first list whose beginning fills it, or that ends. `least`: so far does the first look go.

    A list that ends is read once more, as a whole: some of it may have gone since we looked, so that what was behind
    the look is not any more.
    """
    most = max(ROWS_PER_WANTED * (limit + offset), least)
    while len(lists) > 1:
        for one in lists:
            if one.look is not None and len(rows := await _asked(ask, one.look(most))) == limit:
                return rows
            if not await one.is_longer(ask, most):
                return await _asked(ask, one.whole())
        most *= GROWTH
    return await _asked(ask, lists[0].whole())


async def _asked(ask: Ask, statement: Statement) -> Rows:
    sql, args = statement
    return await ask(sql, *args)
