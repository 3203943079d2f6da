"""Clock rules that the hub itself fails to carry out: one account, rule or request does not stop the others."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.http.test_attention import Watch, groups, rules
from tests.support.audit import audit
from tests.support.database import rows
from tests.support.locks import held
from tests.support.world import World
from waypost.app.commands import Command
from waypost.app.desk import Desk
from waypost.app.ports.clock_rules import Overdue, OverdueQuery
from waypost.delivery import clock_rules
from waypost.domain.clock_rules import ClockRule
from waypost.domain.refusals import LockHeld, Unavailable
from waypost.domain.statuses import Status
from waypost.storage import group_commit, held_up

FAIL = {"condition": "unsent", "afterMinutes": 60, "action": "fail"}


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The requests at which the desk fails as a defect would; fill it."""
    poisoned: set[int] = set()
    settle = Desk.settle

    def failing(self: Desk, place: int, command: Command) -> Any:
        if command.request_id in poisoned:
            raise TypeError("a planted defect")
        return settle(self, place, command)

    monkeypatch.setattr(Desk, "settle", failing)
    return poisoned


async def told(world: World, code: str) -> dict[int, str]:
    """What is said of which request."""
    found = await groups(world)
    return {
        item["subject"]["id"]: item["message"] for (_, one), group in found.items() if one == code
        for item in group["items"]
    }  # fmt: skip


