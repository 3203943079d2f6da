"""A second account of `bench.stalls`, with much of one thing: an order of many requests, lists of long records."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from bench.seeding import ADDRESS, BATCH
from waypost.app.actor import Actor, Scope
from waypost.app.generation import Generated, LineDraft, RequestDraft, generate
from waypost.app.goods import InventoryCall, InventoryDone, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.order_items import ItemDraft
from waypost.app.orders import OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Store, Tx
from waypost.domain.events import ORDER_CHANGED, Event
from waypost.wire.catalog_routing import SOURCES_AT_MOST
from waypost.wire.catalog_shipping import METHODS_AT_MOST

TOKEN = "wp_crowd"
MANY = 60_000  # requests of the order, and events of it and of one of its requests
LISTED = 300  # policies and groups, each of as many members as it may have
SKU = "CROWD"
_AT = 1


class Crowd(NamedTuple):
    """Ids."""

    order: int
    request: int
    variant: int  # of which each request of the order holds a piece


async def crowd(store: Store) -> Crowd:
    """Make the account and all that it has."""
    actor, channel, source = await store.write(_merchant)
    offer = VariantChange("/0", source, None, SKU, {"quantity": 2 * MANY, "cost": 10_000})
    (told,) = await store.write(lambda tx: change_inventory(tx, [InventoryCall(actor, (offer,), creates=True)], _AT))
    item = ItemDraft(SKU, "Thing", MANY, 99_900, None, None, None, "[]")
    draft = OrderDraft(actor, channel, "CROWD-1", None, None, None, "Ground", ADDRESS, None, None, "[]", "[]", (item,))
    (posted,) = await store.write(lambda tx: create_orders(tx, [draft], _AT))
    if not isinstance(posted, OrderPosted) or not isinstance(told, InventoryDone):
        raise RuntimeError("the bench's own order or inventory was refused")
    order = posted.view.order.id
    asked = [RequestDraft(actor, order, source, (LineDraft(posted.view.items[0].id, 1),))] * BATCH
    for _ in range(0, MANY, BATCH):
        made = await store.write(lambda tx: generate(tx, asked, _AT))
    if not isinstance(made[-1], Generated):
        raise RuntimeError("the bench's own request was refused")
    request = made[-1].image.state.id
    await store.write(lambda tx: _tell(tx, actor, (("order", order), ("fulfillment_request", request))))
    return Crowd(order, request, told.variants[0].id)


async def _merchant(tx: Tx) -> tuple[Actor, int, int]:
    """The account with its sources, and lists of the longest policies and groups; of them one channel and source."""
    account = await tx.insert_row("account", {"company_name": "Crowd", "created_at": _AT})
    await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
    of = {"account_id": account, "created_at": _AT}
    row = {**of, "type": "account", "source_id": None, "channel_id": None, "name": "crowd", "family": 2,
           "digest": hashlib.sha256(TOKEN.encode()).digest(), "hint": "rowd"}  # fmt: skip
    await tx.insert_row("token", row)
    channel = await tx.insert_row("channel", {**of, "name": "Crowd"})
    source = {**of, "required_fields": "[]", "auto_process": True}
    sources = [await tx.insert_row("source", {**source, "name": f"Crowd {n}"}) for n in range(METHODS_AT_MOST)]
    of["updated_at"] = _AT
    methods = [
        (id_, await tx.insert_row("source_shipping_method", {**of, "source_id": id_, "name": "Ground", "active": True}))
        for id_ in sources
    ]
    members = [(id_, place, True) for place, id_ in enumerate(sources[:SOURCES_AT_MOST])]
    for number in range(LISTED):
        policy = await tx.insert_row("shipping_policy", {**of, "name": f"Policy {number}"})
        await tx.replace_members("shipping_policy_method", policy, methods)
        group = await tx.insert_row("routing_group", {**of, "name": f"Group {number}", "rules": "[]"})
        await tx.replace_members("routing_group_source", group, members)
    return Actor("account", Scope(account), None, "crowd"), channel, sources[0]


async def _tell(tx: Tx, actor: Actor, subjects: Sequence[tuple[str, int]]) -> None:
    """As many events of each of these."""
    account = actor.scope.account_id
    first = (await tx.load([], [account])).counters[account].last_seq + 1
    events = [
        Event(account, first + n, _AT, *subjects[n // MANY], ORDER_CHANGED, None, None, actor.type, None, None, None,
              None, None, '{"changed":["tags"]}')
        for n in range(MANY * len(subjects))
    ]  # fmt: skip
    await tx.write_events(events, _AT)
