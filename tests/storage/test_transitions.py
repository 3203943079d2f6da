"""Every action from every status, down the whole road on both engines: what is answered is what is stored."""

import json
from typing import Any

import pytest

from tests.domain.test_lifecycle import RULES
from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import REASON, command, fail
from tests.support.database import contents, rows
from tests.support.merchant import Merchant, Wanted
from waypost.app.changes import Changer
from waypost.app.commands import Adjustment, Command, FailureReport
from waypost.app.ports import Store
from waypost.domain.adjust import LineChange
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotAllowed, NotFound, NotPermitted, Refusal, Stale
from waypost.domain.statuses import BLOCKED, Status

LETTER = {
    "U": Status.UNPROCESSED, "P": Status.PROCESSING, "D": Status.PROCESSED, "A": Status.ACKNOWLEDGED,
    "E": Status.PROCESSING_ERROR, "C": Status.CANCELED, "V": Status.VOIDED,
    "I": Status.ADDITIONAL_INFO_REQUIRED, "L": Status.NUMBER_EXCEEDS_MAX_LENGTH,
    "X": Status.DUPLICATE_NUMBER, "K": Status.CROSS_DOCKED,
}  # fmt: skip

# What a caller can ask for, with the row of the contract that it takes.
ASKS: dict[str, tuple[Action, str | None, dict[str, Any]]] = {
    "process": (Action.PROCESS, None, {}),
    "processed": (Action.PROCESSED, None, {}),
    "fail": (Action.FAIL, None, {}),
    "fail without the request": (Action.FAIL, None, {"wants_image": False}),
    "acknowledge": (Action.ACKNOWLEDGE, None, {}),
    "adjust all": (Action.ADJUST, "nothing_unacknowledged", {}),
    "cancel what is open": (Action.ADJUST, "all_canceled", {"details": Adjustment((), True)}),
    "cancel": (Action.CANCEL, None, {}),
    "void": (Action.VOID, None, {}),
    "accounting-sync": (Action.SYNC_ACCOUNTING, None, {}),
}


