"""The life cycle against contract section 2.3, which stands here once more, as data, and is not derived from the table."""

import pytest

from waypost.domain import lifecycle
from waypost.domain.lifecycle import (
    ALLOWED_ACTIONS,
    TABLE,
    Action,
    Decision,
    Move,
    NoChange,
    NotAllowed,
    decide,
)
from waypost.domain.statuses import STATUSES, Status

COLUMNS = (
    None,
    Status.UNPROCESSED,
    Status.PROCESSING,
    Status.PROCESSED,
    Status.ACKNOWLEDGED,
    Status.PROCESSING_ERROR,
    Status.CANCELED,
    Status.VOIDED,
    Status.ADDITIONAL_INFO_REQUIRED,
    Status.NUMBER_EXCEEDS_MAX_LENGTH,
    Status.DUPLICATE_NUMBER,
    Status.CROSS_DOCKED,
)
LETTERS = dict(zip("UPDAECVILXK", COLUMNS[1:], strict=True))

# One letter a status, in the order of COLUMNS: where the action leads. `=` is a success that changes nothing,
# `s` a success that leaves the status, `.` a refusal.
CONTRACT = """
action           outcome                    -  U P D A E C V I L X K
generate         unprocessed                U  . . . . . . . . . . .
generate         processing                 P  . . . . . . . . . . .
generate         additional_info_required   I  . . . . . . . . . . .
generate         number_exceeds_max_length  L  . . . . . . . . . . .
generate         duplicate_number           X  . . . . . . . . . . .
generate         cross_docked               K  . . . . . . . . . . .
process          -                          .  P = . . P . . P P P P
processed        -                          .  . D = . . . . . . . .
fail             -                          .  . E E . . . . . . . .
acknowledge      -                          .  . A A . A . . . . . .
adjust           nothing_unacknowledged     .  . A A A A . . . . . .
adjust           all_canceled               .  . C C C C . . . . . .
adjust           still_open                 .  . s s s s . . . . . .
cancel           -                          .  C C C C C = . C C C C
void             -                          .  V V V V V . = V V V V
ship             -                          .  . A A A A . . . . . .
correct_shipment -                          .  . . . s . . . . . . .
reconcile_stock  -                          .  s s s s s s s s s s s
release_stock    -                          .  s s s s s s s s s s s
release_stock    quantity_update            .  s s s s s s s s s s s
accounting_sync  -                          .  s s s s s s s s s s s
invoice          -                          .  s s s s s s s s s s s
edit             content                    .  s . . . s . . s s s s
edit             care                       .  s s s s s . . s s s s
process          retry                      .  . . . . P . . . . . .
hand_over        sending                    .  . s . . . . . . . . .
hand_over        delivered                  .  . D . . . . . . . . .
hand_over        acknowledged               .  . A . . . . . . . . .
hand_over        rejected                   .  . E . . . . . . . . .
hand_over        unknown                    .  . E . . . . . . . . .
hand_over        deferred                   .  . s . . . . . . . . .
hand_over        settled                    .  . . s s s s s . . . .
hand_over        late                       .  . s s s s s s . . . .
"""

# Contract section 1.3; ship is `POST /shipments`, hand_over the hub's own worker.
WHO = {
    "account": set(ALLOWED_ACTIONS)
    | {Action.SYNC_ACCOUNTING, Action.GENERATE, Action.CORRECT_SHIPMENT, Action.RECONCILE_STOCK, Action.RELEASE_STOCK, Action.EDIT, Action.INVOICE},
    "source": {
        Action.PROCESSED,
        Action.FAIL,
        Action.ACKNOWLEDGE,
        Action.ADJUST,
        Action.CANCEL,
        Action.SHIP,
        Action.CORRECT_SHIPMENT,
        Action.INVOICE,
        Action.RELEASE_STOCK,  # by a quantity update only
    },
    "channel": {Action.PROCESSED, Action.FAIL, Action.ACKNOWLEDGE},
    "worker": {Action.HAND_OVER, Action.PROCESS},
}


