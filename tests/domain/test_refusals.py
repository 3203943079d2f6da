"""Refusals: stable codes, and words that existing clients look for."""

from collections.abc import Collection

import pytest

from waypost.domain import refusals
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotPermitted, Problem, Refusal, refuse_from_status
from waypost.domain.statuses import STATUSES, Status


def test_a_second_acknowledgement_says_the_words_that_clients_look_for() -> None:
    refusal = refuse_from_status(Status.ACKNOWLEDGED, Action.ACKNOWLEDGE, (Action.ADJUST,))
    assert "already acknowledged" in refusal.message
    assert "adjust" in refusal.message


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.ACKNOWLEDGE])
def test_only_a_second_acknowledgement_says_them(action: Action) -> None:
    assert "already acknowledged" not in refuse_from_status(Status.ACKNOWLEDGED, action, ()).message


@pytest.mark.parametrize("status", list(Status))
def test_a_refusal_from_a_status_names_it_and_what_is_allowed(status: Status) -> None:
    refusal = refuse_from_status(status, Action.FAIL, (Action.CANCEL, Action.VOID))
    assert refusal.code == "not_allowed_from_status"
    assert refusal.status == status
    assert refusal.allowed == (Action.CANCEL, Action.VOID)
    assert STATUSES[status].name in refusal.message
    assert "Allowed now: cancel, void." in refusal.message


def test_a_refusal_from_a_final_status_says_that_nothing_is_allowed() -> None:
    assert "Nothing is allowed any more." in refuse_from_status(Status.VOIDED, Action.FAIL, ()).message


def test_invalid_input_names_every_problem() -> None:
    refusal = Invalid([Problem("a", "one", "First."), Problem("b", "two", "Second.")])
    assert refusal.message == "First. Second."
    assert [problem.field for problem in refusal.problems] == ["a", "b"]


@pytest.mark.parametrize(
    ("who", "types", "words"),
    [
        ({"channel", "account"}, ("account", "channel"), "takes an account or channel token; yours is a source token."),
        (("user", "system", "account"), ("account",), "takes an account token; yours is a source token."),
        (("worker",), (), "takes no token; yours is a source token."),
    ],
)
def test_a_token_of_the_wrong_type_hears_which_types_may(
    who: Collection[str], types: tuple[str, ...], words: str
) -> None:
    refusal = NotPermitted(who, "source")
    assert refusal.token_types == types
    assert words in refusal.message


def test_codes_are_stable_and_distinct() -> None:
    kinds = [k for k in vars(refusals).values() if isinstance(k, type) and issubclass(k, Refusal) and k is not Refusal]
    assert {kind.__name__: kind.code for kind in kinds} == {
        "NotFound": "not_found",
        "NotAllowed": "not_allowed_from_status",
        "OrderNotAllowed": "not_allowed_from_status",
        "Stale": "precondition_failed",
        "TokenEnded": "unauthorized",
        "NoSecretKey": "secret_key_missing",
        "NotPermitted": "wrong_token_type",
        "Invalid": "invalid_input",
        "Conflict": "already_exists",
        "OtherContent": "already_exists",
        "KeyInProgress": "idempotency_key_in_progress",
        "KeyReused": "idempotency_key_reused",
        "Unavailable": "unavailable",
        "LockHeld": "unavailable",
        "Defect": "internal",
    }
