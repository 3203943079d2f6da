"""Reading: timelines and orders as they happened, the same on both engines, bounded in time, never writing."""

import pytest

from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.database import contents
from tests.support.keys import key_file_for
from tests.support.merchant import Merchant, Wanted, open_merchant
from tests.support.planting import ENDLESS
from waypost.app.changes import Changer
from waypost.app.ports import RequestQuery, Store
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status
from waypost.storage import postgres_reads, sqlite_reads
from waypost.storage.opening import open_store


async def test_a_query_that_takes_too_long_is_interrupted_and_its_reader_goes_on(
    engine: str, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reads, "READ_TIMEOUT_S", 0.05)
    monkeypatch.setitem(postgres_reads._READER, "statement_timeout", "50")
    store = await open_store(migrated_url, migrate=False, key_file=key_file_for(migrated_url))
    merchant = await open_merchant(store)
    await merchant.request()
    for _ in range(8):  # more often than there are readers
        with pytest.raises(Unavailable) as caught:
            await store.reads.slow(ENDLESS[engine])  # type: ignore[attr-defined]
        assert (caught.value.applied, caught.value.retry_after_s) == ("no", 1)
    scope = merchant.actor().scope
    for _ in range(8):
        assert len(await store.reads.requests(RequestQuery(scope))) == 1
        assert await store.reads.count_requests(RequestQuery(scope)) == 1
    await store.close()


@pytest.mark.parametrize("way", ["quick", "slow"])
async def test_reading_connections_cannot_write(way: str, store: Store, merchant: Merchant, migrated_url: str) -> None:
    before = await contents(migrated_url)
    with pytest.raises(Exception, match=r"(?i)read"):  # each engine in its own words
        await getattr(store.reads, way)("UPDATE account SET company_name = 'Mine' RETURNING id")
    assert await contents(migrated_url) == before
    assert await store.reads.account(merchant.account) is not None


async def test_a_timeline_tells_who_when_and_why(
    store: Store, merchant: Merchant, changes: Changer, clock: ManualClock
) -> None:
    id_, other = await merchant.requests(Status.PROCESSING, Status.PROCESSING)
    asked = [
        command(Action.PROCESSED, id_, merchant.actor("source"), call_id="c1"),
        fail(other, merchant.actor(), call_id="c2"),
        fail(id_, merchant.actor("channel"), call_id="c3"),
        command(Action.VOID, id_, merchant.actor(), reason="sold out", call_id="c4"),
    ]
    times = []
    for one in asked:
        times.append(clock.advance(60))
        await changes.change(one)
    events = await store.reads.timeline(merchant.actor().scope, id_)
    assert events is not None
    told = [(event.type, event.actor_type, event.at, event.request_id, event.reason) for event in events[2:]]
    assert told == [
        ("fulfillment_request.processed", "source", times[0], "c1", None),
        ("fulfillment_request.failed", "channel", times[2], "c3", asked[2].details.reason),  # type: ignore[union-attr]
        ("fulfillment_request.voided", "account", times[3], "c4", "sold out"),
    ]
    assert [event.seq for event in events] == sorted(event.seq for event in events)
    assert {event.subject_id for event in events} == {id_}


async def test_an_order_shows_its_items_and_its_requests(store: Store, merchant: Merchant, changes: Changer) -> None:
    first, second = await merchant.requests(
        Wanted(order="O1", number="N1"), Wanted(Status.UNPROCESSED, order="O1", number="N2", source=1)
    )
    await changes.change(command(Action.ACKNOWLEDGE, first, merchant.actor()))
    image = await store.reads.request(merchant.actor().scope, first)
    assert image is not None
    view = await store.reads.order(merchant.actor().scope, image.state.order_id)
    assert view is not None
    assert view.requests == (
        (first, "N1", merchant.sources[0], "acknowledged"),
        (second, "N2", merchant.sources[1], "unprocessed"),
    )
    assert [(item.sku, item.quantity, item.allocated, item.acknowledged) for item in view.items] == [
        ("SKU-A", 6, 6, 3),
        ("SKU-B", 4, 4, 2),
    ]
    assert view.order.acknowledged_status == "partially_completed"
    assert view.order.shipped_status == "not_started"


async def test_what_is_read_has_the_same_kinds_of_values_on_both_engines(store: Store, merchant: Merchant) -> None:
    id_ = await merchant.request(Status.PROCESSING_ERROR)
    image = await store.reads.request(merchant.actor().scope, id_)
    assert image is not None
    (listed,) = await store.reads.requests(RequestQuery(merchant.actor().scope))
    assert listed == image
    for record in (image.state, image.particulars, *image.lines):
        for name, value in record._asdict().items():
            assert value is None or isinstance(value, int | str), name


async def test_text_comes_back_as_it_went_in(store: Store, merchant: Merchant, changes: Changer) -> None:
    for reason in ("Zoë – 在庫なし 📦", "a\nb\tc", "'; DROP TABLE event; --", "\\x00 %s $1 ?1", "e\u0301 \u200f\ufeff"):
        id_ = await merchant.request()
        await changes.change(command(Action.CANCEL, id_, merchant.actor(), reason=reason))
        image = await store.reads.request(merchant.actor().scope, id_)
        assert image is not None
        assert image.state.cancel_reason == reason


async def test_what_is_not_there_is_none(store: Store, merchant: Merchant) -> None:
    scope = merchant.actor().scope
    assert await store.reads.request(scope, 4711) is None
    assert await store.reads.timeline(scope, 4711) is None
    assert await store.reads.order(scope, 4711) is None
    assert await store.reads.account(4711) is None
    assert await store.reads.token(b"no such digest") is None
