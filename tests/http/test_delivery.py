"""How a source takes its requests: set, read, tried out; the attempts of a request; over HTTP."""

from typing import Any

import pytest

from tests.support.database import rows
from tests.support.supplier import RULES, Supplier
from tests.support.world import World
from waypost.wire.handover import SAMPLE

PUT = {"kind": "http", "settings": {"url": "https://orders.example.com/v1"}}
TOKEN = {**PUT, "settings": {**PUT["settings"], "auth": {"type": "bearer"}}, "secrets": {"token": "s3cret-token"}}  # type: ignore[dict-item]


def path(world: World) -> str:
    """Of our first source."""
    return f"/source/{world.ours.sources[0]}/delivery"


async def put(world: World, body: Any, status: int = 200, **more: Any) -> Any:
    """Set it; the reply's body."""
    reply = await world.client().call("PUT", path(world), json=body, **more)
    assert reply.status == status, reply.body
    return reply.json()


async def test_a_source_that_nobody_has_set_polls(world: World) -> None:
    reply = await world.client().get(path(world))
    assert (reply.status, reply.headers["etag"]) == (200, '"1"')
    shown = reply.json()
    assert (shown["kind"], shown["settings"], shown["secretsSet"], shown["updatedAt"]) == ("poll", {}, [], None)
    assert shown["policy"]["attempts"] == 8


async def test_what_is_set_is_read_again(world: World) -> None:
    body = {**TOKEN, "policy": {"attempts": 3, "ratePerS": 2.5}, "paused": True}
    done = await put(world, body)
    assert done == (await world.client().get(path(world))).json()
    assert done["settings"]["url"] == "https://orders.example.com/v1"
    assert (done["policy"]["attempts"], done["policy"]["ratePerS"], done["policy"]["pauseS"]) == (3, 2.5, 15)
    assert (done["paused"], done["version"], done["secretsSet"]) == (True, 2, ["token"])


async def test_secrets_are_kept_and_never_shown(world: World, migrated_url: str) -> None:
    await put(world, TOKEN)
    later = await put(world, {**TOKEN, "secrets": {}, "paused": True})
    assert later["secretsSet"] == ["token"]
    assert "s3cret" not in (await world.client().get(path(world))).body.decode()
    (kept,) = await rows(migrated_url, "SELECT secrets FROM source_delivery")
    assert kept["secrets"].startswith("sealed:1:")
    told = await rows(migrated_url, "SELECT data FROM event WHERE type = 'source.delivery_changed'")
    keys = await rows(migrated_url, "SELECT outcome FROM idempotency_key")
    assert "s3cret" not in repr(told) + repr(keys)
    refused = await put(world, {**TOKEN, "secrets": {"token": None}}, 400)
    assert [(one["pointer"], one["code"]) for one in refused["errors"]] == [("/secrets/token", "required")]
    # Settings that use no secret keep none.
    assert (await put(world, PUT))["secretsSet"] == []
    assert await rows(migrated_url, "SELECT secrets FROM source_delivery") == [{"secrets": "{}"}]


async def test_the_same_again_changes_nothing(world: World, migrated_url: str) -> None:
    assert (await put(world, TOKEN))["version"] == 2
    assert (await put(world, TOKEN))["version"] == 2
    assert len(await rows(migrated_url, "SELECT 1 FROM event WHERE type = 'source.delivery_changed'")) == 1


