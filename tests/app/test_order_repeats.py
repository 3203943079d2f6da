"""Orders that are posted again: compared with what was last posted, updated or refused (contract section 5)."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.app.test_orders import ITEMS, draft
from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import key
from tests.support.database import contents, rows
from tests.support.merchant import ADDRESS, Merchant
from tests.support.stock import variant
from waypost.app.actor import Scope
from waypost.app.changes import Changer
from waypost.app.order_bench import OrderAsk
from waypost.app.order_changes import add_item, change_tags, set_payment, set_status
from waypost.app.order_repeats import Deferred
from waypost.app.orders import UPDATES_AT_ONCE, OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Store, Tx
from waypost.app.ports.routing import VariantAsk
from waypost.app.posted import older_hashes
from waypost.domain.orders import OrderStatus, PaymentStatus
from waypost.domain.refusals import Invalid, OtherContent

PAID, AUTHORIZED, DECLINED = PaymentStatus.PAID, PaymentStatus.AUTHORIZED, PaymentStatus.DECLINED


async def shown(store: Store, merchant: Merchant, posted: OrderPosted) -> Any:
    """The order as it is stored."""
    return await store.reads.order(merchant.actor().scope, posted.view.order.id)


async def told(url: str) -> list[tuple[str, str | None]]:
    """Type and data of every event of orders."""
    found = await rows(url, "SELECT type, data FROM event WHERE subject = 'order' ORDER BY seq")
    return [(one["type"], one["data"]) for one in found]


async def make_older(url: str, first: OrderDraft) -> None:
    """Leave the order as a version before schema 0010 stored it: with a hash, without what was posted."""
    await rows(url, "UPDATE orders SET posted = NULL, content_hash = $1", next(older_hashes(first)))


@pytest.mark.parametrize("older", [False, True])
async def test_payment_tags_and_note_are_updated(
    older: bool, merchant: Merchant, changes: Changer, clock: ManualClock, store: Store, migrated_url: str
) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    await changes.create_order(first)
    if older:
        await make_older(migrated_url, first)
    clock.advance(60)
    later = draft(merchant, payment_status=DECLINED, tags='["b2b","vip"]', note=None, call_id="c2")
    repeat = await changes.create_order(later)
    assert (repeat.created, repeat.updated_from) == (False, OrderStatus.NOT_MANAGED)
    order = repeat.view.order
    assert (order.payment_status, json.loads(order.tags), order.note) == (DECLINED, ["vip", "b2b"], None)
    assert repeat.view == await shown(store, merchant, repeat)
    events = await rows(migrated_url, "SELECT * FROM event ORDER BY seq")
    assert [event["type"] for event in events] == ["order.created"] + ["order.updated"] * 3
    assert [json.loads(event["data"])["changed"] for event in events[1:]] == [["tags"], ["note"], ["paymentStatus"]]
    assert {(event["request_id"], event["actor_type"], event["at"]) for event in events[1:]} == {
        ("c2", "account", order.updated_at)
    }
    # What was posted last counts from now on: the same again changes nothing, what came first is an update again.
    stored = await contents(migrated_url)
    again = await changes.create_order(later)
    assert (again.view, again.updated_from) == (repeat.view, None)
    assert await contents(migrated_url) == stored
    back = await changes.create_order(first)
    assert (back.view.order.payment_status, json.loads(back.view.order.tags), back.view.order.note) == (
        AUTHORIZED, ["vip"], "note",
    )  # fmt: skip
    await audit(migrated_url)


async def test_the_merchants_own_changes_are_not_looked_at(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    made = await changes.create_order(first)
    ask = OrderAsk(merchant.actor(), made.view.order.id)
    await changes.record(set_payment(ask, PAID))
    await changes.record(change_tags(ask, ["checked"], ["vip"]))
    stored = await contents(migrated_url)
    # The same as was posted: the merchant's payment and tags stay.
    same = await changes.create_order(first)
    assert (same.view.order.payment_status, json.loads(same.view.order.tags)) == (PAID, ["checked"])
    assert await contents(migrated_url) == stored
    # What the order says already is noted as posted, and nobody is told of a change.
    already = await changes.create_order(first._replace(payment_status=PAID))
    assert already.updated_from is None
    assert await contents(migrated_url, but=["orders"]) == {k: v for k, v in stored.items() if k != "orders"}
    # Of the tags, only what the channel adds and takes away changes.
    tagged = await changes.create_order(first._replace(payment_status=PAID, tags='["vip","rush"]'))
    assert json.loads(tagged.view.order.tags) == ["checked", "rush"]
    gone = await changes.create_order(first._replace(payment_status=PAID, tags="[]"))
    assert json.loads(gone.view.order.tags) == ["checked"]
    await audit(migrated_url)


async def test_without_a_payment_status_the_orders_stays(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    await changes.create_order(first)
    silent = await changes.create_order(first._replace(payment_status=None))
    assert (silent.view.order.payment_status, silent.updated_from) == (AUTHORIZED, None)
    assert [type_ for type_, _ in await told(migrated_url)] == ["order.created"]
    paid = await changes.create_order(first._replace(payment_status=DECLINED))
    assert paid.view.order.payment_status == DECLINED


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"note": "x", "shipping_text": "Air"}, {"/note", "/shipping_text"}),
        ({"items": (ITEMS[0]._replace(quantity=4), ITEMS[1])}, {"/items/0/quantity"}),
        ({"items": ITEMS[:1], "reference_number": None}, {"/items/1", "/reference_number"}),
        ({"ordered_at": 5}, {"/ordered_at"}),
    ],
)
async def test_any_other_difference_is_refused_and_named(
    given: dict[str, Any], fields: set[str], merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    await changes.create_order(draft(merchant))
    stored = await contents(migrated_url)
    for dry_run in (True, False):
        with pytest.raises(OtherContent) as caught:
            await changes.create_order(draft(merchant, **given, dry_run=dry_run))
        assert set(caught.value.fields) == fields
    assert await contents(migrated_url) == stored


async def test_an_older_order_is_compared_by_its_hash(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    first = draft(merchant)
    made = await changes.create_order(first)
    await make_older(migrated_url, first)
    stored = await contents(migrated_url)
    assert (await changes.create_order(first)).updated_from is None
    # As an import of the hub's own export gives it: with the time that the hub gave it.
    assert not (await changes.create_order(first._replace(ordered_at=made.view.order.ordered_at))).created
    for given in ({"shipping_text": "Air"}, {"items": ITEMS[:1]}, {"ordered_at": 5}, {"shipping_text": None, "tags": "[]"}):
        with pytest.raises(OtherContent) as caught:
            await changes.create_order(draft(merchant, **given))
        assert caught.value.fields == (), "nobody can tell what was posted"
    # Once its tags have been changed, nobody can tell whether only they differ.
    ask = OrderAsk(merchant.actor(), made.view.order.id)
    assert await contents(migrated_url) == stored
    await changes.record(change_tags(ask, ["checked"], []))
    assert not (await changes.create_order(first)).created
    with pytest.raises(OtherContent):
        await changes.create_order(first._replace(tags='["rush"]'))


async def test_the_time_that_the_hub_gave_is_no_difference(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    made = await changes.create_order(draft(merchant))
    stored = await contents(migrated_url)
    clock.advance(60)
    timed = draft(merchant, ordered_at=made.view.order.ordered_at)
    assert not (await changes.create_order(timed)).created
    assert await contents(migrated_url) == stored
    assert (await changes.create_order(timed._replace(note="x"))).view.order.note == "x"
    assert not (await changes.create_order(draft(merchant, note="x"))).created, "it was posted without a time"


@pytest.mark.parametrize("status", [OrderStatus.CLOSED, OrderStatus.CANCELED, OrderStatus.ON_HOLD])
async def test_an_order_in_any_status_is_updated_and_stays_in_it(
    status: OrderStatus, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1", True)
    first = draft(merchant, payment_status=AUTHORIZED, items=ITEMS[:1])
    made = await changes.create_order(first)
    await changes.record(set_status(OrderAsk(merchant.actor(), made.view.order.id), status))
    repeat = await changes.create_order(first._replace(payment_status=PAID, tags="[]", note="late"))
    order = repeat.view.order
    assert (order.status, order.payment_status, order.tags, order.note) == (status, PAID, "[]", "late")
    assert repeat.view.requests == ()
    await audit(migrated_url)


async def test_tags_beyond_the_limit_are_refused_with_everything_else(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    made = await changes.create_order(first)
    own = [f"own {n}" for n in range(99)]
    await changes.record(change_tags(OrderAsk(merchant.actor(), made.view.order.id), own, []))
    stored = await contents(migrated_url)
    with pytest.raises(Invalid) as caught:
        await changes.create_order(first._replace(payment_status=PAID, note="x", tags='["vip","rush"]'))
    assert [(p.field, p.code) for p in caught.value.problems] == [("tags", "too_many_items")]
    assert await contents(migrated_url) == stored


async def test_a_dry_run_says_what_would_happen(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    """Paid at last, it would be held, as nobody knows the thing."""
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1", True)
    first = draft(merchant, payment_status=AUTHORIZED, items=ITEMS[:1])
    await changes.create_order(first)
    stored = await contents(migrated_url)
    later = first._replace(payment_status=PAID)
    dry = await changes.create_order(later._replace(dry_run=True))
    assert (dry.dry_run, dry.created, dry.updated_from) == (True, False, OrderStatus.OPEN)
    assert (dry.view.order.status, dry.view.order.payment_status) == (OrderStatus.NOT_MANAGED, PAID)
    same = await changes.create_order(first._replace(dry_run=True))
    assert (same.dry_run, same.updated_from) == (True, None)
    assert await contents(migrated_url) == stored
    done = await changes.create_order(later)
    assert (done.updated_from, done.view.order.status) == (OrderStatus.OPEN, OrderStatus.NOT_MANAGED)
    assert [type_ for type_, _ in await told(migrated_url)] == ["order.created", "order.updated", "order.held"]
    await audit(migrated_url)


async def results_of(changes: Changer, drafts: Sequence[OrderDraft]) -> list[Any]:
    """The outcomes of drafts that come in at once: one batch."""
    return await asyncio.gather(*(changes.create_order(one) for one in drafts), return_exceptions=True)


async def test_repeats_in_one_batch_are_settled_one_after_the_other(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    new = draft(merchant, "N2", payment_status=AUTHORIZED)
    await changes.create_order(first)
    drafts = [
        new, first._replace(note="a"), new._replace(tags='["x"]'), new, new._replace(tags='["x"]', note="b"),
        first._replace(note="a", dry_run=True), first._replace(note="a"), first, first._replace(shipping_text="Air"),
        first._replace(payment_status=DECLINED, dry_run=True), new._replace(payment_status=DECLINED),
    ]  # fmt: skip
    results = await results_of(changes, drafts)
    assert [getattr(one, "created", type(one)) for one in results] == [
        True, False, False, False, False, False, False, False, OtherContent, False, False,
    ]  # fmt: skip
    changed = [isinstance(one, OrderPosted) and one.updated_from is not None for one in results]
    assert changed == [False, True, True, True, True, False, False, True, False, True, True]
    notes = [one.view.order.note for one in results if isinstance(one, OrderPosted)]
    assert notes == ["note", "a", "note", "note", "b", "a", "a", "note", "note", "note"]
    last = {one.view.order.id: one for one in results if isinstance(one, OrderPosted) and not one.dry_run}
    for one in last.values():
        assert one.view == await shown(store, merchant, one)
    assert sorted(one.view.order.payment_status for one in last.values()) == [AUTHORIZED, DECLINED]
    events = await rows(migrated_url, "SELECT DISTINCT at FROM event")
    assert len(events) > 2, "each change has a time of its own"
    await audit(migrated_url)


async def test_an_order_that_comes_in_and_is_paid_in_one_batch_is_fulfilled_once(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    """The requests of new orders and of updated ones are generated one after the other, in one transaction."""
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1", True)
    await variant(migrated_url, merchant.account, merchant.sources[0], "SKU-A", 10)
    waits = draft(merchant, payment_status=AUTHORIZED, items=ITEMS[:1], note="w")
    await changes.create_order(waits)
    new = draft(merchant, "N2", payment_status=AUTHORIZED, items=ITEMS[:1])
    # Numbers of requests are unique at a source: both channels have an order of this number.
    twin = draft(merchant, "N1", channel_id=merchant.channels[1], items=ITEMS[:1], note="t")
    results = await results_of(
        changes, [new, waits._replace(payment_status=PAID), new._replace(payment_status=PAID), twin, twin]
    )
    assert [one.created for one in results] == [True, False, False, True, False]
    assert [len(one.view.requests) for one in results] == [0, 1, 1, 1, 1]
    for one in results[1:4]:
        assert one.view == await shown(store, merchant, one)
    found = await rows(migrated_url, "SELECT committed, quantity FROM inventory_variant")
    assert [(one["committed"], one["quantity"]) for one in found] == [(9, 10)]
    await audit(migrated_url)


async def test_an_update_with_a_key_is_made_once(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    first = draft(merchant, payment_status=AUTHORIZED)
    await changes.create_order(first)
    asked = first._replace(note="later"), key("k1", "create")
    done = await changes.create_order(*asked)
    await changes.create_order(first)
    stored = await contents(migrated_url)
    again = await changes.create_order(*asked)
    assert (again.replayed, again.view) == (True, done.view)
    assert await contents(migrated_url) == stored


async def test_an_address_is_compared_by_its_members(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    await changes.create_order(draft(merchant))
    wider = json.dumps(json.loads(ADDRESS) | {"district": None, "hash": "of a later version"})
    stored = await contents(migrated_url)
    assert not (await changes.create_order(draft(merchant, shipping_address=wider))).created
    assert await contents(migrated_url) == stored


class Locks:
    """A transaction that notes the rows it locks, in the order of the calls."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.taken: list[tuple[str, set[int]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    async def lock_orders(self, accounts: Sequence[int], ids: Sequence[int]) -> Any:
        self.taken.append(("orders", set(ids)))
        return await self._tx.lock_orders(accounts, ids)

    async def order_parts(self, scope: Scope, order_ids: Sequence[int]) -> Any:
        self.taken.append(("orders", set(order_ids)))
        return await self._tx.order_parts(scope, order_ids)

    async def lock_variants(self, ask: VariantAsk) -> Any:
        found = await self._tx.lock_variants(ask)
        self.taken.append(("stock", {one.id for one in found}))
        return found

    async def load(self, asks: Any, accounts: Sequence[int], variants: Sequence[int] = ()) -> Any:
        assert not asks
        self.taken.append(("counters", set(accounts)))
        return await self._tx.load(asks, accounts, variants)


