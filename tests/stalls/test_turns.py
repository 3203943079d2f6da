"""The longest operations give way: between any two turns of the event loop, only so much is done.

What is counted are calls of functions (`tests.support.turns`). A statement of SQLite and an encoder are one call each:
what statements cost is counted by `tests.growth`, and how long others wait in all is measured by `bench.stalls`.
"""

from collections.abc import AsyncIterator, Coroutine
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.support.turns import longest_turn
from tests.support.world import ADDRESS
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.clock_rules import Enforcement, enforce
from waypost.app.commands import Command, IdempotencyKey
from waypost.app.generation import RequestDraft
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.large_work import SLICE, LargeWork
from waypost.app.lists import Bulk, Pull
from waypost.app.order_items import ItemDraft
from waypost.app.order_links import LinkAsk, link_orders
from waypost.app.orders import OrderDraft
from waypost.app.ports import Store, Tx
from waypost.app.ports.clock_rules import Overdue
from waypost.app.routing_orders import GenerationAsk, generate_order, preview_order
from waypost.app.shipment_drafts import PatchCall, PieceDraft, ShipmentDraft, ShipmentPatch
from waypost.domain.clock_rules import ClockRule, Condition, Response
from waypost.domain.lifecycle import Action
from waypost.domain.orders import PaymentStatus
from waypost.storage.group_commit import GroupWriter
from waypost.wire.pieces import joined
from waypost.wire.routing import render_preview

LINES, SOURCES = 250, 25
COUNTED = 250  # requests of one line that have shipped
MANY = 24  # requests or orders of so many lines
CALLS_AT_MOST = 18_000  # in one turn: about 3 ms
UNDIVIDED = {"order posted and generated", "generated with a key", "shipment", "inventory", "link", "quantity told"}
CALLS_OF_THEM = 28_000  # a part of these is done in one piece, which is larger than a slice


class Shop(NamedTuple):
    """A merchant whose sources all offer the same, one piece each."""

    store: Store
    writer: GroupWriter
    changer: Changer
    actor: Actor
    sources: list[int]
    auto: int
    plain: int


