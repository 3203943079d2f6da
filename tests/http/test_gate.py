"""Tokens and rates (contract sections 1.1 to 1.3)."""

import asyncio
import io
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.asgi import Client, Reply
from tests.support.world import World
from waypost.app.access import TokenBook
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.http.operations import ALL
from waypost.http.rates import Pools, Rate, client_name

Calls = Callable[[], Reply]
PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:a::/48"))


@pytest.mark.parametrize("path", ["/account", "/fulfillment-requests", "/fulfillment-requests/1/void"])
async def test_without_a_good_token_nothing_is_told(world: World, path: str) -> None:
    replies = [
        await Client(world.app, token).call("GET", path, headers=headers)
        for token, headers in [
            (None, {}), ("", {}), ("wp_nobody", {}), (None, {"Authorization": f"Bearer {world.ours.tokens['acc']}"}),
            ("wp_" + "x" * 5000, {}),
        ]
    ]  # fmt: skip
    replies.append(await Client(world.app).get(f"{path}?X-API-TOKEN={world.ours.tokens['acc']}"))
    assert {reply.status for reply in replies} == {401}
    assert len({(reply.json()["code"], reply.json()["detail"]) for reply in replies}) == 1


async def test_revoked_and_expired_tokens_look_like_unknown_ones(world: World) -> None:
    rows = {row.name: row for row in await world.hub.reads.tokens(world.ours.account)}
    now = world.hub.clock()
    await world.hub.store.write(lambda tx: tx.revoke_token(rows["ours src"].id, now))
    await world.hub.store.write(lambda tx: tx.expire_token(rows["ours chn"].id, now))
    replies = [await world.client(token).get("/fulfillment-requests") for token in ("src", "chn")]
    unknown = await Client(world.app, "wp_nobody").get("/fulfillment-requests")
    assert {(r.status, r.json()["detail"]) for r in replies} == {(401, unknown.json()["detail"])}


async def test_a_revocation_is_felt_within_a_second(world: World) -> None:
    seconds = 0.0
    book = TokenBook(world.hub.reads, world.hub.clock, lambda: seconds)
    holder = await book.holder(world.ours.tokens["src"])
    await world.hub.store.write(lambda tx: tx.revoke_token(holder.token_id, world.hub.clock()))
    seconds = 0.99
    with pytest.raises(Exception, match="revoked"):
        await book.holder(world.ours.tokens["src"])


async def test_the_header_name_is_case_insensitive(world: World) -> None:
    token = world.ours.tokens["acc"]
    assert (await Client(world.app).get("/account", headers={"x-Api-tOKEN": token})).status == 200


