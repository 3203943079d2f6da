"""What each query of requests and of orders is driven by, and that a foreign source or channel drives nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clock import START
from tests.support.merchant import Merchant, Wanted, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import OrderQuery, RequestQuery, Store
from waypost.domain.lifecycle import standing_after
from waypost.domain.standing import contradictions
from waypost.domain.statuses import ANY, BLOCKED, LIVE, Status
from waypost.storage.dialect import SQLITE
from waypost.storage.queries import order_pages
from waypost.storage.queries.request_drivers import KEPT, Driver, changed_after, drivers, statuses_of
from waypost.storage.queries.request_pages import kept_page, page

ACCOUNT, SOURCE, CHANNEL = Scope(1), Scope(1, 2, None), Scope(1, None, 3)
YEAR_ONE = -62_135_596_800_000_000
OPEN = ("processing", "processing_error")

# Filters; drivers of a page where few requests were modified since a moment, and where many were; drivers of a count.
TABLE: list[tuple[Scope, dict[str, Any], str, str, str]] = [
    (ACCOUNT, {}, "id", "id", "id"),
    (SOURCE, {}, "id statuses", "id statuses", "statuses"),
    (ACCOUNT, {"source_id": 4}, "id", "id", "id"),
    (ACCOUNT, {"source_id": 4, "is_sent": True}, "id statuses", "id statuses", "statuses"),
    (CHANNEL, {"source_id": 4}, "id", "id", "id"),
    (CHANNEL, {"source_id": 4, "statuses": OPEN}, *["id statuses channel"] * 3),
    (ACCOUNT, {"order_id": 7, "numbers": ("A",), "statuses": OPEN, "updated_after": START}, "order", "order", "order"),
    (ACCOUNT, {"numbers": ("A",), "statuses": OPEN, "updated_after": START}, "numbers", "numbers", "numbers"),
    (ACCOUNT, {"updated_after": START}, "changed", "id changed", "id changed"),
    (ACCOUNT, {"updated_after": YEAR_ONE}, "id", "id", "id"),
    (ACCOUNT, {"sent_after": START}, "changed", "id changed", "statuses changed"),
    (ACCOUNT, {"generated_after": START}, "changed", "id changed", "id changed"),
    (ACCOUNT, {"acknowledged_after": START}, "changed", "id changed", "statuses changed"),
    (ACCOUNT, {"canceled_after": START}, "changed", "statuses changed", "statuses changed"),
    (ACCOUNT, {"canceled_after": YEAR_ONE}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"statuses": OPEN}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"statuses": OPEN, "updated_after": START}, "changed", "statuses", "statuses"),
    (ACCOUNT, {"statuses": ("acknowledged",)}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"statuses": ("acknowledged",), "updated_after": START}, "changed", "statuses changed", "statuses changed"),
    (ACCOUNT, {"failure_codes": ("out_of_stock",)}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"needs_attention": True}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"needs_attention": False}, "id", "id", "statuses"),
    (ACCOUNT, {"eligible_for_processing": True}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"eligible_for_processing": False}, "id", "id", "id"),
    (ACCOUNT, {"is_acknowledged": False}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"is_acknowledged": True}, "id", "id", "statuses"),
    (ACCOUNT, {"is_canceled": True}, "statuses", "statuses", "statuses"),
    (ACCOUNT, {"is_canceled": False}, "id", "id", "statuses"),
    (ACCOUNT, {"is_sent": False}, "id", "id", "id"),
    (ACCOUNT, {"invoiced": True}, "id", "id", "id"),
    (ACCOUNT, {"fulfillment_statuses": ("partially_shipped",)}, *["unshipped"] * 3),
    (ACCOUNT, {"fulfillment_statuses": ("awaiting_shipment",)}, *["unshipped"] * 3),
    (SOURCE, {"fulfillment_statuses": ("awaiting_shipment",)}, *["statuses unshipped"] * 3),
    (ACCOUNT, {"fulfillment_statuses": ("awaiting_shipment",), "source_id": 4}, *["statuses unshipped"] * 3),
    (SOURCE, {"source_id": 4, "updated_after": START}, *["statuses"] * 3),
    (ACCOUNT, {"fulfillment_statuses": ("shipped",)}, "id", "id", "statuses"),
]


def _named(scope: Scope, given: dict[str, Any]) -> str:
    return f"{'source' if scope.source_id else 'channel' if scope.channel_id else 'account'}-{given}"


@pytest.mark.parametrize(("scope", "given", "few", "many", "counted"), TABLE, ids=[_named(*row[:2]) for row in TABLE])
def test_the_narrowest_filter_drives(scope: Scope, given: dict[str, Any], few: str, many: str, counted: str) -> None:
    query = RequestQuery(scope, **given)
    assert drivers(query, few_changed=True) == tuple(map(Driver, few.split()))
    assert drivers(query, few_changed=False) == tuple(map(Driver, many.split()))
    assert drivers(query, few_changed=False, for_count=True) == tuple(map(Driver, counted.split()))


def test_every_filter_stands_in_the_table() -> None:
    tried = {name for _, given, *_ in TABLE for name in given}
    assert tried | {"scope", "since_id", "limit", "offset"} == set(RequestQuery._fields)


def test_the_latest_moment_counts() -> None:
    since = changed_after(RequestQuery(ACCOUNT, updated_after=START, sent_after=START + 5, canceled_after=YEAR_ONE))
    assert since is not None
    assert since.after == START + 5


def test_only_where_requests_can_match_are_they_looked_for() -> None:
    released = tuple(status for status in ANY if status not in (Status.UNPROCESSED, *BLOCKED))
    assert statuses_of(RequestQuery(ACCOUNT)) == ANY
    assert statuses_of(RequestQuery(SOURCE)) == released
    assert statuses_of(RequestQuery(SOURCE, statuses=("unprocessed",))) == ()
    assert statuses_of(RequestQuery(ACCOUNT, is_canceled=True, failure_codes=("other",))) == ()
    assert statuses_of(RequestQuery(ACCOUNT, fulfillment_statuses=("awaiting_shipment",))) == LIVE
    assert standing_after(Status.ACKNOWLEDGED) == {Status.ACKNOWLEDGED, Status.CANCELED, Status.VOIDED}


async def test_what_a_search_would_miss_is_found_by_the_check(store: Store, merchant: Merchant) -> None:
    id_ = await merchant.request()
    image = await store.reads.request(merchant.actor().scope, id_)
    assert image is not None
    state = image.state
    assert list(contradictions(state)) == []
    wrong: Iterator[dict[str, Any]] = iter((
        {"acknowledged_at": state.modified_at}, {"canceled_at": state.modified_at}, {"failure_code": "other"},
        {"fulfillment_status": "shipped"}, {"sent_at": state.modified_at + 1}, {"status": Status.ACKNOWLEDGED},
        {"status": Status.UNPROCESSED, "released_seq": 1}, {"sent_at": state.modified_at, "released_seq": None},
        {"status": Status.CANCELED, "fulfillment_status": "canceled"},
    ))  # fmt: skip
    for fields in wrong:
        assert len(list(contradictions(state._replace(**fields)))) == 1, fields


ORDERS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "id", "id"),
    ({"channel_id": 3}, "id", "id"),
    ({"tags": ("vip",)}, "id", "id"),
    ({"statuses": ("open", "closed")}, "statuses", "statuses"),
    ({"numbers": ("A",), "updated_after": START}, "numbers", "numbers"),
    ({"reference_numbers": ("A",), "statuses": ("open",)}, "reference numbers", "reference numbers"),
    ({"updated_after": START}, "updated", "id updated"),
    ({"ordered_after": START, "statuses": ("open",)}, "ordered", "statuses ordered"),
    ({"ordered_after": YEAR_ONE}, "id", "id"),
    ({"requests_updated_after": START, "ordered_after": START}, "requests", "id requests ordered"),
    ({"shipments_updated_after": START}, "shipments", "id shipments"),
]


@pytest.mark.parametrize(("given", "few", "many"), ORDERS, ids=[str(row[0]) for row in ORDERS])
def test_the_narrowest_filter_drives_orders(given: dict[str, Any], few: str, many: str) -> None:
    query = OrderQuery(ACCOUNT, **given)
    first = next(iter(order_pages.changed_after(query)), None)
    assert " ".join(order_pages.drivers(query, first)) == few
    assert " ".join(order_pages.drivers(query, None)) == many


async def test_a_source_or_channel_of_another_account_has_no_rows(store: Store, merchant: Merchant) -> None:
    await merchant.request()
    theirs = await open_merchant(store, "Theirs")
    await theirs.requests(*[Wanted(status) for status in Status])
    ours, foreign = merchant.actor().scope, theirs.sources[0]
    for given in ({}, {"statuses": tuple(Status)}, {"updated_after": 1}, {"is_canceled": True}):
        query = RequestQuery(ours, source_id=foreign, **given)  # type: ignore[arg-type]
        assert await store.reads.requests(query) == []
        assert await store.reads.count_requests(query) == 0
        assert await store.reads.count_requests(query._replace(scope=theirs.actor().scope)) > 0
    for channel in (Scope(ours.account_id, None, theirs.channels[0]), Scope(ours.account_id, foreign, None)):
        assert await store.reads.requests(RequestQuery(channel)) == []
    for orders in ({}, {"statuses": ("open",)}, {"updated_after": 1}):
        asked = OrderQuery(ours, channel_id=theirs.channels[0], **orders)  # type: ignore[arg-type]
        assert await store.reads.orders(asked) == []
        assert await store.reads.orders(asked._replace(scope=theirs.actor().scope)) != []


def test_no_statement_is_kept_with_texts_that_a_caller_chooses() -> None:
    """Of all others, so many are kept, however many a caller asks for."""
    kept_page.cache_clear()
    texts = tuple("x" * 200 for _ in range(100))
    for given in ({"numbers": texts}, {"failure_codes": texts}):
        query = RequestQuery(ACCOUNT, **given)  # type: ignore[arg-type]
        (driver,) = drivers(query, few_changed=False)
        page(query, SQLITE, driver)
    assert kept_page.cache_info().currsize == 0
    for since in range(2 * KEPT):
        query = RequestQuery(ACCOUNT, since_id=since)
        assert page(query, SQLITE, Driver.ID) == page(query, SQLITE, Driver.ID)
    assert kept_page.cache_info().currsize == KEPT
    assert kept_page.cache_info().hits >= 2 * KEPT
