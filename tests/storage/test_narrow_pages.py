"""Pages of goods, shipments, invoices and deliveries, whatever their filters, against plain Python over the same rows."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.clock import SECOND, START
from tests.support.merchant import Merchant, Wanted, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store, Tx
from waypost.app.ports.inventory import GoodsQuery
from waypost.app.ports.invoices import InvoiceQuery
from waypost.app.ports.shipments import ShipmentQuery
from waypost.app.ports.webhooks import Delivery, DeliveryQuery
from waypost.domain.inventory import InventoryParent, InventoryVariant, ListingParent, ListingVariant, ProductVariant
from waypost.domain.invoices import Invoice
from waypost.domain.shipments import Shipment
from waypost.storage.queries import shortest

ROWS = 150
TRIES = 300
Row = Any


@pytest.fixture
def rng() -> random.Random:
    """Chance, the same in every run."""
    return random.Random(16)


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little of each list is looked at, so that pages are read by another index, too."""
    monkeypatch.setattr(shortest, "ROWS_PER_WANTED", 2)
    monkeypatch.setattr(shortest, "GROWTH", 3)


@pytest.fixture
async def other(store: Store) -> Merchant:
    """Another account."""
    return await open_merchant(store, "Theirs")


def blank(record: Any, **values: Any) -> Any:
    """A record of nothing else."""
    return record(**{**dict.fromkeys(record._fields), **values})


def moments(rng: random.Random) -> dict[str, int]:
    """When it was made, and changed."""
    made = START + rng.randrange(20) * SECOND
    return {"inserted_at": made, "updated_at": made + rng.choice((0, 0, rng.randrange(20))) * SECOND}


async def check(
    rng: random.Random, rows: Sequence[Row], order: Callable[[Row], Any],
    page: Callable[[dict[str, Any]], Any], drawn: Callable[[], tuple[dict[str, Any], Callable[[Row], bool]]],
) -> None:  # fmt: skip
    """Each page that is drawn has what plain Python finds, in its order."""
    found = 0
    for _ in range(TRIES):
        filters, matches = drawn()
        limit, offset = rng.choice((1, 2, 5, 40, 1000)), rng.choice((0, 0, 0, 1, 7))
        wanted = [one.id for one in sorted(filter(matches, rows), key=order)][offset : offset + limit]
        shown = await page({**filters, "limit": limit, "offset": offset})
        assert [one.id for one in shown] == wanted, (filters, limit, offset)
        found += bool(wanted)
    assert found > TRIES // 6


def scopes(merchants: Sequence[Merchant], kinds: Sequence[str]) -> list[Scope]:
    """Of each token that may read."""
    found = [Scope(one.account) for one in merchants]
    if "source" in kinds:
        found += [Scope(one.account, source) for one in merchants for source in one.sources]
    if "channel" in kinds:
        found += [Scope(one.account, None, channel) for one in merchants for channel in one.channels]
    return found


def seen(row: Row, scope: Scope) -> bool:
    """Whether a scope sees a row by its columns."""
    bounds = (("source_id", scope.source_id), ("channel_id", scope.channel_id))
    return row.account_id == scope.account_id and all(id_ is None or getattr(row, name) == id_ for name, id_ in bounds)


def after(row: Row, filters: dict[str, Any], filter_: str, name: str) -> bool:
    """Whether a moment lies after what a filter says."""
    return filters.get(filter_) is None or getattr(row, name) > filters[filter_]


def goods_drawn(
    rng: random.Random, rows: Sequence[Row], all_scopes: Sequence[Scope], column: str | None
) -> tuple[dict[str, Any], Callable[[Row], bool]]:
    """Filters of a list of goods, and what they mean."""
    filters: dict[str, Any] = {"scope": rng.choice(all_scopes)}
    some = rng.sample(list(rows), 4)
    for name, values in (("ids", [one.id for one in some]), ("skus", [one.sku for one in some]),
                         ("upcs", [one.upc for one in some] if hasattr(some[0], "upc") else [])):  # fmt: skip
        if values and rng.random() < 0.2:
            filters[name] = tuple(sorted(set(values)))
    if rng.random() < 0.6:
        filters["updated_after"] = START + rng.randrange(-1, 40) * SECOND
    if column is not None and rng.random() < 0.4:
        filters[column] = getattr(rng.choice(list(rows)), column)

    def matches(row: Row) -> bool:
        named = all(getattr(row, name[:-1]) in filters[name] for name in ("ids", "skus", "upcs") if filters.get(name))
        of = column is None or filters.get(column) in (None, getattr(row, column))
        return seen(row, filters["scope"]) and named and of and after(row, filters, "updated_after", "updated_at")

    return filters, matches


