"""Two hubs on one database, as two processes would be: each with a store, a writer and a memory of its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.database import rows
from tests.support.merchant import ADDRESS, Merchant, Wanted
from tests.support.stock import variant
from waypost.app import orders
from waypost.app.changes import Changer
from waypost.app.commands import Command
from waypost.app.generation import LineDraft, RequestDraft
from waypost.app.lists import Pull
from waypost.app.order_bench import OrderAsk
from waypost.app.order_changes import change_tags, set_status
from waypost.app.order_repeats import lock_repeats
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import OrderParts, Tx
from waypost.domain.lifecycle import Action
from waypost.domain.orders import OrderStatus, PaymentStatus
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


def _order(merchant: Merchant, number: str, **given: Any) -> OrderDraft:
    """Of two things of which the merchant's sources have some."""
    items = tuple(ItemDraft(sku, None, 1, 50_000, None, None, None, "[]") for sku in ("A", "B"))
    plain = OrderDraft(merchant.actor(), merchant.channels[0], number, None, 5, f"of {number}", None, ADDRESS, None,
                       PaymentStatus.AUTHORIZED, "[]", "[]", items)  # fmt: skip
    return plain._replace(**given)


async def test_two_hubs_that_update_the_same_orders_lose_no_update(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    """Each posts batches of repeats and new orders, in its own order."""
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1", True)
    for source in merchant.sources:
        for sku in ("A", "B"):
            await variant(migrated_url, merchant.account, source, sku, 100)
    numbers = [f"N{n}" for n in range(12)]
    await asyncio.gather(*(changes.create_order(_order(merchant, number)) for number in numbers))
    ids = [row["id"] for row in await rows(migrated_url, "SELECT id FROM orders ORDER BY id")]
    paid = {"payment_status": PaymentStatus.PAID}
    for turn in range(4):
        calls: list[Awaitable[Any]] = []
        for hub, walked in ((changes, numbers), (other, numbers[::-1])):
            name = "left" if hub is changes else "right"
            calls += [hub.create_order(_order(merchant, one, tags=f'["{name} {turn}"]', **paid)) for one in walked]
            calls += [hub.create_order(_order(merchant, f"{name}-{turn}-{n}", **paid)) for n in range(3)]
            tag = [OrderAsk(merchant.actor(), id_) for id_ in (ids if hub is other else ids[::-1])]
            calls += [hub.record(change_tags(ask, [f"own {turn}"], [])) for ask in tag[:4]]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [one for one in results if isinstance(one, BaseException)] == []
    shown = await rows(migrated_url, "SELECT tags FROM orders WHERE order_number LIKE 'N%'")
    for order in shown:
        # Of each hub's tags, the last one that was posted; the merchant's own stay.
        tags = [tag for tag in json.loads(order["tags"]) if not tag.startswith("own ")]
        assert tags in (["left 3"], ["right 3"])
    assert len(await rows(migrated_url, "SELECT id FROM fulfillment_request")) == 12 + 4 * 2 * 3
    await audit(migrated_url)


async def test_two_hubs_that_post_a_new_order_differently_create_it_once_and_update_it(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    for turn in range(10):
        drafts = [_order(merchant, f"N{turn}", note=note) for note in ("left", "right")]
        first, second = await asyncio.gather(changes.create_order(drafts[0]), other.create_order(drafts[1]))
        assert sorted([first.created, second.created]) == [False, True]
        later = second if first.created else first
        assert later.updated_from is not None
        (kept,) = await rows(migrated_url, "SELECT note FROM orders WHERE order_number = $1", f"N{turn}")
        assert kept["note"] == later.view.order.note
    await audit(migrated_url)


async def test_an_order_that_another_process_has_just_posted_is_locked_in_a_second_run(
    merchant: Merchant, changes: Changer, monkeypatch: pytest.MonkeyPatch, migrated_url: str
) -> None:
    """The first look found no such order, the second look, under the counter's lock, finds it: it is not locked."""
    await changes.create_order(_order(merchant, "N1"))
    runs = []

    async def too_early(tx: Tx, drafts: Sequence[OrderDraft], at_most: int) -> dict[int, OrderParts]:
        runs.append(len(drafts))
        return {} if len(runs) == 1 else await lock_repeats(tx, drafts, at_most)

    monkeypatch.setattr(orders, "lock_repeats", too_early)
    drafts = [_order(merchant, "N1", note="later"), _order(merchant, "N2")]
    repeat, new = await asyncio.gather(*(changes.create_order(one) for one in drafts))
    assert (repeat.view.order.note, new.created) == ("later", True)
    assert runs == [2, 1], "the repeat was left to the next batch"
    await audit(migrated_url)
