"""The main job: `PATCH /fulfillment-requests/{id}/processing-failed` (contract sections 1, 2.3, 1.4)."""

import asyncio
import json
from urllib.parse import quote

import pytest

from tests.support.world import World
from waypost.domain.statuses import STATUSES, Status

FAIL = "/fulfillment-requests/{}/processing-failed?error={}"
REASONS = [
    "The supplier has no stock", "Lager leer: ß → 你好", "مخزون غير متوفر", "𝒳 astral", "a" * 2000, "é" * 2000,
    "line one\nline two", "100% + 1 & = ?", "'; DROP TABLE event; --",
]  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
async def test_a_failure_keeps_its_reason_whole(world: World, reason: str) -> None:
    client, id_ = world.client(), await world.request()
    reply = await client.patch(FAIL.format(id_, quote(reason, safe="")))
    assert (reply.status, reply.body, reply.headers["etag"]) == (204, b"", '"2"')
    shown = (await client.get(f"/fulfillment-requests/{id_}")).json()
    assert shown["fulfillmentRequestStatus"] == {"name": "Processing Error", "handle": "processing_error"}
    assert shown["processingErrorReason"] == shown["failure"]["message"] == reason
    assert shown["failure"]["code"] == "other"
    assert shown["failure"]["failedBy"]["type"] == "account"
    events = (await client.get(f"/fulfillment-requests/{id_}/events")).json()
    assert [event["type"] for event in events] == ["fulfillment_request.generated", "fulfillment_request.failed"]
    assert events[-1]["reason"] == reason
    assert events[-1]["requestId"] == reply.headers["x-request-id"]


@pytest.mark.parametrize("status", list(Status))
async def test_it_is_allowed_from_two_statuses_only(world: World, status: Status) -> None:
    client, id_ = world.client(), await world.request(status)
    before = (await client.get(f"/fulfillment-requests/{id_}")).body
    reply = await client.patch(FAIL.format(id_, "x"))
    if status in (Status.PROCESSING, Status.PROCESSED):
        assert reply.status == 204
        return
    problem = reply.json()
    assert (reply.status, problem["code"]) == (400, "not_allowed_from_status")
    assert problem["currentStatus"] == STATUSES[status].name
    assert "fail" not in problem["allowedActions"]
    assert problem["message"] == problem["detail"]
    assert (await client.get(f"/fulfillment-requests/{id_}")).body == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"", "required"), (b"error=", "blank"), (b"error=%20%09%0a", "blank"), (b"error=" + b"a" * 2001, "too_long"),
        (b"error=" + "é".encode().hex(" ").replace(" ", "").encode(), None), (b"error=a&error=b", "repeated_parameter"),
        (b"error=a%00b", "bad_characters"), (b"error=%zz", "bad_encoding"), (b"error=%4", "bad_encoding"),
        (b"error=%ff%fe", "bad_encoding"), (b"error=%ed%a0%80", "bad_encoding"), (b"error=x&code=nonsense", "unknown_value"),
        (b"error=x&code=x_", "unknown_value"), (b"error=x&retryable=perhaps", "not_a_boolean"), (b"error=x&itemIds=1,b", "not_an_id"),
        (b"error=x&dryRun=maybe", "not_a_boolean"),
    ],
)  # fmt: skip
async def test_bad_reasons_are_refused_and_change_nothing(world: World, query: bytes, code: str | None) -> None:
    client, id_ = world.client(), await world.request()
    reply = await client.patch(f"/fulfillment-requests/{id_}/processing-failed?".encode() + query)
    if code is None:
        assert reply.status == 204
        return
    assert reply.status == 400
    assert [error["code"] for error in reply.json()["errors"]] == [code]
    shown = (await client.get(f"/fulfillment-requests/{id_}")).json()
    assert (shown["version"], shown["fulfillmentRequestStatus"]["name"]) == (1, "Processing")


