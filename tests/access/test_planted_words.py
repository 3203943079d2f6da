"""A search of everything that a source, or a channel, can ever read for words that are not for it."""

import itertools
import re
from typing import Any

import pytest

from tests.events.conftest import Sending
from tests.events.conftest import receiver as receiver
from tests.events.conftest import sending as sending
from tests.events.conftest import shifted as shifted
from tests.http.test_invoices import post as invoice
from tests.http.test_shipments import post as ship
from tests.support.asgi import Client
from tests.support.contract import CONTRACT
from tests.support.goods import stock
from tests.support.receiver import Receiver
from tests.support.world import World
from waypost.domain.statuses import Status

FR = "/fulfillment-requests"
IDS_TRIED = 14  # of every kind: more than the story makes
_WORD = re.compile(r"hush[a-z]+")


async def _done(client: Client, method: str, target: str, json: Any = None) -> Any:
    reply = await client.call(method, target, json=json)
    assert reply.status < 300, (target, reply.body)
    return reply.json() if reply.body else None


async def _story(world: World, url: str) -> None:
    """What a day leaves behind. A word that begins with `hush` is for the merchant alone."""
    owner = world.client()
    for sku in ("SKU-A", "SKU-B"):
        await stock(url, world.ours.account, world.ours.sources[1], sku, 99)
    # Never released: nothing of them may be seen, by what road they ended ever.
    voided, canceled, rerouted, of_canceled, blocked = [
        await world.request(status)
        for status in (*[Status.UNPROCESSED] * 4, Status.DUPLICATE_NUMBER)
    ]
    for id_ in (voided, canceled, rerouted, of_canceled, blocked):
        await _done(owner, "PATCH", f"{FR}/{id_}?reason=hushedit", {
            "note": "hushnote", "shippingAddress": {"name": "hushname", "city": "Oslo", "country": "Norway"},
            "assignee": "hushassignee", "snoozedUntil": "2031-01-01",
        })  # fmt: skip
    await _done(owner, "PATCH", f"{FR}/{voided}/void?reason=hushvoid")
    await _done(owner, "PATCH", f"{FR}/{canceled}/cancel?reason=hushcancel")
    await _done(owner, "PATCH", f"{FR}/{rerouted}/reroute?sourceId={world.ours.sources[1]}&reason=hushreroute")
    order = (await _done(owner, "GET", f"{FR}/{of_canceled}"))["orderId"]
    await _done(owner, "PATCH", f"/orders/{order}/status?status=canceled&updateNote=hushorder")
    # Released: seen, but not what was done to it before, nor what is the merchant's own business.
    released, failed = [await world.request(Status.UNPROCESSED) for _ in range(2)]
    for id_ in (released, failed):
        await _done(owner, "PATCH", f"{FR}/{id_}?reason=hushedit", {"note": "hushdraft", "assignee": "hushassignee"})
        await _done(owner, "PATCH", f"{FR}/{id_}?reason=hushedit", {"note": "seen", "snoozedUntil": "2031-01-01"})
        await _done(owner, "PATCH", f"{FR}/{id_}/process")
    await _done(world.client("src"), "PATCH", f"{FR}/{failed}/processing-failed?error=nothing+left")
    await _done(owner, "PATCH", f"{FR}/{failed}?reason=hushedit", {"note": "seen", "assignee": "hushagain"})
    await _done(owner, "PATCH", f"{FR}/{failed}?reason=hushedit", {"carrier": "DHL"})
    assert (await ship(world, released, ("SKU-A", 1))).status == 200
    assert (await invoice(world, released)).status == 200


def _paths() -> list[str]:
    """Every GET of the contract, with every id that the story may have made in each place of an id."""
    paths = []
    for method, path, _ in CONTRACT.operations.values():
        if method != "GET":
            continue
        names = re.findall(r"\{[^}]+\}", path)
        if not names:
            paths.append(path)
        for ids in itertools.product(range(1, IDS_TRIED + 1), repeat=len(names)):
            filled = path
            for name, id_ in zip(names, ids, strict=True):
                filled = filled.replace(name, str(id_), 1)
            paths.append(filled)
    return paths


@pytest.mark.parametrize("short", ["src", "chn"])
async def test_nothing_that_is_hidden_can_be_read(sending: Sending, receiver: Receiver, short: str) -> None:
    world = sending.world
    bound = {"src": {"sourceId": world.ours.sources[0]}, "chn": {"channelId": world.ours.channels[0]}}[short]
    events = ["*", "FulfillmentRequestProcessingEvent", "OrderImportedEvent"]
    hook = await sending.configure(receiver.url, *events, **bound)
    await _story(world, sending.database_url)
    async with sending.running():
        await sending.settled(hook["id"])
    client, owner = world.client(short), world.client()
    read = hidden = 0
    shown: dict[str, set[str]] = {}
    for path in _paths():
        target = f"{path}?limit=500" if path == "/events" else path
        reply = await client.get(target)
        assert reply.status in (200, 204, 308, 400, 401, 404), (path, reply.status)
        read += reply.status == 200
        words = set(_WORD.findall(repr((reply.headers, reply.body))))
        if words:
            shown[path] = words
        whole = await owner.get(target)
        hidden += bool(_WORD.search(repr(whole.body)))
    for one in receiver.received:
        if words := set(_WORD.findall(repr(one.body))):
            shown[f"webhook {one.json().get('type') or one.json()['eventType']}"] = words
    assert read > 20, "hardly anything was read"
    assert hidden > 10, "the account itself does not see the words"
    assert len(receiver.received) > 3
    if short == "src":
        assert not shown
    else:
        # A channel reads its orders' requests in every status, with what the record shows; not who cares, nor why.
        words = set().union(*shown.values())
        assert words <= {"hushnote", "hushname", "hushvoid", "hushcancel", "hushreroute", "hushorder"}, shown