def rules() -> dict[tuple[str, str | None], dict[Status | None, str]]:
    """CONTRACT, taken apart: the letter by action and outcome, then by status."""
    taken = {}
    for text in CONTRACT.strip().splitlines()[1:]:
        action, outcome, *letters = text.split()
        taken[action, None if outcome == "-" else outcome] = dict(zip(COLUMNS, letters, strict=True))
    return taken


RULES = rules()
OUTCOMES = sorted({outcome for _, outcome in RULES if outcome} | {"nonsense"})


def seen(decision: Decision, status: Status | None) -> str:
    """The letter that this decision would have in CONTRACT."""
    if isinstance(decision, NotAllowed):
        return "."
    if isinstance(decision, NoChange):
        return "="
    return "s" if decision.to == status else next(k for k, v in LETTERS.items() if v == decision.to)


@pytest.mark.parametrize("outcome", [None, *OUTCOMES])
@pytest.mark.parametrize("action", list(Action))
def test_every_status_under_every_action_and_outcome_is_as_the_contract_says(
    action: Action, outcome: str | None
) -> None:
    expected = RULES.get((action.value, outcome), dict.fromkeys(COLUMNS, "."))
    decided = {status: seen(decide(status, action, outcome), status) for status in COLUMNS}
    # Where the contract moves a request to the status it already has, the status stays.
    expected = {s: "s" if letter in LETTERS and LETTERS[letter] == s else letter for s, letter in expected.items()}
    assert decided == expected


def test_the_contract_above_covers_every_row_and_every_status() -> None:
    assert {(row.action.value, row.outcome) for row in TABLE} == set(RULES)
    assert set(COLUMNS) == {None, *Status}


@pytest.mark.parametrize("who", sorted(WHO))
def test_each_row_is_open_to_those_the_contract_names(who: str) -> None:
    assert {row.action for row in TABLE if who in row.who} == WHO[who]


@pytest.mark.parametrize("who", ["account", "source", "channel"])
@pytest.mark.parametrize("status", list(Status))
def test_permitted_names_what_would_change_something_in_the_contracts_order(status: Status, who: str) -> None:
    order = ["process", "processed", "fail", "acknowledge", "adjust", "cancel", "void", "ship"]
    moving = {a for (a, _), letters in RULES.items() if letters[status] not in ".="}
    allowed = {action.value for action in WHO[who]}
    assert list(lifecycle.permitted(status, who)) == [a for a in order if a in moving and a in allowed]


def test_the_worker_itself_releases_nothing_but_what_it_may_try_again() -> None:
    rows = [row for row in TABLE if row.action is Action.PROCESS and "worker" in row.who]
    assert [(row.outcome, row.sources, row.who) for row in rows] == [("retry", (Status.PROCESSING_ERROR,), ("worker",))]


def test_a_repeat_does_what_the_contract_says() -> None:
    no_change = {row.action for row in TABLE if row.repeat is lifecycle.Repeat.NO_CHANGE}
    refused = {row.action for row in TABLE if row.repeat is lifecycle.Repeat.REFUSED}
    assert no_change == {Action.PROCESS, Action.PROCESSED, Action.CANCEL, Action.VOID}
    assert refused == {Action.GENERATE, Action.FAIL, Action.ACKNOWLEDGE, Action.HAND_OVER, Action.PROCESS}


def test_only_a_repeat_that_changes_nothing_has_a_status_to_be_repeated_from() -> None:
    for row in TABLE:
        assert bool(row.repeat_from) == (row.repeat is lifecycle.Repeat.NO_CHANGE), row
        assert not set(row.repeat_from) & set(row.sources), row


