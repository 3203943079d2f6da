"""Every filter of the list and the count, against a plain-Python oracle over a few hundred requests."""

import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.clock import SECOND, START
from tests.support.merchant import Merchant, Wanted, open_merchant
from waypost.app.ports import RequestQuery, Store
from waypost.domain.fulfillment import FulfillmentRequest, FulfillmentStatus, State
from waypost.domain.orders import OrderStatus
from waypost.domain.standing import RELEASED_ONCE
from waypost.domain.statuses import FINAL, Status
from waypost.storage.queries import shortest, walks

Image = FulfillmentRequest
ATTENTION = {
    "processing_error",
    "additional_info_required",
    "number_exceeds_max_length",
    "duplicate_number",
    "cross_docked",
}


def tweak(rng: random.Random, generated_at: int, released: bool) -> Callable[[State], State]:
    """Times and facts that the filters look at: drawn at random from what the life cycle allows."""

    def moment() -> int:
        return START + rng.randrange(10) * SECOND

    def maybe() -> int | None:
        return rng.choice((None, moment()))

    def tweaked(state: State) -> State:
        status = state.status
        ended = status in (Status.CANCELED, Status.VOIDED)
        acknowledged = moment() if status == Status.ACKNOWLEDGED else maybe() if ended and released else None
        canceled = moment() if status == Status.CANCELED else None
        sent = maybe() if released and status in RELEASED_ONCE else None
        open_ = (FulfillmentStatus.AWAITING_SHIPMENT, FulfillmentStatus.CANCELED)
        shipped = list(FulfillmentStatus) if status == Status.ACKNOWLEDGED else open_[1:] if ended else open_
        latest = max(at for at in (generated_at, acknowledged, canceled, sent) if at is not None)
        return state._replace(
            modified_at=latest + rng.randrange(3) * SECOND, sent_at=sent, acknowledged_at=acknowledged,
            canceled_at=canceled, invoiced=rng.random() < 0.5, fulfillment_status=rng.choice(shipped),
            failure_code=rng.choice(("out_of_stock", "address_invalid", "x_own")) if status == Status.PROCESSING_ERROR else None,
        )  # fmt: skip

    return tweaked


