"""An order that is posted again (contract section 5): the same one is found, whatever differs around it; any other one
with its number is a conflict, whichever field differs."""

import json
from typing import Any

import pytest

from tests.support.database import contents
from tests.support.goods import listing, product
from tests.support.world import World

ADDRESS = {"name": "Ana Lopez", "addressLine1": "Calle 1", "city": "Quito", "country": "EC"}
ITEM = {"sku": "A", "title": "Thing", "quantity": 3, "price": 12.5, "externalListingId": "x-1",
        "customFields": [{"name": "colour", "value": "red"}], "shippingAddress": ADDRESS}  # fmt: skip
ORDER = {
    "orderNumber": "N-1", "referenceNumber": "R-1", "orderedAt": "2026-04-20T10:00:00Z", "shippingText": "Ground",
    "shippingAddress": ADDRESS, "billingAddress": ADDRESS, "customFields": [{"name": "gift", "value": "yes"}],
    "orderItems": [ITEM, {"sku": "B", "quantity": 1}],
}  # fmt: skip


async def posted(world: World) -> dict[str, Any]:
    """The order, as its reply shows it."""
    first = await world.client("chn").post("/orders", json=ORDER)
    assert first.status == 201, first.body
    shown: dict[str, Any] = first.json()
    return shown


@pytest.mark.parametrize(
    ("token", "more"),
    [
        ("chn", {}), ("chn", {"X-Request-Id": "another-call"}), ("chn", {"Idempotency-Key": "k-1"}), ("acc", {}),
        ("acc", {"Idempotency-Key": "k-2"}),
    ],
    ids=["again", "another call", "a key", "another token", "another token with a key"],
)  # fmt: skip
async def test_what_lies_around_an_order_makes_no_other_one(
    token: str, more: dict[str, str], world: World, migrated_url: str
) -> None:
    shown = await posted(world)
    before = await contents(migrated_url, but=("idempotency_key",))
    body = ORDER | ({"channelId": world.ours.channels[0]} if token == "acc" else {})
    again = await world.client(token).post("/orders", json=body, headers=more)
    assert (again.status, again.json()) == (200, shown)
    assert "idempotent-replayed" not in again.headers
    dry = await world.client(token).post("/orders?dryRun=true", json=body)
    assert dry.status == 200, dry.body
    assert await contents(migrated_url, but=("idempotency_key",)) == before


@pytest.mark.parametrize(
    "change",
    [
        {"orderedAt": "2026-04-20T12:00:00+02:00"}, {"orderNumber": " N-1 "}, {"more": 1},
        {"shippingAddress": {**ADDRESS, "country": "Ecuador"}},
        {"orderItems": [{**ITEM, "price": 12.50, "quantity": 3.0, "title": " Thing "}, {"sku": "B", "quantity": 1, "price": None}]},
    ],
    ids=["moment", "blanks", "unknown", "country", "numbers"],
)  # fmt: skip
async def test_the_same_in_other_words_is_no_other_one(change: dict[str, Any], world: World) -> None:
    shown = await posted(world)
    again = await world.client("chn").post("/orders", body=json.dumps(ORDER | change).encode(),
                                           headers={"Content-Type": "application/json"})  # fmt: skip
    assert (again.status, again.json()) == (200, shown)


def items(**change: Any) -> dict[str, Any]:
    """The order with this change of its first item."""
    return {"orderItems": [{**ITEM, **change}, ORDER["orderItems"][1]]}


@pytest.mark.parametrize(
    "change",
    [
        {"referenceNumber": "R-2"}, {"referenceNumber": None}, {"orderedAt": "2026-04-20T10:00:01Z"},
        {"shippingText": "Air"}, {"shippingText": None}, {"shippingAddress": {**ADDRESS, "city": "Cuenca"}},
        {"shippingAddress": None}, {"billingAddress": {**ADDRESS, "city": "Cuenca"}}, {"billingAddress": None},
        {"customFields": [{"name": "gift", "value": "no"}]}, {"customFields": []},
        {"orderItems": [ITEM]}, {"orderItems": [*ORDER["orderItems"], {"sku": "C", "quantity": 1}]},
        {"orderItems": ORDER["orderItems"][::-1]},
        items(sku="C"), items(title="Another"), items(quantity=4), items(price=12.5001), items(externalListingId="x-2"),
        items(externalListingId=None), items(customFields=[{"name": "colour", "value": "blue"}]),
        items(shippingAddress={**ADDRESS, "city": "Cuenca"}), items(shippingAddress=None),
    ],
    ids=lambda change: json.dumps(change)[:60],
)  # fmt: skip
async def test_whichever_field_differs_it_is_another_one(
    change: dict[str, Any], world: World, migrated_url: str
) -> None:
    shown = await posted(world)
    before = await contents(migrated_url)
    other = await world.client("chn").post("/orders", json=ORDER | change)
    assert (other.status, other.json()["code"]) == (409, "already_exists")
    assert str(shown["id"]) in other.json()["detail"]
    assert await contents(migrated_url) == before


async def test_the_ids_of_an_item_make_another_one(world: World, migrated_url: str) -> None:
    ours = world.ours
    one, other = [await product(migrated_url, ours.account, sku) for sku in ("P", "Q")]
    first, second = [await listing(migrated_url, ours.account, ours.channels[0], sku) for sku in ("L", "M")]
    for number, name, good, bad in (("1", "productVariantId", one, other), ("2", "listingVariantId", first, second)):
        body = {"orderNumber": number, "orderItems": [{name: good, "quantity": 1}]}
        assert (await world.client("chn").post("/orders", json=body)).status == 201
        body["orderItems"] = [{name: bad, "quantity": 1}]
        assert (await world.client("chn").post("/orders", json=body)).status == 409
