"""Orders coming in: once per channel and number, however often and however many at a time (contract section 5)."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import key
from tests.support.database import contents, rows
from tests.support.merchant import ADDRESS, Merchant, open_merchant
from waypost.app.changes import Changer
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import Store
from waypost.domain.orders import OrderStatus, PaymentStatus, Progress
from waypost.domain.refusals import Invalid, KeyReused, OtherContent, Refusal

ITEMS = (
    ItemDraft("SKU-A", "A thing – 物", 3, 125_000, "L-1", 11, 12, "[]"),
    ItemDraft(None, None, 1, 0, None, None, None, "[]"),
)


def draft(merchant: Merchant, number: str = "N1", **given: Any) -> OrderDraft:
    """An order as posted."""
    plain = OrderDraft(merchant.actor(), merchant.channels[0], number, "R1", None, "note", "Ground", ADDRESS, None,
                       PaymentStatus.PAID, '["vip"]', "[]", ITEMS)  # fmt: skip
    return plain._replace(**given)


async def test_a_new_order_is_stored_as_posted(
    merchant: Merchant, changes: Changer, clock: ManualClock, store: Store, migrated_url: str
) -> None:
    posted = await changes.create_order(draft(merchant, call_id="c1"))
    assert posted.created
    read = await store.reads.order(merchant.actor().scope, posted.view.order.id)
    assert read == posted.view
    order = read.order
    assert (order.order_number, order.reference_number, order.note) == ("N1", "R1", "note")
    # Its second item names nothing that anybody could know.
    assert (order.status, order.payment_status) == (OrderStatus.NOT_MANAGED, PaymentStatus.PAID)
    assert [reason["code"] for reason in json.loads(order.hold_reasons)] == ["unknown_sku"]
    assert (order.acknowledged_status, order.shipped_status) == (Progress.NOT_STARTED, Progress.NOT_STARTED)
    assert order.order_total == 375_000
    assert {order.ordered_at, order.inserted_at, order.updated_at} == {clock()}
    assert [(item.sku, item.title, item.quantity, item.price) for item in read.items] == [
        ("SKU-A", "A thing – 物", 3, 125_000),
        (None, None, 1, 0),
    ]
    (event,) = await rows(migrated_url, "SELECT * FROM event")
    assert (event["type"], event["subject"], event["subject_id"]) == ("order.created", "order", order.id)
    assert (event["request_id"], event["actor_type"], event["seq"]) == ("c1", "account", 1)


async def test_the_same_order_again_is_found_and_nothing_is_written(
    merchant: Merchant, changes: Changer, clock: ManualClock, migrated_url: str
) -> None:
    first = await changes.create_order(draft(merchant))
    stored = await contents(migrated_url)
    clock.advance(60)
    again = await changes.create_order(draft(merchant, call_id="another"))
    assert not again.created
    assert again.view == first.view
    assert await contents(migrated_url) == stored


@pytest.mark.parametrize(
    "given",
    [{"shipping_text": "Air"}, {"items": ITEMS[:1]}, {"ordered_at": 5}, {"tags": "[]", "reference_number": None}],
)
async def test_the_same_number_with_other_content_is_a_conflict(
    given: dict[str, Any], merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    await changes.create_order(draft(merchant))
    stored = await contents(migrated_url)
    with pytest.raises(OtherContent):
        await changes.create_order(draft(merchant, **given))
    assert await contents(migrated_url) == stored


async def test_numbers_are_each_channels_own(merchant: Merchant, changes: Changer) -> None:
    posted = [
        await changes.create_order(draft(merchant)),
        await changes.create_order(draft(merchant, channel_id=merchant.channels[1])),
    ]
    assert [one.created for one in posted] == [True, True]


async def test_a_batch_with_repeats_and_conflicts_answers_each(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    drafts = [draft(merchant), draft(merchant, "N2"), draft(merchant), draft(merchant, shipping_text="other")]
    drafts.append(draft(merchant, "N3", channel_id=4711))
    results = await asyncio.gather(*(changes.create_order(one) for one in drafts), return_exceptions=True)
    assert [getattr(result, "created", type(result)) for result in results] == [True, True, False, OtherContent, Invalid]
    assert len(await rows(migrated_url, "SELECT id FROM orders")) == 2
    await audit(migrated_url)


@pytest.mark.parametrize("of", ["another account's", "unknown"])
async def test_an_order_for_a_channel_that_is_not_ours_is_refused(
    of: str, merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    theirs = await open_merchant(store, "Theirs")
    channel = theirs.channels[0] if of == "another account's" else 4711
    before = await contents(migrated_url)
    with pytest.raises(Invalid) as caught:
        await changes.create_order(draft(merchant, channel_id=channel))
    assert [(p.field, p.code) for p in caught.value.problems] == [("channel_id", "unknown_channel")]
    assert await contents(migrated_url) == before


async def test_a_dry_run_creates_nothing(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    before = await contents(migrated_url)
    dry = await changes.create_order(draft(merchant, dry_run=True))
    assert (dry.dry_run, dry.created) == (True, True)
    assert await contents(migrated_url) == before
    await changes.create_order(draft(merchant))
    with pytest.raises(OtherContent):
        await changes.create_order(draft(merchant, shipping_text="other", dry_run=True))


async def test_an_idempotency_key_replays_the_order(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    asked = draft(merchant), key("k1", "create")
    first = await changes.create_order(*asked)
    stored = await contents(migrated_url)
    again = await changes.create_order(*asked)
    assert again.replayed
    assert (again.created, again.view) == (True, first.view)
    assert await contents(migrated_url) == stored
    with pytest.raises(KeyReused):
        await changes.create_order(draft(merchant, "N2"), key("k1", "create", b"another"))


async def test_a_dry_run_does_not_stand_in_the_way_of_the_same_order_in_its_batch(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    drafts = [draft(merchant, dry_run=True), draft(merchant)]
    dry, real = await asyncio.gather(*(changes.create_order(one) for one in drafts), return_exceptions=True)
    assert not isinstance(dry, Refusal)
    assert not isinstance(real, BaseException)
    assert real.created
    assert not real.dry_run
    assert len(await rows(migrated_url, "SELECT id FROM orders")) == 1
    await audit(migrated_url)
