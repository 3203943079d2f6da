"""Every filter of the list of orders, against a plain-Python oracle; what it costs, and how rows are found."""

import json
import random
from typing import Any

import pytest

from tests.support.clock import SECOND, START
from tests.support.merchant import ADDRESS, Merchant, Wanted, open_merchant
from tests.support.plans import explained, scanned
from waypost.app.actor import Scope
from waypost.app.ports import OrderQuery, OrderView, PostedOrder, Store, Tx
from waypost.domain.orders import Order, OrderItem, OrderStatus, Progress
from waypost.domain.shipments import Shipment
from waypost.storage.dialect import POSTGRES, SQLITE, Dialect
from waypost.storage.orders import page
from waypost.storage.queries import shortest, walks
from waypost.storage.queries.order_pages import Driver, changed_after, drivers

TAGS = ("vip", "b2b", "größer", "true")
YEAR_ONE = -62_135_596_800_000_000
Moments = dict[int, list[int]]


def moment(rng: random.Random) -> int:
    """One of ten moments."""
    return START + rng.randrange(10) * SECOND


async def bare_orders(store: Store, merchant: Merchant, rng: random.Random, count: int) -> None:
    """Orders with an item each and nothing else, of every status and kind."""

    async def make(tx: Tx) -> None:
        ids = await tx.new_ids("orders", count)
        item_ids = await tx.new_ids("order_item", count)
        orders = [
            Order(
                id_, merchant.account, rng.choice(merchant.channels), f"L-{id_}", rng.choice((None, "R-1", "R-2")), None,
                rng.choice(list(OrderStatus)), None, Progress.NOT_STARTED, Progress.NOT_STARTED, 5, None, None,
                moment(rng), START, moment(rng), ADDRESS, None, json.dumps(rng.sample(TAGS, rng.randrange(4))), "[]", "",
            )
            for id_ in ids
        ]  # fmt: skip
        items = [
            OrderItem(item_id, id_, 1, "A", None, 1, 5, None, None, None, "[]", 0, 0, 0, 0)
            for id_, item_id in zip(ids, item_ids, strict=True)
        ]
        await tx.insert_orders([PostedOrder(order, None) for order in orders], items)

    await store.write(make)


