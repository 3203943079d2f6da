"""The worker with a supplier that behaves: what is handed over, how often, in what form, and what is written down."""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.checking import findings
from tests.support.database import rows
from tests.support.handing import QUICK, House
from tests.support.merchant import Wanted
from tests.support.supplier import Supplier
from waypost.app.handover import Begun
from waypost.app.ports.delivery import Papers
from waypost.delivery.bookkeeping import Books
from waypost.delivery.gates import Gate
from waypost.delivery.lanes import Limits
from waypost.domain.handover import Policy
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status


async def test_what_stands_in_processing_is_handed_over_once(house: House, supplier: Supplier) -> None:
    ids = await house.merchant.requests(*[Status.PROCESSING] * 30)
    others = await house.merchant.requests(Status.UNPROCESSED, Wanted(Status.PROCESSING, source=1))
    await house.push(supplier)
    house.start()
    await house.until_statuses(ids, "processed")
    numbers = [await house.number(id_) for id_ in ids]
    assert supplier.book == dict.fromkeys(numbers, 1)
    for id_ in ids:
        state = await house.state(id_)
        assert (state.handover, state.sent_at is not None) == ("delivered", True)
    attempts = await house.attempts(*ids)
    assert [(row["state"], row["outcome"], row["number"], row["response_status"]) for row in attempts] == [
        ("settled", "delivered", 1, 201)
    ] * 30
    assert [row["reference"] for row in attempts] == [f"S-{number}" for number in numbers]
    assert (await house.state(others[0])).status == Status.UNPROCESSED
    assert (await house.state(others[1])).status == Status.PROCESSING
    assert await house.events(ids[0]) == ["generated", "processing", "handover_started", "processed"]
    assert await findings(house.url) == []
    await audit(house.url)


async def test_the_source_hears_what_it_needs(house: House, supplier: Supplier) -> None:
    fields = '[{"id":1,"name":"gift","value":"yes"}]'
    id_ = await house.merchant.request(custom_fields=fields, lines=(("SKU-A", 3), ("SKU-B", 1)))
    await house.push(supplier, headers={"X-Customer": "4711"})
    house.start()
    await house.until_statuses([id_], "processed")
    (body,) = supplier.bodies
    assert (body["id"], body["number"], body["test"]) == (id_, await house.number(id_), False)
    assert body["shippingAddress"]["city"] == "Zürich"
    assert [(item["sku"], item["quantity"], item["cost"]) for item in body["items"]] == [
        ("SKU-A", 3, 1.25),
        ("SKU-B", 1, 1.25),
    ]
    assert (body["totalQuantity"], body["totalCost"], body["customFields"]) == (4, 5, {"gift": "yes"})
    (headers,) = supplier.headers
    assert (headers["X-Customer"], headers["Content-Type"]) == ("4711", "application/json")
    assert headers["Idempotency-Key"] == body["idempotencyKey"]
    (attempt,) = await house.attempts(id_)
    assert json.loads(json.loads(attempt["request"])["body"]) == body


async def test_a_source_may_confirm_at_once(house: House) -> None:
    async with Supplier(lambda order, time: "acknowledge") as supplier:
        id_ = await house.merchant.request()
        await house.push(supplier)
        house.start()
        await house.until_statuses([id_], "acknowledged")
    state = await house.state(id_)
    assert (state.acknowledged_at is not None, state.sent_at is not None) == (True, True)
    lines = await rows(house.url, "SELECT quantity, acknowledged FROM fulfillment_request_line")
    assert all(line["acknowledged"] == line["quantity"] for line in lines)
    assert await findings(house.url) == []
    await audit(house.url)


async def test_concurrency_is_kept_per_source_and_in_total(house: House) -> None:
    async with Supplier(lambda order, time: "slow") as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * 40)
        await house.push(supplier, QUICK._replace(concurrency=3))
        house.start()
        await house.until_statuses(ids, "processed")
    assert supplier.most_in_flight == 3
    assert len(supplier.book) == 40


async def test_what_is_begun_ahead_waits_for_its_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "ahead", lambda self, now: 4)
    begun: list[int] = []
    begin = Gate.begin

    def counted(self: Gate, now: float) -> None:
        begin(self, now)
        begun.append(self.in_flight)

    monkeypatch.setattr(Gate, "begin", counted)
    async with Supplier(lambda order, time: "slow") as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * 40)
        await house.push(supplier, QUICK._replace(concurrency=3))
        house.start()
        await house.until_statuses(ids, "processed")
    assert max(begun) == 7
    assert supplier.most_in_flight == 3
    assert set(supplier.book.values()) == {1}


