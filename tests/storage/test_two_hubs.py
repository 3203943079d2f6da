"""Two hubs on one database, as two processes would be: each with a store, a writer and a memory of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.database import rows
from tests.support.merchant import Merchant, Wanted
from waypost.app.changes import Changer
from waypost.app.commands import Command
from waypost.app.generation import LineDraft, RequestDraft
from waypost.app.lists import Pull
from waypost.app.order_bench import OrderAsk
from waypost.app.order_changes import change_tags, set_status
from waypost.domain.lifecycle import Action
from waypost.domain.orders import OrderStatus
from waypost.domain.refusals import Invalid, NotAllowed
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store


@pytest.fixture
async def other(migrated_url: str, clock: ManualClock) -> AsyncIterator[Changer]:
    """The second hub's way to the road."""
    store = await open_store(migrated_url, migrate=False)
    writer = GroupWriter(store)
    yield Changer(writer, clock)
    await writer.close()
    await store.close()


async def attempt(call: Awaitable[Any]) -> bool:
    """Whether the call was applied, and not refused for the status."""
    try:
        return bool((await call).moved)
    except NotAllowed:
        return False


async def test_two_hubs_that_want_different_things_leave_one_legal_history_each(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    # Three requests to an order, so that the two meet on orders, on requests and on the counter.
    ids = await merchant.requests(*[Wanted(order=f"O{place // 3}") for place in range(150)])
    actor = merchant.actor()
    wants: list[tuple[Changer, Command]] = []
    for id_ in ids:
        wants += [(changes, fail(id_, actor)), (other, command(Action.CANCEL, id_, actor, kill=True))]
    applied = await asyncio.gather(*(attempt(hub.change(one)) for hub, one in wants))
    found = await rows(
        migrated_url,
        "SELECT subject_id, to_status FROM event WHERE subject <> 'order' AND type NOT LIKE '%generated' ORDER BY seq",
    )
    histories: dict[int, list[str]] = {id_: [] for id_ in ids}
    for event in found:
        if event["to_status"] != "processing":
            histories[event["subject_id"]].append(event["to_status"])
    for id_, failed, canceled in zip(ids, applied[::2], applied[1::2], strict=True):
        assert canceled
        assert histories[id_] == (["processing_error"] if failed else []) + ["canceled"]
    await audit(migrated_url)


async def test_two_pulls_never_hand_out_the_same_request(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Status.PROCESSING] * 120)
    actor = merchant.actor("source")
    pulls = await asyncio.gather(*(hub.pull(Pull(actor, None, None)) for hub in (changes, other, changes, other)))
    taken = [one.image.state.id for pulled in pulls for one in pulled.done if one.image is not None]
    assert sorted(taken) == ids
    await audit(migrated_url)


async def test_two_hubs_cannot_order_more_than_there_is(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    await merchant.request(lines=(("SKU-A", 1),), order="O1", order_quantity=5)
    (order,) = await rows(migrated_url, "SELECT id FROM orders")
    (item,) = await rows(migrated_url, "SELECT id FROM order_item")
    draft = RequestDraft(merchant.actor(), order["id"], merchant.sources[0], (LineDraft(item["id"], 1),))
    calls = [hub.generate(draft) for _ in range(6) for hub in (changes, other)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    made = [result for result in results if not isinstance(result, BaseException)]
    assert len(made) == 5
    assert {type(result) for result in results if isinstance(result, BaseException)} == {Invalid}
    numbers = [one.image.particulars.number for one in made]
    assert len(set(numbers)) == 5
    await audit(migrated_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_two_hubs_at_work_on_requests_of_one_order_lose_no_roll_up(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    """Each hub has requests of its own; what they have in common is the order, its items and its totals."""
    ids = await merchant.requests(*[Wanted(order=f"O{place % 3}", lines=(("SKU-A", 4),)) for place in range(60)])
    actor = merchant.actor()
    calls: list[Awaitable[Any]] = []
    for place, id_ in enumerate(ids):
        hub = (changes, other)[place // 3 % 2]
        action = (Action.ACKNOWLEDGE, Action.CANCEL, Action.VOID)[place % 3]
        calls.append(hub.change(command(action, id_, actor, kill=True)))
        tag = OrderAsk(actor, order_id=1 + place % 3)
        calls.append((other, changes)[place % 2].record(change_tags(tag, [f"t{place}"], [])))
    await asyncio.gather(*calls)
    found = await rows(
        migrated_url, "SELECT acknowledged, allocated, canceled, quantity FROM order_item ORDER BY order_id"
    )
    assert [tuple(item.values()) for item in found] == [(80, 80, 0, 80), (0, 0, 80, 80), (0, 0, 0, 80)]
    orders = await rows(migrated_url, "SELECT status, acknowledged_status, tags FROM orders ORDER BY id")
    assert [(one["status"], one["acknowledged_status"]) for one in orders] == [
        ("open", "completed"), ("canceled", "not_started"), ("open", "not_started"),
    ]  # fmt: skip
    assert [len(json.loads(one["tags"])) for one in orders] == [20, 20, 20]
    await audit(migrated_url)


async def test_an_order_canceled_while_its_requests_move_ends_in_one_of_the_legal_ways(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Wanted(order=f"O{place % 4}", order_quantity=2) for place in range(24)])
    actor = merchant.actor()
    moves = [changes.change(command(Action.ACKNOWLEDGE, id_, actor)) for id_ in ids]
    cancels = [other.record(set_status(OrderAsk(actor, order), OrderStatus.CANCELED)) for order in (1, 2, 3, 4)]
    results = await asyncio.gather(*moves, *cancels, return_exceptions=True)
    assert {type(result) for result in results if isinstance(result, BaseException)} <= {NotAllowed}
    orders = await rows(migrated_url, "SELECT status FROM orders")
    assert {order["status"] for order in orders} == {"canceled"}
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state")
    assert {state["status"] for state in states} == {"canceled"}
    (left,) = await rows(migrated_url, "SELECT sum(quantity - canceled) AS wanted FROM order_item")
    assert left["wanted"] == 0
    await audit(migrated_url)
