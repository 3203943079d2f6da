"""Which messages an event makes, and when what failed is tried again."""

import itertools

import pytest

from waypost.domain.catalogue import CATALOGUE, matches
from waypost.domain.events import Event
from waypost.domain.statuses import Status
from waypost.domain.webhooks import (
    DISABLE_AFTER_S,
    LONGEST_DELAY_S,
    LONGEST_PAUSE_S,
    MOST_ATTEMPTS,
    ORIGINAL,
    delay,
    is_subscription,
    message_id,
    messages_of,
    patterns_of,
    pause,
)


def event(type_: str, was: str | None = None, now: str | None = None, seq: int = 7) -> Event:
    subject = type_.partition(".")[0]
    return Event(3, seq, 1, subject, 9, type_, was, now, "system", None, None, None, None, None, None)


def names(one: Event, *subscribed: str) -> list[str]:
    return [message.name for message in messages_of(one, subscribed)]


def test_the_catalogues_types_match_by_name_and_beginning() -> None:
    failed = event("fulfillment_request.failed")
    assert names(failed, "fulfillment_request.failed") == [failed.type]
    assert names(failed, "order.*", "fulfillment_request.*") == [failed.type]
    assert names(failed, "*", "fulfillment_request.*") == [failed.type], "once, however often it is asked for"
    assert names(failed, "order.*", *ORIGINAL) == []


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (event("fulfillment_request.processing", Status.UNPROCESSED, Status.PROCESSING), [ORIGINAL[0]]),
        (event("fulfillment_request.processing", Status.PROCESSING_ERROR, Status.PROCESSING), [ORIGINAL[0]]),
        (event("fulfillment_request.generated", None, Status.PROCESSING), [ORIGINAL[0]]),
        (event("fulfillment_request.generated", None, Status.UNPROCESSED), []),
        (event("fulfillment_request.accounting_synced", Status.PROCESSING, Status.PROCESSING), []),
        (event("order.created", None, "open"), [ORIGINAL[1]]),
        (event("order.updated", "open", "open"), []),
    ],
)
def test_the_originals_names(one: Event, expected: list[str]) -> None:
    assert names(one, *ORIGINAL) == expected


def test_everything_is_everything_but_the_originals_names() -> None:
    for type_ in CATALOGUE:
        assert names(event(type_, None, Status.PROCESSING), "*") == [type_]


def test_the_log_is_read_for_all_that_may_make_a_message() -> None:
    # What the life cycle can write: only these two events ever lead to Processing from elsewhere.
    entering = ("fulfillment_request.processing", "fulfillment_request.generated")
    asked = ["*", "order.*", "order.created", *ORIGINAL]
    for count, type_ in itertools.product((1, 2, 3), CATALOGUE):
        for subscribed in itertools.combinations(asked, count):
            was, now = (None, Status.PROCESSING) if type_ in entering else (Status.PROCESSED, Status.PROCESSED)
            if messages_of(event(type_, was, now), subscribed):
                assert any(matches(type_, pattern) for pattern in patterns_of(subscribed)), (type_, subscribed)


def test_an_id_is_the_events() -> None:
    one = event("order.created")
    ids = [message.id for message in messages_of(one, ["*", *ORIGINAL])]
    assert ids == ["evt_3_7", "evt_3_7_OrderImportedEvent"]
    assert message_id(event("order.created", seq=8), "order.created") == "evt_3_8"


def test_subscriptions() -> None:
    assert all(is_subscription(one) for one in (*CATALOGUE, *ORIGINAL, "*", "order.*"))
    assert not any(is_subscription(one) for one in ("", "OrderImported", "order", "orderimportedevent"))


def test_the_delay_grows_to_a_day_and_spreads_by_a_fifth() -> None:
    plain = [delay(attempt, 0.5) for attempt in range(1, 40)]
    assert plain[:4] == [5, 20, 80, 320]
    assert plain == sorted(plain)
    assert plain[-1] == LONGEST_DELAY_S
    for attempt in range(1, 40):
        low, high = delay(attempt, 0), delay(attempt, 1)
        assert low == pytest.approx(0.8 * delay(attempt, 0.5))
        assert high == pytest.approx(1.2 * delay(attempt, 0.5))
    assert delay(10**6, 0.5) == LONGEST_DELAY_S


def test_the_attempts_of_one_message_last_as_long_as_an_endpoint_may_fail() -> None:
    assert sum(delay(attempt, 0.5) for attempt in range(1, MOST_ATTEMPTS)) >= DISABLE_AFTER_S


def test_the_pause_begins_late_and_has_an_end() -> None:
    pauses = [pause(failures) for failures in range(40)]
    assert pauses[:5] == [0] * 5
    assert pauses[5:8] == [1, 2, 4]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S == pause(10**6)
