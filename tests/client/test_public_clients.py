"""Programs that call the hub as clients of the original do, against a real server with its default rates.

They are written from what is publicly known of such clients: they do not wait between calls, do not expect a 429, and
stop at a page that is shorter than the size they know.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.process import ServerProcess
from tests.support.world import World, merchant
from waypost.app.generation import LineDraft, RequestDraft
from waypost.main import build_hub
from waypost.storage.opening import open_store

REQUESTS = 110  # more than five pages of 20
VARIANTS = 120  # more than two pages of 50


class Shop:
    """A merchant of a server: tokens, fulfillment requests, and an order that has two of them."""

    def __init__(self, tokens: dict[str, str], order: int, of_order: list[int], requests: list[int]) -> None:
        self.tokens = tokens
        self.order = order
        self.of_order = of_order
        self.requests = requests
        self.url = ""

    def client(self, token: str) -> httpx.Client:
        """What a program calls the server with; clients write the header like this."""
        return httpx.Client(base_url=self.url, headers={"X-Api-Token": self.tokens[token]})


async def open_shop(url: str) -> Shop:
    """Fill a database."""
    store = await open_store(url, migrate=False)
    hub, writer = build_hub(store)
    world = World(hub, None, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    order = await world.order()
    view = await hub.reads.order(world.ours.actor.scope, order)
    assert view is not None
    of_order = []
    for item, source in zip(view.items, world.ours.sources, strict=True):
        draft = RequestDraft(world.ours.actor, order, source, (LineDraft(item.id, item.quantity),))
        of_order.append((await hub.changes.generate(draft)).image.state.id)
    requests = of_order + await world.requests(REQUESTS - len(of_order))
    await writer.close()
    await store.close()
    return Shop(world.ours.tokens, order, of_order, requests)


@pytest.fixture
async def shop(migrated_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The shop, and a server with the rates that it has by default."""
    opened = await open_shop(migrated_url)
    async with ServerProcess(migrated_url, tmp_path / "server.log", default_rates=True) as server:
        opened.url = server.url
        yield opened


def every_request(client: httpx.Client) -> list[int]:
    """Pages of 20, one after the other without a pause, until one is shorter."""
    ids: list[int] = []
    page = 1
    while True:
        params = {"filterPageNumber": page, "filterPageSize": 20, "filterStatus": "Processing"}
        found = client.get("/fulfillment-requests", params=params).raise_for_status().json()
        ids += [one["id"] for one in found]
        if len(found) < 20:
            return ids
        page += 1


async def test_a_program_that_pages_without_waiting_sees_every_request(shop: Shop) -> None:
    with shop.client("acc") as client:
        assert await asyncio.to_thread(every_request, client) == shop.requests


def cancel_everything(client: httpx.Client, order: int, order_first: bool) -> list[str]:
    """Cancel an order and its requests in one go, and read each before and after. The statuses afterwards."""

    def call(method: str, path: str, **params: Any) -> Any:
        return client.request(method, path, params=params).raise_for_status().json()

    def cancel_order() -> None:
        call("PATCH", f"/orders/{order}/status", status="Canceled")

    call("GET", f"/orders/{order}")
    requests = [one["id"] for one in call("GET", "/fulfillment-requests", findOrderId=order)]
    if order_first:
        cancel_order()
    for id_ in requests:
        call("GET", f"/fulfillment-requests/{id_}")
        call("PATCH", f"/fulfillment-requests/{id_}/cancel")
    if not order_first:
        cancel_order()
    shown = [call("GET", f"/fulfillment-requests/{id_}") for id_ in requests]
    return [call("GET", f"/orders/{order}")["orderStatus"], *(one["fulfillmentRequestStatus"]["name"] for one in shown)]


@pytest.mark.parametrize("order_first", [True, False], ids=["order-first", "requests-first"])
async def test_a_program_that_cancels_an_order_and_its_requests_is_not_interrupted(shop: Shop, order_first: bool) -> None:
    with shop.client("acc") as client:
        statuses = await asyncio.to_thread(cancel_everything, client, shop.order, order_first)
    assert statuses == ["Canceled"] * 3


def every_variant(client: httpx.Client) -> list[list[str]]:
    """The SKUs of each page, until one has fewer than 50: a hundred are asked for by a name that the API lacks."""
    pages: list[list[str]] = []
    while True:
        params = {"page": len(pages) + 1, "per_page": 100}
        found = client.get("/inventory/variants", params=params).raise_for_status().json()
        pages.append([one["sku"] for one in found])
        if len(found) < 50:
            return pages


def stock(client: httpx.Client, skus: list[str]) -> None:
    """Tell the hub what a source has."""
    variants = [{"sku": sku, "quantity": 1} for sku in skus]
    parents = [{"sku": "P-1", "variants": variants[:100]}, {"sku": "P-2", "variants": variants[100:]}]
    client.post("/inventory/parents", json=parents).raise_for_status()


async def test_a_program_that_counts_on_pages_of_fifty_sees_the_whole_inventory(shop: Shop) -> None:
    skus = [f"S-{n:03}" for n in range(VARIANTS)]
    with shop.client("src") as source:
        await asyncio.to_thread(stock, source, skus)
    with shop.client("acc") as client:
        pages = await asyncio.to_thread(every_variant, client)
    assert [len(page) for page in pages] == [50, 50, 20]
    assert sorted(sku for page in pages for sku in page) == skus


def problem_of(client: httpx.Client, path: str) -> tuple[int, str, list[str] | None]:
    """Status, code and token types of a refused read."""
    reply = client.get(path)
    problem = reply.json()
    return reply.status_code, problem["code"], problem.get("tokenTypes")


async def test_a_program_hears_what_is_wrong_with_its_path_and_its_token(shop: Shop) -> None:
    with shop.client("src") as source, httpx.Client(base_url=shop.url) as nobody:
        for client in (source, nobody):
            found = await asyncio.to_thread(problem_of, client, "/v2/fulfillment-requests")
            assert found == (404, "not_found", None)
        assert await asyncio.to_thread(problem_of, source, "/account") == (401, "wrong_token_type", ["account"])
        assert await asyncio.to_thread(problem_of, nobody, "/account") == (401, "unauthorized", None)


def until_refused(client: httpx.Client, at_most: int) -> list[httpx.Response]:
    """Call without a pause until a call is refused."""
    replies: list[httpx.Response] = []
    while len(replies) < at_most and (not replies or replies[-1].status_code == 200):
        replies.append(client.get("/account"))
    return replies


async def test_a_program_that_never_pauses_makes_forty_calls_and_hears_how_long_to_wait(shop: Shop) -> None:
    with shop.client("acc") as client:
        replies = await asyncio.to_thread(until_refused, client, 1000)
    assert len(replies) > 40
    assert (replies[0].headers["x-auth-pool-size"], replies[0].headers["x-auth-pool-used"]) == ("40", "1")
    assert (replies[-1].status_code, replies[-1].headers["retry-after"]) == (429, "1")
