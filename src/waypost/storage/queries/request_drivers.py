"""What finds the fulfillment requests of a list or count: a pure function of what the query asks for.

The most selective filter drives the query. For some filters the life cycle says what they can match
(`domain.standing`); for others a look says whether they match few.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import NamedTuple

from waypost.app.ports import RequestQuery
from waypost.domain import standing
from waypost.domain.attention import ANYBODY
from waypost.domain.statuses import ANY, Status
from waypost.storage.dialect import Dialect
from waypost.storage.queries.pages import ROWS_PER_WANTED
from waypost.storage.queries.walks import Rows, Since


class Driver(StrEnum):
    """What finds the rows."""

    ORDER = "order"
    NUMBERS = "numbers"
    CHANGED = "changed"  # since a moment
    FAILED = "failed"  # with a code
    FACETS = "facets"  # statuses; those that ended also by what was sent, acknowledged, shipped and invoiced
    STATUSES = "statuses"
    ID = "id"


class Failed(NamedTuple):
    """The requests of an account that stand in Processing Error with one of these codes."""

    account_id: int
    source_id: int | None
    codes: tuple[str, ...]
    wanted: int  # of them

    async def are_few(self, ask: Callable[..., Awaitable[Rows]], dialect: Dialect) -> bool:
        """Whether there are at most `ROWS_PER_WANTED` for each that is wanted, as `attention_group` counts them."""
        codes = dialect.any_of("g.code", 2, "text")
        sql = f"""SELECT coalesce(sum(g.total), 0) FROM attention_group g
          WHERE g.account_id = $1 AND g.assignee = '{ANYBODY}' AND {codes}
            AND (CAST($3 AS bigint) IS NULL OR g.source_id = CAST($3 AS bigint))"""
        found = await ask(sql, self.account_id, dialect.array(self.codes), self.source_id)
        return int(found[0][0]) <= ROWS_PER_WANTED * self.wanted


def failed_with(query: RequestQuery) -> Failed | None:
    """What has the codes that the query asks for."""
    if not query.failure_codes:
        return None
    source_id = query.source_id if query.scope.source_id is None else query.scope.source_id
    return Failed(query.scope.account_id, source_id, query.failure_codes, query.limit + query.offset)


def changed_after(query: RequestQuery) -> Since | None:
    """Everything that matches was modified since: nothing happens to a request without that.

    A moment before 1970 means "all" to those who send it.
    """
    moments = (
        query.updated_after, query.acknowledged_after, query.sent_after, query.canceled_after, query.generated_after,
    )  # fmt: skip
    latest = max((moment for moment in moments if moment is not None), default=0)
    return Since("fulfillment_request_state", "modified_at", query.scope.account_id, latest) if latest > 0 else None


def statuses_of(query: RequestQuery) -> tuple[Status, ...]:
    """The statuses in which a request can match; none: nothing matches."""
    found = set(ANY)
    if query.statuses:
        found &= set(map(Status, query.statuses))
    if query.scope.source_id is not None:
        found &= standing.RELEASED_ONCE
    if query.failure_codes:
        found &= standing.FAILED
    if query.needs_attention is not None:
        found = {status for status in found if (status in standing.NEEDS_ATTENTION) == query.needs_attention}
    if query.eligible_for_processing:
        found &= {Status.UNPROCESSED}
    if query.fulfillment_statuses:
        found &= standing.by_shipped(query.fulfillment_statuses)
    if query.is_acknowledged or query.acknowledged_after is not None:
        found &= standing.ACKNOWLEDGED_ONCE
    if query.is_acknowledged is False:
        found &= standing.UNACKNOWLEDGED
    if query.is_canceled or query.canceled_after is not None:
        found &= standing.CANCELED_ONCE
    if query.is_canceled is False:
        found -= standing.CANCELED_ONCE
    return tuple(status for status in ANY if status in found)


def _is_of_unshipped(query: RequestQuery) -> bool:
    """Whether the acknowledged that match have not shipped yet: few of all that is acknowledged."""
    return bool(query.fulfillment_statuses) and set(query.fulfillment_statuses) <= set(standing.UNSHIPPED)


def is_sent(query: RequestQuery) -> bool | None:
    """Whether what matches has been sent; None: either."""
    return True if query.sent_after is not None else query.is_sent


def is_acknowledged(query: RequestQuery) -> bool | None:
    """Whether what matches was acknowledged; None: either."""
    return True if query.acknowledged_after is not None else query.is_acknowledged


def _asks_facets(query: RequestQuery) -> bool:
    """Whether the index of ended requests tells which of them match, and there are such."""
    asked = (query.invoiced, is_sent(query), is_acknowledged(query))
    known = bool(query.fulfillment_statuses) or any(one is not None for one in asked)
    return known and any(status in standing.ENDS for status in statuses_of(query))


def drivers(query: RequestQuery, few: Driver | None, for_count: bool = False) -> tuple[Driver, ...]:
    """What to drive the query by. All but the last look at the first rows only, and count if they fill the page.

    `few`: `CHANGED` or `FAILED`, if it finds few rows. `for_count`: for a count, which reads all rows by one driver.
    """
    if query.order_id is not None:
        return (Driver.ORDER,)
    if query.numbers:
        return (Driver.NUMBERS,)
    statuses = set(statuses_of(query))
    resting = statuses & set(standing.ENDS)
    if _is_of_unshipped(query):
        resting -= {Status.ACKNOWLEDGED}
    named = bool(query.statuses) or Status.ACKNOWLEDGED not in resting or (for_count and len(statuses) < len(ANY))
    of_both = query.scope.channel_id is not None and query.source_id is not None and Status.ACKNOWLEDGED in resting
    if of_both:
        named = False  # an index has what this channel and source have in common; most of that is acknowledged
    listed = Driver.STATUSES if named else Driver.ID
    if few is not None:
        return (few,)
    if resting and changed_after(query) is not None:
        last = Driver.CHANGED
    else:
        last = Driver.FACETS if _asks_facets(query) and not of_both else listed
    alone = for_count or last is listed or (last is Driver.FACETS and not resting)
    return (last,) if alone else (listed, last)
