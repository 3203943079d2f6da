"""Bad weather: whatever the source does, no request is lost, and none is handed over twice without a person's word."""

import asyncio
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.handing import QUICK, House
from tests.support.merchant import Wanted
from tests.support.supplier import Behaviour, Supplier
from waypost.app.commands import Edit, FailureReport
from waypost.app.handover import Begun, ClaimAsk, Start, advance, claim
from waypost.app.ports.attention import AttentionQuery, Place
from waypost.domain.attention import STANDING
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed
from waypost.domain.statuses import BLOCKED, Status

PATIENT = QUICK._replace(failures=100)  # a source that never counts as down
LOOKS_UP = [0.05, 0.1]


def turns(*behaviours: Behaviour) -> Any:
    """This, then that, then the last for ever; per order."""
    return lambda order, time: behaviours[min(time, len(behaviours)) - 1]


async def adds_up(house: House) -> None:
    """The database is consistent, nothing is half done, and what needs somebody is told as it is."""
    assert await findings(house.url) == []
    await audit(house.url)
    await attention_is_true(house)


async def attention_is_true(house: House) -> None:
    """Every failed or blocked request is told of by its reason, nothing else is, and what stands open is told, too."""
    reads, query = house.hub.reads, AttentionQuery(house.merchant.actor().scope, snoozed=True, now=house.hub.clock())
    places = [Place(group.source_id, group.code, 0, 0) for group in (await reads.attention_groups(query)).shown]
    told = {(one.subject, one.subject_id, one.code) for one in await reads.attention_items(query, places, 10_000)}
    standing = {spot for spot in told if spot[2] in STANDING}
    found = await rows(house.url, "SELECT id, status, failure_code FROM fulfillment_request_state")
    stuck = {
        ("fulfillment_request", row["id"], row["failure_code"] or row["status"])
        for row in found
        if row["status"] in (Status.PROCESSING_ERROR, *BLOCKED)
    }
    assert told - standing == stuck
    assert standing == set(await house.attention())


async def fare(house: House, supplier: Supplier, *statuses: str, **settings: Any) -> int:
    """Hand one request over to this supplier until it stands in one of these; its id."""
    id_ = await house.merchant.request()
    await house.push(supplier, settings.pop("policy", PATIENT), **settings)
    house.start()
    await house.until_statuses([id_], *statuses)
    return id_


async def outcomes(house: House, id_: int) -> list[str]:
    """What the attempts of a request came to."""
    return [row["outcome"] for row in await house.attempts(id_)]


@pytest.mark.parametrize(
    ("behaviour", "code", "retryable"),
    [("reject", "address_invalid", False), ("error inside", "out_of_stock", False)],
)
async def test_a_refusal_is_told_with_its_reason(
    house: House, supplier: Supplier, behaviour: Behaviour, code: str, retryable: bool
) -> None:
    supplier.mood = turns(behaviour)
    id_ = await fare(house, supplier, "processing_error")
    state = await house.state(id_)
    assert (state.failure_code, state.failure_retryable, state.handover) == (code, retryable, "rejected")
    assert state.failure_reason in ("No such street", f"{await house.number(id_)}: none left")
    assert state.failed_by == "worker::delivery"
    assert not supplier.book
    # Mended, it is released by a person and goes out under another key.
    supplier.mood = turns("accept")
    await house.do(Action.PROCESS, id_)
    await house.until_statuses([id_], "processed")
    number = await house.number(id_)
    assert supplier.book == {number: 1}
    assert len(set(supplier.keys[number])) == 2
    await adds_up(house)