@pytest.fixture
async def shop(store: Store) -> AsyncIterator[Shop]:
    """On each engine."""

    async def make(tx: Tx) -> tuple[int, list[int], int, int]:
        account = await tx.insert_row("account", {"company_name": "Turns", "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        source = {"account_id": account, "required_fields": "[]", "auto_process": True, "created_at": 1}
        sources = [await tx.insert_row("source", {**source, "name": f"S{n}"}) for n in range(SOURCES)]
        channel = {"account_id": account, "created_at": 1}
        auto = await tx.insert_row("channel", {**channel, "name": "A", "auto_generate": True})
        return account, sources, auto, await tx.insert_row("channel", {**channel, "name": "P"})

    account, sources, auto, plain = await store.write(make)
    writer = GroupWriter(store)
    changer, actor = Changer(writer, lambda: 10**15), Actor("account", Scope(account), None, "turns", 1)
    for source in sources:
        await changer.change_inventory(_offer(actor, source, 0))
    yield Shop(store, writer, changer, actor, sources, auto, plain)
    await writer.close()


def _offer(actor: Actor, source: int, first: int) -> InventoryCall:
    changes = [
        VariantChange(f"/{n}", source, None, f"SKU-{first + n}", {"quantity": 1, "cost": 10_000}) for n in range(LINES)
    ]
    return InventoryCall(actor, tuple(changes), creates=True)


def _draft(shop: Shop, number: str, channel: int, quantity: int) -> OrderDraft:
    items = tuple(ItemDraft(f"SKU-{n}", "Thing", quantity, 99_900, None, None, None, "[]") for n in range(LINES))
    return OrderDraft(shop.actor, channel, number, None, None, number, "Ground", ADDRESS, None, PaymentStatus.PAID,
                      "[]", "[]", items)  # fmt: skip


async def _order(shop: Shop, quantity: int) -> int:
    return (await shop.changer.create_order(_draft(shop, "O-1", shop.plain, quantity))).view.order.id


async def _posted(shop: Shop) -> Coroutine[Any, Any, object]:
    return shop.changer.create_order(_draft(shop, "O-1", shop.auto, SOURCES))


async def _previewed(shop: Shop) -> Coroutine[Any, Any, object]:
    async def preview(order: int) -> list[bytes]:
        done = await shop.changer.record(preview_order(GenerationAsk(shop.actor, order)))
        return await LargeWork().collected(joined(render_preview(done.record), SLICE), len)

    return preview(await _order(shop, 2 * SOURCES))


_KEY = IdempotencyKey(1, "turns", "generate", b"1" * 16)


async def _kept(shop: Shop) -> Coroutine[Any, Any, object]:
    return shop.changer.record(generate_order(GenerationAsk(shop.actor, await _order(shop, SOURCES))), _KEY)


async def _repeated(shop: Shop) -> Coroutine[Any, Any, object]:
    change = partial(generate_order, GenerationAsk(shop.actor, await _order(shop, SOURCES)))
    await shop.changer.record(change(), _KEY)
    return shop.changer.record(change(), _KEY)


async def _made(shop: Shop) -> list[int]:
    """Requests of a line of each source."""
    order = await _order(shop, SOURCES)
    done = await shop.changer.record(generate_order(GenerationAsk(shop.actor, order)))
    return [image.state.id for image in done.record]


async def _bulk(shop: Shop) -> Coroutine[Any, Any, object]:
    commands = [Command(Action.CANCEL, id_, shop.actor, None, wants_image=False) for id_ in await _made(shop)]
    return shop.changer.bulk(Bulk(tuple(commands)))


async def _pulled(shop: Shop) -> Coroutine[Any, Any, object]:
    await _made(shop)
    return shop.changer.pull(Pull(shop.actor, None, None))


async def _shipped(shop: Shop) -> Coroutine[Any, Any, object]:
    order = await _order(shop, 1)
    made = await shop.changer.generate(RequestDraft(shop.actor, order, shop.sources[0]))
    pieces = tuple(PieceDraft(1, sku=f"SKU-{n}") for n in range(LINES))
    return shop.changer.ship(_shipment(shop.actor, made.image.state.id, pieces))


def _shipment(actor: Actor, request: int, pieces: tuple[PieceDraft, ...]) -> ShipmentDraft:
    blank: dict[str, Any] = dict.fromkeys(ShipmentDraft._fields)
    blank |= ShipmentDraft._field_defaults
    given = {"actor": actor, "request_id": request, "tracking_number": "T-1", "pieces": pieces, "custom_fields": "[]",
             "suppressed": False, "allow_duplicate": False}  # fmt: skip
    return ShipmentDraft(**{**blank, **given})


async def _offered(shop: Shop) -> Coroutine[Any, Any, object]:
    calls = [_offer(shop.actor, shop.sources[0], LINES * n) for n in range(1, 9)]
    together = tuple(change for call in calls for change in call.variants)
    return shop.changer.change_inventory(InventoryCall(shop.actor, together, creates=True))


async def _many(shop: Shop) -> list[int]:
    """Requests of all lines, each of an order of its own."""
    ids = []
    for number in range(MANY):
        order = (await shop.changer.create_order(_draft(shop, f"M-{number}", shop.plain, 1))).view.order.id
        made = await shop.changer.generate(RequestDraft(shop.actor, order, shop.sources[number]))
        ids.append(made.image.state.id)
    return ids


async def _bulk_of_long(shop: Shop, action: Action = Action.ACKNOWLEDGE) -> Coroutine[Any, Any, object]:
    commands = [Command(action, id_, shop.actor, None, wants_image=False) for id_ in await _many(shop)]
    return shop.changer.bulk(Bulk(tuple(commands)))


async def _enforced(shop: Shop) -> Coroutine[Any, Any, object]:
    account = shop.actor.scope.account_id
    rule = ClockRule(1, account, None, Condition.UNSHIPPED, 1, Response.CANCEL, True, 1, 1)
    overdue = [Overdue(id_, shop.sources[0], 1) for id_ in await _many(shop)]
    jobs = [Enforcement(rule, (one,)) for one in overdue]
    return shop.writer.submit_alone(partial(enforce, now=10**15), jobs)  # type: ignore[arg-type]


async def _flagged(shop: Shop) -> Coroutine[Any, Any, object]:
    pieces = tuple(PieceDraft(1, sku=f"SKU-{n}") for n in range(LINES))
    patches = []
    for id_ in await _many(shop):
        shipped = await shop.changer.ship(_shipment(shop.actor, id_, pieces))
        patches.append(ShipmentPatch(shop.actor, shipped.view.shipment.id, {"sync_error": "no", "synced_to_channel": False}))
    return shop.changer.patch_shipments(PatchCall(tuple(patches)))


async def _linked(shop: Shop) -> Coroutine[Any, Any, object]:
    items = tuple(ItemDraft(None, "Thing", 1, 99_900, f"EXT-{n}", None, None, "[]") for n in range(LINES))
    orders = []
    for number in range(MANY):
        draft = _draft(shop, f"L-{number}", shop.auto, 1)._replace(items=items)
        orders.append((await shop.changer.create_order(draft)).view.order.id)

    async def make_known(tx: Tx) -> None:
        names = "account_id, channel_id, sku, external_id, custom_fields, inserted_at, updated_at"
        rows = [(shop.actor.scope.account_id, shop.auto, f"SKU-{n}", f"EXT-{n}") for n in range(LINES)]
        sql = f"INSERT INTO listing_variant ({names}) VALUES ($1, $2, $3, $4, '[]', 1, 1)"
        await tx.execute_many(sql, rows)  # type: ignore[attr-defined]

    await shop.store.write(make_known)
    return shop.changer.record(link_orders(LinkAsk(shop.actor, tuple(orders))))


async def _counted(shop: Shop) -> Coroutine[Any, Any, object]:
    """The quantity of a variant is told, of which many requests have shipped."""
    source = shop.sources[0]
    await shop.store.write(lambda tx: tx.update_row("source", source, {"stock_release": "quantity_update"}))
    await shop.changer.change_inventory(InventoryCall(shop.actor, (_told(source, 2 * COUNTED),)))
    for number in range(COUNTED):
        draft = _draft(shop, f"C-{number}", shop.plain, 1)
        order = (await shop.changer.create_order(draft._replace(items=draft.items[:1]))).view.order.id
        made = await shop.changer.generate(RequestDraft(shop.actor, order, source))
        shipment = _shipment(shop.actor, made.image.state.id, (PieceDraft(1, sku="SKU-0"),))
        await shop.changer.ship(shipment._replace(tracking_number=f"C-{number}"))
    return shop.changer.change_inventory(InventoryCall(shop.actor, (_told(source, COUNTED),)))


def _told(source: int, quantity: int) -> VariantChange:
    return VariantChange("/0", source, None, "SKU-0", {"quantity": quantity})


LONG = {
    "order posted and generated": _posted, "preview": _previewed, "generated with a key": _kept,
    "repeated with its key": _repeated, "bulk cancel": _bulk, "pull": _pulled, "shipment": _shipped,
    "inventory": _offered, "bulk acknowledge of long requests": _bulk_of_long, "clock rule": _enforced,
    "flagged shipments": _flagged, "link": _linked, "quantity told": _counted,
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
async def test_a_long_operation_gives_way(shop: Shop, name: str) -> None:
    longest, _ = await longest_turn(await LONG[name](shop))
    assert longest <= (CALLS_OF_THEM if name in UNDIVIDED else CALLS_AT_MOST)