async def test_orders_are_locked_before_stock_and_stock_before_the_counter(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    """In a batch with new orders, equal repeats and updates; an item that the merchant has added draws upon stock, too.

    What is locked once more, when an order is updated, was locked before: nobody waits for us while we wait for them.
    """
    await rows(migrated_url, "UPDATE channel SET auto_generate = $1", True)
    stock = {sku: await variant(migrated_url, merchant.account, merchant.sources[0], sku, 10) for sku in ("SKU-A", "SKU-B")}
    drafts = [draft(merchant, number, payment_status=AUTHORIZED, items=ITEMS[:1]) for number in ("N1", "N2", "N3")]
    made = [await changes.create_order(one) for one in drafts]
    added = ITEMS[0]._replace(sku="SKU-B", quantity=1, external_listing_id=None)
    await changes.record(add_item(OrderAsk(merchant.actor(), made[0].view.order.id), added, True))
    batch = [
        drafts[1], drafts[2]._replace(note="x"), draft(merchant, "N4", payment_status=AUTHORIZED, items=ITEMS[:1]),
        drafts[0]._replace(payment_status=PAID), draft(merchant, "N4", items=ITEMS[:1]),
    ]  # fmt: skip
    noted: list[tuple[str, set[int]]] = []

    async def work(tx: Tx) -> Any:
        locks: Any = Locks(tx)
        results = await create_orders(locks, batch, 10**15)
        noted.extend(locks.taken)
        return results

    results = await store.write(work)
    assert [one.created for one in results] == [False, False, True, False, False]
    assert [len(one.view.requests) for one in results] == [0, 0, 0, 1, 1]
    first, later = noted[:3], noted[3:]
    new = results[2].view.order.id
    assert first == [
        ("orders", {made[0].view.order.id, made[2].view.order.id}), ("stock", set(stock.values())),
        ("counters", {merchant.account}),
    ]  # fmt: skip
    held = dict(first)
    held["orders"] = held["orders"] | {new}  # inserted in this transaction
    assert {kind for kind, _ in later} == {"orders", "stock", "counters"}
    assert all(ids <= held[kind] for kind, ids in later), later
    await audit(migrated_url)


async def test_a_batch_updates_some_orders_and_leaves_the_others_to_the_next(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    """Each takes milliseconds, in which other processes wait for the account. Nobody who posts hears of it."""
    first = [draft(merchant, f"D{number}") for number in range(UPDATES_AT_ONCE + 9)]
    for one in first:
        await changes.create_order(one)
    later = [one._replace(note="later") for one in first]
    outcomes = await store.write(lambda tx: create_orders(tx, later, 10**15))
    assert [type(one) for one in outcomes] == [OrderPosted] * UPDATES_AT_ONCE + [Deferred] * 9
    same = [later[0]._replace(note=f"note {number}") for number in range(UPDATES_AT_ONCE + 9)]
    outcomes = await store.write(lambda tx: create_orders(tx, same, 10**15))
    assert [type(one) for one in outcomes] == [OrderPosted] * UPDATES_AT_ONCE + [Deferred] * 9
    posted = await asyncio.gather(*(changes.create_order(one._replace(note="last")) for one in first))
    assert {(one.created, one.view.order.note) for one in posted} == {(False, "last")}
    await audit(migrated_url)


async def test_an_older_order_is_known_again_whichever_of_the_three_the_merchant_has_changed(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    """Only its hash is kept: each of payment status, tags and note may be as posted, or as the merchant has set it."""
    first = draft(merchant, payment_status=AUTHORIZED)
    made = await changes.create_order(first)
    await make_older(migrated_url, first)
    await changes.record(change_tags(OrderAsk(merchant.actor(), made.view.order.id), ["mine"], []))
    repeat = await changes.create_order(first._replace(payment_status=DECLINED))
    assert (repeat.created, repeat.view.order.payment_status) == (False, DECLINED)
    assert json.loads(repeat.view.order.tags) == ["vip", "mine"]


async def test_a_repeat_of_a_small_reply_keeps_no_copy_of_the_order(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    made = await changes.create_order(draft(merchant))
    change = change_tags(OrderAsk(merchant.actor(), made.view.order.id), ["mine"], [])
    first = await changes.record(change, key("k1", "tags"))
    again = await changes.record(change, key("k1", "tags"))
    assert again == first._replace(replayed=True)
    (kept,) = await rows(migrated_url, "SELECT outcome FROM idempotency_key")
    assert "mine" in kept["outcome"]
    assert "SKU-A" not in kept["outcome"]
