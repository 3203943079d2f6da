"""One request, one answer or one source that cannot be dealt with: it is told with its reason, and stops no other."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from tests.delivery.test_leases import Desk
from tests.delivery.test_weather import PATIENT, adds_up, attention_is_true, turns
from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.handing import House
from tests.support.supplier import RULES, Supplier
from waypost.app import handover, source_health
from waypost.app.handover import ClaimAsk, Settlement, Start
from waypost.app.ports import Tx
from waypost.app.ports.delivery import Claimed, Papers
from waypost.app.ports.kinds import Result
from waypost.delivery.lanes import Limits
from waypost.delivery.sources.http.kind import HttpSource
from waypost.domain.handover import Outcome
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status

UNWRITABLE = [
    "merge({number: number}, note && {note: note})",
    "{n: floor(to_number('nan'))}",
    "{n: to_number('nan')}",
    "{n: [to_number('1e999')]}",
    '{n: `"\\ud800"`}',
    "&number",
    "max_by([{a: `1`}, {a: 'x'}], &a)",
    "sum(number)",
]


async def change(house: House, sql: str, *given: Any) -> None:
    """Change rows behind the hub's back."""
    await house.hub.store.write(lambda tx: tx.execute(sql, *given))  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", UNWRITABLE)
async def test_a_request_that_cannot_be_written_stops_nobody(house: House, body: str) -> None:
    """Nor does it cut off a call of another source that is under way."""
    async with Supplier(turns("hang")) as healthy:
        (under_way,) = await house.merchant.requests(Status.PROCESSING)
        await house.push(healthy, PATIENT)
        house.start()
        await healthy.hung.wait()
        poisoned = await house.merchant.request(source=1)
        await house.push(healthy, PATIENT, source=1, body=body)
        await house.until_statuses([poisoned], "processing_error")
        healthy.answer_hanging("accept")
        more = await house.merchant.request()
        await house.until_statuses([under_way, more], "processed")
    state = await house.state(poisoned)
    assert (state.failure_code, state.handover) == ("required_info_missing", "rejected")
    assert (state.failure_reason or "").startswith("The request cannot be written for this source: ")
    assert await house.number(poisoned) not in healthy.asked
    await adds_up(house)


async def test_a_request_that_cannot_be_read_stops_nobody(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, broken, last = await house.merchant.requests(*[Status.PROCESSING] * 4)
    await change(house, "UPDATE fulfillment_request SET shipping_address = 'nonsense' WHERE id = $1", broken)
    papers = house.hub.reads.papers

    async def failing(ids: Sequence[int]) -> list[Papers]:
        if bad in ids:
            raise ValueError("a row that cannot be read")
        return await papers(ids)

    monkeypatch.setattr(house.hub.reads, "papers", failing)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([good, last], "processed")
    await house.until_statuses([bad, broken], "processing_error")
    for id_ in (bad, broken):
        state = await house.state(id_)
        assert (state.failure_code, state.handover) == ("other", "rejected")
        assert (state.failure_reason or "").startswith("The hub cannot write the request for this source")
    assert len(supplier.asked) == 2
    await attention_is_true(house)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [('{"url": 5}', "cannot be used: /url must be text, not a whole number."), ('{"url": "http://127.0.0.1/", "body": "@[::0]"}', "step is 0"),
     ("nonsense", "a defect of the hub")],
)  # fmt: skip
async def test_a_source_whose_settings_cannot_be_used_counts_as_down(
    house: House, supplier: Supplier, settings: str, reason: str
) -> None:
    """Settings that an older release took; and it goes on when they are mended."""
    held, other = await house.merchant.request(source=1), await house.merchant.request()
    await house.push(supplier, PATIENT, source=1)
    await house.push(supplier, PATIENT)
    broken = house.merchant.sources[1]
    await change(house, "UPDATE source_delivery SET settings = $1, version = 9 WHERE source_id = $2", settings, broken)
    house.start()
    await house.until_statuses([other], "processed")
    await house.until(lambda: _told(house, broken))
    (told,) = await rows(house.url, "SELECT message FROM attention")
    assert reason in told["message"]
    assert (await house.state(held)).status == Status.PROCESSING
    await house.push(supplier, PATIENT, source=1)
    await house.until_statuses([held], "processed")

    async def settled() -> bool:
        return not await house.attention()

    await house.until(settled)
    await adds_up(house)


async def _told(house: House, source: int) -> bool:
    return ("source", source, "source_down") in await house.attention()


