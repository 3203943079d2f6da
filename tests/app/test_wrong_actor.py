"""Who may not do a thing hears which types of token may (contract section 1.1)."""

import pytest

from tests.support.commands import command
from tests.support.merchant import Merchant
from tests.support.world import World
from tests.support.world import merchant as two_merchants
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.order_bench import OrderAsk
from waypost.app.order_changes import set_status
from waypost.app.ports import Store
from waypost.domain.lifecycle import Action
from waypost.domain.orders import OrderStatus
from waypost.domain.refusals import NotPermitted
from waypost.main import build_hub


@pytest.mark.parametrize(
    ("who", "action", "types"),
    [
        ("channel", Action.CANCEL, ("account", "source")),
        ("channel", Action.ADJUST, ("account", "source")),
        ("source", Action.VOID, ("account",)),
        ("channel", Action.SYNC_ACCOUNTING, ("account",)),
    ],
)
async def test_of_a_request(merchant: Merchant, changes: Changer, who: str, action: Action, types: tuple[str, ...]) -> None:
    id_ = await merchant.request()
    with pytest.raises(NotPermitted) as caught:
        await changes.change(command(action, id_, merchant.actor(who)))
    assert (caught.value.code, caught.value.token_types) == ("wrong_token_type", types)


async def test_of_an_order(store: Store) -> None:
    hub, writer = build_hub(store)
    world = World(hub, None, await two_merchants(hub, "ours"), await two_merchants(hub, "theirs"))
    channel = Actor("channel", Scope(world.ours.account, None, world.ours.channels[0]), None, "shop")
    with pytest.raises(NotPermitted) as caught:
        await hub.changes.record(set_status(OrderAsk(channel, await world.order(), "c-1"), OrderStatus.ON_HOLD))
    assert caught.value.token_types == ("account",)
    await writer.close()