async def test_a_request_that_cannot_be_failed_is_told_of_and_the_others_fail(
    world: World, migrated_url: str, poison: set[int]
) -> None:
    ids = await world.requests(5)
    theirs = await world.request(merchant=world.theirs)
    await rules(world, FAIL)
    reply = await world.client(merchant=world.theirs).call("PUT", "/policies", json=[FAIL])
    assert reply.status == 200
    poison.add(ids[1])
    watch = Watch(world)
    assert await watch.after(2) == 6
    unsent = await told(world, "unsent")
    assert list(unsent) == [ids[1]]
    assert "The rule could not fail it: the hub met an error of its own" in unsent[ids[1]]
    assert "planted" not in unsent[ids[1]]
    assert sorted(await told(world, "source_timeout")) == [ids[0], *ids[2:]]
    shown = await world.client(merchant=world.theirs).get(f"/fulfillment-requests/{theirs}")
    assert shown.json()["failure"]["code"] == "source_timeout"
    assert await watch.after(1) == 0, "it is in front of somebody now, and not tried for ever"
    await audit(migrated_url)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_request_that_is_locked_does_not_stop_the_others(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the rule's one transaction is trying again at the moment when it has waited long enough."""
    monkeypatch.setattr(group_commit, "QUEUE_S", 0.7)
    monkeypatch.setattr(held_up, "AGAIN_S", 0.3)  # tried at 0, 0.55 and 1.1 s, for a quarter of a second each
    ids = await world.requests(5)
    await rules(world, FAIL)
    watch = Watch(world)
    async with held(migrated_url, f"SELECT 1 FROM fulfillment_request_state WHERE id = {ids[1]} FOR UPDATE"):
        await watch.after(2)
        async with asyncio.timeout(30):  # a look that gave up on a busy machine is followed by the next
            while sorted(await told(world, "source_timeout")) != [ids[0], *ids[2:]]:
                await watch.watch.look()
    await watch.after(0)
    assert sorted(await told(world, "source_timeout")) == ids


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_what_a_rule_finds_does_not_wait_behind_what_is_locked(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is locked than the rule looks at in one go."""
    monkeypatch.setattr(group_commit, "QUEUE_S", 0.7)
    monkeypatch.setattr(held_up, "AGAIN_S", 0.3)
    monkeypatch.setattr(clock_rules, "AT_ONCE", 2)
    ids = await world.requests(6)
    await rules(world, FAIL)
    watch = Watch(world)
    watch.clock.advance(2 * 3600)
    locked = ", ".join(map(str, ids[:4]))
    async with held(migrated_url, f"SELECT 1 FROM fulfillment_request_state WHERE id IN ({locked}) FOR UPDATE"):
        async with asyncio.timeout(30):
            while sorted(await told(world, "source_timeout")) != ids[4:]:
                await watch.watch.look()
    async with asyncio.timeout(30):
        while sorted(await told(world, "source_timeout")) != ids:
            await watch.watch.look()


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_requests_that_are_locked_are_waited_for_side_by_side_where_a_rule_routes_them_again(
    world: World, migrated_url: str
) -> None:
    """One after the other, each would take the whole time of a change that meets a lock."""
    ids = [await world.request(Status.PROCESSED) for _ in range(4)]
    await rules(world, {"condition": "unacknowledged", "afterMinutes": 30, "action": "reroute"})
    watch = Watch(world)
    async with asyncio.timeout(30):
        async with held(migrated_url, "SELECT 1 FROM fulfillment_request_state FOR UPDATE"):
            looking = asyncio.ensure_future(watch.after(1))
            while watch.writer.depth < len(ids) - 1:
                assert not looking.done()
                await asyncio.sleep(0.01)
        assert await looking == len(ids)
    client = world.client()
    for id_ in ids:
        shown = (await client.get(f"/fulfillment-requests/{id_}")).json()
        assert shown["fulfillmentRequestStatus"]["name"] == "Voided" or id_ in await told(world, "unacknowledged")
    await audit(migrated_url)


async def test_a_request_that_cannot_be_routed_again_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await world.request(Status.PROCESSED), await world.request(Status.PROCESSED)
    await rules(world, {"condition": "unacknowledged", "afterMinutes": 30, "action": "reroute"})
    whole = clock_rules.reroute_request

    def failing(ask: Any) -> Any:
        if ask.command.request_id == first:
            raise TypeError("a planted defect")
        return whole(ask)

    monkeypatch.setattr(clock_rules, "reroute_request", failing)
    assert await Watch(world).after(1) == 2
    unacknowledged = await told(world, "unacknowledged")
    assert "The rule could not reroute it: the hub met an error of its own" in unacknowledged[first]
    shown = (await world.client().get(f"/fulfillment-requests/{second}")).json()
    assert shown["fulfillmentRequestStatus"]["name"] == "Voided" or second in unacknowledged


async def test_what_is_routed_again_does_not_wait_behind_what_is_locked(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is locked than the rule looks at in one go."""
    monkeypatch.setattr(clock_rules, "AT_ONCE", 2)
    ids = [await world.request(Status.PROCESSED) for _ in range(6)]
    await rules(world, {"condition": "unacknowledged", "afterMinutes": 30, "action": "reroute"})
    whole, locked = clock_rules.reroute_request, set(ids[:4])

    def failing(ask: Any) -> Any:
        if ask.command.request_id in locked:
            raise LockHeld
        return whole(ask)

    async def dealt_with() -> list[int]:
        state = "SELECT id FROM fulfillment_request_state WHERE alerted OR status <> 'processed' ORDER BY id"
        return [row["id"] for row in await rows(migrated_url, state)]

    monkeypatch.setattr(clock_rules, "reroute_request", failing)
    watch = Watch(world)
    await watch.after(1)
    for _ in range(3):
        await watch.after(0)
    assert await dealt_with() == ids[4:]
    locked.clear()
    for _ in range(3):
        await watch.after(0)
    assert await dealt_with() == ids


async def test_a_transaction_loads_no_more_lines_than_always_fit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that cancels loads the lines of each request; one that fails or tells loads none."""
    monkeypatch.setattr(clock_rules, "ALWAYS_FIT", 3)
    watch, sizes = Watch(world), list[int]()
    submit = watch.writer.submit_alone

    async def seen(work: Any, jobs: Sequence[Any]) -> Any:
        sizes.append(len(jobs))
        return await submit(work, jobs)

    monkeypatch.setattr(watch.writer, "submit_alone", seen)
    await world.requests(7)
    await rules(world, FAIL)
    await watch.after(2)
    assert sizes == [7]
    await world.requests(7)
    await rules(world, {**FAIL, "action": "cancel"})
    await watch.after(2)
    assert sizes == [7, 3, 3, 1]


async def test_a_rule_that_cannot_be_read_does_not_stop_the_accounts_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsent, unrepaired = await world.request(), await world.request(Status.PROCESSING_ERROR)
    await rules(world, {"condition": "unsent", "afterMinutes": 60}, {"condition": "unrepaired", "afterMinutes": 60})
    reads: Any = world.hub.reads
    overdue = type(reads).overdue

    async def failing(self: Any, query: OverdueQuery) -> list[Overdue]:
        if query.status == Status.PROCESSING:
            raise TypeError("a planted defect")
        found: list[Overdue] = await overdue(self, query)
        return found

    monkeypatch.setattr(type(reads), "overdue", failing)
    assert await Watch(world).after(2) == 1
    assert list(await told(world, "unrepaired")) == [unrepaired]
    monkeypatch.undo()
    assert await Watch(world).after(2) == 1
    assert list(await told(world, "unsent")) == [unsent]


@pytest.mark.parametrize("error", [TypeError("a planted defect"), Unavailable("A planted lock.")], ids=["defect", "lock"])
async def test_an_account_that_fails_does_not_stop_the_others_nor_the_watch(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    theirs = await world.request(merchant=world.theirs)
    for merchant in (world.ours, world.theirs):
        reply = await world.client(merchant=merchant).call("PUT", "/policies", json=[FAIL])
        assert reply.status == 200
    reads: Any = world.hub.reads
    of_account = type(reads).clock_rules

    async def failing(self: Any, account_id: int) -> Sequence[ClockRule]:
        if account_id == world.ours.account:
            raise error
        found: Sequence[ClockRule] = await of_account(self, account_id)
        return found

    monkeypatch.setattr(type(reads), "clock_rules", failing)
    watch = Watch(world)
    watch.clock.advance(2 * 3600)
    stop = asyncio.Event()
    running = asyncio.create_task(watch.watch.run(stop))
    client = world.client(merchant=world.theirs)
    async with asyncio.timeout(10):
        while (await client.get(f"/fulfillment-requests/{theirs}")).json()["failure"] is None:
            await asyncio.sleep(0.01)
    assert not running.done()
    stop.set()
    await running