@pytest.mark.parametrize("behaviour", ["garbage", "die", "close", "hang", "broken", "broken after"])
async def test_what_nobody_knows_is_left_to_a_person(house: House, supplier: Supplier, behaviour: Behaviour) -> None:
    supplier.mood = turns(behaviour)
    id_ = await fare(house, supplier, "processing_error", timeoutS=1)
    state = await house.state(id_)
    assert (state.failure_code, state.failure_retryable, state.handover) == ("outcome_unknown", False, "unknown")
    number = await house.number(id_)
    assert supplier.asked[number] == 1
    # Nobody sends it again unasked; not even a person without the word for it.
    with pytest.raises(NotAllowed, match="order twice") as refused:
        await house.do(Action.PROCESS, id_)
    assert refused.value.code == "needs_confirmation"
    supplier.mood = turns("accept")
    await house.do(Action.PROCESS, id_, confirm_resend=True)
    await house.until_statuses([id_], "processed")
    assert supplier.asked[number] == 2
    assert len(set(supplier.keys[number])) == 2
    await adds_up(house)


@pytest.mark.parametrize(("behaviour", "there"), [("die", True), ("garbage", True), ("broken after", True),
                                                  ("close", False), ("broken", False), ("hang", False)])  # fmt: skip
async def test_what_nobody_knows_is_looked_up(
    house: House, supplier: Supplier, behaviour: Behaviour, there: bool
) -> None:
    supplier.mood = turns(behaviour, "accept")
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": LOOKS_UP,
               "rules": [{"outcome": "delivered", "status": ["2xx"], "confirmationNumber": "body.reference"}]}  # fmt: skip
    id_ = await fare(house, supplier, "processed", timeoutS=1, lookUp=look_up)
    number = await house.number(id_)
    assert supplier.book == {number: 1}
    assert await outcomes(house, id_) == (["delivered"] if there else ["rejected", "delivered"])
    assert len(set(supplier.keys[number])) == 1  # the worker's own retry stays in its group
    assert (await house.attempts(id_))[-1]["reference"] == f"S-{number}"
    await adds_up(house)


