"""Pages: two sets of names, each with its own default size; a larger size is capped (contract section 1)."""

import pytest

from tests.support.asgi import Client
from tests.support.world import World

VARIANTS = 120
CAPPED = 100


async def sizes(client: Client, path: str, *queries: str) -> list[int]:
    """How many things the list shows for each query."""
    return [len((await client.get(f"{path}?{query}")).json()) for query in queries]


@pytest.fixture
async def goods(world: World) -> Client:
    """More inventory, products and listings than fit on any page."""
    skus = [f"S-{n:03}" for n in range(VARIANTS)]
    for first in range(0, VARIANTS, 20):
        body = [{"sku": f"P-{sku}", "variants": [{"sku": sku, "quantity": 1}]} for sku in skus[first : first + 20]]
        assert (await world.client("src").post("/inventory/parents", json=body)).status == 200
    for first in range(0, VARIANTS, 40):
        listed = [{"sku": sku, "parentSku": f"P-{sku}"} for sku in skus[first : first + 40]]
        assert (await world.client("chn").call("PUT", "/listing/variants", json=listed)).status == 200
    return world.client()


@pytest.mark.parametrize(
    "path", ["/inventory/variants", "/inventory/parents", "/product/variants", "/listing/variants", "/listing/parents"]
)
async def test_goods_come_by_fifty(goods: Client, path: str) -> None:
    # `per_page` is not known here, and ignored: a client that counts on it stops at a page of fewer than 50.
    pages = ("", "page=1&per_page=100", "page=2&per_page=100", "page=3&per_page=100", "page=4")
    assert await sizes(goods, path, *pages) == [50, 50, 50, 20, 0]
    assert await sizes(goods, path, "pageSize=7", "pageSize=100", "pageSize=5000") == [7, CAPPED, CAPPED]
    shown = [one["id"] for n in (1, 2, 3) for one in (await goods.get(f"{path}?page={n}")).json()]
    assert len(set(shown)) == VARIANTS
    assert shown == sorted(shown)


async def test_orders_come_by_fifty(world: World) -> None:
    for _ in range(52):
        await world.order()
    assert await sizes(world.client(), "/orders", "", "page=2", "pageSize=51", "pageSize=5000") == [50, 2, 51, 52]


@pytest.mark.parametrize("path", ["/fulfillment-requests", "/purchase-orders"])
async def test_requests_come_by_twenty(world: World, path: str) -> None:
    await world.requests(22)
    pages = ("", "filterPageNumber=2", "filterPageSize=21", "filterPageSize=5000")
    assert await sizes(world.client(), path, *pages) == [20, 2, 21, 22]
    # The names of the other lists are not known here.
    assert await sizes(world.client(), path, "page=2&pageSize=5") == [20]


async def test_short_lists_come_whole(world: World) -> None:
    assert await sizes(world.client(), "/sources", "", "pageSize=1", "pageSize=1&page=2") == [2, 1, 1]


@pytest.mark.parametrize("size", ["101", "9223372036854775807", "9223372036854775808", "0" * 30 + "9" * 40, " 500 "])
async def test_a_larger_size_is_capped_however_large(world: World, size: str) -> None:
    await world.requests(3)
    for target in (f"/fulfillment-requests?filterPageSize={size}", f"/orders?pageSize={size}"):
        reply = await world.client().get(target.replace(" ", "%20"))
        assert (reply.status, len(reply.json())) == (200, 3)
    for bad in ("0", "-1", "0" * 40, "1.5", "x"):
        assert (await world.client().get(f"/orders?pageSize={bad}")).status == 400
