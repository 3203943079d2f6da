"""What calls leave behind besides requests, in each block of the past: settings, ended webhooks, and what came to nothing.

Each is there in such a way that a query which walks it, instead of what it returns, costs more on the larger account.
"""

from typing import TYPE_CHECKING

from tests.growth.one_thing import SKUS
from waypost.app.commands import Command
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status

if TYPE_CHECKING:
    from tests.growth.template import Maker

DAY = 24 * 3600 * 1_000_000
OLD = 100 * DAY  # before today
CROWD = 3  # an account of which only the sources grow, and what needs somebody at each
UNLIKELY = "as was canceled"  # the likeness of orders all of which are canceled
SHARED = "one for all"  # an external id that each block's listings have
EACH = 3
SETTINGS = 10  # of each kind: so many that a look at all of them costs more buffers than a bound lets through


async def leave_behind(maker: "Maker", sku: str, sources: tuple[int, int], channels: tuple[int, int]) -> None:
    """One block's. Of both, one has much and one has little; at the latter source nothing of it is released."""
    large, rare = sources
    for of in channels:
        listed = {"channelId": of, "productSku": sku, "externalId": SHARED}
        skus = [f"Listing N{maker.number()}" for _ in range(EACH)]
        await maker.ok("PUT", "/listing/variants", [{"sku": one, **listed} for one in skus])
    channel, _ = channels
    for _ in range(SETTINGS):
        source = (await maker.ok("POST", "/sources", {"name": f"Source N{maker.number()}"}))["id"]
        other = (await maker.ok("POST", "/channel", {"name": f"Channel N{maker.number()}"}))["id"]
        await _settings(maker, source, large, channel)
        for sku in SKUS:  # not of the product: that names all its inventory
            maker.insert("inventory_variant", {
                "account_id": 1, "source_id": source, "sku": sku, "quantity": 5, "committed": 0, "cost": 1, "archived": False,
                "updated_at": 1, "inserted_at": 1,
            })  # fmt: skip
        await _webhook(maker)
        _down(maker)
    for _ in range(EACH):
        order = await maker.order(channel, sku)
        await maker.ok("PATCH", f"/orders/{order}/status?status=Canceled")
        maker.execute("UPDATE orders SET likeness = ? WHERE id = ?", [UNLIKELY, order])
        decided = {"account_id": 1, "order_id": order, "at": maker.hub.clock(), "decision": "{}"}
        maker.insert("routing_decision", decided)  # of a request that is gone to another
    for _ in range(2):  # of a channel in which nothing that is canceled is routed again
        request = await maker.request(rare, other, sku, Status.UNPROCESSED)
        await maker.hub.changes.change(Command(Action.CANCEL, request["id"], maker.actor))


async def _settings(maker: "Maker", source: int, large: int, channel: int) -> None:
    """Methods, a policy, a routing group; texts that mean nothing yet, and of the crowd some that do."""
    methods = [
        await maker.ok("POST", "/shipping/source-shipping-methods", {"sourceId": of, "name": f"Method N{maker.number()}"})
        for of in (source, large, large)
    ]
    name = f"Name N{maker.number()}"
    await maker.ok("POST", "/shipping/shipping-policies", {"name": name, "methods": [{"sourceShippingMethodId": methods[0]["id"]}]})
    await maker.ok("POST", "/routing-groups", {"name": name, "rules": [], "sources": [{"sourceId": source, "priority": 1}]})
    for _ in range(2):
        await maker.ok("POST", "/shipping/channel-shipping-methods", {"channelId": channel, "name": f"Text N{maker.number()}"})
        maker.insert("channel_shipping_method", {
            "account_id": CROWD, "channel_id": maker.names["crowd channel"][0], "name": f"Text N{maker.number()}",
            "policy_id": maker.names["crowd policy"][0], "created_at": 1, "updated_at": 1,
        })  # fmt: skip


async def _webhook(maker: "Maker") -> None:
    """One that is deleted, with messages that never arrived."""
    hook = {"configurationName": "Short", "webhookUrl": "https://example.com/", "subscribedEvents": ["*"]}
    id_ = (await maker.ok("POST", "/webhook/configurations", hook))["id"]
    await maker.ok("PATCH", f"/webhook/configurations/{id_}", {"status": "deleted"})
    old = maker.hub.clock() - OLD
    for _ in range(3):
        maker.message(id_, "pending", old, at=old)  # as they were left before they ended with it


def _down(maker: "Maker") -> None:
    """A source of the crowd that does not answer."""
    now, source = maker.hub.clock(), maker.insert("source", {
        "account_id": CROWD, "name": f"Source N{maker.number()}", "required_fields": "[]", "auto_process": True, "created_at": 1,
    })  # fmt: skip
    about = {"account_id": CROWD, "source_id": source, "code": "source_down", "subject": "source", "subject_id": source}
    maker.insert("attention", {**about, "message": "Look.", "raised_at": now})
    maker.insert("attention_item", {**about, "care": 0, "since": now})