async def test_a_key_makes_it_once_and_holds_no_secret(world: World, migrated_url: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await world.client().call("PUT", path(world), json=TOKEN, headers=headers)
    again = await world.client().call("PUT", path(world), json=TOKEN, headers=headers)
    assert (again.status, again.body, again.headers["etag"]) == (200, first.body, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "s3cret" not in repr(await rows(migrated_url, "SELECT outcome FROM idempotency_key"))


async def test_preconditions_and_dry_runs(world: World, migrated_url: str) -> None:
    await put(world, PUT, 412, headers={"If-Match": '"7"'})
    dry = await world.client().call("PUT", f"{path(world)}?dryRun=true", json=PUT)
    assert dry.json()["change"] == "move"
    assert await rows(migrated_url, "SELECT * FROM source_delivery") == []
    await put(world, PUT, headers={"If-Match": '"1"'})


async def test_all_faults_are_named_at_once(world: World, migrated_url: str) -> None:
    settings = {
        "url": "http://user:pw@example.com/{number",
        "method": "GET",
        "headers": {"Host": "x", "X-Good": "bad\nvalue"},
    }
    refused = await put(world, {"kind": "http", "settings": settings}, 400)
    assert {one["pointer"] for one in refused["errors"]} == {"/settings/method"}
    settings |= {
        "method": "PUT",
        "body": "items[",
        "auth": {"type": "basic"},
        "rules": [{"outcome": "rejected", "code": "nonsense", "status": ["6xx", 42], "when": "length("}],
        "lookUp": {"url": "http://10.0.0.1/orders"},
    }
    body = {"kind": "http", "settings": settings, "secrets": {"other": "x"}}
    refused = await put(world, body, 400)
    assert {one["pointer"] for one in refused["errors"]} == {
        "/settings/url", "/settings/headers/Host", "/settings/headers/X-Good", "/settings/body",
        "/settings/auth/username", "/settings/rules/0/code", "/settings/rules/0/status/0", "/settings/rules/0/status/1",
        "/settings/rules/0/when", "/settings/lookUp/url", "/secrets/password", "/secrets/other",
    }  # fmt: skip
    for one in refused["errors"]:
        assert one["message"].startswith(one["pointer"])
    assert await rows(migrated_url, "SELECT * FROM source_delivery") == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "fax"}, "/kind"),
        ({}, "/kind"),
        ({"kind": "poll", "settings": {"url": "x"}}, "/settings/url"),
        ({"kind": "http", "settings": {"url": "https://a.example", "surprise": 1}}, "/settings/surprise"),
        ({"kind": "http", "settings": {"url": "https://a.example"}, "policy": {"attempts": 0}}, "/policy/attempts"),
        ({"kind": "http", "settings": {"url": "https://{number}.example/"}}, "/settings/url"),
        ({"kind": "http", "settings": {"url": "https://169.254.169.254/latest"}}, "/settings/url"),
        ({"kind": "http", "settings": {"url": "https://[::ffff:10.1.2.3]/"}}, "/settings/url"),
        (
            {
                "kind": "http",
                "settings": {"url": "https://a.example", "signature": {"scheme": "standard-webhooks"}},
                "secrets": {"signingSecret": "whsec_short"},
            },
            "/secrets/signingSecret",
        ),
    ],
)
async def test_what_cannot_be_right_is_refused(world: World, body: Any, pointer: str) -> None:
    assert [one["pointer"] for one in (await put(world, body, 400))["errors"]] == [pointer]


async def test_only_the_account_sees_and_sets_it(world: World) -> None:
    for token in ("src", "chn"):
        assert (await world.client(token).get(path(world))).status == 401
    theirs = f"/source/{world.theirs.sources[0]}/delivery"
    assert (await world.client().get(theirs)).status == 404
    assert (await world.client().call("PUT", theirs, json=PUT)).status == 404
    assert (await world.client().post(f"{theirs}/test", json={})).status == 404
    assert (await world.client().get("/source/none/delivery")).status == 404


