"""A database full of requests in Processing, for faults to happen to."""

import hashlib
from pathlib import Path

from waypost.app.actor import Actor, Scope
from waypost.app.generation import RequestDraft, generate
from waypost.app.orders import ItemDraft, OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Tx
from waypost.storage.opening import open_store

TOKEN = "wp_fault"
BATCH = 500


async def fill(
    database_url: str, count: int, key_file: Path | None = None, lines: int = 1
) -> tuple[str, list[int]]:
    """Make a merchant with `count` requests in Processing, of so many lines each; its token, and their ids."""
    store = await open_store(database_url, key_file=key_file)

    async def merchant(tx: Tx) -> tuple[Actor, int, int]:
        account = await tx.insert_row("account", {"company_name": "Faults", "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        source = {"account_id": account, "name": "S", "required_fields": "[]", "auto_process": True, "created_at": 1}
        channel = {"account_id": account, "name": "C", "created_at": 1}
        await tx.insert_row("token", {
            "account_id": account, "type": "account", "source_id": None, "channel_id": None, "name": "load",
            "family": 1, "digest": hashlib.sha256(TOKEN.encode()).digest(), "hint": "ault", "created_at": 1,
        })  # fmt: skip
        actor = Actor("account", Scope(account), None, "setup")
        return actor, await tx.insert_row("source", source), await tx.insert_row("channel", channel)

    actor, source, channel = await store.write(merchant)
    items = (ItemDraft("SKU", "Thing", 2, 10_000, None, None, None, "[]"),) * lines
    ids: list[int] = []
    for first in range(0, count, BATCH):
        drafts = [
            OrderDraft(actor, channel, f"O-{n}", None, None, None, None, "{}", None, None, "[]", "[]", items)
            for n in range(first, min(count, first + BATCH))
        ]

        async def make(tx: Tx, drafts: list[OrderDraft] = drafts) -> list[int]:
            posted = [one for one in await create_orders(tx, drafts, 10**15) if isinstance(one, OrderPosted)]
            asked = [RequestDraft(actor, one.view.order.id, source) for one in posted]
            return [
                made.image.state.id for made in await generate(tx, asked, 10**15) if not isinstance(made, Exception)
            ]

        ids += await store.write(make)
    await store.close()
    return TOKEN, ids