@pytest.mark.parametrize("ask", ASKS)
async def test_an_action_from_every_status(ask: str, merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    action, outcome, given = ASKS[ask]
    statuses = list(Status)
    if outcome == "all_canceled":  # of an acknowledged request nothing is unacknowledged
        statuses.remove(Status.ACKNOWLEDGED)
    ids = dict(zip(statuses, await merchant.requests(*statuses), strict=True))
    for status, id_ in ids.items():
        letter = RULES[action.value, outcome][status]
        before = await rows(migrated_url, "SELECT * FROM fulfillment_request_state WHERE id = $1", id_)
        asked = command(action, id_, merchant.actor(), call_id=f"call-{id_}", **given)
        if letter == ".":
            with pytest.raises(NotAllowed) as caught:
                await changes.change(asked)
            assert caught.value.status == status
            assert caught.value.code == "not_allowed_from_status"
            done = None
        else:
            done = await changes.change(asked)
        after = await rows(migrated_url, "SELECT * FROM fulfillment_request_state WHERE id = $1", id_)
        events = await rows(migrated_url, "SELECT * FROM event WHERE request_id = $1", f"call-{id_}")
        if done is None or letter == "=":
            assert after == before
            assert events == []
            assert done is None or (done.moved, done.version) == (False, before[0]["version"])
            continue
        target = status if letter == "s" else LETTER[letter]
        assert (done.moved, done.from_status, done.to_status) == (True, status, target)
        assert done.version == before[0]["version"] + 1
        assert (after[0]["status"], after[0]["version"]) == (target, done.version)
        (event,) = events
        assert (event["from_status"], event["to_status"]) == (status, target)
        assert event["type"].startswith("fulfillment_request.")
        assert (event["actor_type"], event["actor_id"], event["actor_name"]) == ("account", 1, "account token")
    await audit(migrated_url)


async def test_an_image_is_what_a_read_gives(merchant: Merchant, changes: Changer, store: Store) -> None:
    for action in (Action.PROCESSED, Action.FAIL, Action.ACKNOWLEDGE, Action.CANCEL, Action.VOID, Action.ADJUST):
        id_ = await merchant.request()
        done = await changes.change(command(action, id_, merchant.actor()))
        read = await store.reads.request(merchant.actor().scope, id_)
        assert read == done.image, action


async def test_a_failure_keeps_reason_author_and_time(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    id_ = await merchant.request()
    at = clock.advance(60)
    await changes.change(fail(id_, merchant.actor("source"), call_id="c1"))
    (state,) = await rows(migrated_url, "SELECT * FROM fulfillment_request_state WHERE id = $1", id_)
    assert state["failure_reason"] == REASON
    assert state["failure_code"] == "out_of_stock"
    assert not state["failure_retryable"]
    assert (state["failed_at"], state["modified_at"]) == (at, at)
    assert state["failed_by"] == "source:1:source token"
    (event,) = await rows(migrated_url, "SELECT * FROM event WHERE request_id = 'c1'")
    assert (event["type"], event["reason"], event["code"]) == ("fulfillment_request.failed", REASON, "out_of_stock")
    assert json.loads(event["data"]) == {"retryable": False, "itemIds": []}
    assert event["at"] == at


async def test_leaving_processing_error_forgets_the_failure_and_the_events_keep_it(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request()
    await changes.change(fail(id_, merchant.actor(), call_id="c1"))
    done = await changes.change(command(Action.PROCESS, id_, merchant.actor()))
    assert done.image is not None
    state = done.image.state
    assert {state.failure_code, state.failure_reason, state.failed_at, state.failed_by} == {None}
    assert state.attempt_count == 2
    (event,) = await rows(migrated_url, "SELECT * FROM event WHERE request_id = 'c1'")
    assert event["reason"] == REASON


async def test_item_ids_of_a_failure_are_checked_and_kept(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    id_, other = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    lines = await rows(migrated_url, "SELECT id, request_id FROM fulfillment_request_line ORDER BY id")
    own = [line["id"] for line in lines if line["request_id"] == id_]
    foreign = [line["id"] for line in lines if line["request_id"] == other]
    before = await contents(migrated_url)
    report = FailureReport(REASON, line_ids=(own[0], *foreign))
    with pytest.raises(Invalid) as caught:
        await changes.change(fail(id_, merchant.actor(), details=report))
    assert [p.code for p in caught.value.problems] == ["unknown_item"] * len(foreign)
    assert await contents(migrated_url) == before
    await changes.change(fail(id_, merchant.actor(), details=FailureReport(REASON, line_ids=(own[1],))))
    read = await store.reads.request(merchant.actor().scope, id_)
    assert read is not None
    assert json.loads(read.state.failed_lines or "") == [own[1]]


@pytest.mark.parametrize(("retryable", "code", "expected"), [
    (None, "source_timeout", True), (None, "other", False), (True, "other", True), (False, "source_timeout", False),
])  # fmt: skip
async def test_retryable_is_what_the_caller_says_or_the_registry(
    retryable: bool | None, code: str, expected: bool, merchant: Merchant, changes: Changer, store: Store
) -> None:
    id_ = await merchant.request()
    await changes.change(fail(id_, merchant.actor(), details=FailureReport("r", code, retryable)))
    read = await store.reads.request(merchant.actor().scope, id_)
    assert read is not None
    assert bool(read.state.failure_retryable) is expected


async def test_sent_at_is_set_once(merchant: Merchant, changes: Changer, clock: ManualClock, store: Store) -> None:
    id_ = await merchant.request()
    actor = merchant.actor()
    first = await changes.change(command(Action.PROCESSED, id_, actor))
    await changes.change(fail(id_, actor))
    await changes.change(command(Action.PROCESS, id_, actor))
    clock.advance(5)
    second = await changes.change(command(Action.PROCESSED, id_, actor))
    assert first.image is not None
    assert second.image is not None
    assert second.image.state.sent_at == first.image.state.sent_at


@pytest.mark.parametrize("action", [Action.CANCEL, Action.VOID])
async def test_what_has_shipped_is_not_withdrawn(
    action: Action, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request(Status.PROCESSED, shipped=1)
    before = await contents(migrated_url)
    with pytest.raises(NotAllowed) as caught:
        await changes.change(command(action, id_, merchant.actor()))
    assert caught.value.code == "already_shipped"
    assert action not in caught.value.allowed
    assert await contents(migrated_url) == before


async def test_nothing_is_withdrawn_while_it_is_handed_over_but_a_failure_is_recorded(
    merchant: Merchant, changes: Changer
) -> None:
    id_ = await merchant.request(tweak=lambda state: state._replace(handover="sending"))
    for action in (Action.CANCEL, Action.VOID):
        with pytest.raises(NotAllowed) as caught:
            await changes.change(command(action, id_, merchant.actor()))
        assert caught.value.code == "handover_in_progress"
    done = await changes.change(fail(id_, merchant.actor()))
    assert done.to_status == Status.PROCESSING_ERROR


async def test_sending_again_after_an_unknown_outcome_needs_a_word(merchant: Merchant, changes: Changer) -> None:
    id_ = await merchant.request()
    actor = merchant.actor()
    await changes.change(fail(id_, actor, details=FailureReport("timeout", "outcome_unknown")))
    with pytest.raises(NotAllowed) as caught:
        await changes.change(command(Action.PROCESS, id_, actor))
    assert caught.value.code == "needs_confirmation"
    assert Action.PROCESS in caught.value.allowed
    done = await changes.change(command(Action.PROCESS, id_, actor, confirm_resend=True))
    assert done.to_status == Status.PROCESSING


@pytest.mark.parametrize("status", BLOCKED)
async def test_a_blocked_request_is_released_once_its_cause_is_gone(
    status: Status, merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    source = merchant.sources[0]
    await store.write(lambda tx: tx.fetch(  # type: ignore[attr-defined]
        "UPDATE source SET required_fields = '[\"gate\"]' WHERE id = $1 RETURNING id", source))  # fmt: skip
    gate = json.dumps([{"id": 1, "name": "gate", "value": "B7"}])
    blocked, open_ = await merchant.requests(Wanted(status), Wanted(status, custom_fields=gate))
    before = await contents(migrated_url)
    with pytest.raises(NotAllowed) as caught:
        await changes.change(command(Action.PROCESS, blocked, merchant.actor()))
    assert caught.value.code == "still_blocked"
    assert await contents(migrated_url) == before
    done = await changes.change(command(Action.PROCESS, open_, merchant.actor()))
    assert done.to_status == Status.PROCESSING


async def test_a_duplicate_number_stays_blocked_and_its_owner_does_not(merchant: Merchant, changes: Changer) -> None:
    owner, other = await merchant.requests(
        Wanted(Status.DUPLICATE_NUMBER, number="N1"), Wanted(Status.DUPLICATE_NUMBER, number="N1")
    )
    with pytest.raises(NotAllowed) as caught:
        await changes.change(command(Action.PROCESS, other, merchant.actor()))
    assert caught.value.code == "still_blocked"
    assert (await changes.change(command(Action.PROCESS, owner, merchant.actor()))).moved


async def test_who_may_not_is_refused(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    id_ = await merchant.request()
    before = await contents(migrated_url)
    for who, action in (("channel", Action.CANCEL), ("source", Action.VOID), ("channel", Action.ADJUST)):
        with pytest.raises(NotPermitted):
            await changes.change(command(action, id_, merchant.actor(who)))
    assert await contents(migrated_url) == before


async def test_an_adjustment_that_cannot_be_changes_nothing(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    id_ = await merchant.request(lines=(("A", 3), ("B", 2)))
    before = await contents(migrated_url)
    asked = Adjustment((LineChange(None, "A", 1, 0, 0, False), LineChange(None, "B", 3, 0, 0, False)))
    with pytest.raises(Invalid) as caught:
        await changes.change(command(Action.ADJUST, id_, merchant.actor(), details=asked))
    assert [p.field for p in caught.value.problems] == ["/items/1/acknowledge"]
    assert await contents(migrated_url) == before


async def test_if_match_is_judged_before_the_status(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    id_ = await merchant.request(Status.CANCELED)
    before = await contents(migrated_url)
    with pytest.raises(Stale) as caught:
        await changes.change(fail(id_, merchant.actor(), expected=frozenset({99})))
    assert caught.value.version == 3
    assert await contents(migrated_url) == before


@pytest.mark.parametrize(
    ("expected", "fits"),
    [("*", True), (frozenset({2}), True), (frozenset({1, 2, 3}), True), (frozenset({1}), False), (frozenset(), False)],
)
@pytest.mark.parametrize("wants_image", [True, False])
async def test_if_match(
    expected: frozenset[int] | str, fits: bool, wants_image: bool, merchant: Merchant, changes: Changer
) -> None:
    id_ = await merchant.request()
    asked = fail(id_, merchant.actor(), expected=expected, wants_image=wants_image)
    if fits:
        assert (await changes.change(asked)).version == 3
    else:
        with pytest.raises(Stale):
            await changes.change(asked)


async def test_if_match_counts_for_a_repeat_too(merchant: Merchant, changes: Changer) -> None:
    id_ = await merchant.request(Status.PROCESSED)
    with pytest.raises(Stale):
        await changes.change(command(Action.PROCESSED, id_, merchant.actor(), expected=frozenset({1})))


@pytest.mark.parametrize("wants_image", [True, False])
async def test_a_dry_run_says_what_would_be_and_writes_nothing(
    wants_image: bool, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    ids = dict(zip(Status, await merchant.requests(*Status), strict=True))
    before = await contents(migrated_url)
    for action in (Action.PROCESSED, Action.FAIL, Action.ACKNOWLEDGE, Action.ADJUST, Action.CANCEL, Action.VOID):
        for status, id_ in ids.items():
            asked = command(action, id_, merchant.actor(), dry_run=True, wants_image=wants_image)
            try:
                dry = await changes.change(asked)
            except Refusal as refusal:
                with pytest.raises(type(refusal)):
                    await changes.change(asked._replace(dry_run=False))
            else:
                assert dry.dry_run
                assert dry.from_status == status
                assert dry.moved == (dry.to_status != status or action is Action.ADJUST)
        assert await contents(migrated_url) == before


async def test_an_unknown_request_is_not_found(merchant: Merchant, changes: Changer) -> None:
    for asked in (fail(4711, merchant.actor()), command(Action.CANCEL, 2**62, merchant.actor())):
        with pytest.raises(NotFound):
            await changes.change(asked)


async def test_times_never_go_back_however_the_clock_does(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 3)
    versions: list[Command] = [fail(id_, merchant.actor()) for id_ in ids]
    for asked in versions:
        await changes.change(asked)
        clock.advance(-3600)
    states = await rows(migrated_url, "SELECT modified_at FROM fulfillment_request_state ORDER BY id")
    times = [state["modified_at"] for state in states]
    assert times == sorted(set(times))
    await audit(migrated_url)
