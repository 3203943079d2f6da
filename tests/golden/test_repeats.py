"""What an older release answered, today's program answers again: calls with their keys, and orders that are posted again.

A body may have grown: members that came later are no difference (`differences`). Nothing may be missing or say something else,
with one exception (`HIDDEN`). None of this changes a row.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.golden.files import Call
from tests.golden.upgraded import Place, Program, everything, ok, running

Order = dict[str, Any]  # token, body as it was sent, id
ORDER = "create_order"
# A replay showed secrets until they were encrypted (schema 0009). It shows null since, whenever it was kept.
HIDDEN = {"secret", "previousSecret"}


def differences(was: Any, now: Any, at: str = "") -> list[str]:
    """Where a body says something else than it did."""
    if isinstance(was, dict) and isinstance(now, dict):
        found = [f"{at}/{name} is gone" for name in was.keys() - now.keys()]
        for name in was.keys() & now.keys():
            if not (name in HIDDEN and now[name] is None):
                found += differences(was[name], now[name], f"{at}/{name}")
        return found
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [one for place, pair in enumerate(zip(was, now, strict=True)) for one in differences(*pair, f"{at}/{place}")]
    return [] if was == now and type(was) is type(now) else [f"{at}: {was!r} has become {now!r}"]


def test_only_members_that_came_later_are_no_difference() -> None:
    was = {"id": 1, "lines": [{"sku": "A", "cost": None}], "secret": "s"}
    assert differences(was, {"id": 1, "lines": [{"sku": "A", "cost": None, "new": 1}], "secret": None, "more": []}) == []
    assert differences(was, {**was, "lines": [{"sku": "A"}]}) == ["/lines/0/cost is gone"]
    assert differences(was, {**was, "lines": []}) != []
    assert differences(was, {**was, "id": True}) == ["/id: 1 has become True"]
    assert differences(was, {**was, "secret": "t"}) != []


async def _replay(program: Program, call: Call) -> list[str]:
    """Make an old call again; what is wrong with the answer."""
    reply = await program.ask(call.method, call.target, call.token, call.body, call.headers)
    if reply.status != call.status or reply.headers.get("idempotent-replayed") != "true":
        return [f"{call.operation}: {reply.status} and not {call.status}: {reply.body[:300]!r}"]
    if reply.headers.get("etag") != call.etag:
        return [f"{call.operation}: ETag {reply.headers.get('etag')} and not {call.etag}"]
    if not call.replayed or not reply.body:
        return [] if call.replayed == reply.body.decode() else [f"{call.operation}: {reply.body!r}"]
    return [f"{call.operation} {one}" for one in differences(json.loads(call.replayed), reply.json())]


def _altered(call: Call) -> Call:
    """The same key with another call: other bytes, another id in the path, or another parameter."""
    if call.body is not None:
        return call._replace(body=call.body + " ")
    path, found = re.subn(r"/\d+", "/987654321", call.target, count=1)
    return call._replace(target=path if found else f"{path}?filterSourceId=1")


async def _refused(program: Program, call: Call) -> list[str]:
    other = _altered(call)
    reply = await program.ask(other.method, other.target, other.token, other.body, other.headers)
    code = reply.json()["code"] if reply.status >= 400 else None
    wanted = (422, "idempotency_key_reused")
    return [] if (reply.status, code) == wanted else [f"{call.operation}: {reply.status} {code}: {reply.body[:300]!r}"]


async def _repeat_all(program: Program, calls: list[Call]) -> None:
    assert len(calls) > 10
    assert [one for call in calls for one in await _replay(program, call)] == []
    assert [one for call in calls for one in await _refused(program, call)] == []


@asynccontextmanager
async def unchanged(place: Place) -> AsyncIterator[Program]:
    """Today's program, which may answer, and leaves every row as it is."""
    before = await everything(place.url)
    async with running(place) as program:
        yield program
    assert await everything(place.url) == before


CHANGES: dict[str, dict[str, Any]] = {
    "reference": {"referenceNumber": "another"}, "shipping": {"shippingText": "another"},
    "time": {"orderedAt": "2025-01-01T00:00:00Z"}, "all": {"customFields": [{"name": "another", "value": ""}]},
}  # fmt: skip
ITEM_CHANGES: dict[str, dict[str, Any]] = {
    "quantity": {"quantity": 999}, "price": {"price": 0.0001}, "title": {"title": "another"},
    "fields": {"customFields": [{"name": "another", "value": ""}]},
    "address": {"shippingAddress": {"name": "A. Nother", "city": "Oslo", "countryCode": "NO"}},
}  # fmt: skip


def _others(text: str) -> dict[str, str]:
    """The body of an order with something else in it, by what that is."""
    body = json.loads(text)
    first, *rest = body["orderItems"]
    found = {name: {**body, **change} for name, change in CHANGES.items()}
    found |= {name: {**body, "orderItems": [{**first, **change}, *rest]} for name, change in ITEM_CHANGES.items()}
    found["one more"] = {**body, "orderItems": [first, *rest, {"sku": "ANOTHER", "quantity": 1}]}
    return {name: json.dumps(one, ensure_ascii=False) for name, one in found.items()}


async def _found(program: Program, order: Order) -> list[str]:
    reply = await program.ask("POST", "/orders", order["token"], order["body"])
    as_it_was = (reply.status, reply.json().get("id")) == (200, order["id"])
    return [] if as_it_was else [f"{order['body']}: {reply.status} {reply.body[:300]!r}"]


async def _conflicts(program: Program, order: Order) -> list[str]:
    faults = []
    for name, body in _others(order["body"]).items():
        reply = await program.ask("POST", "/orders", order["token"], body)
        if reply.status != 409 or str(order["id"]) not in reply.json()["detail"]:
            faults.append(f"{name} in {body}: {reply.status} {reply.body[:300]!r}")
    return faults


def _import_again(place: Place, number: int, file: str, channel: str, account: str) -> None:
    path = place.folder / f"again-{number}.csv"
    path.write_text(file)
    options = ("--channel", channel, "--account", account, "--json")
    told = json.loads(ok(place, "import", "orders", path, *options))
    assert (told["created"], told["changed"], told["unchanged"]) == (0, 0, 2)


async def test_every_call_is_replayed_and_its_key_is_for_no_other(upgraded: Place) -> None:
    async with unchanged(upgraded) as program:
        await _repeat_all(program, [call for call in upgraded.story.calls if call.operation != ORDER])
        # A key belongs to all tokens that came from one another by rotation.
        calls = [call._replace(token="north again") for call in upgraded.story.calls if call.token == "north"]
        assert calls
        assert [one for call in calls for one in await _replay(program, call)] == []
        assert [(await program.ask("GET", "/orders", token)).status for token in ("revoked", "foreign")] == [401, 200]


async def test_every_order_is_known_again(upgraded: Place) -> None:
    """By its key, by its number and content, and in its file."""
    async with unchanged(upgraded) as program:
        await _repeat_all(program, [call for call in upgraded.story.calls if call.operation == ORDER])
        assert [one for order in upgraded.story.orders for one in await _found(program, order)] == []
        assert [one for order in upgraded.story.orders[:6] for one in await _conflicts(program, order)] == []
    for number, one in enumerate(upgraded.story.imported):
        await asyncio.to_thread(_import_again, upgraded, number, **one)
