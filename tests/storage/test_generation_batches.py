"""Generating in batches: as many statements for many as for one, and two hubs never take the same pieces."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command
from tests.support.database import rows
from tests.support.merchant import ADDRESS, Merchant
from tests.support.stock import change, held, variant
from waypost.app.changes import Changer, timed
from waypost.app.commands import Done, Settled
from waypost.app.generation import Generated, RequestDraft, generate
from waypost.app.orders import ItemDraft, OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.orders import PaymentStatus
from waypost.domain.refusals import Invalid, Refusal
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.postgres import PostgresStore


@pytest.fixture
async def other(migrated_url: str, clock: ManualClock) -> AsyncIterator[Changer]:
    """A second hub on the same database, as another process would have it."""
    store = await open_store(migrated_url, migrate=False)
    writer = GroupWriter(store)
    yield Changer(writer, clock)
    await writer.close()
    await store.close()


async def orders(
    merchant: Merchant, changes: Changer, count: int, quantity: int = 1, channel: int = 0
) -> list[int]:
    """Orders of one item each; their ids."""
    item = ItemDraft("A", None, quantity, 10_000, None, None, None, "[]")
    posted = await asyncio.gather(
        *(
            changes.create_order(
                OrderDraft(merchant.actor(), merchant.channels[channel], merchant.order_name(), None, None, None, None,
                           ADDRESS, None, None, "[]", "[]", (item,))
            )
            for _ in range(count)
        )
    )  # fmt: skip
    return [one.view.order.id for one in posted]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_batch_takes_as_many_round_trips_as_a_single_one(
    store: PostgresStore, merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    for source in merchant.sources:
        await variant(migrated_url, merchant.account, source, "A", 1000)
    ids = await orders(merchant, changes, 60)
    work = timed(generate, clock)

    async def batch(some: Sequence[int]) -> int:
        drafts = [
            RequestDraft(merchant.actor(), id_, merchant.sources[id_ % 2])
            for id_ in some
        ]

        async def run(tx: Tx) -> Sequence[Generated | Refusal]:
            return await work(tx, drafts)

        assert all(isinstance(one, Generated) for one in await store.write(run))
        return store.last_round_trips

    await batch(ids[:1])  # statements are prepared
    counts = [await batch(ids[1:2]), await batch(ids[2:10]), await batch(ids[10:60])]
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 20, counts
    await audit(migrated_url)


async def test_two_hubs_race_for_100_units(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    known = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 100)
    ids = await orders(merchant, changes, 64, quantity=2)
    drafts = [RequestDraft(merchant.actor(), id_, merchant.sources[0]) for id_ in ids]
    results = await asyncio.gather(
        *(hub.generate(draft) for draft, hub in zip(drafts, [changes, other] * 32, strict=True)), return_exceptions=True
    )
    made = [one for one in results if isinstance(one, Generated)]
    assert len(made) == 50
    refused = [one for one in results if isinstance(one, Invalid)]
    assert len(refused) == 14
    assert {one.problems[0].code for one in refused} == {"quantity_unavailable"}
    assert await held(migrated_url) == {known: (100, 100)}
    await audit(migrated_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_only_batches_that_route_again_take_more_than_four_round_trips(
    store: PostgresStore, merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    for source in merchant.sources:
        await variant(migrated_url, merchant.account, source, "A", 1000)
    await change(migrated_url, "channel", merchant.channels[1], reroute_on_fill=True)

    async def cancel(channel: int, count: int) -> int:
        ids = []
        for id_ in await orders(merchant, changes, count, channel=channel):
            made = await changes.generate(RequestDraft(merchant.actor(), id_, merchant.sources[0]))
            ids.append(made.image.state.id)
        work = timed(perform, clock)

        async def run(tx: Tx) -> Sequence[Settled]:
            return await work(tx, [command(Action.CANCEL, id_, merchant.actor("source")) for id_ in ids])

        assert all(isinstance(one, Done) for one in await store.write(run))
        return store.last_round_trips

    await cancel(0, 1)
    assert await cancel(0, 5) <= 4
    await cancel(1, 1)
    counts = [await cancel(1, 1), await cancel(1, 12)]
    assert counts[0] == counts[1] <= 20
    assert len(await rows(migrated_url, "SELECT id FROM fulfillment_request")) == 6 + 2 * 14
    await audit(migrated_url)


async def test_two_hubs_route_again_for_the_last_pieces(
    merchant: Merchant, changes: Changer, other: Changer, migrated_url: str
) -> None:
    """Twenty requests are given back at once, and elsewhere there is enough for seven."""
    first = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 40)
    second = await variant(migrated_url, merchant.account, merchant.sources[1], "A", 14)
    await change(migrated_url, "channel", merchant.channels[0], reroute_on_fill=True)
    ids = []
    for id_ in await orders(merchant, changes, 20, quantity=2):
        made = await changes.generate(RequestDraft(merchant.actor(), id_, merchant.sources[0]))
        ids.append(made.image.state.id)
    actor = merchant.actor("source")
    await asyncio.gather(
        *(hub.change(command(Action.CANCEL, id_, actor)) for id_, hub in zip(ids, [changes, other] * 10, strict=True))
    )
    assert await held(migrated_url) == {first: (0, 0), second: (14, 14)}
    statuses = [row["status"] for row in await rows(migrated_url, "SELECT status FROM orders")]
    assert (statuses.count("open"), statuses.count("on_hold")) == (7, 13)
    await audit(migrated_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_orders_that_are_fulfilled_as_they_come_in_take_as_many_round_trips_as_one(
    store: PostgresStore, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    for source, sku in zip(merchant.sources, "AB", strict=True):
        await variant(migrated_url, merchant.account, source, sku, 1000)
    await change(migrated_url, "channel", merchant.channels[0], auto_generate=True)
    items = tuple(ItemDraft(sku, None, 2, 10_000, None, None, None, "[]") for sku in "AB")
    work = timed(create_orders, clock)

    async def post(count: int) -> int:
        drafts = [
            OrderDraft(merchant.actor(), merchant.channels[0], name, None, None, name, "Ground", ADDRESS, None,
                       PaymentStatus.PAID, "[]", "[]", items)
            for name in (merchant.order_name() for _ in range(count))
        ]  # fmt: skip

        async def run(tx: Tx) -> Sequence[OrderPosted | Refusal]:
            return await work(tx, drafts)

        posted = await store.write(run)
        assert all(isinstance(one, OrderPosted) and len(one.view.requests) == 2 for one in posted)
        return store.last_round_trips

    await post(1)
    counts = [await post(1), await post(7), await post(40)]
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 30, counts
    await audit(migrated_url)
