"""Many commands in one transaction: coalesced, settled in order of arrival, none spoiling its neighbours."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.counting import CountingStore
from tests.support.database import rows
from tests.support.merchant import Merchant, Wanted, open_merchant
from waypost.app.changes import Changer, timed
from waypost.app.commands import Accounting, Command, Done, Settled
from waypost.app.lists import Bulk
from waypost.app.ports import Store, Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import NotAllowed, NotFound, Refusal
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter


async def batch(store: Store, clock: ManualClock, *commands: Command) -> list[Settled]:
    """Settle these in one transaction."""
    work = timed(perform, clock)

    async def run(tx: Tx) -> Sequence[Settled]:
        return await work(tx, commands)

    return list(await store.write(run))


async def test_concurrent_calls_share_transactions(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    counting = CountingStore(store)
    writer = GroupWriter(counting)
    changes = Changer(writer, clock)
    ids = await merchant.requests(*[Status.PROCESSING] * 60)
    done = await asyncio.gather(*(changes.change(fail(id_, merchant.actor())) for id_ in ids))
    assert [one.to_status for one in done] == [Status.PROCESSING_ERROR] * 60
    assert counting.writes <= 2
    await writer.close()
    await audit(migrated_url)


async def test_a_batch_is_bounded(store: Store, merchant: Merchant, clock: ManualClock) -> None:
    counting = CountingStore(store)
    writer = GroupWriter(counting)
    sizes: list[int] = []

    async def count(tx: Tx, jobs: Sequence[int]) -> Sequence[int]:
        sizes.append(len(jobs))
        return jobs

    answers = await asyncio.gather(*(writer.submit(count, job) for job in range(600)))
    assert answers == list(range(600))
    assert sizes == [256, 256, 88]
    await writer.close()


async def test_two_commands_on_one_request_are_decided_in_order_of_arrival(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    id_ = await merchant.request()
    actor = merchant.actor()
    settled = await batch(
        store,
        clock,
        command(Action.PROCESSED, id_, actor),
        fail(id_, actor),
        fail(id_, actor),
        command(Action.PROCESS, id_, actor),
        command(Action.ACKNOWLEDGE, id_, actor),
        command(Action.ACKNOWLEDGE, id_, actor),
    )
    assert [one.version if isinstance(one, Done) else one.code for one in settled] == [
        3,
        4,
        "not_allowed_from_status",
        5,
        6,
        "not_allowed_from_status",
    ]
    steps = await rows(migrated_url, "SELECT to_status FROM event WHERE subject_id = $1 ORDER BY seq", id_)
    assert [step["to_status"] for step in steps[2:]] == ["processed", "processing_error", "processing", "acknowledged"]
    await audit(migrated_url)


async def test_if_match_is_judged_on_the_result_of_the_command_before(
    store: Store, merchant: Merchant, clock: ManualClock
) -> None:
    id_ = await merchant.request()
    actor = merchant.actor()
    first, second = await batch(
        store,
        clock,
        command(Action.PROCESSED, id_, actor, expected=frozenset({2})),
        fail(id_, actor, expected=frozenset({2})),
    )
    assert isinstance(first, Done)
    assert isinstance(second, Refusal)
    assert second.code == "precondition_failed"


async def test_refused_neighbours_leave_the_others_alone(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    good = await merchant.requests(*[Status.PROCESSING] * 3)
    bad = await merchant.request(Status.CANCELED)
    actor = merchant.actor()
    asked = [fail(good[0], actor), fail(bad, actor), fail(good[1], actor), fail(4711, actor), fail(good[2], actor)]
    settled = await batch(store, clock, *asked)
    assert [type(one) for one in settled] == [Done, NotAllowed, Done, NotFound, Done]
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states] == ["processing_error"] * 3 + ["canceled"]
    await audit(migrated_url)


async def test_one_order_shared_by_commands_that_change_lines_and_commands_that_do_not(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    shared = [Wanted(order="O1"), Wanted(order="O1"), Wanted(Status.ACKNOWLEDGED, order="O1")]
    first, second, _ = await merchant.requests(*shared)
    actor = merchant.actor()
    settled = await batch(store, clock, command(Action.ACKNOWLEDGE, first, actor), fail(second, actor))
    assert [type(one) for one in settled] == [Done, Done]
    await audit(migrated_url)


async def test_one_order_shared_by_commands_that_change_lines(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Wanted(order="O1", order_quantity=2)] * 3)
    actor = merchant.actor()
    actions = (Action.ACKNOWLEDGE, Action.VOID, Action.CANCEL)
    settled = await batch(
        store, clock, *(command(a, id_, actor, kill=True) for a, id_ in zip(actions, ids, strict=True))
    )
    assert [type(one) for one in settled] == [Done, Done, Done]
    items = await rows(migrated_url, "SELECT sku, quantity, allocated, acknowledged, canceled FROM order_item")
    found = {item["sku"]: tuple(item.values())[1:] for item in items}
    assert found == {"SKU-A": (11, 3, 3, 3), "SKU-B": (8, 2, 2, 2)}
    await audit(migrated_url)


@pytest.mark.parametrize("neighbour", [False, True])
async def test_accounting_of_items_goes_down_the_same_road(
    neighbour: bool, store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    id_, other = await merchant.requests(Wanted(order="O1"), Wanted(order="O1"))
    lines = await rows(migrated_url, "SELECT id FROM fulfillment_request_line WHERE request_id = $1", id_)
    asked = Accounting(True, "A-1", None, tuple((line["id"], f"L-{line['id']}") for line in lines))
    commands = [command(Action.SYNC_ACCOUNTING, id_, merchant.actor(), details=asked)]
    if neighbour:
        commands.append(command(Action.CANCEL, other, merchant.actor()))
    assert all(isinstance(one, Done) for one in await batch(store, clock, *commands))
    sql = "SELECT id, external_accounting_id FROM fulfillment_request_line WHERE request_id = $1"
    stored = await rows(migrated_url, sql, id_)
    assert {line["external_accounting_id"] for line in stored} == {f"L-{line['id']}" for line in lines}
    await audit(migrated_url)


async def test_two_accounts_in_one_batch_count_their_own_events(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    other = await open_merchant(store, "Theirs")
    ours, theirs = await merchant.requests(*[Status.PROCESSING] * 2), await other.requests(*[Status.PROCESSING] * 2)
    asked: list[Command] = []
    for mine, its in zip(ours, theirs, strict=True):
        asked += [fail(mine, merchant.actor()), fail(its, other.actor())]
    settled = await batch(store, clock, *asked)
    assert all(isinstance(one, Done) for one in settled)
    await audit(migrated_url)


async def test_a_bulk_call_is_one_transaction_of_its_own(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    counting = CountingStore(store)
    writer = GroupWriter(counting)
    changes = Changer(writer, clock)
    ids = await merchant.requests(*[Status.PROCESSING] * 9, Status.CANCELED)
    actor = merchant.actor()
    bulk = Bulk(tuple(fail(id_, actor) for id_ in (*ids, 4711)))
    singles = [changes.change(command(Action.SYNC_ACCOUNTING, id_, actor)) for id_ in ids]
    done, *_ = await asyncio.gather(changes.bulk(bulk), *singles)
    assert counting.writes == 2
    assert [result.code for result in done.results] == [None] * 9 + ["not_allowed_from_status", "not_found"]
    assert [result.version for result in done.results] == [3] * 9 + [None, None]
    assert [result.request_id for result in done.results] == [*ids, 4711]
    await writer.close()
    await audit(migrated_url)


async def test_a_dry_bulk_writes_nothing(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    ids = await merchant.requests(Status.PROCESSING, Status.VOIDED)
    bulk = Bulk(tuple(fail(id_, merchant.actor(), dry_run=True) for id_ in ids))
    done = await changes.bulk(bulk)
    assert [result.code for result in done.results] == [None, "not_allowed_from_status"]
    states = await rows(migrated_url, "SELECT status FROM fulfillment_request_state ORDER BY id")
    assert [state["status"] for state in states] == ["processing", "voided"]


async def test_a_race_of_two_actions_leaves_one_legal_history_each(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    ids = await merchant.requests(*[Wanted(order=f"O{n // 3}") for n in range(90)])
    actor = merchant.actor()

    async def attempt(asked: Command) -> str:
        try:
            return (await changes.change(asked)).to_status
        except NotAllowed:
            return "refused"

    calls: list[Any] = []
    for id_ in ids:
        calls += [attempt(fail(id_, actor)), attempt(command(Action.ACKNOWLEDGE, id_, actor))]
    outcomes = await asyncio.gather(*calls)
    # Acknowledging is allowed after a failure, failing is not allowed after an acknowledgement.
    for failed, acknowledged in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert acknowledged == Status.ACKNOWLEDGED
        assert failed in (Status.PROCESSING_ERROR, "refused")
    await audit(migrated_url)