async def test_what_is_begun_is_not_sent_to_a_source_that_has_stopped_taking_meanwhile(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates: list[Gate] = []
    start = Books.start

    async def paused(self: Books, *given: Any) -> Begun:
        begun = await start(self, *given)
        if not gates:
            gates.extend(lane.gate for lane in worker._lanes.values())
            gates[0].pause(time.monotonic(), 0.1)
        return begun

    monkeypatch.setattr(Books, "start", paused)
    id_ = await house.merchant.request()
    await house.push(supplier)
    worker = house.start()
    await house.until_statuses([id_], "processed")
    first, second = await house.attempts(id_)
    assert (first["outcome"], first["tries"], second["outcome"]) == ("deferred", 0, "delivered")
    assert first["message"] == "The source had stopped taking requests meanwhile: nothing was sent."
    assert set(supplier.asked.values()) == {1}


async def test_what_waits_for_its_turn_when_the_worker_is_stopped_was_not_sent(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gate, "ahead", lambda self, now: 1)
    supplier.mood = lambda order, time: "hang"
    ids = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING, Status.PROCESSING)
    await house.push(supplier, QUICK._replace(concurrency=1))
    house.start(house.worker(limits=Limits(stop_s=0.2)))

    async def both_begun() -> bool:
        return [row["state"] for row in await house.attempts(*ids)].count("sending") == 2

    await house.until(both_begun)
    await asyncio.wait_for(supplier.hung.wait(), 5)
    await house.end()
    called, waiting, left = sorted(await house.attempts(*ids), key=lambda row: row["id"])
    assert (called["outcome"], waiting["outcome"], left["state"]) == ("unknown", "deferred", "claimed")
    assert waiting["message"] == "The worker was stopped: nothing was sent."
    assert sum(supplier.asked.values()) == 1
    states = [(await house.state(id_)).status for id_ in ids]
    assert sorted(states) == sorted([Status.PROCESSING_ERROR, Status.PROCESSING, Status.PROCESSING])
    supplier.answer_hanging("close")


async def test_what_cannot_be_read_after_its_claim_is_read_again_soon(
    house: House, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does not wait for the end of its lease."""
    reads = house.hub.reads
    papers = reads.papers
    refused: list[Sequence[int]] = []

    async def away(ids: Sequence[int]) -> list[Papers]:
        if not refused:
            refused.append(ids)
            raise Unavailable("The database cannot be read now.")
        return await papers(ids)

    monkeypatch.setattr(reads, "papers", away)
    ids = await house.merchant.requests(Status.PROCESSING, Status.PROCESSING)
    await house.push(supplier)
    house.start()
    await house.until_statuses(ids, "processed")
    assert refused == [ids]
    assert [row["number"] for row in await house.attempts(*ids)] == [1, 1]
    assert set(supplier.book.values()) == {1}


async def test_a_rate_is_kept(house: House, supplier: Supplier) -> None:
    ids = await house.merchant.requests(*[Status.PROCESSING] * 12)
    await house.push(supplier, QUICK._replace(rate=20.0))
    began = asyncio.get_running_loop().time()
    house.start()
    await house.until_statuses(ids, "processed")
    assert asyncio.get_running_loop().time() - began > 0.5
    assert len(supplier.book) == 12


async def test_nothing_is_handed_over_while_paused(house: House, supplier: Supplier) -> None:
    held = await house.merchant.request()
    await house.push(supplier, paused=True)
    await house.push(supplier, source=1)
    other = await house.merchant.request(source=1)
    house.start()
    await house.until_statuses([other], "processed")
    assert (await house.state(held)).status == Status.PROCESSING
    assert await house.attempts(held) == []
    await house.push(supplier)
    await house.until_statuses([held], "processed")


async def test_stopping_lets_what_runs_end_and_begins_nothing(house: House) -> None:
    async with Supplier(lambda order, time: "slow", slow_s=0.3) as supplier:
        ids = await house.merchant.requests(*[Status.PROCESSING] * 10)
        await house.push(supplier, QUICK._replace(concurrency=2))
        house.start()
        await house.until(lambda: _is(supplier.in_flight == 2))
        await house.end()
    states = [await house.state(id_) for id_ in ids]
    assert [state.status for state in states].count(Status.PROCESSED) == 2
    assert [state.handover for state in states].count("sending") == 0
    assert sum(supplier.book.values()) == 2
    open_ones = [row for row in await house.attempts(*ids) if row["state"] != "settled"]
    assert {row["state"] for row in open_ones} == {"claimed"}
    # Claims were let go: the next worker takes them over at once.
    async with Supplier() as healthy:
        await house.push(healthy, Policy())
        house.start()
        await house.until_statuses(ids, "processed")
        assert sum(healthy.book.values()) == 8
    assert {row["number"] for row in await house.attempts(*ids)} == {1}


async def _is(value: bool) -> bool:
    return value
