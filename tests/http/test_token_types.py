"""A good token of the wrong type hears which types may call; other tokens hear nothing (contract section 1.1)."""

import asyncio
import io
import json

import pytest

from tests.support.asgi import Client
from tests.support.world import World
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.http.rates import Rate

HERE = "198.51.100.7"


@pytest.mark.parametrize(
    ("token", "method", "path", "types"),
    [
        ("src", "GET", "/account", ["account"]),
        ("chn", "GET", "/fulfillment-requests/processing", ["account", "source"]),
        ("chn", "PATCH", "/fulfillment-requests/1/cancel", ["account", "source"]),
        ("src", "GET", "/orders", ["account", "channel"]),
    ],
)
async def test_the_types_that_may_call_are_listed(world: World, token: str, method: str, path: str, types: list[str]) -> None:
    reply = await world.client(token).call(method, path)
    problem = reply.json()
    assert (reply.status, problem["code"], problem["tokenTypes"]) == (401, "wrong_token_type", types)
    mine = {"src": "a source", "chn": "a channel"}[token]
    assert problem["detail"] == f"This operation takes an {' or '.join(types)} token; yours is {mine} token."
    assert reply.headers["www-authenticate"] == "X-API-TOKEN"


async def test_tokens_that_are_no_good_cannot_be_told_apart(world: World) -> None:
    rows = {row.name: row for row in await world.hub.reads.tokens(world.ours.account)}
    now = world.hub.clock()
    await world.hub.store.write(lambda tx: tx.revoke_token(rows["ours src"].id, now))
    await world.hub.store.write(lambda tx: tx.expire_token(rows["ours chn"].id, now))
    replies = [await Client(world.app, token).get("/account") for token in
               (None, "wp_nobody", world.ours.tokens["src"], world.ours.tokens["chn"])]  # fmt: skip
    problems = [reply.json() | {"requestId": "", "status": reply.status} for reply in replies]
    assert problems == [problems[0]] * 4
    assert (problems[0]["status"], problems[0]["code"]) == (401, "unauthorized")
    assert "tokenTypes" not in problems[0]
    kept = [{name: value for name, value in reply.headers.items() if name not in ("x-request-id", "content-length")} for reply in replies]
    assert kept == [kept[0]] * 4


async def test_a_wrong_type_costs_its_address_like_every_401(world: World) -> None:
    log = io.StringIO()
    app = create_app(world.hub, Gate(world.hub.tokens, Rate(40, 2.0), (), lambda: 100.0), LineLog(log))
    source = Client(app, world.ours.tokens["src"])
    replies = [await source.call("GET", "/account", peer=HERE) for _ in range(11)]
    assert [reply.status for reply in replies] == [401] * 10 + [429]
    assert replies[9].headers["x-auth-pool-used"] == "10"
    assert int(replies[10].headers["retry-after"]) >= 1
    assert replies[10].json()["code"] == "too_many_requests"
    assert "check X-API-TOKEN" in replies[10].json()["detail"]
    assert (await source.call("GET", "/fulfillment-requests", peer=HERE)).status == 200
    assert (await source.call("GET", "/account", peer="198.51.100.8")).status == 401
    await asyncio.sleep(0)
    whys = [json.loads(line).get("why") for line in log.getvalue().splitlines()]
    assert whys[0] == "a source token may not call this"
    assert whys[10] == "too many refused calls (a source token may not call this)"
