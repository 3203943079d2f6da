"""The client's core: requests, waits and retries, decided without any input or output."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from waypost_client import core, errors, webhooks
from waypost_client.operations import OPERATIONS

NATIVE = core.settings_of("http://127.0.0.1:1/", " wp_token ", None, 5)
ORIGINAL = core.settings_of("https://api.flxpoint.com", "token", None, 5)
FAIL = OPERATIONS["fail_fulfillment_request"]
GET = OPERATIONS["get_fulfillment_request"]


def reply(status: int, headers: Mapping[str, str] | None = None, **document: object) -> core.Reply:
    return core.Reply(status, headers or {}, json.dumps(document).encode())


def fail(settings: core.Settings = NATIVE, key: str | None = None, dry_run: bool = False) -> core.Call:
    return core.build(settings, FAIL, (7,), {"error": "Grüße & 1+1", "itemIds": [1, 2]}, None, key, 3, dry_run)


def test_a_call_is_built_as_the_wire_wants_it() -> None:
    call = fail(key="mine")
    assert (call.method, call.url) == ("PATCH", "http://127.0.0.1:1/fulfillment-requests/7/processing-failed")
    assert call.query == (("error", "Grüße & 1+1"), ("itemIds", "1"), ("itemIds", "2"))
    assert call.headers["X-API-TOKEN"] == "wp_token"
    assert (call.headers["Idempotency-Key"], call.headers["If-Match"]) == ("mine", '"3"')
    assert call.repeatable


def test_every_change_gets_a_key_of_its_own() -> None:
    keys = {fail().headers["Idempotency-Key"] for _ in range(50)}
    assert len(keys) == 50
    assert "Idempotency-Key" not in core.build(NATIVE, GET, (7,), {}, None, None, None, False).headers
    dry = fail(dry_run=True)
    assert "Idempotency-Key" not in dry.headers
    assert ("dryRun", "true") in dry.query


def test_the_originals_server_is_told_nothing_that_it_does_not_know() -> None:
    call = fail(ORIGINAL)
    assert not {"Idempotency-Key", "If-Match"} & call.headers.keys()
    assert not call.repeatable
    with pytest.raises(ValueError, match="dry run"):
        fail(ORIGINAL, dry_run=True)
    assert core.settings_of("https://flxpoint.com.example", "t", None, 5).native
    assert not core.settings_of("http://127.0.0.1", "t", False, 5).native


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://x", "http://"])
def test_a_base_url_is_checked(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        core.settings_of(url, "t", None, 5)


def test_values_are_written_as_the_contract_reads_them() -> None:
    moment = datetime(2026, 4, 20, 2, tzinfo=timezone(timedelta(hours=2)))
    assert core.written(moment) == "2026-04-20T00:00:00.000000Z"
    assert core.written(datetime(2026, 4, 20)) == core.written(datetime(2026, 4, 20, tzinfo=UTC))
    assert [core.written(one) for one in (True, False, 12, "x")] == ["true", "false", "12", "x"]


@pytest.mark.parametrize(
    ("answer", "native", "original"),
    [
        (reply(429, {"retry-after": "2"}), 2.0, 2.0),
        (reply(503, applied="no"), 0.125, 0.125),
        (reply(503, applied="unknown"), 0.125, None),
        (reply(503, {"retry-after": "3"}, applied="no"), 3.0, 3.0),
        (reply(502), 0.125, None),
        (reply(409, code="idempotency_key_in_progress"), 0.125, 0.125),
        (reply(409, code="already_exists"), None, None),
        (reply(400, code="invalid_input"), None, None),
        (reply(404), None, None),
        (reply(429, {"retry-after": "3600"}), None, None),
    ],
)
def test_only_what_cannot_be_applied_twice_is_repeated(
    answer: core.Reply, native: float | None, original: float | None
) -> None:
    assert core.wait_before_retry(fail(), answer, 1, 5, 0.0) == native
    assert core.wait_before_retry(fail(ORIGINAL), answer, 1, 5, 0.0) == original
    assert core.wait_before_retry(fail(), answer, 5, 5, 0.0) is None


def test_a_lost_reply_is_asked_for_again_only_with_a_key() -> None:
    assert core.wait_after_failure(fail(), True, 1, 5, 0.0) == 0.125
    assert core.wait_after_failure(fail(ORIGINAL), True, 1, 5, 0.0) is None
    assert core.wait_after_failure(fail(ORIGINAL), False, 2, 5, 0.0) == 0.25
    assert core.wait_after_failure(fail(), True, 5, 5, 0.0) is None
    assert core.backoff_s(30, 0.999) <= core.LONGEST_WAIT_S


def pool(used: int) -> dict[str, str]:
    return {"x-auth-pool-size": "2", "x-auth-pool-used": str(used), "x-auth-replenished-per-second": "2"}


def test_the_pacer_keeps_within_the_pool() -> None:
    pacer = core.Pacer()
    assert [pacer.reserve(0.0) for _ in range(3)] == [0.0, 0.0, 0.0]  # nothing is known yet
    pacer.learn(pool(1), 10.0)
    assert pacer.reserve(10.0) == 0.0
    assert pacer.reserve(10.0) == 0.5
    assert pacer.reserve(10.0) == 1.0
    pacer.learn(pool(0), 10.1)  # an older reply, late: the turns given out stand
    assert pacer.reserve(10.1) > 1.0
    assert pacer.reserve(100.0) == 0.0
    pacer.learn({"x-auth-pool-size": "many"}, 100.0)
    pacer.learn({}, 100.0)


def test_errors_carry_their_document() -> None:
    refused = errors.error_of(400, {}, json.dumps({
        "code": "not_allowed_from_status", "message": "no", "currentStatus": "Canceled", "allowedActions": [],
        "requestId": "r-1",
    }).encode())  # fmt: skip
    assert isinstance(refused, errors.NotAllowed)
    assert (refused.current_status, refused.allowed_actions, refused.request_id) == ("Canceled", [], "r-1")
    other = errors.error_of(401, {}, b'{"code":"wrong_token_type","tokenTypes":["account","source"]}')
    assert isinstance(other, errors.Unauthorized)
    assert (other.code, other.token_types) == ("wrong_token_type", ["account", "source"])
    unknown = errors.error_of(401, {}, b'{"code":"unauthorized"}')
    assert isinstance(unknown, errors.Unauthorized)
    assert unknown.token_types == []
    invalid = errors.error_of(400, {}, b'{"code":"invalid_input","errors":[{"parameter":"error"}]}')
    assert isinstance(invalid, errors.InvalidInput)
    assert invalid.errors == [{"parameter": "error"}]
    other_content = errors.error_of(409, {}, b'{"code":"already_exists","differs":[{"pointer":"/orderItems/0/price"}]}')
    assert isinstance(other_content, errors.Conflict)
    assert other_content.differs == ["/orderItems/0/price"]
    broken = errors.error_of(502, {"retry-after": "7"}, b"<html>bad gateway</html>")
    assert isinstance(broken, errors.Unavailable)
    assert (broken.code, broken.retry_after_s, broken.applied) == ("http_502", 7, None)
    kinds = {status: type(errors.error_of(status, {}, b"{}")).__name__ for status in (401, 404, 409, 412, 422, 429, 418)}
    assert kinds == {401: "Unauthorized", 404: "NotFound", 409: "Conflict", 412: "Stale", 422: "Conflict",
                     429: "RateLimited", 418: "ApiError"}  # fmt: skip
    call = core.build(NATIVE, GET, (7,), {}, None, None, None, False)
    with pytest.raises(errors.ApiError, match="no JSON"):
        core.read(call, core.Reply(200, {}, b"<html>"))


SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def signed(body: bytes, secret: str = SECRET, at: int = 1000) -> dict[str, str]:
    made = webhooks._signature(secret, f"msg_1.{at}.".encode() + body)
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": f"v1a,xyz v1,{made}"}


def test_webhooks_are_verified() -> None:
    other = "whsec_" + base64.b64encode(b"another secret of 24 byt").decode()
    assert webhooks.verify(SECRET, signed(b'{"a":1}'), b'{"a":1}', 1100) == {"a": 1}
    assert webhooks.verify([other, SECRET], signed(b"{}"), b"{}", 1100) == {}
    for secret, headers, body, now in (
        (SECRET, signed(b"{}"), b'{"a":2}', 1000),
        (other, signed(b"{}"), b"{}", 1000),
        (SECRET, signed(b"{}"), b"{}", 1301),
        (SECRET, signed(b"{}"), b"{}", 699),
        (SECRET, {"webhook-id": "msg_1"}, b"{}", 1000),
        (SECRET, {**signed(b"{}"), "Webhook-Timestamp": "soon"}, b"{}", 1000),
    ):
        with pytest.raises(webhooks.BadSignature):
            webhooks.verify(secret, headers, body, now)