async def test_all_faults_are_told_at_once(world: World) -> None:
    id_ = await world.request()
    target = f"/fulfillment-requests/{id_}/processing-failed?error=&code=no&retryable=2&itemIds=x"
    reply = await world.client().patch(target, headers={"If-Match": "3", "Idempotency-Key": ""})
    named = {error.get("parameter") or error.get("header") for error in reply.json()["errors"]}
    assert named == {"error", "code", "retryable", "itemIds", "If-Match", "Idempotency-Key"}


@pytest.mark.parametrize(
    "id_", ["١٢", "1_0", "+1", "1" * 40, "[object%20Object]", "abc", "-1", "1.0", "0", "9" * 19, "999999999", "%20"]
)
async def test_what_is_no_id_names_nothing(world: World, id_: str) -> None:
    target = f"/fulfillment-requests/{id_}/processing-failed?error=x".encode()
    assert (await world.client().patch(target)).status == 404


@pytest.mark.parametrize("token", ["acc", "src", "chn"])
async def test_every_type_of_token_may_fail_what_is_its_own(world: World, token: str) -> None:
    id_ = await world.request()
    assert (await world.client(token).patch(FAIL.format(id_, "x"))).status == 204
    events = (await world.client().get(f"/fulfillment-requests/{id_}/events")).json()
    assert events[-1]["actor"]["type"] == {"acc": "account", "src": "source", "chn": "channel"}[token]


async def test_what_is_foreign_looks_like_what_does_not_exist(world: World) -> None:
    id_, hidden = await world.request(), await world.request(Status.UNPROCESSED)
    unknown = await world.client().patch(FAIL.format(987654321, "x"))
    attempts = [
        (world.client("src2"), id_), (world.client("chn2"), id_), (world.client("acc", world.theirs), id_),
        (world.client("src", world.theirs), id_), (world.client("src"), hidden), (world.client("chn", world.theirs), id_),
    ]  # fmt: skip
    for client, foreign in attempts:
        reply = await client.patch(FAIL.format(foreign, "x"))
        assert reply.status == 404
        differing = ("instance", "requestId")
        assert {k: v for k, v in reply.json().items() if k not in differing} == {
            k: v for k, v in unknown.json().items() if k not in differing
        }
    assert (await world.client().get(f"/fulfillment-requests/{id_}")).json()["version"] == 1


async def test_companions_are_kept(world: World) -> None:
    client, id_ = world.client("src"), await world.request()
    lines = (await client.get(f"/fulfillment-requests/{id_}")).json()["fulfillmentRequestItems"]
    target = FAIL.format(id_, "gone") + f"&code=out_of_stock&retryable=true&itemIds={lines[1]['id']}"
    assert (await client.patch(target)).status == 204
    failure = (await world.client().get(f"/fulfillment-requests/{id_}")).json()["failure"]
    assert failure["code"] == "out_of_stock"
    assert failure["retryable"] is True
    assert failure["itemIds"] == [lines[1]["id"]]
    assert failure["attempt"] == 1
    # The source sees who failed it by type only (contract section 2.7).
    seen = (await client.get(f"/fulfillment-requests/{id_}")).json()["failure"]["failedBy"]
    assert seen == {"type": "source", "id": None, "name": None}


async def test_a_foreign_item_is_refused(world: World) -> None:
    id_, other = await world.request(), await world.request()
    lines = (await world.client().get(f"/fulfillment-requests/{other}")).json()["fulfillmentRequestItems"]
    reply = await world.client().patch(FAIL.format(id_, "x") + f"&itemIds={lines[0]['id']}")
    assert reply.status == 400
    assert reply.json()["errors"][0]["parameter"] == "itemIds"
    assert (await world.client().get(f"/fulfillment-requests/{id_}")).json()["version"] == 1


async def test_it_is_the_reason_only_while_it_stands(world: World) -> None:
    client, id_ = world.client(), await world.request()
    await client.patch(FAIL.format(id_, "first"))
    reply = await client.patch(f"/fulfillment-requests/{id_}/process")
    assert reply.json()["processingErrorReason"] is None
    assert reply.json()["failure"] is None
    assert reply.json()["attemptCount"] == 2
    reasons = [event["reason"] for event in (await client.get(f"/fulfillment-requests/{id_}/events")).json()]
    assert reasons == [None, "first", None]


