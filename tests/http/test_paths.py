"""Unknown paths, and the order of the checks: path, token, rate, method, path id (contract section 1.1)."""

import asyncio
import io
import json

import pytest

from tests.support.asgi import Client
from tests.support.world import World
from waypost.http.app import Router, create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog

UNKNOWN = ("/nowhere", "/fulfillment-requests/1/nowhere", "/docs/nothing.js", "/docs/operations/nothing", "/docs/errors/x", "/healthz/x", "/orders;x")
OTHER_SPELLINGS = ("/docs/../app.py", "/docs//", "/docs/guides/../errors", "/docs/%65rrors", "//docs/errors", "/healthz//", "//account", "/%2faccount", "/orders%2F1", "/orders/%31", "/%61ccount", "/./account", "/orders/1/..", "/account/.", "/orders%5c1")
OPEN = ("/healthz", "/readyz", "/openapi.json", "/openapi.yaml")  # those of the reference: test_reference.py
HERE = "198.51.100.7"


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_path_is_404_with_or_without_a_token(world: World, path: str) -> None:
    for token in (None, "", "wp_nobody", world.ours.tokens["acc"], world.ours.tokens["src"]):
        for method in ("GET", "POST", "DELETE", "HEAD"):
            reply = await Client(world.app, token).call(method, path)
            assert reply.status == 404, (token, method)
            assert "www-authenticate" not in reply.headers
        reply = await Client(world.app, token).get(path)
        assert (reply.json()["code"], reply.json()["detail"]) == ("not_found", f"There is no path {path[:-1] if path.endswith('/') and path != '/' else path}: /docs lists all paths.")


@pytest.mark.parametrize("path", OTHER_SPELLINGS)
async def test_another_spelling_of_a_path_is_no_path(world: World, path: str) -> None:
    """A proxy that forbids `/account` lets these pass."""
    for token in (None, "wp_nobody", world.ours.tokens["acc"]):
        for method in ("GET", "PATCH", "HEAD"):
            reply = await Client(world.app, token).call(method, path)
            assert reply.status == 404, (token, method)
        reply = await Client(world.app, token).get(path)
        detail = f"There is no path {path}: write it without //, /./, /../ and needless percent-encoding."
        assert (reply.json()["code"], reply.json()["detail"], reply.json()["instance"]) == ("not_found", detail, path)


async def test_the_checks_come_in_their_order(world: World, limited: Client) -> None:
    stranger = limited.with_token("wp_nobody")
    assert (await stranger.call("DELETE", "/nowhere")).status == 404  # the path before the token
    assert (await stranger.call("DELETE", "/account")).status == 401  # the token before the method
    assert (await stranger.get("/fulfillment-requests/x")).status == 401  # and before the path id
    source = limited.with_token(world.ours.tokens["src"])
    assert (await source.call("DELETE", "/fulfillment-requests/x")).status == 405  # the method before the path id
    assert (await source.get("/fulfillment-requests/x?dryRun=%zz")).status == 404  # the path id before the input
    assert (await source.call("DELETE", "/fulfillment-requests/x")).status == 429  # the rate before the method
    assert (await source.call("DELETE", "/nowhere")).status == 404  # and the path before the rate


async def test_unknown_paths_without_a_good_token_cost_their_address(limited: Client) -> None:
    stranger = limited.with_token(None)
    paths = ["/nowhere", "/docs/nothing.js", "/account", "/healthz//", "/orders/1/nowhere"] * 2
    replies = [await stranger.call("GET", path, peer=HERE) for path in paths]
    assert [reply.status for reply in replies] == [404, 404, 401, 404, 404] * 2
    for path in ("/nowhere", "/docs/nothing.js", "/account"):
        reply = await stranger.call("GET", path, peer=HERE)
        assert reply.status == 429
        assert int(reply.headers["retry-after"]) >= 1
    assert (await stranger.call("GET", "/nowhere", peer="198.51.100.8")).status == 404
    assert (await stranger.call("GET", "/docs/reference.js", peer=HERE)).status == 200


async def test_unknown_paths_with_a_good_token_draw_its_pool_and_stay_404(limited: Client) -> None:
    replies = [await limited.call("GET", "/nowhere", peer=HERE) for _ in range(20)]
    assert {reply.status for reply in replies} == {404}
    assert [reply.headers["x-auth-pool-used"] for reply in replies[:3]] == ["1", "2", "2"]
    assert all("ratelimit" in reply.headers for reply in replies)
    assert (await limited.call("GET", "/account", peer=HERE)).status == 429
    # The address has paid nothing.
    assert (await limited.with_token(None).call("GET", "/nowhere", peer=HERE)).status == 404


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_documents_need_no_token_and_have_no_limit(limited: Client, path: str) -> None:
    stranger = limited.with_token(None)
    replies = [await stranger.get(target) for target in [path] * 15 + [f"{path}/"] * 15]
    assert {reply.status for reply in replies} == {200}
    assert {len(reply.body) for reply in replies} == {len(replies[0].body)}


async def test_a_trailing_slash_is_accepted_on_every_path(world: World) -> None:
    id_ = await world.request()
    for path in ("/account/", "/fulfillment-requests/", f"/fulfillment-requests/{id_}/"):
        assert (await world.client().get(path)).status == 200
        assert (await Client(world.app).get(path)).status == 401


async def test_a_good_call_is_routed_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []

    class Counting(Router):
        def find(self, uri, req=None):  # type: ignore[no-untyped-def]
            found.append(uri)
            return super().find(uri, req)

    monkeypatch.setattr("waypost.http.app.Router", Counting)
    client = Client(create_app(world.hub, Gate(world.hub.tokens, None, ()), LineLog(io.StringIO())), world.ours.tokens["acc"])
    assert (await client.get("/account/")).status == 200
    assert (await client.get("/nowhere")).status == 404
    assert (await client.with_token(None).get("/healthz")).status == 200
    assert found == ["/account", "/nowhere", "/healthz"]


async def test_the_log_says_why_an_unknown_path_was_refused(world: World, log: io.StringIO) -> None:
    await Client(world.app).get("/nowhere")
    await Client(world.app, "wp_nobody").get("/nowhere")
    await asyncio.sleep(0)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["status"], line["why"]) for line in lines] == [(404, "unknown path, no token: /nowhere"), (404, "unknown path, unknown: /nowhere")]