async def goods_of(store: Store, rng: random.Random, merchants: Sequence[Merchant]) -> dict[str, list[Row]]:
    """Rows of all five tables; SKUs are the same at many sources and channels."""
    made: dict[str, list[Row]] = {}

    async def write(tx: Tx) -> None:
        for record, table, column in (
            (InventoryParent, "inventory_parent", "source_id"), (ProductVariant, "product_variant", None),
            (InventoryVariant, "inventory_variant", "source_id"), (ListingParent, "listing_parent", "channel_id"),
            (ListingVariant, "listing_variant", "channel_id"),
        ):  # fmt: skip
            rows = []
            taken: set[tuple[int, str]] = set()
            for id_ in await tx.new_ids(table, ROWS):
                one = rng.choice(merchants)
                owner = one.account if column is None else rng.choice(one.sources if column == "source_id" else one.channels)
                sku = f"SKU-{rng.randrange(ROWS)}"
                if (owner, sku) in taken:
                    continue
                taken.add((owner, sku))
                values = {"id": id_, "account_id": one.account, "sku": sku, "custom_fields": "[]", **moments(rng)}
                values |= {} if column is None else {column: owner}
                more = {"upc": f"U-{rng.randrange(30)}", "quantity": 1, "committed": 0, "archived": False, "attributes": "[]"}
                rows.append(blank(record, **values, **{name: value for name, value in more.items() if name in record._fields}))
            made[table] = rows
        await tx.insert_inventory(made["inventory_parent"], made["product_variant"], made["inventory_variant"])
        await tx.write_listings((made["listing_parent"], made["listing_variant"]), ([], []))

    await store.write(write)
    return made


async def test_goods(store: Store, merchant: Merchant, other: Merchant, rng: random.Random) -> None:
    both = [merchant, other]
    made = await goods_of(store, rng, both)
    reads = store.reads

    async def parents(filters: dict[str, Any]) -> list[Row]:
        return [family.parent for family in await reads.inventory_families(GoodsQuery(**filters))]

    async def listing_parents(filters: dict[str, Any]) -> list[Row]:
        return [family.parent for family in await reads.listing_families(GoodsQuery(**filters))]

    for table, column, kinds, page in (
        ("inventory_variant", "source_id", ("source",), lambda f: reads.inventory_variants(GoodsQuery(**f))),
        ("inventory_parent", "source_id", ("source",), parents),
        ("product_variant", None, (), lambda f: reads.product_variants(GoodsQuery(**f))),
        ("listing_variant", "channel_id", ("channel",), lambda f: reads.listing_variants(GoodsQuery(**f))),
        ("listing_parent", "channel_id", ("channel",), listing_parents),
    ):  # fmt: skip
        rows, whose = made[table], scopes(both, kinds)
        drawn = lambda rows=rows, whose=whose, column=column: goods_drawn(rng, rows, whose, column)  # noqa: E731
        await check(rng, rows, lambda one: one.id, page, drawn)


async def requests_of(store: Store, rng: random.Random, merchants: Sequence[Merchant]) -> dict[int, Row]:
    """Requests of every source and channel, by id, as their states are."""
    found = {}
    for one in merchants:
        ids = await one.requests(*(Wanted(source=rng.randrange(2), channel=rng.randrange(2)) for _ in range(8)))
        for request in await store.reads.requests_of(Scope(one.account), ids):
            found[request.state.id] = request.state
    return found


async def test_shipments(store: Store, merchant: Merchant, other: Merchant, rng: random.Random) -> None:
    both = [merchant, other]
    requests = await requests_of(store, rng, both)
    rows: list[Shipment] = []

    async def write(tx: Tx) -> None:
        for id_ in await tx.new_ids("shipment", ROWS):
            state = rng.choice(list(requests.values()))
            rows.append(blank(
                Shipment, id=id_, account_id=state.account_id, source_id=state.source_id, order_id=state.order_id,
                request_id=state.id, tracking_number="T", shipped_at=1, suppressed=False, partial=False,
                custom_fields="[]", version=1, **moments(rng),
            ))  # fmt: skip
        await tx.insert_shipments(rows, [])
        for place in range(0, ROWS, 3):  # some are corrected to another request of their source
            was = rows[place]
            others = [one for one in requests.values() if one.source_id == was.source_id]
            now = rng.choice(others)
            rows[place] = was._replace(request_id=now.id, order_id=now.order_id)
        await tx.update_shipments(rows[::3], [])

    await store.write(write)

    def drawn() -> tuple[dict[str, Any], Callable[[Row], bool]]:
        filters: dict[str, Any] = {"scope": rng.choice(scopes(both, ("source", "channel")))}
        for name in ("created_after", "updated_after"):
            if rng.random() < 0.4:
                filters[name] = START + rng.randrange(-1, 30) * SECOND
        some = rng.choice(rows)
        for name in ("order_id", "request_id"):
            if rng.random() < 0.15:
                filters[name] = getattr(some, name)

        def matches(row: Row) -> bool:
            scope = filters["scope"]
            of = all(filters.get(name) in (None, getattr(row, name)) for name in ("order_id", "request_id"))
            channel = scope.channel_id in (None, requests[row.request_id].channel_id)
            mine = seen(row, scope._replace(channel_id=None)) and channel
            new = after(row, filters, "created_after", "inserted_at") and after(row, filters, "updated_after", "updated_at")
            return mine and of and new

        return filters, matches

    async def page(filters: dict[str, Any]) -> list[Row]:
        return [view.shipment for view in await store.reads.shipments(ShipmentQuery(**filters))]

    await check(rng, rows, lambda one: (one.inserted_at, one.id), page, drawn)


