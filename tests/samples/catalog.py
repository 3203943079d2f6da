"""Sources and channels, and how they ship and route."""

import itertools

from tests.samples import Preparer, Real
from tests.support.world import World

_numbers = itertools.count(1)


async def source_there(world: World) -> Real:
    """A source of the merchant."""
    return {"/11": f"/{world.ours.sources[0]}", '"sourceId": 11': f'"sourceId": {world.ours.sources[0]}'}


async def channel_there(world: World) -> Real:
    """A channel of the merchant."""
    return {"/21": f"/{world.ours.channels[0]}"}


async def free_names(world: World) -> Real:
    """Names that nobody has yet."""
    number = next(_numbers)
    mine = {f'"{name}"': f'"{name} {number}"' for name in ("Ground", "Standard", "Express (1-2 days)", "Domestic")}
    return {**await source_there(world), **mine}


async def method_there(world: World) -> Real:
    """A shipping method of the merchant's source."""
    body = {"sourceId": world.ours.sources[0], "name": f"By post {next(_numbers)}"}
    made = await world.client().post("/shipping/source-shipping-methods", json=body)
    assert made.status == 201, made.body
    return {**await free_names(world), "301": made.json()["id"]}


async def policy_there(world: World) -> Real:
    """A shipping policy, and a method."""
    made = await world.client().post("/shipping/shipping-policies", json={"name": f"Policy {next(_numbers)}"})
    assert made.status == 201, made.body
    return {**await method_there(world), "401": made.json()["id"]}


async def text_there(world: World) -> Real:
    """A shipping text of a channel, and a policy."""
    body = {"channelId": world.ours.channels[0], "name": f"Text {next(_numbers)}"}
    made = await world.client().post("/shipping/channel-shipping-methods", json=body)
    assert made.status == 201, made.body
    return {**await policy_there(world), "301": made.json()["id"]}


async def group_there(world: World) -> Real:
    """A routing group."""
    made = await world.client().post("/routing-groups", json={"name": f"Group {next(_numbers)}"})
    assert made.status == 201, made.body
    return {**await free_names(world), "/601": f"/{made.json()['id']}"}


_OF_A_SOURCE = ("get_source", "update_source", "set_source_settings", "get_purchase_order_strategy",
                "set_purchase_order_strategy")  # fmt: skip
PREPARES: dict[str, Preparer] = {
    **dict.fromkeys(_OF_A_SOURCE, source_there),
    **dict.fromkeys(("get_channel", "update_channel"), channel_there),
    "create_source_shipping_method": free_names,
    "create_channel_shipping_method": free_names,
    "update_source_shipping_method": method_there,
    "create_shipping_policy": method_there,
    "update_shipping_policy": policy_there,
    "update_channel_shipping_method": text_there,
    "create_routing_group": free_names,
    **dict.fromkeys(("get_routing_group", "update_routing_group"), group_there),
}