async def test_a_dry_run_tells_and_changes_nothing(world: World) -> None:
    client, id_ = world.client(), await world.request()
    reply = await client.patch(FAIL.format(id_, "x") + "&dryRun=true", headers={"Idempotency-Key": "k"})
    assert reply.status == 200
    assert reply.json() == {
        "dryRun": True, "from": "Processing", "to": "Processing Error", "change": "move", "wouldReplyStatus": 204,
    }  # fmt: skip
    assert (await client.get(f"/fulfillment-requests/{id_}")).json()["version"] == 1
    assert (await client.patch(FAIL.format(id_, "other"), headers={"Idempotency-Key": "k"})).status == 204


async def test_if_match(world: World) -> None:
    client, id_ = world.client(), await world.request(Status.PROCESSED)
    target = FAIL.format(id_, "x")
    for stale in ('"1"', 'W/"2"', '"abc"', '"1", W/"2"'):
        reply = await client.patch(target, headers={"If-Match": stale})
        assert (reply.status, reply.json()["code"]) == (412, "precondition_failed")
    for malformed in ("2", '"2', "", "W/2"):
        reply = await client.patch(target, headers={"If-Match": malformed})
        assert (reply.status, reply.json()["errors"][0]["header"]) == (400, "If-Match")
    reply = await client.patch(target, headers={"If-Match": '"1", "2"'})
    assert (reply.status, reply.headers["etag"]) == (204, '"3"')
    assert (await client.patch(f"/fulfillment-requests/{id_}/process", headers={"If-Match": "*"})).status == 200


async def test_an_idempotency_key_replays_the_same_bytes(world: World) -> None:
    client, id_ = world.client(), await world.request()
    key = {"Idempotency-Key": "try-1"}
    first = await client.patch(FAIL.format(id_, "x"), headers=key)
    again = await client.patch(FAIL.format(id_, "x"), headers=key)
    assert (again.status, again.body, again.headers["etag"]) == (first.status, first.body, first.headers["etag"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert (await client.patch(FAIL.format(id_, "other"), headers=key)).status == 422
    other = await world.request()
    assert (await client.patch(FAIL.format(other, "x"), headers=key)).status == 422
    # A refusal frees the key: the same key works once the call can be done.
    refused = {"Idempotency-Key": "try-2"}
    assert (await client.patch(FAIL.format(id_, "x"), headers=refused)).status == 400
    await client.patch(f"/fulfillment-requests/{id_}/process")
    assert (await client.patch(FAIL.format(id_, "x"), headers=refused)).status == 204


async def test_a_key_in_progress_is_refused_at_once(world: World) -> None:
    client, id_ = world.client(), await world.request()
    key = {"Idempotency-Key": "same"}
    replies = await asyncio.gather(*(client.patch(FAIL.format(id_, "x"), headers=key) for _ in range(5)))
    applied = [reply for reply in replies if reply.status == 204 and "idempotent-replayed" not in reply.headers]
    assert len(applied) == 1
    # One that comes after the first has ended is a replay; those that come meanwhile are refused, never waiting.
    assert {reply.status for reply in replies} <= {204, 409}
    assert 409 in {reply.status for reply in replies}


async def test_the_log_tells_what_happened_and_nothing_secret(world: World, log) -> None:  # type: ignore[no-untyped-def]
    id_ = await world.request()
    reply = await world.client().patch(FAIL.format(id_, "x"), headers={"X-Request-Id": "my-call.1"})
    assert reply.headers["x-request-id"] == "my-call.1"
    await world.client().with_token("wp_wrong").patch(FAIL.format(id_, "x"))
    await asyncio.sleep(0)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (lines[0]["id"], lines[0]["operation"], lines[0]["status"]) == ("my-call.1", "fail_fulfillment_request", 204)
    assert (lines[1]["status"], lines[1]["why"]) == (401, "unknown")
    assert "wp_" not in log.getvalue()