async def test_invoices(store: Store, merchant: Merchant, other: Merchant, rng: random.Random) -> None:
    both = [merchant, other]
    requests = await requests_of(store, rng, both)
    rows: list[Invoice] = []

    async def write(tx: Tx) -> None:
        for id_ in await tx.new_ids("source_invoice", ROWS):
            state = rng.choice(list(requests.values()))
            rows.append(blank(
                Invoice, id=id_, account_id=state.account_id, source_id=state.source_id, request_id=state.id,
                status="unpaid", invoice_number="N", invoice_date=1, total_credit_cost=1, custom_fields="[]", version=1,
                accounting_synced=rng.choice((None, None, None, False, True)),
                accounting_error=rng.choice((None, None, None, None, "No.")), **moments(rng),
            ))  # fmt: skip
        await tx.insert_invoices(rows, [])

    await store.write(write)

    def drawn() -> tuple[dict[str, Any], Callable[[Row], bool]]:
        filters: dict[str, Any] = {"scope": rng.choice(scopes(both, ("source",)))}
        for name in ("accounting_synced", "of_synced_request", "has_error"):
            if rng.random() < 0.3:
                filters[name] = rng.random() < 0.5 and name != "of_synced_request"
        some = rng.sample(rows, 3)
        for name, value in (("request_id", some[0].request_id), ("source_id", some[0].source_id),
                            ("ids", tuple(one.id for one in some)), ("created_after", START + 10 * SECOND)):  # fmt: skip
            if rng.random() < 0.2:
                filters[name] = value

        def matches(row: Row) -> bool:
            of = all(filters.get(name) in (None, getattr(row, name)) for name in ("request_id", "source_id"))
            synced = filters.get("accounting_synced") in (None, row.accounting_synced is True)
            failed = filters.get("has_error") in (None, row.accounting_error is not None)
            named = not filters.get("ids") or row.id in filters["ids"]
            return seen(row, filters["scope"]) and of and synced and failed and named and after(
                row, filters, "created_after", "inserted_at")  # fmt: skip

        return filters, matches

    async def page(filters: dict[str, Any]) -> list[Row]:
        return [view.invoice for view in await store.reads.invoices(InvoiceQuery(**filters))]

    await check(rng, rows, lambda one: (one.inserted_at, one.id), page, drawn)


async def test_deliveries(store: Store, merchant: Merchant, other: Merchant, rng: random.Random) -> None:
    hooks: dict[int, int] = {}

    async def write(tx: Tx) -> None:
        for account in (merchant.account, merchant.account, other.account):
            [id_] = await tx.new_ids("webhook", 1)
            hooks[id_] = account
            await tx.insert_row("webhook", {
                "id": id_, "account_id": account, "name": "x", "url": "https://example.com", "status": "active",
                "subscribed": "[]", "strict_order": False, "timeout_s": 5, "secret": "s", "cursor": 0, "failures": 0,
                "paused_until": 0, "lease_until": 0, "created_at": 1, "updated_at": 1,
            })  # fmt: skip
        await tx.put_deliveries([
            blank(Delivery, webhook_id=rng.choice(list(hooks)), message_id=f"m{place}", name="x", attempts=1, log="[]",
                  status=rng.choice(("pending", "delivered", "delivered", "failed")), created_at=1, updated_at=1)
            for place in range(ROWS)
        ])  # fmt: skip

    await store.write(write)
    rows = [one for id_, account in hooks.items()
            for one in await store.reads.webhook_deliveries(DeliveryQuery(account, id_, limit=1000))]  # fmt: skip
    assert len(rows) == ROWS

    def drawn() -> tuple[dict[str, Any], Callable[[Row], bool]]:
        filters: dict[str, Any] = {"webhook_id": rng.choice(list(hooks)), "account_id": rng.choice(list(hooks.values()))}
        if rng.random() < 0.7:
            filters["statuses"] = tuple(rng.sample(("pending", "delivered", "failed"), rng.choice((1, 1, 2, 3))))
        if rng.random() < 0.5:
            filters["since_id"] = rng.choice(rows).id

        def matches(row: Row) -> bool:
            mine = row.webhook_id == filters["webhook_id"] and hooks[row.webhook_id] == filters["account_id"]
            return mine and row.status in filters.get("statuses", (row.status,)) and row.id > filters.get("since_id", 0)

        return filters, matches

    await check(rng, rows, lambda one: one.id, lambda f: store.reads.webhook_deliveries(DeliveryQuery(**f)), drawn)