async def test_a_source_that_cannot_be_claimed_for_stops_no_other(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, bad = handover.claim, house.merchant.sources[0]
    broken = True

    async def failing(tx: Tx, asks: Sequence[ClaimAsk], now: int) -> list[list[Claimed]]:
        if broken and any(bad in wanted[:1] for ask in asks for wanted in ask.wanted):
            raise TypeError("a row that breaks the claim")
        return await claim(tx, asks, now)

    monkeypatch.setattr(handover, "claim", failing)
    held, other = await house.merchant.request(), await house.merchant.request(source=1)
    for source in (0, 1):
        await house.push(supplier, PATIENT, source=source)
    house.start()
    await house.until_statuses([other], "processed")
    assert (await house.state(held)).status == Status.PROCESSING
    broken = False
    await house.until_statuses([held], "processed")
    await adds_up(house)


async def test_what_raises_after_the_call_is_unknown(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = HttpSource.send

    async def failing(self: HttpSource, letter: Any) -> Result:
        await send(self, letter)
        raise RuntimeError("a defect after the call")

    monkeypatch.setattr(HttpSource, "send", failing)
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], "processing_error")
    state = await house.state(id_)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)


RAISES = [
    "merge(@, body.receipt)", "contains('x', `1`)", "max_by([{a: `1`}, {a: 'x'}], &a)",
    "ceil(to_number('1e999'))", "floor(to_number('nan'))",
]  # fmt: skip


@pytest.mark.parametrize("when", RAISES)
@pytest.mark.parametrize("behaviour", ["accept", "reject"])
async def test_an_answer_that_a_rule_cannot_judge_is_unknown(
    house: House, supplier: Supplier, behaviour: str, when: str
) -> None:
    """Also a 422: the rule might have said that the source has it."""
    supplier.mood = turns(behaviour)
    id_ = await house.merchant.request()
    rules = [{"outcome": "deferred", "status": [503]}, {"outcome": "delivered", "when": when}]
    await house.push(supplier, PATIENT, rules=rules)
    house.start()
    await house.until_statuses([id_], "processing_error")
    state = await house.state(id_)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    assert "/settings/rules/1 cannot judge that answer" in (state.failure_reason or "")
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)


@pytest.mark.parametrize("when", RAISES)
async def test_a_look_up_that_cannot_be_judged_says_nothing(house: House, supplier: Supplier, when: str) -> None:
    supplier.mood = turns("die")
    id_ = await house.merchant.request()
    rules = [{"outcome": "deferred", "when": when}]
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.01, 0.02], "rules": rules}
    await house.push(supplier, PATIENT, lookUp=look_up)
    house.start()
    await house.until_statuses([id_], "processing_error")
    assert (await house.state(id_)).failure_reason == "The connection ended before the answer."
    assert (sum(supplier.looked_up.values()), sum(supplier.asked.values())) == (2, 1)
    await adds_up(house)


async def test_texts_of_a_rule_that_fail_are_left_out(house: House, supplier: Supplier) -> None:
    supplier.mood = turns("reject")
    id_ = await house.merchant.request()
    bad = "merge(body.error, body.receipt)"
    rule = {"outcome": "rejected", "status": [422], "message": bad, "codeFrom": bad, "code": "address_invalid"}
    await house.push(supplier, PATIENT, rules=[rule])
    house.start()
    await house.until_statuses([id_], "processing_error")
    state = await house.state(id_)
    assert (state.failure_code, state.failure_reason) == ("address_invalid", "The source answered 422.")


class Odd(Supplier):
    """Answers with text that no database takes as it is."""

    def _answer(self, behaviour: str, number: str) -> web.StreamResponse:
        if behaviour == "reject":
            return web.json_response({"error": {"code": "A\0B", "text": "No\0where"}}, status=422)
        if behaviour == "down":
            return web.Response(text="down\0", status=503)
        return web.json_response({"confirmed": behaviour == "acknowledge", "reference": "S\0" + "1" * 300})


@pytest.mark.parametrize("behaviour", ["accept", "acknowledge"])
async def test_a_reference_that_cannot_be_kept_is_cleaned(house: House, behaviour: str) -> None:
    async with Odd(turns(behaviour)) as supplier:
        id_ = await house.merchant.request()
        await house.push(supplier, PATIENT)
        house.start()
        await house.until_statuses([id_], "processed", "acknowledged")
    (attempt,) = await house.attempts(id_)
    assert attempt["reference"] == "S�" + "1" * 198
    assert "\\u0000" in attempt["response"]  # as it came: JSON's own spelling is harmless
    await adds_up(house)


