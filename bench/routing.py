"""What it costs to route an order of 500 lines with 50 sources: the decision alone, and the whole order posted.

Scattered: every source lists everything, and each line is in stock at one of them, so that all are needed. Thin: every
source has one piece of everything and all of them are wanted, which is the most that the method's bound allows: s
rounds of s · n steps (docs/routing.md).
"""

import asyncio
import statistics
import time
from collections.abc import Callable

from bench.orders import STOCK
from waypost.app.actor import Actor, Scope
from waypost.app.changes import Changer
from waypost.app.goods import InventoryCall, VariantChange
from waypost.app.inventory import change_inventory
from waypost.app.order_items import ItemDraft
from waypost.app.orders import OrderDraft
from waypost.app.ports import Store, Tx
from waypost.domain.orders import PaymentStatus
from waypost.domain.routing import Candidate, Demand, Offer
from waypost.domain.routing_rounds import route
from waypost.domain.routing_rules import DEFAULT_RULES
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store

LINES, SOURCES = 500, 50
TIMES = 5
_STEP = 1000  # variants of one call


def _scattered(source: int, line: int) -> int:
    return STOCK if line % SOURCES == source else 0


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def decision_ms(has: Callable[[int, int], int], wanted: int) -> float:
    """Milliseconds of one decision, in a median: so many pieces of each line wanted, `has` of source and line there."""
    variants = {(s, n): s * LINES + n for s in range(SOURCES) for n in range(LINES)}
    stock = {variant: has(s, n) for (s, n), variant in variants.items()}
    demands = [
        Demand(n, f"SKU-{n}", wanted, offers={s: Offer(variants[s, n], 1000 + s) for s in range(SOURCES)})
        for n in range(LINES)
    ]
    candidates = [Candidate(s, f"S{s}", s) for s in range(SOURCES)]
    found = route(demands, candidates, stock, DEFAULT_RULES)
    if len(found.allocations) != SOURCES or found.unplaced:
        raise RuntimeError("the bench's order does not need all its sources")
    return statistics.median(_ms(lambda: route(demands, candidates, stock, DEFAULT_RULES)) for _ in range(TIMES))


async def _merchant(store: Store) -> tuple[Actor, int]:
    async def make(tx: Tx) -> tuple[int, list[int], int]:
        account = await tx.insert_row("account", {"company_name": "Routing", "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        source = {"account_id": account, "required_fields": "[]", "auto_process": True, "created_at": 1}
        sources = [await tx.insert_row("source", {**source, "name": f"S{s}"}) for s in range(SOURCES)]
        channel = {"account_id": account, "name": "C", "created_at": 1, "auto_generate": True}
        return account, sources, await tx.insert_row("channel", channel)

    account, sources, channel = await store.write(make)
    actor = Actor("account", Scope(account), None, "bench")
    changes = [
        VariantChange(f"/{s}", source, None, f"SKU-{n}", {"quantity": _scattered(s, n), "cost": 1000 + s})
        for s, source in enumerate(sources)
        for n in range(LINES)
    ]
    for first in range(0, len(changes), _STEP):
        call = InventoryCall(actor, tuple(changes[first : first + _STEP]), creates=True)

        async def offer(tx: Tx, call: InventoryCall = call) -> object:
            return await change_inventory(tx, [call], 1)

        await store.write(offer)
    return actor, channel


async def _posted_ms(url: str) -> float:
    store = await open_store(url)
    actor, channel = await _merchant(store)
    writer = GroupWriter(store)
    changer = Changer(writer, lambda: time.time_ns() // 1000)
    took = []
    for number in range(TIMES):
        items = tuple(ItemDraft(f"SKU-{n}", "Thing", 2, 99_900, None, None, None, "[]") for n in range(LINES))
        draft = OrderDraft(actor, channel, f"WIDE-{number}", None, None, str(number), "Ground", "{}", None,
                           PaymentStatus.PAID, "[]", "[]", items)  # fmt: skip
        began = time.perf_counter()
        posted = await changer.create_order(draft)
        took.append((time.perf_counter() - began) * 1000)
        if len(posted.view.requests) != SOURCES:
            raise RuntimeError("the bench's order was not routed to all its sources")
    await writer.close()
    await store.close()
    return statistics.median(took)


def measure(url: str) -> dict[str, float]:
    """Milliseconds of the decision, and of the order stored with its decision, its requests and its stock.

    `url`: an empty database.
    """
    return {
        "routing_500_lines_50_sources_scattered_ms": decision_ms(_scattered, 2),
        "routing_500_lines_50_sources_thin_ms": decision_ms(lambda source, line: 1, SOURCES),
        "order_500_lines_50_sources_ms": asyncio.run(_posted_ms(url)),
    }