TYPES = {"acc": "account", "src": "source", "chn": "channel"}
MATRIX = {
    ("GET", "/fulfillment-requests"): "acc src chn",
    ("GET", "/fulfillment-requests/count"): "acc src chn",
    ("GET", "/fulfillment-requests/{id}"): "acc src chn",
    ("GET", "/fulfillment-requests/{id}/events"): "acc src chn",
    ("GET", "/fulfillment-requests/processing?peek=true"): "acc src",
    ("PATCH", "/fulfillment-requests/{id}/processed"): "acc src chn",
    ("PATCH", "/fulfillment-requests/{id}/processing-failed?error=x"): "acc src chn",
    ("PATCH", "/fulfillment-requests/{id}/acknowledge"): "acc src chn",
    ("POST", "/fulfillment-requests/{id}/acknowledge"): "acc src chn",
    ("POST", "/fulfillment-requests/{id}/adjust"): "acc src",
    ("PATCH", "/fulfillment-requests/{id}/cancel"): "acc src",
    ("PATCH", "/fulfillment-requests/{id}/process"): "acc",
    ("PATCH", "/fulfillment-requests/{id}/void"): "acc",
    ("PATCH", "/fulfillment-requests/{id}/accounting-sync"): "acc",
    ("PATCH", "/fulfillment-requests/{id}"): "acc",
    ("POST", "/fulfillment-requests/bulk"): "acc",
    ("POST", "/fulfillment-requests"): "acc",
    ("GET", "/failure-codes"): "acc src chn",
    ("GET", "/attention"): "acc",
    ("POST", "/attention/settle"): "acc",
    ("GET", "/policies"): "acc",
    ("PUT", "/policies"): "acc",
    ("POST", "/orders"): "acc chn",
    ("GET", "/orders"): "acc chn",
    ("GET", "/orders/1"): "acc chn",
    ("GET", "/orders/1/events"): "acc chn",
    ("POST", "/orders/1/fulfillment-requests/preview"): "acc",
    ("POST", "/orders/1/fulfillment-requests/generate"): "acc",
    ("GET", "/fulfillment-requests/{id}/routing"): "acc",
    ("PATCH", "/orders/1/status?status=Open"): "acc",
    ("PATCH", "/orders/1/payment?status=Paid"): "acc",
    ("PATCH", "/orders/1/tags"): "acc",
    ("PATCH", "/orders/1/accounting-sync"): "acc",
    ("POST", "/orders/1/items"): "acc chn",
    ("PATCH", "/orders/link"): "acc",
    ("PATCH", "/fulfillment-requests/{id}/reroute"): "acc",
    ("GET", "/account"): "acc",
    ("GET", "/shipments"): "acc src chn",
    ("GET", "/shipments/1"): "acc src chn",
    ("POST", "/shipments"): "acc src",
    ("PATCH", "/shipments"): "acc src",
    ("PUT", "/shipments/flag-with-errors"): "acc src",
    ("DELETE", "/shipment/1/shipment-item"): "acc src",
    ("DELETE", "/shipment/1/custom-fields"): "acc src",
    ("GET", "/purchase-orders"): "acc src chn",
    ("GET", "/purchase-orders/count"): "acc src chn",
    ("POST", "/purchase-orders"): "acc",
    ("PATCH", "/purchase-orders/{id}/processed"): "acc src chn",
    ("PATCH", "/purchase-orders/{id}/processing-failed?error=x"): "acc src chn",
    ("POST", "/purchase-orders/{id}/adjust"): "acc src",
    ("PATCH", "/purchase-orders/{id}/committed-stock"): "acc",
    ("DELETE", "/purchase-orders/{id}/committed-stock"): "acc",
    ("GET", "/source-invoices"): "acc src",
    ("GET", "/source-invoices/1"): "acc src",
    ("POST", "/source-invoices"): "acc src",
    ("PATCH", "/source-invoices/1"): "acc src",
    ("PATCH", "/fulfillment-requests/{id}/committed-stock"): "acc",
    ("DELETE", "/fulfillment-requests/{id}/committed-stock"): "acc",
    ("GET", "/events"): "acc src chn",
    ("GET", "/inventory/variants"): "acc src",
    ("PUT", "/inventory/variants"): "acc src",
    ("GET", "/inventory/variants/1/stock"): "acc src",
    ("GET", "/inventory/parents"): "acc src",
    ("POST", "/inventory/parents"): "acc src",
    ("GET", "/product/variants"): "acc",
    ("PATCH", "/account"): "acc",
    ("GET", "/sources"): "acc",
    ("POST", "/sources"): "acc",
    ("GET", "/source/1"): "acc src",
    ("PATCH", "/source/1"): "acc",
    ("PUT", "/source/1/settings"): "acc",
    ("GET", "/source/1/delivery"): "acc",
    ("PUT", "/source/1/delivery"): "acc",
    ("POST", "/source/1/delivery/test"): "acc",
    ("GET", "/fulfillment-requests/{id}/attempts"): "acc",
    ("GET", "/sources/1/purchase-order-strategy"): "acc",
    ("POST", "/sources/1/purchase-order-strategy"): "acc",
    ("GET", "/channel/"): "acc",
    ("POST", "/channel/"): "acc",
    ("GET", "/channel/1"): "acc chn",
    ("PATCH", "/channel/1"): "acc",
    ("GET", "/listing/parents"): "acc chn",
    ("GET", "/listing/variants"): "acc chn",
    ("PUT", "/listing/variants"): "acc chn",
    ("GET", "/shipping/source-shipping-methods"): "acc src",
    ("POST", "/shipping/source-shipping-methods"): "acc src",
    ("PUT", "/shipping/source-shipping-methods/1"): "acc src",
    ("GET", "/shipping/channel-shipping-methods"): "acc",
    ("POST", "/shipping/channel-shipping-methods"): "acc",
    ("PUT", "/shipping/channel-shipping-methods/1"): "acc",
    ("GET", "/shipping/shipping-policies"): "acc",
    ("POST", "/shipping/shipping-policies"): "acc",
    ("PUT", "/shipping/shipping-policy/1"): "acc",
    ("GET", "/routing-groups"): "acc",
    ("POST", "/routing-groups"): "acc",
    ("GET", "/routing-groups/1"): "acc",
    ("PATCH", "/routing-groups/1"): "acc",
    ("GET", "/webhhok/configurations"): "acc",
    ("POST", "/webhhok/configurations"): "acc",
    ("GET", "/webhhok/configurations/1"): "acc",
    ("PATCH", "/webhhok/configurations/1"): "acc",
    ("GET", "/webhook/configurations"): "acc",
    ("POST", "/webhook/configurations"): "acc",
    ("GET", "/webhook/configurations/1"): "acc",
    ("PATCH", "/webhook/configurations/1"): "acc",
    ("POST", "/webhook/configurations/1/rotate-secret"): "acc",
    ("POST", "/webhook/configurations/1/test"): "acc",
    ("POST", "/webhook/configurations/1/replay"): "acc",
    ("GET", "/webhook/configurations/1/deliveries"): "acc",
    ("POST", "/webhook/event/retry"): "acc",
}