async def test_trying_it_out_sends_nothing_unless_asked(world: World) -> None:
    async with Supplier() as supplier:
        settings = {"url": supplier.url, "auth": {"type": "header", "name": "X-Key"}, "rules": RULES,
                    "signature": {"scheme": "hmac"}}  # fmt: skip
        secrets = {"value": "s3cret", "signingSecret": "also s3cret"}
        await put(world, {"kind": "http", "settings": settings, "secrets": secrets})
        id_ = await world.request()
        reply = await world.client().post(f"{path(world)}/test", json={"fulfillmentRequestId": id_})
        assert reply.status == 200, reply.body
        shown = reply.json()
        assert shown["result"] is None
        assert f'"id":{id_}' in shown["request"]["body"]
        assert shown["request"]["headers"]["X-Key"] == shown["request"]["headers"]["X-Signature"] == "***"
        assert "s3cret" not in reply.body.decode()
        assert not supplier.book
        sent = (await world.client().post(f"{path(world)}/test", json={"send": True})).json()
        assert supplier.book == {"TEST-1": 1}
        assert supplier.headers[0]["X-Key"] == "s3cret"
        assert (sent["result"]["outcome"], sent["result"]["confirmationNumber"]) == ("delivered", "S-TEST-1")
        both = await world.client().post(f"{path(world)}/test", json={"send": True, "fulfillmentRequestId": id_})
        assert both.status == 400
        foreign = await world.request(source=1)
        reply = await world.client().post(f"{path(world)}/test", json={"fulfillmentRequestId": foreign})
        assert reply.status == 404


async def test_what_looks_like_a_credential_is_not_shown_again(world: World) -> None:
    """Some suppliers want two: the second one can only be a plain header."""
    headers = {"X-Api-Key": "s3cret", "Cookie": "id=s3cret", "Accept-Language": "en"}
    async with Supplier() as supplier:
        settings = {"url": supplier.url, "auth": {"type": "bearer"}, "headers": headers, "rules": RULES}
        await put(world, {"kind": "http", "settings": settings, "secrets": {"token": "t0ken"}})
        reply = await world.client().post(f"{path(world)}/test", json={"send": True})
        assert reply.status == 200, reply.body
        assert "s3cret" not in reply.body.decode()
        shown = reply.json()["request"]["headers"]
        assert [shown[name] for name in headers] == ["***", "***", "en"]
        assert [supplier.headers[0][name] for name in headers] == ["s3cret", "id=s3cret", "en"]


async def test_there_is_nothing_to_try_where_a_source_polls(world: World) -> None:
    reply = await world.client().post(f"{path(world)}/test", json={})
    assert (reply.status, reply.json()["errors"][0]["code"]) == (400, "nothing_to_try")


async def test_a_request_that_was_never_tried_has_no_attempts(world: World) -> None:
    id_ = await world.request()
    assert (await world.client().get(f"/fulfillment-requests/{id_}/attempts")).json() == []
    assert (await world.client("src").get(f"/fulfillment-requests/{id_}/attempts")).status == 401
    stranger = world.client(merchant=world.theirs)
    assert (await stranger.get(f"/fulfillment-requests/{id_}/attempts")).status == 404


async def test_numbers_with_a_point_are_numbers(world: World) -> None:
    settings = {"url": "https://a.example", "timeoutS": 2.5, "connectTimeoutS": 1e-1,
                "lookUp": {"url": "https://a.example/{number}", "afterS": [0.5, 1.0, 2]}}  # fmt: skip
    done = await put(world, {"kind": "http", "settings": settings})
    assert (done["settings"]["timeoutS"], done["settings"]["connectTimeoutS"]) == (2.5, 0.1)
    assert done["settings"]["lookUp"]["afterS"] == [0.5, 1.0, 2]


