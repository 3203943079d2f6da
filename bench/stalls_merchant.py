"""The merchant of `bench.stalls`: 50 sources that offer the same 500 SKUs, long orders, and many webhooks."""

from typing import NamedTuple

from bench.seeding import ADDRESS
from bench.stalls_crowd import Crowd, crowd
from waypost.app.actor import Actor, Scope
from waypost.app.generation import Generated, RequestDraft, generate
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.order_items import ItemDraft
from waypost.app.orders import OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Store, Tx
from waypost.storage.opening import open_store

LINES, SOURCES = 500, 50
PULLED = 100  # requests of LINES lines each that one pull hands over
PULLS = 4
PLENTY = 10**6
_AT_ONCE = 1000  # variants of one call
_WRITTEN_AT = 1


class Stage(NamedTuple):
    """Ids of what the operations work on, all of account 1."""

    auto_channel: int  # generates by itself
    plain_channel: int
    sources: tuple[int, ...]
    alone: int  # the one source that offers ALONE-…
    polled: int  # the source that the pulls ask for
    crowd: Crowd  # of another account


async def furnish(url: str) -> Stage:
    """Add it to the account of `bench.seeding`, and the crowd beside it."""
    store = await open_store(url)
    actor = Actor("account", Scope(1), 1, "bench", 1)
    made = await crowd(store)
    stage = await store.write(lambda tx: _rows(tx, made))
    offers = [
        VariantChange("/0", source, None, f"{kind}-{line}", {"quantity": quantity, "cost": 10_000 + place})
        for place, source in enumerate(stage.sources)
        for line in range(LINES)
        for kind, quantity in (("WIDE", PLENTY if line % SOURCES == place else 0), ("THIN", 1))
    ]
    offers += [
        VariantChange("/0", source, None, f"{kind}-{line}", {"quantity": PLENTY, "cost": 10_000})
        for kind, source in (("ALONE", stage.alone), ("POLLED", stage.polled))
        for line in range(LINES)
    ]
    for first in range(0, len(offers), _AT_ONCE):
        call = InventoryCall(actor, tuple(offers[first : first + _AT_ONCE]), creates=True)
        await store.write(lambda tx, call=call: change_inventory(tx, [call], _WRITTEN_AT))  # type: ignore[misc]
    await _to_be_pulled(store, actor, stage)
    await store.close()
    return stage


async def _rows(tx: Tx, made: Crowd) -> Stage:
    source = {"account_id": 1, "required_fields": "[]", "auto_process": True, "created_at": _WRITTEN_AT}
    ids = [await tx.insert_row("source", {**source, "name": f"Wide {n}"}) for n in range(SOURCES + 2)]
    channel = {"account_id": 1, "created_at": _WRITTEN_AT}
    auto = await tx.insert_row("channel", {**channel, "name": "Auto", "auto_generate": True})
    plain = await tx.insert_row("channel", {**channel, "name": "Plain"})
    return Stage(auto, plain, tuple(ids[:SOURCES]), ids[SOURCES], ids[SOURCES + 1], made)


async def _to_be_pulled(store: Store, actor: Actor, stage: Stage) -> None:
    items = tuple(ItemDraft(f"POLLED-{n}", "Thing", 1, 99_900, None, None, None, "[]") for n in range(LINES))

    async def make(tx: Tx, number: int) -> None:
        draft = OrderDraft(actor, stage.plain_channel, f"PULL-{number}", None, None, None, "Ground", ADDRESS,
                           None, None, "[]", "[]", items)  # fmt: skip
        (posted,) = await create_orders(tx, [draft], _WRITTEN_AT)
        if not isinstance(posted, OrderPosted):
            raise RuntimeError("the bench's own order was refused")
        made = await generate(tx, [RequestDraft(actor, posted.view.order.id, stage.polled)], _WRITTEN_AT)
        if not isinstance(made[0], Generated):
            raise RuntimeError("the bench's own request was refused")

    for number in range(PULLED * PULLS):
        await store.write(lambda tx, number=number: make(tx, number))  # type: ignore[misc]