def test_guards_stand_where_the_contract_puts_them() -> None:
    guarded = {(row.action, row.outcome): {guard.value for guard in row.guards} for row in TABLE if row.guards}
    assert guarded == {
        (Action.PROCESS, None): {"still_blocked", "needs_confirmation", "handover_in_progress"},
        (Action.PROCESS, "retry"): {"not_safe_to_retry"},
        (Action.CANCEL, None): {"already_shipped", "handover_in_progress"},
        (Action.VOID, None): {"already_shipped", "handover_in_progress"},
        (Action.HAND_OVER, "sending"): {"handover_in_progress"},
        (Action.EDIT, "content"): {"handover_in_progress"},
    }


def test_the_wire_names_and_handles_of_the_statuses() -> None:
    assert {status.value: facts.name for status, facts in STATUSES.items()} == {
        "unprocessed": "Unprocessed",
        "processing": "Processing",
        "processed": "Processed",
        "acknowledged": "Acknowledged",
        "processing_error": "Processing Error",
        "canceled": "Canceled",
        "voided": "Voided",
        "additional_info_required": "Additional Info Required",
        "number_exceeds_max_length": "PO/FR # Exceeds Max Length",
        "duplicate_number": "Duplicate PO/FR #",
        "cross_docked": "Cross Docked",
    }


def test_event_types_are_dotted_and_those_of_the_contract() -> None:
    named = {"generated", "processing", "processed", "failed", "acknowledged", "adjusted", "canceled", "voided",
             "shipped", "accounting_synced", "invoiced", "shipment_corrected", "stock_reconciled", "stock_released",
             "edited", "attended", "handover_started", "handover_deferred", "handover_settled", "handover_late"}  # fmt: skip
    assert set(lifecycle.EVENT_TYPES) == {f"fulfillment_request.{name}" for name in named}


# The self-check, on tables that are broken on purpose.


def without(*actions: Action) -> tuple[lifecycle.Row, ...]:
    """The table less every row of these actions."""
    return tuple(row for row in TABLE if row.action not in actions)


def test_the_table_passes_its_own_check() -> None:
    lifecycle.check_table(TABLE)


def test_the_check_finds_a_status_that_nothing_leads_to() -> None:
    with pytest.raises(AssertionError, match="leads to Voided"):
        lifecycle.check_table(without(Action.VOID))


def test_the_check_finds_a_status_that_only_unreachable_ones_lead_to() -> None:
    # The two lead to each other, but a request never gets into the pair.
    one, other = Status.DUPLICATE_NUMBER, Status.CROSS_DOCKED
    rest = [row for row in TABLE if row.to not in (one, other)]
    ring = [rest[-1]._replace(sources=(s,), to=to, outcome=to) for s, to in ((one, other), (other, one))]
    with pytest.raises(AssertionError, match="leads to Duplicate PO/FR #"):
        lifecycle.check_table([*rest, *ring])


def test_the_check_finds_a_dead_end() -> None:
    stuck = [row._replace(sources=tuple(s for s in row.sources if s != Status.UNPROCESSED)) for row in TABLE]
    with pytest.raises(AssertionError, match="Unprocessed: a status is final"):
        lifecycle.check_table(stuck)


def test_the_check_finds_a_final_status_with_a_way_out() -> None:
    leak = lifecycle.row_of(Action.ACKNOWLEDGE)
    assert leak is not None
    leaky = [row._replace(sources=(*row.sources, Status.CANCELED)) if row is leak else row for row in TABLE]
    with pytest.raises(AssertionError, match="Canceled: a status is final"):
        lifecycle.check_table(leaky)


def test_the_check_finds_two_rows_for_one_key() -> None:
    with pytest.raises(AssertionError, match="share an action and an outcome"):
        lifecycle.check_table((*TABLE, TABLE[-1]))


def test_the_check_finds_a_status_without_facts() -> None:
    facts = {status: fact for status, fact in STATUSES.items() if status != Status.CROSS_DOCKED}
    with pytest.raises(AssertionError, match="a status is missing"):
        lifecycle.check_table(TABLE, facts)


def test_a_move_names_its_row() -> None:
    decision = decide(Status.PROCESSED, Action.FAIL)
    assert isinstance(decision, Move)
    assert decision.row.event == "fulfillment_request.failed"