@pytest.mark.parametrize(
    ("settings", "pointer", "quoted"),
    [
        ({"headers": {"Content-Length": "5"}}, "/settings/headers/Content-Length", '"Content-Length"'),
        ({"headers": {"X Y": "5"}}, "/settings/headers/X Y", '"X Y"'),
        ({"headers": {"authorization": "Bearer s3cr"}}, "/settings/headers/authorization", 'Set it as auth {"type": "header"'),
        ({"headers": {"Cookie": "id=1"}}, "/settings/headers/Cookie", "stored and shown as they are"),
        ({"idempotencyHeader": "Host"}, "/settings/idempotencyHeader", '"Host"'),
        ({"auth": {"type": "header", "name": "Transfer-Encoding"}}, "/settings/auth/name", '"Transfer-Encoding"'),
        ({"signature": {"scheme": "hmac", "header": "content-length"}}, "/settings/signature/header", '"content-length"'),
        ({"signature": {"scheme": "hmac", "header": "a\nb"}}, "/settings/signature/header", '"a\\nb"'),
        ({"signature": {"scheme": "hmac", "prefix": "v1\r\n="}}, "/settings/signature/prefix", '"v1\\r\\n="'),
        ({"signature": {"scheme": "hmac", "prefix": "é"}}, "/settings/signature/prefix", '"\\u00e9"'),
        ({"body": "items[::0]"}, "/settings/body", "step is 0"),
        ({"body": "{n: lenght(items)}"}, "/settings/body", "calls lenght(), which is no function"),
        ({"rules": [{"outcome": "delivered", "when": "a && join(body.b)"}]}, "/settings/rules/0/when", "calls join() with 1 argument; it takes 2"),
        ({"url": "https://a.example/{not_null()}"}, "/settings/url", "holds {not_null()}, which calls not_null() with 0 arguments; it takes 1 or more"),
    ],
)
async def test_what_could_never_leave_is_refused(world: World, settings: Any, pointer: str, quoted: str) -> None:
    secrets = {"value": "x"} if "auth" in settings else {"signingSecret": "x"} if "signature" in settings else {}
    refused = await put(world, {**PUT, "settings": {**PUT["settings"], **settings}, "secrets": secrets}, 400)  # type: ignore[dict-item]
    (fault,) = refused["errors"]
    assert fault["pointer"] == pointer
    assert quoted in fault["message"]


STANDARD = {"signature": {"scheme": "standard-webhooks"}}


@pytest.mark.parametrize(
    ("settings", "pointer", "other"),
    [
        ({"headers": {"idempotency-KEY": "1"}}, "/settings/headers/idempotency-KEY", "/settings/idempotencyHeader"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "/settings/headers/x-a", "/settings/headers/X-A"),
        ({"headers": {"Authorization": "1"}, "auth": {"type": "bearer"}}, "/settings/headers/Authorization", "/settings/auth"),
        ({"auth": {"type": "header", "name": "Idempotency-Key"}}, "/settings/auth/name", "/settings/idempotencyHeader"),
        ({"signature": {"scheme": "hmac", "header": "Idempotency-Key"}}, "/settings/signature/header", "/settings/idempotencyHeader"),
        ({"headers": {"Webhook-Id": "1"}, **STANDARD}, "/settings/headers/Webhook-Id", "/settings/signature"),
        ({"idempotencyHeader": "webhook-id", **STANDARD}, "/settings/signature", "/settings/idempotencyHeader"),
    ],
)  # fmt: skip
async def test_no_header_is_set_twice(world: World, settings: Any, pointer: str, other: str) -> None:
    """One would be lost: a source that knows doubles by their key would not know them any more."""
    auth, secrets = settings.get("auth"), {}
    if auth is not None:
        secrets = {"value" if auth["type"] == "header" else "token": "x"}
    if "signature" in settings:
        secrets = {"signingSecret": "whsec_" + "A" * 32}
    body = {"kind": "http", "settings": {"url": "https://a.example", **settings}, "secrets": secrets}
    refused = await put(world, body, 400)
    (fault,) = refused["errors"]
    assert fault["pointer"] == pointer
    assert fault["message"].endswith(f": {other} sets that header, too.")