@pytest.mark.parametrize(
    ("told", "reason"), [({"message": "body.error.text"}, "No�where"), ({"codeFrom": "body.error.code"}, "A�B")]
)
async def test_a_final_refusal_whose_words_cannot_be_kept_is_final(house: House, told: Any, reason: str) -> None:
    async with Odd(turns("reject")) as supplier:
        id_ = await house.merchant.request()
        await house.push(supplier, PATIENT, rules=[{"outcome": "rejected", "status": [422], **told}])
        house.start()
        await house.until_statuses([id_], "processing_error")
        assert set(supplier.asked.values()) == {1}
    state = await house.state(id_)
    assert (state.failure_code, state.failure_reason, state.handover) == ("source_rejected", reason, "rejected")
    await adds_up(house)


async def test_a_source_is_told_down_whatever_it_says(house: House) -> None:
    async with Odd(turns("down")) as supplier:
        await house.merchant.request()
        await house.push(supplier, PATIENT._replace(failures=1, pause_s=60, longest_pause_s=60),
                         rules=[{"outcome": "deferred", "status": [503], "message": "text"}])  # fmt: skip
        house.start()
        await house.until(lambda: _told(house, house.merchant.sources[0]))
    (told,) = await rows(house.url, "SELECT message FROM attention")
    assert told["message"].endswith("down�")


async def test_a_moment_that_no_calendar_has_is_no_retry_after(house: House) -> None:
    later = "Wed, 21 Oct 99999999999999999999 07:28:30 GMT"
    async with Supplier(turns("busy", "accept"), retry_after=later) as supplier:
        id_ = await house.merchant.request()
        await house.push(supplier, PATIENT)
        house.start()
        await house.until_statuses([id_], "processed")
    assert [row["outcome"] for row in await house.attempts(id_)] == ["deferred", "delivered"]


@pytest.mark.parametrize(
    ("refuses", "outcome", "status"),
    [
        (lambda result: result.reference is not None, "delivered", "processed"),
        (lambda result: result.outcome != Outcome.UNKNOWN, "unknown", "processing_error"),
    ],
    ids=["its text", "all of it"],
)
async def test_a_result_that_cannot_be_stored_is_told_in_plain_words(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch, refuses: Any, outcome: str, status: str
) -> None:
    advance = handover.advance

    async def failing(tx: Tx, jobs: Sequence[Start | Settlement], now: int) -> Any:
        if any(isinstance(job, Settlement) and refuses(job.result) for job in jobs):
            raise ValueError("it cannot be stored")
        return await advance(tx, jobs, now)

    monkeypatch.setattr(handover, "advance", failing)
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], status)
    (attempt,) = await house.attempts(id_)
    assert (attempt["outcome"], attempt["reference"], attempt["response"]) == (outcome, None, None)
    assert attempt["message"].startswith("What came of it could not be stored")
    assert set(supplier.asked.values()) == {1}
    await adds_up(house)


async def test_what_cannot_be_begun_is_told_and_not_sent(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = handover.advance
    bad, good = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)

    async def failing(tx: Tx, jobs: Sequence[Start | Settlement], now: int) -> Any:
        if any(isinstance(job, Start) and job.attempt.request_id == bad for job in jobs):
            raise ValueError("it cannot be stored")
        return await advance(tx, jobs, now)

    monkeypatch.setattr(handover, "advance", failing)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([good], "processed")
    await house.until_statuses([bad], "processing_error")
    assert "could not begin to send it" in ((await house.state(bad)).failure_reason or "")
    assert list(supplier.asked) == [await house.number(good)]
    await adds_up(house)


