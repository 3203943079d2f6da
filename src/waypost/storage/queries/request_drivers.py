"""What finds the fulfillment requests of a list or a count: a pure function of what the query asks for.

The most selective thing that is asked for names the lists; which of several is the shortest is looked up. The life
cycle says in which statuses a filter can match (`domain.standing`).
"""

from enum import StrEnum
from functools import lru_cache

from waypost.app.ports import RequestQuery
from waypost.domain import standing
from waypost.domain.statuses import ANY, Status
from waypost.storage.queries.walks import Since

KEPT = 256  # statements: the same page is asked for again and again


class Driver(StrEnum):
    """What finds the rows."""

    ORDER = "order"
    NUMBERS = "numbers"
    CHANGED = "changed"  # since a moment
    STATUSES = "statuses"  # of a source, a channel or the account
    CHANNEL = "channel"  # statuses of a channel, where a source is asked for as well
    UNSHIPPED = "unshipped"  # statuses; of what the account has acknowledged, what has not shipped yet
    ID = "id"


BY_STATUS = (Driver.STATUSES, Driver.CHANNEL, Driver.UNSHIPPED)


def changed_after(query: RequestQuery) -> Since | None:
    """Everything that matches was modified since: nothing happens to a request without that.

    A moment before 1970 means "all" to those who send it.
    """
    moments = (
        query.updated_after, query.acknowledged_after, query.sent_after, query.canceled_after, query.generated_after,
    )  # fmt: skip
    latest = max((moment for moment in moments if moment is not None), default=0)
    return Since("fulfillment_request_state", "modified_at", query.scope.account_id, latest) if latest > 0 else None


def was_released(query: RequestQuery) -> bool:
    """Whether only what was released to its source can match."""
    released = (query.scope.source_id, query.sent_after, query.acknowledged_after)
    return any(one is not None for one in released) or bool(query.is_sent or query.is_acknowledged)


def statuses_of(query: RequestQuery) -> tuple[Status, ...]:
    """The statuses in which a request can match; none: nothing matches."""
    found = set(ANY)
    if query.statuses:
        found &= set(map(Status, query.statuses))
    if was_released(query):
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


def is_of_unshipped(query: RequestQuery) -> bool:
    """Whether the acknowledged that match have not shipped yet: an index has only those."""
    return bool(query.fulfillment_statuses) and set(query.fulfillment_statuses) <= set(standing.UNSHIPPED)


def is_kept(query: RequestQuery) -> bool:
    """Whether the statement is worth its place: without lists of texts, which callers choose and make long."""
    return not (query.numbers or query.failure_codes)


def drivers(query: RequestQuery, few_changed: bool, for_count: bool = False) -> tuple[Driver, ...]:
    """What the query can be driven by; see `page_by_shortest`. A count is driven by the shortest.

    `few_changed`: what `are_few` says of `changed_after`. `for_count`: for a count, which reads all rows.
    """
    if query.order_id is not None:
        return (Driver.ORDER,)
    if query.numbers:
        return (Driver.NUMBERS,)
    choose = _drivers_of_many if is_kept(query) else _drivers_of_many.__wrapped__
    return choose(query, few_changed, for_count)


@lru_cache(maxsize=KEPT)
def _drivers_of_many(query: RequestQuery, few_changed: bool, for_count: bool) -> tuple[Driver, ...]:
    statuses = set(statuses_of(query))
    resting = statuses & set(standing.ENDS)
    if is_of_unshipped(query):
        resting -= {Status.ACKNOWLEDGED}
    named = bool(query.statuses) or Status.ACKNOWLEDGED not in resting
    lists: tuple[Driver, ...] = (Driver.ID,)
    if named or (for_count and len(statuses) < len(ANY)):
        lists = _by_statuses(query)
    source = query.scope.source_id
    if not statuses or (source is not None and query.source_id not in (None, source)):
        return (Driver.STATUSES,)  # nothing matches
    of_source = source is not None or (query.source_id is not None and query.scope.channel_id is None)
    if lists == (Driver.ID,) and of_source and len(statuses) < len(ANY):
        lists = (Driver.ID, Driver.STATUSES)  # much of what is the source's may never have been released to it
    if changed_after(query) is None:
        return lists
    if few_changed:
        return (Driver.CHANGED,)
    return (*lists, Driver.CHANGED) if resting else lists


def _by_statuses(query: RequestQuery) -> tuple[Driver, ...]:
    if query.scope.channel_id is not None and query.source_id is not None:
        return (Driver.ID, Driver.STATUSES, Driver.CHANNEL)
    if not is_of_unshipped(query):
        return (Driver.STATUSES,)
    of_all = query.scope.source_id is query.scope.channel_id is query.source_id is None
    return (Driver.UNSHIPPED,) if of_all else (Driver.STATUSES, Driver.UNSHIPPED)
