"""Routing groups (contract section 6): rules in their order, sources by priority, every fault named."""

from typing import Any

from tests.support.database import rows
from tests.support.records import events_of, faults
from tests.support.world import World

PATH = "/routing-groups"
RULES = [
    {"rule": "shipping_mapped", "mode": None},
    {"rule": "single_request", "mode": "required"},
    {"rule": "source_priority", "mode": None},
]
DEFAULT = [
    {"rule": "single_request", "mode": "preferred"},
    {"rule": "lowest_cost", "mode": None},
    {"rule": "source_priority", "mode": None},
]


async def made(world: World, body: dict[str, Any]) -> Any:
    """The group that was created."""
    reply = await world.client().post(PATH, json=body)
    assert reply.status == 201, reply.body
    assert reply.headers["location"] == f"{PATH}/{reply.json()['id']}"
    return reply.json()


async def test_a_group_keeps_its_rules_in_order_and_its_sources_by_priority(world: World, migrated_url: str) -> None:
    first, second = world.ours.sources
    sources = [{"sourceId": first, "priority": 7}, {"sourceId": second, "priority": 2, "eligible": False}]
    group = await made(world, {"name": "Domestic", "rules": RULES, "sources": sources})
    assert group["rules"] == RULES
    assert group["sources"] == [
        {"sourceId": second, "priority": 2, "eligible": False}, {"sourceId": first, "priority": 7, "eligible": True},
    ]  # fmt: skip
    assert (await world.client().get(f"{PATH}/{group['id']}")).json() == group
    stored = await rows(migrated_url, "SELECT rules FROM routing_group")
    assert stored == [
        {"rules": '[{"rule":"shipping_mapped"},{"rule":"single_request","mode":"required"},{"rule":"source_priority"}]'}
    ]
    bare = await made(world, {"name": "Rest"})
    assert (bare["rules"], bare["sources"]) == (DEFAULT, [])
    listed = await made(
        world, {"name": "In order", "rules": [], "sources": [{"sourceId": second}, {"sourceId": first}]}
    )
    assert [one["priority"] for one in listed["sources"]] == [1, 2]
    assert listed["rules"] == []
    assert (await world.client().get(PATH)).json() == [group, bare, listed]
    assert (await world.client().get(f"{PATH}?pageSize=1&page=2")).json() == [bare]


async def test_a_group_changes_in_what_is_given(world: World) -> None:
    first, second = world.ours.sources
    group = await made(world, {"name": "Domestic", "rules": RULES, "sources": [{"sourceId": first}]})
    path = f"{PATH}/{group['id']}"
    same = await world.client().patch(path, json={"name": "Domestic", "rules": RULES, "sources": group["sources"]})
    assert same.json() == group
    both = [{"sourceId": first, "priority": 1}, {"sourceId": second, "priority": 1, "eligible": False}]
    changed = await world.client().patch(path, json={"sources": both[::-1]})
    assert (changed.json()["sources"], changed.json()["rules"]) == (
        [{**both[0], "eligible": True}, both[1]], RULES,
    )  # fmt: skip
    emptied = await world.client().patch(path, json={"sources": None, "rules": None, "name": None})
    assert (emptied.json()["sources"], emptied.json()["rules"], emptied.json()["name"]) == ([], [], "Domestic")
    assert await events_of(world, "routing_group") == [
        ("routing_group.created", group["id"], {"name": "Domestic"}),
        ("routing_group.updated", group["id"], {"changed": ["sources"]}),
        ("routing_group.updated", group["id"], {"changed": ["rules", "sources"]}),
    ]