def test_the_matrix_names_every_operation() -> None:
    assert len(MATRIX) == len(ALL)


async def test_who_may_call_what(world: World) -> None:
    id_ = await world.request()
    for (method, path), allowed in MATRIX.items():
        for token in ("acc", "src", "chn"):
            reply = await world.client(token).call(method, path.format(id=id_))
            assert (reply.status != 401) == (token in allowed.split()), (method, path, token)
            if reply.status == 401:
                assert reply.json()["code"] == "wrong_token_type"
                assert reply.json()["tokenTypes"] == [TYPES[one] for one in allowed.split()]


async def test_each_token_has_a_pool_of_its_own(world: World, limited: Client) -> None:
    replies = [await limited.get("/account") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert [reply.headers["x-auth-pool-used"] for reply in replies] == ["1", "2", "2"]
    for reply in replies:
        assert reply.headers["x-auth-pool-size"] == "2"
        assert reply.headers["x-auth-replenished-per-second"] == "2"
        assert reply.headers["ratelimit-policy"] == '"token";q=2;w=1'
        assert reply.headers["ratelimit"].startswith('"token";r=')
    assert replies[2].headers["retry-after"] == "1"
    assert replies[2].json()["code"] == "too_many_requests"
    said = "This token has made its 2 calls in one go, and regains 2 per second. Try again in 1 s."
    assert replies[2].json()["detail"] == said
    assert (await limited.with_token(world.ours.tokens["src"]).get("/fulfillment-requests")).status == 200


async def test_a_call_over_the_rate_touches_nothing(world: World, limited: Client) -> None:
    id_ = await world.request()
    for _ in range(2):
        await limited.get("/account")
    assert (await limited.patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")).status == 429
    assert (await world.client().get(f"/fulfillment-requests/{id_}")).json()["version"] == 1


async def test_open_paths_need_no_token_and_have_no_rate(limited: Client) -> None:
    stranger = limited.with_token(None)
    assert {(await stranger.get("/healthz")).status for _ in range(30)} == {200}
    assert (await stranger.get("/readyz")).json()["status"] == "ready"


async def test_refused_calls_cost_their_address(limited: Client) -> None:
    stranger = limited.with_token("wp_guess")
    replies = [await stranger.call("GET", "/account", peer="198.51.100.7") for _ in range(14)]
    assert [reply.status for reply in replies].count(401) == 10
    assert replies[-1].status == 429
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert (await stranger.call("GET", "/account", peer="198.51.100.8")).status == 401
    six = [await stranger.call("GET", "/account", peer=f"2001:db8::{n}") for n in range(1, 14)]
    assert six[-1].status == 429


def test_pools_refill_and_forget() -> None:
    pools = Pools(Rate(2, 2.0), at_most=3)
    assert [pools.draw("a", 0.0).allowed for _ in range(3)] == [True, True, False]
    assert pools.draw("a", 0.49).allowed is False
    assert pools.draw("a", 0.5).allowed is True
    for name in "bcd":
        pools.draw(name, 0.6)
    assert pools.draw("a", 0.6).used == 1  # forgotten, so full again


def test_a_pool_never_holds_more_than_its_size() -> None:
    pools = Pools(Rate(2, 2.0), at_most=3)
    pools.draw("a", 0.0)
    assert [pools.draw("a", 86_400.0).allowed for _ in range(3)] == [True, True, False]


def test_forwarded_addresses_count_from_a_trusted_proxy_only() -> None:
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    assert client_name("203.0.113.9", "192.0.2.1", proxies) == "203.0.113.9"
    assert client_name("10.0.0.1", "192.0.2.1", proxies) == "192.0.2.1"
    assert client_name("10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", proxies) == "192.0.2.1"
    assert client_name("10.0.0.1", "nonsense", proxies) == "10.0.0.1"
    assert client_name("2001:db8::1", None, ()) == client_name("2001:db8::2", None, ())
    assert client_name("::ffff:192.0.2.1", None, ()) == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.1:4711", "192.0.2.1"), ("6.6.6.6, 192.0.2.1:4711", "192.0.2.1"), ("[2001:db8::1]:4711", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"), ("2001:db8::1", "2001:db8::/64"), ("6.6.6.6,\t192.0.2.1\t", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, [2001:db8:a::7]:80", "192.0.2.1"), ("6.6.6.6, 192.0.2.1, 10.0.0.2:9", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        # From here on, a hop cannot be read: the client is the last one right of it.
        ("6.6.6.6, unknown", "10.0.0.1"), ("6.6.6.6, ", "10.0.0.1"), ("", "10.0.0.1"), ("6.6.6.6, _hidden", "10.0.0.1"),
        ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"), ("6.6.6.6, , 10.0.0.3:1", "10.0.0.3"),
        ("6.6.6.6, 192.0.2.1:port", "10.0.0.1"), ("6.6.6.6, 192.0.2.1:", "10.0.0.1"), ("6.6.6.6, 192.0.2.1:123456", "10.0.0.1"),
        ("6.6.6.6, [2001:db8::1", "10.0.0.1"), ("6.6.6.6, 2001:db8::1]:80", "10.0.0.1"), ('6.6.6.6, "192.0.2.1"', "10.0.0.1"),
        ("6.6.6.6, fe80::1%eth0", "10.0.0.1"), ("6.6.6.6, 192.0.2", "10.0.0.1"), ("6.6.6.6, for=192.0.2.1", "10.0.0.1"),
        ("6.6.6.6, 192.0.2.1 10.0.0.9", "10.0.0.1"),
    ],
)  # fmt: skip
def test_a_hop_is_read_in_every_form_that_proxies_write(forwarded: str, client: str) -> None:
    assert client_name("10.0.0.1", forwarded, PROXIES) == client