async def shipments_of(store: Store, merchant: Merchant, rng: random.Random, requests: dict[int, int]) -> Moments:
    """Shipments of some of these requests (order id by request id); when each order's changed."""
    changed: Moments = {}

    async def make(tx: Tx) -> None:
        chosen = rng.sample(sorted(requests), len(requests) // 2)
        made = []
        for id_, request_id in zip(await tx.new_ids("shipment", len(chosen)), chosen, strict=True):
            at, order_id = moment(rng), requests[request_id]
            changed.setdefault(order_id, []).append(at)
            made.append(Shipment(id_, merchant.account, merchant.sources[0], order_id, request_id, "T", None, None, None,
                                 None, at, None, False, False, None, None, None, "[]", START, at, 1))  # fmt: skip
        await tx.insert_shipments(made, [])

    await store.write(make)
    return changed


def after(values: list[int], than: int | None) -> bool:
    """Any of these is later."""
    return than is None or any(value > than for value in values)


def matches(view: OrderView, query: OrderQuery, requests: Moments, shipments: Moments) -> bool:
    """The contract's words (section 5) on one order."""
    order = view.order
    return all(
        (
            query.scope.channel_id in (None, order.channel_id),
            query.channel_id in (None, order.channel_id),
            not query.statuses or order.status in query.statuses,
            not query.tags or set(query.tags) & set(json.loads(order.tags)),
            not query.numbers or order.order_number in query.numbers,
            not query.reference_numbers or order.reference_number in query.reference_numbers,
            after([order.ordered_at], query.ordered_after),
            after([order.updated_at], query.updated_after),
            after(requests.get(order.id, []), query.requests_updated_after),
            after(shipments.get(order.id, []), query.shipments_updated_after),
        )
    )


def draw(rng: random.Random, merchant: Merchant, numbers: list[str]) -> dict[str, Any]:
    """One to three filters."""

    def later() -> int:
        return rng.choice((moment(rng), moment(rng), YEAR_ONE, 0))

    every: dict[str, Any] = {
        "ordered_after": later(),
        "updated_after": later(),
        "requests_updated_after": later(),
        "shipments_updated_after": later(),
        "statuses": tuple(rng.sample([status.value for status in OrderStatus], rng.randrange(1, 3))),
        "tags": tuple(rng.sample(TAGS, rng.randrange(1, 3))),
        "numbers": tuple(rng.sample(numbers, 5)),
        "reference_numbers": tuple(rng.sample(("R-1", "R-2", "R-3"), 2)),
        "channel_id": rng.choice(merchant.channels),
    }
    return {name: every[name] for name in rng.sample(sorted(every), rng.randrange(1, 4))}


@pytest.mark.parametrize("few", [500, 3])
async def test_every_filter_alone_and_with_others(
    store: Store, merchant: Merchant, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found by a moment is little, or much, and few rows of each list are looked at first."""
    monkeypatch.setattr(walks, "FEW", few)
    monkeypatch.setattr(shortest, "ROWS_PER_WANTED", 1)
    rng = random.Random(5)
    await bare_orders(store, merchant, rng, 120)
    wanted = [
        Wanted(order=f"O{n // 2}", channel=n // 2 % 2, tweak=lambda state: state._replace(modified_at=moment(rng)))
        for n in range(80)
    ]
    ids = await merchant.requests(*wanted)
    theirs = await open_merchant(store, "Theirs")
    await bare_orders(store, theirs, rng, 20)
    scope = Scope(merchant.account)
    states = [image.state for image in await store.reads.requests_of(scope, ids)]
    requests: Moments = {}
    for state in states:
        requests.setdefault(state.order_id, []).append(state.modified_at)
    shipments = await shipments_of(store, merchant, rng, {state.id: state.order_id for state in states})
    everything = await store.reads.orders(OrderQuery(scope, limit=1000))
    assert [view.order.id for view in everything] == sorted(view.order.id for view in everything)
    assert len(everything) == 160
    numbers = [view.order.order_number for view in everything]
    for _ in range(300):
        seen_by = rng.choice((scope, scope, Scope(merchant.account, None, merchant.channels[1])))
        query = OrderQuery(seen_by, limit=1000)._replace(**draw(rng, merchant, numbers))
        expected = [view for view in everything if matches(view, query, requests, shipments)]
        assert await store.reads.orders(query) == expected, query
        page_two = await store.reads.orders(query._replace(limit=7, offset=7))
        assert page_two == expected[7:14], query


async def test_a_page_shows_what_the_order_itself_shows(store: Store, merchant: Merchant) -> None:
    await merchant.requests(Wanted(order="O1"), Wanted(order="O1", lines=(("SKU-C", 1),)), Wanted(order="O2"))
    scope = Scope(merchant.account)
    views = await store.reads.orders(OrderQuery(scope))
    assert [len(view.requests) for view in views] == [2, 1]
    assert views == [await store.reads.order(scope, view.order.id) for view in views]


@pytest.mark.parametrize("sees", ["source", "another account", "another channel"])
async def test_outside_the_scope_there_are_no_orders(sees: str, store: Store, merchant: Merchant) -> None:
    await merchant.request()
    (mine,) = await store.reads.orders(OrderQuery(Scope(merchant.account, None, merchant.channels[0])))
    theirs = await open_merchant(store, "Theirs")
    scope = {
        "source": merchant.actor("source").scope,
        "another account": theirs.actor().scope,
        "another channel": merchant.actor("channel", channel=1).scope,
    }[sees]
    assert await store.reads.orders(OrderQuery(scope)) == []
    assert await store.reads.orders(OrderQuery(scope, numbers=(mine.order.order_number,))) == []
    assert await store.reads.order(scope, mine.order.id) is None
    assert await store.reads.order_timeline(scope, mine.order.id) is None


async def test_a_page_takes_three_queries_however_long_it_is(
    store: Store, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await merchant.requests(*[Wanted(order=f"O{n}") for n in range(30)])
    asked: list[str] = []
    slow = store.reads.slow  # type: ignore[attr-defined]

    async def counted(sql: str, *args: Any) -> Any:
        asked.append(sql)
        return await slow(sql, *args)

    monkeypatch.setattr(store.reads, "slow", counted)
    assert len(await store.reads.orders(OrderQuery(Scope(merchant.account), limit=1000))) == 30
    assert len(asked) == 3


QUERIES: list[dict[str, Any]] = [
    {},
    {"offset": 5000},
    {"statuses": ("open",)},
    {"statuses": ("open", "closed")},
    {"updated_after": START},
    {"updated_after": START, "statuses": ("open",)},
    {"ordered_after": START},
    {"ordered_after": YEAR_ONE},
    {"requests_updated_after": START},
    {"requests_updated_after": YEAR_ONE},
    {"shipments_updated_after": START, "statuses": ("open",)},
    {"shipments_updated_after": YEAR_ONE},
    {"numbers": ("A", "B")},
    {"reference_numbers": ("A",), "updated_after": START},
    {"channel_id": 2},
    {"channel_id": 2, "statuses": ("open",)},
    {"tags": ("vip",), "statuses": ("open",)},
]


@pytest.mark.parametrize("channel", [None, 1])
@pytest.mark.parametrize("given", QUERIES, ids=str)
async def test_no_list_reads_a_whole_table(
    given: dict[str, Any], channel: int | None, engine: str, pristine_url: str
) -> None:
    query = OrderQuery(Scope(1, None, channel))._replace(**given)
    for driver in drivers(query, None):
        for look in (None, 100):
            sql, args = page(query, SQLITE if engine == "sqlite" else POSTGRES, driver, look)
            assert await scanned(pristine_url, sql, args) == [], await explained(pristine_url, sql, args)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({}, "ix_orders_account_id_id"), ({"statuses": ("open",)}, "ix_orders_account_id_status_id"),
        ({"updated_after": START, "statuses": ("open",)}, "ix_orders_account_id_updated_at"),
        ({"ordered_after": START, "channel_id": 2}, "ix_orders_account_id_ordered_at"),
        ({"numbers": ("A",), "statuses": ("open",)}, "ix_orders_account_id_order_number"),
        ({"channel_id": 2}, "ix_orders_channel_id_id"),
        ({"requests_updated_after": START}, "ix_fulfillment_request_state_account_id_modified_at"),
        ({"shipments_updated_after": START}, "ix_shipment_account_id_updated_at"),
    ],
)  # fmt: skip
async def test_the_narrowest_filter_finds_the_page(given: dict[str, Any], index: str, pristine_url: str) -> None:
    query = OrderQuery(Scope(1))._replace(**given)
    sql, args = page(query, SQLITE, drivers(query, next(iter(changed_after(query)), None))[0])
    assert index in await explained(pristine_url, sql, args)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES])
def test_a_list_does_not_read_what_was_posted(dialect: Dialect) -> None:
    """It may be as large as everything else of an order together."""
    sql, _ = page(OrderQuery(Scope(1)), dialect, Driver.ID)
    assert "likeness" in sql
    assert "posted" not in sql
