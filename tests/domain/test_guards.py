"""The conditions beside the status, and what is offered to whom while they hold or do not."""

import pytest

from waypost.domain.fulfillment import FulfillmentStatus, State
from waypost.domain.guards import Circumstances, allowed_actions, broken_guard
from waypost.domain.lifecycle import Action, Guard, Row, row_of
from waypost.domain.statuses import BLOCKED, LIVE, Status


def state(status: Status, **given: object) -> State:
    """A request in `status`, untouched but for what is given."""
    blank: dict[str, object] = dict.fromkeys(State._fields)
    fixed = {
        "id": 1,
        "version": 1,
        "shipped_quantity": 0,
        "attempt_count": 0,
        "fulfillment_status": FulfillmentStatus.AWAITING_SHIPMENT,
    }
    return State(**{**blank, **fixed, "status": status, **given})  # type: ignore[arg-type]  # built by name


def row(action: Action) -> Row:
    """The table's row of this action."""
    found = row_of(action)
    assert found is not None
    return found


def broken(action: Action, now: State, **facts: bool) -> str | None:
    """The code of the guard that stands in the way."""
    result = broken_guard(row(action), now, Circumstances(**facts))
    if result is None:
        return None
    guard, words = result
    assert words.endswith(".")
    return guard.value


@pytest.mark.parametrize("status", BLOCKED)
def test_a_blocked_request_is_released_only_once_its_cause_is_gone(status: Status) -> None:
    assert broken(Action.PROCESS, state(status), cause_gone=False) == "still_blocked"
    assert broken(Action.PROCESS, state(status), cause_gone=True) is None


@pytest.mark.parametrize("status", [Status.UNPROCESSED, Status.PROCESSING_ERROR])
def test_a_cause_is_asked_for_only_where_a_request_is_blocked(status: Status) -> None:
    assert broken(Action.PROCESS, state(status), cause_gone=False) is None


@pytest.mark.parametrize(
    ("given", "doubtful"),
    [
        ({"failure_code": "outcome_unknown"}, True),
        ({"handover": "delivered"}, True),
        ({"handover": "unknown"}, True),
        ({"failure_code": "source_timeout"}, False),
        ({"handover": "rejected"}, False),
        ({}, False),
    ],
)
def test_sending_again_needs_a_word_where_the_source_may_have_it_already(
    given: dict[str, object], doubtful: bool
) -> None:
    failed = state(Status.PROCESSING_ERROR, **given)
    assert broken(Action.PROCESS, failed) == ("needs_confirmation" if doubtful else None)
    assert broken(Action.PROCESS, failed, resend_confirmed=True) is None


@pytest.mark.parametrize("action", [Action.CANCEL, Action.VOID])
@pytest.mark.parametrize("status", LIVE)
def test_what_has_shipped_is_neither_canceled_nor_voided(status: Status, action: Action) -> None:
    assert broken(action, state(status, shipped_quantity=1)) == "already_shipped"
    assert broken(action, state(status)) is None


@pytest.mark.parametrize("action", [Action.CANCEL, Action.VOID])
def test_nothing_is_withdrawn_while_it_is_being_handed_over(action: Action) -> None:
    assert broken(action, state(Status.PROCESSING, handover="sending")) == "handover_in_progress"


@pytest.mark.parametrize("handover", ["delivered", "rejected", "unknown", None])
@pytest.mark.parametrize("action", [Action.CANCEL, Action.VOID])
def test_a_hand_over_that_has_ended_is_in_nobodys_way(action: Action, handover: str | None) -> None:
    assert broken(action, state(Status.PROCESSING, handover=handover)) is None


def test_a_failure_is_recorded_while_it_is_being_handed_over() -> None:
    assert broken(Action.FAIL, state(Status.PROCESSING, handover="sending")) is None


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ({"handover": "rejected", "failure_retryable": True}, True),
        ({"handover": "rejected", "failure_retryable": False}, False),
        ({"handover": "unknown", "failure_retryable": True}, False),
        ({"handover": "delivered", "failure_retryable": True}, False),
        ({"handover": "sending", "failure_retryable": True}, False),
        ({"failure_retryable": True}, False),
    ],
)
def test_the_worker_tries_again_only_what_was_refused_for_now(given: dict[str, object], safe: bool) -> None:
    retry = row_of(Action.PROCESS, "retry")
    assert retry is not None
    assert (broken_guard(retry, state(Status.PROCESSING_ERROR, **given), Circumstances()) is None) == safe


def test_nothing_is_released_while_it_is_being_handed_over() -> None:
    now = state(Status.PROCESSING_ERROR, handover="sending")
    assert broken(Action.PROCESS, now, resend_confirmed=True) == "handover_in_progress"
    assert "process" not in names(now, "account")


def test_every_guard_that_callers_meet_has_its_code_on_the_wire() -> None:
    assert {guard.value for guard in Guard} - {"not_safe_to_retry"} == {
        "still_blocked",
        "needs_confirmation",
        "handover_in_progress",
        "already_shipped",
    }


def names(now: State, who: str) -> list[str]:
    """What is offered."""
    return [str(action) for action in allowed_actions(now, who)]


def test_each_kind_of_token_is_offered_what_it_may_do() -> None:
    now = state(Status.PROCESSING)
    assert names(now, "account") == ["processed", "fail", "acknowledge", "adjust", "cancel", "void", "ship"]
    assert names(now, "source") == ["processed", "fail", "acknowledge", "adjust", "cancel", "ship"]
    assert names(now, "channel") == ["processed", "fail", "acknowledge"]


def test_a_final_request_offers_nothing() -> None:
    assert names(state(Status.CANCELED), "account") == names(state(Status.VOIDED), "account") == []


@pytest.mark.parametrize("given", [{"shipped_quantity": 2}, {"handover": "sending"}])
def test_withdrawing_is_not_offered_where_it_would_be_refused(given: dict[str, object]) -> None:
    offered = names(state(Status.PROCESSING, **given), "account")
    assert offered == ["processed", "fail", "acknowledge", "adjust", "ship"]


def test_a_release_that_needs_only_a_word_or_a_mended_cause_is_offered() -> None:
    assert "process" in names(state(Status.PROCESSING_ERROR, failure_code="outcome_unknown"), "account")
    assert "process" in names(state(Status.DUPLICATE_NUMBER), "account")