@pytest.mark.parametrize("body", ["merge({number: number}, carrier && {c: carrier})", "{n: to_number('nan')}", "sum(number)"])
async def test_trying_it_out_says_what_cannot_be_written(world: World, body: str) -> None:
    await put(world, {"kind": "http", "settings": {"url": "https://a.example", "body": body}})
    id_ = await world.request()
    for asked in ({}, {"send": True}, {"fulfillmentRequestId": id_}):
        reply = await world.client().post(f"{path(world)}/test", json=asked)
        assert reply.status == 200, reply.body
        shown = reply.json()
        assert (shown["request"], shown["result"]["outcome"]) == (None, "rejected")
        assert shown["result"]["message"].startswith("The request cannot be written for this source: ")


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ('{"url": 5}', "The settings of this source cannot be used"),
        ('{"url": "https://a.example", "body": "[::0]"}', "step is 0"),
        ('{"url": "https://a.example", "signature": {"scheme": "hmac", "prefix": "a\\n"}}', "/settings/signature/prefix"),
        ("nonsense", "a defect of the hub"),
    ],
)
async def test_trying_out_settings_of_an_older_release_says_what_is_wrong(world: World, stored: str, words: str) -> None:
    await put(world, PUT)
    sql = "UPDATE source_delivery SET settings = $1"
    await world.hub.store.write(lambda tx: tx.execute(sql, stored))  # type: ignore[attr-defined]
    reply = await world.client().post(f"{path(world)}/test", json={"send": True})
    assert reply.status == 200, reply.body
    assert reply.json()["result"]["outcome"] == "rejected"
    assert words in reply.json()["result"]["message"]


async def test_trying_out_a_request_that_cannot_be_read_says_so(world: World) -> None:
    await put(world, PUT)
    id_ = await world.request()
    sql = "UPDATE fulfillment_request SET shipping_address = 'nonsense'"
    await world.hub.store.write(lambda tx: tx.execute(sql))  # type: ignore[attr-defined]
    reply = await world.client().post(f"{path(world)}/test", json={"fulfillmentRequestId": id_})
    assert reply.status == 200, reply.body
    assert "a defect of the hub" in reply.json()["result"]["message"]


async def test_an_answer_that_no_rule_can_judge_is_shown_when_trying_it_out(world: World) -> None:
    async with Supplier() as supplier:
        rules = [{"outcome": "delivered", "when": "merge(@, body.none)", "message": "text"}]
        await put(world, {"kind": "http", "settings": {"url": supplier.url, "rules": rules}})
        reply = await world.client().post(f"{path(world)}/test", json={"send": True})
        assert reply.status == 200, reply.body
        result = reply.json()["result"]
    assert (result["outcome"], result["response"]["status"]) == ("unknown", 201)
    assert "/settings/rules/0" in result["message"]


async def test_secrets_that_cannot_be_decrypted_are_asked_for_again(world: World, migrated_url: str) -> None:
    await put(world, TOKEN)
    await rows(migrated_url, "UPDATE source_delivery SET secrets = 'sealed:1:0123456789abcdef:AAAA'")
    shown = (await world.client().get(path(world))).json()
    assert (shown["kind"], shown["secretsSet"]) == ("http", [])
    tried = await world.client().post(f"{path(world)}/test", json={"send": True})
    assert tried.status == 200
    assert "cannot be decrypted" in tried.json()["result"]["message"]
    refused = await put(world, {**TOKEN, "secrets": {}}, 400)  # there is nothing that could be kept
    assert [(one["pointer"], one["code"]) for one in refused["errors"]] == [("/secrets/token", "required")]
    assert (await put(world, TOKEN))["secretsSet"] == ["token"]


async def test_what_an_answer_repeats_of_a_secret_is_not_kept(world: World) -> None:
    async with Supplier() as supplier:
        supplier.mood = lambda order, time: "accept"
        kind = world.hub.kinds["http"]
        settings = {"url": supplier.url, "auth": {"type": "bearer"}}
        recipient = kind.open(*kind.check(settings, {"token": "S-token-of-the-supplier"}, {}))
        document = {**SAMPLE, "number": "token-of-the-supplier"}  # which the supplier repeats as S-token-of-the-supplier
        result = await recipient.send(recipient.write(document))
        assert supplier.headers[-1]["Authorization"] == "Bearer S-token-of-the-supplier"
        assert "S-token" not in repr(result)
        assert "***" in (result.response or "")
        await kind.close()