async def test_bad_groups_are_refused_with_every_fault(world: World) -> None:
    first, _ = world.ours.sources
    await made(world, {"name": "Domestic"})
    shape = {
        "rules": [{"rule": "cheapest"}, {"mode": "required"}, {"rule": "single_request", "mode": "maybe"}],
        "sources": [{"priority": -1}, {"sourceId": first, "priority": 1_000_001, "eligible": "no"}],
    }
    assert faults(await world.client().post(PATH, json=shape)) == [
        ("/rules/0/rule", "unknown_value"), ("/rules/1/rule", "required"), ("/rules/2/mode", "unknown_value"),
        ("/sources/0/sourceId", "required"), ("/sources/0/priority", "out_of_range"),
        ("/sources/1/priority", "out_of_range"), ("/sources/1/eligible", "wrong_type"),
    ]  # fmt: skip
    meaning = {
        "name": "Domestic",
        "rules": [{"rule": "single_request"}, {"rule": "lowest_cost", "mode": "required"}, {"rule": "lowest_cost"}],
        "sources": [{"sourceId": first}, {"sourceId": world.theirs.sources[0]}, {"sourceId": first}],
    }
    expected = [
        ("/rules/0/mode", "required"), ("/rules/1/mode", "not_for_this_rule"), ("/rules/2/rule", "repeated_rule"),
        ("/name", "taken"), ("/sources/1/sourceId", "unknown_source"), ("/sources/2/sourceId", "repeated_source"),
    ]  # fmt: skip
    assert faults(await world.client().post(PATH, json=meaning)) == expected
    other = await made(world, {"name": "Other"})
    assert faults(await world.client().patch(f"{PATH}/{other['id']}", json=meaning)) == expected
    many = {"name": "Many", "sources": [{"sourceId": first}] * 501, "rules": [{"rule": "lowest_cost"}] * 11}
    assert faults(await world.client().post(PATH, json=many)) == [
        ("/rules", "too_many_items"), ("/sources", "too_many_items"),
    ]  # fmt: skip
    assert faults(await world.client().post(PATH, json={})) == [("/name", "required")]
    assert (await world.client().get(f"{PATH}/{other['id']}")).json() == other


async def test_groups_are_chosen_by_account_and_channel(world: World) -> None:
    group = await made(world, {"name": "Domestic"})
    foreign = (await world.client("acc", world.theirs).post(PATH, json={"name": "Domestic"})).json()
    account = await world.client().patch("/account", json={"defaultOrderRoutingGroupId": group["id"]})
    assert account.json()["defaultOrderRoutingGroupId"] == group["id"]
    assert (await world.client().get("/account")).json() == account.json()
    shop = f"/channel/{world.ours.channels[0]}"
    assert (await world.client().patch(shop, json={"routingGroupId": group["id"]})).json()["routingGroupId"] == group[
        "id"
    ]
    assert (await world.client().patch(shop, json={"routingGroupId": None})).json()["routingGroupId"] is None
    for path, field in (("/account", "defaultOrderRoutingGroupId"), (shop, "routingGroupId")):
        refused = await world.client().patch(path, json={field: foreign["id"]})
        assert faults(refused) == [(f"/{field}", "unknown_routing_group")]
    assert (await world.client().get(f"{PATH}/{foreign['id']}")).status == 404
    assert (await world.client().patch(f"{PATH}/{foreign['id']}", json={"name": "Mine"})).status == 404
    assert (await world.client().get(f"{PATH}/1x")).status == 404


async def test_a_group_is_made_once_and_rehearsed(world: World) -> None:
    key = {"Idempotency-Key": "group-1"}
    body = {"name": "Domestic", "sources": [{"sourceId": id_} for id_ in world.ours.sources]}
    dry = await world.client().post(f"{PATH}?dryRun=true", json=body, headers=key)
    assert (dry.json()["change"], dry.json()["wouldReplyStatus"]) == ("move", 201)
    assert (await world.client().get(PATH)).body == b"[]"
    first = await world.client().post(PATH, json=body, headers=key)
    again = await world.client().post(PATH, json=body, headers=key)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    path = f"{PATH}/{first.json()['id']}"
    would = await world.client().patch(f"{path}?dryRun=true", json={"sources": []})
    assert would.json()["change"] == "move"
    assert (await world.client().get(path)).json() == first.json()
