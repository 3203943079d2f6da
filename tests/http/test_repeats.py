"""Idempotency keys as callers meet them (contract section 1.4): one call is applied once, whatever it changes."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from tests.support.asgi import Reply
from tests.support.database import contents, rows
from tests.support.stocked import stocked
from tests.support.world import World
from waypost.app.tokens import rotate_token

KEY = {"Idempotency-Key": "k-1"}
REPLAYED = "idempotent-replayed"


class Asked(NamedTuple):
    """A call."""

    method: str
    target: str
    body: Any = None


class Calls(NamedTuple):
    """Of one operation: a call that changes something, another one, and one that is refused as the first would not be."""

    good: Asked
    other: Asked
    refused: Asked


Make = Callable[[World, str], Awaitable[Calls]]


async def failing(world: World, url: str) -> Calls:
    """A request fails, by parameters."""
    id_, target = await world.request(), "/fulfillment-requests/{}/processing-failed?error={}"
    good, other = target.format(id_, "none+left"), target.format(id_, "none")
    return Calls(Asked("PATCH", good), Asked("PATCH", other), Asked("PATCH", target.format(987654, "x")))


async def adjusting(world: World, url: str) -> Calls:
    """A request is adjusted, by a body."""
    id_ = await world.request()
    target = f"/fulfillment-requests/{id_}/adjust"

    def body(quantity: int) -> Any:
        return {"items": [{"sku": "SKU-A", "acknowledgedQuantity": quantity}]}

    return Calls(*(Asked("POST", target, body(quantity)) for quantity in (1, 2, 999)))


async def ordering(world: World, url: str) -> Calls:
    """An order is posted."""

    def body(number: str, quantity: int = 1) -> Any:
        items = [{"sku": "A", "quantity": quantity, "price": 2}]
        return {"channelId": world.ours.channels[0], "orderNumber": number, "orderItems": items}

    assert (await world.client().post("/orders", json=body("N-0"))).status == 201
    return Calls(*(Asked("POST", "/orders", one) for one in (body("N-1"), body("N-2"), body("N-0", 2))))


async def shipping(world: World, url: str) -> Calls:
    """A parcel leaves."""
    request = await stocked(world, url)

    def body(quantity: int) -> Any:
        items = [{"sku": "SKU-A", "quantity": quantity}]
        return {"fulfillmentRequestId": request["id"], "shipment": {"trackingNumber": "1Z", "shipmentItems": items}}

    return Calls(*(Asked("POST", "/shipments", body(quantity)) for quantity in (1, 2, 99)))


async def stocking(world: World, url: str) -> Calls:
    """A source tells its quantities."""
    source = world.ours.sources[0]

    def body(quantity: int, where: int = source) -> Any:
        return [{"sourceId": where, "sku": "P", "variants": [{"sku": "V", "quantity": quantity}]}]

    target = "/inventory/parents"
    bodies = (body(5), body(6), body(5, 987654))
    return Calls(*(Asked("POST", target, one) for one in bodies))


async def configuring(world: World, url: str) -> Calls:
    """A webhook is set up."""

    def body(**more: Any) -> Any:
        return {"configurationName": "desk", "webhookUrl": "https://example.com/x", "subscribedEvents": ["*"], **more}

    target = "/webhook/configurations"
    bodies = (body(), body(configurationName="other"), body(sourceId=987654))
    return Calls(*(Asked("POST", target, one) for one in bodies))


OPERATIONS: dict[str, Make] = {
    "fail": failing, "adjust": adjusting, "create order": ordering, "ship": shipping, "stock": stocking,
    "configure": configuring,
}  # fmt: skip
every_operation = pytest.mark.parametrize("make", OPERATIONS.values(), ids=OPERATIONS)


async def call(world: World, asked: Asked, headers: dict[str, str] | None = None, token: str = "acc") -> Reply:
    """The reply."""
    more = {} if asked.body is None else {"json": asked.body}
    return await world.client(token).call(asked.method, asked.target, headers=headers, **more)


def is_done(reply: Reply) -> bool:
    """Whether it was applied now, or before."""
    return reply.status in (200, 201, 204)


@every_operation
async def test_a_repeat_gives_the_same_answer_and_changes_nothing(make: Make, world: World, migrated_url: str) -> None:
    calls = await make(world, migrated_url)
    first = await call(world, calls.good, KEY)
    assert is_done(first), first.body
    assert REPLAYED not in first.headers
    before = await contents(migrated_url)
    for _ in range(2):
        again = await call(world, calls.good, KEY)
        assert (again.status, again.headers[REPLAYED]) == (first.status, "true")
        if make is not configuring:  # a secret is shown once
            assert again.body == first.body
        assert again.headers.get("etag") == first.headers.get("etag")
        assert await contents(migrated_url) == before


@every_operation
async def test_a_key_of_another_call_is_refused(make: Make, world: World, migrated_url: str) -> None:
    calls = await make(world, migrated_url)
    assert is_done(await call(world, calls.good, KEY))
    before = await contents(migrated_url)
    reused = await call(world, calls.other, KEY)
    assert (reused.status, reused.json()["code"]) == (422, "idempotency_key_reused")
    foreign = await call(world, Asked("PATCH", f"/fulfillment-requests/{await world.request()}/void"), KEY)
    assert (foreign.status, foreign.json()["code"]) == (422, "idempotency_key_reused")
    left = await rows(migrated_url, "SELECT key FROM idempotency_key")
    assert [row["key"] for row in left] == ["k-1"]
    assert len(before["shipment"]) == len((await contents(migrated_url))["shipment"])


@every_operation
async def test_a_refusal_keeps_no_key(make: Make, world: World, migrated_url: str) -> None:
    calls = await make(world, migrated_url)
    for _ in range(2):  # the second is judged anew
        refused = await call(world, calls.refused, KEY)
        assert refused.status in (400, 404, 409), refused.body
        assert REPLAYED not in refused.headers
        assert await rows(migrated_url, "SELECT key FROM idempotency_key") == []
    first = await call(world, calls.good, KEY)
    assert is_done(first), first.body
    assert REPLAYED not in first.headers


@every_operation
async def test_a_dry_run_neither_looks_at_keys_nor_keeps_them(make: Make, world: World, migrated_url: str) -> None:
    calls = await make(world, migrated_url)
    mark = "&" if "?" in calls.good.target else "?"
    dry = calls.good._replace(target=f"{calls.good.target}{mark}dryRun=true")
    tried = await call(world, dry, KEY)
    assert (tried.status, REPLAYED in tried.headers) == (200, False), tried.body
    assert await rows(migrated_url, "SELECT key FROM idempotency_key") == []
    first = await call(world, calls.good, KEY)
    assert (is_done(first), REPLAYED in first.headers) == (True, False)
    assert REPLAYED not in (await call(world, dry, KEY)).headers


async def test_keys_belong_to_the_family_of_a_token(world: World, migrated_url: str) -> None:
    """Another token's key of the same name is another key; a rotated token has those of the one it came from."""
    calls = await failing(world, migrated_url)
    assert (await call(world, calls.good, KEY)).status == 204
    other = await call(world, calls.good, KEY, token="src")
    assert (other.status, other.json()["code"]) == (400, "not_allowed_from_status")
    tokens = await world.hub.reads.tokens(world.ours.account)
    (old,) = (row.id for row in tokens if row.name == "ours acc")
    issued = await rotate_token(world.hub.store, old, world.hub.clock(), secrets.token_bytes)
    client = world.client().with_token(issued.secret)
    again = await client.call(calls.good.method, calls.good.target, headers=KEY)
    assert (again.status, again.headers[REPLAYED]) == (204, "true")


@pytest.mark.parametrize("make", [failing, adjusting, ordering, shipping], ids=["fail", "adjust", "create order", "ship"])
async def test_a_replay_survives_a_restart(make: Make, world: World, migrated_url: str) -> None:
    """What is answered comes from the database: nothing of this process' memory is needed."""
    calls = await make(world, migrated_url)
    first = await call(world, calls.good, KEY)
    stored = await rows(migrated_url, "SELECT * FROM idempotency_key")
    await rows(migrated_url, "DELETE FROM idempotency_key")
    again = await call(world, calls.good, KEY)
    assert REPLAYED not in again.headers  # judged anew: the key is not known
    await rows(migrated_url, "DELETE FROM idempotency_key")
    names = list(stored[0])
    places = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    sql = f"INSERT INTO idempotency_key ({', '.join(names)}) VALUES ({places})"
    await rows(migrated_url, sql, *stored[0].values())
    replay = await call(world, calls.good, KEY)
    assert (replay.status, replay.body, replay.headers[REPLAYED]) == (first.status, first.body, "true")