def test_a_peer_with_a_zone_is_counted_under_its_network() -> None:
    assert client_name("fe80::1%eth0", None, ()) == client_name("fe80::2%eth1", None, ()) == "fe80::/64"
    assert client_name("unknown", "192.0.2.1", PROXIES) == "unknown"


# What proxies write of whom they know: an address in every form, and nothing that can be read of whom they do not.
CLIENTS = st.one_of(
    st.ip_addresses(v=4).filter(lambda one: one not in PROXIES[0]),
    st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None and one not in PROXIES[1]),
)
INNER = st.sampled_from(["10.0.0.2", "10.255.0.1:80", "2001:db8:a::2", "[2001:db8:a::3]:443", "::ffff:10.1.1.1"])
UNREAD = st.sampled_from(["unknown", "", "_gateway", "10.0.0", "[::1", "192.0.2.1:x", '"10.0.0.2"'])
FORMS = {4: ("{}", "{}:4711"), 6: ("{}", "[{}]", "[{}]:4711")}
WRITTEN = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")),
    st.lists(st.one_of(INNER, UNREAD, st.ip_addresses().map(str))).map(", ".join),
)


@st.composite
def appended(draw: st.DrawFn) -> str:
    """What trusted proxies append, from the outermost to the innermost: whoever called, and each proxy before."""
    caller = draw(CLIENTS)
    first = draw(st.one_of(UNREAD, st.sampled_from(FORMS[caller.version]).map(lambda form: form.format(caller))))
    return draw(st.sampled_from([", ", ",", " ,\t"])).join([first, *draw(st.lists(INNER, max_size=3))])


@given(peer=st.sampled_from(["10.0.0.1", "2001:db8:a::1", "::ffff:10.9.9.9"]), written=WRITTEN, others=appended())
def test_what_a_caller_writes_never_changes_who_it_is(peer: str, written: str, others: str) -> None:
    honest = client_name(peer, others, PROXIES)
    assert client_name(peer, f"{written}, {others}", PROXIES) == honest
    assert client_name(peer, f"{written},{others}", PROXIES) == honest


async def test_lines_of_a_header_are_one_list(world: World) -> None:
    """A caller's own line stands before that of the proxy, and says nothing."""
    gate = Gate(world.hub.tokens, Rate(2, 2.0), PROXIES, lambda: 100.0)
    stranger = Client(create_app(world.hub, gate, LineLog(io.StringIO())))
    for n in range(12):
        lines = [("X-Forwarded-For", f"198.51.100.{n}"), ("X-Forwarded-For", "192.0.2.1:80"), ("X-Forwarded-For", "10.0.0.2")]
        reply = await stranger.call("GET", "/account", headers=lines, peer="10.0.0.1")
        assert reply.status == (401 if n < 10 else 429)
    lines = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")]
    assert (await stranger.call("GET", "/account", headers=lines, peer="10.0.0.1")).status == 401
    empty = [("X-Forwarded-For", "")]
    assert (await stranger.call("GET", "/account", headers=empty, peer="10.0.0.1")).status == 401


async def test_many_at_once_draw_exactly_the_pool(world: World, limited: Client) -> None:
    replies = await asyncio.gather(*(limited.get("/account") for _ in range(20)))
    assert sorted(reply.status for reply in replies) == [200] * 2 + [429] * 18
