"""What it takes for the rows of a request, an order or an account to add up: pure, by the domain's rules."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from waypost.app.judging_lines import Carried, judge_lines
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, State, fulfillment_status
from waypost.domain.lifecycle import TABLE
from waypost.domain.orders import LineSums, Order, OrderItem, add_up, roll_up, roll_up_item
from waypost.domain.standing import contradictions
from waypost.domain.statuses import RELEASED, STATUSES, Status
from waypost.domain.stock import Entry


class Finding(NamedTuple):
    """One thing that does not add up: a stable code, what it is about, and words for a person."""

    check: str
    subject: str
    id: int | None
    message: str


class RequestEvidence(NamedTuple):
    """A request as generated, its state if it has one, its order's channel, and who owns its number."""

    id: int
    account_id: int
    source_id: int
    channel_id: int
    order_id: int
    number: str
    total_items: int
    total_quantity: int
    order_channel_id: int | None
    number_owner: int | None
    state: State | None


class CounterEvidence(NamedTuple):
    """An account's counter beside its events; None where there is no counter row."""

    account_id: int
    last_seq: int | None
    last_at: int | None
    events: int
    first: int | None
    last: int | None
    latest: int | None


def judge_request(
    request: RequestEvidence, lines: Sequence[Line], events: Sequence[Event], carried: Sequence[Carried],
    entries: Sequence[Entry],
) -> Iterator[Finding]:  # fmt: skip
    """What does not add up about one request; `carried` and `entries`: what shipments and ledger say of its lines."""

    def finding(check: str, message: str) -> Finding:
        return Finding(check, "fulfillment_request", request.id, message)

    if request.number_owner is None:
        yield finding("number_unclaimed", f"has the number {request.number!r}, which nobody owns at its source.")
    if request.order_channel_id != request.channel_id:
        yield finding("channel_differs", f"is of channel {request.channel_id}, its order of another.")
    totals = (len(lines), sum(line.quantity for line in lines))
    if totals != (request.total_items, request.total_quantity):
        yield finding(
            "totals_differ",
            f"says {request.total_items} items and {request.total_quantity} pieces; its lines come to "
            f"{totals[0]} and {totals[1]}.",
        )
    if request.state is None:
        yield finding("state_missing", "has no state.")
        return
    for check, message in (
        *_against_request(request, request.state),
        *_against_lines(request.state, lines),
        *_against_events(request.state, events),
        *_history(request.state, events),
        *judge_lines(lines, carried, entries),
    ):
        yield finding(check, message)


Words = Iterator[tuple[str, str]]


def _against_request(request: RequestEvidence, state: State) -> Words:
    for name in ("account_id", "source_id", "channel_id", "order_id"):
        if getattr(state, name) != getattr(request, name):
            yield (
                "copy_differs",
                f"has the {name} {getattr(request, name)}, its state {getattr(state, name)}.",
            )


def _against_lines(state: State, lines: Sequence[Line]) -> Words:
    shipped = sum(line.shipped for line in lines)
    if state.shipped_quantity != shipped:
        yield (
            "shipped_quantity_differs",
            f"says {state.shipped_quantity} shipped; its lines come to {shipped}.",
        )
    derived = fulfillment_status(lines)
    if state.fulfillment_status != derived:
        yield "fulfillment_status_differs", f"says {state.fulfillment_status}; its lines say {derived}."
    for words in contradictions(state):
        yield "standing_differs", f"stands in {_name(state.status)}, but {words}."


