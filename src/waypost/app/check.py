"""Does the database add up? A walk through all of it, request by request and order by order.

The evidence comes as sorted streams of one moment, so that memory does not grow with the database; what is
judged, and how, stands in `app.judging`.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from waypost.app.judging import (
    CounterEvidence,
    Finding,
    RequestEvidence,
    judge_counter,
    judge_order,
    judge_request,
)
from waypost.app.judging_lines import Carried
from waypost.app.ports import Durability
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line
from waypost.domain.orders import Order, OrderItem
from waypost.domain.stock import Entry

T = TypeVar("T")


class Evidence(Protocol):
    """The whole database as of one moment."""

    def requests(self) -> AsyncIterator[RequestEvidence]:
        """By id."""
        ...

    def lines_by_request(self) -> AsyncIterator[Line]:
        """By request."""
        ...

    def request_events(self) -> AsyncIterator[Event]:
        """By request, then `seq`."""
        ...

    def carried_by_request(self) -> AsyncIterator[Carried]:
        """By the request of the line."""
        ...

    def entries_by_request(self) -> AsyncIterator[tuple[int, Entry]]:
        """The request of each entry's line, and the entry; by request."""
        ...

    def orders(self) -> AsyncIterator[Order]:
        """By id."""
        ...

    def items(self) -> AsyncIterator[OrderItem]:
        """By order."""
        ...

    def lines_by_order(self) -> AsyncIterator[tuple[int, Line]]:
        """The order of each line's request, and the line; by order."""
        ...

    def counters(self) -> AsyncIterator[CounterEvidence]:
        """One per account."""
        ...

    def broken_rows(self) -> AsyncIterator[Finding]:
        """Damage, references to what is not there, and rows that mix two accounts."""
        ...

    async def durability(self) -> Durability:
        """What the database's settings mean for changes that were answered."""
        ...


class Examined(NamedTuple):
    """How much was looked at. `warnings`: what adds up now may be lost, by the settings of the database."""

    requests: int
    orders: int
    events: int
    warnings: tuple[str, ...] = ()


Report = Callable[[Finding], None]


async def check(evidence: Evidence, report: Report) -> Examined:
    """Judge everything; each finding goes to `report` as soon as it is made."""
    async for finding in evidence.broken_rows():
        report(finding)
    events = 0
    async for counter in evidence.counters():
        events += counter.events
        _tell(report, judge_counter(counter))
    requests, orders = await _check_requests(evidence, report), await _check_orders(evidence, report)
    return Examined(requests, orders, events, (await evidence.durability()).warnings)


def _tell(report: Report, findings: Iterator[Finding]) -> None:
    for finding in findings:
        report(finding)


class _Groups(Generic[T]):
    """A stream that is sorted by a key, taken group by group."""

    def __init__(self, rows: AsyncIterator[T], key: Callable[[T], int]) -> None:
        self._rows = rows
        self._key = key
        self._next: T | None = None
        self._ended = False

    async def upto(self, key: int | None) -> tuple[list[T], list[T]]:
        """The rows of `key`, and those before it that nobody asked for; None: all that is left."""
        group: list[T] = []
        strays: list[T] = []
        while not self._ended:
            if self._next is None:
                self._next = await anext(self._rows, None)
                self._ended = self._next is None
                continue
            its = self._key(self._next)
            if key is not None and its > key:
                break
            (group if its == key else strays).append(self._next)
            self._next = None
        return group, strays


async def _check_requests(evidence: Evidence, report: Report) -> int:
    lines = _Groups(evidence.lines_by_request(), lambda line: line.request_id)
    events = _Groups(evidence.request_events(), lambda event: event.subject_id)
    carried = _Groups(evidence.carried_by_request(), lambda one: one.request_id)
    entries = _Groups(evidence.entries_by_request(), lambda pair: pair[0])
    count = 0
    async for request in evidence.requests():
        count += 1
        own_lines, _ = await lines.upto(request.id)  # a line without its request is a broken reference
        own_events, strays = await events.upto(request.id)
        _tell(report, _judge_strays(strays))
        own_pieces, _ = await carried.upto(request.id)
        own_entries = [entry for _, entry in (await entries.upto(request.id))[0]]
        _tell(report, judge_request(request, own_lines, own_events, own_pieces, own_entries))
    _, strays = await events.upto(None)
    _tell(report, _judge_strays(strays))
    return count


def _judge_strays(events: Sequence[Event]) -> Iterator[Finding]:
    for id_ in sorted({event.subject_id for event in events}):
        message = "has events, but is not there: a fulfillment request has disappeared."
        yield Finding("request_missing", "fulfillment_request", id_, message)


async def _check_orders(evidence: Evidence, report: Report) -> int:
    items = _Groups(evidence.items(), lambda item: item.order_id)
    lines = _Groups(evidence.lines_by_order(), lambda pair: pair[0])
    count = 0
    async for order in evidence.orders():
        count += 1
        own_items, _ = await items.upto(order.id)
        pairs, _ = await lines.upto(order.id)
        _tell(report, judge_order(order, own_items, [line for _, line in pairs]))
    return count