async def test_a_look_up_that_says_nothing_leaves_it_to_a_person(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("die")
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": LOOKS_UP, "rules": [{"outcome": "unknown"}]}
    id_ = await fare(house, supplier, "processing_error", lookUp=look_up)
    assert (await house.state(id_)).failure_code == "outcome_unknown"
    assert await outcomes(house, id_) == ["unknown"]


@pytest.mark.parametrize("behaviour", ["busy", "down"])
async def test_a_source_that_cannot_take_it_now_is_asked_again(
    house: House, supplier: Supplier, behaviour: Behaviour
) -> None:
    supplier.mood, supplier.retry_after = turns(behaviour, behaviour, "accept"), "0"
    id_ = await fare(house, supplier, "processed")
    number = await house.number(id_)
    assert await outcomes(house, id_) == ["deferred", "deferred", "delivered"]
    assert supplier.book == {number: 1}
    assert len(set(supplier.keys[number])) == 1
    events = await house.events(id_)
    assert events.count("handover_deferred") == 2
    assert "failed" not in events
    assert (await house.state(id_)).attempt_count == 1
    await adds_up(house)


async def test_retry_after_is_kept(house: House, supplier: Supplier) -> None:
    supplier.mood, supplier.retry_after = turns("busy", "accept"), "1"
    ids = await house.merchant.requests(Status.PROCESSING)
    policy = PATIENT._replace(longest_pause_s=5.0)
    await house.push(supplier, policy)
    house.start()
    await house.until_statuses(ids, "processed")
    first, second = await house.attempts(*ids)
    assert second["sending_at"] - first["settled_at"] >= 900_000
    assert first["next_at"] - first["settled_at"] >= 1_000_000


async def test_a_source_that_never_takes_it_is_not_asked_for_ever(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("down")
    id_ = await fare(house, supplier, "processing_error", policy=PATIENT._replace(attempts=3))
    assert await outcomes(house, id_) == ["deferred", "deferred", "rejected"]
    state = await house.state(id_)
    assert (state.failure_code, state.failure_retryable) == ("source_unreachable", True)
    assert (await house.attempts(id_))[-1]["next_at"] is None
    await adds_up(house)


async def test_what_is_refused_for_now_is_tried_again_and_then_left(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("reject")
    rules = [{"outcome": "rejected", "status": [422], "retryable": True, "code": "source_timeout"}]
    id_ = await fare(house, supplier, "canceled", "voided", "processed", "processing_error", rules=rules,
                     policy=PATIENT._replace(attempts=3))  # fmt: skip

    async def used_up() -> bool:
        rows = await house.attempts(id_)
        return len(rows) == 3 and rows[-1]["state"] == "settled"

    await house.until(used_up)
    rows = await house.attempts(id_)
    assert [row["outcome"] for row in rows] == ["rejected"] * 3
    assert [row["retried_as"] for row in rows] == [2, 3, None]
    assert {row["attempt_group"] for row in rows} == {1}
    assert len(set(supplier.keys[await house.number(id_)])) == 1
    state = await house.state(id_)
    assert (state.status, state.attempt_count, state.failure_retryable) == (Status.PROCESSING_ERROR, 3, True)
    await adds_up(house)


async def test_a_retry_leaves_alone_what_a_person_has_seen_to(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("reject")
    rules = [{"outcome": "rejected", "status": [422], "retryable": True}]
    policy = PATIENT._replace(first_delay_s=0.4, longest_delay_s=0.4)
    id_ = await fare(house, supplier, "processing_error", rules=rules, policy=policy)
    await house.do(Action.VOID, id_)

    async def dropped() -> bool:
        return (await house.attempts(id_))[0]["next_at"] is None

    await house.until(dropped)
    assert (await house.state(id_)).status == Status.VOIDED
    assert supplier.asked[await house.number(id_)] == 1


async def test_a_source_that_is_down_uses_nothing_up_and_is_tried_until_it_is_back(house: House) -> None:
    supplier = Supplier()
    await supplier.open()
    await supplier.close()  # its port refuses connections
    ids = await house.merchant.requests(*[Status.PROCESSING] * 12)
    policy = QUICK._replace(failures=3, concurrency=2, attempts=6)
    await house.push(supplier, policy)
    house.start()

    async def down() -> bool:
        return ("source", house.merchant.sources[0], "source_down") in await house.attention()

    await house.until(down)

    async def probed() -> bool:
        return sum(row["outcome"] == "deferred" for row in await house.attempts(*ids)) >= 8

    await house.until(probed)
    assert {(await house.state(id_)).status for id_ in ids} == {Status.PROCESSING}
    assert sum(row["tries"] for row in (await house.attempts(*ids)) if row["outcome"] == "deferred") <= 10
    await supplier.open()
    await house.until_statuses(ids, "processed")
    assert set(supplier.book.values()) == {1}

    async def up() -> bool:
        return await house.attention() == []

    await house.until(up)
    await supplier.close()
    await adds_up(house)


async def test_a_source_that_is_back_is_told_of_by_whichever_worker_finds_out(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("down")
    await house.merchant.requests(*[Status.PROCESSING] * 3)
    await house.push(supplier, QUICK._replace(failures=2, attempts=100))
    house.start()

    async def is_told(wanted: bool) -> bool:
        return (("source", house.merchant.sources[0], "source_down") in await house.attention()) is wanted

    await house.until(lambda: is_told(True))
    # Settled by hand while it is still down, it is told of again.
    scope, source = house.merchant.account, house.merchant.sources[0]
    await house.hub.store.write(lambda tx: tx.settle_attention(scope, "source", source, ["source_down"], 1))
    await house.until(lambda: is_told(True))
    await house.end()  # whoever told it is gone
    supplier.mood = turns("accept")
    house.start()
    await house.until(lambda: is_told(False))
    await adds_up(house)


async def test_one_bad_request_does_not_keep_a_source_down(house: House, supplier: Supplier) -> None:
    bad = await house.merchant.request(number="BAD")
    supplier.mood = lambda order, time: "down" if order["number"] == "BAD" else "accept"
    await house.push(supplier, QUICK._replace(failures=2, attempts=50))
    house.start()

    async def down() -> bool:
        return bool(await house.attention())

    await house.until(down)
    good = await house.merchant.requests(*[Status.PROCESSING] * 5)
    await house.until_statuses(good, "processed")
    assert (await house.state(bad)).status == Status.PROCESSING
    assert set(supplier.book.values()) == {1}


async def test_what_cannot_be_written_is_told(house: House, supplier: Supplier) -> None:
    id_ = await fare(house, supplier, "processing_error", url=f"{supplier.url}/{{note}}", method="PUT")
    state = await house.state(id_)
    assert (state.failure_code, state.handover) == ("required_info_missing", "rejected")
    assert not supplier.asked
    await adds_up(house)


async def test_nothing_is_withdrawn_while_it_is_being_sent_and_a_failure_is_recorded(
    house: House, supplier: Supplier
) -> None:
    supplier.mood, supplier.slow_s = turns("slow"), 0.5
    first, second = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await house.push(supplier, PATIENT)
    house.start()

    async def sending() -> bool:
        return all([(await house.state(id_)).handover == "sending" for id_ in (first, second)])

    await house.until(sending)
    for action in (Action.CANCEL, Action.VOID):
        with pytest.raises(NotAllowed) as refused:
            await house.do(action, first)
        assert refused.value.code == "handover_in_progress"
    # A source that confirms before it answers is no surprise; a failure that turns out delivered is one.
    await house.do(Action.ACKNOWLEDGE, first)
    await house.do(Action.FAIL, second, details=_report("They are on fire"))
    with pytest.raises(NotAllowed) as refused:
        await house.do(Action.PROCESS, second, confirm_resend=True)
    assert refused.value.code == "handover_in_progress"
    await house.until_statuses([first], "acknowledged")
    await house.until_statuses([second], "processing_error")
    assert (await house.state(first)).handover == (await house.state(second)).handover == "delivered"
    assert await house.attention() == [("fulfillment_request", second, "late_delivery")]
    assert (await house.events(first))[-1] == (await house.events(second))[-1] == "handover_settled"
    with pytest.raises(NotAllowed, match="order twice"):
        await house.do(Action.PROCESS, second)
    await adds_up(house)


async def test_a_refusal_after_the_source_has_confirmed_is_for_a_person(house: House, supplier: Supplier) -> None:
    supplier.mood = lambda order, time: "hang"
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT, timeoutS=30)
    house.start()
    await asyncio.wait_for(supplier.hung.wait(), 10)
    await house.do(Action.ACKNOWLEDGE, id_)
    supplier.mood = turns("reject")
    supplier.answer_hanging("reject")
    await house.until(lambda: _settled(house, id_))
    state = await house.state(id_)
    assert (state.status, state.handover) == (Status.ACKNOWLEDGED, "rejected")
    assert await house.attention() == [("fulfillment_request", id_, "late_rejection")]
    await adds_up(house)


async def test_a_request_that_is_canceled_before_it_leaves_is_not_sent(house: House, supplier: Supplier) -> None:
    supplier.mood, supplier.slow_s = turns("slow"), 0.3
    first, second = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await house.push(supplier, PATIENT._replace(concurrency=1))
    house.start()

    async def claimed() -> bool:
        return [row["state"] for row in await house.attempts(first, second)] == ["sending", "claimed"]

    await house.until(claimed)
    await house.do(Action.CANCEL, second)
    await house.until_statuses([first], "processed")
    await house.until(lambda: _settled(house, second))
    assert await outcomes(house, second) == ["withdrawn"]
    await house.end()  # and all that it still had to do
    assert sum(supplier.asked.values()) == 1
    await adds_up(house)


async def test_what_is_held_waits(house: House, supplier: Supplier) -> None:
    free, held = await house.merchant.requests(Status.PROCESSING, Wanted(Status.PROCESSING))
    now = house.hub.clock()
    await hold(house, held, now + 1_500_000)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([free], "processed")
    assert await house.attempts(held) == []
    await house.until_statuses([held], "processed")
    assert (await house.attempts(held))[0]["claimed_at"] >= now + 1_500_000


async def test_a_hold_that_ends_lets_a_request_go(house: House, supplier: Supplier) -> None:
    *held, free = await house.merchant.requests(*[Wanted(Status.PROCESSING)] * 4)
    now = house.hub.clock()
    for id_ in held:
        await hold(house, id_, now + 3600 * 1_000_000)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([free], "processed")
    await hold(house, held[0], now)
    await hold(house, held[1], None)
    await house.until_statuses(held[:2], "processed")
    assert await house.attempts(held[2]) == []
    await adds_up(house)


async def test_a_hold_of_long_ago_holds_nothing(house: House, supplier: Supplier) -> None:
    """Before 1970, too: a moment there is a number below zero."""
    held = await house.merchant.request()
    await hold(house, held, -1)
    assert (await house.state(held)).waits_until == 0
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([held], "processed")
    await adds_up(house)


async def test_a_hold_outlasts_a_failure(house: House, supplier: Supplier) -> None:
    held = await house.merchant.request()
    await hold(house, held, house.hub.clock() + 3600 * 1_000_000)
    await house.do(Action.FAIL, held, details=_report("Not yet."))
    await house.do(Action.PROCESS, held)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([await house.merchant.request()], "processed")
    assert await house.attempts(held) == []
    await adds_up(house)


async def test_a_hold_of_what_is_claimed_keeps_it(house: House, supplier: Supplier) -> None:
    """Somebody holds it after a worker took it on, and before that begins to send."""
    id_, source = await house.merchant.request(), house.merchant.sources[0]
    now = house.hub.clock()
    ask = ClaimAsk("w", ((source, 1, False),), 60_000_000)
    [[claimed]] = await house.hub.store.write(lambda tx: claim(tx, [ask], now))
    await hold(house, id_, now + 3600 * 1_000_000)
    for version in (1, (await house.state(id_)).version):
        start = Start(claimed, "w", version, "{}", 60_000_000, 1)
        assert await house.hub.store.write(lambda tx, start=start: advance(tx, [start], now)) == [Begun.NO]
    [attempt] = await house.attempts(id_)
    assert (attempt["outcome"], attempt["message"]) == (
        "withdrawn", "It is held: it was repaired after it was claimed.",
    )  # fmt: skip
    assert (await house.state(id_)).handover is None
    assert await house.hub.store.write(lambda tx: claim(tx, [ask], now)) == [[]]
    await hold(house, id_, None)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], "processed")
    await adds_up(house)


async def test_two_workers_hand_each_request_over_once(house: House, supplier: Supplier) -> None:
    ids = await house.merchant.requests(*[Status.PROCESSING] * 120)
    await house.push(supplier, PATIENT)
    house.start()
    house.start()
    await house.until_statuses(ids, "processed")
    assert set(supplier.book.values()) == {1}
    assert len(supplier.book) == 120
    assert {row["number"] for row in await house.attempts(*ids)} == {1}
    await adds_up(house)


async def _settled(house: House, id_: int) -> bool:
    rows = await house.attempts(id_)
    return bool(rows) and rows[-1]["state"] == "settled"


async def hold(house: House, id_: int, until: int | None) -> None:
    """As a person does it to one that is released: it fails, is edited, and is released again."""
    await house.do(Action.FAIL, id_, details=_report("Not yet."))
    edit = Edit(content={"hold_until": until})
    await house.do(Action.EDIT, id_, details=edit, outcome=edit.outcome)
    await house.do(Action.PROCESS, id_, confirm_resend=True)


def _report(reason: str) -> FailureReport:
    return FailureReport(reason)
