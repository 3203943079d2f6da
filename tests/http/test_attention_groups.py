"""The attention list where there are more groups, or more items, than a reply shows."""

import asyncio
from typing import Any

import pytest

from tests.support.filled import run_sql
from tests.support.many_groups import FAR, LONG_AGO, Filling
from tests.support.turns import longest_turn
from tests.support.world import World
from waypost.app.ports.attention import GROUPS_AT_MOST
from waypost.domain.statuses import Status
from waypost.http.attention import ITEMS_AT_MOST

CALLS_AT_MOST = 24_000  # function calls in one turn: some ms. With all groups in one go it would be 28,000


async def _got(world: World, query: str = "") -> dict[str, Any]:
    reply = await world.client().get(f"/attention?{query}")
    assert reply.status == 200, reply.body
    return dict(reply.json())


def _codes(found: dict[str, Any]) -> list[str]:
    return [group["code"] for group in found["groups"]]


async def test_of_many_groups_the_first_by_source_and_reason_are_shown(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await Filling(world.ours.account, first, GROUPS_AT_MOST - 1, 3).write(migrated_url)
    await Filling(world.ours.account, second, 4, 2).write(migrated_url)
    await Filling(world.theirs.account, world.theirs.sources[0], 5).write(migrated_url)
    for query in ("", "limit=0", "limit=100", "snoozed=true", "unassigned=true"):
        found = await _got(world, query)
        assert (found["total"], found["moreGroups"]) == (3 * (GROUPS_AT_MOST - 1) + 2 * 4, True)
        assert [group["oldestAt"] for group in found["groups"]] == sorted(group["oldestAt"] for group in found["groups"])
        shown = {(group["sourceId"], group["code"]) for group in found["groups"]}
        assert shown == {*((first, f"x_{n:05}") for n in range(1, GROUPS_AT_MOST)), (second, "x_00001")}
        assert {group["total"] for group in found["groups"]} == {2, 3}


async def test_what_is_not_shown_is_found_by_source_and_reason(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await Filling(world.ours.account, first, GROUPS_AT_MOST + 1, 3).write(migrated_url)
    await Filling(world.ours.account, second, 2, 2).write(migrated_url)
    await Filling(world.ours.account, 0, 1).write(migrated_url)
    found = await _got(world, f"sourceId={second}")
    assert (found["total"], found["moreGroups"], _codes(found)) == (4, False, ["x_00002", "x_00001"])
    last = f"x_{GROUPS_AT_MOST + 1:05}"
    for query in (f"codes={last}", f"codes={last},{last}", f"codes={last}&sourceId={first}"):
        found = await _got(world, f"{query}&limit=2")
        assert (found["total"], found["moreGroups"], _codes(found)) == (3, False, [last])
        on = await _got(world, f"{query}&limit=2&after={found['groups'][0]['next']}")
        assert (on["total"], on["moreGroups"], len(on["groups"][0]["items"])) == (3, False, 1)
        assert on["groups"][0]["next"] is None
    found = await _got(world, "codes=x_00002,x_00001")
    spots = {(group["sourceId"], group["code"]): group["total"] for group in found["groups"]}
    assert spots == {(None, "x_00001"): 1, (first, "x_00001"): 3, (second, "x_00001"): 2, (first, "x_00002"): 3,
                     (second, "x_00002"): 2}  # fmt: skip
    found = await _got(world, f"sourceId={first}")
    assert (found["total"], found["moreGroups"], len(found["groups"])) == (3 * (GROUPS_AT_MOST + 1), True, GROUPS_AT_MOST)
    assert last not in _codes(found)


async def test_as_many_groups_as_a_reply_holds_are_all(world: World, migrated_url: str) -> None:
    await Filling(world.ours.account, world.ours.sources[0], GROUPS_AT_MOST).write(migrated_url)
    found = await _got(world, "limit=1")
    assert (found["total"], found["moreGroups"], len(found["groups"])) == (GROUPS_AT_MOST, False, GROUPS_AT_MOST)


async def test_groups_of_nothing_asked_for_take_no_place(world: World, migrated_url: str) -> None:
    """Snoozed, or somebody's: they come first by the key."""
    first, second = world.ours.sources
    await Filling(world.ours.account, first, GROUPS_AT_MOST + 1, 2, snoozed_until=FAR).write(migrated_url)
    await Filling(world.ours.account, second, 3, 2, assignee="Mei").write(migrated_url)
    found = await _got(world)
    assert (found["total"], found["moreGroups"], len(found["groups"])) == (6, False, 3)
    assert (await _got(world, "assignee=Mei"))["total"] == 6
    assert (await _got(world, "unassigned=true"))["total"] == 0
    found = await _got(world, "snoozed=true")
    assert (found["total"], found["moreGroups"]) == (2 * (GROUPS_AT_MOST + 1) + 6, True)


async def test_totals_count_the_snoozes_that_have_ended_and_no_others(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    await Filling(world.ours.account, first, GROUPS_AT_MOST + 1).write(migrated_url)
    await Filling(world.ours.account, second, 2, 3, snoozed_until=LONG_AGO).write(migrated_url)
    await Filling(world.ours.account, 0, 2, 3, snoozed_until=FAR).write(migrated_url)
    await Filling(world.theirs.account, world.theirs.sources[0], 3, snoozed_until=LONG_AGO).write(migrated_url)
    later = f"UPDATE attention_item SET snoozed_until = {FAR} WHERE source_id = {second} AND code = 'x_00001' AND "
    await run_sql(migrated_url, later + "subject_id = 1001")
    assert (await _got(world, "limit=0"))["total"] == GROUPS_AT_MOST + 1 + 5
    found = await _got(world, f"sourceId={second}")
    assert [(group["code"], group["total"], len(group["items"])) for group in found["groups"]] == [
        ("x_00002", 3, 3), ("x_00001", 2, 2)
    ]  # fmt: skip


async def test_a_reply_shows_fewer_items_of_each_group_where_groups_are_many(world: World, migrated_url: str) -> None:
    await Filling(world.ours.account, world.ours.sources[0], 60, 101).write(migrated_url)
    found = await _got(world, "limit=100")
    each = ITEMS_AT_MOST // 60
    assert {len(group["items"]) for group in found["groups"]} == {each}
    group = found["groups"][-1]
    on = await _got(world, f"limit=100&after={group['next']}")
    assert [len(one["items"]) for one in on["groups"]] == [101 - each]
    ids = [item["subject"]["id"] for item in (*group["items"], *on["groups"][0]["items"])]
    assert len(set(ids)) == 101
    assert [len(one["items"]) for one in (await _got(world, "codes=x_00007&limit=100"))["groups"]] == [100]
    assert {len(one["items"]) for one in (await _got(world, "limit=83"))["groups"]} == {each} == {83}
    assert {len(one["items"]) for one in (await _got(world, "limit=82"))["groups"]} == {82}


@pytest.mark.parametrize(("groups", "items"), [(400, 100), (3_000, 8)], ids=["long", "many"])
async def test_the_largest_list_gives_way(
    world: World, migrated_url: str, monkeypatch: pytest.MonkeyPatch, groups: int, items: int
) -> None:
    """See `tests.stalls`. The rows are read before: the loop that is watched would keep a reading thread from its turn."""
    failed = await world.request(Status.PROCESSING_ERROR, source=1)
    await Filling(world.ours.account, world.ours.sources[0], groups, items, request=failed).write(migrated_url)
    really, read = world.hub.reads.slow, []  # type: ignore[attr-defined]

    async def kept(*statement: object) -> Any:
        read.append(await really(*statement))
        return read[-1]

    async def again(*_: object) -> Any:
        await asyncio.sleep(0)  # what comes before the first turn is not watched
        return read.pop(0)

    monkeypatch.setattr(world.hub.reads, "slow", kept)
    found = await _got(world, "limit=100")
    assert sum(len(group["items"]) for group in found["groups"]) > ITEMS_AT_MOST * 0.9
    monkeypatch.setattr(world.hub.reads, "slow", again)
    longest, reply = await longest_turn(world.client().get("/attention?limit=100"))
    assert len(reply.json()["groups"]) == len(found["groups"])
    assert longest <= CALLS_AT_MOST, longest  # what is shown of the groups is gathered in one piece
