"""What runs by itself, and what the command line looks at: workers, webhooks, clock rules, purges, imports, starts.

Each piece is run with a clock at the end of what happened. What it would change is undone, but for what comes last.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from tests.growth.crowd import CROWD, OLD, UNLIKELY
from tests.growth.reads import PAGE, Target
from tests.growth.template import (
    DAY,
    LARGE_CHANNEL,
    LARGE_SOURCES,
    NEVER,
    RARE_CHANNEL,
    RARE_SOURCE,
    STANDING_SOURCE,
)
from waypost.app.actor import Actor, Scope
from waypost.app.hub import Hub
from waypost.app.order_items import ItemDraft
from waypost.app.orders import create_orders
from waypost.app.ports import RequestQuery, Tx, no_changes
from waypost.app.ports.attention import Attention
from waypost.app.ports.catalog import Page
from waypost.app.ports.clock_rules import OverdueQuery
from waypost.app.ports.delivery import RetryPlace
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.webhooks import Settlement
from waypost.app.posted import OrderDraft
from waypost.domain.clock_rules import WATCHED
from waypost.storage.key_check import require_keys
from waypost.storage.readiness import prove_writable

ACCOUNT, HTTP_SOURCE = 1, 2
LEASE = 60_000_000  # microseconds
CENTURIES = 1000 * 365 * DAY

Run = Callable[[Hub], Awaitable[Any]]


class Work(NamedTuple):
    """One piece of work. `name`: the same at every size."""

    name: str
    run: Run


def works(target: Target) -> Iterator[Work]:
    """Every piece, the same in the same order at every size."""
    for part in (_worker, _webhooks, _feed, _clock_rules, _snoozes, _tokens, _start, _lists, _imports, _purges):
        yield from part(target, target.last_at + 1)


def undone(name: str, work: Callable[[Tx], Awaitable[Any]]) -> Work:
    """Work in a transaction, which is undone at its end."""

    async def run(hub: Hub) -> Any:
        return await hub.store.write(lambda tx: tx.rehearse(lambda: work(tx)))

    return Work(name, run)


def _worker(target: Target, now: int) -> Iterator[Work]:
    """The looks of a worker: at its sources, at what waits, at what others left; claims, and what they need."""
    sources = [*LARGE_SOURCES, RARE_SOURCE]
    ids = [target.id("backlog", "fulfillment_request", place) for place in range(PAGE)]
    yield Work("worker deliveries", lambda hub: hub.reads.deliveries(["http"]))
    yield undone("worker routing without a group", lambda tx: tx.routing_catalog([CROWD], [target.base("crowd channel")]))
    yield Work("worker told_down", lambda hub: hub.reads.told_down(sources))
    yield Work("worker waiting_sources", lambda hub: hub.reads.waiting_sources(sources, now))
    places = [RetryPlace(source) for source in sources]
    for word, at in (("nothing due", now), ("all due", now + 2 * NEVER)):
        yield Work(f"worker retrying_sources {word}", lambda hub, at=at: hub.reads.retrying_sources(sources, at))
        yield Work(f"worker due_retries {word}", lambda hub, at=at: hub.reads.due_retries(places, at, PAGE))
    yield Work("worker lapsed", lambda hub: hub.reads.lapsed(now, PAGE))
    yield Work("worker papers", lambda hub: hub.reads.papers(ids))
    yield Work("worker attempts", lambda hub: hub.reads.attempts(Scope(ACCOUNT), ids[0], PAGE))
    for word, source, at in (
        ("with a backlog", LARGE_SOURCES[0], now), ("with a backlog that is not due", HTTP_SOURCE, now),
        ("with a backlog that is due", HTTP_SOURCE, now + 2 * NEVER), ("of a source without requests", 48, now),
    ):  # fmt: skip
        for rest, waited in (("", False), (", of what has waited", True)):
            yield Work(f"worker claim {word}{rest}", partial(_claimed, source, at, waited))
    for word, at in (("that runs well", now), ("that ran ahead", now - DAY)):
        yield undone(f"worker end waits of a clock {word}", partial(_end_waits, at))
    yield undone("worker take over", lambda tx: tx.take_over_claims(HTTP_SOURCE, "w", PAGE, now, now + LEASE))
    yield undone("worker release", lambda tx: tx.release_claims("w", None, now))
    yield undone("worker release of a source", lambda tx: tx.release_claims("w", HTTP_SOURCE, now))
    yield undone("worker limit leases", lambda tx: tx.limit_leases(None, now + LEASE))
    yield undone("worker limit leases of sources", lambda tx: tx.limit_leases(sources, now + LEASE))
    yield undone("worker prolong", lambda tx: tx.prolong_lease(1, "w", now + LEASE))
    yield undone("worker take over a sending", lambda tx: tx.take_over_sending(1, "w", now, now + LEASE))
    yield undone("worker open attempts", lambda tx: tx.open_attempts([1, 2]))
    yield undone("worker delivered since", lambda tx: tx.delivered_since([1, 2]))
    yield undone("worker mark retried", lambda tx: tx.mark_retried([(2, 1)]))
    yield undone("worker note late", lambda tx: tx.note_late([("delivered", now, 1)]))
    raised = Attention(ACCOUNT, HTTP_SOURCE, "fulfillment_request", ids[0], "late_rejection", "Look.", now)
    yield undone("worker raise attention", lambda tx: tx.raise_attention([raised]))
    yield undone("worker settle late", lambda tx: tx.note_attention(no_changes(now)._replace(decided=ids)))
    down = ("source", HTTP_SOURCE, ["source_down"], now)
    yield undone("worker settle attention", lambda tx: tx.settle_attention(ACCOUNT, *down))


async def _end_waits(at: int, tx: Tx) -> Any:
    return await tx.end_waits(at, PAGE)


async def _claimed(source: int, at: int, waited: bool, hub: Hub) -> Any:
    """One claim of a worker, which claims nothing in the end."""

    async def claim(tx: Tx) -> Any:
        return await tx.claim_requests(source, "w", PAGE, at, at + LEASE, waited)

    return await hub.store.write(lambda tx: tx.rehearse(lambda: claim(tx)))


def _webhooks(target: Target, now: int) -> Iterator[Work]:
    """Finding endpoints that are due, holding one, what is to be sent again, and writing what came of it."""
    hook = target.base("webhook")
    messages = ["m-1~0", "m-2~0"]
    yield Work("webhooks due", lambda hub: hub.reads.due_webhooks(now))
    second = 1_000_000
    yield Work("webhooks due deliveries few due", lambda hub: hub.reads.due_deliveries(hook, NEVER, hub.clock() + second, PAGE))
    yield Work("webhooks due deliveries all due", lambda hub: hub.reads.due_deliveries(hook, NEVER, now + 2 * NEVER, PAGE))
    yield Work("webhooks deliveries of messages", lambda hub: hub.reads.deliveries_of(hook, messages))
    seqs = [target.last_seq // 2, target.last_seq - 1]
    for word, scope in _scopes():

        async def by_seq(hub: Hub, scope: Scope = scope) -> Any:
            await hub.reads.events_by_seq(scope, seqs)

        yield Work(f"webhooks events by seq of {word}", by_seq)

    async def step(tx: Tx) -> Any:
        held = await tx.claim_webhook(hook, "w", now, now + LEASE)
        assert held is not None
        assert await tx.renew_webhook(hook, "w", now + LEASE)
        known = list((await tx.deliveries_by_message(hook, messages)).values())
        sent = [one._replace(status="delivered", next_at=None, updated_at=now) for one in known]
        done = Settlement(hook, "w", target.last_seq, 0, None, 0, 0, tuple((one, now) for one in sent))
        return await tx.settle_webhooks([done])

    yield undone("webhooks step", step)
    yield undone("webhooks put up again", lambda tx: tx.events(
        FeedQuery(Scope(ACCOUNT), 0, (), len(seqs), target.last_seq, tuple(seqs))))  # fmt: skip


def _scopes() -> Iterator[tuple[str, Scope]]:
    yield "account", Scope(ACCOUNT)
    yield "source", Scope(ACCOUNT, LARGE_SOURCES[0])
    yield "rare source", Scope(ACCOUNT, RARE_SOURCE)
    yield "channel", Scope(ACCOUNT, None, LARGE_CHANNEL)
    yield "rare channel", Scope(ACCOUNT, None, RARE_CHANNEL)


def _feed(target: Target, _: int) -> Iterator[Work]:
    """One look each; calls that look several times are measured as `list_events`."""
    yield Work("feed heads", lambda hub: hub.reads.heads([ACCOUNT, 2]))
    for word, scope in _scopes():
        for place, after in (("end", target.last_seq - PAGE), ("all read", target.last_seq)):

            async def look(hub: Hub, scope: Scope = scope, after: int = after) -> Any:
                await hub.reads.feed(FeedQuery(scope, after, (), PAGE))

            yield Work(f"feed of {word} at {place}", look)


def _clock_rules(_: Target, now: int) -> Iterator[Work]:
    """Each condition, for all sources and for one; and of one where nothing is new."""
    yield Work("clock rules accounts", lambda hub: hub.reads.ruled_accounts())
    yield Work("clock rules of the account", lambda hub: hub.reads.clock_rules(ACCOUNT))
    sources = {"": None, " of a source": LARGE_SOURCES[0], " of a rare source": RARE_SOURCE}
    standing = {" of a source where nothing is new": STANDING_SOURCE}
    for condition, status in WATCHED.items():
        for word, since, those in (("nothing overdue", 0, sources), ("all overdue", now + DAY, {**sources, **standing})):
            for of, source in those.items():
                query = OverdueQuery(ACCOUNT, status, source, (), since, now, PAGE)

                async def look(hub: Hub, query: OverdueQuery = query) -> Any:
                    await hub.reads.overdue(query)

                yield Work(f"clock rules {condition} {word}{of}", look)


def _snoozes(_: Target, now: int) -> Iterator[Work]:
    """What has been snoozed for long enough: nothing, and all of it."""
    for word, at in (("nothing ended", now), ("all ended", now + 2 * CENTURIES)):

        async def accounts(hub: Hub, at: int = at) -> Any:
            return await hub.reads.accounts_with_outdated_snoozes(at)

        async def listed(tx: Tx, at: int = at) -> Any:
            return await tx.list_snoozes(ACCOUNT, at, PAGE)

        yield Work(f"snoozes accounts {word}", accounts)
        yield undone(f"snoozes listed {word}", listed)


def _tokens(_: Target, now: int) -> Iterator[Work]:
    yield Work("tokens by digest", lambda hub: hub.reads.token(hashlib.sha256(b"wp_growth_account").digest()))
    yield undone("tokens revoke", lambda tx: tx.revoke_token(1, now))


def _start(_: Target, __: int) -> Iterator[Work]:
    """What `serve` does before its first call, and what a look at its health does."""

    async def keys(hub: Hub) -> None:
        store: Any = hub.store
        await require_keys(store.reads, store.reads.secrets)

    yield Work("start keys", keys)
    yield Work("start accounts", lambda hub: hub.reads.accounts())
    yield Work("readiness", _ready)
    yield Work("readiness write", lambda hub: hub.store.write(prove_writable))
    yield Work("keep time", lambda hub: hub.store.keep_time())
    yield Work("durability", _durability)


async def _ready(hub: Hub) -> None:
    await hub.ready()


async def _durability(hub: Hub) -> None:
    await hub.store.durability()


def _lists(target: Target, _: int) -> Iterator[Work]:
    """What commands list, and a page of each export."""
    scope = Scope(ACCOUNT)
    middle = target.id("rare unprocessed", "fulfillment_request")
    yield Work("commands tokens", lambda hub: hub.reads.tokens(ACCOUNT))
    yield Work("commands tokens of all", lambda hub: hub.reads.tokens(None))
    yield Work("commands sources", lambda hub: hub.reads.sources(ACCOUNT))
    yield Work("commands channels", lambda hub: hub.reads.channels(ACCOUNT))
    crowd = target.base("crowd channel")
    for word, mapped in (("mapped", True), ("not mapped", False)):
        for of, channel in (("", None), (" of a channel", crowd)):

            async def texts(hub: Hub, mapped: bool = mapped, channel: int | None = channel) -> Any:
                return await hub.reads.channel_methods(CROWD, channel, mapped, Page(PAGE, 0))

            yield Work(f"texts that are {word}{of}", texts)
    yield Work("commands routing groups", lambda hub: hub.reads.routing_groups(ACCOUNT))
    for word, within in _scopes():

        async def orders(hub: Hub, within: Scope = within) -> Any:
            return await hub.reads.orders_from(within, 0, PAGE)

        async def variants(hub: Hub, within: Scope = within) -> Any:
            return await hub.reads.variants_from(within, 0, PAGE)

        if within.source_id is None:
            yield Work(f"export orders of {word}", orders)
        if within.channel_id is None:
            yield Work(f"export inventory of {word}", variants)
    query = RequestQuery(scope, since_id=middle, limit=PAGE)
    yield Work("export requests", lambda hub: hub.reads.requests(query))
    yield Work("imports run", lambda hub: hub.reads.import_run(ACCOUNT, "orders", "nothing"))


def _imports(target: Target, now: int) -> Iterator[Work]:
    """A batch of orders that are new, and the same again; with SKUs and listings of the account."""
    actor = Actor("system", Scope(ACCOUNT), None, "import")

    def draft(place: int) -> OrderDraft:
        known = ItemDraft(target.text("large listing sku", place % 4), None, 1, 90_000, None, None, None, "[]")
        external = known._replace(sku=None, external_listing_id=target.text("large external", place % 4))
        return OrderDraft(actor, LARGE_CHANNEL, f"IMPORTED-{place}", None, now, None, None, "{}", None, None, "[]", "[]",
                          (known, external), call_id="import")  # fmt: skip

    async def store(tx: Tx) -> Any:
        return await create_orders(tx, [draft(place) for place in range(20)], now, 20)

    yield Work("imports new orders", lambda hub: hub.store.write(store))
    yield Work("imports repeated orders", lambda hub: hub.store.write(store))
    yield undone("imports of what is like canceled orders", lambda tx: tx.twins([(LARGE_CHANNEL, UNLIKELY)], 0))
    yield undone("imports begin", lambda tx: tx.begin_import(ACCOUNT, "orders", "nothing", now))


def _purges(target: Target, now: int) -> Iterator[Work]:
    """Few that are old among many, then many that are old: a bounded slice."""
    for word, at in (("nothing old", now - 1000 * DAY), ("all old", now + 1000 * DAY)):

        async def keys(tx: Tx, at: int = at) -> Any:
            return await tx.purge_keys(at, PAGE)

        async def deliveries(tx: Tx, at: int = at) -> Any:
            return await tx.purge_deliveries(at, PAGE)

        yield undone(f"purge keys {word}", keys)
        yield undone(f"purge deliveries {word}", deliveries)
    yield undone("purge deliveries of which only some that wait are old", lambda tx: tx.purge_deliveries(now - OLD // 2, PAGE))
    yield undone("purge what waits for deleted webhooks", lambda tx: tx.end_waiting_for_deleted(now, PAGE))
    yield undone("purge what waits for a webhook", lambda tx: tx.end_waiting(target.base("webhook"), now, PAGE))