def population(rng: random.Random, count: int) -> list[Wanted]:
    """Requests of every kind, two to an order at times."""
    wanted = []
    for place in range(count):
        order = f"O{place // 2}"
        generated_at = START + rng.randrange(10) * SECOND
        status = rng.choice(list(Status))
        released = status not in FINAL or rng.random() < 0.5
        wanted.append(
            Wanted(
                status,
                lines=((f"S{place}", 1),),
                source=rng.randrange(2),
                channel=(place // 2) % 2,
                order=order,
                number=f"{order}-{rng.randrange(4)}",
                tweak=tweak(rng, generated_at, released),
                released=released,
                generated_at=generated_at,
                order_status=rng.choice(list(OrderStatus)) if place % 2 == 0 else OrderStatus.OPEN,
            )
        )
    return wanted


def after(value: int | None, moment: int | None) -> bool:
    """A time filter: later than, and there."""
    return moment is None or (value is not None and value > moment)


def known(value: object, wanted: bool | None) -> bool:
    """A filter on whether there is a value."""
    return wanted is None or (value is not None) == wanted


def among(value: object, wanted: Iterable[object]) -> bool:
    """A list filter; an empty one is none."""
    wanted = set(wanted)
    return not wanted or value in wanted


def matches(image: Image, query: RequestQuery, orders: dict[int, str]) -> bool:
    """The contract's words (section 2.4) on one request."""
    state, fixed = image.state, image.particulars
    scope = query.scope
    eligible = state.status == "unprocessed" and orders[state.order_id] in ("open", "not_managed")
    return all(
        (
            state.account_id == scope.account_id,
            scope.source_id is None or (state.source_id == scope.source_id and state.released_seq is not None),
            scope.channel_id is None or state.channel_id == scope.channel_id,
            query.order_id in (None, state.order_id),
            query.since_id is None or state.id > query.since_id,
            among(fixed.number, query.numbers),
            query.source_id in (None, state.source_id),
            among(state.status, query.statuses),
            among(state.fulfillment_status, query.fulfillment_statuses),
            query.invoiced is None or bool(state.invoiced) == query.invoiced,
            known(state.acknowledged_at, query.is_acknowledged),
            after(state.acknowledged_at, query.acknowledged_after),
            known(state.sent_at, query.is_sent),
            after(state.sent_at, query.sent_after),
            after(fixed.generated_at, query.generated_after),
            known(state.canceled_at, query.is_canceled),
            after(state.canceled_at, query.canceled_after),
            query.eligible_for_processing is None or eligible == query.eligible_for_processing,
            after(state.modified_at, query.updated_after),
            among(state.failure_code, query.failure_codes),
            query.needs_attention is None or (state.status in ATTENTION) == query.needs_attention,
        )
    )


def values(rng: random.Random, images: list[Image]) -> dict[str, Callable[[], Any]]:
    """For each filter a value that some requests have and others have not."""

    def some(options: Iterable[Any]) -> Callable[[], tuple[Any, ...]]:
        listed = sorted(set(options))
        return lambda: tuple(rng.sample(listed, rng.randint(1, min(3, len(listed)))))

    def flag() -> bool:
        return rng.random() < 0.5

    def moment() -> int:
        return START + rng.randrange(10) * SECOND

    moments = ("acknowledged_after", "sent_after", "generated_after", "canceled_after", "updated_after")
    flags = ("invoiced", "is_acknowledged", "is_sent", "is_canceled", "eligible_for_processing", "needs_attention")
    return {
        "order_id": lambda: rng.choice(images).state.order_id,
        "since_id": lambda: rng.choice(images).state.id,
        "numbers": some(image.particulars.number for image in images),
        "source_id": lambda: rng.choice(images).state.source_id,
        "statuses": some(Status),
        "fulfillment_statuses": some(FulfillmentStatus),
        "failure_codes": some(("out_of_stock", "address_invalid", "x_own", "other")),
        **dict.fromkeys(flags, flag),
        **dict.fromkeys(moments, moment),
    }


async def populated(store: Store, merchant: Merchant, rng: random.Random) -> tuple[list[Image], dict[int, str]]:
    """Two merchants' requests: what the first one has, and the status of its orders."""
    await merchant.requests(*population(rng, 240))
    foreign = await open_merchant(store, "Theirs")
    await foreign.requests(*population(rng, 40))
    scope = merchant.actor().scope
    images = await store.reads.requests(RequestQuery(scope, limit=1000))
    assert len(images) == 240
    orders = {}
    for id_ in {image.state.order_id for image in images}:
        view = await store.reads.order(scope, id_)
        assert view is not None
        orders[id_] = str(view.order.status)
    return images, orders


async def agree(store: Store, query: RequestQuery, images: list[Image], orders: dict[int, str]) -> int:
    """List, count and oracle agree; how many matched."""
    expected = [image for image in images if matches(image, query, orders)]
    assert await store.reads.requests(query._replace(limit=1000)) == expected, query
    assert await store.reads.count_requests(query) == len(expected), query
    for offset, limit in ((0, 3), (5, 4)):
        page = await store.reads.versions(query._replace(offset=offset, limit=limit))
        wanted = [(image.state.id, image.state.version) for image in expected]
        assert page == wanted[offset : offset + limit], query
    return len(expected)


@pytest.fixture(params=[None, 4, 1], ids=["few", "many", "many that lie far"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found by a moment is little, or much, and few rows of each list are looked at first."""
    if request.param:
        monkeypatch.setattr(walks, "FEW", 10)
        monkeypatch.setattr(shortest, "FIRST", 10 * request.param)
        monkeypatch.setattr(shortest, "ROWS_PER_WANTED", request.param)


@pytest.mark.usefixtures("many")
async def test_each_filter_by_itself(store: Store, merchant: Merchant) -> None:
    rng = random.Random(11)
    images, orders = await populated(store, merchant, rng)
    base = RequestQuery(merchant.actor().scope)
    drawn = values(rng, images)
    assert set(drawn) | {"scope", "limit", "offset"} == set(RequestQuery._fields)
    for name, value in drawn.items():
        given = [base._replace(**{name: value()}) for _ in range(6)]
        found = [await agree(store, query, images, orders) for query in given]
        # A filter that lets everything through, or nothing, has not been tried.
        assert any(0 < count < len(images) for count in found), name


@pytest.mark.usefixtures("many")
async def test_filters_together_and_scopes(store: Store, merchant: Merchant) -> None:
    rng = random.Random(12)
    images, orders = await populated(store, merchant, rng)
    drawn = values(rng, images)
    scopes = [
        merchant.actor().scope,
        merchant.actor("source", source=1).scope,
        merchant.actor("channel").scope,
    ]
    found = 0
    for _ in range(200):
        names = rng.sample(sorted(drawn), rng.randint(0, 3))
        query = RequestQuery(rng.choice(scopes), **{name: drawn[name]() for name in names})
        found += await agree(store, query, images, orders)
    assert found > 1000


async def test_pages_are_slices_of_the_whole_list(store: Store, merchant: Merchant) -> None:
    rng = random.Random(13)
    images, orders = await populated(store, merchant, rng)
    for query in (
        RequestQuery(merchant.actor().scope),
        RequestQuery(merchant.actor().scope, statuses=(Status.PROCESSING, Status.PROCESSED)),
        RequestQuery(merchant.actor("source").scope),
    ):
        expected = [image for image in images if matches(image, query, orders)]
        for size in (7, 20):
            pages = range(0, len(expected) + size, size)
            got = [await store.reads.requests(query._replace(limit=size, offset=offset)) for offset in pages]
            assert [image for page in got for image in page] == expected
            assert got[-1] == [] or len(got[-1]) < size


async def test_walking_by_since_id_meets_each_request_once(store: Store, merchant: Merchant) -> None:
    images, _ = await populated(store, merchant, random.Random(14))
    walked: list[int] = []
    query = RequestQuery(merchant.actor().scope, limit=50)
    while page := await store.reads.requests(query):
        walked += [image.state.id for image in page]
        assert len(walked) <= len(images)  # or it would walk for ever
        query = query._replace(since_id=walked[-1])
    assert walked == [image.state.id for image in images]


async def test_lines_come_with_their_request_in_their_order(store: Store, merchant: Merchant) -> None:
    await merchant.requests(*[Wanted(lines=(("A", 1), ("B", 2), ("C", 3)))] * 5)
    listed = await store.reads.requests(RequestQuery(merchant.actor().scope))
    for image in listed:
        assert [(line.sku, line.quantity) for line in image.lines] == [("A", 1), ("B", 2), ("C", 3)]
        assert image == await store.reads.request(merchant.actor().scope, image.state.id)
