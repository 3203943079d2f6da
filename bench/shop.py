"""The catalog of the merchant that `bench.scale` measures, and the orders that come in."""

import json

from bench.seeding import DIGEST
from waypost.app.actor import Actor
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import Tx
from waypost.app.ports.delivery import SourceDelivery
from waypost.app.ports.secrets import Secret
from waypost.wire.addresses import AddressIn, store_address

ACCOUNT = CHANNEL = WEBHOOK = 1
SOURCES = 50
PUSHED = (1, 2)  # sources that a worker calls; the others poll
BACKLOG = 2  # its requests in Processing are tried again much later: nothing is due
POLLED = 3  # its requests in Processing wait for a poll
WORK = 4  # has the requests that are failed and shipped
IDLE = 50  # has nothing in Processing
SKUS = 40
STOCK = 10**12
COST = 70_000  # ten-thousandths


async def write_catalog(tx: Tx, at: int) -> None:
    """Write the account, its token, sources, channel and webhook."""
    await tx.insert_row("account", {"company_name": "Bench", "created_at": at})
    await tx.insert_row("account_counter", {"account_id": ACCOUNT, "last_seq": 0, "last_at": 0})
    token = {"account_id": ACCOUNT, "type": "account", "source_id": None, "channel_id": None, "name": "bench",
             "family": 1, "digest": DIGEST, "hint": "ench", "created_at": at}  # fmt: skip
    await tx.insert_row("token", token)
    await tx.insert_row("channel", {"account_id": ACCOUNT, "name": "C", "created_at": at})
    source = {"account_id": ACCOUNT, "required_fields": "[]", "auto_process": True, "created_at": at}
    for n in range(1, SOURCES + 1):
        await tx.insert_row("source", {**source, "name": f"S{n}"})
    settings = json.dumps({"url": "https://source.example/orders", "rules": []})
    for n in PUSHED:
        await tx.write_delivery(SourceDelivery(n, ACCOUNT, "http", settings, Secret("{}"), "{}", False, 1, at, at))
    hook = {
        "id": (await tx.new_ids("webhook", 1))[0],
        "account_id": ACCOUNT, "source_id": None, "channel_id": None, "name": "W", "url": "https://merchant.example/",
        "status": "active", "subscribed": '["*"]', "strict_order": False, "timeout_s": 15, "secret": "whsec_" + "QUJD" * 8,
        "cursor": 0, "failures": 0, "paused_until": 0, "lease_until": 0, "created_at": at, "updated_at": at,
    }  # fmt: skip
    await tx.insert_row("webhook", hook)


def stock_of(actor: Actor, source: int) -> InventoryCall:
    """More of each SKU than is ever ordered."""
    values = {"quantity": STOCK, "cost": COST}
    changes = (VariantChange(f"/{n}", source, None, f"SKU-{n}", {"title": f"Thing {n}", **values}) for n in range(SKUS))
    return InventoryCall(actor, tuple(changes), creates=True)


def order_of(actor: Actor, number: int, quantity: int | None) -> OrderDraft:
    """One to three items of 1 to 3 pieces; with a `quantity`, one item of so many."""
    count = 1 + number % 3 if quantity is None else 1
    items = tuple(
        ItemDraft(f"SKU-{n if quantity else (number * 7 + n) % SKUS}", "Thing", quantity or 1 + (number + n) % 3, 99_900, None, None, None, "[]")
        for n in range(count)
    )  # fmt: skip
    place = AddressIn(
        name=f"Zoë Müller {number}", address_line1=f"Gasse {number}", city="Zürich", country="Switzerland"
    )
    return OrderDraft(actor, CHANNEL, f"O-{number}", f"REF-{number}", None, None, "Ground", store_address(place), None, None,
                      "[]", "[]", items)  # fmt: skip
