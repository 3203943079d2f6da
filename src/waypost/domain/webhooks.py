"""Webhooks: which messages an event makes for an endpoint, and when what failed is tried again. Pure.

Two event names are the original's and have a body of their own; the others are the types of the catalogue.
"""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.domain.catalogue import is_pattern, matches
from waypost.domain.events import ORDER_CREATED, Event
from waypost.domain.lifecycle import TABLE
from waypost.domain.statuses import Status

PROCESSING_EVENT = "FulfillmentRequestProcessingEvent"
IMPORTED_EVENT = "OrderImportedEvent"
ORIGINAL = (PROCESSING_EVENT, IMPORTED_EVENT)
TEST = "webhook.test"  # sent on demand; no event of the log

_ENTERS_PROCESSING = tuple(dict.fromkeys(row.event for row in TABLE if row.to is Status.PROCESSING))

FIRST_DELAY_S = 5.0
LONGEST_DELAY_S = 24 * 3600.0
MOST_ATTEMPTS = 13  # with the delays between them more than five days
STRICT_DELAY_S = 3600.0  # an endpoint that insists on order waits no longer than this between two attempts
PAUSE_AFTER = 5  # failures in a row
LONGEST_PAUSE_S = 300.0
DISABLE_AFTER_S = 5 * 24 * 3600  # of failing without one success


class Message(NamedTuple):
    """What is sent of an event: under which name, and its id, which is the same at every attempt and replay."""

    id: str
    name: str
    event: Event | None  # None: a test


def is_subscription(text: str) -> bool:
    """Whether an endpoint can ask for this: a type, a beginning such as `order.*`, `*`, or one of the original's."""
    return text in ORIGINAL or is_pattern(text)


def patterns_of(subscribed: Sequence[str]) -> tuple[str, ...]:
    """The patterns of all events that may make a message, for reading the log."""
    patterns = [one for one in subscribed if one not in ORIGINAL]
    if PROCESSING_EVENT in subscribed:
        patterns += _ENTERS_PROCESSING
    if IMPORTED_EVENT in subscribed:
        patterns.append(ORDER_CREATED)
    return tuple(dict.fromkeys(patterns))


def messages_of(event: Event, subscribed: Sequence[str]) -> tuple[Message, ...]:
    """The messages that this event makes: one in the form of the feed, one for each of the original's names."""
    names = []
    if any(matches(event.type, one) for one in subscribed if one not in ORIGINAL):
        names.append(event.type)
    if PROCESSING_EVENT in subscribed and _enters_processing(event):
        names.append(PROCESSING_EVENT)
    if IMPORTED_EVENT in subscribed and event.type == ORDER_CREATED:
        names.append(IMPORTED_EVENT)
    return tuple(Message(message_id(event, name), name, event) for name in names)


def _enters_processing(event: Event) -> bool:
    return event.to_status == Status.PROCESSING and event.from_status != Status.PROCESSING


def message_id(event: Event, name: str) -> str:
    """The identity of a message: that of its event; a message of the original's names is told apart."""
    own = f"evt_{event.account_id}_{event.seq}"
    return f"{own}_{name}" if name in ORIGINAL else own


def delay(attempt: int, chance: float) -> float:
    """Seconds to wait after the `attempt`-th failure (from 1); `chance` is from 0 to 1 and spreads them by a fifth.

    5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 6 h, 23 h, then 24 h each.
    """
    plain = min(FIRST_DELAY_S * 4.0 ** min(attempt - 1, 16), LONGEST_DELAY_S)
    return plain * (0.8 + 0.4 * chance)


def pause(failures: int) -> float:
    """Seconds to leave an endpoint alone after so many failures in a row: it is down, and its events can wait."""
    if failures < PAUSE_AFTER:
        return 0.0
    return float(min(2.0 ** min(failures - PAUSE_AFTER, 16), LONGEST_PAUSE_S))