async def test_a_retry_that_cannot_be_done_is_left_to_a_person(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not come back every second, and the others are tried again."""
    supplier.mood = turns("later", "accept")
    bad, good = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    retry = handover.retry
    tried: list[int] = []

    async def failing(tx: Tx, attempts: Sequence[Claimed], now: int) -> list[bool]:
        if any(one.request_id == bad for one in attempts):
            tried.extend(one.request_id for one in attempts)
            raise KeyError("a row that breaks the retry")
        return await retry(tx, attempts, now)

    monkeypatch.setattr(handover, "retry", failing)
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([good], "processed")

    async def given_up() -> bool:
        return (await house.attempts(bad))[0]["next_at"] is None

    await house.until(given_up)
    assert (await house.state(bad)).status == Status.PROCESSING_ERROR
    assert tried.count(bad) <= 2  # with the other, and alone
    await adds_up(house)


async def test_an_attempt_of_the_dead_that_cannot_be_settled_stops_no_other(
    house: House, supplier: Supplier, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.push(supplier, PATIENT)
    desk = Desk(house, clock)
    bad, good = await desk.sent("one that died"), await desk.sent("one that died")
    advance = handover.advance
    broken = True

    async def failing(tx: Tx, jobs: Sequence[Start | Settlement], now: int) -> Any:
        if broken and any(job.attempt.id == bad.id for job in jobs):
            raise ValueError("it cannot be stored")
        return await advance(tx, jobs, now)

    monkeypatch.setattr(handover, "advance", failing)
    clock.advance(90)
    new = await house.merchant.request()
    house.start(house.worker(clock, Limits(sweep_s=0.05)))
    await house.until_statuses([good.request_id], "processing_error")
    await house.until_statuses([new], "processed")
    broken = False
    await house.until_statuses([bad.request_id], "processing_error")
    await adds_up(house)


async def test_what_cannot_be_looked_up_is_left_to_a_person(
    house: House, supplier: Supplier, clock: ManualClock
) -> None:
    look_up = {"url": f"{supplier.url}/{{number}}", "afterS": [0.01]}
    await house.push(supplier, PATIENT, lookUp=look_up)
    attempt = await Desk(house, clock).sent("one that died")
    sql = "UPDATE fulfillment_request SET shipping_address = 'nonsense' WHERE id = $1"
    await change(house, sql, attempt.request_id)
    clock.advance(90)
    house.start(house.worker(clock))
    await house.until_statuses([attempt.request_id], "processing_error")
    state = await house.state(attempt.request_id)
    assert (state.failure_code, state.handover) == ("outcome_unknown", "unknown")
    assert "could not be looked up" in (state.failure_reason or "")


async def test_a_look_for_work_that_fails_ends_no_worker(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its parts fails for a while; what the others do goes on."""
    reads = house.hub.reads
    failed: set[str] = set()
    for name in ("deliveries", "told_down", "lapsed", "waiting_sources"):
        monkeypatch.setattr(reads, name, _once(failed, name, getattr(reads, name)))
    tell = source_health.tell_health
    monkeypatch.setattr(source_health, "tell_health", _once(failed, "tell", tell))
    id_ = await house.merchant.request()
    await house.push(supplier, PATIENT)
    house.start()
    await house.until_statuses([id_], "processed")
    assert failed >= {"deliveries", "told_down", "lapsed", "waiting_sources"}
    await adds_up(house)


def _once(failed: set[str], name: str, inner: Any) -> Any:
    async def fails_once(*given: Any) -> Any:
        if name not in failed:
            failed.add(name)
            raise ZeroDivisionError(name)
        return await inner(*given)

    return fails_once


@pytest.mark.parametrize("how", ["paused", "archived", "poll"])
async def test_claims_of_a_source_that_is_not_handed_over_any_more_are_let_go(house: House, how: str) -> None:
    """Not what is being sent; and another source keeps its own."""
    async with Supplier(turns("hang")) as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * 6)
        others = [await house.merchant.request(source=1) for _ in range(3)]
        for source in (0, 1):
            await house.push(supplier, PATIENT._replace(concurrency=2, rate=0.001), source=source)
        house.start()
        await house.until(lambda: _states(house, ids, {"claimed", "sending"}))
        source = house.merchant.sources[0]
        if how == "paused":
            await house.push(supplier, PATIENT, paused=True)
        elif how == "archived":
            await change(house, "UPDATE source SET archived = $1 WHERE id = $2", True, source)
        else:
            await change(house, "UPDATE source_delivery SET kind = 'poll' WHERE source_id = $1", source)

        async def let_go() -> bool:
            claimed = [row for row in await house.attempts(*ids) if row["state"] == "claimed"]
            return all(row["lease_until"] <= house.hub.clock() for row in claimed)

        await house.until(let_go)
        kept = [row for row in await house.attempts(*ids, *others) if row["state"] == "sending"]
        kept += [row for row in await house.attempts(*others) if row["state"] == "claimed"]
        assert all(row["lease_until"] > house.hub.clock() for row in kept)
        assert {row["source_id"] for row in kept} == set(house.merchant.sources)
        supplier.answer_hanging("accept")


async def _states(house: House, ids: list[int], states: set[str]) -> bool:
    return {row["state"] for row in await house.attempts(*ids)} == states


async def test_an_outage_is_no_defect_of_one_request(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for a moment while a request is read anew: nothing is refused."""
    papers = house.hub.reads.papers
    asked: list[Sequence[int]] = []

    async def away(ids: Sequence[int]) -> list[Papers]:
        asked.append(ids)
        if len(asked) <= 2:
            raise Unavailable("The database cannot be read now.")
        return await papers(ids)

    monkeypatch.setattr(house.hub.reads, "papers", away)
    ids = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await house.push(supplier, PATIENT, rules=RULES)
    house.start()
    await house.until_statuses(ids, "processed")
    assert [row["outcome"] for row in await house.attempts(*ids)] == ["delivered"] * 2
