"""The same merchant for everything that is measured: requests in Processing with two lines each."""

import hashlib
import os
import time

from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from bench.conventional.models import Base, Line, Request, Token
from bench.load import TOKEN
from waypost.app.actor import Actor, Scope
from waypost.app.generation import Generated, RequestDraft, generate
from waypost.app.orders import ItemDraft, OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Store, Tx
from waypost.storage.opening import open_store
from waypost.wire.addresses import AddressIn, store_address

BATCH = 1000
ADDRESS = store_address(AddressIn(name="Zoë Müller", address_line1="Gasse 1", city="Zürich", country="Switzerland"))
DIGEST = hashlib.sha256(TOKEN.encode()).digest()


async def waypost(url: str, count: int, lines: int = 2) -> None:
    """Fill a fresh Waypost database; request ids are 1 to `count`, of so many lines each."""
    store: Store = await open_store(url)

    async def merchant(tx: Tx) -> tuple[Actor, int, int]:
        account = await tx.insert_row("account", {"company_name": "Bench", "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        source = {"account_id": account, "name": "S", "required_fields": "[]", "auto_process": True, "created_at": 1}
        row = {"account_id": account, "type": "account", "source_id": None, "channel_id": None, "name": "bench",
               "family": 1, "digest": DIGEST, "hint": "ench", "created_at": 1}  # fmt: skip
        await tx.insert_row("token", row)
        channel = await tx.insert_row("channel", {"account_id": account, "name": "C", "created_at": 1})
        return Actor("account", Scope(account), None, "bench"), await tx.insert_row("source", source), channel

    actor, source, channel = await store.write(merchant)
    items = tuple(ItemDraft(f"SKU-{n}", "Thing", 2, 99_900, None, None, None, "[]") for n in range(1, lines + 1))
    for first in range(0, count, BATCH):
        drafts = [
            OrderDraft(actor, channel, f"O-{n}", None, None, None, "Ground", ADDRESS, None, None, "[]", "[]", items)
            for n in range(first, min(count, first + BATCH))
        ]

        async def make(tx: Tx, drafts: list[OrderDraft] = drafts) -> None:
            now = time.time_ns() // 1000
            posted = [one for one in await create_orders(tx, drafts, now) if isinstance(one, OrderPosted)]
            asked = [RequestDraft(actor, one.view.order.id, source) for one in posted]
            made = await generate(tx, asked, now)
            if not all(isinstance(one, Generated) for one in made):
                raise RuntimeError("the bench's own request was refused")

        await store.write(make)
    await store.close()


def conventional(url: str, count: int) -> None:
    """Fill a fresh conventional database with the same."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    now = time.time_ns() // 1000
    with Session(engine) as session:
        session.execute(insert(Token), [{"id": 1, "account_id": 1, "digest": DIGEST}])
        for first in range(1, count + 1, BATCH):
            ids = range(first, min(count + 1, first + BATCH))
            common = {
                "account_id": 1, "source_id": 1, "channel_id": 1, "status": "processing", "version": 1,
                "fulfillment_status": "awaiting_shipment", "generated_at": now, "shipping_address": ADDRESS,
                "shipping_text": "Ground", "total_items": 2, "total_quantity": 4, "total_cost": 0, "shipped_quantity": 0,
                "suppress_tracking": False, "attempt_count": 1,
            }  # fmt: skip
            session.execute(insert(Request), [
                {**common, "id": id_, "order_id": id_, "number": f"O-{id_}-1", "modified_at": now + id_} for id_ in ids
            ])  # fmt: skip
            session.execute(insert(Line), [
                {"id": id_ * 2 + n, "request_id": id_, "line_number": n + 1, "sku": f"SKU-{n}", "title": "Thing",
                 "quantity": 2, "cost": 0, "order_item_id": id_ * 2 + n, "acknowledged": 0, "shipped": 0, "canceled": 0,
                 "voided": 0} for id_ in ids for n in (0, 1)
            ])  # fmt: skip
            session.commit()
    engine.dispose()


def remove(path: str) -> None:
    """Remove a SQLite file and what lies beside it."""
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