def _against_events(state: State, events: Sequence[Event]) -> Words:
    if not events:
        yield "history_missing", "has no events."
        return
    if events[-1].to_status != state.status:
        yield (
            "status_differs",
            f"stands in {_name(state.status)}; its last event led to {_name(events[-1].to_status)}.",
        )
    if state.version != len(events):
        yield "version_differs", f"has version {state.version} and {len(events)} events."
    if state.modified_at != events[-1].at:
        yield "modified_differs", "was modified at another time than its last event says."
    entered = [event.at for event in events if event.from_status != event.to_status]
    if entered and state.status_since != entered[-1]:
        yield "since_differs", "came into its status at another time than its events say."
    attempts = sum(event.to_status == Status.PROCESSING and event.from_status != Status.PROCESSING for event in events)
    if state.attempt_count != attempts:
        yield "attempts_differ", f"counts {state.attempt_count} attempts; its events count {attempts}."
    released = next((event.seq for event in events if event.to_status in RELEASED), None)
    if state.released_seq != released:
        yield "release_differs", f"was released by event {state.released_seq}; its events say {released}."


_LEGAL = {
    (row.event, source, row.to or source) for row in TABLE for source in (row.sources if row.sources else (None,))
}


def _history(state: State, events: Sequence[Event]) -> Words:
    """Each event takes up where the one before it ended, and is one that the life cycle allows."""
    was: str | None = None
    at = 0
    for event in events:
        if event.from_status != was:
            yield (
                "history_broken",
                f"has an event {event.seq} from {_name(event.from_status)}; it stood in {_name(was)} then.",
            )
        if (event.type, event.from_status, event.to_status) not in _LEGAL:
            yield (
                "history_illegal",
                f"has an event {event.seq}, {event.type} from {_name(event.from_status)} to "
                f"{_name(event.to_status)}, which the life cycle does not allow.",
            )
        if event.at < at:
            yield "time_runs_back", f"has an event {event.seq} that is older than the one before it."
        if event.account_id != state.account_id:
            yield "account_differs", f"has an event of account {event.account_id}."
        was, at = event.to_status, event.at


def _name(status: str | None) -> str:
    if status is None:
        return "nothing"
    return STATUSES[Status(status)].name if status in set(Status) else repr(status)


def judge_order(order: Order, items: Sequence[OrderItem], lines: Sequence[Line]) -> Iterator[Finding]:
    """What does not add up about one order; `lines` are those of all its requests."""

    def finding(check: str, message: str) -> Finding:
        return Finding(check, "order", order.id, message)

    sums: dict[int, LineSums] = {}
    add_up(sums, lines)
    for stranger in sorted(sums.keys() - {item.id for item in items}):
        yield finding("item_differs", f"has a line for item {stranger}, which is not one of its items.")
    rolled = [roll_up_item(item, sums.get(item.id, LineSums())) for item in items]
    for item, derived in zip(items, rolled, strict=True):
        for name in ("allocated", "acknowledged", "shipped", "canceled"):
            says, comes = getattr(item, name), getattr(derived, name)
            if says != comes:
                yield finding(
                    "item_quantity_differs",
                    f"says {says} {name} of item {item.id}; its lines come to {comes}.",
                )
        if derived.allocated + derived.canceled > item.quantity:
            yield finding("item_exceeded", f"has {item.quantity} of item {item.id}; its lines take more.")
    derived_order = roll_up(order, rolled)
    for name in ("acknowledged_status", "shipped_status"):
        says, comes = getattr(order, name), getattr(derived_order, name)
        if says != comes:
            yield finding("order_status_differs", f"says {name} {says}; its items say {comes}.")


def judge_counter(counter: CounterEvidence) -> Iterator[Finding]:
    """What does not add up about an account's events."""

    def finding(check: str, message: str) -> Finding:
        return Finding(check, "account", counter.account_id, message)

    if counter.last_seq is None or counter.last_at is None:
        yield finding("counter_missing", "has no event counter.")
        return
    if counter.events != counter.last_seq:
        yield finding("counter_differs", f"has {counter.events} events; its counter says {counter.last_seq}.")
    if counter.events and (counter.first, counter.last) != (1, counter.events):
        yield finding("events_not_dense", f"has {counter.events} events, numbered {counter.first} to {counter.last}.")
    if counter.latest is not None and counter.latest > counter.last_at:
        yield finding("counter_behind", "has an event that is later than its counter.")
